"""What jobs are sent to, and where they are kept: the service with its limits, and the library.

The sandbox is the service where there is no key. The library is opened, and what an earlier kernel left behind is picked
up, when the first job is made or asked for.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mjvideo_nb import config, elsewhere, storage
from mjvideo_nb.account import balance_at
from mjvideo_nb.client import Client
from mjvideo_nb.errors import AuthenticationError, InvalidRequest, SandboxUnavailable
from mjvideo_nb.limits import AT_ONCE, Limits
from mjvideo_nb.sandbox.process import missing

from .gateway import Gateway
from .iothread import io

if TYPE_CHECKING:
    from mjvideo_nb.library import Entry, Library

    from .jobs import Jobs

__all__ = ["SANDBOX", "Session", "connect", "current"]

CLIPS_AT_ONCE = 4
SANDBOX = "sandbox"
"""The sandbox as a service: it has another address each time, and the same tasks."""

NO_SERVICE = (
    "There is no key, and the sandbox is not installed. For the service: set the environment variable COMETAPI_KEY "
    'before the notebook starts, or call mj.connect(api_key=...). To try without a key: pip install "mjvideo-nb[sandbox]" '
    "and restart the kernel."
)


class Session:
    """What jobs are sent to, and where they are kept.

    Args:
        api_key: the key; by default from `COMETAPI_KEY`, then the system's key store.
        base_url: the service's address; by default `COMETAPI_BASE_URL`, then CometAPI's.
        library: the folder that keeps everything, by default `./mjvideo`; or the URL of a storage (`s3://...`), to which
            clips are copied as well.
        database: the address of a PostgreSQL database that kernels on many machines share; by default a file of the folder.
        price: USD a call, one figure or one by video type; by default 0.60.
        headers: further headers for the service, such as `{"mj-api-secret": ...}` for a bare proxy.
        sandbox: True for the embedded sandbox even where there is a key, False for never; by default it serves
            where there is no key.
        at_once: tasks running at once; further ones wait their turn.
        budget: USD that all jobs of the library together may cost, or None for no limit.
        fault: in the sandbox, what shall go wrong: names of `mjvideo-nb sandbox --faults`, with `*2` behind one for the
            next two times.
        executor: what makes posters and copies to the storage, or None for threads.

    Attributes:
        service: the address of the service, or "sandbox".
        storage: where clips are copied to, or None.
        gateway: the way to the service.
        fetching: held for each clip that is brought here from another machine's copy; so many come at a time.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        library: str | Path | None = None,
        database: str | None = None,
        price: float | Mapping[str, float] | None = None,
        headers: Mapping[str, str] | None = None,
        sandbox: bool | None = None,
        at_once: int = AT_ONCE,
        budget: float | None = None,
        fault: str | Sequence[str] = (),
        executor: Executor | None = None,
    ) -> None:
        elsewhere.check(executor)
        self.executor = executor
        if sandbox and (api_key or base_url):
            raise InvalidRequest(
                "sandbox: it has its own address and needs no key; give one or the other.", field="sandbox"
            )
        self._key = None if sandbox else config.api_key(api_key)
        self._headers = config.secret_headers(headers)
        forced = sandbox if sandbox is not None else config.sandbox_forced() and not (api_key or headers)
        self.sandbox = forced or (sandbox is None and self._key is None and not self._headers)
        faults = (fault,) if isinstance(fault, str) else tuple(fault)
        if faults and not self.sandbox:
            raise InvalidRequest("fault: only the sandbox goes wrong on demand; add sandbox=True.", field="fault")
        self.service = SANDBOX if self.sandbox else config.base_url(base_url)
        url = config.library_url(library)
        self.storage = storage.Storage(url) if url else None
        self.folder = config.library(library).absolute()
        self.database = config.database(database)
        # The sandbox costs nothing, whatever a call may cost elsewhere. What was spent is in the library, which holds the
        # budget against it: the client only counts places.
        self.limits = Limits(at_once=at_once, budget=budget, price=0.0 if self.sandbox else price)
        self.writer = ThreadPoolExecutor(1, "mjvideo-library")
        self._jobs: Jobs | None = None
        self._picking_up: Future[None] | None = None
        self._beginning = threading.RLock()
        self.gateway = Gateway(self, faults)
        self.fetching = asyncio.Semaphore(CLIPS_AT_ONCE)

    @property
    def problem(self) -> str:
        """Why nothing can be made here, with the remedies; "" where all is well."""
        if self.sandbox and missing():
            return NO_SERVICE
        if not self.sandbox and self._key is None and not self._headers:
            return f"There is no key. {config.HOW_TO_GIVE_A_KEY}"
        return ""

    def check(self) -> None:
        """Raise what stands in the way of sending anything.

        Raises:
            SandboxUnavailable: there is neither a key nor the sandbox's extra.
            AuthenticationError: there is no key, and the sandbox is not wanted.

        """
        if self.problem:
            raise (SandboxUnavailable if self.sandbox else AuthenticationError)(self.problem)

    # What lasts

    @property
    def library(self) -> Library:
        """The library, open.

        Raises:
            LibraryError: it cannot be used; says why, what is safe and what to do.

        """
        from mjvideo_nb.library import open_library  # it loads SQLAlchemy, which the first job needs and no import

        return open_library(self.folder, self.database)

    @property
    def jobs(self) -> Jobs:
        """The jobs of this session. What an earlier kernel left behind goes on as soon as they are first asked for.

        Raises:
            LibraryError: the library cannot be used.

        """
        from .jobs import Jobs

        with self._beginning:
            if self._jobs is None:
                self._jobs = Jobs(self)
                self._jobs.pick_up()
                self._picking_up = io.start(self._jobs.keep_picking_up())
                io.start(self.gateway.take_part())
            return self._jobs

    @property
    def has_jobs(self) -> bool:
        """Whether any were asked for: then the library is open."""
        return self._jobs is not None

    def take_jobs(self) -> None:
        """What is begun from the cards that are there goes by the settings of this session from now on."""
        self.jobs.all_belong_to(self)

    def serves(self, service: str) -> bool:
        """Whether tasks of this `service` can be followed from here: the speed in a gateway's path does not matter."""
        if SANDBOX in {service, self.service}:
            return service == self.service
        return config.account_of(service) == self.account

    def keeps_with(self, other: Session) -> bool:
        """Whether the `other` session keeps its jobs in the same library."""
        of_both = [one.database.digest if one.database else "" for one in (self, other)]
        return self.folder == other.folder and of_both[0] == of_both[1]

    def take_over(self) -> list[Entry]:
        """Settle what kernels that have ended left behind; what this one has to go on with now."""
        return self.library.take_over(self.serves)

    # What it costs

    def price_of(self, short_type: str) -> float:
        """USD for one call of a video type (`short_type`); 0 where there is no price and no budget to hold it against.

        Raises:
            InvalidRequest: there is a budget, and no price for this video type.

        """
        return self.limits.price_to_hold(short_type)

    def price_words(self, short_type: str) -> str:
        """The price of a press for a video type (`short_type`), as the form and the buttons say it."""
        if self.sandbox:
            return "free in the sandbox"
        figure = self.limits.price_of(short_type)
        words = "price unknown" if figure is None else f"about {figure:.2f} USD"
        left = self.left
        return words if left is None else f"{words}, {left:.2f} USD left"

    @property
    def left(self) -> float | None:
        """USD that may still be spent, or None where there is no budget."""
        if self.limits.budget is None:
            return None
        return max(0.0, self.limits.budget - self._spent)

    @cached_property
    def _spent(self) -> float:
        return self.library.spent()

    def money_changed(self) -> None:
        """Add up again what was spent when it is next asked for."""
        self.__dict__.pop("_spent", None)

    def balance(self) -> float:
        """What the account has left, in USD.

        Raises:
            AuthenticationError: there is no key, or it is not known there.
            InvalidRequest: the service is another one, which has no such address.
            ServiceError: no answer, or none that can be read.

        """
        self.check()
        return io.wait(io.start(balance_at(self.service, self._key)))

    # The service

    @property
    def account(self) -> str:
        """What stands for the account: the service's address without a path, or "sandbox"."""
        return self.service if self.sandbox else config.account_of(self.service)

    def open_client(self) -> Client:
        """A client of the service, with the key."""
        return Client(self._key, self.service, headers=self._headers)

    def close(self) -> None:
        """Close the connections and end the sandbox, if this session started one. Tasks at a service go on."""
        if self._picking_up:
            self._picking_up.cancel()
        io.start(self.gateway.close()).result()

    def __repr__(self) -> str:
        if self.sandbox:
            where = "the sandbox: clips are rendered on this machine, not by Midjourney"
        else:
            where = (
                f"{self.service}, {'key [secret]' if self._key else 'headers [secret]' if self._headers else 'no key'}"
            )
        here = Path.cwd()
        folder = self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder
        kept = f"{folder}"
        if self.database:
            kept += " and the shared database"
        kept += f" and copied to {self.storage.url}" if self.storage else ""
        return f"mjvideo_nb session: {where}; everything is kept in {kept}"


