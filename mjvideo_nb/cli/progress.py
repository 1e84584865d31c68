"""How a render's progress is told: a bar on a terminal, plain lines elsewhere, both on standard error."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from tqdm import tqdm

from mjvideo_nb.errors import MJVideoError
from mjvideo_nb.models import Task

from .terminal import printable, say

__all__ = ["Progress"]

BAR = "{desc:<16} {percentage:3.0f}% |{bar:30}| {elapsed}"


class Progress:
    """Tells each change of a task once. An `async with` keeps the bar's clock going and leaves it in good order."""

    def __init__(self) -> None:
        self._bar = tqdm(total=100, file=sys.stderr, bar_format=BAR) if sys.stderr.isatty() else None
        self._last = ""
        self._clock: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._bar is not None:
            self._clock = asyncio.create_task(self._keep_time(self._bar))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._clock is not None:
            self._clock.cancel()
            with suppress(asyncio.CancelledError):
                await self._clock
        if self._bar is not None:
            self._bar.close()

    def say(self, words: str) -> None:
        """A step that has no percentage."""
        if self._bar is not None:
            self._bar.set_description_str(printable(words))
        elif words != self._last:
            say(words)
        self._last = words

    def __call__(self, task: Task) -> None:
        """A task as it is now, in the service's own word."""
        # Without an answer, all that is known is the id: nobody can say that the service accepted it.
        status = task.status or ("accepted" if task.raw else "looking")
        if self._bar is not None:
            # A status can step back, and so may the percentage: the bar shows what the service says.
            if task.progress is not None:
                self._bar.n = task.progress
            self._bar.set_description_str(printable(status))
        else:
            percent = "" if task.progress is None else f" {task.progress}%"
            self.say(f"{status}{percent}")

    def trouble(self, error: MJVideoError | None) -> None:
        """The service cannot be asked for the moment; the next look that works says so by itself."""
        if error is not None and self._bar is not None:
            self._bar.set_description_str("no answer")
        elif error is not None:
            self.say(f"no answer, trying again: {printable(str(error))}")

    @staticmethod
    async def _keep_time(bar: tqdm[None]) -> None:
        while True:
            await asyncio.sleep(1)
            bar.refresh()
