"""The exported page as somebody opens it who was sent the file: from `file:`, in a browser, with nothing behind it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import expect

from mjvideo_nb.notebook.export import Show, ShownClip, write_page

from .pages import PAGE_MILLISECONDS

FRAME = 1 / 24
FRAMES = 125
MARKUP = "</h2><script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\"> & petals"

# The page's own policy forbids `wait_for_function`, which compiles its text in the page; this one waits in a promise.
UNTIL = """([number, condition]) => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`waited in vain for: ${condition}`)), 240_000);
    let row = 0;
    const holds = {
        play: videos => videos.every(video => video.currentTime > 0.3 && !video.paused),
        ready: videos => videos.every(video => video.readyState >= 3 && !video.seeking),
        still: videos => videos.every(video => video.paused && !video.seeking),
        together: videos => {
            const times = videos.map(video => video.currentTime);
            const near = !videos.some(video => video.seeking) && Math.max(...times) - Math.min(...times) <= 1 / 24;
            row = near ? row + 1 : 0;
            return row >= 6;
        },
        slow: videos => videos.every(video => Math.abs(video.playbackRate - 0.5) < 0.15),
        asleep: videos => videos.every(video => !video.hasAttribute('src')),
    }[condition];
    const look = () => {
        const videos = [...document.querySelectorAll('.mj-show')[number].querySelectorAll('video')];
        if (videos.length && holds(videos)) resolve();
        else requestAnimationFrame(look);
    };
    look();
})"""
TIMES = "number => [...document.querySelectorAll('.mj-show')[number].querySelectorAll('video')].map(v => v.currentTime)"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Four clips as the service sends them: H.264, 125 frames at 24 a second."""
    folder = tmp_path_factory.mktemp("clips")
    for index in range(4):
        with av.open(str(folder / f"{index}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 384, 256, "yuv420p"
            for number in range(FRAMES):
                picture = np.full((256, 384, 3), 40 + 40 * index, np.uint8)
                picture[:, number * 3 : number * 3 + 12] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
    return tuple(ShownClip(index, folder / f"{index}.mp4", rating=index or None) for index in range(4))


def show(clips, **changes):
    whole = {
        "title": "petals open",
        "chips": ("high", "480p"),
        "origin": "tulip.jpg",
        "task_id": "1773314942177684",
        "made": None,
        "clips": clips,
    }
    return Show(**{**whole, **changes})


class Reader:
    """A page in a browser, and all that it asked for and complained about."""

    def __init__(self, context, path: Path) -> None:
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri(), wait_until="domcontentloaded")

    def until(self, condition: str, number: int = 0) -> None:
        self.page.evaluate(UNTIL, [number, condition])

    def times(self, number: int = 0) -> list[float]:
        return self.page.evaluate(TIMES, number)


@pytest.fixture
def read(chromium):
    """``read(path, **options)``: open a page in a browser of its own; options are those of a Playwright context."""
    with contextlib.ExitStack() as stack:

        def open_page(path, **options):
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
            context.set_default_timeout(PAGE_MILLISECONDS)
            stack.callback(context.close)
            return Reader(context, path)

        yield open_page


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_four_clips_play_in_step_out_of_a_file_and_nothing_is_asked_of_anybody(tmp_path, clips, read, videos):
    path = write_page(tmp_path / "my show #1.html", [show(clips, title=MARKUP)], videos=videos)
    reader = read(path)
    page = reader.page
    reader.until("play")
    reader.until("together")
    reader.until("play")

    expect(page.get_by_role("heading", level=2)).to_have_text(MARKUP)
    assert page.title() == "Videos"
    assert page.locator(".mj-show img").count() == 0
    for words in ("high", "480p", "5.2 s", "tulip.jpg", "task 1773314942177684"):
        expect(page.get_by_text(words).first).to_be_visible()

    folder = path.parent.as_uri() + "/"
    asked = [url for url in reader.requests if not url.startswith(("blob:", "data:"))]
    assert all(url.startswith(folder) for url in asked), asked
    assert len(set(asked)) == (1 if videos == "inside" else 5)
    assert reader.complaints == []


@pytest.mark.long
def test_a_clip_that_has_fallen_behind_is_brought_back(tmp_path, clips, read):
    reader = read(write_page(tmp_path / "show.html", [show(clips)]))
    reader.until("play")
    reader.page.evaluate("document.querySelectorAll('video')[2].currentTime -= 0.15")
    reader.until("together")
    reader.until("play")
    assert reader.complaints == []


def test_the_bar_and_the_keys_move_all_clips_as_one(tmp_path, clips, read):
    reader = read(write_page(tmp_path / "show.html", [show(clips)]))
    page = reader.page
    reader.until("play")

    page.keyboard.press(" ")
    reader.until("still")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    before = reader.times()
    assert max(before) - min(before) < 0.001

    page.keyboard.press("ArrowRight")
    reader.until("still")
    page.keyboard.press("ArrowRight")
    reader.until("still")
    after = reader.times()
    assert max(after) - min(after) < 0.001
    assert int(after[0] / FRAME) - int(before[0] / FRAME + 0.01) == 2

    page.get_by_role("button", name="One frame back").click()
    reader.until("still")
    assert int(after[0] / FRAME) - int(reader.times()[0] / FRAME) == 1

    page.get_by_role("slider", name="Seek").fill("4")
    reader.until("still")
    assert reader.times() == pytest.approx([4] * 4, abs=0.01)

    page.get_by_role("combobox", name="Speed").select_option("0.5")
    page.get_by_role("button", name="Play").click()
    reader.until("play")
    reader.until("slow")
    assert reader.complaints == []


@pytest.mark.long
def test_the_key_goes_to_the_show_that_has_the_focus(tmp_path, clips, read):
    reader = read(
        write_page(tmp_path / "show.html", [show(clips), show(clips)]), viewport={"width": 1280, "height": 1200}
    )
    reader.until("play", 0)
    reader.until("play", 1)
    reader.page.get_by_role("slider", name="Seek").nth(1).focus()
    reader.page.keyboard.press(" ")
    reader.until("still", 1)
    reader.until("play", 0)


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_only_what_is_in_sight_plays_and_only_what_is_near_is_open(tmp_path, clips, read, videos):
    reader = read(write_page(tmp_path / "show.html", [show(clips)] * 10, videos=videos))
    page = reader.page
    reader.until("play", 0)
    assert page.locator("video[src]").count() < 20
    reader.until("asleep", 9)

    page.get_by_role("button", name="Pause").first.click()
    reader.until("still", 0)
    page.get_by_role("slider", name="Seek").first.fill("3")
    reader.until("still", 0)
    left = reader.times(0)
    page.locator(".mj-show").last.scroll_into_view_if_needed()
    reader.until("play", 9)
    reader.until("asleep", 0)

    # Back at the first, which goes on from where it was left.
    page.locator(".mj-show").first.scroll_into_view_if_needed()
    reader.until("ready", 0)
    expect(page.locator(".mj-time").first).to_contain_text("3.")
    reader.until("still", 0)
    assert reader.times(0) == pytest.approx(left, abs=0.001)
    assert reader.complaints == []


@pytest.mark.long
def test_whoever_wants_no_motion_gets_stills_to_begin_with(tmp_path, clips, read):
    reader = read(write_page(tmp_path / "show.html", [show(clips)]), reduced_motion="reduce")
    reader.until("ready")
    reader.until("still")
    assert reader.times() == [0] * 4
    reader.page.get_by_role("button", name="Play").click()
    reader.until("play")


@pytest.mark.long
def test_a_file_that_was_left_behind_is_named_and_the_others_play(tmp_path, clips, read):
    path = write_page(tmp_path / "show.html", [show(clips)], videos="beside")
    (tmp_path / "show_files" / "1773314942177684-2.mp4").unlink()
    page = read(path).page
    lost = page.get_by_role("group", name="Clip [2]")
    expect(lost.get_by_text("show_files/1773314942177684-2.mp4 is not beside this page")).to_be_visible()
    expect(page.locator(".mj-time")).not_to_have_text("0.0 / 5.2 s")
    expect(page.locator(".mj-time")).to_contain_text("/ 5.2 s")


@pytest.mark.long
def test_a_page_that_arrived_in_part_plays_what_arrived(tmp_path, clips, read):
    path = write_page(tmp_path / "show.html", [show(clips)])
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b'id="clip-0-3"') + 2_000])
    page = read(path).page
    expect(page.get_by_role("group", name="Clip [3]").get_by_text("This page is not whole")).to_be_visible()
    expect(page.locator(".mj-time")).to_contain_text("/ 5.2 s")
    expect(page.locator(".mj-time")).not_to_have_text("0.0 / 5.2 s")


