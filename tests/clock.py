"""A clock that counts waiting and nothing else, for deadlines of milliseconds on a machine that is busy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

TURN = 1e-4
"""Seconds that one turn of a loop takes, whatever is done in it."""


@contextmanager
def counting_waiting_only(loop: asyncio.AbstractEventLoop, *modules: str) -> Iterator[None]:
    """The time of an event loop, and of `modules` that look at `time.monotonic`, passes while the loop has nothing to do.

    However long the machine takes over the work itself, it counts as a `TURN`; and a pause is as long as was asked for.
    """
    now = loop.time()
    waits = loop._selector.select

    def select(timeout=None):
        nonlocal now
        begun = time.monotonic()
        events = waits(timeout)
        waited = time.monotonic() - begun
        if timeout is not None:
            waited = min(waited, timeout) if events else timeout
        now += max(waited, TURN)
        return events

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop._selector, "select", select)
        patch.setattr(loop, "time", lambda: now)
        for module in modules:
            patch.setattr(f"{module}.time", SimpleNamespace(**vars(time) | {"monotonic": loop.time}))
        yield
