"""One look at many tasks, in as few requests as the service allows.

Statuses come in bulk, many ids a request. A task is fetched by itself where the bulk answer leaves something open: it ended
and its clips are not there, it was left out, or it is under way for so long that the answer may be stale. Where the bulk
route is missing, fails while fetches work, or lies, it rests, and tasks are fetched one by one, a few at a time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from .errors import MJVideoError, RateLimited, ServiceError, TaskNotFound
from .models import Task

__all__ = ["CHUNK", "Asker", "Looks"]

CHUNK = 200
"""Ids in one bulk request; the service documents no limit."""
SMALLEST_CHUNK = 10
"""A route that refuses even so few ids does not refuse them for their number."""
BULKS_AT_ONCE = 2
SINGLES_AT_ONCE = 4
LONGEST_ANSWER = 30.0
"""Seconds; one answer that does not come must not hold up the news of all other tasks."""
BULK_REST = 600.0
"""Seconds without the bulk route after it was missing or lied."""
LIES = 2
"""Doubts in a row that proved right; a single one may be a task that ended between the two answers."""
TOO_MANY_IDS = {400, 413, 414, 422}
"""Statuses of a bulk request that may say: fewer at a time."""
NO_LIST = {200, 501}
"""Statuses of a bulk request that say at once: not here. (200: the body is no list.)"""

Answer = Task | Exception | None
Tell = Callable[[str, Answer], object]
T = TypeVar("T")


class Looks(Protocol):
    """What is needed of a client."""

    async def fetch(self, task: Task | str) -> Task:
        """Look at one task."""

    async def fetch_many(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Look at many tasks in one request."""


@dataclass(eq=False)
class _Look:
    """What has come of one look so far."""

    ids: Sequence[str]
    tell: Tell
    newborn: Collection[str]
    doubtful: str | None
    bulk_failed_before: bool
    untold: set[str] = field(init=False)
    refused: dict[str, Exception] = field(default_factory=dict)
    trouble: MJVideoError | None = None
    failed_in_a_row: int = 0
    over: bool = False
    """The service is in trouble: ask no further."""
    singles: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SINGLES_AT_ONCE))

    def __post_init__(self) -> None:
        self.untold = set(self.ids)

    @property
    def answered(self) -> bool:
        return len(self.untold) < len(self.ids)

    def found(self, task_id: str, answer: Answer) -> None:
        self.failed_in_a_row = 0
        self.untold.discard(task_id)
        self.tell(task_id, answer)

    def failed(self, error: Exception, task_id: str = "") -> None:
        self.failed_in_a_row += 1
        if isinstance(error, MJVideoError) and _may_pass(error):
            self.trouble = error
        else:
            self.refused[task_id] = error
        if isinstance(error, RateLimited) or self.failed_in_a_row >= SINGLES_AT_ONCE:
            self.over = True

    def end(self) -> MJVideoError | None:
        """Settle what is still open; the error if the service should be left alone."""
        answered = self.answered
        for task_id in self.ids if self.refused and not (answered or self.trouble) else self.refused:
            self.found(task_id, self.refused.get(task_id) or next(iter(self.refused.values())))
        if self.trouble and (isinstance(self.trouble, RateLimited) or not answered):
            return self.trouble
        for task_id in tuple(self.untold):
            self.found(task_id, None)
        return None


