"""A library on a server: what is asked of it while the server goes away, and what it says where it cannot be had."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from mjvideo_nb.errors import InvalidRequest, LibraryError
from mjvideo_nb.library import JobState, Library, Query, postgres, tables
from mjvideo_nb.models import Task, VideoRequest

REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")


@pytest.fixture
def shared(shared_database, tmp_path):
    library = Library(tmp_path / "machine", shared_database)
    yield library
    library.close()


def test_a_restart_between_two_writes_is_not_noticed(shared, cluster):
    entry = shared.ledger.add(REQUEST, service="s")
    cluster.restart()
    shared.ledger.sending(entry.id)
    cluster.restart()
    assert shared.shelf.get(entry.id).state == JobState.SENDING


def test_a_write_waits_for_a_server_that_is_away(shared, cluster):
    entry = shared.ledger.add(REQUEST, service="s")
    cluster.crash()
    back = threading.Timer(1.0, cluster.start)
    back.start()
    shared.ledger.sending(entry.id)
    back.join()
    assert shared.shelf.get(entry.id).state == JobState.SENDING


def test_a_crash_in_the_midst_of_a_transaction_does_it_once_in_the_end(shared, cluster):
    entry = shared.ledger.add(REQUEST, service="s")
    tries = []

    def work(connection):
        connection.execute(text("UPDATE jobs SET price = price + 1 WHERE id = :id"), {"id": entry.id})
        tries.append(1)
        if len(tries) == 1:
            cluster.crash()
            cluster.start()

    shared._database.write(work)
    assert len(tries) == 2
    assert shared.shelf.get(entry.id).price == 1


def test_a_commit_whose_answer_was_lost_is_not_done_again(shared, monkeypatch):
    """The connection breaks after the commit has reached the server, before its answer has come back."""
    entry = shared.ledger.add(REQUEST, service="s")
    database, tries = shared._database, []
    dialect = database._engine.dialect
    commit = dialect.do_commit

    def cut(connection):
        commit(connection)
        if len(tries) == 1:
            monkeypatch.setattr(dialect, "do_commit", commit)
            wire = connection.dbapi_connection
            wire.close()
            wire.execute("SELECT 1")  # raises, as a commit does whose connection has gone

    def work(connection):
        tries.append(1)
        connection.execute(text("UPDATE jobs SET price = price + 1 WHERE id = :id"), {"id": entry.id})
        return "done"

    monkeypatch.setattr(dialect, "do_commit", cut)
    assert database.write(work) == "done"
    assert len(tries) == 1
    assert shared.shelf.get(entry.id).price == 1


def test_a_server_that_stays_away_is_told_without_a_secret(shared, cluster, monkeypatch):
    monkeypatch.setattr(postgres, "PATIENCE", 0.2)
    cluster.stop()
    with pytest.raises(LibraryError, match=r"postgresql://.*cannot be used.*nothing was sent.*mj\.connect\(database"):
        shared.ledger.add(REQUEST, service="s")
    cluster.start()


def test_a_password_is_not_repeated(cluster, tmp_path):
    address = cluster.url("nowhere").replace("owner@", "owner:hunter2@")
    with pytest.raises(LibraryError, match="nowhere") as caught:
        Library(tmp_path, address)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)


@pytest.mark.parametrize("address", ["mysql://host/name", "postgresql://host", "videos", "postgresql+psycopg://"])
def test_an_address_that_is_none_is_refused_by_name(tmp_path, address):
    with pytest.raises(InvalidRequest, match=r"database: .*postgresql\+psycopg://") as caught:
        Library(tmp_path, address)
    assert caught.value.field == "database"


def test_text_with_a_nul_is_kept_without_it(shared):
    entry = shared.ledger.add(REQUEST, service="s")
    shared.ledger.sending(entry.id)
    shared.ledger.accepted(entry.id, Task("1"))
    shared.ledger.failed(entry.id, Task("1", status="FAILURE"), LibraryError("cut\0off"))
    assert shared.shelf.get(entry.id).error == "cut\ufffdoff"


def test_kernels_that_open_an_empty_database_at_once_make_its_tables_once(shared_database, tmp_path):
    opened, failed = [], []

    def open_one(number):
        try:
            opened.append(Library(tmp_path / str(number), shared_database))
        except LibraryError as error:
            failed.append(error)

    threads = [threading.Thread(target=open_one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with opened[0]._database.read() as connection:
        assert len(connection.execute(tables.meta.select()).all()) == 1
    for library in opened:
        library.close()


def test_two_who_write_at_once_both_count(shared, shared_database, tmp_path):
    other = Library(tmp_path / "other", shared_database)
    threads = [
        threading.Thread(
            target=lambda library=library: [library.ledger.add(REQUEST, service="s", price=1.0) for _ in range(25)]
        )
        for library in (shared, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.spent() == 50
    assert shared.shelf.search(Query())[1] == 50
    other.close()
