"""A session of the notebook layer against the sandbox's own process."""

from __future__ import annotations

import threading

import pytest

from mjvideo_nb.notebook.session import Session

KEY = "sk-marked-4711-never-to-be-seen"


@pytest.fixture
def session(sandbox, tmp_path):
    """A session with a key, its service being the sandbox and its library in the test's folder."""
    session = Session(KEY, sandbox.url, library=tmp_path / "library")
    yield session
    session.close()


@pytest.fixture
def reached():
    """``reached(job, condition)``: wait until the job's own changes have brought the condition about."""

    def wait(job, condition, timeout=60):
        event = threading.Event()
        job.listen(lambda: condition() and event.set())
        assert condition() or event.wait(timeout), f"not reached: {job}"

    return wait