def test_without_scripts_the_page_can_be_read_and_its_files_be_played(tmp_path, clips, read):
    beside = read(write_page(tmp_path / "a.html", [show(clips)], videos="beside"), java_script_enabled=False).page
    expect(beside.get_by_text("petals open")).to_be_visible()
    expect(beside.get_by_text("480p")).to_be_visible()
    assert beside.locator("video[controls]").count() == 4
    inside = read(write_page(tmp_path / "b.html", [show(clips)]), java_script_enabled=False).page
    expect(inside.get_by_text("petals open")).to_be_visible()
    expect(inside.locator("noscript")).to_be_visible()
    assert "they play only where its script may run" in inside.locator("noscript").evaluate("node => node.innerText")


def test_a_clip_can_be_saved_out_of_the_page(tmp_path, clips, read):
    page = read(write_page(tmp_path / "show.html", [show(clips)])).page
    with page.expect_download() as download:
        page.get_by_role("link", name="Download [2]").click()
    assert download.value.suggested_filename == "petals-open-2.mp4"
    assert Path(download.value.path()).read_bytes() == clips[2].path.read_bytes()


@pytest.mark.default_cases(1)
@pytest.mark.parametrize("width", [390, 320, 720, 1280, 3840])
def test_the_page_is_never_wider_than_the_window(tmp_path, clips, read, width):
    title = "an endless prompt " * 30 + "x" * 300
    path = write_page(tmp_path / "show.html", [show(clips, title=title, chips=("high",) * 9), show(clips[:1])])
    page = read(path, viewport={"width": width, "height": 900}).page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    card = page.locator(".mj-show").first.bounding_box()
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= width
    for part in page.locator(".mj-show .mj-chip, .mj-show .mj-bar button:visible").all():
        box = part.bounding_box()
        assert card["x"] <= box["x"]
        assert box["x"] + box["width"] <= card["x"] + card["width"]


@pytest.mark.long
def test_the_page_is_as_light_or_dark_as_the_system(tmp_path, clips, read):
    path = write_page(tmp_path / "show.html", [show(clips)])
    grounds = {
        scheme: read(path, color_scheme=scheme).page.evaluate(
            "getComputedStyle(document.querySelector('main')).backgroundColor"
        )
        for scheme in ("light", "dark")
    }
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 20, 24)"}
