"""Which kernels are there.

Beside a folder each holds a lock on a file of its own, which the system lets go of when the process ends: so a task whose
kernel was killed can be taken over at once, also by a kernel on another machine that shares the folder, as far as the file
system keeps locks at all, which SQLite needs as well. On a shared account each has a lease in the database, and renews it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Select, delete, insert, select, update

from mjvideo_nb.errors import LibraryError

from .database import Database
from .tables import kernels, writes

__all__ = ["LEASE", "FilePresence", "Lease", "Onlooker", "Presence", "alive"]

log = logging.getLogger(__name__)

SUFFIX = ".alive"
LEASE = 30.0
"""Seconds after which a kernel that was not heard of is taken for gone."""
REMEMBERED = 7 * 24 * 3600 * 1000
"""Milliseconds for which a kernel that is gone, and a write that went through, are remembered."""


class Presence(Protocol):
    """This kernel among those of a library.

    Attributes:
        token: its name there.

    """

    token: str

    def is_alive(self, token: str) -> bool:
        """Whether the kernel of this `token` still runs."""

    def gone(self, tokens: Iterable[str], seconds: float = 0.0) -> set[str]:
        """Which of these kernels are not there any more, and have not been for so many seconds as far as that is known."""

    def end(self) -> None:
        """Give up this presence; what it works on may be taken over."""


class FilePresence:
    """This process in a folder, and a look at the others.

    Args:
        folder: where the files are.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._process = os.getpid()
        while True:
            self.token = secrets.token_hex(8)
            self._lock = FileLock(self._file(self.token), thread_local=False)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                continue  # somebody looked whether it is held in the moment before it was
            return

    def is_alive(self, token: str) -> bool:
        """Whether the process of this token still runs."""
        if token == self.token:
            return True
        file = self._file(token)
        if not token or not file.exists():
            return False
        lock = FileLock(file, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        file.unlink(missing_ok=True)
        lock.release()
        return False

    def gone(self, tokens: Iterable[str], seconds: float = 0.0) -> set[str]:  # noqa: ARG002 - nothing tells since when
        """Which of these kernels have ended."""
        return {token for token in tokens if not self.is_alive(token)}

    def end(self) -> None:
        """Give up this presence; what it works on may be taken over."""
        if os.getpid() == self._process:  # a fork must not end its parent's
            self._file(self.token).unlink(missing_ok=True)
            self._lock.release()

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}{SUFFIX}"


class Lease:
    """This kernel in a shared database.

    Args:
        database: where.
        person: whose it is.

    """

    def __init__(self, database: Database, person: str) -> None:
        self._database = database
        self._person = person
        self._process = os.getpid()
        self.token = secrets.token_hex(8)
        self.renew()

    def renew(self) -> None:
        """Be there for another while."""
        self._database.write(self.renew_in, alone=False)

    def renew_in(self, connection: Connection, session: int | None = None) -> None:
        """The same in a transaction of the caller's.

        Args:
            connection: the transaction.
            session: the server process of the connection that this kernel listens on.

        """
        values = {"seen": self._database.clock(connection), "session": session}
        if not connection.execute(update(kernels).where(kernels.c.token == self.token).values(**values)).rowcount:
            row = {"token": self.token, "person": self._person, "host": socket.gethostname(), **values}
            connection.execute(insert(kernels), row)

    def is_alive(self, token: str) -> bool:
        """Whether the kernel of this `token` was heard of lately."""
        return not self.gone([token])

    def gone(self, tokens: Iterable[str], seconds: float = 0.0) -> set[str]:
        """Which of these kernels were not heard of lately, and not for so many seconds more."""
        return _gone(self._database, tokens, seconds) - {self.token}

    def end(self) -> None:
        """Give up this lease; what it works on may be taken over."""
        if os.getpid() != self._process:
            return

        def work(connection: Connection) -> None:
            clock = self._database.clock(connection)
            here = update(kernels).where(kernels.c.token == self.token)
            connection.execute(here.values(seen=clock - int(LEASE * 1000), session=None))
            connection.execute(delete(kernels).where(kernels.c.seen < clock - REMEMBERED))
            connection.execute(delete(writes).where(writes.c.at < clock - REMEMBERED))

        try:
            self._database.write(work, alone=False)
        except LibraryError as error:
            log.info("the lease is left to run out: %s", error)


class Onlooker:
    """Whoever may only read a shared database: sees who is there, and is not seen.

    Args:
        database: where.

    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.token = secrets.token_hex(8)

    def is_alive(self, token: str) -> bool:
        """Whether the kernel of this `token` was heard of lately."""
        return not self.gone([token])

    def gone(self, tokens: Iterable[str], seconds: float = 0.0) -> set[str]:
        """Which of these kernels were not heard of lately, and not for so many seconds more."""
        return _gone(self._database, tokens, seconds)

    def end(self) -> None:
        """Nothing: there is no lease to give up."""


def _gone(database: Database, tokens: Iterable[str], seconds: float) -> set[str]:
    with database.read() as connection:
        there = alive(database.clock(connection) - int(seconds * 1000))
        return set(tokens) - set(connection.scalars(there))


def alive(clock: int) -> Select[tuple[str]]:
    """The kernels that are there at this time of the `clock`, in ms."""
    return select(kernels.c.token).where(kernels.c.seen > clock - int(LEASE * 1000))
