"""A clip from its URL to a whole file on disk.

Streamed to a `.part` beside its place, gone on with where a connection broke, checked, then put in its place: a file
under its final name is a whole clip. Names come from us, never from a URL. Links expire after about a day, so a clip is
fetched as soon as there is one.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .container import stranger
from .errors import BadClip, ClipExpired, MJVideoError, ServiceError
from .models import Clip
from .part import PIECE, Copy, Part
from .sent import Astray, Lost, NotSent, Stream

if TYPE_CHECKING:
    from .transport import Transport  # loads httpx

__all__ = ["LOCAL", "REMOTE", "Downloads", "Terms", "clip_path"]

GONE = frozenset({403, 404, 410})
PASSING = frozenset({408, 425, 429})
"""Beside 5xx: statuses that may be others in a moment."""
MISFIT = frozenset({206, 416})
KEPT = "The task and its price are not affected: download it again."


@dataclass(frozen=True)
class Terms:
    """How far to go for a clip.

    Args:
        at_once: clips on their way at a time.
        tries: requests for one clip at most, those that go on after a cut included.
        first_pause: seconds before the second of them at most; a random part of it is taken, and it doubles each time.
        longest_pause: seconds between two of them at most, also where the host asks for more.
        deadline: seconds for one clip, all tries together.
        size_limit: bytes; the longest clips, of 21 s, have about 40 million.

    """

    at_once: int = 4
    tries: int = 8
    first_pause: float = 0.5
    longest_pause: float = 15.0
    deadline: float = 1800.0
    size_limit: int = 500_000_000


REMOTE = Terms()
LOCAL = Terms(first_pause=0.01, longest_pause=0.1)
"""For a service on this machine: it is there or it is not."""


class Downloads:
    """Brings clips to disk, several at a time.

    Args:
        transport: what asks for them.
        terms: how far to go.

    """

    def __init__(self, transport: Transport, terms: Terms | None = None) -> None:
        self._transport = transport
        self.terms = terms or (LOCAL if transport.is_local else REMOTE)
        self._gate = asyncio.Semaphore(self.terms.at_once)
        # One thread writes and hashes for all of them, faster than a line brings: more would contend with the event loop.
        self._disk = ThreadPoolExecutor(1, "mjvideo-disk")

    async def bring(self, clip: Clip, folder: str | Path) -> Copy:
        """Bring one clip to `<folder>/<task id>/<index>.mp4`. One that is there already is left as it is.

        Raises:
            ClipExpired: the service no longer has it under this URL.
            BadClip: what came is no whole video, or larger than the limit.
            ServiceError: the connection failed, or it took too long.
            OSError: the folder cannot be written.

        """
        path = clip_path(folder, clip.task_id, clip.index)
        try:
            async with AsyncExitStack() as opened:
                async with self._gate:
                    if path.exists():
                        return Copy(path, path.stat().st_size)
                    part = await self._arrive(clip, path, opened)
                # The next clip may come while this one's last bytes go to the disk.
                return await part.keep()
        except FileNotFoundError:
            # Another process brought the same clip and took away what was left of it.
            if path.exists():
                return Copy(path, path.stat().st_size)
            raise

    async def _arrive(self, clip: Clip, path: Path, opened: AsyncExitStack) -> Part:
        try:
            async with asyncio.timeout(self.terms.deadline) as deadline:
                part = await opened.enter_async_context(Part(path, self._disk))
                await _Arrival(self._transport, clip, part, self.terms).come()
                return part
        except TimeoutError:
            if not deadline.expired():
                raise  # the disk's own
            raise ServiceError(
                f"{_name(clip)} was not here within {self.terms.deadline:g} s. {KEPT}", task_id=clip.task_id
            ) from None


def clip_path(folder: str | Path, task_id: str, index: int) -> Path:
    """Where a clip is kept: `<folder>/<task id>/<index>.mp4`, whatever characters the id holds.

    A WebM has the same name: players go by what is in a file, and a clip has one place.
    """
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:100]
    if safe != task_id or not safe:
        # Two ids must not share a folder, or one task's clips would pass for the other's.
        safe = f"{safe}-{hashlib.sha256(task_id.encode()).hexdigest()[:8]}"
    return Path(folder) / safe / f"{index}.mp4"


def _name(clip: Clip) -> str:
    return f"clip [{clip.index}] of task {clip.task_id}"


class _Arrival:
    """One clip and the requests that it takes."""

    def __init__(self, transport: Transport, clip: Clip, part: Part, terms: Terms) -> None:
        self._transport = transport
        self._clip = clip
        self._part = part
        self._terms = terms
        self._total: int | None = None
        self._etag = ""
        self._modified = ""
        self._asked_to_wait = 0.0

    async def come(self) -> None:
        """Ask until it is all there and a whole video."""
        for tries in range(1, self._terms.tries + 1):
            trouble = await self._ask()
            if trouble is None:
                break
            if tries == self._terms.tries:
                raise trouble
            pause = random.uniform(0, self._terms.first_pause * 2**tries)  # noqa: S311 - spreads the load
            await asyncio.sleep(min(max(pause, self._asked_to_wait), self._terms.longest_pause))
        why = await self._part.flaw()
        if why:
            raise self._bad(why)

    async def _ask(self) -> MJVideoError | None:
        """One request; the error if it may go better next time, None when all has come."""
        # Without anything to know the file again by, the rest of another one could be put behind the beginning of this.
        known = self._etag or self._modified or self._total
        headers = {"range": f"bytes={self._part.size}-"} if self._part.size and known else {}
        if headers and (self._etag or self._modified):
            headers["if-range"] = self._etag or self._modified
        self._asked_to_wait = 0.0
        try:
            async with self._transport.stream(self._clip.url, headers=headers) as answer:
                trouble = await self._begin(answer, goes_on=bool(headers))
                if trouble:
                    return trouble
                broke = await self._receive(answer.chunks)
        except Astray as error:
            raise self._failed(f"its link leads nowhere ({error})") from None
        except (NotSent, Lost) as error:
            return self._failed(f"the connection failed ({error})")
        size, total = self._part.size, self._total
        if not broke and total in {None, size}:
            return None
        if total is not None and size > total:
            await self._part.restart()
        came = (
            f"the connection broke after {size} bytes ({broke})" if total is None else f"{size} of {total} bytes came"
        )
        return self._bad(came)

    async def _begin(self, answer: Stream, *, goes_on: bool) -> MJVideoError | None:
        """Whether this answer brings the clip, or the rest of it; otherwise what is wrong with it."""
        status = answer.status
        if status in GONE:
            raise ClipExpired(
                f"{_name(self._clip)}: its link is no longer served (HTTP {status}). Links last about a day; fetch the "
                "task again for a fresh one, or ask the provider.",
                status=status,
                task_id=self._clip.task_id,
            )
        if status == 200:
            await self._part.restart()
            self._learn(answer)
        elif not (goes_on and status == 206 and self._fits(answer)):
            trouble = self._failed(f"HTTP {status}", status)
            if status in MISFIT:
                await self._part.restart()
            elif status < 500 and status not in PASSING:
                raise trouble
            wait = answer.headers.get("retry-after", "")
            self._asked_to_wait = float(wait) if re.fullmatch(r"[0-9]{1,6}", wait) else 0.0
            return trouble
        if self._total is not None and self._total > self._terms.size_limit:
            raise self._too_large(self._total)
        return None

    def _learn(self, answer: Stream) -> None:
        """What tells this file from another. Nothing where it comes compressed: its bytes are not those of the file."""
        headers = {} if "content-encoding" in answer.headers else answer.headers
        length = headers.get("content-length", "")
        self._total = int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None
        etag = headers.get("etag", "")
        self._etag = "" if etag.startswith("W/") else etag  # a weak one promises alike, not equal
        self._modified = headers.get("last-modified", "")

    def _fits(self, answer: Stream) -> bool:
        """Whether this is the rest of the same file, from where it broke off."""
        found = re.fullmatch(
            r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15}|\*)", answer.headers.get("content-range", "")
        )
        if found is None or int(found[1]) != self._part.size or "content-encoding" in answer.headers:
            return False
        if self._total is None and found[2] != "*":
            self._total = int(found[2])
        same = {"etag": self._etag, "last-modified": self._modified}
        return found[2] in {"*", str(self._total)} and all(
            not known or answer.headers.get(name, known) == known for name, known in same.items()
        )

    async def _receive(self, chunks: AsyncIterator[bytes]) -> str:
        """Take all that comes, and say why no more of it did, or `""`."""
        part = self._part
        broke = ""
        try:
            async for chunk in chunks:
                part.add(chunk)
                if part.waiting >= PIECE:
                    await part.flush()
                    self._check()
        except Lost as error:
            broke = str(error)
        await part.flush()
        self._check()
        return broke

    def _check(self) -> None:
        """End early what can be no clip: a page of many megabytes, a file without an end."""
        if self._part.size > self._terms.size_limit:
            raise self._too_large(self._part.size)
        head = self._part.head
        if len(head) >= 8 and stranger(head):
            raise self._bad(stranger(head))

    def _failed(self, why: str, status: int | None = None) -> ServiceError:
        return ServiceError(f"{_name(self._clip)}: {why}. {KEPT}", status=status, task_id=self._clip.task_id)

    def _bad(self, why: str) -> BadClip:
        return BadClip(f"{_name(self._clip)}: {why}. {KEPT}", task_id=self._clip.task_id)

    def _too_large(self, size: int) -> BadClip:
        return BadClip(
            f"{_name(self._clip)}: it has {size} bytes or more, and at most {self._terms.size_limit} are taken. "
            "The task and its price are not affected.",
            task_id=self._clip.task_id,
        )
