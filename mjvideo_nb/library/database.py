"""The database of a library: opened, brought up to date, and asked in short transactions whose failures are in words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from mjvideo_nb.errors import LibraryError

from . import tables

__all__ = ["BUSY_TIMEOUT", "FILE", "Database"]

T = TypeVar("T")

FILE = "library.sqlite"
BUSY_TIMEOUT = 60.0
"""Seconds to wait while another kernel writes; its transactions take milliseconds."""
BALLAST = "reserve"
BALLAST_SIZE = 256 * 1024
"""Bytes kept back, so that what became of a paid request can still be written on a full disk."""

SAFE = "Clips that are on disk are safe, and nothing was sent because of this."


class Database:
    """One library's tables, in a file of its folder. Usable from any thread.

    Args:
        folder: where the file is; made if it is not there.

    Raises:
        LibraryError: it cannot be used; says why, what is safe and what to do.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, str(error.strerror or error)) from error
        self._engine = _engine(self.path)
        self._ballast = folder / BALLAST
        self._has_ballast = False
        self._guard = threading.Lock()
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise
        self._keep_ballast()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads.

        Raises:
            LibraryError: it failed.

        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], T], *, last_words: bool = False) -> T:
        """Do some work in one transaction, which is on disk when this returns.

        Args:
            work: what to do; done again from the beginning where the first try failed.
            last_words: what became of a paid request. On a full disk it has the space that was kept back for this;
                nothing else has, so that nothing new begins there.

        Raises:
            LibraryError: it failed, and nothing of it was done.

        """
        try:
            done = self._write(work)
        except LibraryError as error:
            if not (error.full and last_words and self._drop_ballast()):
                raise
            return self._write(work)
        self._keep_ballast()
        return done

    def _write(self, work: Callable[[Connection], T]) -> T:
        # The lock is taken at the beginning: two transactions that read and then write cannot lock each other out.
        at_once = self._engine.execution_options(immediate=True)
        with self._explained(), at_once.begin() as connection:
            return work(connection)

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            found = self._version(connection)
        if found == tables.VERSION:
            return
        self._write(self._migrate)

    def _version(self, connection: Connection) -> int:
        """The version of the tables in the file; 0 where there are none."""
        if not inspect(connection).has_table(tables.meta.name):
            return 0
        value = connection.scalar(select(tables.meta.c.value).where(tables.meta.c.name == "version"))
        return int(value or 0)

    def _migrate(self, connection: Connection) -> None:
        found = self._version(connection)  # again, under the lock: another kernel may have done it meanwhile
        if found > tables.VERSION:
            raise LibraryError(
                f"The library in {self.folder} was made by a newer mjvideo-nb (version {found} of its tables; this one "
                f"knows {tables.VERSION}). It was left as it is, and {SAFE[0].lower()}{SAFE[1:]} Update mjvideo-nb, or name "
                "another folder with mj.connect(library=...)."
            )
        if found == 0:
            tables.metadata.create_all(connection)
            connection.execute(insert(tables.meta), {"name": "version", "value": str(tables.VERSION)})
            return
        for version in range(found + 1, tables.VERSION + 1):
            tables.MIGRATIONS[version](connection)
        connection.execute(update(tables.meta).where(tables.meta.c.name == "version").values(value=str(tables.VERSION)))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: SQLAlchemyError) -> LibraryError:
        cause = getattr(error, "orig", None) or error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF if isinstance(cause, sqlite3.Error) else 0
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(self.folder)):
            told = LibraryError(
                f"The disk of {self.folder} is full, so the library could not be written. {SAFE} Make room, then try again."
            )
            told.full = True
            return told
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return LibraryError(
                f"The library's file {self.path} is damaged ({cause}). It was left as it is; the clips and first frames "
                "beside it are files of their own and safe. Put a backup in its place, or rename it: a new one is made, "
                "and mj.open(id) brings back a task by its id."
            )
        if code == sqlite3.SQLITE_BUSY:
            return LibraryError(
                f"The library in {self.folder} was kept locked by another program for {BUSY_TIMEOUT:.0f} s. {SAFE} Close "
                "that program, then try again."
            )
        return _unusable(self.folder, str(cause))

    def _keep_ballast(self) -> None:
        """Keep the space back, or have it back once there is room."""
        if self._has_ballast:
            return
        with self._guard:
            try:
                if not self._ballast.exists():
                    self._ballast.write_bytes(os.urandom(BALLAST_SIZE))  # random: no file system makes it small
                self._has_ballast = True
            except OSError as error:
                self._ballast.unlink(missing_ok=True)
                if not _is_full(self.folder):
                    raise _unusable(self.folder, str(error.strerror or error)) from error

    def _drop_ballast(self) -> bool:
        with self._guard:
            there, self._has_ballast = self._ballast.exists(), False
            self._ballast.unlink(missing_ok=True)
            return there


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, below
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _unusable(folder: Path, why: str) -> LibraryError:
    return LibraryError(
        f"The library in {folder} cannot be used ({why}). {SAFE} Check that the folder can be written to, or name another "
        "with mj.connect(library=...)."
    )


def _is_full(folder: Path) -> bool:
    """Whether there is no room for even a small file. A disk that is full says so in more than one way."""
    if not hasattr(os, "statvfs"):
        return False
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < BALLAST_SIZE
