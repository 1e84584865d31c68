"""One job's page in the ledger, written from an event loop: in a thread, in order, and never in the way of the job.

Before a submit leaves, what cannot be written down stops it. Afterwards nothing may: the task is accepted and paid for, so
what could not be written is owed, said, and written with whatever comes next, or by itself after a while. (Where others
follow a task, nothing may come next before it is written down that there is one.)
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from mjvideo_nb.errors import LibraryError, MJVideoError
from mjvideo_nb.models import Task
from mjvideo_nb.part import Copy

from .library import Library

__all__ = ["Record"]

AGAIN = 5.0
"""Seconds after which what is owed is tried again."""

Write = Callable[[], object]


class Record:
    """Writes down one job; a `Journal` for the client.

    Args:
        library: where.
        job: the id of its entry.
        writer: one thread, which keeps the order.
        on_trouble: told the error when something is owed, and None when all is written.

    """

    def __init__(
        self, library: Library, job: str, writer: Executor, on_trouble: Callable[[LibraryError | None], object]
    ) -> None:
        self.library = library
        self.job = job
        self._ledger = library.ledger
        self._writer = writer
        self._on_trouble = on_trouble
        self._owed: list[Write] = []
        self._turn = asyncio.Lock()
        self._said = False
        self._trying: asyncio.Task[None] | None = None

    async def sending(self) -> None:
        """A submit is about to leave.

        Raises:
            LibraryError: it cannot be written down, so it does not leave.

        """
        await self._in_thread(partial(self._ledger.sending, self.job))

    async def turned_away(self, error: MJVideoError) -> None:
        """The submit was surely not accepted."""
        await self._write(partial(self._ledger.turned_away, self.job, error))

    async def uncertain(self, error: MJVideoError) -> None:
        """The submit may have been accepted and billed."""
        await self._write(partial(self._ledger.uncertain, self.job, error))

    async def accepted(self, task: Task) -> None:
        """The service has it."""
        await self._write(partial(self._ledger.accepted, self.job, task))

    async def refused(self, error: BaseException) -> None:
        """It is not sent again."""
        await self._write(partial(self._ledger.refused, self.job, error))

    async def trouble(self, error: BaseException) -> None:
        """It could not be followed to its end or brought home."""
        await self._write(partial(self._ledger.trouble, self.job, error))

    async def failed(self, task: Task | None, error: BaseException) -> None:
        """It ended without clips."""
        await self._write(partial(self._ledger.failed, self.job, task, error))

    async def finished(self, task: Task) -> None:
        """The service has made its clips."""
        await self._write(partial(self._ledger.finished, self.job, task))

    async def kept(self, task: Task, copies: Sequence[Copy], *, copying: bool) -> None:
        """All clips of the task are whole on disk."""
        copies = [copy if copy.digest else await self._digested(copy) for copy in copies]
        by_index = {clip.index: copy for clip, copy in zip(task.clips, copies, strict=True)}
        await self._write(partial(self._ledger.kept, self.job, by_index, copying=copying))

    async def copied(self, index: int, url: str) -> None:
        """The copy of a clip elsewhere was checked."""
        await self._write(partial(self._ledger.copied, self.job, index, url))

    async def drop(self) -> None:
        """It never was one."""
        await self._write(partial(self._ledger.drop, self.job))

    async def settle(self) -> None:
        """Write what is owed.

        Raises:
            LibraryError: it still cannot be written.

        """
        async with self._turn:
            while self._owed:
                await self._in_thread(self._owed[0])
                del self._owed[0]
        if self._said:
            self._said = False
            self._on_trouble(None)

    async def _write(self, write: Write) -> None:
        self._owed.append(write)
        try:
            await self.settle()
        except LibraryError as error:
            self._said = True
            self._on_trouble(error)
            if self._trying is None or self._trying.done():
                self._trying = asyncio.create_task(self._try_again())

    async def _try_again(self) -> None:
        while self._owed and not self.library.closed:
            await asyncio.sleep(AGAIN)
            with suppress(LibraryError):  # said already
                await self.settle()

    async def _digested(self, copy: Copy) -> Copy:
        """With the digest of a clip that was there before."""
        return replace(copy, digest=await asyncio.to_thread(_digest, copy.path))

    async def _in_thread(self, write: Write) -> None:
        # Shielded: a job that is cancelled at the end of the process must not take back what is being written.
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._writer, write))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
