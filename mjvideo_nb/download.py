"""A clip from its URL to a whole file on disk.

Streamed to a `.part` beside its place, checked, then renamed: a file under its final name is a whole clip. Names come
from us, never from a URL. Links expire after about a day, so a clip is fetched as soon as there is one.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import struct
from collections.abc import AsyncIterator
from pathlib import Path

from .errors import BadClip, ClipExpired, ServiceError
from .models import Clip
from .transport import Lost, NotSent, Transport

__all__ = ["clip_path", "download", "is_whole_mp4"]

GONE = frozenset({403, 404, 410})
KEPT = "The task and its price are not affected: download it again."


def clip_path(folder: str | Path, task_id: str, index: int) -> Path:
    """Where a clip is kept: `<folder>/<task id>/<index>.mp4`, whatever characters the id holds."""
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", task_id)[:100]
    if safe != task_id or not safe:
        # Two ids must not share a folder, or one task's clips would pass for the other's.
        safe = f"{safe}-{hashlib.sha256(task_id.encode()).hexdigest()[:8]}"
    return Path(folder) / safe / f"{index}.mp4"


async def download(transport: Transport, clip: Clip, folder: str | Path) -> Path:
    """Bring one clip to disk and return its path. One that is there already is left as it is.

    Raises:
        ClipExpired: the service no longer has it under this URL.
        BadClip: what came is no whole video.
        ServiceError: the connection failed.
        OSError: the folder cannot be written.

    """
    path = clip_path(folder, clip.task_id, clip.index)
    if path.exists():
        return path
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    # A name of its own, so that two kernels on one folder never write into one file.
    part = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.part")
    try:
        await _stream(transport, clip, part)
        await asyncio.to_thread(_keep, part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


async def _stream(transport: Transport, clip: Clip, part: Path) -> None:
    name = f"clip [{clip.index}] of task {clip.task_id}"
    try:
        async with transport.stream(clip.url) as answer:
            if answer.status in GONE:
                raise ClipExpired(
                    f"{name}: its link is no longer served (HTTP {answer.status}). Links last about a day; fetch the "
                    "task again for a fresh one, or ask the provider.",
                    status=answer.status,
                    task_id=clip.task_id,
                )
            if answer.status != 200:
                raise ServiceError(f"{name}: HTTP {answer.status}. {KEPT}", status=answer.status, task_id=clip.task_id)
            size, broke = await _write(answer.chunks, part)
            expected = "" if "content-encoding" in answer.headers else answer.headers.get("content-length", "")
    except (NotSent, Lost) as error:
        raise ServiceError(f"{name}: the connection failed ({error}). {KEPT}", task_id=clip.task_id) from error
    if broke or (expected.isdigit() and size != int(expected)):
        came = f"{size} of {expected} bytes came" if expected else f"the connection broke after {size} bytes ({broke})"
        raise BadClip(f"{name}: {came}. {KEPT}", task_id=clip.task_id)
    reason = await asyncio.to_thread(is_whole_mp4, part)
    if reason:
        raise BadClip(f"{name}: {reason}. {KEPT}", task_id=clip.task_id)


async def _write(chunks: AsyncIterator[bytes], part: Path) -> tuple[int, str]:
    """How many bytes came, and why no more of them did, or `""`."""
    size = 0
    with part.open("wb") as file:
        try:
            async for chunk in chunks:
                await asyncio.to_thread(file.write, chunk)
                size += len(chunk)
        except Lost as error:
            return size, str(error)
    return size, ""


def _keep(part: Path, path: Path) -> None:
    with part.open("r+b") as file:  # Windows flushes only what may be written
        os.fsync(file.fileno())
    part.replace(path)


def is_whole_mp4(path: Path) -> str:
    """Why this file is no whole MP4 (QuickTime included), or `""` if it is one: its boxes fill it, its index is there."""
    size = path.stat().st_size
    if not size:
        return "it is empty"
    boxes: list[bytes] = []
    with path.open("rb") as file:
        at = 0
        while at < size:
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                return "it is cut short"
            length, kind = struct.unpack(">I4s", head[:8])
            if not boxes and kind not in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
                return f"it is not a video; it begins with {head!r}"
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack(">Q", head[8:])
            elif length == 0:
                length = size - at
            if length < 8 or at + length > size:
                return "it is cut short"
            boxes.append(kind)
            at += length
    if b"moov" not in boxes:
        return "it has no index (moov)"
    return "" if b"mdat" in boxes else "it holds no pictures (mdat)"
