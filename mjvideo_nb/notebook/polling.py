"""Following tasks on an account that kernels on many machines share: one of them polls for everybody.

Whoever has the right to (see `library.switchboard`) follows every task of the account that has not ended, by the client's own
watcher and so by the bulk route, and writes down what it sees. Whoever waits for a task is told, and reads it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mjvideo_nb import wire
from mjvideo_nb.client import Client
from mjvideo_nb.errors import AuthenticationError, LibraryError, MJVideoError, ServiceError, TaskFailed
from mjvideo_nb.library import Entry
from mjvideo_nb.library.ledger import ACCEPTED
from mjvideo_nb.library.shared import SharedAccount
from mjvideo_nb.library.sights import SIGHT, TROUBLE, Sight
from mjvideo_nb.models import Task

if TYPE_CHECKING:
    from .gateway import Gateway

__all__ = ["Polling"]

log = logging.getLogger(__name__)

ROUND = 5.0
"""Seconds between two looks of the poller at what is to be followed, where nobody tells it."""
ALONE = 20.0
"""Seconds without the database after which a kernel looks for itself."""
LOOK_AGAIN = 10.0
"""Seconds after which whoever waits reads what was seen without being told."""
ASIDE = 60.0
"""Seconds for which a kernel whose key is not taken leaves polling to others."""
WRITE_AGAIN = 2.0
"""Seconds after which what could not be written down is tried again: a full disk says so at once."""
GATHER = 0.05
"""Seconds in which what is seen goes into one transaction: a bulk answer tells of many tasks at once."""


class Polling:
    """Follows tasks with the others, for one session. On the I/O thread.

    Args:
        gateway: the session's way to the service.
        shared: the account.
        account: its name: the service's address without a path.

    """

    def __init__(self, gateway: Gateway, shared: SharedAccount, account: str) -> None:
        self._gateway = gateway
        self._shared = shared
        self._account = account
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.Event] = {}
        self._troubled: dict[str, Callable[[MJVideoError | None], object]] = {}
        self._new = asyncio.Event()
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, Sight] = {}
        self._writing: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._trouble: str | None = ""  # as the others know it; None when that is not known
        self._telling: asyncio.Task[None] | None = None
        shared.switchboard.listen(self._hears)
        shared.switchboard.seek(account, self._is_chosen)

    def close(self) -> None:
        """Follow nothing any more, and let another kernel poll."""
        self._shared.switchboard.leave(self._account, self._is_chosen)
        self._resign()

    # Whoever waits

    async def wait(
        self,
        job: str,
        task: Task,
        *,
        on_update: Callable[[Task], object],
        on_trouble: Callable[[MJVideoError | None], object],
    ) -> Task:
        """The task, succeeded, with its clips; as `Client.wait` has it.

        Args:
            job: the id of its entry.
            task: as it was last seen.
            on_update: as there.
            on_trouble: as there.

        """
        news = self._waiting[job] = asyncio.Event()
        self._troubled[job] = on_trouble
        try:
            seen = await self._look(job)
            if isinstance(seen, MJVideoError):
                await asyncio.to_thread(self._shared.sights.forget, job)  # it was given up, and is wanted again
                seen = None
            while True:
                if isinstance(seen, MJVideoError):
                    raise seen
                if seen is not None:
                    task = self._told(task, seen, on_update)
                    if task.ended and not task.succeeded:
                        raise wire.failure(task)
                    if task.succeeded and task.clips:
                        return task
                if self._is_alone:
                    client = await self._gateway.client()
                    return await client.wait(task, on_update=on_update, on_trouble=on_trouble)
                await self._news_of(news)
                seen = await self._look(job)
        finally:
            del self._waiting[job], self._troubled[job]

    def _told(self, before: Task, seen: Task, on_update: Callable[[Task], object]) -> Task:
        task = replace(seen, request=before.request)
        if (task.status, task.progress, task.clips) != (before.status, before.progress, before.clips):
            on_update(task)
        return task

    @property
    def _is_alone(self) -> bool:
        board = self._shared.switchboard
        return not board.connected and time.monotonic() - board.lost > ALONE

    async def _news_of(self, news: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await news.wait()
        except TimeoutError:
            return
        finally:
            news.clear()

    async def _look(self, job: str) -> Sight | None:
        try:
            return await asyncio.to_thread(self._shared.sights.get, job)
        except LibraryError as error:
            log.info("what was seen of %s cannot be read: %s", job, error)
            return None

    def _hears(self, about: str, name: str) -> None:
        self._loop.call_soon_threadsafe(self._heard, about, name)

    def _heard(self, about: str, name: str) -> None:
        if about in {ACCEPTED, ""}:
            self._new.set()
        if about in {SIGHT, ""}:
            told = [self._waiting.get(name)] if name else list(self._waiting.values())
            for news in told:
                if news:
                    news.set()
        if about == TROUBLE:
            for on_trouble in list(self._troubled.values()):
                on_trouble(ServiceError(name) if name else None)

    # Whoever polls

    def _is_chosen(self, polls: bool) -> None:  # noqa: FBT001 - as the switchboard tells it
        self._loop.call_soon_threadsafe(self._begin if polls else self._resign)

    def _begin(self) -> None:
        self._resign()
        self._serving = asyncio.create_task(self._serve())

    def _resign(self) -> None:
        for task in (self._serving, *self._followed.values()):
            if task:
                task.cancel()
        self._serving = None
        self._followed.clear()

    async def _serve(self) -> None:
        """Follow what is to be followed, for everybody, and settle what kernels that have ended left behind."""
        while True:
            self._new.clear()
            try:
                await self._gateway.settle()
                client = await self._gateway.client()
                for entry in await asyncio.to_thread(self._shared.sights.to_follow, self._account):
                    if entry.id not in self._followed:
                        self._followed[entry.id] = asyncio.create_task(self._follow(client, entry))
            except MJVideoError as error:
                log.warning("nothing can be followed for the others: %s", error)
            except Exception:  # whatever it is: who holds this part and does nothing would stop all of them
                log.exception("nothing can be followed for the others")
            try:
                async with asyncio.timeout(ROUND):
                    await self._new.wait()
            except TimeoutError:
                continue

    async def _follow(self, client: Client, entry: Entry) -> None:
        task = entry.task
        assert task is not None  # noqa: S101 - only what was accepted is followed
        try:
            await client.wait(task, on_update=partial(self._sees, entry.id), on_trouble=self._has_trouble)
        except TaskFailed:
            pass  # seen as such, and told
        except AuthenticationError as error:
            self._step_aside(error)
        except MJVideoError as error:
            self._sees(entry.id, error)
        except Exception:  # it is followed again in the next round
            log.exception("%s cannot be followed for the others", task.id)
        finally:
            if self._followed.get(entry.id) is asyncio.current_task():  # else it resigned, and was chosen again since
                del self._followed[entry.id]

    def _step_aside(self, error: MJVideoError) -> None:
        """This kernel's key is not taken, which must not end what others have under way: let one of them poll."""
        log.warning("this kernel cannot poll for the others: %s", error)
        self._has_trouble(error)
        self._shared.switchboard.leave(self._account, self._is_chosen)
        self._resign()
        self._loop.call_later(ASIDE, self._shared.switchboard.seek, self._account, self._is_chosen)

    def _sees(self, job: str, sight: Sight) -> None:
        if isinstance(sight, Task) and not sight.raw:
            return  # as it was written down; nothing was seen yet
        self._seen[job] = sight
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._seen:
            await asyncio.sleep(GATHER)
            seen, self._seen = self._seen, {}
            try:
                await asyncio.to_thread(self._shared.sights.put, seen)
            except LibraryError as error:
                log.warning("what was seen cannot be written down yet: %s", error)
                self._seen = {**seen, **self._seen}
                await asyncio.sleep(WRITE_AGAIN)

    def _has_trouble(self, error: MJVideoError | None) -> None:
        words = str(error) if error else ""
        if words != self._trouble:
            self._trouble = words
            self._telling = asyncio.create_task(self._tell(words, self._telling))

    async def _tell(self, words: str, before: asyncio.Task[None] | None) -> None:
        if before:
            await before
        try:
            await asyncio.to_thread(self._shared.sights.trouble, words)
        except LibraryError as error:
            log.warning("trouble with the service cannot be told to the others: %s", error)
            self._trouble = None
