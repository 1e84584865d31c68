"""A library's tables in a file of its folder. Several kernels may use it at once, as far as the file system keeps locks."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from mjvideo_nb.errors import LibraryError

from .database import SAFE, Database
from .entries import now

__all__ = ["BUSY_TIMEOUT", "FILE", "SQLite"]

T = TypeVar("T")

FILE = "library.sqlite"
BUSY_TIMEOUT = 60.0
"""Seconds to wait while another kernel writes; its transactions take milliseconds."""
BALLAST = "reserve"
BALLAST_SIZE = 256 * 1024
"""Bytes kept back, so that what became of a paid request can still be written on a full disk."""


class SQLite(Database):
    """The tables in a file of the library's folder.

    Args:
        folder: where the file is; made if it is not there.

    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.where = str(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(folder, str(error.strerror or error)) from error
        self._ballast = folder / BALLAST
        self._has_ballast = False
        self._guard = threading.Lock()
        super().__init__(folder, _engine(self.path))
        self._keep_ballast()

    def write(self, work: Callable[[Connection], T], *, last_words: bool = False, alone: bool = True) -> T:  # noqa: ARG002 - here everybody is alone
        """As for every database. On a full disk last words have the space that was kept back for them.

        Nothing else has, so that nothing new begins there.
        """
        try:
            done = self._write(work)
        except LibraryError as error:
            if not (error.full and last_words and self._drop_ballast()):
                raise
            return self._write(work)
        self._keep_ballast()
        return done

    def clock(self, connection: Connection) -> int:  # noqa: ARG002 - the machine's own
        """The machine's own clock."""
        return now()

    def tell(self, connection: Connection, about: str, names: Iterable[str] = ("",)) -> None:
        """Nothing: each kernel looks for itself."""

    def _write(self, work: Callable[[Connection], T]) -> T:
        # The lock is taken at the beginning: two transactions that read and then write cannot lock each other out.
        at_once = self._engine.execution_options(immediate=True)
        with self._explained(), at_once.begin() as connection:
            return work(connection)

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
