"""The field for a frame: what is picked is checked and used, and nothing of it but a small preview is kept in the notebook."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import mjvideo_nb as mj
from mjvideo_nb.errors import InvalidRequest, LibraryError
from mjvideo_nb.frames import load
from mjvideo_nb.library import Library
from mjvideo_nb.notebook import gallery
from mjvideo_nb.notebook.gallery import Gallery
from mjvideo_nb.notebook.picker import Picker
from mjvideo_nb.notebook.preview import MAX_PREVIEW
from tests.patience import PATIENCE

from .markup import MAKES_MARKUP

PREVIEW = "data:image/jpeg;base64,AAAA"


class Field:
    """A picker and the messages that leave for its browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, library: Any = None) -> None:
        self.picker = Picker(Gallery(lambda: library))
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        self._answered = threading.Event()
        monkeypatch.setattr(self.picker, "_send", self._keep)

    def _keep(self, message: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append(message)
        self.buffers.append(buffers or [])
        if message["method"] == "custom":
            self._answered.set()

    def receive(self, kind: str, *buffers: bytes, **content: Any) -> dict[str, Any]:
        """The answer to a message of the browser."""
        self._answered.clear()
        self.picker._handle_custom_msg({"kind": kind, "id": 7, **content}, list(buffers))
        assert self._answered.wait(PATIENCE)
        return self.sent[-1]["content"]


@pytest.fixture
def library(tmp_path):
    library = Library(tmp_path / "library")
    yield library
    library.close()


@pytest.fixture
def field(monkeypatch, library, tmp_path):
    """In a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Field(monkeypatch, library)


def test_a_file_is_used_shown_and_acknowledged(field, photo):
    answer = field.receive("file", photo.read_bytes(), name="tulip.jpg", preview=PREVIEW)
    assert answer == {"kind": "picked", "id": 7}
    assert field.picker.frame.data == photo.read_bytes()
    assert (field.picker.preview, field.picker.caption) == (PREVIEW, "tulip.jpg · 600 × 400")


def test_the_picked_bytes_never_enter_what_a_notebook_saves(field, photo):
    field.receive("file", photo.read_bytes(), name="tulip.jpg", preview=PREVIEW)
    assert len(json.dumps(field.picker.get_state(), default=str)) < MAX_PREVIEW + len(Picker._esm + Picker._css) * 1.2


def test_what_is_refused_leaves_the_picture_in_sight_and_is_not_used(field, photo):
    field.receive("file", photo.read_bytes(), name="tulip.jpg", preview=PREVIEW)
    field.receive("file", b"GIF89a", name="moving.gif", preview=PREVIEW)
    assert "GIF" in field.picker.error
    assert field.picker.caption == "tulip.jpg · 600 × 400"
    with pytest.raises(InvalidRequest, match="GIF"):
        assert field.picker.frame


def test_a_mistake_of_ours_is_said_too(field, monkeypatch):
    monkeypatch.setattr("mjvideo_nb.frames.load", lambda _: 1 / 0)
    assert field.receive("path", path="a.jpg") == {"kind": "picked", "id": 7}
    assert "ZeroDivisionError" in field.picker.error


@pytest.mark.parametrize(
    "preview", ["data:text/html,<script>", "javascript:alert(1)", PREVIEW + "A" * MAX_PREVIEW, None, 5]
)
def test_a_preview_from_the_browser_is_a_small_picture_or_nothing(field, photo, preview):
    field.receive("file", photo.read_bytes(), name="tulip.jpg", preview=preview)
    assert field.picker.preview == ""
    assert field.picker.frame


def test_what_is_no_message_of_ours_is_left_alone(field):
    field.picker._handle_custom_msg({"kind": "else"}, [b"a"])
    field.picker._handle_custom_msg("text", [])
    assert field.sent == []
    assert field.picker.frame is None


def test_a_picture_is_shown_in_one_message(field):
    field.picker.show(preview=PREVIEW, caption="tulip.jpg")
    (message,) = field.sent
    assert set(message["state"]) == {"preview", "caption"}


def test_what_is_not_named_stays_and_an_error_goes(field):
    field.picker.show(preview=PREVIEW, caption="tulip.jpg", error="No such file.")
    field.picker.show()
    assert (field.picker.preview, field.picker.caption, field.picker.error) == (PREVIEW, "tulip.jpg", "")


def test_a_preview_too_large_to_be_saved_is_refused(field):
    with pytest.raises(ValueError, match="too large"):
        field.picker.show(preview=PREVIEW + "A" * MAX_PREVIEW)


def test_nothing_from_outside_becomes_markup():
    for name in MAKES_MARKUP:
        assert name not in Picker._esm


def test_the_pictures_of_the_folder_are_offered_newest_first_and_nothing_else(field, photo):
    for at, name in enumerate(("b.JPG", "a.png", "c.webp", ".hidden.jpg", "notes.txt")):
        shutil.copy(photo, name)
        os.utime(name, (1000 + at, 1000 + at))
    Path("folder.jpg").mkdir()
    told = field.receive("look")
    assert [each["name"] for each in told["folder"]] == ["c.webp", "a.png", "b.JPG"]
    assert (told["recent"], told["left_out"]) == ([], 0)
    field.receive("picture", key=told["folder"][2]["key"])
    assert field.picker.caption == "b.JPG · 600 × 400"


def test_earlier_first_frames_are_offered_and_used_under_their_names(field, photo, library):
    for image in (photo, "https://x.example/tulip.jpg"):
        request = mj.VideoRequest(image=load(image))
        frame, name = library.keep_frame(request)
        library.ledger.add(request, service="s", frame=frame, frame_name=name)
    told = field.receive("look")
    by_name = {each["name"]: each for each in told["recent"]}
    assert by_name["tulip.jpg"]["url"] == "https://x.example/tulip.jpg"
    field.receive("picture", key=by_name["coffee.jpg"]["key"])
    assert field.picker.caption == "coffee.jpg · 600 × 400"
    field.receive("picture", key=by_name["tulip.jpg"]["key"])
    assert field.picker.frame.url == "https://x.example/tulip.jpg"


def test_many_are_cut_to_the_newest_and_that_is_said(field, photo, monkeypatch):
    monkeypatch.setattr(gallery, "MOST_IN_FOLDER", 3)
    for at in range(5):
        shutil.copy(photo, f"{at}.jpg")
        os.utime(f"{at}.jpg", (1000 + at, 1000 + at))
    told = field.receive("look")
    assert [each["name"] for each in told["folder"]] == ["4.jpg", "3.jpg", "2.jpg"]
    assert told["left_out"] == 2


def test_small_pictures_are_small_and_of_what_was_offered_only(field, photo, tmp_path):
    shutil.copy(photo, "a.jpg")
    (tmp_path / "here" / "broken.jpg").write_bytes(b"no picture")
    keys = {each["name"]: each["key"] for each in field.receive("look")["folder"]}
    elsewhere = f"0:{photo}"
    answer = field.receive("tiles", keys=[keys["a.jpg"], keys["broken.jpg"], elsewhere])
    assert answer["kind"] == "tiles"
    small, broken, other = field.buffers[-1]
    assert load(small).size == (192, 128)
    assert len(small) < 12_000
    assert broken == other == b""
    field.receive("picture", key=elsewhere)
    assert "not on offer" in field.picker.error


def test_a_picture_that_was_changed_or_removed_meanwhile(field, photo):
    shutil.copy(photo, "a.jpg")
    (first,) = field.receive("look")["folder"]
    os.utime("a.jpg", (1000, 1000))
    (second,) = field.receive("look")["folder"]
    assert first["key"] != second["key"]
    Path("a.jpg").unlink()
    field.receive("picture", key=second["key"])
    assert "no file" in field.picker.error


def test_a_library_that_cannot_be_used_takes_nothing_but_the_earlier_frames_away(field, photo):
    def broken():
        raise LibraryError("gone")

    shutil.copy(photo, "a.jpg")
    told = Gallery(broken).look()
    assert told["recent"] == []
    assert len(told["folder"]) == 1
