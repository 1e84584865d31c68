"""A job goes its way in the background, is sent once, and says what became of it."""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
import time

import pytest

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.download import clip_path
from mjvideo_nb.notebook.iothread import io
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

from .conftest import KEY, RENDERED


@RENDERED
async def test_from_a_photograph_to_clips_on_disk_and_on(session, photo):
    request = mj.VideoRequest(image=frames.load(photo), prompt="steam rises", motion="high")
    job = session.jobs.make(request)
    assert not job.done
    task = await job
    assert task.id == job.id
    assert [clip.path for clip in job.clips] == [clip_path(session.library.clips_folder, task.id, i) for i in range(4)]
    assert all(clip.path.stat().st_size > 10_000 for clip in job.clips)
    assert job.card["state"] == "done"
    assert job.card["clips"][2]["name"] == "steam-rises-2.mp4"

    longer = job.extend(1, motion="low", extra={"batchSize": 1})
    assert longer.request.task_id == task.id
    assert longer.request.image is request.image
    assert longer.card["origin"] == f"[1] of task {task.id}"
    assert (await longer)[0].path.stat().st_size > 10_000


def test_waiting_works_from_a_plain_thread(session, request_):
    task = session.jobs.make(request_).wait(timeout=PATIENCE)
    assert len(task.clips) == 1


def test_a_wait_that_runs_out_leaves_the_job_going(session, request_, sandbox):
    sandbox.hold(0.5)
    job = session.jobs.make(request_)
    with pytest.raises(mj.TaskTimeout, match="goes on"):
        job.wait(timeout=0.05)
    sandbox.release()
    assert len(job.wait(timeout=PATIENCE).clips) == 1


def test_an_interrupt_stops_the_waiting_and_not_the_job(session, request_, sandbox):
    sandbox.hold(0.5)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores it
    job = session.jobs.make(request_)
    once = threading.Event()

    def interrupt():
        if not once.is_set():
            once.set()
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    job.listen(interrupt)  # its first change comes a quarter of a second after the start, while this thread waits
    with pytest.raises(KeyboardInterrupt):
        job.wait(timeout=PATIENCE)
    signal.signal(signal.SIGINT, previous)
    assert not job.done
    sandbox.release()
    assert len(job.wait(timeout=PATIENCE).clips) == 1


async def test_cancelling_the_waiting_leaves_the_job_going(session, request_):
    job = session.jobs.make(request_)
    waiting = asyncio.ensure_future(asyncio.wait_for(job, 0.05))
    with pytest.raises(TimeoutError):
        await waiting
    assert len((await job).clips) == 1


def test_waiting_on_the_io_thread_itself_is_refused(session, request_):
    job = session.jobs.make(request_)

    async def wait_there():
        job.wait(1)

    with pytest.raises(RuntimeError, match="use await"):
        io.start(wait_there()).result(PATIENCE)
    job.wait(PATIENCE)


@pytest.mark.parametrize(
    ("fault", "error", "state", "words"),
    [
        ("banned-word", mj.BannedPrompt, "failed", "Nothing was charged"),
        ("quota", mj.QuotaError, "failed", "Top up"),
        ("http-401", mj.AuthenticationError, "failed", "COMETAPI_KEY"),
        ("drop-after", mj.SubmissionUncertain, "uncertain", "may have been accepted and billed"),
        ("http-502", mj.SubmissionUncertain, "uncertain", "not sent again"),
        ("fail-timeout", mj.TaskFailed, "failed", "Job Timeout"),
    ],
)
def test_what_went_wrong_stands_on_the_card_and_nothing_is_sent_twice(
    session, request_, misbehave, submits, fault, error, state, words
):
    before = submits()
    misbehave(fault)
    job = session.jobs.make(request_)
    with pytest.raises(error):
        job.wait(PATIENCE)
    assert submits() == before + 1
    assert job.card["state"] == state
    assert job.card["error"]["title"] == error.headline
    assert words in job.card["error"]["text"]
    assert KEY not in repr(job) + repr(job.card) + repr(session)


def test_the_files_cannot_be_written_and_then_can(session, request_, submits):
    before = submits()
    session.library.clips_folder.write_text("a file where the folder should be")
    job = session.jobs.make(request_)
    with pytest.raises(mj.ServiceError, match="paid for"):
        job.wait(PATIENCE)
    session.library.clips_folder.unlink()
    assert len(job.resume().wait(PATIENCE).clips) == 1
    assert job.clips[0].path.exists()
    assert submits() == before + 1


def test_there_is_nothing_to_resume_in_a_job_that_runs_or_was_refused(session, request_, misbehave):
    misbehave("refused-9")
    job = session.jobs.make(request_)
    with pytest.raises(mj.InvalidRequest, match="still runs"):
        job.resume()
    with pytest.raises(mj.Refused):
        job.wait(PATIENCE)
    with pytest.raises(mj.InvalidRequest, match="never accepted"):
        job.resume()


