"""The heavy part of jobs goes to the executor that a session or a sweep was given, and no executor can cost a job its clips."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import threading
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from PIL import Image

import mjvideo_nb as mj
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.library import JobState
from mjvideo_nb.notebook import helping
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.cell import Cell
from mjvideo_nb.notebook.planning import sweep_of
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE
from tests.s3 import S3Process

from .conftest import KEY


class Counted(ProcessPoolExecutor):
    """Two processes, and what they were given by its name."""

    def __init__(self):
        super().__init__(2, mp_context=multiprocessing.get_context("spawn"))
        self.given = Counter()

    def submit(self, work, /, *rest, **options):
        self.given[work.__name__] += 1
        return super().submit(work, *rest, **options)


class Hung(Executor):
    """One whose workers never come, such as those of a cluster that is full."""

    def __init__(self):
        self.futures = []

    def submit(self, *_, **__):
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture(scope="module")
def s3():
    with S3Process.start() as process:
        yield process


@pytest.fixture
def processes():
    with Counted() as pool:
        yield pool


@pytest.fixture
def connect(sandbox, tmp_path):
    """``connect(...)``: a session in the test's folder."""
    made = []

    def connect(**options):
        made.append(Session(KEY, sandbox.url, **{"library": tmp_path / "library"} | options))
        return made[-1]

    yield connect
    for session in made:
        session.close()


def has_posters(session, job):
    for clip in job.clips:
        with Image.open(session.library.poster_path(clip.path)) as poster:
            assert poster.format == "JPEG"
    return len(job.clips) > 0


def test_posters_are_made_by_the_executor_of_the_session(connect, processes, request_):
    session = connect(executor=processes)
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    assert has_posters(session, job)
    assert processes.given == {"poster": 1}


def test_copies_and_their_checks_are_made_there_too(s3, bucket, connect, processes, request_):
    session = connect(library=f"s3://{bucket}/videos", executor=processes)
    s3.misbehave(refuse_every=2)
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    entry = job.entry
    assert entry.state == JobState.DONE
    [stored] = s3.objects(bucket).values()
    assert hashlib.sha256(stored).hexdigest() == entry.clips[0].digest
    assert processes.given["copy_clip"] >= 1


def test_without_one_it_is_done_in_threads(connect, request_):
    session = connect()
    assert session.executor is None
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    assert has_posters(session, job)


def test_a_sweep_has_an_executor_of_its_own(connect, processes, photo):
    with Counted() as others:
        session = connect(executor=others)
        sweep = sweep_of(
            session,
            image=photo,
            prompt=["steam", "milk"],
            motion="low",
            video_type="480p",
            cell=None,
            again=False,
            executor=processes,
            extra={"batchSize": 1},
        )
        sweep.start().wait(PATIENCE)
        assert all(has_posters(session, job) for job in sweep.jobs)
        assert processes.given == {"poster": 2}
        assert others.given == {}


def test_a_sweep_that_is_shown_again_takes_the_executor_of_now(connect, processes, photo):
    session = connect()
    asked = {"image": photo, "prompt": "steam", "motion": "low", "video_type": "480p", "again": False}
    first = sweep_of(session, cell=Cell("executors", "1"), **asked)
    again = sweep_of(session, cell=Cell("executors", "2"), executor=processes, **asked)
    assert again is first
    assert again.executor is processes


def test_an_executor_that_was_shut_down_costs_no_job_its_clips(s3, bucket, connect, request_, caplog):
    gone = ThreadPoolExecutor(1)
    gone.shutdown()
    session = connect(library=f"s3://{bucket}/videos", executor=gone)
    job = session.jobs.make(request_)
    with caplog.at_level(logging.WARNING, helping.log.name):
        job.wait(PATIENCE)
    assert job.entry.state == JobState.DONE
    assert has_posters(session, job)
    assert len(s3.objects(bucket)) == 1
    assert "poster of 0.mp4 is done here instead. executor: it did not do the work" in caplog.text
    assert "copy_clip of 0.mp4 is done here instead" in caplog.text
    assert KEY not in caplog.text
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in caplog.text


def test_an_executor_without_workers_is_not_waited_for_for_ever(connect, request_, monkeypatch, caplog):
    monkeypatch.setattr(helping, "POSTER_PATIENCE", 0.05)
    hung = Hung()
    session = connect(executor=hung)
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    assert has_posters(session, job)
    assert [future.cancelled() for future in hung.futures] == [True]
    assert "It was not done there in" in caplog.text


async def test_waiting_for_an_executor_holds_up_no_loop(tmp_path):
    """Nor does it take a thread of the few that the loop has for its files."""
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"")
    go, thread = threading.Event(), []

    def work(_source):
        thread.append(threading.current_thread().name)
        return go.wait(PATIENCE)

    with ThreadPoolExecutor(1, "ours") as pool:
        import asyncio

        waiting = asyncio.create_task(helping.done_by(pool, 60, work, clip))
        while not thread:
            await asyncio.to_thread(int)
        assert not waiting.done()
        go.set()
        assert await waiting is True
    assert thread[0].startswith("ours")


@pytest.mark.parametrize(
    "call",
    [
        lambda wrong: mj.connect(sandbox=True, executor=wrong),
        lambda wrong: mj.sweep("nowhere.jpg", executor=wrong),
        lambda wrong: mj.each(mj.contact_sheet, "a.mp4", "sheets", executor=wrong),
    ],
    ids=["connect", "sweep", "each"],
)
def test_what_is_no_executor_is_refused_first(call, session, monkeypatch):
    monkeypatch.setattr(sessions, "_current", session)
    with pytest.raises(InvalidRequest, match="executor: ") as caught:
        call("threads")
    assert caught.value.field == "executor"
    assert sessions._current is session
