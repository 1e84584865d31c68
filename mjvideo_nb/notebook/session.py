"""Where a notebook's jobs run: one I/O thread with its own event loop, and the service they are sent to.

A task on the kernel's own loop freezes while a plain cell runs; one on a thread of its own goes on, and its widgets move.
So all I/O of the notebook layer happens on that thread. It starts with the first job, is a daemon, does not survive a
fork (the child starts its own), and is stopped at exit together with the sandbox.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from mjvideo_nb import config
from mjvideo_nb.client import Client
from mjvideo_nb.errors import AuthenticationError, InvalidRequest, SandboxUnavailable
from mjvideo_nb.limits import AT_ONCE, Limits
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess, missing

__all__ = ["IOThread", "Session", "connect", "current", "io"]

T = TypeVar("T")

SANDBOX_KEY = "sandbox"
EXIT_PATIENCE = 2.0

NO_SERVICE = (
    "There is no key, and the sandbox is not installed. For the service: set the environment variable COMETAPI_KEY "
    'before the notebook starts, or call mj.connect(api_key=...). To try without a key: pip install "mjvideo-nb[sandbox]" '
    "and restart the kernel."
)


class IOThread:
    """A daemon thread that runs coroutines; started when first needed."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Know of no thread: none has been started yet, or this is the child of a fork, where threads do not exist."""
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # The loop itself holds tasks weakly.
        self._tasks: set[Future[Any]] = set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The thread's loop, running."""
        with self._guard:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="mjvideo-nb I/O", daemon=True)
                self._thread.start()
            return self._loop

    @property
    def is_current(self) -> bool:
        """Whether the caller is on this thread, where waiting for it would never end."""
        return threading.current_thread() is self._thread

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the thread. From any thread; returns at once."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        self._tasks.add(future)
        future.add_done_callback(self._tasks.discard)
        return future

    def stop(self) -> None:
        """Cancel what runs and end the thread."""
        with self._guard:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            return
        for future in list(self._tasks):
            future.cancel()
        loop.call_soon_threadsafe(loop.call_later, 0.05, loop.stop)
        thread.join(EXIT_PATIENCE)


io = IOThread()


