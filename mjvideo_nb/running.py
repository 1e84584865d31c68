"""`run`: anybody's coroutine to its end, from a plain cell or a script alike.

    task = mj.run(client.submit(request))
    task = mj.run(client.wait(task))

Jobs need none of it: `job.wait()` goes through a thread of its own. This is for coroutines of other people, for teaching
code, and for what is bound to the loop that runs here.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import signal
import threading
from collections.abc import Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from .errors import InvalidRequest
from .nesting import entered_again, warn_of_old_nesting

__all__ = ["run"]

T = TypeVar("T")


def run(coro: Awaitable[T]) -> T:
    """Run a coroutine to its end, from a plain cell, a script or a function that somebody's coroutine calls.

    In a notebook it runs on the kernel's own loop, which goes on meanwhile: cells that wait behind this one keep their
    turn, and none is lost. For that, nest-asyncio2 is applied while it runs and taken back after it. In a script it runs on
    one loop that is kept for all calls, so that a client made for one call serves the next. What the coroutine leaves
    running goes on whenever the loop does; at the end of a script it is cancelled.

    Args:
        coro: a coroutine, such as `client.wait(task)`, or anything else that can be awaited, such as a job.

    Returns:
        What `await coro` would give; it raises what that would raise.

    Raises:
        InvalidRequest: this cannot be awaited, or the loop that runs here cannot be entered a second time.
        KeyboardInterrupt: it was interrupted; the coroutine was cancelled and has ended.

    """
    given: Any = coro
    if not inspect.isawaitable(given):
        called = f"; call it: mj.run({given.__name__}())" if inspect.iscoroutinefunction(given) else ""
        raise InvalidRequest(f"coro: something to await, not {type(given).__name__}{called}.", field="coro")
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _run_alone(_awaited(coro))
    warn_of_old_nesting(stacklevel=2)
    return _run_inside(loop, coro)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


# Where a loop runs


def _run_inside(loop: asyncio.AbstractEventLoop, coro: Awaitable[T]) -> T:
    try:
        with entered_again(loop):
            task = loop.create_task(_awaited(coro))
            try:
                with _interruptible(loop, task):
                    return loop.run_until_complete(task)
            finally:
                if not task.done():
                    task.cancel()
                    loop.run_until_complete(asyncio.wait([task]))
    except InvalidRequest:
        if inspect.iscoroutine(coro):
            coro.close()  # where it was never begun; else this does nothing
        raise


@contextmanager
def _interruptible(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> Iterator[None]:
    """The first interrupt cancels the task, as in `asyncio.run`; a second one does not wait for it."""
    before = signal.getsignal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else None
    if not _may_be_replaced(before):
        yield
        return
    interrupts = 0

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1 or task.done():
            raise KeyboardInterrupt
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # wakes the loop

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if interrupts:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)


def _may_be_replaced(handler: Any) -> bool:
    """Python's own; and those that would cancel what has called us, and not what it waits for: `asyncio.run`'s, and the
    kernel's for a cell with `await`. Another one is its program's own.
    """
    if isinstance(handler, partial):
        return isinstance(getattr(handler.func, "__self__", None), asyncio.Runner)
    module = getattr(handler, "__module__", None) or ""
    return handler is signal.default_int_handler or module.partition(".")[0] == "ipykernel"


# Where none does

_kept: asyncio.Runner | None = None
_parents: list[asyncio.Runner] = []
"""Of the process that this one was forked from: to close its loop here would disturb it there."""


def _run_alone(coro: Coroutine[Any, Any, T]) -> T:
    global _kept  # noqa: PLW0603
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(coro)
    if _kept is None:
        _kept = asyncio.Runner()
    return _kept.run(coro)


def _close() -> None:
    """End what was left running. Not by `Runner.close`, which wants a new thread, and none can start at exit."""
    global _kept
    runner, _kept = _kept, None
    if runner is None:
        return
    loop = runner.get_loop()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _forget_after_fork() -> None:
    global _kept  # noqa: PLW0603
    if _kept is not None:
        _parents.append(_kept)
    _kept = None


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
