"""A library's tables on a PostgreSQL server, where kernels on many machines share one account.

Writers take turns by an advisory lock, as they do on a file, so that what one has read stays true until it has written. A
server that restarts is waited for. Each writer leaves a token, so that where a connection broke while a transaction was being
committed, it can be asked whether it went through, and nothing is written twice. (`pg_xact_status` would not do: after a
crash the number of a transaction that was lost may be another's.)
"""

from __future__ import annotations

import importlib.util
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, insert, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from mjvideo_nb.config import Secret
from mjvideo_nb.errors import InvalidRequest, LibraryError

from .database import SAFE, Database
from .tables import jobs, writes

__all__ = ["CHANNEL", "CONNECT", "PostgreSQL", "has_library", "is_passing"]

T = TypeVar("T")

CHANNEL = "mjvideo"
"""On which kernels tell each other that something has changed."""
PATIENCE = 10.0
"""Seconds to wait for a server that is away; a restart takes less, and somebody may be waiting for a cell."""
LAST_WORDS_PATIENCE = 60.0
"""The same for what became of a paid request."""
LONGEST_PAUSE = 1.0
MOST_NAMES = 200
"""Names in one notification, which may have 8,000 bytes."""
LOCK = 0x6D6A76
"""The advisory lock of those who write."""
TURN = text("SELECT pg_advisory_xact_lock(:lock)")

CONNECT = {
    "connect_timeout": 10,
    "application_name": "mjvideo-nb",
    # A peer that has gone without a word is noticed within ten seconds, on both sides.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "options": "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=2"
    " -c idle_in_transaction_session_timeout=15000 -c lock_timeout=10000",
}
PASSING = ("08", "57P", "40001", "40P01", "55P03", "53300", "25P03")
"""SQLSTATEs (or how they begin) of what is over when it is tried again: no connection, restarts, locks."""
PASSING_WORDS = ("starting up", "shutting down", "recovery", "too many", "remaining connection slots", "terminating")