class Asker:
    """Asks about tasks, and remembers what it has learned about the routes.

    Args:
        client: what looks.
        chunk: ids in one bulk request; fewer once the service refuses so many.

    """

    def __init__(self, client: Looks, chunk: int = CHUNK) -> None:
        self._client = client
        self._most = self._chunk = chunk
        self._no_bulk_until = 0.0
        self._bulk_failed = False
        self._lies = 0

    @property
    def in_doubt(self) -> bool:
        """Whether the bulk answer was just found stale for one task: the next doubt should follow at once."""
        return self._lies > 0

    async def ask(
        self, ids: Sequence[str], tell: Tell, *, newborn: Collection[str] = (), doubtful: str | None = None
    ) -> MJVideoError | None:
        """Look at tasks.

        Args:
            ids: the tasks.
            tell: called for each as soon as its answer is there: the task as it is, the error if the service will not
                tell, or None if nothing is known of it this time. Not called for those that `trouble` left open.
            newborn: those that the service may not know yet.
            doubtful: one of them, to be fetched by itself if the bulk answer calls it running.

        Returns:
            The trouble, if the service should be left alone for a while.

        """
        look = _Look(ids, tell, newborn, doubtful, self._bulk_failed)
        if len(ids) == 1:
            await self._one_by_one(ids, look)
        else:
            parts = [ids[start : start + self._chunk] for start in range(0, len(ids), self._chunk)]
            await _few_at_a_time(parts, lambda part: self._in_bulk(part, look), BULKS_AT_ONCE)
        return look.end()

    async def _in_bulk(self, todo: Sequence[str], look: _Look) -> None:
        while todo and not look.over:
            if time.monotonic() < self._no_bulk_until:
                await self._one_by_one(todo, look)
                return
            asked = todo[: self._chunk]
            answer = await _answer(self._client.fetch_many(asked))
            if isinstance(answer, dict):
                self._bulk_failed = False
                todo = todo[len(asked) :]
                await self._read(asked, answer, look)
            elif isinstance(answer, ServiceError) and answer.status in TOO_MANY_IDS and len(asked) > SMALLEST_CHUNK:
                self._chunk = min(self._chunk, max(SMALLEST_CHUNK, len(asked) // 2))
            else:
                await self._without_bulk(todo, answer, look)
                return

    async def _without_bulk(self, ids: Sequence[str], error: Exception, look: _Look) -> None:
        """The bulk route failed. If it goes on to, while fetches work, it is the route and not the service."""
        passing = isinstance(error, MJVideoError) and _may_pass(error) and error.status not in NO_LIST
        if isinstance(error, RateLimited) or (passing and not look.bulk_failed_before):
            self._bulk_failed = look.over = True
            look.failed(error)
        elif await self._one_by_one(ids, look):
            self._let_bulk_rest()

    def _let_bulk_rest(self) -> None:
        self._no_bulk_until = time.monotonic() + BULK_REST
        self._chunk, self._bulk_failed, self._lies = self._most, False, 0

    async def _read(self, asked: Sequence[str], tasks: dict[str, Task], look: _Look) -> None:
        """Tell what a bulk answer says, and fetch what it leaves open."""
        left_out: list[str] = []
        unclear: list[str] = []
        for task_id in asked:
            task = tasks.pop(task_id, None)
            if task is None:
                if task_id in look.newborn:
                    look.found(task_id, None)  # it may only be new to that route
                else:
                    left_out.append(task_id)
            elif (task.succeeded and not task.clips) or (task_id == look.doubtful and not task.ended):
                unclear.append(task_id)
            else:
                look.found(task_id, task)
        if not left_out and not unclear:
            return
        ended = await self._one_by_one(left_out + unclear, look)
        if look.doubtful in unclear and look.doubtful in ended:
            self._lies = self._lies + 1 if ended[look.doubtful] else 0
        if self._lies >= LIES or any(task_id in ended for task_id in left_out):
            self._let_bulk_rest()

    async def _one_by_one(self, ids: Sequence[str], look: _Look) -> dict[str, bool]:
        """Fetch tasks; of each that the service knows, whether it has ended."""
        ended: dict[str, bool] = {}

        async def fetch(task_id: str) -> None:
            async with look.singles:
                if look.over:
                    return
                answer = await _answer(self._client.fetch(task_id))
            if isinstance(answer, Task):
                ended[task_id] = answer.ended
                look.found(task_id, answer)
            elif isinstance(answer, TaskNotFound):
                look.found(task_id, None if task_id in look.newborn else answer)
            else:
                look.failed(answer, task_id)

        # In any order: a few tasks that cannot be told must not stand before the others every time.
        await _few_at_a_time(random.sample(ids, len(ids)), fetch, SINGLES_AT_ONCE)
        return ended


async def _few_at_a_time(items: Sequence[T], work: Callable[[T], Awaitable[object]], most: int) -> None:
    todo = iter(items)

    async def worker() -> None:
        for item in todo:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(most, len(items))):
            group.create_task(worker())


async def _answer(question: Awaitable[T]) -> T | Exception:
    try:
        async with asyncio.timeout(LONGEST_ANSWER):
            return await question
    except TimeoutError:
        return ServiceError(
            f"The service did not answer within {LONGEST_ANSWER:g} s. This was only a look at the tasks: they go on, and "
            "nothing more is charged."
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
        return error


def _may_pass(error: MJVideoError) -> bool:
    """Whether trouble may be over in a while; a wrong address (301, 404) will not mend itself."""
    if isinstance(error, RateLimited):
        return True
    if not isinstance(error, ServiceError) or error.lasting:
        return False
    return error.status is None or not 300 <= error.status < 500
