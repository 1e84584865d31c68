"""The watcher: one poll loop for all the running tasks of a client.

How to ask about many tasks at once is `look`'s business, when each is due is `pace`'s rule; tasks that are due at about the
same time share a request. Trouble slows the whole loop, not each task. A task that nobody waits for any more is not looked
at; when none is left, the loop ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

from . import wire
from .errors import MJVideoError, RateLimited, ServiceError, TaskTimeout
from .look import CHUNK, Asker, Looks
from .models import Clip, Status, Task, VideoRequest
from .pace import REMOTE, Durations, Pace

__all__ = ["CHUNK", "LINKS_DEADLINE", "TASK_DEADLINE", "Watcher"]

TASK_DEADLINE = 3600.0
"""Seconds; the gateways give a task up after an hour."""
LINKS_DEADLINE = 60.0
"""Seconds to go on looking for the clips' links after SUCCESS: they may be filled in some polls later."""
NEWBORN = 30.0
"""Seconds during which the service may not know yet what it has just accepted."""
DOUBT = 1.5
"""A task that takes this many times as long as its kind is doubted: the bulk answer may be stale."""
DOUBT_EVERY = 15.0
"""Seconds between two doubts: if the route lies, one task shows it as well as a thousand."""
TAKE_ALONG = 0.75
"""The part of the shortest pause by which a look may come early, to share a request."""
JITTER = (0.7, 1.0)
"""The part of a pause that is waited out: many clients drift apart, and none waits longer than `Pace` says."""
LONGEST_RETRY_AFTER = 120.0
"""Seconds; a longer `Retry-After` is not waited out in one piece."""

Update = Callable[[Task], object]
Trouble = Callable[[MJVideoError | None], object]
Sight = tuple[str, int | None, tuple[Clip, ...]]


@dataclass(eq=False, slots=True)
class _Waiter:
    """Somebody who waits for a task."""

    future: asyncio.Future[Task | Exception]
    on_update: Update | None
    on_trouble: Trouble | None
    told: Sight

    def end(self, outcome: Task | Exception) -> None:
        if not self.future.done():
            self.future.set_result(outcome)

    def tell(self, listener: Callable[[Any], object] | None, news: object) -> None:
        """Tell one listener; its mistake ends its own waiting and nobody else's."""
        if listener is None or self.future.done():
            return
        try:
            listener(news)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is for whoever gave the listener
            self.end(error)


@dataclass(eq=False, slots=True)
class _Watched:
    """A task that somebody waits for. Of what was seen only the state is kept: an answer has some kilobytes."""

    id: str
    request: VideoRequest | None
    status: str
    sent_from_here: bool
    since: float
    due: float
    doubted: float
    without_links_since: float | None = None
    seen: bool = False
    waiters: list[_Waiter] = field(default_factory=list)

    def newborn(self, now: float) -> bool:
        """Whether it was sent from here and the service need not show it yet."""
        return self.sent_from_here and not self.seen and now - self.since < NEWBORN

    def tell(self, seen: Task) -> None:
        """Tell whoever waits, if this is new to them."""
        sight = _sight(seen)
        for waiter in tuple(self.waiters):
            if waiter.told != sight:
                waiter.told = sight
                if waiter.on_update:
                    waiter.tell(waiter.on_update, self.known(seen))

    def known(self, seen: Task) -> Task:
        """The task as it is told: with the request it was made by, which the service does not repeat."""
        return replace(seen, request=self.request) if self.request and not seen.request else seen

    def conclude(self, outcome: Task | Exception) -> None:
        """End everybody's waiting. An error is raised by each of them: each gets one of its own."""
        for waiter in self.waiters:
            waiter.end(copy(outcome) if isinstance(outcome, MJVideoError) else outcome)


