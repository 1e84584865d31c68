"""The database of a library: opened, brought up to date, and asked in short transactions whose failures are in words.

What is the same on every database is here; what is not, in `sqlite` and `postgres`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError

from mjvideo_nb.errors import LibraryError

from . import tables

__all__ = ["SAFE", "Database"]

T = TypeVar("T")

SAFE = "Clips that are on disk are safe, and nothing was sent because of this."


class Database(ABC):
    """One library's tables. Usable from any thread.

    Args:
        folder: where the library's files are on this machine.
        engine: what connects.

    Attributes:
        where: how messages call it.
        shared: whether kernels on many machines write in it.

    Raises:
        LibraryError: it cannot be used; says why, what is safe and what to do.

    """

    where: str
    shared = False

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self._engine = engine
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    @property
    def reads_only(self) -> bool:
        """Whether nothing can be written here; where that is known beforehand."""
        return False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads.

        Raises:
            LibraryError: it failed.

        """
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @abstractmethod
    def write(self, work: Callable[[Connection], T], *, last_words: bool = False, alone: bool = True) -> T:
        """Do some work in one transaction, which is on disk when this returns.

        Args:
            work: what to do; done again from the beginning where the first try failed.
            last_words: what became of a paid request; more is done to have it written.
            alone: nobody else writes meanwhile, so that what was read stays true. Without it a statement or two go their
                way beside others, where the database lets them.

        Raises:
            LibraryError: it failed, and nothing of it was done.

        """

    @abstractmethod
    def clock(self, connection: Connection) -> int:
        """Milliseconds since the epoch, by one clock for every kernel on this library."""

    @abstractmethod
    def tell(self, connection: Connection, about: str, names: Iterable[str] = ("",)) -> None:
        """Tell the other kernels when this transaction is through; where each looks for itself, nothing.

        Args:
            connection: the transaction.
            about: what has changed.
            names: of which jobs.

        """

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            found = self._version(connection)
        if found != tables.VERSION:
            self.write(self._migrate)

    def _version(self, connection: Connection) -> int:
        """The version of the tables that are there; 0 where there are none."""
        if not inspect(connection).has_table(tables.meta.name):
            return 0
        value = connection.scalar(select(tables.meta.c.value).where(tables.meta.c.name == "version"))
        return int(value or 0)

    def _migrate(self, connection: Connection) -> None:
        found = self._version(connection)  # again, under the lock: another kernel may have done it meanwhile
        if found > tables.VERSION:
            raise LibraryError(
                f"The library in {self.where} was made by a newer mjvideo-nb (version {found} of its tables; this one "
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

    @abstractmethod
    def _in_words(self, error: SQLAlchemyError) -> LibraryError:
        """What a failure means, and what to do."""
