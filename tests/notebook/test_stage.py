"""The card: what reaches the browser, and what a press on a button can and cannot do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mjvideo_nb.errors import ClipExpired, QuotaError
from mjvideo_nb.notebook.stage import Stage


def card(**changes: Any) -> dict[str, Any]:
    clips = [{"index": index, "path": f"clips/{index}.mp4", "url": None, "name": f"{index}.mp4"} for index in range(4)]
    whole = {
        "title": "petals open",
        "chips": ["high", "480p"],
        "sandbox": False,
        "origin": "tulip.jpg",
        "state": "done",
        "headline": "4 clips",
        "progress": 100,
        "elapsed": 64.2,
        "task_id": "1773314942177684",
        "error": None,
        "chain": [],
        "choices": [],
        "note": "",
        "clips": clips,
        "can_extend": True,
        "price": "about 0.60 USD",
    }
    return {**whole, **changes}


class Page:
    """A card and the messages that leave for its browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **callbacks: Any) -> None:
        self.presses: list[tuple[int, str]] = []
        self.chosen: list[str] = []
        calls = {
            "on_extend": lambda index, motion: self.presses.append((index, motion)),
            "on_choice": self.chosen.append,
            "read_clip": b"clip %d".__mod__,
        }
        self.stage = Stage(card=card(), **{**calls, **callbacks})
        self.sent: list[dict[str, Any]] = []
        self.buffers: list[list[bytes]] = []
        monkeypatch.setattr(self.stage, "_send", self._keep)

    def _keep(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.sent.append(message)
        self.buffers.append(list(buffers or []))

    def receive(self, **content: Any) -> None:
        self.stage._handle_custom_msg(content, [])

    def press(self, index: Any, motion: Any) -> dict[str, Any]:
        self.receive(id="a", kind="anywidget-command", name="extend", msg={"index": index, "motion": motion})
        (message,) = self.sent
        assert message["content"]["id"] == "a"
        return message["content"]["response"]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


def test_a_card_is_sent_whole_and_only_when_it_differs(page: Page) -> None:
    page.stage.show(card())
    assert page.sent == []
    page.stage.show(card(headline="Downloading", progress=None))
    (message,) = page.sent
    assert message["state"] == {"card": card(headline="Downloading", progress=None)}


def test_a_card_changed_in_place_by_its_owner_is_noticed(page: Page) -> None:
    mine = card()
    page.stage.show(mine)
    mine["clips"][0]["url"] = "https://example.com/0.mp4"
    page.stage.show(mine)
    assert len(page.sent) == 1


def test_a_press_is_handed_on_once_and_acknowledged(page: Page) -> None:
    assert page.press(1, "high") == {"ok": True}
    assert page.presses == [(1, "high")]


@pytest.mark.parametrize(
    ("index", "motion"), [(4, "low"), (None, "low"), ("0", "low"), (0, "medium"), (0, None), ([], "low")]
)
def test_a_press_on_what_the_card_does_not_have_reaches_nobody(page: Page, index: Any, motion: Any) -> None:
    assert page.press(index, motion)["ok"] is False
    assert page.presses == []


def test_a_press_on_a_card_that_cannot_be_extended_reaches_nobody(page: Page) -> None:
    page.stage.show(card(can_extend=False))
    page.sent.clear()
    assert page.press(0, "low")["ok"] is False
    assert page.presses == []


@pytest.mark.parametrize("error", [QuotaError("No credit left. Nothing was charged."), ValueError("No credit left.")])
def test_an_error_of_a_press_is_answered_in_words(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def on_extend(index: int, motion: str) -> None:
        raise error

    answer = Page(monkeypatch, on_extend=on_extend).press(0, "low")
    assert answer["ok"] is False
    assert "No credit left" in answer["message"]


def test_the_bytes_of_a_clip_travel_as_a_message_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page(monkeypatch, read_clip=b"clip %d".__mod__)
    assert b"clip 2" not in json.dumps(page.stage.get_state(), default=str).encode()
    page.receive(kind="bytes", index=2)
    assert page.sent[0]["content"] == {"kind": "bytes", "index": 2, "ok": True}
    assert page.buffers == [[b"clip 2"]]


@pytest.mark.parametrize(
    "error", [ClipExpired("The clip has expired."), OSError("The clip has expired."), KeyError("expired")]
)
def test_a_clip_that_cannot_be_read_is_answered_in_words(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def read_clip(index: int) -> bytes:
        raise error

    page = Page(monkeypatch, read_clip=read_clip)
    page.receive(kind="bytes", index=0)
    assert page.sent[0]["content"]["ok"] is False
    assert "expired" in page.sent[0]["content"]["message"]


def test_messages_of_another_kind_are_left_alone(page: Page) -> None:
    page.receive(kind="else", index=0)
    page.receive(kind="bytes", index=9)
    page.stage._handle_custom_msg("text", [])
    assert page.sent == []


def test_the_page_and_its_style_are_text_so_that_no_instance_is_kept_alive() -> None:
    assert isinstance(Stage._esm, str)
    assert isinstance(Stage._css, str)
    assert "export default" in Stage._esm
    assert "--mj-accent" in Stage._css


def test_nothing_from_outside_becomes_markup() -> None:
    for name in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert name not in Stage._esm
