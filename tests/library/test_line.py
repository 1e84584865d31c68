"""Turns on a shared account: so many at once, first come first served, and no place is lost with its kernel."""

from __future__ import annotations

import pytest

from mjvideo_nb.errors import BudgetExceeded, InvalidRequest, LibraryError, SubmissionUncertain
from mjvideo_nb.library import JobState, Library, line, presence, tables
from mjvideo_nb.library.allowances import EACH, EVERYBODY, Allowance
from mjvideo_nb.models import Task, VideoRequest

SERVICE = "https://gateway.example/mj-fast"
ACCOUNT = "https://gateway.example"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")


@pytest.fixture
def kernels(shared_database, tmp_path):
    """``kernels(n)``: so many kernels, each on a machine of its own."""
    opened = []

    def more(count):
        new = [Library(tmp_path / f"machine{len(opened) + number}", shared_database) for number in range(count)]
        opened.extend(new)
        return new

    yield more
    for library in opened:
        library.close()


def joined(library, count=1, service=SERVICE):
    entries = [library.ledger.add(REQUEST, service=service, price=0.6) for _ in range(count)]
    for entry in entries:
        library.account.line.join(entry.id)
    return [entry.id for entry in entries]


def take(library, ids, at_once):
    return library.account.line.take(ids, ACCOUNT, at_once)


def test_first_come_first_served_whichever_machine_asks(kernels):
    a, b = kernels(2)
    first, second, third = joined(a) + joined(b) + joined(a)
    assert take(b, [second], 1).places == {second: 1}  # next, when the first has had its turn
    found = take(a, [first, third], 1)
    assert (found.turns, found.places) == ({first}, {third: 2})
    assert take(b, [second], 1).places == {second: 1}  # the place is taken, and it is next
    a.ledger.sending(first)
    a.ledger.accepted(first, Task("1"))
    assert take(b, [second], 1).places == {second: 1}
    a.account.sights.put({first: Task("1", status="SUCCESS")})  # its clips come later, its place is free
    assert take(a, [third], 1).places == {third: 1}
    assert take(b, [second], 1).turns == {second}


def test_a_look_takes_nothing(kernels):
    (a,) = kernels(1)
    ids = joined(a, 2)
    for _ in range(2):
        assert a.account.line.look(ids, ACCOUNT, 1).turns == {ids[0]}
    assert a.account.line.busy(ACCOUNT) == 0


def test_the_accounts_own_limit_counts_for_everybody(kernels):
    a, b = kernels(2)
    a.allowances.put([Allowance(EVERYBODY, at_once=2)])
    ids = joined(a, 3)
    assert take(a, ids, 1000).turns == set(ids[:2])
    theirs = joined(b)
    assert take(b, theirs, 1000).turns == set()
    a.allowances.put([Allowance(EVERYBODY)])
    assert take(b, theirs, 1000).turns == set(theirs)


def test_another_account_has_a_line_of_its_own(kernels):
    (a,) = kernels(1)
    (mine,) = joined(a)
    (other,) = joined(a, service="https://gateway.example.org")
    assert take(a, [mine], 1).turns == {mine}
    assert a.account.line.take([other], "https://gateway.example.org", 1).turns == {other}


@pytest.mark.parametrize("end", ["refused", "failed", "forgotten", "finished"])
def test_a_place_is_free_when_its_job_has_ended(kernels, end):
    (a,) = kernels(1)
    first, second = joined(a, 2)
    take(a, [first], 1)
    a.ledger.sending(first)
    if end == "refused":
        a.ledger.refused(first, InvalidRequest("no"))
    elif end == "forgotten":
        a.ledger.uncertain(first, SubmissionUncertain("who knows"))
        assert take(a, [second], 1).turns == set()
        a.ledger.forget(first)
    else:
        a.ledger.accepted(first, Task("1"))
        if end == "failed":
            a.ledger.failed(first, Task("1", status="FAILURE"), InvalidRequest("no"))
        else:
            a.ledger.finished(first, Task("1", status="SUCCESS"))
    assert take(a, [second], 1).turns == {second}


def test_one_that_was_turned_away_keeps_its_place(kernels):
    a, b = kernels(2)
    (first,), (second,) = joined(a), joined(b)
    take(a, [first], 1)
    a.ledger.sending(first)
    a.ledger.turned_away(first, InvalidRequest("the queue is full"))
    assert take(b, [second], 1).turns == set()
    a.ledger.sending(first)
    assert a.shelf.get(first).state == JobState.SENDING


