"""Waiting one's turn on an account that kernels on many machines share: one look for all the jobs of this kernel that wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from mjvideo_nb.errors import LibraryError
from mjvideo_nb.library.ledger import GIVEN_UP, LINE
from mjvideo_nb.library.line import Line, Standing
from mjvideo_nb.library.switchboard import Switchboard

__all__ = ["Turns"]

log = logging.getLogger(__name__)

LOOK_AGAIN = 5.0
"""Seconds after which the line is looked at without a word from others: some places become free by time alone."""


@dataclass(eq=False)
class _Waiting:
    """A job that waits its turn."""

    future: asyncio.Future[None]
    on_wait: Callable[[int], object]
    place: int = 0


class Turns:
    """The jobs of one session that wait their turn. On the I/O thread.

    Args:
        line: the line in front of the account.
        switchboard: tells when it has moved.
        account: which one.
        at_once: how many tasks may run, as far as this session is concerned.
        writer: one thread, for what is written.

    """

    def __init__(self, line: Line, switchboard: Switchboard, account: str, at_once: int, writer: Executor) -> None:
        self._line = line
        self._account = account
        self._at_once = at_once
        self._writer = writer
        self._waiting: dict[str, _Waiting] = {}
        self._moved = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Task[None] | None = None
        switchboard.listen(self._hears)

    async def take(self, job: str, on_wait: Callable[[int], object]) -> None:
        """Come back when it is this job's turn; it has its place then.

        Args:
            job: the id of its entry.
            on_wait: called with its place in the line when that changes: 1 is next, 0 is its turn.

        Raises:
            LibraryError: it cannot stand in the line, or was given up for another kernel's; nothing was sent.

        """
        await self._loop.run_in_executor(self._writer, self._line.join, job)
        waiting = _Waiting(self._loop.create_future(), on_wait)
        self._waiting[job] = waiting
        self._moved.set()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await waiting.future
        finally:
            self._waiting.pop(job, None)
        if waiting.place:
            on_wait(0)

    def close(self) -> None:
        """Look at the line no more; whoever waits, waits for nothing that this process does."""
        if self._looking:
            self._looking.cancel()

    def _hears(self, about: str, _name: str) -> None:
        if about in {LINE, ""}:
            self._loop.call_soon_threadsafe(self._moved.set)

    async def _look(self) -> None:
        """Look at the line whenever it may have moved, for as long as somebody waits."""
        while self._waiting:
            self._moved.clear()
            try:
                await self._settle()
            except LibraryError as error:
                # Who waits, waits on: nothing was sent, and the line is there again with the database.
                log.warning("the line cannot be looked at: %s", error)
            except Exception as error:
                log.exception("the line cannot be looked at")
                self._give_up(error)
            try:
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._moved.wait()
            except TimeoutError:
                continue

    def _give_up(self, error: Exception) -> None:
        """A mistake of ours: nobody waits for a line that nobody looks at."""
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_exception(error)

    async def _settle(self) -> None:
        ids = list(self._waiting)
        # A look takes no lock, and most of them find that it is somebody else's turn.
        found = await asyncio.to_thread(self._line.look, ids, self._account, self._at_once)
        if found.turns:
            found = await self._loop.run_in_executor(self._writer, self._line.take, ids, self._account, self._at_once)
        self._tell(found)

    def _tell(self, found: Standing) -> None:
        for job, waiting in list(self._waiting.items()):
            if waiting.future.done():
                continue
            if job in found.turns:
                waiting.future.set_result(None)
            elif job in found.given_up:
                waiting.future.set_exception(LibraryError(GIVEN_UP))
            elif found.places.get(job, waiting.place) != waiting.place:
                waiting.place = found.places[job]
                waiting.on_wait(waiting.place)
