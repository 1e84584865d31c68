"""Clips that another machine of a shared account has made: brought here when somebody wants to look at them.

From the checked copy in a storage, where there is one and this session has that storage; else from the service, while it
still has them. Nothing is sent and nothing is paid. A file under a clip's name is always the clip that was kept: other bytes
are not left there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mjvideo_nb.download import clip_path
from mjvideo_nb.errors import BadClip, ClipExpired, MJVideoError, ServiceError, StorageError
from mjvideo_nb.library import Entry, JobState, KeptClip, Library
from mjvideo_nb.models import Clip, Task

if TYPE_CHECKING:
    from .session import Session

__all__ = ["bring_here", "here", "is_elsewhere"]

FREE = "Nothing is sent or paid."
MADE = frozenset({JobState.DONE, JobState.COPYING})


def is_elsewhere(library: Library, entry: Entry) -> bool:
    """Whether the clips of a job are made and kept, and not all of them on this machine."""
    if not library.is_shared or entry.is_kept or entry.state not in MADE:
        return False
    # What this kernel has taken over, it brings home and copies itself.
    return entry.state == JobState.DONE or not library.is_ours(entry)


async def bring_here(session: Session, entry: Entry, say: Callable[[str], object]) -> list[Path]:
    """Bring those clips of a job to this machine that are not here.

    Args:
        session: the service, the storage, and the library that they go to.
        entry: the job, made elsewhere.
        say: told in words what is being done.

    Returns:
        The files that came.

    Raises:
        ClipExpired, StorageError, ServiceError: one of them cannot be had here; says why, and what to do. Those that came
            stay.

    """
    missing = [clip for clip in entry.clips if not _place(session.library, entry.task_id, clip.index).exists()]
    say(f"{_made(session, entry)} Its clips are brought here. {FREE}")
    results = await asyncio.gather(*(_Wanted(session, entry, clip).bring() for clip in missing), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if not failed:
        return [result for result in results if isinstance(result, Path)]
    for error in failed:
        if not isinstance(error, _NotToBeHadError):
            raise error
    raise _in_words(session, entry, [error for error in failed if isinstance(error, _NotToBeHadError)])


class _NotToBeHadError(Exception):
    """One clip cannot be had: why not from a storage, and why not from the service."""

    def __init__(self, copy: str, service: str, cause: type[MJVideoError]) -> None:
        super().__init__(copy, service)
        self.copy = copy
        self.service = service
        self.cause = cause


@dataclass
class _Wanted:
    """One clip that is not here."""

    session: Session
    entry: Entry
    clip: KeptClip
    cause: type[MJVideoError] = field(default=ServiceError, init=False)

    async def bring(self) -> Path:
        path = _place(self.session.library, self.entry.task_id, self.clip.index)
        async with self.session.fetching:
            try:
                copy = await self._from_copy(path)
                service = await self._from_service(path) if copy else ""
            except OSError as error:
                raise ServiceError(
                    f"The clips cannot be written to {self.session.library.clips_folder} ({error}). Mend that, then try "
                    f"again. {FREE}",
                    task_id=self.entry.task_id or "",
                ) from error
        if copy and service:
            raise _NotToBeHadError(copy, service, self.cause)
        return path

    async def _from_copy(self, path: Path) -> str:
        """Why it did not come from a storage, or ""."""
        storage, url = self.session.storage, self.clip.copy
        if not url:
            return "there is no copy in a storage"
        name = storage.name_of(url) if storage else ""
        if storage is None or not name:
            root = url.partition("/clips/")[0]
            return f"the copy is in {root}, which this session does not use"
        try:
            await asyncio.to_thread(partial(storage.get, name, path, digest=self.clip.digest))
        except StorageError as error:
            self.cause = StorageError
            return str(error)
        return ""

    async def _from_service(self, path: Path) -> str:
        """Why it did not come from the service, or ""."""
        session, entry, clip = self.session, self.entry, self.clip
        if session.sandbox or not session.serves(entry.service):
            sandbox = session.sandbox or entry.service == "sandbox"
            return f"it was made by {'a sandbox of another kernel' if sandbox else entry.service}, which this one cannot ask"
        wanted = Clip(task_id=entry.task_id or "", index=clip.index, url=clip.url)
        task = Task(id=entry.task_id or "", status=entry.status, clips=(wanted,), request=entry.request)
        try:
            client = await session.gateway.client()
            (copy,) = await client.bring(task, session.library.clips_folder)
        except ClipExpired:
            self.cause = ClipExpired
            return "its links at the service have expired"
        except MJVideoError as error:
            self.cause = type(error)
            return str(error)
        if not clip.digest or copy.digest in {"", clip.digest}:
            return ""
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self.cause = BadClip
        return "what the service gives under its link now is not the clip that was kept, by its SHA-256"


def _made(session: Session, entry: Entry) -> str:
    by = f" by {entry.person}" if session.library.is_of_another(entry) else ""
    return f"Made{by} on another machine."


def _in_words(session: Session, entry: Entry, failed: list[_NotToBeHadError]) -> MJVideoError:
    some = f"{len(failed)} of its {len(entry.clips)} clips" if len(failed) < len(entry.clips) else "Its clips"
    first = failed[0]
    ask = f"Ask {entry.person}" if session.library.is_of_another(entry) else "Use the machine that made it"
    copy = next((clip.copy for clip in entry.clips if clip.copy), "")
    library = copy.partition("/clips/")[0] or "s3://..."
    unused = not copy or session.storage is None or not session.storage.name_of(copy)
    remedy = f', or use the storage with the copies: mj.connect(library="{library}", database=...)' if unused else ""
    words = (
        f"{_made(session, entry)} {some} cannot be brought here: {first.copy.rstrip('.')}; and {first.service.rstrip('.')}. "
        f"{ask}{remedy}. {FREE}"
    )
    return first.cause(words, task_id=entry.task_id or "")


def here(library: Library, task: Task | None) -> Task:
    """The task with the paths of those clips that are on this machine now."""
    assert task is not None  # noqa: S101 - it has clips
    paths = [_place(library, task.id, clip.index) for clip in task.clips]
    clips = (replace(clip, path=path if path.exists() else None) for clip, path in zip(task.clips, paths, strict=True))
    return replace(task, clips=tuple(clips))


def _place(library: Library, task_id: str | None, index: int) -> Path:
    return clip_path(library.clips_folder, task_id or "", index)
