"""Kernels on machines of their own, on one account: turns, one who polls for all, and what the cards say."""

from __future__ import annotations

from contextlib import contextmanager

import psycopg
import pytest

import mjvideo_nb as mj
from mjvideo_nb.errors import LibraryError
from mjvideo_nb.library import record
from mjvideo_nb.models import VideoRequest
from mjvideo_nb.notebook import completing, polling
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.notebook.state import Phase
from tests.patience import PATIENCE

from .conftest import KEY

NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.task_id IS NOT NULL) EXECUTE FUNCTION no_room()
"""
NONE_AT_ALL = "CREATE TRIGGER none_at_all BEFORE INSERT OR UPDATE ON jobs EXECUTE FUNCTION no_room()"


@pytest.fixture
def service(sandboxes):
    """A service that goes by the clock, and its counts."""
    with sandboxes.sandbox(render=False) as service:
        yield service


@pytest.fixture
def machine(service, shared_database, tmp_path):
    """``machine()``: a session on a machine of its own."""
    opened = []

    def more(**settings):
        folder = tmp_path / f"machine{len(opened)}"
        settings = {"base_url": service.url, **settings}
        opened.append(Session(KEY, library=folder, database=shared_database, **settings))
        return opened[-1]

    yield more
    for session in opened:
        session.close()
        session.library.close()


@pytest.fixture
def misbehave_here(service):
    """As `misbehave`, of that service."""
    return service.misbehave


def request(photo, prompt="petals", **extra):
    return VideoRequest(image=photo, prompt=prompt, extra={"batchSize": 1, **extra})


def test_two_machines_take_turns_and_one_asks_for_both(machine, service, photo):
    a, b = machine(at_once=1), machine(at_once=1)
    jobs = [session.jobs.make(request(photo, f"{number}")) for number in range(2) for session in (a, b)]
    for job in jobs:
        assert job.wait(PATIENCE).clips[0].path.is_file()
    counted = service.stats
    assert (counted["accepted"], counted["most_running"]) == (4, 1)
    assert a.library.account.line.busy(a.account) == 0


def test_a_card_says_which_place_it_has_in_the_line_of_all(machine, photo, reached):
    a, b = machine(at_once=1), machine(at_once=1)
    first = a.jobs.make(request(photo, "[fault:stuck]"))
    reached(first, lambda: first.id is not None)
    second = b.jobs.make(request(photo))
    reached(second, lambda: second.state.phase == Phase.WAITING)
    assert second.state.place == 1
    assert "Waiting its turn, next in line" in str(second.card)


def test_a_task_that_fails_is_told_to_whoever_asked_for_it(machine, photo):
    a, b = machine(), machine()
    good = a.jobs.make(request(photo))
    bad = b.jobs.make(request(photo, "[fault:fail-internal]"))
    with pytest.raises(mj.TaskFailed, match="back"):
        bad.wait(PATIENCE)
    assert good.wait(PATIENCE).succeeded


def test_a_kernel_that_hears_nobody_looks_for_itself(machine, cluster, photo, reached, monkeypatch):
    monkeypatch.setattr(polling, "ALONE", 0.0)
    monkeypatch.setattr(polling, "LOOK_AGAIN", 0.5)
    a = machine()
    job = a.jobs.make(request(photo))
    reached(job, lambda: job.id is not None)
    cluster.stop()
    reached(job, lambda: job.task.succeeded)
    cluster.start()
    assert job.wait(PATIENCE).clips[0].path.is_file()
    assert a.library.shelf.get(job.entry_id).state == "done"


def test_how_the_address_of_the_service_is_written_does_not_matter(machine, service, photo):
    a, b = machine(at_once=1), machine(at_once=1, base_url=service.url.replace("http://127.0.0.1", "HTTP://LocalHost"))
    assert b.jobs.make(request(photo)).wait(PATIENCE).succeeded
    assert "localhost" in b.service
    assert a.jobs.make(request(photo)).wait(PATIENCE).succeeded


def test_trouble_of_the_one_who_polls_stands_on_all_cards_also_after_an_outage(
    machine, misbehave_here, photo, reached, monkeypatch
):
    a, b = machine(), machine()
    of_a = a.jobs.make(request(photo))
    reached(of_a, lambda: of_a.id is not None)  # it polls
    of_b = b.jobs.make(request(photo, "[fault:stuck]"))
    tell, outages = a.library.account.sights.trouble, ["the server is away"]

    def told(words):
        if outages:
            raise LibraryError(outages.pop())
        tell(words)

    monkeypatch.setattr(a.library.account.sights, "trouble", told)
    misbehave_here({"name": "http-500", "routes": ["list", "fetch"]})
    reached(of_b, lambda: "trying again" in of_b.card["note"])
    assert outages == []
    misbehave_here()
    reached(of_b, lambda: "trying again" not in of_b.card["note"])


@pytest.fixture
def server_without_room(shared_database):
    """``with server_without_room() as fill``: nothing that was accepted goes into the table of the jobs, as when the server's
    disk is full; nothing else either, after ``fill()``.
    """

    @contextmanager
    def full():
        with psycopg.connect(shared_database.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(NO_ROOM)
            yield lambda: connection.execute(NONE_AT_ALL)
            connection.execute("DROP FUNCTION no_room CASCADE")

    return full


def test_what_a_full_server_could_not_take_is_written_when_it_has_room(
    machine, service, server_without_room, photo, reached, monkeypatch
):
    """A request that was accepted meanwhile is the one thing that nothing else would write down again."""
    monkeypatch.setattr(record, "AGAIN", 0.5)
    a = machine()
    assert a.library.is_shared  # its tables are there
    with server_without_room() as fill:
        job = a.jobs.make(request(photo))
        reached(job, lambda: "is full" in job.card["note"])
        assert job.id is not None
        fill()
        with pytest.raises(LibraryError, match=r"is full.*nothing was sent"):
            a.jobs.make(request(photo))
    assert job.wait(PATIENCE).clips[0].path.is_file()
    assert "is full" not in job.card["note"]
    entry = a.library.shelf.get(job.entry_id)
    assert (entry.state, entry.task_id, entry.error) == ("done", job.id, "")
    assert service.stats["accepted"] == 1


def test_a_key_that_is_not_taken_harms_nobody_else(machine, misbehave_here, photo, monkeypatch):
    """The kernel that polls is refused: it leaves that to others for a while, and what they have under way goes on."""
    monkeypatch.setattr(polling, "ASIDE", 1.0)
    a = machine()
    a.jobs.make(request(photo)).wait(PATIENCE)  # it polls
    b = machine()
    misbehave_here({"name": "http-401", "times": 3, "routes": ["list", "fetch"]})
    job = b.jobs.make(request(photo))
    assert job.wait(PATIENCE).clips[0].path.is_file()


def test_the_sandbox_is_each_kernels_own(shared_database, tmp_path, photo):
    session = Session(library=tmp_path / "machine", database=shared_database, sandbox=True)
    job = session.jobs.make(request(photo))
    assert job.wait(PATIENCE).clips[0].path.is_file()
    session.close()
    session.library.close()


def test_the_address_with_its_password_is_shown_nowhere(machine, cluster, tmp_path, monkeypatch):
    address = cluster.create().replace("owner@", "owner:hunter2@")
    monkeypatch.setenv("MJVIDEO_DATABASE", address)
    session = Session(KEY, "http://127.0.0.1:9", library=tmp_path / "machine")
    assert session.library.is_shared
    assert "hunter2" not in f"{session!r} {session.library!r} {session.database!r} {vars(session)!r}"
    assert "shared database" in repr(session)
    session.close()
    session.library.close()


def test_connecting_again_to_the_same_database_keeps_the_jobs(machine, shared_database, monkeypatch):
    a = machine()
    again = Session(KEY, a.service, library=a.folder, database=shared_database)
    other = Session(KEY, a.service, library=a.folder)
    assert a.keeps_with(again)
    assert not a.keeps_with(other)
    assert a.library is again.library


def test_tab_offers_ones_own_tasks_and_waits_for_no_server(machine, photo, monkeypatch):
    a = machine()
    monkeypatch.setattr(sessions, "_current", a)
    assert completing._tasks("") == []  # nothing was asked of the server yet
    job = a.jobs.make(request(photo))
    job.wait(PATIENCE)
    assert completing._tasks("") == [job.id]
