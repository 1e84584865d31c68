"""The exported page as a file: what is in it, what must never be in it, and what is left when it cannot be written."""

from __future__ import annotations

import base64
import hashlib
import re
import resource
import struct
import tracemalloc
from contextlib import contextmanager
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.notebook.export import Show, ShownClip, write_page

from .markup import MAKES_MARKUP

TASK = "1773314942177684"
MARKUP = '</h2><script>alert("x")</script><img src=x onerror=alert(1)> & \u2028'


def mp4(content: bytes) -> bytes:
    """The smallest file that is whole as a container."""
    boxes = [(b"ftyp", b"isom\0\0\0\0"), (b"moov", b""), (b"mdat", content)]
    return b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in boxes)


@pytest.fixture
def clips(tmp_path: Path) -> tuple[ShownClip, ...]:
    folder = tmp_path / "library"
    folder.mkdir()
    made = [ShownClip(index, folder / f"{index}.mp4", rating=index or None) for index in range(4)]
    for clip in made:
        clip.path.write_bytes(mp4(b"picture %d" % clip.index * 1000))
    return tuple(made)


def show(clips: tuple[ShownClip, ...], **changes: Any) -> Show:
    whole = {
        "title": "petals open",
        "chips": ("high", "480p"),
        "origin": "tulip.jpg",
        "task_id": TASK,
        "made": datetime(2026, 3, 9, 8, 5, tzinfo=UTC),
        "clips": clips,
    }
    return Show(**{**whole, **changes})