class PostgreSQL(Database):
    """The tables in a database of a server.

    Args:
        folder: where the library's files are on this machine.
        url: `postgresql+psycopg://user:password@host:port/name`. A password is better left to `PGPASSWORD` or `~/.pgpass`.

    """

    shared = True

    def __init__(self, folder: Path, url: Secret) -> None:
        address = _address(url)
        where = URL.create("postgresql", address.username, None, address.host, address.port, address.database)
        self.where = where.render_as_string()
        self.address = address
        super().__init__(folder, _engine(address))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """As for every database: one look at one moment."""
        with self._explained():
            connection = self._patiently(self._reading.connect)
            with connection, connection.begin():
                yield connection

    def write(self, work: Callable[[Connection], T], *, last_words: bool = False, alone: bool = True) -> T:
        """As for every database. A server that is away is waited for, for last words longer."""
        patience = LAST_WORDS_PATIENCE if last_words else PATIENCE
        with self._explained():
            return self._patiently(lambda: self._write(work, alone=alone, patience=patience), patience)

    def clock(self, connection: Connection) -> int:
        """The server's clock."""
        return int(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")) or 0)

    def tell(self, connection: Connection, about: str, names: Iterable[str] = ("",)) -> None:
        """By `NOTIFY`, which is sent when the transaction is through."""
        names = list(names)
        for start in range(0, len(names), MOST_NAMES):
            said = f"{about}:{','.join(names[start : start + MOST_NAMES])}"
            connection.execute(text("SELECT pg_notify(:channel, :said)"), {"channel": CHANNEL, "said": said})

    @contextmanager
    def listening(self) -> Iterator[Connection]:
        """A connection of one's own, which ends with the block; each statement is a transaction."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # it listens and holds locks: nobody else may have it afterwards
            yield connection

    @property
    def reads_only(self) -> bool:
        """Whether the role that this connects as may not add anything."""
        with self.read() as connection:
            return not connection.scalar(text(f"SELECT has_table_privilege('{jobs.name}', 'INSERT')"))

    @property
    def _reading(self) -> Engine:
        return self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _write(self, work: Callable[[Connection], T], *, alone: bool, patience: float) -> T:
        if not alone:
            with self._engine.begin() as connection:
                return work(connection)
        token, worked = secrets.token_hex(16), False
        try:
            with self._engine.begin() as connection:
                connection.execute(TURN, {"lock": LOCK})
                done = work(connection)
                connection.execute(insert(writes), {"token": token, "at": self.clock(connection)})
                worked = True
        except SQLAlchemyError as error:
            if not (worked and is_passing(error) and self._patiently(lambda: self._went_through(token), patience)):
                raise
        return done

    def _went_through(self, token: str) -> bool:
        """Whether a transaction was committed whose end was not heard of. It has ended when it is one's turn again."""
        with self._engine.begin() as connection:
            connection.execute(TURN, {"lock": LOCK})
            return connection.scalar(select(writes.c.token).where(writes.c.token == token)) is not None

    def _patiently(self, work: Callable[[], T], patience: float = PATIENCE) -> T:
        """Do it, again while the server is away."""
        deadline, pause = time.monotonic() + patience, 0.05
        while True:
            try:
                return work()
            except SQLAlchemyError as error:
                if not is_passing(error) or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _in_words(self, error: SQLAlchemyError) -> LibraryError:
        cause = getattr(error, "orig", None) or error
        state = getattr(cause, "sqlstate", None) or ""
        said = " ".join(str(cause).split())
        if state == "53100":
            return LibraryError(
                f"The disk of the server of {self.where} is full, so the library could not be written. {SAFE} Tell whoever "
                "looks after the server, then try again."
            )
        if state == "42501":
            return LibraryError(
                f"You may not do this in the library {self.where} ({said}). {SAFE} Ask whoever looks after the account for "
                "the role to read or to spend."
            )
        return LibraryError(
            f"The library {self.where} cannot be used ({said}). {SAFE} Try again when the server answers, or name another "
            "with mj.connect(database=...)."
        )


def is_passing(error: BaseException) -> bool:
    """Whether it may be over when it is tried again."""
    if getattr(error, "connection_invalidated", False):
        return True
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    if state:
        return bool(state.startswith(PASSING))
    import psycopg

    said = str(cause)
    # What a server that is there says before it lets one in begins so: a wrong password stays wrong.
    return isinstance(cause, psycopg.OperationalError) and (
        "FATAL" not in said or any(w in said for w in PASSING_WORDS)
    )


def has_library(url: Secret) -> bool:
    """Whether a library is in the database at this address. Nothing is made there for an answer.

    Raises:
        InvalidRequest: it is no address, or psycopg is missing.
        LibraryError: the database cannot be asked.

    """
    engine = _engine(_address(url))
    try:
        return inspect(engine).has_table(jobs.name)
    except SQLAlchemyError as error:
        said = " ".join(str(getattr(error, "orig", None) or error).split())
        raise LibraryError(f"The database cannot be asked ({said}). Nothing was sent because of this.") from error
    finally:
        engine.dispose()


def _address(url: Secret) -> URL:
    if importlib.util.find_spec("psycopg") is None:
        raise InvalidRequest(
            'database: a PostgreSQL library needs psycopg: pip install "mjvideo-nb[shared]", then restart the kernel.',
            field="database",
        )
    try:
        address = make_url(url.reveal()).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):  # the latter where the port is no number, or a password has a slash in it
        address = None
    if address is None or not address.database:
        raise InvalidRequest(
            "database: an address such as postgresql+psycopg://user@host/name, with the name of the database.",
            field="database",
        )
    return address


def _engine(address: URL) -> Engine:
    # One connection is kept, and more are made where several threads work at once: a server has a few hundred in all.
    url = address.render_as_string(hide_password=False)
    return create_engine(
        url, hide_parameters=True, connect_args=dict(CONNECT), pool_pre_ping=True, pool_size=1, max_overflow=7
    )
