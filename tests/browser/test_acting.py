"""What can be done with a clip under its card: rated, gone on from, looked at, taken further, thrown away and brought back."""

from __future__ import annotations

import functools
import http.server
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.loopback import serving
from tests.media.clips import make as render
from tests.patience import PATIENCE

from .notebook import FREEZE, in_both_hosts

PROJECT = Path(__file__).parents[2]
PHOTO = PROJECT / "notebooks" / "coffee.jpg"

PROMPT = "steam rises slowly, morning light moves across the table"
MAKE = f"""
import mjvideo_nb as mj
job = mj.video("coffee.jpg", prompt={PROMPT!r}, motion="high")
job
"""
PLAYS = "card => { const all = [...card.querySelectorAll('video')]; return all.length > 0 && all.every(v => v.currentTime > 0.2); }"
LINES = """card => [...card.querySelectorAll('.mj-acts')].map(acts => {
    const middles = [...acts.querySelectorAll('button, a')].filter(b => b.offsetParent)
        .map(b => { const r = b.getBoundingClientRect(); return Math.round((r.top + r.height / 2) / 8); });
    return new Set(middles).size; })"""
STICKS_OUT = """card => [...card.querySelectorAll('*')]
    .filter(n => n.getBoundingClientRect().right > card.getBoundingClientRect().right + 1 && n.offsetParent)
    .map(n => `${n.className}: ${n.textContent.slice(0, 80)}`)"""
COPIED = "() => window.mjCopied"
CATCH_COPIES = "() => { navigator.clipboard.writeText = async text => { window.mjCopied = text; }; }"


@pytest.fixture
def made(notebooks):
    """A notebook with a job's card whose four clips play, and a cell that keeps the kernel busy."""
    notebook = notebooks.new([MAKE, FREEZE], files=[PHOTO]).open()
    notebook.run_cell(0)
    card = card_of(notebook)
    expect(card.locator("video")).to_have_count(4, timeout=1000 * PATIENCE)
    notebook.page.wait_for_function(PLAYS, arg=card.element_handle())
    return notebook


def card_of(notebook, cell=0):
    return notebook.cell(cell).locator(".mj-card").first


def star(card, clip, count):
    return card.get_by_role("button", name=f"[{clip}], {count} star")


def choose(notebook, clip, words):
    """What somebody does in the menu behind "more" of a clip."""
    card_of(notebook).get_by_role("button", name=f"More for [{clip}]").click()
    notebook.page.get_by_role("menuitem", name=words).click()


@in_both_hosts
def test_stars_are_given_by_mouse_and_keys_kept_and_there_again_tomorrow(made):
    card, keyboard = card_of(made), made.page.keyboard
    cells = made.page.locator(".jp-Cell").count()
    star(card, 1, 4).click()
    expect(star(card, 1, 4)).to_have_attribute("aria-pressed", "true")
    star(card, 2, 1).focus()
    keyboard.press("ArrowRight")
    expect(star(card, 2, 2)).to_be_focused()
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    expect(star(card, 2, 3)).to_have_attribute("aria-pressed", "true")
    keyboard.press("5")
    expect(star(card, 2, 5)).to_have_attribute("aria-pressed", "true")
    star(card, 0, 2).click()
    star(card, 0, 2).click()
    expect(star(card, 0, 2)).to_have_attribute("aria-pressed", "false")
    card.get_by_role("button", name="Extend [3], low motion").focus()
    keyboard.press("3")
    expect(star(card, 3, 3)).to_have_attribute("aria-pressed", "true")
    assert made.page.locator(".jp-Cell").count() == cells
    assert (
        card.locator(".mj-acts")
        .first.get_by_role("button")
        .evaluate_all("all => all.filter(b => b.classList.contains('mj-star') && b.tabIndex === 0).length")
        == 1
    )

    assert made.console_errors == []
    made.save()
    made.reopen()
    made.run_cell(0)
    expect(star(card_of(made), 1, 4)).to_have_attribute("aria-pressed", "true", timeout=1000 * PATIENCE)
    expect(star(card_of(made), 2, 5)).to_have_attribute("aria-pressed", "true")
    expect(card_of(made).locator(".mj-star[aria-pressed=true]")).to_have_count(3)


