"""Which kernels are there: each holds a lock on a file of its own, which the system lets go of when the process ends.

So a task whose kernel was killed can be taken over at once, also by a kernel on another machine that shares the folder,
as far as the file system keeps locks at all, which SQLite needs as well.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["Presence"]

SUFFIX = ".alive"


class Presence:
    """This process in a folder, and a look at the others.

    Args:
        folder: where the files are.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._process = os.getpid()
        while True:
            self.token = secrets.token_hex(8)
            self._lock = FileLock(self._file(self.token), thread_local=False)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                continue  # somebody looked whether it is held in the moment before it was
            return

    def is_alive(self, token: str) -> bool:
        """Whether the process of this token still runs."""
        if token == self.token:
            return True
        file = self._file(token)
        if not token or not file.exists():
            return False
        lock = FileLock(file, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        file.unlink(missing_ok=True)
        lock.release()
        return False

    def end(self) -> None:
        """Give up this presence; what it works on may be taken over."""
        if os.getpid() == self._process:  # a fork must not end its parent's
            self._file(self.token).unlink(missing_ok=True)
            self._lock.release()

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}{SUFFIX}"