_guard = threading.Lock()
_current: Session | None = None
_all: list[Session] = []


def current() -> Session:
    """The session that new jobs belong to; made with the defaults when first asked for."""
    with _guard:
        return _current or _adopt(Session())


def connect(
    api_key: str | None = None,
    base_url: str | None = None,
    *,
    library: str | Path | None = None,
    database: str | None = None,
    price: float | Mapping[str, float] | None = None,
    headers: Mapping[str, str] | None = None,
    sandbox: bool | None = None,
    at_once: int = AT_ONCE,
    budget: float | None = None,
    fault: str | Sequence[str] = (),
    executor: Executor | None = None,
) -> Session:
    """Choose the service and the folder for the jobs made from now on; only needed where the defaults do not do.

    Jobs that run already go on where they are.

    Args:
        api_key: the key. Better in the environment (`COMETAPI_KEY`): what stands in a cell is saved with the notebook.
        base_url: the address of CometAPI or of a compatible gateway.
        library: the folder that keeps everything, by default `./mjvideo`; or the URL of a storage such as
            `s3://bucket/videos` (extra `cloud`), to which clips are copied as well.
        database: where kernels on many machines share one account, the PostgreSQL database (extra `shared`) that has the
            tables instead of a file of the folder, such as `postgresql+psycopg://me@host/videos`; also `MJVIDEO_DATABASE`.
        price: USD a call, one figure or one by video type (`{"480p": 0.6, "720p": 1.1}`).
        headers: further headers, such as `{"mj-api-secret": ...}` for a bare proxy.
        sandbox: True for the embedded sandbox even where there is a key, False for never.
        at_once: tasks running at once, as the provider advises five; further ones wait their turn.
        budget: USD that everything in the library together may cost, what was spent before included; a request beyond
            it is refused before it is sent.
        fault: with `sandbox=True`, what shall go wrong, to see how that looks: names of `mjvideo-nb sandbox --faults`,
            such as `"queue-full*2"` for the next two times. `[fault:NAME]` in a prompt does it to one task.
        executor: where posters and copies to the storage are made, such as a process pool or a Dask client's
            `client.get_executor()`; by default in threads. It stays open, and is yours to close.

    Returns:
        The session, which tells where things go and never the key.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """
    session = Session(
        api_key,
        base_url,
        library=library,
        database=database,
        price=price,
        headers=headers,
        sandbox=sandbox,
        at_once=at_once,
        budget=budget,
        fault=fault,
        executor=executor,
    )
    with _guard:
        return _adopt(session)


def _adopt(session: Session) -> Session:
    global _current
    before, _current = _current, session
    if before and before.has_jobs and before.keeps_with(session):
        session.take_jobs()
    _all.append(session)
    return session


def _stop_all() -> None:
    io.stop()
    for session in _all:
        session.gateway.stop()


def _forget_after_fork() -> None:
    # The parent's connections, sandbox and lock are not ours to use or to stop.
    global _current, _guard  # noqa: PLW0603
    _guard = threading.Lock()
    _current = None
    _all.clear()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
