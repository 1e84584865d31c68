"""Which service a notebook's jobs go to, and the thread they run on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

import mjvideo_nb as mj
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.iothread import io
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

KEY = "sk-marked-4711-never-to-be-seen"


def test_without_a_key_the_sandbox_serves_and_says_so():
    session = Session()
    assert session.sandbox
    assert "sandbox" in repr(session)
    assert session.price_words("480p") == "free in the sandbox"


def test_with_a_key_the_service_serves(monkeypatch):
    monkeypatch.setenv("COMETAPI_KEY", KEY)
    session = Session()
    assert not session.sandbox
    assert session.service == "https://api.cometapi.com"
    assert KEY not in repr(session)
    assert session.price_words("720p") == "about 0.60 USD"


def test_a_demo_uses_the_sandbox_even_where_there_is_a_key(monkeypatch):
    monkeypatch.setenv("COMETAPI_KEY", KEY)
    monkeypatch.setenv("MJVIDEO_SANDBOX", "1")
    assert Session().sandbox
    assert not Session(api_key=KEY).sandbox


def test_the_sandbox_needs_no_key_and_asks_for_none(monkeypatch):
    monkeypatch.setenv("COMETAPI_KEY", "not a key")
    assert mj.connect(sandbox=True).sandbox


def test_neither_a_key_nor_the_sandbox_names_both_remedies(monkeypatch, photo):
    monkeypatch.setattr(sessions, "missing", lambda: ["av"])
    session = Session()
    assert "COMETAPI_KEY" in session.problem
    assert 'pip install "mjvideo-nb[sandbox]"' in session.problem
    with pytest.raises(mj.SandboxUnavailable, match="COMETAPI_KEY"):
        session.check()


def test_no_key_and_no_sandbox_wanted():
    with pytest.raises(mj.AuthenticationError, match="COMETAPI_KEY"):
        Session(sandbox=False).check()


def test_a_price_by_type():
    session = Session(KEY, price={"480p": 0.5})
    assert session.price_words("480p") == "about 0.50 USD"
    assert session.price_words("720p") == "price unknown"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"base_url": "localhost:8000"}, "base_url"),
        ({"price": -1}, "price"),
        ({"price": "cheap"}, "price"),
        ({"api_key": "two words"}, "api_key"),
        ({"sandbox": True, "api_key": KEY}, "sandbox"),
        ({"fault": "queue-full"}, "fault"),
    ],
)
def test_a_wrong_setting_is_named(options, field):
    with pytest.raises(mj.InvalidRequest) as caught:
        Session(**({"api_key": KEY} | options))
    assert caught.value.field == field
    assert KEY not in str(caught.value)


def test_connecting_changes_where_new_jobs_go(monkeypatch):
    monkeypatch.setattr(sessions, "_current", None)
    monkeypatch.setattr(sessions, "_all", [])
    session = mj.connect(KEY, "https://gateway.example/mj-fast/")
    assert sessions.current() is session
    assert session.service == "https://gateway.example/mj-fast"


def test_the_sandbox_goes_wrong_as_it_is_told(photo):
    session = Session(sandbox=True, fault=["banned-word*1"])
    request = mj.VideoRequest(image=str(photo), prompt="steam", extra={"batchSize": 1})
    with pytest.raises(mj.BannedPrompt):
        session.jobs.make(request).wait(PATIENCE)
    with pytest.raises(mj.TaskFailed, match="Job Timeout"):
        session.jobs.make(replace(request, prompt="steam [fault:fail-timeout]")).wait(PATIENCE)
    session.close()


def test_a_fault_that_there_is_not_is_named(photo):
    session = Session(sandbox=True, fault="no-such-fault")
    with pytest.raises(mj.SandboxUnavailable, match="no-such-fault"):
        session.jobs.make(mj.VideoRequest(image=str(photo))).wait(PATIENCE)
    session.close()


def test_the_thread_is_one_and_a_daemon():
    async def where():
        import threading

        return threading.current_thread()

    first, second = io.start(where()).result(PATIENCE), io.start(where()).result(PATIENCE)
    assert first is second
    assert first.daemon
    assert not io.is_current


def test_a_fork_gets_a_thread_of_its_own():
    code = """
import os, sys
from mjvideo_nb.notebook.iothread import io
async def pid(): return os.getpid()
assert io.start(pid()).result(10) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if io.start(pid()).result(10) == os.getpid() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=PATIENCE, check=False).returncode == 0


def test_a_script_ends_and_takes_its_sandbox_with_it(photo):
    import psutil

    code = f"""
import mjvideo_nb as mj
from mjvideo_nb.notebook import session
job = mj.video({str(photo)!r}, prompt="steam")
job.wait(60)
print(session.current().gateway._process.pid, len(job.clips))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, cwd=photo.parent, check=False
    )
    assert done.returncode == 0, done.stderr
    pid, clips = map(int, done.stdout.split())
    assert clips == 4
    assert not psutil.pid_exists(pid)
    assert done.stderr == ""
