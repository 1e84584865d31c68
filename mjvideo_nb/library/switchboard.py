"""One connection to a shared database, on a thread of its own: hears what the other kernels tell, renews this kernel's lease,
and holds, or seeks, the one right to poll for everybody.

That right is an advisory lock of the connection, so that it ends with the kernel. A poller that hangs keeps its connection
and loses its lease; whoever notices ends that connection at the server.
"""

from __future__ import annotations

import logging
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from .postgres import CHANNEL, LOCK, PostgreSQL
from .presence import LEASE, Lease

__all__ = ["BEAT", "Switchboard"]

log = logging.getLogger(__name__)

BEAT = 3.0
"""Seconds between two renewals of the lease, and between two tries to become the poller."""
LONGEST_PAUSE = 2.0
EVERYTHING = ""
"""Told to every listener after a time in which nothing could be heard."""

Listener = Callable[[str, str], object]
OnChange = Callable[[bool], object]

HOLDER = text(
    "SELECT held.pid FROM pg_locks held JOIN kernels ON kernels.session = held.pid"
    " WHERE held.locktype = 'advisory' AND held.granted AND held.classid = :lock AND held.objid = :account"
    " AND held.objsubid = 2 AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND kernels.seen < extract(epoch FROM clock_timestamp()) * 1000 - :lease"
)


class Switchboard:
    """Hears and is heard; see above. It begins with `start`.

    Args:
        database: which one.
        lease: this kernel's.

    Attributes:
        connected: whether others can be heard now.
        lost: when they could not be heard any more, by `time.monotonic`.

    """

    def __init__(self, database: PostgreSQL, lease: Lease) -> None:
        self._database = database
        self._lease = lease
        self._guard = threading.Lock()
        self._listeners: list[Listener] = []
        self._sought: dict[str, OnChange] = {}
        self._held: set[str] = set()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self.connected = False
        self.lost = time.monotonic()

    def start(self) -> None:
        """Begin, if it has not begun."""
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mjvideo-switchboard", daemon=True)
                self._thread.start()

    def listen(self, listener: Listener) -> None:
        """Call `listener`, on the thread, with what has changed and the name of the job, or "" for all of them."""
        with self._guard:
            self._listeners.append(listener)

    def seek(self, account: str, on_change: OnChange) -> None:
        """Seek the right to poll the tasks of an `account` for everybody; `on_change` is told when it comes and goes.

        Whoever asked for the same account before is told that it is gone.
        """
        with self._guard:
            before, self._sought[account] = self._sought.get(account), on_change
            held = account in self._held
        if held:
            if before:
                before(False)
            on_change(True)

    def leave(self, account: str, on_change: OnChange) -> None:
        """Seek that right no more, and let another kernel have it; nothing where somebody else seeks it here now."""
        with self._guard:
            if self._sought.get(account) == on_change:
                del self._sought[account]

    def stop(self) -> None:
        """End it, and with it the right to poll."""
        self._ends.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(LONGEST_PAUSE + 2 * BEAT)

    def _run(self) -> None:
        import psycopg

        pause = 0.1
        while not self._ends.is_set():
            try:
                with self._database.listening() as connection:
                    pause = 0.1
                    self._hear(connection)
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.info("the shared library cannot be heard: %s", error)
            finally:
                self._disconnected()
            self._ends.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _hear(self, connection: Connection) -> None:
        wire: Any = connection.connection.dbapi_connection
        wire.execute(f"LISTEN {CHANNEL}")
        self._beat(connection)
        self.connected = True
        self._tell(EVERYTHING, "")
        due = time.monotonic() + BEAT
        while not self._ends.is_set():
            for notice in wire.notifies(timeout=min(0.5, max(0.0, due - time.monotonic()))):
                about, _, names = notice.payload.partition(":")
                for name in names.split(","):
                    self._tell(about, name)
                if time.monotonic() >= due:
                    break
            if time.monotonic() >= due:
                self._beat(connection)
                due = time.monotonic() + BEAT

    def _beat(self, connection: Connection) -> None:
        self._lease.renew_in(connection, connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]
        with self._guard:
            wanted, given_up = self._sought.keys() - self._held, self._held - self._sought.keys()
            self._held -= given_up
        for account in given_up:
            connection.execute(text("SELECT pg_advisory_unlock(:lock, :account)"), _key(account))
        for account in wanted:
            self._try(connection, account)

    def _try(self, connection: Connection, account: str) -> None:
        key = _key(account)
        if connection.scalar(text("SELECT pg_try_advisory_lock(:lock, :account)"), key):
            with self._guard:
                self._held.add(account)
                on_change = self._sought.get(account)
            if on_change:
                on_change(True)
            return
        for row in connection.execute(HOLDER, {**key, "lease": int(LEASE * 1000)}):
            log.warning("whoever polled for all was not heard of for %.0f s; another kernel takes its place", LEASE)
            try:
                connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": row.pid})
            except ProgrammingError as error:  # another role's, and this one was not given pg_signal_backend
                log.warning("that kernel's connection could not be ended: %s", error.orig)

    def _disconnected(self) -> None:
        if self.connected:
            self.connected, self.lost = False, time.monotonic()
        with self._guard:
            lost = [self._sought[account] for account in self._held & self._sought.keys()]
            self._held.clear()
        for on_change in lost:
            on_change(False)

    def _tell(self, about: str, name: str) -> None:
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(about, name)


def _key(account: str) -> dict[str, int]:
    """The advisory lock of whoever polls the tasks of an account."""
    return {"lock": LOCK, "account": zlib.crc32(account.encode()) & 0x7FFFFFFF}
