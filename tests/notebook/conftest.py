"""A session of the notebook layer against the sandbox's own process."""

from __future__ import annotations

import json
import threading
import urllib.request

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
def misbehave(sandbox):
    """``misbehave("drop-after")``: the sandbox does this once; what was not used up is taken away at the end."""

    def set_faults(*names):
        body = json.dumps({"faults": [{"name": name, "times": 1} for name in names]}).encode()
        request = urllib.request.Request(f"{sandbox.url}/sandbox/faults", body, method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    yield set_faults
    set_faults()


@pytest.fixture
def submits(sandbox):
    """How many submits the sandbox has received so far."""

    def count():
        with urllib.request.urlopen(f"{sandbox.url}/sandbox/stats", timeout=10) as answer:
            return json.load(answer)["requests"].get("submit", 0)

    return count


@pytest.fixture
def reached():
    """``reached(job, condition)``: wait until the job's own changes have brought the condition about."""

    def wait(job, condition, timeout=60):
        event = threading.Event()
        job.listen(lambda: condition() and event.set())
        assert condition() or event.wait(timeout), f"not reached: {job}"

    return wait
