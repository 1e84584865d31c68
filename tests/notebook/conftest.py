"""A session of the notebook layer against the sandbox's own process."""

from __future__ import annotations

import secrets
import threading

import pytest

from mjvideo_nb import VideoRequest, frames
from mjvideo_nb.notebook import making
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

KEY = "sk-marked-4711-never-to-be-seen"
RENDERED = pytest.mark.parametrize("sandbox", [pytest.param(True, id="rendered")], indirect=True)


@pytest.fixture
def sandbox(sandboxes, request):
    """It goes by the clock and renders nothing: all clips are the same one. ``RENDERED`` marks a test that needs its own."""
    with sandboxes.sandbox(render=getattr(request, "param", False)) as sandbox:
        yield sandbox


@pytest.fixture
def session(sandbox, tmp_path):
    """A session with a key, its service being the sandbox and its library in the test's folder."""
    session = Session(KEY, sandbox.url, library=tmp_path / "library")
    yield session
    session.close()


@pytest.fixture
def request_(photo):
    """One clip instead of four, for tests that are about something else."""
    return VideoRequest(image=frames.load(photo), prompt="steam rises", extra={"batchSize": 1})


@pytest.fixture
def reached():
    """``reached(job, condition)``: wait until the job's own changes have brought the condition about."""

    def wait(job, condition, timeout=PATIENCE):
        event = threading.Event()
        job.listen(lambda: condition() and event.set())
        assert condition() or event.wait(timeout), f"not reached: {job}"

    return wait


@pytest.fixture
def bucket(s3, monkeypatch, tmp_path):
    """A bucket, which the environment leads to, as on a hub; and a folder for the notebook."""
    name = f"bucket-{secrets.token_hex(4)}"
    s3.ask("PUT", f"/{name}")
    s3.misbehave()
    options = s3.options()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", options["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(making, "COPY_PAUSE", 0.01)
    monkeypatch.chdir(tmp_path)
    yield name
    s3.misbehave()
