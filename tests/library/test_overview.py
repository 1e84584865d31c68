"""A shared account at a glance."""

from __future__ import annotations

import threading

import pytest

from mjvideo_nb import VideoRequest
from mjvideo_nb.errors import SubmissionUncertain
from mjvideo_nb.library import Library
from mjvideo_nb.library.allowances import EACH, EVERYBODY, Allowance
from mjvideo_nb.library.overview import Service, Spent, overview
from mjvideo_nb.models import Task
from tests.patience import PATIENCE

REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals open")
SERVICE = "https://gateway.example"


@pytest.fixture
def person(shared_database, tmp_path, monkeypatch):
    """``person("alice")``: a kernel of hers."""
    opened = []

    def open_one(name):
        monkeypatch.setenv("JUPYTERHUB_USER", name)
        opened.append(Library(tmp_path / name, shared_database))
        return opened[-1]

    yield open_one
    for library in opened:
        if not library.closed:
            library.close()


def test_it_tells_what_runs_waits_was_spent_and_is_uncertain(person):
    alice, bob = person("alice"), person("bob")
    alice.allowances.put([Allowance(EVERYBODY, 600.0, 2), Allowance(EACH, 12.0), Allowance("alice", 20.0)])
    running = alice.ledger.add(REQUEST, service=f"{SERVICE}/mj-fast", price=0.6)
    lost = bob.ledger.add(REQUEST, service=SERVICE, price=0.6)
    later = [bob.ledger.add(REQUEST, service=SERVICE, price=0.6) for _ in range(2)]
    for library, entry in ((alice, running), (bob, lost), *((bob, one) for one in later)):
        library.account.line.join(entry.id)
    alice.account.line.take([running.id], SERVICE, 5)
    bob.account.line.take([lost.id], SERVICE, 5)
    alice.ledger.sending(running.id)
    alice.ledger.accepted(running.id, Task("17"))
    bob.ledger.sending(lost.id)
    bob.ledger.uncertain(lost.id, SubmissionUncertain("lost"))
    bob.ledger.adopt("18", service="sandbox")
    found = overview(alice._database)
    assert found.at_once == 2
    assert found.services == (Service(SERVICE, 2, {"bob": 2}),), "an uncertain one keeps its place"
    assert found.spent == Spent(EVERYBODY, pytest.approx(2.4), 600.0)
    assert found.people == (Spent("alice", pytest.approx(0.6), 20.0), Spent("bob", pytest.approx(1.8), 12.0))
    assert [(entry.id, entry.person) for entry in found.uncertain] == [(lost.id, "bob")]
    assert [(kernel.person, kernel.polls) for kernel in found.kernels] == [("alice", False), ("bob", False)]
    bob.ledger.forget(lost.id)
    assert overview(alice._database).services == (Service(SERVICE, 1, {"bob": 2}),)


def test_it_tells_who_polls_and_who_is_there_no_more(person):
    alice, bob = person("alice"), person("bob")
    polls = threading.Event()
    bob.account.switchboard.seek(SERVICE, lambda has: has and polls.set())
    bob.account.switchboard.start()
    assert polls.wait(PATIENCE)
    found = overview(alice._database)
    assert [(kernel.person, kernel.polls) for kernel in found.kernels] == [("alice", False), ("bob", True)]
    bob.close()
    assert [(kernel.person, kernel.polls) for kernel in overview(alice._database).kernels] == [("alice", False)]


def test_an_account_on_which_nothing_was_done_is_told(person):
    found = overview(person("alice")._database)
    assert (found.at_once, found.services, found.people, found.uncertain) == (None, (), (), ())
    assert found.spent == Spent(EVERYBODY, 0.0, None)
