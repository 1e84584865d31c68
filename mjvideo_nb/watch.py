"""The watcher: one poll loop for all the running tasks of a client.

Statuses come in bulk (`list-by-condition`), many tasks a request; a task that ended is fetched by itself where the bulk
answer did not hold its clips. Where the bulk route is missing or lies, tasks are fetched one by one, a few at a time. When
each is due is `pace`'s rule; tasks that are due at about the same time share a request. Trouble slows the whole loop, not
each task. A task that nobody waits for any more is not looked at; when none is left, the loop ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from . import wire
from .errors import MJVideoError, RateLimited, ServiceError, TaskNotFound, TaskTimeout
from .models import Status, Task
from .pace import REMOTE, Durations, Pace

__all__ = ["CHUNK", "LINKS_DEADLINE", "TASK_DEADLINE", "Watcher"]

CHUNK = 200
"""Ids in one bulk request; the service documents no limit."""
SINGLES_AT_ONCE = 4
TASK_DEADLINE = 3600.0
"""Seconds; the gateways give a task up after an hour."""
LINKS_DEADLINE = 60.0
"""Seconds to go on looking for the clips' links after SUCCESS: they may be filled in some polls later."""
NEWBORN = 30.0
"""Seconds during which the service may not know yet what it has just accepted."""
BULK_REST = 600.0
"""Seconds without the bulk route after it was missing or lied."""
DOUBT = 1.5
"""A task that takes this many times as long as its kind is fetched by itself, in case the bulk answer is stale."""

DOUBT_EVERY = 60.0
"""Seconds between two such doubts of one task."""
TAKE_ALONG = 0.75
"""The part of the shortest pause by which a look may come early, to share a request."""
LONGEST_RETRY_AFTER = 120.0
"""Seconds; a longer `Retry-After` is not waited out in one piece."""
NO_BULK_ROUTE = {200, 400, 404, 405, 501}
"""Statuses of a bulk request that say: not here. (200: the body is no list.)"""

Update = Callable[[Task], object]
Trouble = Callable[[MJVideoError | None], object]


