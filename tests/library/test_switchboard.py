"""What kernels on a shared account tell each other, and which of them polls for all."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text

from mjvideo_nb.errors import ServiceError, TaskTimeout
from mjvideo_nb.library import Library, switchboard, tables
from mjvideo_nb.library.sights import SIGHT, TROUBLE
from mjvideo_nb.models import Clip, Task, VideoRequest
from tests.patience import PATIENCE

ACCOUNT = "https://gateway.example"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")


class Heard:
    """What a kernel has heard, to be waited for."""

    def __init__(self, library: Library) -> None:
        self._said: list[tuple[str, str]] = []
        self._news = threading.Condition()
        library.account.switchboard.listen(self._hears)
        library.account.switchboard.start()
        self.wait("", "")  # it listens from now on

    def _hears(self, about: str, name: str) -> None:
        with self._news:
            self._said.append((about, name))
            self._news.notify_all()

    def wait(self, about: str, name: str) -> None:
        with self._news:
            assert self._news.wait_for(lambda: (about, name) in self._said, PATIENCE), self._said

    def forget(self) -> None:
        with self._news:
            self._said.clear()


class Right:
    """Whether a kernel polls, to be waited for."""

    def __init__(self, library: Library) -> None:
        self._has = False
        self._news = threading.Condition()
        library.account.switchboard.seek(ACCOUNT, self._changes)
        library.account.switchboard.start()

    def _changes(self, has: bool) -> None:
        with self._news:
            self._has = has
            self._news.notify_all()

    def wait(self, has: bool = True) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self._has is has, PATIENCE)

    def __bool__(self) -> bool:
        return self._has


@pytest.fixture
def machine(shared_database, tmp_path):
    """``machine()``: one more kernel, on a machine of its own."""
    opened = []

    def more():
        opened.append(Library(tmp_path / f"machine{len(opened)}", shared_database))
        return opened[-1]

    yield more
    for library in opened:
        if not library.closed:
            library.close()


@pytest.fixture
def running(machine):
    """A kernel with a job that was accepted."""
    library = machine()
    entry = library.ledger.add(REQUEST, service=ACCOUNT)
    library.ledger.sending(entry.id)
    library.ledger.accepted(entry.id, Task("4711"))
    return library, entry.id


def test_what_one_has_seen_the_others_hear_and_read(running, machine):
    library, job = running
    heard = Heard(machine())
    clips = (Clip("4711", 0, url="https://x.example/0.mp4", thumbnail="https://x.example/0.jpg"),)
    seen = Task("4711", status="SUCCESS", progress=100, clips=clips, raw={"prompt": "petals", "n": [1]})
    library.account.sights.put({job: seen})
    heard.wait(SIGHT, job)
    read = library.account.sights.get(job)
    assert (read, read.raw) == (seen, seen.raw)
    assert library.account.sights.to_follow(ACCOUNT) == []


def test_an_error_is_read_as_the_same_error(running):
    library, job = running
    library.account.sights.put({job: TaskTimeout("not seen to end", task_id="4711")})
    read = library.account.sights.get(job)
    assert (type(read), str(read), read.task_id) == (TaskTimeout, "not seen to end", "4711")
    library.account.sights.forget(job)
    assert library.account.sights.get(job) is None
    assert [entry.id for entry in library.account.sights.to_follow(ACCOUNT)] == [job]


def test_a_success_without_links_is_followed_on_though_its_place_is_free(running):
    library, job = running
    library.account.sights.put({job: Task("4711", status="SUCCESS", raw={"a": 1})})
    assert [entry.id for entry in library.account.sights.to_follow(ACCOUNT)] == [job]


def test_trouble_with_the_service_is_told_in_words(machine):
    library = machine()
    heard = Heard(machine())
    library.account.sights.trouble(str(ServiceError("no answer, for 10 s")))
    heard.wait(TROUBLE, "no answer; for 10 s")


def test_a_kernel_hears_again_after_a_restart_of_the_server(machine, cluster):
    library = machine()
    heard = Heard(library)
    heard.forget()
    cluster.restart()
    heard.wait("", "")  # whatever was said meanwhile: look at everything
    library.account.sights.trouble("still here")
    heard.wait(TROUBLE, "still here")


def test_one_polls_and_another_takes_over_when_it_ends(machine):
    first, second = machine(), machine()
    polls = Right(first)
    polls.wait()
    also = Right(second)
    Heard(second)
    assert not also
    first.close()
    also.wait()


def test_who_leaves_the_part_to_others_is_followed_by_one_of_them(machine):
    first, second = machine(), machine()
    polls = Right(first)
    polls.wait()
    also = Right(second)
    first.account.switchboard.leave(ACCOUNT, polls._changes)
    also.wait()


POLLER = """
import sys, threading
from pathlib import Path
from mjvideo_nb.library import Library
library = Library(Path(sys.argv[1]), sys.argv[2])
library.account.switchboard.seek(sys.argv[3], lambda has: print("polls" if has else "gone", flush=True))
library.account.switchboard.start()
threading.Event().wait()
"""


@contextlib.contextmanager
def poller(tmp_path, database):
    command = [sys.executable, "-c", POLLER, str(tmp_path / "poller"), database, ACCOUNT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "polls\n"
            yield process
        finally:
            process.kill()


def test_another_takes_over_at_once_when_the_poller_is_killed(machine, tmp_path, shared_database, monkeypatch):
    """Its lock goes with its connection; nobody waits for its lease to run out."""
    monkeypatch.setattr(switchboard, "LEASE", 10 * PATIENCE)
    with poller(tmp_path, shared_database) as process:
        second = machine()
        right = Right(second)
        Heard(second)
        process.kill()
        right.wait()


def test_a_poller_that_hangs_loses_its_right_with_its_lease(machine, tmp_path, shared_database):
    """Its connection lives on, and with it its lock: whoever notices ends that connection at the server."""
    with poller(tmp_path, shared_database) as process:
        subprocess.run(["kill", "-STOP", str(process.pid)], check=True)
        second = machine()
        # As if half a minute had passed.
        theirs = tables.kernels.update().where(tables.kernels.c.token != second._presence.token).values(seen=0)
        second._database.write(lambda connection: connection.execute(theirs))
        Right(second).wait()
        subprocess.run(["kill", "-CONT", str(process.pid)], check=True)
        assert process.stdout.readline() == "gone\n"


def test_a_later_session_of_the_same_kernel_takes_the_part_over(machine):
    library = machine()
    first = Right(library)
    first.wait()
    second = Right(library)
    second.wait()
    first.wait(has=False)


def test_the_lease_is_renewed_while_it_listens(machine, monkeypatch):
    monkeypatch.setattr(switchboard, "BEAT", 0.05)
    library = machine()
    read = text("SELECT seen, session FROM kernels WHERE token = :token")

    def row():
        with library._database.read() as connection:
            return connection.execute(read, {"token": library._presence.token}).one()

    before = row()
    Heard(library)
    assert row().seen > before.seen
    assert row().session is not None
