"""A clip on its way to disk: a `.part` beside its place, written and hashed in a thread, put in its place when whole.

A file under its final name is never half a clip, and never replaced: whoever comes second keeps what is there.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .container import flaw

__all__ = ["PIECE", "Copy", "Part"]

PIECE = 3 * 512 * 1024
"""Bytes handed to the thread that writes at a time: the way there and back costs as much as writing 100 kB."""

HEAD = 16


@dataclass(frozen=True)
class Copy:
    """A clip on disk.

    Args:
        path: where.
        size: in bytes.
        digest: its SHA-256 in hex, taken as it arrived; "" for one that was there before and was not read.

    """

    path: Path
    size: int
    digest: str = ""


class Part:
    """A clip that is arriving: `async with` makes its file and takes it away again unless it was kept.

    Args:
        path: its final name.
        disk: what writes it.

    Attributes:
        size: bytes that have come.
        head: the first of them.
        waiting: bytes that have come and are not yet on their way to disk.

    """

    def __init__(self, path: Path, disk: Executor) -> None:
        self.path = path
        self._disk = disk
        # A name of its own, so that two kernels on one folder never write into one file.
        self._name = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part")
        self._writing: asyncio.Future[None] | None = None
        self._begin()

    def _begin(self) -> None:
        self.size = 0
        self.head = b""
        self.waiting = 0
        self._chunks: list[bytes] = []
        self._digest = hashlib.sha256()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.path.parent.mkdir, parents=True, exist_ok=True)
        # Unbuffered: a disk that is full says so at the write, not when the file is closed.
        self._file = self._name.open("x+b", buffering=0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing:
            await asyncio.wait([self._writing])
            self._writing.exception()
        self._file.close()
        self._name.unlink(missing_ok=True)

    def add(self, chunk: bytes) -> None:
        """Take what has come; `flush` when `PIECE` bytes wait."""
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        self._chunks.append(chunk)
        self.waiting += len(chunk)
        self.size += len(chunk)

    async def flush(self) -> None:
        """Send what waits on its way to disk, as soon as what was sent before is there.

        Raises:
            OSError: it could not be written.

        """
        await self._settle()
        if self._chunks:
            chunks, self._chunks, self.waiting = self._chunks, [], 0
            self._writing = asyncio.get_running_loop().run_in_executor(self._disk, self._write, chunks)

    async def restart(self) -> None:
        """Forget all that has come."""
        await self._settle()
        self._begin()
        self._file.seek(0)
        self._file.truncate()

    async def flaw(self) -> str:
        """Why what has come is no whole video, or `""`."""
        await self.flush()
        await self._settle()
        return await asyncio.to_thread(flaw, self._file)

    async def keep(self) -> Copy:
        """Put it in its place, safe on disk first. A clip that is there by now stays."""
        return await asyncio.to_thread(self._keep)

    async def _settle(self) -> None:
        if self._writing:
            # Shielded: a cancelled download must not close the file under the thread that writes it.
            await asyncio.shield(self._writing)
            self._writing = None

    def _write(self, chunks: list[bytes]) -> None:
        piece = b"".join(chunks)
        self._digest.update(piece)
        left = memoryview(piece)
        while left:
            left = left[self._file.write(left) :]

    def _keep(self) -> Copy:
        os.fsync(self._file.fileno())
        self._file.close()
        ours = _place(self._name, self.path)
        # What others left of this clip when they were killed; one that still works on it finds it here, whole.
        for left_over in self.path.parent.glob(f"{self.path.stem}.*.part"):
            with suppress(OSError):
                left_over.unlink()
        return Copy(self.path, self.path.stat().st_size, self._digest.hexdigest() if ours else "")


def _place(part: Path, path: Path) -> bool:
    """Give a whole file its final name, unless there is a file of that name; whether it is this one."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:
        # A disk without hard links, or the part is gone. Between the look and the renaming, another whole copy of the
        # same clip may come to lie here: then one of the two is kept.
        if path.exists():
            return False
        part.rename(path)
    return True
