"""How a render's progress is told: a bar on a terminal, plain lines elsewhere, both on standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm

from mjvideo_nb.models import Task

__all__ = ["Progress"]


class Progress:
    """Tells each change of a task once. Use it as a context manager, so that the bar is left in good order."""

    def __init__(self) -> None:
        self._bar = (
            tqdm(
                total=100, file=sys.stderr, bar_format="{desc:<16} {percentage:3.0f}% |{bar:30}| {elapsed}", leave=True
            )
            if sys.stderr.isatty()
            else None
        )
        self._last = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def say(self, words: str) -> None:
        """A step that has no percentage."""
        if self._bar is not None:
            self._bar.set_description_str(words)
        elif words != self._last:
            sys.stderr.write(f"{words}\n")
        self._last = words

    def __call__(self, task: Task) -> None:
        """A task as it is now, in the service's own word."""
        status = task.status or "accepted"
        if self._bar is not None:
            # A status can step back, and so may the percentage: the bar shows what the service says.
            self._bar.n = task.progress or self._bar.n
            self._bar.set_description_str(status)
            self._bar.refresh()
        else:
            percent = "" if task.progress is None else f" {task.progress}%"
            self.say(f"{status}{percent}")