def test_a_running_job_has_no_clips_to_extend_or_show(session, request_, sandbox):
    sandbox.hold(0.5)
    job = session.jobs.make(request_)
    with pytest.raises(mj.InvalidRequest, match="until it is done") as caught:
        job.extend(0)
    assert caught.value.field == "index"
    with pytest.raises(IndexError, match="wait"):
        job[0]
    sandbox.release()
    job.wait(PATIENCE)
    with pytest.raises(mj.InvalidRequest, match="0, 1, 2 or 3"):
        job.extend(4)


def test_a_card_moves_while_this_thread_is_busy_and_not_too_often(session, request_, sandbox, reached):
    sandbox.hold(0.2)
    job = session.jobs.make(request_)
    told, threads = [], set()

    def note():
        told.append((time.monotonic(), job.card["progress"]))
        threads.add(threading.current_thread().name)

    job.listen(note)
    for part in (0.4, 0.6, 1):
        seen = job.card["progress"]
        sandbox.hold(part)
        reached(job, lambda: job.done or job.card["progress"] != seen)  # noqa: B023 - at once
    job.wait(PATIENCE)
    assert len({progress for _, progress in told}) > 2
    assert threads == {"mjvideo-nb I/O"}
    gaps = [after - before for (before, _), (after, _) in itertools.pairwise(told)]
    assert min(gaps) > 0.15


def test_a_view_is_made_once_and_shows_the_end(session, request_, sandbox, reached):
    sandbox.hold(0.5)
    job = session.jobs.make(request_)
    stage = job.view.children[0]
    assert job.view is job.view
    assert stage.card["state"] in {"waiting", "running"}
    sandbox.release()
    reached(job, lambda: stage.card["state"] == "done")
    assert len(stage.card["clips"]) == 1
    assert stage.card["can_extend"]


def test_the_button_under_a_clip_makes_a_card_below(session, request_, reached, submits):
    job = session.jobs.make(request_)
    stage = job.view.children[0]
    reached(job, lambda: stage.card["state"] == "done")
    before = submits()
    stage._on_extend(0, "high")
    below = job.view.children[1].children[0]
    assert below.card["origin"] == f"[0] of task {job.id}"
    assert below.card["chips"][0] == "high"
    job.view.children[1].job.wait(PATIENCE)
    assert submits() == before + 1


def test_jobs_wait_their_turn_and_their_cards_say_so(sandbox, tmp_path, request_, reached):
    session = Session(KEY, sandbox.url, library=tmp_path / "library", at_once=1)
    sandbox.hold(0.5)
    jobs = [session.jobs.make(request_) for _ in range(3)]
    reached(jobs[2], lambda: jobs[2].card["headline"] == "Waiting its turn, number 2 in line")
    assert {job.card["state"] for job in jobs[1:]} == {"waiting"}
    sandbox.release()
    for job in jobs:
        job.wait(PATIENCE)
    session.close()


def test_a_job_beyond_the_budget_is_refused_before_it_starts(sandbox, tmp_path, request_, submits):
    before = submits()
    session = Session(KEY, sandbox.url, library=tmp_path / "library", budget=1.0, price=0.6)
    session.jobs.make(request_).wait(PATIENCE)
    assert session.price_words("480p") == "about 0.60 USD, 0.40 USD left"
    with pytest.raises(mj.BudgetExceeded, match=r"0\.60 USD.*0\.40 USD"):
        session.jobs.make(request_)
    assert submits() == before + 1
    session.close()


def test_trouble_while_following_stands_on_the_card_and_goes_away(session, request_, sandbox, misbehave, reached):
    sandbox.hold(0.5)
    job = session.jobs.make(request_)
    reached(job, lambda: job.card["headline"] == "In progress")
    notes = []
    job.listen(lambda: notes.append(job.card["note"]))
    misbehave({"name": "http-503", "times": 1})  # on whatever it asks next
    reached(job, lambda: any("trying again" in note for note in notes))
    sandbox.release()
    job.wait(PATIENCE)
    assert "trying again" not in job.card["note"]


def test_a_submit_that_was_turned_away_stands_on_the_card_until_it_is_taken(
    session, request_, misbehave, reached, submits
):
    before = submits()
    misbehave("http-429")  # with a Retry-After, so that the pause is long enough to be shown
    job = session.jobs.make(request_)
    notes = []
    job.listen(lambda: notes.append(job.card["note"]))
    job.wait(PATIENCE)
    assert any("sent again in" in note for note in notes), notes
    assert "sent again" not in job.card["note"]
    assert submits() == before + 2
