"""The form: what is wrong is said at its field, and one press sends one request."""

from __future__ import annotations

import threading

import pytest

import mjvideo_nb as mj
from mjvideo_nb.library import Library
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.form import Studio
from mjvideo_nb.notebook.session import Session


def studio(session, **values):
    return Studio(session, **({"image": None, "prompt": "", "motion": "low", "video_type": "480p"} | values))


@pytest.fixture
def ready(session, photo):
    """A form with a first frame; one clip instead of four."""
    made = studio(session, image=photo, prompt="steam rises")
    made._extra.value = '{"batchSize": 1}'
    return made


def test_it_begins_with_what_it_was_given(session, photo):
    made = studio(session, image=photo, prompt="steam", motion="high", video_type="720p")
    request = made._request()
    assert (request.prompt, request.motion, request.video_type) == ("steam", "high", "vid_1.1_i2v_720")
    assert made._picker.caption == "coffee.jpg · 600 × 400"
    assert made._picker.preview.startswith("data:image/jpeg")
    assert made._price.value == "about 0.60 USD"


@pytest.mark.parametrize(
    ("values", "field"),
    [({"motion": "medium"}, "motion"), ({"image": "no-such.jpg"}, "image"), ({"video_type": ""}, "video_type")],
)
def test_a_wrong_beginning_is_named(session, values, field):
    with pytest.raises(mj.InvalidRequest) as caught:
        studio(session, **values)
    assert caught.value.field == field


def test_no_first_frame_is_said_at_its_field_and_nothing_is_sent(session, submits):
    before = submits()
    made = studio(session, prompt="steam")
    made._go.click()
    assert "first frame" in made._picker.error
    assert not made._go.disabled
    assert made.jobs == ()
    assert submits() == before


@pytest.mark.parametrize(
    ("control", "value", "words"),
    [("_state", "x" * 256, "255"), ("_extra", "{loop", "not JSON"), ("_extra", "[1]", "object")],
)
def test_a_wrong_advanced_field_is_opened_and_said_there(ready, control, value, words):
    getattr(ready, control).value = value
    ready._go.click()
    field = control.strip("_")
    assert words in ready._errors[field].value
    assert ready._more.value
    assert ready.jobs == ()


def test_text_from_outside_is_never_markup(ready):
    ready._extra.value = '{"<img src=x onerror=alert(1)>": '
    ready._go.click()
    assert "JSON" in ready._errors["extra"].value
    ready._errors["extra"].value = ""
    ready._show_error(mj.InvalidRequest("<img src=x>", field="state"))
    assert ready._errors["state"].value == "&lt;img src=x&gt;"


def test_a_path_that_is_typed_replaces_the_frame_and_a_wrong_one_leaves_it(ready, photo):
    first = ready._frame
    ready._source.value = str(photo.with_name("missing.jpg"))
    assert "no file" in ready._picker.error
    assert ready._frame is first
    ready._go.click()
    assert "no file" in ready._picker.error
    assert ready.jobs == ()
    other = photo.with_name("other.jpg")
    other.write_bytes(photo.read_bytes())
    ready._source.value = str(other)
    assert ready._picker.error == ""
    assert ready._frame.name == "other.jpg"


def test_a_file_from_the_browser_is_the_frame(session, photo):
    made = studio(session)
    made._picked("from-the-browser.jpg", photo.read_bytes())
    assert made._frame.data == photo.read_bytes()
    assert made._picker.caption == "from-the-browser.jpg · 600 × 400"


def test_a_bad_file_from_the_browser_is_not_replaced_by_the_frame_before(ready):
    with pytest.raises(mj.InvalidRequest):
        ready._picked("notes.jpg", b"just text")
    ready._go.click()
    assert "not a JPEG" in ready._picker.error
    assert ready.jobs == ()


def wait_until_on(button):
    on = threading.Event()
    button.observe(lambda change: change["new"] or on.set(), "disabled")
    assert not button.disabled or on.wait(30)


def test_impatient_clicks_send_one_request(ready, submits):
    before = submits()
    for _ in range(5):
        ready._generate(None)
    assert ready._go.disabled
    (job,) = ready.jobs
    job.wait(60)
    assert submits() == before + 1
    wait_until_on(ready._go)
    ready._go.click()
    ready.jobs[0].wait(60)
    assert submits() == before + 2
    assert [view.job for view in ready._cards.children] == list(ready.jobs)
    assert ready.jobs[1] is job


def test_the_button_comes_back_after_a_refusal(ready, misbehave):
    misbehave("refused-9")
    ready._go.click()
    with pytest.raises(mj.Refused):
        ready.jobs[0].wait(60)
    wait_until_on(ready._go)


def test_neither_key_nor_sandbox_turns_the_button_off_and_names_both_remedies(monkeypatch):
    monkeypatch.setattr(sessions, "missing", lambda: ["av"])
    made = studio(Session())
    assert made._go.disabled
    assert "COMETAPI_KEY" in made._strip.value
    assert "mjvideo-nb[sandbox]" in made._strip.value


def test_the_sandbox_is_named_on_the_form():
    made = studio(Session())
    assert "<b>Sandbox</b>" in made._strip.value
    assert made._price.value == "free in the sandbox"


def test_what_an_earlier_kernel_left_behind_stands_below_the_form(session, photo):
    """What runs goes on there, and what was being sent asks what to do; nothing is sent by that."""
    request = mj.VideoRequest(image=photo, prompt="left behind")
    other = Library(session.folder)
    running, cut_off = (
        other.ledger.add(request, service=session.service, frame="https://x.example/a.jpg") for _ in range(2)
    )
    other.ledger.accepted(running.id, mj.Task("0000000000000042"))
    other.ledger.sending(cut_off.id)
    other.close()
    made = studio(session)
    cards = [view.children[0].card for view in made._cards.children]
    assert [card["task_id"] for card in cards] == [None, "0000000000000042"]
    assert [choice["action"] for choice in cards[0]["choices"]] == ["forget", "again"]


def test_a_library_that_cannot_be_used_is_said_in_the_form(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    made = studio(Session("a-key", "http://127.0.0.1:9", library=tmp_path / "taken"))
    assert "cannot be used" in made._strip.value
    assert made._go.disabled