class Watcher:
    """Follows tasks until they have their clips. It serves one event loop at a time.

    Args:
        client: what looks.
        pace: how often to look.
        chunk: ids in one bulk request; fewer once the service refuses so many.

    """

    def __init__(self, client: Looks, *, pace: Pace = REMOTE, chunk: int = CHUNK) -> None:
        self.pace = pace
        self._asker = Asker(client, chunk)
        self._durations = Durations()
        self._home: asyncio.AbstractEventLoop | None = None
        self._watched: dict[str, _Watched] = {}
        self._loop: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._alarm = 0.0
        self._failures = 0
        self._trouble: MJVideoError | None = None
        self._quiet_until = 0.0
        self._doubted = 0.0

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
        loop = asyncio.get_running_loop()
        self._settle(loop)
        if on_update:
            on_update(task)
        if task.succeeded and task.clips:
            return task
        watched = self._watched.get(task.id) or self._begin(task, loop.time())
        waiter = _Waiter(loop.create_future(), on_update, on_trouble, _sight(task))
        watched.waiters.append(waiter)
        self._wake(watched)
        deadline = loop.call_later(timeout, self._expire, watched, waiter, timeout)
        try:
            outcome = await waiter.future
        finally:
            deadline.cancel()
            watched.waiters.remove(waiter)
            if not watched.waiters:
                self._forget(watched)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def close(self) -> None:
        """End the loop. Whoever still waits is cancelled; the tasks go on at the service."""
        loop, self._loop = self._loop, None
        watched, self._watched = self._watched, {}
        for one in watched.values():
            for waiter in one.waiters:
                waiter.future.cancel()
        if loop and self._home is asyncio.get_running_loop():
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    def _settle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Move to this event loop; what waited in one that has ended will never be asked for."""
        if self._home is loop:
            return
        if self._watched and self._home and self._home.is_running():
            raise RuntimeError("This client already follows tasks in another event loop: use one client for each loop.")
        self._home, self._loop, self._watched, self._news = loop, None, {}, asyncio.Event()

    def _begin(self, task: Task, now: float) -> _Watched:
        sent_from_here = task.request is not None and task.status == Status.ACCEPTED
        # A task picked up by its id may have ended long ago; of one just sent there is nothing to see yet.
        pause = self.pace.shortest if sent_from_here else min(self.pace.shortest, 1.0) * _random(0, 1)
        due = max(now + pause, self._quiet_until)
        watched = _Watched(task.id, task.request, task.status, sent_from_here, now, due, now)
        self._watched[task.id] = watched
        return watched

    def _forget(self, watched: _Watched) -> None:
        if self._watched.get(watched.id) is watched:
            del self._watched[watched.id]
        if not self._watched and self._loop:
            # Also in the midst of a look: nobody wants its answer.
            self._loop.cancel()
            self._loop = None

    def _expire(self, watched: _Watched, waiter: _Waiter, timeout: float) -> None:
        waiter.end(_not_seen_to_end(watched, timeout, self._trouble))

    def _wake(self, watched: _Watched) -> None:
        if self._loop is None or self._loop.done():
            self._loop = asyncio.ensure_future(self._run())
        elif watched.due < self._alarm:
            self._news.set()

    async def _run(self) -> None:
        try:
            while self._watched:
                await self._round()
        except BaseException as error:
            # Nobody may wait for a loop that is gone, not even when it has a mistake of its own.
            if self._loop is asyncio.current_task():
                for watched in list(self._watched.values()):
                    for waiter in watched.waiters:
                        if isinstance(error, Exception):
                            waiter.end(error)
                        else:
                            waiter.future.cancel()
            if not isinstance(error, Exception):
                raise

    async def _round(self) -> None:
        """Sleep until a task is due, then look at all that are or shortly will be: one request instead of two."""
        loop = asyncio.get_running_loop()
        self._alarm = min(watched.due for watched in self._watched.values())
        if self._alarm > loop.time():
            self._news.clear()
            alarm = loop.call_at(self._alarm, self._news.set)
            try:
                await self._news.wait()
            finally:
                alarm.cancel()
        else:
            soon = loop.time() + self.pace.shortest * TAKE_ALONG
            due = [watched for watched in self._watched.values() if watched.due <= soon]
            await self._look(due, loop)

    async def _look(self, due: list[_Watched], loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        # One for all: tasks that were due together stay together, and share the next request as well.
        jitter = _random(*JITTER)
        by_id = {watched.id: watched for watched in due}

        def take(task_id: str, answer: Task | Exception | None) -> None:
            self._recover()
            watched = by_id[task_id]
            if isinstance(answer, Task):
                self._take(watched, answer, jitter, loop.time())
            elif answer is None:
                self._put_off(watched, loop.time(), jitter)
            else:
                self._conclude(watched, answer)

        newborn = {watched.id for watched in due if watched.newborn(now)}
        trouble = await self._asker.ask(list(by_id), take, newborn=newborn, doubtful=self._doubtful(due, now))
        if trouble:
            self._back_off(trouble, loop.time())

    def _doubtful(self, due: list[_Watched], now: float) -> str | None:
        """The task that is later than its kind and was not doubted for the longest time."""
        if now - self._doubted < DOUBT_EVERY and not self._asker.in_doubt:
            return None
        late = DOUBT * self._durations.typical
        first = min((one for one in due if now - one.since > late), key=lambda one: one.doubted, default=None)
        if first is None:
            return None
        self._doubted = first.doubted = now
        return first.id

    def _take(self, watched: _Watched, seen: Task, jitter: float, now: float) -> None:
        """What the service says of one task, to everybody who waits for it."""
        if not (watched.seen or watched.sent_from_here):
            # Picked up on its way: how far it is tells about when it was sent.
            watched.since -= self._durations.typical * (seen.progress or 0) / 100
        watched.seen, watched.status = True, seen.status
        watched.tell(seen)
        if not seen.ended:
            watched.without_links_since = None
            self._put_off(watched, now, jitter, seen.progress)
            return
        outcome: Task | Exception | None = None
        if not seen.succeeded:
            outcome = wire.failure(seen)
        elif seen.clips:
            outcome = watched.known(seen)
            if watched.sent_from_here:
                self._durations.learn(now - watched.since)
        else:
            watched.without_links_since = watched.without_links_since or now
            watched.due = now + self.pace.shortest
            if now - watched.without_links_since >= LINKS_DEADLINE:
                outcome = _no_links(watched.id)
        if outcome is not None:
            self._conclude(watched, outcome)

    def _put_off(self, watched: _Watched, now: float, jitter: float, progress: int | None = None) -> None:
        watched.due = now + jitter * self.pace.pause(now - watched.since, progress, self._durations.typical)

    def _conclude(self, watched: _Watched, outcome: Task | Exception) -> None:
        watched.conclude(outcome)
        if self._watched.get(watched.id) is watched:
            del self._watched[watched.id]

    def _back_off(self, error: MJVideoError, now: float) -> None:
        """Leave the service alone for a while."""
        self._failures += 1
        pause = self.pace.back_off(self._failures) * _random(0.5, 1.0)
        if isinstance(error, RateLimited) and error.retry_after:
            pause = max(pause, min(error.retry_after, LONGEST_RETRY_AFTER))
        self._quiet_until = now + pause
        for watched in self._watched.values():
            watched.due = max(watched.due, self._quiet_until)
        self._tell_trouble(error)

    def _recover(self) -> None:
        if self._failures:
            self._failures, self._quiet_until = 0, 0.0
            self._tell_trouble(None)

    def _tell_trouble(self, error: MJVideoError | None) -> None:
        self._trouble = error
        for watched in list(self._watched.values()):
            for waiter in tuple(watched.waiters):
                waiter.tell(waiter.on_trouble, error)


def _sight(task: Task) -> Sight:
    return task.status, task.progress, task.clips


def _random(low: float, high: float) -> float:
    return random.uniform(low, high)  # noqa: S311 - spreads the load


def _no_links(task_id: str) -> ServiceError:
    return ServiceError(
        f"Task {task_id} succeeded, but the service gives no links to its clips. They are paid for: fetch {task_id} again "
        "later, or ask the provider.",
        task_id=task_id,
    )


def _not_seen_to_end(watched: _Watched, timeout: float, trouble: MJVideoError | None) -> TaskTimeout:
    last = f"last seen: {watched.status or 'accepted'}"
    if trouble:
        last += f"; the service could not be asked: {trouble}"
    return TaskTimeout(
        f"Task {watched.id} was not seen to end within {timeout:g} s ({last}). It goes on at the service and is paid for: "
        f"pick it up with its id, {watched.id}.",
        task_id=watched.id,
    )
