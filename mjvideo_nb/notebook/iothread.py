"""The one thread on which all I/O of the notebook layer happens, with an event loop of its own.

A task on the kernel's own loop freezes while a plain cell runs; one on a thread of its own goes on, and its widgets move.
The thread starts with the first job, is a daemon, does not survive a fork (the child starts its own), and is stopped at
exit.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

__all__ = ["IOThread", "io"]

T = TypeVar("T")

SLICE = 0.1
"""Seconds of waiting at a stretch, so that an interrupt gets through on every system."""
EXIT_PATIENCE = 2.0
"""Seconds for what runs to end."""


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

    def wait(self, future: Future[T], timeout: float | None = None) -> T:
        """What became of it. An interrupt stops the waiting, not what is waited for.

        Args:
            future: of `start`.
            timeout: seconds, or None for no limit.

        Raises:
            TimeoutError: it has not ended in that time.
            RuntimeError: this is the thread itself, which would wait for ever.

        """
        if self.is_current:
            raise RuntimeError("waiting on the thread that runs the jobs would never end: use await")
        end = None if timeout is None else time.monotonic() + timeout
        while not future.done():
            left = SLICE if end is None else min(SLICE, end - time.monotonic())
            if left <= 0:
                raise TimeoutError
            wait([future], timeout=left)
        return future.result()

    async def until(self, future: Future[T]) -> T:
        """The same for `await`, on any loop. Cancelling the waiting does not cancel what is waited for.

        It looks up now and then as well: a kernel only notes an interrupt of a cell that awaits, and acts on it when its
        loop wakes for something else.
        """
        inner = asyncio.wrap_future(future)
        # If nobody waits any more, a failure stands elsewhere: asyncio need not complain that none has read it.
        inner.add_done_callback(lambda f: None if f.cancelled() else f.exception())
        while not inner.done():
            await asyncio.wait([inner], timeout=SLICE)
        return inner.result()

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