class Session:
    """What jobs are sent to, and where their clips are kept.

    Args:
        api_key: the key; by default from `COMETAPI_KEY`, then the system's key store.
        base_url: the service's address; by default `COMETAPI_BASE_URL`, then CometAPI's.
        library: the folder that keeps the clips; by default `./mjvideo`.
        price: USD a call, one figure or one by video type; by default 0.60.
        headers: further headers for the service, such as `{"mj-api-secret": ...}` for a bare proxy.
        sandbox: True for the embedded sandbox even where there is a key, False for never; by default it serves
            where there is no key.
        at_once: tasks running at once; further ones wait their turn.
        budget: USD that may be spent in this session, or None for no limit.
        fault: in the sandbox, what shall go wrong: names of `mjvideo-nb sandbox --faults`, with `*2` behind one for the
            next two times.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        library: str | Path | None = None,
        price: float | Mapping[str, float] | None = None,
        headers: Mapping[str, str] | None = None,
        sandbox: bool | None = None,
        at_once: int = AT_ONCE,
        budget: float | None = None,
        fault: str | Sequence[str] = (),
    ) -> None:
        if sandbox and (api_key or base_url):
            raise InvalidRequest(
                "sandbox: it has its own address and needs no key; give one or the other.", field="sandbox"
            )
        self._key = config.api_key(api_key)
        self._headers = config.secret_headers(headers)
        forced = sandbox if sandbox is not None else config.sandbox_forced() and not (api_key or headers)
        self.sandbox = forced or (sandbox is None and self._key is None and not self._headers)
        self._faults = (fault,) if isinstance(fault, str) else tuple(fault)
        if self._faults and not self.sandbox:
            raise InvalidRequest("fault: only the sandbox goes wrong on demand; add sandbox=True.", field="fault")
        self.base_url = "" if self.sandbox else config.base_url(base_url)
        self.library = config.library(library)
        # The sandbox costs nothing, whatever a call may cost elsewhere.
        self.limits = Limits(at_once=at_once, budget=budget, price=0.0 if self.sandbox else price)
        self._client: Client | None = None
        self._process: SandboxProcess | None = None
        self._opening = asyncio.Lock()

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

    @property
    def clips_folder(self) -> Path:
        """Where clips go."""
        return self.library / "clips"

    def price_words(self, short_type: str) -> str:
        """The price of a press, as the form and the buttons say it."""
        if self.sandbox:
            return "free in the sandbox"
        figure = self.limits.price_of(short_type)
        words = "price unknown" if figure is None else f"about {figure:.2f} USD"
        return words if self.limits.left is None else f"{words}, {self.limits.left:.2f} USD left"

    async def client(self) -> Client:
        """The client, on the I/O thread; starts the sandbox where it is the service.

        Raises:
            SandboxUnavailable: the sandbox cannot start; says why.
            AuthenticationError: there is no key.

        """
        self.check()
        async with self._opening:
            if self._process and not self._process.alive:
                await self._close()
            if self._client is None:
                self._client = await self._open_sandbox() if self.sandbox else self._open_service()
                self._client.limits = self.limits
            return self._client

    def _open_service(self) -> Client:
        return Client(self._key, self.base_url, headers=self._headers)

    async def _open_sandbox(self) -> Client:
        try:
            process = await asyncio.to_thread(SandboxProcess.start, faults=self._faults)
        except SandboxError as error:
            raise SandboxUnavailable(f"{error} Nothing was sent.") from error
        self._process = process
        return Client(SANDBOX_KEY, process.url)

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client:
            await client.close()
        self.stop()

    def close(self) -> None:
        """Close the connections and end the sandbox, if this session started one. Tasks at a service go on."""
        io.start(self._close()).result()

    def stop(self) -> None:
        """End the sandbox, if this session started one."""
        process, self._process = self._process, None
        if process:
            process.stop()

    def __repr__(self) -> str:
        if self.sandbox:
            where = "the sandbox: clips are rendered on this machine, not by Midjourney"
        else:
            where = (
                f"{self.base_url}, {'key [secret]' if self._key else 'headers [secret]' if self._headers else 'no key'}"
            )
        return f"mjvideo_nb session: {where}; clips are kept in {self.clips_folder}"


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
    price: float | Mapping[str, float] | None = None,
    headers: Mapping[str, str] | None = None,
    sandbox: bool | None = None,
    at_once: int = AT_ONCE,
    budget: float | None = None,
    fault: str | Sequence[str] = (),
) -> Session:
    """Choose the service and the folder for the jobs made from now on; only needed where the defaults do not do.

    Jobs that run already go on where they are.

    Args:
        api_key: the key. Better in the environment (`COMETAPI_KEY`): what stands in a cell is saved with the notebook.
        base_url: the address of CometAPI or of a compatible gateway.
        library: the folder that keeps the clips; by default `./mjvideo`.
        price: USD a call, one figure or one by video type (`{"480p": 0.6, "720p": 1.1}`).
        headers: further headers, such as `{"mj-api-secret": ...}` for a bare proxy.
        sandbox: True for the embedded sandbox even where there is a key, False for never.
        at_once: tasks running at once, as the provider advises five; further ones wait their turn.
        budget: USD that may be spent from now on; a request beyond it is refused before it is sent.
        fault: with `sandbox=True`, what shall go wrong, to see how that looks: names of `mjvideo-nb sandbox --faults`,
            such as `"queue-full*2"` for the next two times. `[fault:NAME]` in a prompt does it to one task.

    Returns:
        The session, which tells where things go and never the key.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """
    session = Session(
        api_key,
        base_url,
        library=library,
        price=price,
        headers=headers,
        sandbox=sandbox,
        at_once=at_once,
        budget=budget,
        fault=fault,
    )
    with _guard:
        return _adopt(session)


def _adopt(session: Session) -> Session:
    global _current  # noqa: PLW0603 - the one choice that a notebook's cells share
    _current = session
    _all.append(session)
    return session


def _stop_all() -> None:
    io.stop()
    for session in _all:
        session.stop()


def _forget_after_fork() -> None:
    # The parent's connections, sandbox and lock are not ours to use or to stop.
    global _current, _guard  # noqa: PLW0603
    _guard = threading.Lock()
    _current = None
    _all.clear()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
