"""The first frame's field: a picked file reaches its owner, and nothing of it but a small preview is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.notebook.picker import MAX_PREVIEW, Picker

PREVIEW = "data:image/jpeg;base64,AAAA"


class Field:
    """A picker and the messages that leave for its browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refuse: Exception | None = None) -> None:
        self.files: list[tuple[str, bytes]] = []
        self.refuse = refuse
        self.picker = Picker(on_file=self._take)
        self.sent: list[dict[str, Any]] = []
        monkeypatch.setattr(self.picker, "_send", self._keep)

    def _keep(self, message: dict[str, Any], **_: Any) -> None:
        self.sent.append(message)

    def _take(self, name: str, data: bytes) -> None:
        if self.refuse:
            raise self.refuse
        self.files.append((name, data))

    def receive(self, buffers: list[Any], **content: Any) -> None:
        self.picker._handle_custom_msg({"kind": "file", "id": 7, "name": "tulip.jpg", **content}, buffers)


def test_a_picked_file_is_handed_on_shown_and_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(monkeypatch)
    field.receive([memoryview(b"jpeg")], preview=PREVIEW, caption="tulip.jpg · 600 × 400")
    assert field.files == [("tulip.jpg", b"jpeg")]
    assert (field.picker.preview, field.picker.caption, field.picker.error) == (PREVIEW, "tulip.jpg · 600 × 400", "")
    assert field.sent[-1] == {"method": "custom", "content": {"kind": "file", "id": 7}}


def test_the_picked_bytes_never_enter_what_a_notebook_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(monkeypatch)
    field.receive([b"the whole picture"], preview=PREVIEW)
    assert "the whole picture" not in json.dumps(field.picker.get_state(), default=str)


@pytest.mark.parametrize("error", [InvalidRequest("Too small. Choose another."), ValueError("Too small.")])
def test_a_refused_file_leaves_the_picture_in_use(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    field = Field(monkeypatch, refuse=error)
    field.picker.show(preview="coffee.jpg", caption="coffee.jpg · 600 × 400")
    field.receive([b"gif"], preview=PREVIEW, caption="tulip.jpg")
    assert (field.picker.preview, field.picker.caption) == ("coffee.jpg", "coffee.jpg · 600 × 400")
    assert "Too small" in field.picker.error
    assert field.sent[-1]["content"] == {"kind": "file", "id": 7}


@pytest.mark.parametrize(
    "preview", ["data:text/html,<script>", "javascript:alert(1)", PREVIEW + "A" * MAX_PREVIEW, None]
)
def test_a_preview_from_the_browser_is_a_small_picture_or_nothing(
    monkeypatch: pytest.MonkeyPatch, preview: Any
) -> None:
    field = Field(monkeypatch)
    field.receive([b"jpeg"], preview=preview)
    assert field.picker.preview == ""
    assert field.picker.caption == "tulip.jpg"
    assert field.files


def test_what_is_not_a_file_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(monkeypatch)
    field.receive([])
    field.receive([b"a"], kind="else")
    field.picker._handle_custom_msg("text", [])
    assert field.files == []
    assert field.sent == []


def test_a_picture_is_shown_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(monkeypatch)
    field.picker.show(preview=PREVIEW, caption="tulip.jpg")
    (message,) = field.sent
    assert set(message["state"]) == {"preview", "caption"}


def test_what_is_not_named_stays_and_an_error_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(monkeypatch)
    field.picker.show(preview=PREVIEW, caption="tulip.jpg", error="No such file.")
    field.picker.show()
    assert (field.picker.preview, field.picker.caption, field.picker.error) == (PREVIEW, "tulip.jpg", "")


def test_a_preview_too_large_to_be_saved_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="too large"):
        Field(monkeypatch).picker.show(preview=PREVIEW + "A" * MAX_PREVIEW)


def test_nothing_from_outside_becomes_markup() -> None:
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert name not in Picker._esm
