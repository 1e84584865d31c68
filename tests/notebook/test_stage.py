"""The card: what reaches the browser, and what a press on a button can and cannot do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from mjvideo_nb.errors import ClipExpired, LibraryError, QuotaError
from mjvideo_nb.notebook.stage import Stage
from tests.cards import card

from .markup import MAKES_MARKUP


class Page:
    """A card and the messages that leave for its browser."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **callbacks: Any) -> None:
        self.presses: list[tuple[int, str, str | None]] = []
        self.chosen: list[str] = []
        calls = {
            "on_extend": lambda *press: self.presses.append(press),
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

    def command(self, name: str, buffers: list[bytes] | None = None, **message: Any) -> dict[str, Any]:
        content = {"id": "a", "kind": "anywidget-command", "name": name, "msg": message}
        self.stage._handle_custom_msg(content, buffers or [])
        content = self.sent[-1]["content"]
        assert content["id"] == "a"
        return content["response"]

    def press(self, index: Any, motion: Any) -> dict[str, Any]:
        return self.command("extend", index=index, motion=motion)


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
    assert page.presses == [(1, "high", None)]
    assert len(page.sent) == 1


def test_a_press_may_bring_a_prompt_of_its_own(page: Page) -> None:
    assert page.command("extend", index=1, motion="low", prompt=" <b>it</b> rains\n") == {"ok": True}
    assert page.command("extend", index=1, motion="low", prompt="") == {"ok": True}
    assert page.presses == [(1, "low", "<b>it</b> rains"), (1, "low", "")]


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
    def on_extend(index: int, motion: str, prompt: str | None) -> None:
        raise error

    answer = Page(monkeypatch, on_extend=on_extend).press(0, "low")
    assert answer["ok"] is False
    assert "No credit left" in answer["message"]


def test_stars_are_handed_on_and_stand_on_the_card_before_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int | None]] = []
    page = Page(monkeypatch, on_rate=lambda *rating: given.append(rating))
    assert page.command("rate", index=2, stars=4) == {"ok": True}
    assert page.sent[0]["state"]["card"]["clips"][2]["rating"] == 4
    assert page.command("rate", index=2, stars=None) == {"ok": True}
    assert page.stage.card["clips"][2]["rating"] is None
    assert given == [(2, 4), (2, None)]


@pytest.mark.parametrize(("index", "stars"), [(4, 3), (0, 0), (0, 6), (0, True), (0, "3"), (None, 1)])
def test_no_other_stars_reach_anybody(monkeypatch: pytest.MonkeyPatch, index: Any, stars: Any) -> None:
    page = Page(monkeypatch, on_rate=lambda *_: pytest.fail("was called"))
    assert page.command("rate", index=index, stars=stars)["ok"] is False


def test_stars_that_were_not_kept_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_rate(index: int, stars: int | None) -> None:
        raise LibraryError("The disk is full.")

    page = Page(monkeypatch, on_rate=on_rate)
    assert page.command("rate", index=0, stars=5) == {"ok": False, "message": "The disk is full."}
    assert "rating" not in page.stage.card["clips"][0]


def test_a_frame_arrives_as_bytes_with_the_second_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, float | None, bytes]] = []
    page = Page(monkeypatch, on_frame=lambda *frame: taken.append(frame))
    assert page.command("frame", [memoryview(b"png")], index=1, at=2.0) == {"ok": True}
    assert page.command("frame", [b"png"], index=1, at=None) == {"ok": True}
    assert taken == [(1, 2.0, b"png"), (1, None, b"png")]
    for wrong in ({"index": 9, "at": None}, {"index": 1, "at": "2"}, {"index": 1, "at": -1}):
        assert page.command("frame", [b"png"], **wrong)["ok"] is False
    assert page.command("frame", index=1, at=None)["ok"] is False
    assert len(taken) == 2


def test_what_nobody_takes_has_no_control_and_no_answer_but_no(page: Page) -> None:
    assert page.stage.acts == []
    assert page.command("rate", index=0, stars=1)["ok"] is False
    assert page.command("frame", [b"png"], index=0, at=None)["ok"] is False
    assert page.command("delete", index=0)["ok"] is False


def test_a_delete_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[int] = []
    page = Page(monkeypatch, on_delete=gone.append)
    assert page.stage.acts == ["delete"]
    assert page.command("delete", index=3) == {"ok": True}
    assert page.command("delete", index=4)["ok"] is False
    assert gone == [3]


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


def test_no_two_of_the_joined_files_declare_the_same_name() -> None:
    names = re.findall(r"^(?:async )?(?:const|let|class|function) (\w+)", Stage._esm, re.MULTILINE)
    assert len(names) > 40
    assert sorted(names) == sorted(set(names))


def test_nothing_from_outside_becomes_markup() -> None:
    for name in MAKES_MARKUP:
        assert name not in Stage._esm
