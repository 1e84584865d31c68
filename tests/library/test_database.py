"""A library that cannot be used says so, says what is safe, and is left as it is; one that is shared works for all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from mjvideo_nb import LibraryError, VideoRequest
from mjvideo_nb.library import JobState, Library, Query, open_library, sqlite, tables
from mjvideo_nb.library.presence import FilePresence
from tests.patience import PATIENCE

from .older import make_older

REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")


@pytest.fixture
def beside(tmp_path):
    """A library with its tables in its folder, for what concerns files."""
    library = Library(tmp_path / "mjvideo")
    yield library
    library.close()


def test_the_journal_is_one_that_network_file_systems_can_bear(beside):
    with closing(sqlite3.connect(beside.folder / "library.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_library_of_a_newer_version_is_left_alone(library, another):
    library.ledger.add(REQUEST, service="s")
    library._database.write(lambda connection: connection.execute(tables.meta.update().values(value="99")))
    with pytest.raises(LibraryError, match=r"newer mjvideo-nb \(version 99.*safe.*Update"):
        another()
    with library._database.read() as connection:
        assert connection.scalars(tables.meta.select().with_only_columns(tables.meta.c.value)).all() == ["99"]


def test_an_older_library_is_brought_up_to_date_once_and_as_a_whole(library, another, monkeypatch):
    entry = library.ledger.add(REQUEST, service="s")
    ran = []

    def migrate(connection):
        ran.append(1)
        connection.exec_driver_sql("ALTER TABLE jobs ADD COLUMN colour TEXT")
        if len(ran) == 1:
            raise RuntimeError("the power failed")

    monkeypatch.setattr(tables, "VERSION", tables.VERSION + 1)
    monkeypatch.setattr(tables, "MIGRATIONS", {tables.VERSION: migrate})
    with pytest.raises(RuntimeError):
        another()
    for _ in range(2):
        again = another()
        assert again.shelf.get(entry.id).prompt == "petals"
    assert len(ran) == 2


def test_a_library_of_the_first_version_gets_what_came_later(library, another):
    entry = library.ledger.add(REQUEST, service="s")
    library._database.write(lambda connection: make_older(connection, form='{"motion": "high"}'))
    again = another()
    assert again.shelf.get(entry.id).prompt == "petals"
    assert again.remembered.settings() == {"motion": "high"}
    with again._database.read() as connection:
        assert connection.execute(tables.sweeps.select()).all() == []
    assert again.ledger.add(REQUEST, service="s").person == again.person


@pytest.mark.parametrize("content", [b"this is no database" * 100, b"SQLite format 3\0" + os.urandom(5000)])
def test_a_damaged_file_is_left_as_it_is(tmp_path, content):
    (tmp_path / "library.sqlite").write_bytes(content)
    with pytest.raises(LibraryError, match=r"damaged.*left as it is.*safe.*backup"):
        Library(tmp_path)
    assert (tmp_path / "library.sqlite").read_bytes() == content


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "mjvideo").write_text("no folder")
    with pytest.raises(LibraryError, match=r"cannot be used.*nothing was sent.*connect\(library"):
        Library(tmp_path / "mjvideo")


def test_a_folder_that_cannot_be_written(beside, monkeypatch):
    """Asked of the database itself, because root may write everywhere."""
    file = beside.folder / "library.sqlite"
    engine = sqlite._engine(file)
    monkeypatch.setattr(beside._database, "_engine", engine)

    @sqlite.event.listens_for(engine, "connect")
    def read_only(connection, _record):
        connection.execute("PRAGMA query_only = ON")

    with pytest.raises(LibraryError, match=r"readonly.*nothing was sent.*Check that the folder can be written"):
        beside.ledger.add(REQUEST, service="s")
    engine.dispose()


def test_a_lock_that_is_never_let_go_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    library = Library(tmp_path)
    with closing(sqlite3.connect(tmp_path / "library.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LibraryError, match="kept locked by another program"):
            library.ledger.add(REQUEST, service="s")
    assert library.ledger.add(REQUEST, service="s").prompt == "petals"
    library.close()


def test_the_same_folder_is_one_library_in_a_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    library = open_library(Path("mjvideo"))
    assert open_library(tmp_path / "mjvideo") is library
    library.close()
    again = open_library(tmp_path / "mjvideo")
    assert again.shelf.search(Query()) == ([], 0)
    again.close()


WRITER = """
import sys
from pathlib import Path
from mjvideo_nb.library import Library
from mjvideo_nb.models import Clip, Task, VideoRequest
from mjvideo_nb.part import Copy

library, name = Library(Path(sys.argv[1])), sys.argv[2]
for number in range(200):
    entry = library.ledger.add(VideoRequest(image="https://x/a.jpg", prompt=f"{name} {number}"), service="s", price=1.0)
    library.ledger.sending(entry.id)
    task = Task(f"{name}{number}", status="SUCCESS", clips=(Clip(f"{name}{number}", 0),))
    library.ledger.accepted(entry.id, task)
    library.ledger.finished(entry.id, task)
    library.ledger.kept(entry.id, {0: Copy(library.folder / "clips" / f"{name}{number}.mp4", 1, "d")})
library.close()
"""


def test_two_kernels_write_two_hundred_jobs_each_at_once(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name], stderr=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    said = [writer.communicate(timeout=PATIENCE)[1] for writer in writers]
    assert said == ["", ""]
    library = Library(tmp_path)
    entries, total = library.shelf.search(Query(), limit=1000)
    assert total == 400
    assert {entry.prompt for entry in entries} == {f"{name} {number}" for name in "ab" for number in range(200)}
    assert Counter(entry.state for entry in entries) == {JobState.DONE: 400}
    assert all(entry.task_id == entry.prompt.replace(" ", "") and entry.is_kept for entry in entries)
    assert library.spent() == 400
    library.close()


HOLDER = "import sys; from pathlib import Path; from mjvideo_nb.library.presence import FilePresence\np = FilePresence(Path(sys.argv[1])); print(p.token, flush=True); input()"


def test_a_kernel_is_there_until_it_is_killed(tmp_path):
    me = FilePresence(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        token = other.stdout.readline().strip()
        assert me.is_alive(token)
        assert me.is_alive(me.token)
        other.kill()
        other.wait()
    assert not me.is_alive(token)
    assert not me.is_alive("")
    assert not me.is_alive("nobody")
    me.end()