def test_an_uncertain_one_keeps_its_place_for_as_long_as_it_may_run(kernels, monkeypatch):
    a, b = kernels(2)
    (first,), (second,) = joined(a), joined(b)
    take(a, [first], 1)
    a.ledger.sending(first)
    a.ledger.uncertain(first, SubmissionUncertain("who knows"))
    assert take(b, [second], 1).turns == set()
    monkeypatch.setattr(line, "UNCERTAIN_FOR", 0.0)
    assert take(b, [second], 1).turns == {second}


def test_what_a_dead_kernel_held_and_waited_for_is_free_again(kernels):
    a, b = kernels(2)
    (held,), (waits,), (mine,) = joined(a), joined(a), joined(b)
    take(a, [held, waits], 1)
    assert take(b, [mine], 1).places == {mine: 2}
    a._presence.end()  # as when its lease has run out
    assert take(b, [mine], 1).turns == {mine}
    assert b.take_over(lambda _: True) == []
    assert {b.shelf.get(job).state for job in (held, waits)} == {JobState.REFUSED}


def test_a_kernel_that_was_taken_for_gone_sends_nothing_any_more(kernels):
    """It may have slept for an hour: what the others gave up must not leave it then."""
    a, b = kernels(2)
    (job,) = joined(a)
    take(a, [job], 1)
    a._presence.end()
    b.take_over(lambda _: True)
    with pytest.raises(LibraryError, match=r"not sent.*Nothing was charged"):
        a.ledger.sending(job)
    assert a.account.line.look([job], ACCOUNT, 1).given_up == {job}


def test_what_it_had_sent_before_is_known_to_it_alone(kernels):
    """The others call it uncertain; it comes back with the task's id, and knows better."""
    a, b = kernels(2)
    (job,) = joined(a)
    take(a, [job], 1)
    a.ledger.sending(job)
    a._presence.end()
    b.take_over(lambda _: True)
    assert b.shelf.get(job).state == JobState.UNCERTAIN
    a.ledger.accepted(job, Task("4711"))
    entry = b.shelf.get(job)
    assert (entry.state, entry.task_id, entry.ended) == (JobState.RUNNING, "4711", None)
    assert a.is_ours(entry)


def test_what_somebody_else_has_under_way_is_left_to_them_for_a_while(kernels, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    (alice,) = kernels(1)
    entry = alice.ledger.add(REQUEST, service=SERVICE)
    alice.ledger.sending(entry.id)
    alice.ledger.accepted(entry.id, Task("1"))
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    (bob,) = kernels(1)
    assert bob.take_over(lambda _: True) == []
    alice._presence.end()
    assert bob.take_over(lambda _: True) == []
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    (again,) = kernels(1)
    assert [one.id for one in again.take_over(lambda _: True)] == [entry.id]


def test_and_goes_to_whoever_is_there_after_that(kernels, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    (alice,) = kernels(1)
    entry = alice.ledger.add(REQUEST, service=SERVICE)
    alice.ledger.sending(entry.id)
    alice.ledger.accepted(entry.id, Task("1"))
    alice._presence.end()
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    (bob,) = kernels(1)
    longer = tables.kernels.c.seen - int(1000 * 2 * (presence.LEASE + 600))
    bob._database.write(
        lambda c: c.execute(tables.kernels.update().where(tables.kernels.c.person == "alice").values(seen=longer))
    )
    assert [one.id for one in bob.take_over(lambda _: True)] == [entry.id]


def test_each_has_a_budget_and_all_have_one(kernels, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    (alice,) = kernels(1)
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    (bob,) = kernels(1)
    alice.allowances.put([Allowance(EACH, budget=0.6), Allowance("bob", budget=1.2), Allowance(EVERYBODY, budget=1.5)])
    alice.ledger.add(REQUEST, service=SERVICE, price=0.6)
    with pytest.raises(BudgetExceeded, match=r"0\.00 USD of your budget of 0\.60 USD is left.*Nothing was sent"):
        alice.ledger.add(REQUEST, service=SERVICE, price=0.6)
    bob.ledger.add(REQUEST, service=SERVICE, price=0.6)
    with pytest.raises(BudgetExceeded, match=r"0\.30 USD of the budget of 1\.50 USD"):
        bob.ledger.add(REQUEST, service=SERVICE, price=0.6)
    assert alice.allowances.spent() == {"alice": 0.6, "bob": 0.6}


def test_allowances_that_are_none_are_refused(kernels):
    (a,) = kernels(1)
    for wrong in (Allowance(EACH, budget=-1), Allowance(EVERYBODY, at_once=0), Allowance("alice", at_once=2)):
        with pytest.raises(InvalidRequest, match=r"budget|at_once"):
            a.allowances.put([wrong])
    assert a.allowances.all() == {}
