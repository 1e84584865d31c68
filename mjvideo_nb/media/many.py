"""The same of many clips: one file a clip, in any order, none lost because another could not be made."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mjvideo_nb import elsewhere
from mjvideo_nb.elsewhere import Work
from mjvideo_nb.errors import InvalidRequest, MJVideoError, WorkFailed

__all__ = ["Tally", "many"]

AHEAD = 256 * 1024 * 1024
"""Bytes of clips that are on their way to workers at once: they are in memory meanwhile, here and at Dask's scheduler."""
SLICE = 0.25
"""Seconds of waiting at a stretch, so that an interrupt gets through and a clock goes on."""
NAMED = 5
"""Failures that the message has; all are in `failures`."""


@dataclass(frozen=True)
class Tally:
    """How far it is.

    Args:
        done: files that were made.
        failed: clips of which none could be made.
        of: clips in all.

    """

    done: int
    failed: int
    of: int


def many(
    make: Callable[..., Path],
    orders: Sequence[tuple[Path, Path]],
    *,
    executor: Executor | None = None,
    options: Mapping[str, Any],
    words: str = "files",
    tell: Callable[[Tally], None],
) -> list[Path]:
    """Make a file of each of many clips, and wait for all of them. An interrupt takes back what was not begun.

    Args:
        make: takes a clip's file, the file to make, and the options.
        orders: clips, each with the file that is made of it.
        executor: where it is done; by default in threads, one for each core.
        options: for `make`.
        words: what is made, in the plural.
        tell: hears how far it is, at every change.

    Returns:
        The files, in the order of the clips.

    Raises:
        InvalidRequest: this is no executor, or an option is wrong: the same would befall all.
        WorkFailed: some could not be made, or the executor broke down; `made` and `failures` say which.

    """
    elsewhere.check(executor)
    with _workers(executor) as workers:
        run = _Run(make, orders, workers, options, words, tell)
        try:
            return run.all()
        finally:
            run.end()


@dataclass
class _Run:
    """One such run."""

    make: Callable[..., Path]
    orders: Sequence[tuple[Path, Path]]
    workers: Executor
    options: Mapping[str, Any]
    words: str
    tell: Callable[[Tally], None]

    def __post_init__(self) -> None:
        self._waiting = deque(self.orders)
        self._running: dict[Future[Any], tuple[Path, Path, Work]] = {}
        self._made: set[Path] = set()
        self._failures: dict[Path, Exception] = {}

    def all(self) -> list[Path]:
        """Do all of it."""
        self._report()
        while self._waiting or self._running:
            while self._waiting and self._has_room():
                self._begin(*self._waiting.popleft())
            ended = wait(self._running, timeout=SLICE, return_when=FIRST_COMPLETED).done
            for future in ended:
                self._end(*self._running.pop(future))
            self._report()
        if self._failures:
            raise self._failed(self._sum())
        return [target for _, target in self.orders]

    def end(self) -> None:
        """Cancel what is left. What a thread or a process has begun it ends, and a file is whole or not there."""
        for future in self._running:
            future.cancel()
        self._report()

    def _has_room(self) -> bool:
        return not self._running or sum(work.size for *_, work in self._running.values()) < AHEAD

    def _begin(self, source: Path, target: Path) -> None:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            work = elsewhere.begin(self.workers, self.make, source, target, **self.options)
        except OSError as error:
            self._failures[source] = error
        except WorkFailed as error:
            raise self._failed(str(error)) from error
        else:
            self._running[work.future] = (source, target, work)

    def _end(self, source: Path, target: Path, work: Work) -> None:
        try:
            work.result()
        except InvalidRequest as error:
            if error.field in self.options:
                raise
            self._failures[source] = error
        except WorkFailed as error:
            if isinstance(error.__cause__, BrokenExecutor | CancelledError):
                raise self._failed(str(error)) from error
            self._failures[source] = error  # of a cluster only the workers of this one died
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are made all the same; it is told at the end
            self._failures[source] = error
        else:
            self._made.add(target)

    def _report(self) -> None:
        self.tell(Tally(len(self._made), len(self._failures), len(self.orders)))

    def _sum(self) -> str:
        told = [f"{source.name}: {_said(error)}" for source, error in list(self._failures.items())[:NAMED]]
        more = len(self._failures) - len(told)
        rest = f" And {more} more, which the error's failures name." if more else ""
        others = {0: "", 1: " The other one is there."}.get(len(self._made), f" The other {len(self._made)} are there.")
        return (
            f"clips: {len(self._failures)} of {len(self.orders)} {self.words} could not be made. {' '.join(told)}{rest}"
            f"{others} Mend these clips or leave them out, and call it again; nothing is paid."
        )

    def _failed(self, message: str) -> WorkFailed:
        error = WorkFailed(message)
        error.made = tuple(target for _, target in self.orders if target in self._made)
        error.failures = dict(self._failures)
        return error


def _said(error: Exception) -> str:
    words = str(error) if isinstance(error, MJVideoError) else f"{type(error).__name__}: {error}"
    return words if words.endswith(".") else f"{words}."


@contextmanager
def _workers(executor: Executor | None) -> Iterator[Executor]:
    """The executor that was given, which stays open, or threads for this once, which nobody waits for after an interrupt."""
    if executor is not None:
        yield executor
        return
    threads = ThreadPoolExecutor(os.cpu_count() or 1, "mjvideo-media")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
