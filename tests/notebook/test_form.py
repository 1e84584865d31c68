"""The form: what is wrong is said at its field, and one press sends one request."""

from __future__ import annotations

import json
import threading

import pytest

import mjvideo_nb as mj
from mjvideo_nb.library import Library
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.form import Studio
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE


def studio(session, **values):
    return Studio(session, **({"image": None, "prompt": "", "motion": "low", "video_type": "480p"} | values))


@pytest.fixture
def ready(session, photo):
    """A form with a first frame; one clip instead of four."""
    made = studio(session, image=photo, prompt="steam rises")
    made._advanced._extra.value = '{"batchSize": 1}'
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
    getattr(ready._advanced, control).value = value
    ready._go.click()
    field = control.strip("_")
    assert words in ready._errors[field].value
    assert ready._advanced.toggle.value
    assert ready.jobs == ()


def test_text_from_outside_is_never_markup(ready):
    ready._advanced._extra.value = '{"<img src=x onerror=alert(1)>": '
    ready._go.click()
    assert "JSON" in ready._errors["extra"].value
    ready._errors["extra"].value = ""
    ready._show_error(mj.InvalidRequest("<img src=x>", field="state"))
    assert ready._errors["state"].value == "&lt;img src=x&gt;"


def says(made, **message):
    """What the browser tells the field for the first frame."""
    made._picker._handle_custom_msg({"id": 1, **message}, message.pop("buffers", []))


def test_a_path_that_is_typed_replaces_the_frame_and_a_wrong_one_leaves_it_in_sight(ready, photo):
    says(ready, kind="path", path=str(photo.with_name("missing.jpg")))
    assert "no file" in ready._picker.error
    assert ready._picker.caption.startswith("coffee.jpg")
    ready._go.click()
    assert "no file" in ready._picker.error
    assert ready.jobs == ()
    other = photo.with_name("other.jpg")
    other.write_bytes(photo.read_bytes())
    says(ready, kind="path", path=str(other))
    assert ready._picker.error == ""
    assert ready._request().image.name == "other.jpg"


def test_a_bad_file_from_the_browser_is_not_replaced_by_the_frame_before(ready):
    says(ready, kind="file", name="notes.jpg", buffers=[b"just text"])
    ready._go.click()
    assert "not a JPEG" in ready._picker.error
    assert ready.jobs == ()


def test_the_motion_follows_the_flag_in_the_prompt_and_comes_back(session):
    made = studio(session)
    made._prompt.value = "steam --motion h"
    assert made._motion.value == "low"
    made._prompt.value = "steam --motion high"
    assert made._motion.value == "high"
    made._prompt.value = "steam"
    assert made._motion.value == "low"


def test_a_motion_that_a_flag_has_set_from_the_beginning_goes_with_it(session):
    made = studio(session, prompt="steam --motion high")
    assert made._motion.value == "high"
    made._prompt.value = "steam"
    assert made._motion.value == "low"


def test_a_press_on_the_motion_changes_the_flag_in_the_prompt(session, photo):
    made = studio(session, image=photo, prompt="steam --motion high --raw")
    assert made._motion.value == "high"
    made._motion.value = "low"
    assert made._prompt.value == "steam --motion low --raw"
    made._prompt.value = "steam"
    assert made._motion.value == "low"
    assert made._request().motion == "low"


def test_flags_are_explained_beside_the_prompt(session):
    made = studio(session, prompt="steam --raw --bs 3 --ar 16:9 --mo")
    assert [(flag["kind"], flag["flag"]) for flag in made._prompt.flags] == [
        ("meant", "--raw"),
        ("wrong", "--bs 3"),
        ("doubted", "--ar"),
        ("begun", "--mo"),
    ]


def test_a_flag_that_cannot_be_sent_is_said_at_the_prompt_and_nothing_is_sent(ready, submits):
    before = submits()
    ready._prompt.value = "steam --bs 3"
    ready._go.click()
    assert "write --bs 1" in ready._errors["prompt"].value
    assert ready.jobs == ()
    assert submits() == before


