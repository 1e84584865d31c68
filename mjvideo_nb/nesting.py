"""Entering a loop that runs already a second time: nest-asyncio2 applied for that long, and taken back.

asyncio does not allow it, and a plain cell of a notebook runs inside the kernel's loop. nest-asyncio2 makes it possible by
replacing parts of asyncio in the whole process. Here it is applied when the first one enters and taken back when the last
one has left: whatever it has replaced (it is not asked what that is) is as it was before.

What cannot be taken back: tasks and futures made meanwhile stay asyncio's pure Python ones for as long as they live, and
whoever has imported `Task`, `Future` or `run` from asyncio meanwhile keeps what he got.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from .errors import InvalidRequest

__all__ = ["entered_again", "warn_of_old_nesting"]

OLD_NESTING = (
    "nest_asyncio 1.x is active in this kernel: with ipykernel 7 and later, asyncio.run() in a cell makes it lose the cells "
    "that wait behind it under Run All. nest_asyncio is archived and will not be mended. Use mj.run(...) instead of "
    "asyncio.run(...), which loses none; or replace it by its maintained successor (pip install nest-asyncio2, "
    "import nest_asyncio2 as nest_asyncio) and restart the kernel."
)
FIRST_TO_LOSE = 7
"""The first ipykernel in which all cells run in one shared context."""
KEPT = frozenset({"FUTURES"})
"""What tornado takes for a future: those made meanwhile must stay among them."""

_ABSENT = object()
_guard = threading.Lock()
_inside = 0
_replaced: dict[tuple[int, str], tuple[Any, Any]] = {}
"""By owner and name: the owner, and what was there before."""
_entered: list[asyncio.AbstractEventLoop] = []


def warn_of_old_nesting(stacklevel: int = 2) -> None:
    """Say so where the archived nest_asyncio loses cells of this kernel, and what to do.

    Args:
        stacklevel: as for `warnings.warn`, seen from the caller.

    """
    kernel = sys.modules.get("ipykernel")
    version = getattr(kernel, "version_info", (0,))
    if _is_old(asyncio) and int(version[0]) >= FIRST_TO_LOSE:
        warnings.warn(OLD_NESTING, RuntimeWarning, stacklevel=stacklevel + 1)


@contextmanager
def entered_again(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """While in it, `loop.run_until_complete` may be called though the loop runs.

    Args:
        loop: the running loop of this thread.

    Raises:
        InvalidRequest: this loop is not one of asyncio's own; names the remedy.

    """
    global _inside  # noqa: PLW0603
    ready = vars(loop).get("_ready", ())
    due = len(ready)
    with _guard:
        try:
            _apply(loop)
        except ValueError as error:
            if not _inside:
                _take_back()
            kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
            raise InvalidRequest(
                f"coro: the loop that runs here ({kind}) cannot be entered a second time; write `await ...` in the cell "
                "instead.",
                field="coro",
            ) from error
        _inside += 1
        _entered.append(loop)
    try:
        yield
    finally:
        with _guard:
            _inside -= 1
            if not _inside:
                _take_back()
        # The turn of the loop in which we are counted what was due when it began, and some of that was done inside. It
        # would take as many again, and break down where there are fewer: a kernel would be dead.
        for _ in range(due - len(ready)):
            loop.call_soon(_nothing)


def _apply(loop: asyncio.AbstractEventLoop) -> None:
    import nest_asyncio2

    policy: Any = type(asyncio.get_event_loop_policy())
    owners = [asyncio, asyncio.tasks, asyncio.futures, asyncio.events, type(loop), policy]
    owners += filter(None, [sys.modules.get("tornado.concurrent")])
    before = [dict(vars(owner)) for owner in owners]
    before_run = asyncio.run
    try:
        for owner in owners:
            if _is_old(owner):
                del owner._nest_patched  # noqa: SLF001 - else the old one would be left in place
        nest_asyncio2.apply(loop, run_close_loop=True)  # True leaves that setting as it is
    finally:
        for owner, was in zip(owners, before, strict=True):
            for name in was.keys() | vars(owner).keys():
                old = was.get(name, _ABSENT)
                if name in KEPT or vars(owner).get(name, _ABSENT) is old:
                    continue
                if owner is policy:
                    _put_back(owner, name, old)  # it is for threads without a loop, which go on as they were
                else:
                    _replaced.setdefault((id(owner), name), (owner, old))
    if asyncio.run is not before_run:
        asyncio.run = _for_both(asyncio.run, before_run)


def _for_both(inside: Callable[..., Any], elsewhere: Callable[..., Any]) -> Callable[..., Any]:
    """`asyncio.run` while this is applied: other threads have nothing to do with it."""

    @wraps(elsewhere)
    def run(*args: Any, **options: Any) -> Any:
        in_loop = asyncio._get_running_loop() is not None  # noqa: SLF001 - the documented one raises
        return (inside if in_loop else elsewhere)(*args, **options)

    return run


def _take_back() -> None:
    for (_, name), (owner, old) in _replaced.items():
        _put_back(owner, name, old)
        for loop in _entered:
            if type(loop) is owner:
                vars(loop).pop(name, None)  # it stood in the class as a beginning
    _replaced.clear()
    _entered.clear()


def _put_back(owner: Any, name: str, old: Any) -> None:
    if old is not _ABSENT:
        setattr(owner, name, old)
    elif name in vars(owner):
        delattr(owner, name)


def _is_old(owner: Any) -> bool:
    """Whether the archived nest_asyncio was here, and not its successor."""
    return "_nest_patched" in vars(owner) and "_nest_asyncio2" not in vars(owner)


def _nothing() -> None:
    """Fills a place."""
