"""A job is known again: by the cell that made it, by its task's id, and by whoever comes after a kernel that has died."""

from __future__ import annotations

import pytest

import mjvideo_nb as mj
from mjvideo_nb.library import JobState, Library, Query
from mjvideo_nb.notebook import jobs
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.cell import Cell
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

from .conftest import KEY

CELL = Cell("a-cell", "first run")
AGAIN = Cell("a-cell", "second run")


@pytest.fixture
def later(session, sandbox):
    """``later()``: another session on the same library, as after a restart of the kernel: the one before has died."""
    made = []

    def start():
        session.library.close()
        made.append(Session(KEY, sandbox.url, library=session.folder))
        return made[-1]

    yield start
    for each in made:
        each.close()
        each.library.close()


# The cell


def test_a_cell_that_is_run_again_shows_its_job_and_sends_nothing(session, request_, submits):
    before = submits()
    job = session.jobs.make(request_, cell=CELL)
    job.wait(PATIENCE)
    again = session.jobs.make(request_, cell=AGAIN)
    assert again is job
    assert "nothing was sent now" in again.card["note"]
    assert submits() == before + 1


def test_after_a_restart_the_cell_shows_its_job_too(session, request_, submits, later):
    before = submits()
    job = session.jobs.make(request_, cell=CELL)
    job.wait(PATIENCE)
    again = later().jobs.make(request_, cell=AGAIN)
    assert again is not job
    assert again.id == job.id
    assert again.done
    assert again.clips == job.clips
    assert again.card["clips"] == job.card["clips"]
    assert again.request.prompt == "steam rises"
    assert submits() == before + 1


def test_another_request_another_cell_or_none_makes_another_job(session, request_, photo):
    first = session.jobs.make(request_, cell=CELL)
    others = [
        session.jobs.make(mj.VideoRequest(image=photo, prompt="other", extra={"batchSize": 1}), cell=AGAIN),
        session.jobs.make(request_, cell=Cell("another", "x")),
        session.jobs.make(request_),
        session.jobs.make(request_, cell=Cell("a-cell", "third run"), again=True),
    ]
    assert len({job.entry_id for job in [first, *others]}) == 5
    assert session.jobs.make(request_, cell=Cell("a-cell", "fourth run")) is others[-1]
    for job in [first, *others]:
        job.wait(PATIENCE)


def test_a_loop_in_a_cell_makes_several_of_the_same_and_finds_them_all(session, request_):
    jobs = [session.jobs.make(request_, cell=CELL) for _ in range(2)]
    assert jobs[0] is not jobs[1]
    assert [session.jobs.make(request_, cell=AGAIN) for _ in range(2)] == jobs
    for job in jobs:
        job.wait(PATIENCE)


def test_what_was_refused_is_sent_when_the_cell_is_run_again(session, request_, misbehave, submits):
    before = submits()
    misbehave("banned-word")
    with pytest.raises(mj.BannedPrompt):
        session.jobs.make(request_, cell=CELL).wait(PATIENCE)
    session.jobs.make(request_, cell=AGAIN).wait(PATIENCE)
    assert submits() == before + 2


def test_connecting_again_sends_nothing_a_second_time(session, request_, sandbox, misbehave, submits):
    """As Run All does it: the first session's request is still on its way, or waits its turn."""
    before = submits()
    misbehave({"name": "slow", "routes": ["submit"], "value": 1, "times": 1})
    first = session.jobs.make(request_, cell=CELL)
    again = Session(KEY, sandbox.url, library=session.folder)
    assert again.jobs.make(request_, cell=AGAIN) is first
    assert again.jobs.get(first.entry_id) is first
    first.wait(PATIENCE)
    assert submits() == before + 1
    again.close()


def test_what_is_begun_from_an_earlier_job_goes_by_the_newest_settings(
    session, request_, sandbox, submits, monkeypatch
):
    monkeypatch.setattr(sessions, "_current", session)
    monkeypatch.setattr(sessions, "_all", [session])
    job = session.jobs.make(request_, cell=CELL)
    job.wait(PATIENCE)
    before = submits()
    after = mj.connect(KEY, sandbox.url, library=session.folder, budget=1.0)
    with pytest.raises(mj.BudgetExceeded):
        job.extend_by_button(0, "low")
    assert submits() == before
    mj.connect(sandbox=True, library=session.folder).close()
    assert job.card["sandbox"] is False  # its task is not there
    after.close()