@pytest.mark.long
@in_both_hosts
def test_a_busy_kernel_is_waited_for_and_a_kernel_that_is_gone_is_said(made):
    card, page = card_of(made), made.page
    page.evaluate(CATCH_COPIES)
    made.run_cell(1)
    made.wait_for_file("frozen")
    # What needs no kernel goes on.
    choose(made, 0, "Copy the prompt")
    page.wait_for_function(COPIED)
    assert page.evaluate(COPIED) == PROMPT
    expect(card.get_by_text("Prompt copied")).to_be_attached()
    with page.expect_download() as download:
        card.get_by_role("link", name="Download [1]").click()
    assert download.value.suggested_filename == "steam-rises-slowly-morning-light-moves-across-th-1.mp4"
    assert download.value.path().read_bytes() == next(made.folder.glob("mjvideo/clips/*/1.mp4")).read_bytes()
    choose(made, 1, "Open large")
    large = page.get_by_role("dialog")
    page.wait_for_function("v => v.currentTime > 0.1", arg=large.locator("video").element_handle())
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    # What needs it shows at once what was meant, and says that it waits.
    star(card, 3, 4).click()
    expect(star(card, 3, 4)).to_have_attribute("aria-pressed", "true")
    expect(card.get_by_text("[3] The stars are not kept yet. Waiting for the kernel.")).to_be_visible()
    made.screenshot("acting-busy-kernel")
    (made.folder / "let-go").write_bytes(b"")
    made.wait_idle()
    expect(card.locator(".mj-notices")).to_be_empty()
    expect(star(card, 3, 4)).to_have_attribute("aria-pressed", "true")

    made.restart_kernel()
    star(card, 0, 5).click()
    expect(card.get_by_text("[0] The stars were not kept. There is no kernel behind this card")).to_be_visible()
    expect(star(card, 0, 5)).to_have_attribute("aria-pressed", "false")
    made.screenshot("acting-no-kernel")
    choose(made, 1, "Delete")
    expect(card.locator(".mj-notices")).to_contain_text("[1]")
    expect(card.locator("video")).to_have_count(4)


@pytest.mark.long
def test_the_last_frame_and_the_frame_shown_become_first_frames(made):
    card, page = card_of(made), made.page
    card.get_by_role("button", name="Pause").click()
    card.get_by_label("Seek").fill("2.02")
    page.wait_for_function(
        "c => [...c.querySelectorAll('video')].every(v => Math.abs(v.currentTime - 2.02) < 0.02)",
        arg=card.element_handle(),
    )
    choose(made, 2, "last frame")
    form = made.cell(0).locator(".mj-form")
    expect(form.get_by_text("last frame of [2] · 768 × 512")).to_be_visible(timeout=1000 * PATIENCE)
    expect(form.locator("textarea").first).to_have_value(PROMPT)
    expect(form.get_by_role("button", name="High")).to_have_class(re.compile("mod-active"))
    made.screenshot("acting-frame")
    choose(made, 1, "frame shown")
    expect(form).to_have_count(2, timeout=1000 * PATIENCE)
    expect(form.first.get_by_text("[1] at 2.0 s · 768 × 512")).to_be_visible()

    form.first.get_by_role("button", name="Generate").click()
    expect(made.cell(0).locator(".mj-card").nth(1)).to_contain_text("[1] at 2.0 s", timeout=1000 * PATIENCE)
    form.nth(1).get_by_role("button", name="Generate").click()
    expect(made.cell(0).locator(".mj-card")).to_have_count(3, timeout=1000 * PATIENCE)
    clips = next(iter((made.folder / "mjvideo" / "clips").iterdir()))
    kept = [pixels(path) for path in (made.folder / "mjvideo" / "frames").glob("*.png")]
    assert len(kept) == 2
    for wanted in (frames_of(clips / "2.mp4")[-1], frames_of(clips / "1.mp4")[48]):
        # Decoders differ in how they turn YUV into RGB, and not in which frame is the last.
        assert min(np.abs(wanted - picture).mean() for picture in kept) < 2.5
    assert made.console_errors == []