class Looks(Protocol):
    """What a watcher needs of a client."""

    async def fetch(self, task: Task | str) -> Task:
        """Look at one task."""

    async def fetch_many(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Look at many tasks in one request."""


@dataclass(eq=False, slots=True)
class _Waiter:
    """Somebody who waits for a task."""

    future: asyncio.Future[Task]
    on_update: Update | None
    on_trouble: Trouble | None


@dataclass(eq=False, slots=True)
class _Watched:
    """A task that somebody waits for."""

    task: Task
    since: float
    due: float
    doubted: float
    succeeded_at: float | None = None
    waiters: list[_Waiter] = field(default_factory=list)

    @property
    def newborn(self) -> bool:
        """Whether it was sent from here and the service has not shown it yet."""
        return self.task.request is not None and self.task.status == Status.ACCEPTED

    def renew(self, seen: Task) -> None:
        """Take a newer sight of the task, and tell whoever waits if it changed."""
        before, self.task = self.task, replace(seen, request=self.task.request)
        if _changed(before, self.task):
            for waiter in self.waiters:
                if waiter.on_update:
                    _call(waiter, waiter.on_update, self.task)

    def conclude(self, outcome: Task | MJVideoError) -> None:
        """End everybody's waiting."""
        for waiter in self.waiters:
            if waiter.future.done():
                continue
            if isinstance(outcome, MJVideoError):
                waiter.future.set_exception(outcome)
            else:
                waiter.future.set_result(outcome)


class Watcher:
    """Follows tasks until they have their clips.

    Args:
        client: what looks; on the event loop that uses the watcher.
        pace: how often to look.
        chunk: ids in one bulk request.

    """

    def __init__(self, client: Looks, *, pace: Pace = REMOTE, chunk: int = CHUNK) -> None:
        self._client = client
        self.pace = pace
        self._chunk = chunk
        self._watched: dict[str, _Watched] = {}
        self._durations = Durations()
        self._loop: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._failures = 0
        self._trouble: MJVideoError | None = None
        self._no_bulk_until = 0.0
        self._singles = asyncio.Semaphore(SINGLES_AT_ONCE)

    async def wait(
        self,
        task: Task,
        *,
        timeout: float = TASK_DEADLINE,
        on_update: Update | None = None,
        on_trouble: Trouble | None = None,
    ) -> Task:
        """The task, succeeded, with its clips.

        Args:
            task: as it was last seen.
            timeout: seconds from now; then `TaskTimeout`, and the task goes on.
            on_update: called with the task, first as it is and then once for each change.
            on_trouble: called with the error while the service cannot be asked, and with None when it can again.

        Raises:
            TaskFailed: it failed, was cancelled, or waits for an input a video cannot give.
            TaskTimeout: it was still running after `timeout`.
            TaskNotFound, AuthenticationError, Refused: the service will not tell.
            ServiceError: it succeeded, and no links to its clips came.

        """
        if on_update:
            on_update(task)
        now = asyncio.get_running_loop().time()
        waiter = _Waiter(asyncio.get_running_loop().create_future(), on_update, on_trouble)
        watched = self._watched.get(task.id)
        if watched is None:
            # Looked at soon: a task picked up by its id may have ended long ago.
            due = now + min(self.pace.shortest, 1.0) * random.random()  # noqa: S311 - spreads the load
            watched = self._watched[task.id] = _Watched(task, since=now, due=due, doubted=now)
        watched.waiters.append(waiter)
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                return await waiter.future
        except TimeoutError:
            if not waiter.future.cancelled():
                raise  # a listener's own
            raise _not_seen_to_end(watched.task, timeout, self._trouble) from None
        finally:
            watched.waiters.remove(waiter)
            if not watched.waiters and self._watched.get(task.id) is watched:
                del self._watched[task.id]
                self._wake()

    async def close(self) -> None:
        """End the loop. Whoever still waits is cancelled; the tasks go on at the service."""
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for watched in list(self._watched.values()):
            for waiter in watched.waiters:
                waiter.future.cancel()

    def _wake(self) -> None:
        if self._loop is None or self._loop.done():
            self._loop = asyncio.ensure_future(self._run())
        self._news.set()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while self._watched:
                await self._round(clock)
        except BaseException as error:
            # Nobody may wait for a loop that is gone: not when it is closed, and not when it has a mistake of its own.
            for waiter in self._waiters():
                if isinstance(error, asyncio.CancelledError):
                    waiter.future.cancel()
                elif not waiter.future.done():
                    waiter.future.set_exception(error)
            if not isinstance(error, Exception):
                raise

    async def _round(self, clock: Callable[[], float]) -> None:
        self._news.clear()
        first = min(watched.due for watched in self._watched.values())
        if first <= clock():
            # Whatever falls due shortly is taken along: one request instead of two.
            soon = clock() + self.pace.shortest * TAKE_ALONG
            await self._look([watched for watched in self._watched.values() if watched.due <= soon], clock)
        next_due = min((watched.due for watched in self._watched.values()), default=0.0)
        try:
            async with asyncio.timeout_at(next_due):
                await self._news.wait()
        except TimeoutError:
            return

    def _waiters(self) -> list[_Waiter]:
        return [waiter for watched in self._watched.values() for waiter in watched.waiters]

    async def _look(self, due: list[_Watched], clock: Callable[[], float]) -> None:
        try:
            seen = await self._ask(due, clock())
        except MJVideoError as error:
            if not isinstance(error, ServiceError | RateLimited) or not _may_pass(error):
                for watched in self._watched.values():
                    watched.conclude(error)
                return
            self._failures += 1
            pause = self.pace.back_off(self._failures) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load
            if isinstance(error, RateLimited) and error.retry_after:
                pause = max(pause, min(error.retry_after, LONGEST_RETRY_AFTER))
            for watched in self._watched.values():
                watched.due = max(watched.due, clock() + pause)
            self._tell_trouble(error)
            return
        if self._failures:
            self._failures = 0
            self._tell_trouble(None)
        # One for all: tasks that were due together stay together, and share the next request as well.
        jitter = random.uniform(0.85, 1.15)  # noqa: S311 - spreads the load
        for watched in due:
            self._take(watched, seen.get(watched.task.id), clock(), jitter)

    def _tell_trouble(self, error: MJVideoError | None) -> None:
        self._trouble = error
        for waiter in self._waiters():
            if waiter.on_trouble:
                _call(waiter, waiter.on_trouble, error)

    async def _ask(self, due: list[_Watched], now: float) -> dict[str, Task | TaskNotFound]:
        """What the service says of these tasks; one it says nothing about is left out."""
        ids = [watched.task.id for watched in due]
        if len(ids) == 1 or now < self._no_bulk_until:
            return await self._fetch_each(ids)
        seen: dict[str, Task | TaskNotFound] = {}
        for start in range(0, len(ids), self._chunk):
            try:
                seen.update(await self._client.fetch_many(ids[start : start + self._chunk]))
            except ServiceError as error:
                if error.status not in NO_BULK_ROUTE:
                    raise
                self._no_bulk_until = now + BULK_REST
                return await self._fetch_each(ids)
        return seen | await self._check(due, seen, now)

    async def _check(
        self, due: list[_Watched], seen: dict[str, Task | TaskNotFound], now: float
    ) -> dict[str, Task | TaskNotFound]:
        """What a bulk answer left open: ended without clips, left out, or suspiciously long under way."""
        left_out = {watched.task.id for watched in due if watched.task.id not in seen}
        doubted: set[str] = set()
        again = set(left_out)
        for watched in due:
            task = seen.get(watched.task.id)
            if isinstance(task, Task) and task.succeeded and not task.clips:
                again.add(task.id)
            late = now - watched.since > DOUBT * self._durations.typical and now - watched.doubted > DOUBT_EVERY
            if isinstance(task, Task) and not task.ended and late:
                watched.doubted = now
                doubted.add(task.id)
        if not again | doubted:
            return {}
        checked = await self._fetch_each(sorted(again | doubted))
        # What is left out at first may only be new to that route.
        old = {watched.task.id for watched in due if now - watched.since > NEWBORN}
        lies = sum(isinstance(checked.get(task_id), Task) for task_id in left_out & old)
        lies += sum(isinstance(task := checked.get(task_id), Task) and task.ended for task_id in doubted)
        if lies:
            self._no_bulk_until = now + BULK_REST
        return checked

    async def _fetch_each(self, ids: list[str]) -> dict[str, Task | TaskNotFound]:
        async def one(task_id: str) -> Task | MJVideoError:
            async with self._singles:
                try:
                    return await self._client.fetch(task_id)
                except MJVideoError as error:
                    return error

        answers = dict(zip(ids, await asyncio.gather(*map(one, ids)), strict=True))
        told: dict[str, Task | TaskNotFound] = {
            task_id: answer for task_id, answer in answers.items() if isinstance(answer, Task | TaskNotFound)
        }
        if not told:
            raise next(answer for answer in answers.values() if isinstance(answer, MJVideoError))
        return told

    def _take(self, watched: _Watched, seen: Task | TaskNotFound | None, now: float, jitter: float) -> None:
        """What this look says of one task, to everybody who waits for it."""
        elapsed = now - watched.since
        if isinstance(seen, Task):
            watched.renew(seen)
        elif seen is not None and not (watched.newborn and elapsed < NEWBORN):
            watched.conclude(seen)
        task = watched.task
        watched.due = now + jitter * self.pace.pause(elapsed, task.progress, self._durations.typical)
        if task.succeeded:
            watched.succeeded_at = watched.succeeded_at or now
            watched.due = now + self.pace.shortest
            if task.clips and elapsed > self.pace.shortest:
                self._durations.learn(elapsed)
        outcome = _outcome(task, now - (watched.succeeded_at or now))
        if outcome:
            watched.conclude(outcome)


def _outcome(task: Task, waited_for_links: float) -> Task | MJVideoError | None:
    """How the waiting ends, or None while it goes on."""
    if not task.ended:
        return None
    if not task.succeeded:
        return wire.failure(task)
    if task.clips:
        return task
    if waited_for_links < LINKS_DEADLINE:
        return None
    return ServiceError(
        f"Task {task.id} succeeded, but the service gives no links to its clips. They are paid for: fetch {task.id} again "
        "later, or ask the provider.",
        task_id=task.id,
    )


def _not_seen_to_end(task: Task, timeout: float, trouble: MJVideoError | None) -> TaskTimeout:
    last = f"last seen: {task.status or 'accepted'}" + (
        f"; the service could not be asked: {trouble}" if trouble else ""
    )
    return TaskTimeout(
        f"Task {task.id} was not seen to end within {timeout:g} s ({last}). It goes on at the service and is paid for: "
        f"pick it up with its id, {task.id}.",
        task_id=task.id,
    )


def _may_pass(error: MJVideoError) -> bool:
    """Whether trouble may be over in a while; a wrong address (301, 404) will not mend itself."""
    return error.status is None or error.status == 429 or not 300 <= error.status < 500


def _changed(old: Task, new: Task) -> bool:
    return (old.status, old.progress, old.clips) != (new.status, new.progress, new.clips)


def _call(waiter: _Waiter, listener: Callable[[Any], object], news: object) -> None:
    """Tell one listener; its mistake ends its own waiting and nobody else's."""
    try:
        listener(news)
    except Exception as error:
        if waiter.future.done():
            raise
        waiter.future.set_exception(error)
