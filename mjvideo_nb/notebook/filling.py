"""The cells of a sweep that are filled one after the other, on the I/O thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable

from .iothread import io

__all__ = ["Filling"]


class Filling:
    """A line of cells whose jobs are to be made, and somebody who makes them.

    What waits its turn waits here and not in the line of the service's client, from which nothing could be taken back.

    Args:
        make: makes the job of a cell, in a thread; it must see to its own errors.
        has_place: whether another job may run now.
        is_under_way: whether a job that was made has not ended.
        on_change: called when the line has changed.
        on_end: called when all has come to its end, before anybody hears of it; in a thread.
        guard: what the jobs are shared under; `has_place` and `is_under_way` are called with it held.

    """

    def __init__(
        self,
        *,
        make: Callable[[int], None],
        has_place: Callable[[], bool],
        is_under_way: Callable[[], bool],
        on_change: Callable[[], None],
        on_end: Callable[[], None],
        guard: threading.RLock,
    ) -> None:
        self._make = make
        self._has_place = has_place
        self._is_under_way = is_under_way
        self._on_change = on_change
        self._on_end = on_end
        self._guard = guard
        self._line: deque[int] = deque()
        self._making: int | None = None
        self._news: asyncio.Event | None = None
        self._work: concurrent.futures.Future[None] | None = None

    @property
    def queued(self) -> frozenset[int]:
        """The cells whose job is not made yet and will be."""
        with self._guard:
            return frozenset(self._line) | (frozenset() if self._making is None else {self._making})

    def add(self, *numbers: int) -> None:
        """Have these made as well; one that is in the line already is not put there twice."""
        with self._guard:
            self._line.extend(number for number in numbers if number not in self.queued)
        self.go_on()

    def clear(self) -> int:
        """Make none of those that wait; how many that are."""
        with self._guard:
            count = len(self._line)
            self._line.clear()
        self._on_change()
        return count

    def go_on(self) -> None:
        """Something has changed: see whether it is somebody's turn, or whether all has come to its end."""
        with self._guard:
            if self._work is None and (self._line or self._is_under_way()):
                self._news = asyncio.Event()
                self._work = io.start(self._run(self._news))
            elif self._news is not None:
                io.loop.call_soon_threadsafe(self._news.set)
        self._on_change()

    @property
    def end(self) -> concurrent.futures.Future[None]:
        """Done when nothing waits and nothing is under way."""
        with self._guard:
            if self._work is not None:
                return self._work
        ended: concurrent.futures.Future[None] = concurrent.futures.Future()
        ended.set_result(None)
        return ended

    async def _run(self, news: asyncio.Event) -> None:
        is_told = False
        while True:
            news.clear()
            with self._guard:
                # Asked in any case: what has gone wrong may empty the line.
                self._making = self._line.popleft() if self._has_place() and self._line else None
                number = self._making
                has_ended = number is None and not self._line and not self._is_under_way()
                if has_ended and is_told:
                    self._work = self._news = None
                    break
            is_told = has_ended
            if has_ended:
                await asyncio.to_thread(self._on_end)
            elif number is None:
                await news.wait()
            else:
                await asyncio.to_thread(self._make, number)
                with self._guard:
                    self._making = None
        self._on_change()