def test_a_job_that_was_not_made_here_is_never_sent_from_here(session, request_, submits, reached):
    """Whatever else is not sent yet, somebody else sends, even under the name of this very kernel."""
    before = submits()
    assert session.jobs
    entry = session.library.ledger.add(request_, service=session.service, frame="https://x.example/a.jpg")
    job = session.jobs.get(entry.id)
    reached(job, lambda: "Another kernel" in job.card["note"])
    session.library.ledger.refused(entry.id, mj.QueueFull("The queue is full."))
    with pytest.raises(mj.QueueFull):
        job.wait(PATIENCE)
    assert submits() == before


# What an earlier kernel has left


def test_a_task_that_ran_when_its_kernel_died_goes_on(session, request_, submits, later, reached):
    before = submits()
    job = session.jobs.make(request_)
    reached(job, lambda: job.id is not None)
    left = session.library.shelf.get(job.entry_id)
    assert left.state == JobState.RUNNING
    # As a kernel that was killed leaves it: nothing of it runs any more, its lock is gone.
    after = later()
    (picked_up,) = [after.jobs.job(entry) for entry in after.library.shelf.open_jobs()]
    assert picked_up.id == job.id
    assert picked_up.wait(PATIENCE).clips[0].path.exists()
    assert after.library.shelf.get(job.entry_id).state == JobState.DONE
    assert submits() == before + 1


def test_what_was_being_sent_is_shown_with_its_choices_and_can_be_forgotten(session, request_, submits, later):
    other = Library(session.folder)
    entry = other.ledger.add(request_, service=session.service, frame="https://x.example/a.jpg", price=0.6)
    other.ledger.sending(entry.id)
    other.close()
    before = submits()
    session.jobs.pick_up()
    job = session.jobs.get(entry.id)
    assert job.card["state"] == "uncertain"
    assert [choice["action"] for choice in job.card["choices"]] == ["forget", "again"]
    assert "0.60 USD" in job.card["choices"][1]["label"]
    with pytest.raises(mj.SubmissionUncertain, match="may have been accepted and billed"):
        job.wait(1)
    job.forget()
    assert job.card["choices"] == []
    assert later().jobs.get(entry.id).card["choices"] == []
    assert submits() == before


def test_an_uncertain_request_can_be_sent_again_knowingly(session, request_, misbehave, submits):
    before = submits()
    misbehave("drop-after")
    job = session.jobs.make(request_, cell=CELL)
    with pytest.raises(mj.SubmissionUncertain):
        job.wait(PATIENCE)
    assert session.library.shelf.uncertain()[0].id == job.entry_id
    job.view._choose("again")
    again = job.view.children[1].job
    again.wait(PATIENCE)
    assert submits() == before + 2
    assert session.library.shelf.uncertain() == []
    assert session.library.spent() == pytest.approx(1.2)
    assert session.jobs.make(request_, cell=AGAIN) is again  # it is what the cell has made from now on


def test_a_request_that_waited_its_turn_when_the_kernel_died_was_not_sent(session, request_, later):
    other = Library(session.folder)
    entry = other.ledger.add(request_, service=session.service, frame="https://x.example/a.jpg", price=0.6)
    other.close()
    session.jobs.pick_up()
    card = session.jobs.get(entry.id).card
    assert card["error"]["title"] == "Not sent"
    assert "Nothing was charged" in card["error"]["text"]
    assert [choice["action"] for choice in card["choices"]] == ["again"]
    assert session.library.spent() == 0


def test_a_request_that_another_kernel_sends_is_followed_from_here(session, request_, sandbox, reached):
    other = Library(session.folder)
    entry = other.ledger.add(request_, service=session.service, frame="https://x.example/a.jpg")
    other.ledger.sending(entry.id)
    job = session.jobs.get(entry.id)
    reached(job, lambda: "Another kernel" in job.card["note"])
    theirs = Session(KEY, sandbox.url, library=session.folder.parent / "theirs").jobs.make(request_)
    theirs.wait(PATIENCE)
    other.ledger.accepted(entry.id, theirs.task)
    assert job.wait(PATIENCE).id == theirs.id
    other.close()


def test_a_kernel_that_lives_takes_over_from_one_that_dies(session, request_, monkeypatch, reached, sandbox):
    monkeypatch.setattr(jobs, "PICK_UP_EVERY", 0.05)
    elsewhere = Session(KEY, sandbox.url, library=session.folder.parent / "elsewhere").jobs.make(request_)
    task = elsewhere.wait(PATIENCE)
    assert session.jobs  # from here on it looks
    other = Library(session.folder)
    entry = other.ledger.add(request_, service=session.service, frame="https://x.example/a.jpg")
    other.ledger.accepted(entry.id, task)
    assert not session.library.is_ours(session.library.shelf.get(entry.id))
    other.close()
    job = session.jobs.get(entry.id)
    assert job.wait(PATIENCE).clips[0].path.is_relative_to(session.folder)
    reached(job, lambda: session.library.is_ours(session.library.shelf.get(entry.id)))