class Reader(HTMLParser):
    """A page as a browser takes it apart."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, list[str]] = {"script": [], "style": []}
        self.data: dict[str, str] = {}
        self._in: list[str] = []
        self._block = ""
        self.feed(path.read_text(encoding="utf-8"))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.held:
            self._in.append(tag)
            self._block = dict(attrs).get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._in:
            self._in.remove(tag)
            self._block = ""

    def handle_data(self, data: str) -> None:
        if self._block:
            self.data[self._block] = self.data.get(self._block, "") + data
        elif self._in:
            self.held[self._in[-1]].append(data)
        else:
            self.text += data


def test_the_page_says_what_made_the_clips(tmp_path, clips):
    steps = ("0–5 s: low · petals open", "5–9 s: high · they fall")
    page = write_page(
        tmp_path / "show.html", [show(clips, steps=steps, note="for the lecture", sandbox=True)], title="Tulips"
    )
    text = Reader(page).text
    for words in ("Tulips", "1 video, 4 clips", "petals open", "high", "480p", "tulip.jpg", f"task {TASK}", *steps):
        assert words in text
    assert "9 Mar 2026, 08:05" in text
    assert "for the lecture" in text
    assert "Sandbox" in text
    assert "★★★★★" in text


def test_a_page_without_the_sandbox_does_not_speak_of_it(tmp_path, clips):
    assert "Sandbox" not in Reader(write_page(tmp_path / "show.html", [show(clips)])).text


def test_inside_the_page_holds_every_byte_of_every_clip(tmp_path, clips):
    page = Reader(write_page(tmp_path / "show.html", [show(clips), show(clips[:1])]))
    screens = [attributes["data-block"] for attributes in page.all("div") if "data-block" in attributes]
    assert len(screens) == 5
    for screen, clip in zip(screens, [*clips, clips[0]], strict=True):
        assert base64.b64decode(page.data[screen], validate=True) == clip.path.read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["show.html"]


def test_a_clip_longer_than_a_piece_is_whole(tmp_path, clips, monkeypatch):
    monkeypatch.setattr("mjvideo_nb.notebook.export.PIECE", 3 * 7)
    page = Reader(write_page(tmp_path / "show.html", [show(clips)]))
    assert base64.b64decode(page.data["clip-0-3"], validate=True) == clips[3].path.read_bytes()


def test_beside_the_page_lie_its_clips_under_names_that_an_address_can_hold(tmp_path, clips):
    written = write_page(tmp_path / "show #1 – 100%.html", [show(clips)], videos="beside")
    page = Reader(written)
    assert page.data == {}
    files = [attributes["data-file"] for attributes in page.all("div") if "data-file" in attributes]
    assert [unquote(name) for name in files] == [f"show #1 – 100%_files/{TASK}-{index}.mp4" for index in range(4)]
    for name, clip in zip(files, clips, strict=True):
        assert not set(name) & set("# ?")
        assert (written.parent / unquote(name)).read_bytes() == clip.path.read_bytes()
    assert [video["src"] for video in page.all("video")] == files, "what plays where no scripts run"
    assert all("controls" in video for video in page.all("video"))


def test_a_task_id_cannot_lead_out_of_the_folder(tmp_path, clips):
    write_page(tmp_path / "show.html", [show(clips[:1], task_id="../../up")], videos="beside")
    assert sorted(path.name for path in (tmp_path / "show_files").iterdir()) == ["up-0.mp4"]


def test_two_clips_of_the_same_name_are_both_kept(tmp_path, clips):
    others = (ShownClip(0, clips[1].path), clips[0])
    written = write_page(tmp_path / "show.html", [show(clips[:1]), show(others)], videos="beside")
    files = [attributes["data-file"] for attributes in Reader(written).all("div") if "data-file" in attributes]
    contents = [(tmp_path / name).read_bytes() for name in files]
    assert contents == [clip.path.read_bytes() for clip in (clips[0], *others)]
    assert len(set(files)) == 2


def test_a_page_can_be_written_again_out_of_its_own_clips(tmp_path, clips):
    write_page(tmp_path / "show.html", [show(clips[:1])], videos="beside")
    own = tmp_path / "show_files" / f"{TASK}-0.mp4"
    write_page(tmp_path / "show.html", [show((ShownClip(0, own),))], videos="beside")
    assert own.read_bytes() == clips[0].path.read_bytes()


@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_nothing_from_outside_becomes_markup(tmp_path, clips, videos):
    plain = show(clips, chips=("high",), steps=("step",), note="note")
    hostile = show(
        clips, title=MARKUP, chips=(MARKUP,), origin=MARKUP, task_id=MARKUP, steps=(MARKUP,), note=MARKUP + "note"
    )
    expected = Reader(write_page(tmp_path / "plain.html", [plain], title="t", videos=videos))
    page = Reader(write_page(tmp_path / "hostile.html", [hostile], title=MARKUP, videos=videos))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in expected.tags]
    assert [set(attributes) for _, attributes in page.tags] == [set(attributes) for _, attributes in expected.tags]
    assert page.text.count(MARKUP) >= 6


@pytest.mark.parametrize("prompt", ["half of a character \ud83d", "nul \0", "\u202eturned", " "])
def test_an_odd_prompt_is_no_reason_to_fail(tmp_path, clips, prompt):
    assert "4 clips" in Reader(write_page(tmp_path / "show.html", [show(clips, title=prompt)])).text


@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_the_policy_lets_nothing_in_but_the_page_s_own_script_and_style(tmp_path, clips, videos):
    page = Reader(write_page(tmp_path / "show.html", [show(clips)], videos=videos))
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    (script,), (style,) = page.held["script"], page.held["style"]
    assert rules.pop("script-src") == allowed(script)
    assert rules.pop("style-src") == allowed(style)
    assert rules == {
        "default-src": "'none'",
        "media-src": "blob:" if videos == "inside" else "'self' file:",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not any("style" in attributes for _, attributes in page.tags), "the policy would forbid it"


def allowed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_script_writes_no_markup_and_does_not_end_early(tmp_path, clips):
    page = Reader(write_page(tmp_path / "show.html", [show(clips)]))
    (script,) = page.held["script"]
    for words in (*MAKES_MARKUP, "<!--", "</script"):
        assert words not in script


@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_no_place_of_this_machine_is_in_the_page(tmp_path, clips, videos):
    text = write_page(tmp_path / "show.html", [show(clips)], videos=videos).read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert tmp_path.name not in text
    assert re.findall(r"https?://[^\s\"']+", text) == ["http://www.w3.org/2000/svg"]


def test_the_same_shows_make_the_same_page(tmp_path, clips):
    pages = [write_page(tmp_path / name, [show(clips)]).read_bytes() for name in ("a.html", "b.htm")]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"path": "show.pdf"}, "path"),
        ({"path": "show"}, "path"),
        ({"videos": "within"}, "videos"),
        ({"shows": []}, "jobs"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_written(tmp_path, clips, change, field):
    whole = {"path": "show.html", "shows": [show(clips)], "videos": "inside", **change}
    with pytest.raises(InvalidRequest) as error:
        write_page(tmp_path / whole["path"], whole["shows"], videos=whole["videos"])
    assert error.value.field == field
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.unlink(), "its file is gone"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "it is cut short"),
        (lambda path: path.write_bytes(b"<html>login</html>"), "not a video but a web page"),
    ],
)
def test_a_clip_that_is_not_whole_is_named_with_the_remedy(tmp_path, clips, damage, why):
    damage(clips[2].path)
    with pytest.raises(InvalidRequest, match=re.escape(why)) as error:
        write_page(tmp_path / "show.html", [show(clips)], videos="beside")
    assert error.value.field == "jobs"
    assert f"clip [2] of task {TASK}" in str(error.value)
    assert f'mj.open("{TASK}")' in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


def test_a_place_that_is_none_is_said(tmp_path, clips):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="could not be written") as error:
        write_page(tmp_path / "file" / "show.html", [show(clips)])
    assert error.value.field == "path"


def test_folders_on_the_way_are_made(tmp_path, clips):
    assert write_page(tmp_path / "talks" / "march" / "show.html", [show(clips)]).is_file()


@contextmanager
def no_file_larger_than(size: int):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("videos", ["inside", "beside"])
def test_a_disk_that_takes_no_more_leaves_the_page_of_before(tmp_path, clips, videos):
    page = write_page(tmp_path / "show.html", [show(clips[:1])], videos=videos)
    before = page.read_bytes()
    big = ShownClip(1, tmp_path / "library" / "big.mp4")
    big.path.write_bytes(mp4(bytes(1_000_000)))
    with no_file_larger_than(500_000), pytest.raises(InvalidRequest, match="could not be written") as error:
        write_page(page, [show((*clips[:1], big))], videos=videos)
    assert error.value.field == "path"
    assert page.read_bytes() == before
    assert list(tmp_path.rglob("*.part")) == []


def test_memory_does_not_grow_with_the_clips(tmp_path):
    clip = ShownClip(0, tmp_path / "0.mp4")
    clip.path.write_bytes(mp4(bytes(4_000_000)))
    tracemalloc.start()
    try:
        page = write_page(tmp_path / "show.html", [show((clip,) * 4)] * 5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert page.stat().st_size > 100_000_000
    assert peak < 12_000_000