def frames_of(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def pixels(path):
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_clip_goes_on_with_a_prompt_of_its_own_and_typing_is_no_command(made):
    card, page = card_of(made), made.page
    cells = page.locator(".jp-Cell").count()
    choose(made, 1, "another prompt")
    field = card.get_by_label("Prompt for what comes after [1]")
    expect(field).to_be_focused()
    expect(field).to_have_value(PROMPT)
    expect(card.get_by_role("button", name="Pause", exact=True)).to_be_visible()  # it plays
    page.keyboard.type("b k <b>it begins to rain</b> 5")
    expect(field).to_have_value("b k <b>it begins to rain</b> 5")
    # As the bar has it: a video of its own also stands still for a moment where another has run dry.
    assert card.get_by_role("button", name="Pause", exact=True).is_visible()
    assert page.locator(".jp-Cell").count() == cells
    expect(star(card, 1, 5)).to_have_attribute("aria-pressed", "false")
    expect(card.locator(".mj-own-price").nth(1)).to_have_text("free in the sandbox")
    made.screenshot("acting-own")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    expect(card.get_by_role("button", name="More for [1]")).to_be_focused()
    choose(made, 1, "another prompt")
    field.fill("it begins to rain")
    card.get_by_role("button", name="Extend [1] with this prompt, low motion").click()
    longer = made.cell(0).locator(".mj-card").nth(1)
    expect(longer.locator(".mj-title")).to_have_text("it begins to rain", timeout=1000 * PATIENCE)
    expect(longer.get_by_text("[1] of task").first).to_be_visible()
    assert made.console_errors == []


def test_a_video_is_deleted_without_a_question_and_comes_back_with_undo(made):
    card, page = card_of(made), made.page
    card.get_by_role("button", name="More for [2]").focus()
    page.keyboard.press("Enter")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("b")  # JupyterLab would insert a cell
    page.keyboard.press("End")
    expect(menu.get_by_role("menuitem", name="Delete")).to_be_focused()
    made.screenshot("acting-menu")
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(card.get_by_role("button", name="More for [2]")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(card.locator("video")).to_have_count(0)
    undo = card.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(card.get_by_text("In the trash. What it cost stays counted")).to_be_visible()
    made.screenshot("acting-deleted")
    page.keyboard.press("Enter")
    expect(card.locator("video")).to_have_count(4)
    page.wait_for_function(PLAYS, arg=card.element_handle())
    assert page.locator(".jp-Cell").count() == 2
    assert made.console_errors == []


@pytest.mark.long
def test_a_clip_is_opened_large_and_everything_fits_at_every_width(made):
    card, page = card_of(made), made.page
    star(card, 1, 4).click()
    assert card.evaluate(LINES) == [1] * 4
    choose(made, 1, "Open large")
    large = page.get_by_role("dialog")
    expect(large).to_contain_text(f"[1] {PROMPT}")
    page.wait_for_function(
        "v => v.currentTime > 0.1 && v.clientWidth > 1000", arg=large.locator("video").element_handle()
    )
    assert card.locator(".mj-clip video").evaluate_all("all => all.every(v => v.paused)")
    made.screenshot("acting-large")
    page.keyboard.press("PageDown")
    expect(large).to_contain_text(f"[2] {PROMPT}")
    large.get_by_role("button", name="Next clip").click()
    large.get_by_role("button", name="Next clip").click()
    expect(large).to_contain_text(f"[0] {PROMPT}")
    page.keyboard.press("Escape")
    expect(large).to_have_count(0)
    expect(card.get_by_role("button", name="More for [1]")).to_be_focused()

    for dark in (False, True):
        made.theme(dark=dark)
        for width in (1280, 720, 360):
            made.resize(width)
            card.scroll_into_view_if_needed()
            made.screenshot(f"acting-{width}-{'dark' if dark else 'light'}")
            assert card.evaluate(STICKS_OUT) == [], f"at {width} px"
    assert made.console_errors == []


STAGES = """
import ipywidgets
from pathlib import Path
from mjvideo_nb.notebook.stage import Stage
path = next(Path("mjvideo/clips").glob("*/0.mp4")).as_posix()
CARD = dict(chips=[], sandbox=True, origin="", state="done", headline="", progress=100, elapsed=1.0, error=None, chain=[],
            choices=[], note="", can_extend=False, price="")

def stage(number, count=4, **callbacks):
    clips = [dict(index=i, path=path, url=None, name="clip.mp4", label=f"<b>clip</b> {i}") for i in range(count)]
    return Stage(card={**CARD, "title": f"card {number}", "task_id": f"t{number}", "clips": clips}, on_extend=print,
                 on_choice=print, read_clip=bytes, **callbacks)
"""
HUNDRED = f"{STAGES}\nipywidgets.VBox([stage(n) for n in range(100)])"
MANY = f"{STAGES}\nrated = []\nstage('many', 24, on_rate=lambda *rating: rated.append(rating))"
VIDEOS_ON = "() => document.querySelectorAll('.mj-card video[src]').length"
SHOWN = """where => [...where.querySelectorAll('.mj-screen')]
    .every(s => s.style.backgroundImage || s.querySelector('video[src]')?.readyState >= 2)"""
FIRST_IN_SIGHT = "card => [...card.querySelectorAll('video')].every(v => v.hasAttribute('src') && v.readyState >= 2)"


@pytest.fixture
def stages(notebooks):
    """Makes a notebook with one clip beside it and cells, of which the first shows stages of it."""

    def make(*cells):
        notebook = notebooks.new(cells)
        folder = notebook.folder / "mjvideo" / "clips" / "task"
        folder.mkdir(parents=True)
        render(folder / "0.mp4", 125, size=(384, 256))
        notebook.open()
        notebook.run_cell(0)
        notebook.wait_idle()
        return notebook

    return make


@pytest.mark.long
def test_of_a_hundred_cards_only_those_near_have_players_and_each_goes_on_where_it_was(stages):
    notebook = stages(HUNDRED)
    page = notebook.page
    cards = notebook.cell(0).locator(".mj-card")
    expect(cards).to_have_count(100)
    first = cards.first
    first.scroll_into_view_if_needed()
    page.wait_for_function(PLAYS, arg=first.element_handle())
    first.get_by_role("button", name="Pause").click()
    time = first.locator("video").first.evaluate("v => v.currentTime")
    assert time > 0

    most = 0
    for number in (20, 40, 60, 80, 99):
        cards.nth(number).scroll_into_view_if_needed()
        page.wait_for_function(FIRST_IN_SIGHT, arg=cards.nth(number).element_handle())
        most = max(most, page.evaluate(VIDEOS_ON))
    assert 4 <= most <= 16
    assert first.locator("video[src]").count() == 0
    still = first.locator(".mj-screen").first.evaluate("box => getComputedStyle(box).backgroundImage")
    assert still.startswith('url("data:image/jpeg;base64,')

    first.scroll_into_view_if_needed()
    page.wait_for_function(FIRST_IN_SIGHT, arg=first.element_handle())
    assert first.locator("video").evaluate_all("all => all.map(v => v.currentTime)") == pytest.approx(
        [time] * 4, abs=0.05
    )
    assert first.locator("video").evaluate_all("all => all.every(v => v.paused)")
    notebook.save()
    assert "data:image/jpeg" not in notebook.saved_text()
    assert notebook.console_errors == []


@pytest.mark.long
def test_on_a_card_of_very_many_clips_those_looked_at_play_and_the_others_are_stills(stages):
    notebook = stages(MANY)
    page, card = notebook.page, card_of(notebook)
    expect(card.locator("video")).to_have_count(24)
    page.wait_for_function("() => document.querySelectorAll('.mj-card video[src]').length === 16")
    page.wait_for_function(SHOWN, arg=card.element_handle())
    notebook.screenshot("acting-many")
    last = card.locator(".mj-clip").last
    last.scroll_into_view_if_needed()
    page.wait_for_function("clip => clip.querySelector('video[src]')?.readyState >= 2", arg=last.element_handle())
    assert page.evaluate(VIDEOS_ON) == 16
    # What its owner takes has controls, and nothing else; the labels are text.
    expect(card.locator(".mj-badge", has_text="<b>clip</b> 3")).to_be_visible()
    expect(card.get_by_text("Extend", exact=True).first).to_be_hidden()
    last.get_by_role("button", name="3 stars").click()
    expect(last.get_by_role("button", name="3 stars")).to_have_attribute("aria-pressed", "true")
    last.get_by_role("button", name="More for").click()
    assert last.get_by_role("menuitem").all_inner_texts() == ["Copy the prompt", "Open large"]
    assert notebook.console_errors == []


HOSTILE = {
    "markup": "<img src=x onerror=\"document.title='run'\"> & <b>bold</b> </textarea><script>document.title='run'</script>",
    "long": "wind " * 2000,
    "one word": "w" * 10_000,
    "right to left": "البخار يتصاعد ببطء من الفنجان، وضوء الصباح يتحرك على الطاولة (1) <b>",
    "emoji": "☕️🌬️👩🏽‍🎨🏳️‍🌈 🇨🇭 e\u0301\u0323 \u202eback to front",
}
WORDS = f"""{STAGES}
HOSTILE = {HOSTILE!r}
def hostile(number, words):
    one = stage(number, 4, on_rate=print, on_frame=print, on_delete=print)
    clips = [{{**clip, "label": words if clip["index"] == 3 else None, "name": words[:60]}} for clip in one.card["clips"]]
    one.show({{**one.card, "title": words, "chips": ["high"], "can_extend": True, "price": "about 0.60 USD", "clips": clips}})
    return one
ipywidgets.VBox([hostile(*words) for words in enumerate(HOSTILE.values())])
"""


@pytest.mark.long
def test_words_from_outside_are_words_whatever_they_are(stages):
    notebook = stages(WORDS)
    page, cards = notebook.page, notebook.cell(0).locator(".mj-card")
    page.evaluate(CATCH_COPIES)
    notebook.resize(1280, 2100)
    expect(cards).to_have_count(len(HOSTILE))
    for number, (kind, words) in enumerate(HOSTILE.items()):
        card = cards.nth(number)
        card.scroll_into_view_if_needed()
        page.wait_for_function(SHOWN, arg=card.element_handle())
        assert card.locator(".mj-title").text_content() == words
        assert card.locator(".mj-badge").nth(3).text_content() == words
        more = card.locator(".mj-more-acts")
        more.nth(3).click()
        card.get_by_role("menuitem", name="Copy").click()
        page.wait_for_function("words => window.mjCopied === words", arg=words)
        more.nth(0).click()
        card.get_by_role("menuitem", name="another prompt").click()
        assert card.locator("textarea").first.input_value() == words
        more.nth(0).click()
        card.get_by_role("menuitem", name="Open large").click()
        assert page.get_by_role("dialog").locator(".mj-large-title").text_content() == f"[0] {words}"
        if kind in {"markup", "right to left"}:
            notebook.screenshot(f"acting-large-{kind.replace(' ', '-')}")
        page.keyboard.press("Escape")
        assert card.locator("img, script, b:has-text('bold')").count() == 0
        assert card.evaluate(STICKS_OUT) == [], kind
    notebook.screenshot("acting-words", notebook.cell(0))
    notebook.resize(360, 1200)
    notebook.screenshot("acting-words-360")
    assert page.title() != "run"
    assert notebook.console_errors == []


class Elsewhere(http.server.SimpleHTTPRequestHandler):
    """A site whose clips play and cannot be read: it allows no other origin."""

    def log_message(self, *args):
        pass


@pytest.fixture
def elsewhere(tmp_path):
    """The address of a clip on another site."""
    render(tmp_path / "clip.mp4", 48, size=(384, 256))
    handler = functools.partial(Elsewhere, directory=str(tmp_path))
    with serving(handler) as url:
        yield f"{url}/clip.mp4"


@pytest.mark.long
def test_a_frame_of_another_sites_clip_comes_by_the_kernel_or_it_is_said_why_not(stages, elsewhere):
    cell = f"""{STAGES}
taken = []
def from_elsewhere(title, read):
    one = Stage(card={{**CARD, "title": title, "task_id": title, "clips": []}}, on_extend=print, on_choice=print,
                read_clip=read, on_frame=lambda *frame: taken.append(frame))
    one.show({{**one.card, "clips": [dict(index=0, path=None, url={elsewhere!r}, name="clip.mp4")]}})
    return one
def gone(index):
    raise OSError("Its file is gone.")
ipywidgets.VBox([from_elsewhere("here", lambda index: Path(path).read_bytes()), from_elsewhere("gone", gone)])
"""
    notebook = stages(cell, "[(index, at, data[:4]) for index, at, data in taken]")
    cards = notebook.cell(0).locator(".mj-card")
    said = ("The frame is in a form below the card", "plays from another site")
    for card, words in zip(cards.all(), said, strict=True):
        notebook.page.wait_for_function(PLAYS, arg=card.element_handle())
        assert card.locator("video").first.get_attribute("src") == elsewhere
        card.get_by_role("button", name="More for [0]").click()
        card.get_by_role("menuitem", name="last frame").click()
        expect(card.get_by_text(words).first).to_be_attached()  # it does not stay for long
    expect(cards.nth(1).locator(".mj-notices")).to_contain_text("plays from another site")
    expect(cards.nth(1).locator(".mj-notices")).to_contain_text(
        "Download it, and choose a frame of it in a form. Its file is gone."
    )
    notebook.screenshot("acting-elsewhere")
    notebook.run_cell(1)
    notebook.wait_idle()
    expect(notebook.cell(1)).to_contain_text("[(0, None, b'\\x89PNG')]")