# By its id


def test_a_task_that_was_made_elsewhere_is_opened_by_its_id(session, request_, sandbox, submits):
    elsewhere = Session(KEY, sandbox.url, library=session.folder.parent / "elsewhere")
    task = elsewhere.jobs.make(request_).wait(PATIENCE)
    before = submits()
    job = session.jobs.open(task.id)
    assert job.wait(PATIENCE).clips[0].path.is_relative_to(session.folder)
    assert job.card["title"] == "steam rises"
    assert session.jobs.open(task.id) is job
    assert session.library.spent() == 0
    longer = job.extend(0, extra={"batchSize": 1})
    longer.wait(PATIENCE)
    assert submits() == before + 1
    elsewhere.close()


def test_an_id_that_nobody_knows_is_not_kept(session):
    with pytest.raises(mj.TaskNotFound):
        session.jobs.open("0000000000000017").wait(PATIENCE)
    assert session.library.shelf.search(Query()) == ([], 0)


@pytest.mark.parametrize("name", ["", " ", 17, None])
def test_what_is_no_id_is_refused(session, name):
    with pytest.raises(mj.InvalidRequest, match="task_id"):
        session.jobs.open(name)


def test_what_was_in_the_trash_is_taken_out_when_it_is_opened(session, request_):
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    session.library.shelf.trash([job.entry_id])
    assert session.jobs.open(job.id) is job
    assert session.library.shelf.search(Query())[1] == 1


# Lineage


def test_the_chain_stands_on_the_card_also_after_a_restart(session, request_, later):
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    longer = job.extend(0, prompt="and cools", motion="high", extra={"batchSize": 1})
    longer.wait(PATIENCE)
    told = [(step["seconds"], step["words"], step["prompt"]) for step in longer.card["chain"]]
    assert told == [("0–5 s", "low", "steam rises"), ("5–9 s", "[0] high", "and cools")]
    assert [step.task_id for step in longer.lineage()] == [job.id, longer.id]
    lineage = later().jobs.open(longer.id).lineage()
    assert [step.task_id for step in lineage] == [job.id, longer.id]
    assert [repr(step) for step in lineage] == [
        f"<Step first frame, low motion, 'steam rises', task {job.id}>",
        f"<Step from clip [0], high motion, 'and cools', task {longer.id}>",
    ]
    assert job.card["chain"] == []


# Money


def test_the_budget_holds_over_a_restart_and_the_form_says_what_is_left(session, request_, sandbox, later, submits):
    session.jobs.make(request_).wait(PATIENCE)
    before = submits()
    session.library.close()
    after = Session(KEY, sandbox.url, library=session.folder, budget=1.0)
    assert after.price_words("480p") == "about 0.60 USD, 0.40 USD left"
    with pytest.raises(mj.BudgetExceeded, match=r"0\.40 USD of the budget of 1\.00 USD"):
        after.jobs.make(request_)
    assert submits() == before
    after.close()


def test_a_library_that_cannot_be_written_stops_a_request_before_it_is_sent(session, request_, submits, monkeypatch):
    before = submits()
    job_ledger = session.jobs and session.library.ledger

    def fails(*_):
        raise mj.LibraryError("The disk is full.")

    monkeypatch.setattr(job_ledger, "sending", fails)
    with pytest.raises(mj.LibraryError, match="disk is full"):
        session.jobs.make(request_).wait(PATIENCE)
    assert submits() == before
    assert session.library.spent() == 0


def test_what_cannot_be_written_down_later_is_owed_and_the_clips_come(session, request_, monkeypatch, reached):
    ledger = session.library.ledger
    accepted, refusals = ledger.accepted, iter([1])

    def fails_once(*about):
        if next(refusals, None):
            raise mj.LibraryError("The disk is full.")
        accepted(*about)

    monkeypatch.setattr(ledger, "accepted", fails_once)
    job = session.jobs.make(request_)
    notes = []
    job.listen(lambda: notes.append(job.card["note"]))
    job.wait(PATIENCE)
    assert session.library.shelf.get(job.entry_id).state == JobState.DONE
    assert session.library.shelf.get(job.entry_id).task_id == job.id
    assert any("could not be written down" in note for note in notes)
