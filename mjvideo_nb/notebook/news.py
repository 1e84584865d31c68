"""Telling others that something has changed, without flooding them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .iothread import io

__all__ = ["INTERVAL", "News"]

INTERVAL = 0.25
"""Seconds between two updates of a card: Jupyter drops messages above 1000 a second, and an eye sees no more."""


class News:
    """Those who want to know of changes, told on the I/O thread; a burst of changes becomes one call.

    Args:
        interval: seconds between two calls.

    """

    def __init__(self, interval: Callable[[], float] = lambda: INTERVAL) -> None:
        self._interval = interval
        self._guard = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._due = False

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change."""
        with self._guard:
            self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        with self._guard:
            self._listeners = [known for known in self._listeners if known != listener]

    def tell(self) -> None:
        """Tell the listeners soon."""
        with self._guard:
            if self._due:
                return
            self._due = True
        loop = io.loop
        loop.call_soon_threadsafe(loop.call_later, self._interval(), self._tell)

    def _tell(self) -> None:
        with self._guard:
            self._due = False
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
