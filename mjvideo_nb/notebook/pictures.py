"""What a shared account shows of its jobs on every machine: their posters and first frames, beside the copies of the clips.

Whoever has copied a job's clips to a storage puts these there too; a history on another machine brings one when its row is
looked at. None of them is needed for anything that costs: one that cannot be had leaves the row without a picture.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mjvideo_nb.download import clip_path
from mjvideo_nb.errors import StorageError
from mjvideo_nb.library import Entry, KeptClip
from mjvideo_nb.library.entries import CLIPS
from mjvideo_nb.library.stills import poster_path
from mjvideo_nb.storage import Storage

if TYPE_CHECKING:
    from .session import Session

__all__ = ["best", "bring_picture", "first_frame", "poster", "put_pictures"]

log = logging.getLogger(__name__)


def best(entry: Entry) -> KeptClip | None:
    """The clip with the most stars, else the first."""
    return max(entry.clips, key=lambda clip: (clip.rating or 0, -clip.index), default=None)


def poster(folder: Path, task_id: str | None, index: int) -> Path:
    """Where the poster of a clip is, if it is on this machine; `folder` is the library's."""
    return poster_path(folder, clip_path(folder / CLIPS, task_id or "", index))


def first_frame(entry: Entry) -> Path | None:
    """Where the first frame of a job is, if it is on this machine; None where it is a link, or the job goes on from a clip."""
    image = entry.request.image if entry.request else None
    return image if isinstance(image, Path) else None


async def put_pictures(storage: Storage, folder: Path, entry: Entry) -> None:
    """Put the pictures of a job into a storage, for those who share the account.

    Args:
        storage: where the copies of its clips are.
        folder: that of the library on this machine, which has made it.
        entry: the job.

    """
    frame = first_frame(entry)
    pictures = [*(poster(folder, entry.task_id, clip.index) for clip in entry.clips), *([frame] if frame else [])]
    await asyncio.gather(*(asyncio.to_thread(_put, storage, folder, picture) for picture in pictures))


def _put(storage: Storage, folder: Path, picture: Path) -> None:
    name = picture.relative_to(folder).as_posix()
    try:
        if not picture.exists():
            return
        data = picture.read_bytes()
        with suppress(StorageError):  # where a policy lets nobody look, it is written anew
            if storage.has(name, size=len(data)):
                return
        storage.put(picture, name, digest=hashlib.sha256(data).hexdigest())
    except (StorageError, OSError) as error:
        log.info("%s is not shown on other machines: %s", name, error)


async def bring_picture(session: Session, entry: Entry) -> bool:
    """Bring a picture of a job to this machine that another one has made.

    Args:
        session: the storage, and the library that the picture goes to.
        entry: the job.

    Returns:
        Whether one came.

    """
    storage, library = session.storage, session.library
    copied = any(storage.name_of(clip.copy) for clip in entry.clips if clip.copy) if storage else False
    if storage is None or not copied or not library.is_shared:
        return False
    async with session.fetching:
        return await asyncio.to_thread(partial(_get_one, storage, library.folder, _wanted(library.folder, entry)))


def _wanted(folder: Path, entry: Entry) -> Iterable[tuple[Path, str]]:
    """The pictures that would do, each with its SHA-256 where that is known; the best first."""
    clip, frame = best(entry), first_frame(entry)
    if clip:
        yield poster(folder, entry.task_id, clip.index), ""
    if frame:
        yield frame, frame.stem


def _get_one(storage: Storage, folder: Path, pictures: Iterable[tuple[Path, str]]) -> bool:
    for picture, digest in pictures:
        name = picture.relative_to(folder).as_posix()
        try:
            storage.get(name, picture, digest=digest)
        except StorageError as error:
            log.info("%s is not shown here: %s", name, error)
        else:
            return True
    return False