def test_a_flag_against_a_field_is_said_at_the_field(ready):
    ready._prompt.value = "steam --bs 2"
    ready._go.click()
    assert "batchSize" in ready._errors["extra"].value
    assert ready._advanced.toggle.value


def test_a_loop_and_an_end_frame_go_out_as_extra(ready, photo):
    ready._advanced._ending.value = "loop"
    assert ready._request().extra == {"batchSize": 1, "loop": True}
    ready._advanced._ending.value = "frame"
    ready._go.click()
    assert "choose an end frame" in ready._errors["ending"].value
    ready._advanced._picker._handle_custom_msg({"kind": "path", "id": 1, "path": str(photo)}, [])
    frame = ready._request().extra["endImage"]
    assert frame.data == photo.read_bytes()
    ready._advanced._extra.value = '{"loop": true}'
    ready._go.click()
    assert "chosen above" in ready._errors["extra"].value


def test_a_job_with_an_end_frame_is_made_and_fills_the_form_again(ready, photo, session):
    ready._advanced._ending.value = "frame"
    ready._advanced._picker._handle_custom_msg({"kind": "path", "id": 1, "path": str(photo)}, [])
    ready._go.click()
    (job,) = ready.jobs
    assert job.wait(PATIENCE).succeeded
    other = studio(session)
    other.reuse(session.library.shelf.get(job.entry_id))
    assert other._request().extra["endImage"].data == photo.read_bytes()
    assert other._request().extra["batchSize"] == 1
    assert other._advanced._picker.caption == "end frame · 600 × 400"


def test_settings_are_those_of_the_last_form_in_this_folder_also_for_another_kernel(ready, session, sandbox):
    ready._motion.value = "high"
    ready._type.value = "720p"
    ready._advanced._ending.value = "loop"
    ready._go.click()
    ready.jobs[0].wait(PATIENCE)
    other = Session("a-key", sandbox.url, library=session.folder)
    made = Studio(other)
    assert (made._motion.value, made._type.value, made._advanced._ending.value) == ("high", "720p", "loop")
    assert made._advanced.toggle.value  # what is not as usual is in sight
    assert made._prompt.value == ""
    told = Studio(other, motion="low")
    assert (told._motion.value, told._type.value) == ("low", "720p")
    other.close()


def test_a_flag_is_no_setting(ready, session):
    ready._prompt.value = "steam --motion high"
    ready._go.click()
    ready.jobs[0].wait(PATIENCE)
    assert Studio(session)._motion.value == "low"


@pytest.mark.parametrize("settings", [{"motion": "medium", "video_type": 5}, {"video_type": "", "ending": "?"}])
def test_settings_that_make_no_sense_are_passed_over(session, settings):
    session.library.remembered.remember(settings)
    made = Studio(session)
    assert (made._motion.value, made._type.value) == ("low", "480p")


def test_earlier_prompts_go_to_the_browser_only_when_it_asks(ready):
    ready._go.click()
    ready.jobs[0].wait(PATIENCE)
    assert ready._prompt.earlier({}, []) == ({"prompts": ["steam rises"]}, [])
    ready._prompt.value = ""
    assert "steam rises" not in json.dumps(ready._prompt.get_state(), default=str)


def wait_until_on(button):
    on = threading.Event()
    button.observe(lambda change: change["new"] or on.set(), "disabled")
    assert not button.disabled or on.wait(PATIENCE)


def test_impatient_clicks_send_one_request(ready, submits):
    before = submits()
    for _ in range(5):
        ready._generate(None)
    assert ready._go.disabled
    (job,) = ready.jobs
    job.wait(PATIENCE)
    assert submits() == before + 1
    wait_until_on(ready._go)
    ready._go.click()
    ready.jobs[0].wait(PATIENCE)
    assert submits() == before + 2
    assert [view.job for view in ready._cards.children] == list(ready.jobs)
    assert ready.jobs[1] is job


def test_the_button_comes_back_after_a_refusal(ready, misbehave):
    misbehave("refused-9")
    ready._go.click()
    with pytest.raises(mj.Refused):
        ready.jobs[0].wait(PATIENCE)
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
