"""`mjvideo-nb library`: what it copies and says, what an account may spend, and that no password is ever shown."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url

from mjvideo_nb import VideoRequest
from mjvideo_nb.errors import SubmissionUncertain
from mjvideo_nb.library import JobState, Library
from mjvideo_nb.library.allowances import EACH, EVERYBODY, Allowance
from mjvideo_nb.models import Task
from tests.library.test_moving import fill, make, tree

REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals\x1b[2J open")
SERVICE = "https://gateway.example"
PASSWORD = "word-never-to-be-seen"


@pytest.fixture
def run(run_here):
    """``run("library", ...)``: its ``status``, ``out`` and ``err``. In this process: each takes a server and no network."""

    def run_command(*arguments):
        ended = run_here(*arguments)
        assert PASSWORD not in ended.out + ended.err
        return ended

    return run_command


@pytest.fixture
def folder(tmp_path):
    library = Library(tmp_path / "mjvideo")
    fill(library)
    library.close()
    return library.folder


@pytest.fixture
def server(shared_database):
    """With a password, which this server does not ask for."""
    return make_url(shared_database).set(password=PASSWORD).render_as_string(hide_password=False)


def opened(folder, server):
    return Library(folder, server)


# Copy


def test_to_a_database_and_back_it_says_what_it_copied(run, folder, server, tmp_path):
    there = run("library", "copy", folder, server)
    assert there.status == 0, there.err
    assert f"3 jobs with 4 clips, 1.80 USD, copied from {folder} to postgresql://owner@" in there.out
    assert f"The files stay in {folder}, which goes on to be this machine's folder" in there.out
    again = run("library", "copy", folder, server)
    assert "0 jobs with 0 clips, 0.00 USD" in again.out
    assert "3 jobs that were there stayed as before." in again.out
    back = run("library", "copy", server, tmp_path / "back", "--files", folder)
    assert back.status == 0, back.err
    assert f"10 files copied from {folder}." in back.out
    assert tree(tmp_path / "back") == tree(folder)


def test_files_come_from_the_folder_of_the_environment(run, folder, server, tmp_path, monkeypatch):
    run("library", "copy", folder, server)
    for clip in sorted(folder.glob("clips/*/*.mp4"))[:3]:
        clip.unlink()
    monkeypatch.setenv("MJVIDEO_LIBRARY", str(folder))
    back = run("library", "copy", server, "back")
    assert back.status == 0
    assert f"3 files missing in {folder}: clips/" in back.out
    monkeypatch.delenv("MJVIDEO_LIBRARY")
    assert "8 were there" not in run("library", "copy", server, "other").out, "./mjvideo is the same folder here"


def test_from_folder_to_folder_the_files_come_too(run, folder, tmp_path):
    (next(folder.glob("clips/*/1.mp4"))).write_bytes(b"changed")
    ended = run("library", "copy", folder, "other")
    assert ended.status == 0
    assert f"9 files copied from {folder}." in ended.out
    assert "1 file not copied, because they are not what was kept: clips/" in ended.out


def test_from_database_to_database_no_file_moves(run, folder, server, cluster):
    run("library", "copy", folder, server)
    other = cluster.create()
    try:
        ended = run("library", "copy", server, other)
        assert ended.status == 0
        assert "3 jobs with 4 clips" in ended.out
        assert "The files stay where they are, on each machine." in ended.out
    finally:
        cluster.drop(other)


def test_nothing_is_copied_while_a_kernel_has_something_to_send(run, folder, server):
    library = Library(folder)
    library.ledger.add(REQUEST, service=SERVICE)
    ended = run("library", "copy", folder, server)
    assert ended.status == 1
    assert "1 request waits to be sent" in ended.err
    library.close()
    assert run("library", "copy", folder, server).status == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "there"), "FROM: there is no library in nowhere: it has no library.sqlite"),
        (("mjvideo", "mjvideo"), "TO: this is the same folder as FROM"),
        (("mjvideo", f"mysql://me:{PASSWORD}@host/videos"), "TO: a folder, or the address of a database"),
        ((f"s3://me:{PASSWORD}@bucket", "there"), "FROM: a folder, or the address of a database"),
        ((f"postgresql://me:{PASSWORD}@host:port/videos", "there"), "database: an address such as"),
        ((f"postgresql://me:{PASSWORD}@host", "there"), "database: an address such as"),
        (("mjvideo", ""), "TO: a folder, or the address of a database, not nothing"),
        (("mjvideo", "there", "--files", "here"), "--files: only from a database to a folder"),
        (("mjvideo", "there", f"postgresql://me:{PASSWORD}@host/videos"), "postgresql://me:[secret]@host/videos"),
        (("mjvideo",), "required: TO"),
    ],
)
def test_what_does_not_do_is_named_and_a_password_is_not(run, folder, tmp_path, arguments, says):
    ended = run("library", "copy", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err
    assert not (tmp_path / "there").exists()


def test_an_address_in_the_place_of_a_command_shows_no_password(run):
    ended = run("library", f"postgresql://me:{PASSWORD}@host/videos")
    assert ended.status == 2
    assert "me:[secret]@host" in ended.err


def test_without_a_command_it_says_what_is_missing(run):
    ended = run("library")
    assert ended.status == 2
    assert "required: COMMAND" in ended.err


def test_a_server_that_is_away_is_told(run, folder, monkeypatch):
    from mjvideo_nb.library import postgres

    monkeypatch.setattr(postgres, "PATIENCE", 0.1)
    monkeypatch.setattr(postgres.PostgreSQL._patiently, "__defaults__", (0.1,))
    ended = run("library", "copy", folder, f"postgresql://me:{PASSWORD}@127.0.0.1:9/videos")
    assert ended.status == 1
    assert "The library postgresql://me@127.0.0.1:9/videos cannot be used" in ended.err


# Account


@pytest.fixture
def busy(server, tmp_path, monkeypatch):
    """An account on which alice has something running, and bob something uncertain."""
    libraries = []
    for name in ("alice", "bob"):
        monkeypatch.setenv("JUPYTERHUB_USER", name)
        libraries.append(opened(tmp_path / name, server))
    alice, bob = libraries
    running, lost, waiting = (one.ledger.add(REQUEST, service=SERVICE, price=0.6) for one in (alice, bob, bob))
    alice.account.line.join(running.id)
    alice.account.line.take([running.id], SERVICE, 5)
    alice.ledger.sending(running.id)
    alice.ledger.accepted(running.id, Task("17"))
    bob.ledger.sending(lost.id)
    bob.ledger.uncertain(lost.id, SubmissionUncertain("lost", task_id="1234"))
    yield SimpleNamespace(alice=alice, bob=bob, lost=lost, waiting=waiting)
    for library in libraries:
        library.close()


def test_an_account_is_shown_at_a_glance(run, server, busy, monkeypatch):
    monkeypatch.setenv("MJVIDEO_DATABASE", server)
    ended = run("library", "account", "--at-once", "3", "--budget", "600", "--each", "12", "--person", "alice=20")
    assert ended.status == 0, ended.err
    lines = [re.sub(r"(?<=\S) +", " ", line) for line in ended.out.splitlines()]
    assert lines[0].startswith("postgresql://owner@127.0.0.1")
    assert f"{SERVICE} 1 running, of 3 at once; 1 waiting (bob 1)" in lines
    assert "spent in all 1.80 of 600.00 USD" in lines
    assert "  alice 0.60 of 20.00 USD" in lines
    assert "  bob 1.20 of 12.00 USD" in lines
    (uncertain,) = [line for line in lines if busy.lost.id in line]
    assert uncertain.endswith(r" bob 0.60 USD task 1234 petals\x1b[2J open")
    assert [line.split()[0] for line in lines[lines.index("kernels that are there") + 1 :]] == ["alice", "bob"]
    assert "\x1b" not in ended.out
    assert busy.alice.allowances.all() == {
        EVERYBODY: Allowance(EVERYBODY, 600.0, 3),
        EACH: Allowance(EACH, 12.0),
        "alice": Allowance("alice", 20.0),
    }


def test_each_limit_is_changed_alone_and_taken_away(run, server, busy):
    run("library", "account", server, "--at-once", "3", "--budget", "600", "--person", "a=b=1", "--person", "bob=2")
    run("library", "account", server, "--budget", "none", "--person", "bob=none")
    assert busy.alice.allowances.all() == {EVERYBODY: Allowance(EVERYBODY, None, 3), "a=b": Allowance("a=b", 1.0)}
    run("library", "account", server, "--at-once", "none")
    assert set(busy.alice.allowances.all()) == {"a=b"}


def test_an_uncertain_one_is_settled_by_its_id_or_its_task(run, server, busy):
    wrong = run("library", "account", server, "--settle", "1234", "--settle", busy.waiting.id, "--at-once", "1")
    assert wrong.status == 2
    assert f"there is no uncertain request {busy.waiting.id}" in wrong.err
    assert busy.bob.shelf.get(busy.lost.id).state == JobState.UNCERTAIN
    assert busy.alice.allowances.all() == {}
    ended = run("library", "account", server, "--settle", "1234")
    assert (ended.status, ended.err) == (0, f"Settled: {busy.lost.id}. Its price stays counted.\n")
    assert "nothing is uncertain" in ended.out
    assert busy.bob.shelf.get(busy.lost.id).state == JobState.FORGOTTEN
    assert busy.bob.spent() == pytest.approx(1.8)


def test_a_program_reads_it_as_json(run, server, busy):
    told = json.loads(run("library", "account", server, "--json", "--budget", "5").out)
    assert told["services"] == [{"address": SERVICE, "running": 1, "waiting": {"bob": 1}}]
    assert (told["budget"], told["at_once"], told["people"][0]["person"]) == (5.0, None, "alice")
    assert told["uncertain"][0] | {"created": ""} == {
        "id": busy.lost.id,
        "task": "1234",
        "person": "bob",
        "created": "",
        "price": 0.6,
        "prompt": REQUEST.prompt,
    }
    assert [kernel["polls"] for kernel in told["kernels"]] == [False, False]


def test_a_new_account_is_shown_too(run, server):
    ended = run("library", "account", server)
    assert ended.status == 0
    assert "nothing was sent yet" in ended.out
    assert "no kernel is there" in ended.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "DATABASE: give the address of the database"),
        ((f"mysql://me:{PASSWORD}@host/x",), "database: an address such as"),
        (("--at-once", "0"), "argument --at-once: a number of tasks, 1 or more, or none, not '0'"),
        (("--budget", "-1"), "argument --budget: a number of USD, 0 or more, or none, not '-1'"),
        (("--budget", "nan"), "argument --budget: a number of USD"),
        (("--person", "alice"), "argument --person: a person and a number of USD, such as alice=20, not 'alice'"),
        (("--person", "*=3"), "argument --person: a person"),
        (("--person", "=3"), "argument --person: a person"),
        (("--person", "alice=much"), "argument --person: a number of USD"),
    ],
)
def test_a_wrong_argument_is_named(run, arguments, says):
    ended = run("library", "account", *arguments)
    assert (ended.status, ended.out) == (2, "")
    assert says in ended.err


def test_neither_command_leaves_a_folder_behind(run, server, tmp_path, monkeypatch):
    monkeypatch.delenv("MJVIDEO_LIBRARY")
    run("library", "account", server)
    assert list(tmp_path.iterdir()) == []


def test_clips_of_the_old_folder_play_in_the_new_place(run, folder, server):
    run("library", "copy", folder, server)
    library = opened(folder, server)
    entry = make(library, 12)
    assert library.shelf.get(entry.id).clips[0].path.is_file()
    library.close()
