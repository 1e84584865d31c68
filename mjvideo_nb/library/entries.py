"""What a library holds, as values: a job with its request and clips, and how it lies in the tables."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import MJVideoError, error_of
from mjvideo_nb.frames import Frame
from mjvideo_nb.models import Clip, Status, Task, VideoRequest

__all__ = [
    "CLIPS",
    "COUNTED",
    "FRAMES",
    "NEVER_SENT",
    "OPEN",
    "PICTURE",
    "Entry",
    "JobState",
    "KeptClip",
    "kept_name",
    "now",
    "pictures_in",
    "values_of",
]

NEVER_SENT = "NeverSent"
"""The kind of error of a job whose kernel ended before it was its turn."""
DELETED = "deleted"
"""Where the first frame of a request was that was deleted for good: a file that is not there."""
CLIPS = "clips"
"""The folder of the clips."""
FRAMES = "frames"
"""The folder of the first frames."""
PICTURE = "$picture"
"""Marks what stands for a picture among the undocumented fields: its file in that folder, or its URL."""
ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


class JobState(StrEnum):
    """Where a job is, as far as it was written down."""

    WAITING = "waiting"
    """Not sent: it waits its turn, or was turned away and will be sent again."""
    SENDING = "sending"
    """A submit is under way. Found after a crash: it may have been accepted and billed."""
    RUNNING = "running"
    """Accepted; its clips are not all here."""
    COPYING = "copying"
    """Its clips are here, and not all of them in the storage elsewhere."""
    DONE = "done"
    FAILED = "failed"
    """Accepted, and ended without clips. Most gateways give the price back."""
    REFUSED = "refused"
    """Surely not accepted; nothing was charged."""
    UNCERTAIN = "uncertain"
    """It may have been accepted and billed."""
    FORGOTTEN = "forgotten"
    """It was uncertain, and its people have settled that. Its price stays counted."""


OPEN = frozenset({JobState.WAITING, JobState.SENDING, JobState.RUNNING, JobState.COPYING})
"""Something is still to be done."""
COUNTED = OPEN | {JobState.DONE, JobState.UNCERTAIN, JobState.FORGOTTEN}
"""Their prices count as spent."""


@dataclass(frozen=True)
class KeptClip:
    """One clip of a job.

    Args:
        index: which variant, from 0.
        url: where the service served it.
        path: the whole file on disk, or None while there is none; on an account that machines share, none on this one.
        size: of it, in bytes.
        digest: SHA-256 of it in hex.
        copy: its URL in the storage elsewhere, once that copy was checked; "" where there is none.
        rating: 1 to 5 stars, or None.
        thumbnail: URL of a still, or "".

    """

    index: int
    url: str = ""
    path: Path | None = None
    size: int | None = None
    digest: str = ""
    copy: str = ""
    rating: int | None = None
    thumbnail: str = ""


@dataclass(frozen=True)
class Entry:
    """A job as the library knows it.

    Args:
        id: the library's own name for it; ids sort by the time they were made.
        created: when it was asked for.
        state: where it is.
        service: the address it was sent to, or "sandbox".
        request: what was asked, its image being a path, a URL or ""; None for a task that was made elsewhere.
        prompt: of the request, or as the service tells it.
        frame_name: what the first frame was called, such as "coffee.jpg".
        task_id: the service's id, once it was accepted.
        status: the service's word when it was last written down.
        error: what went wrong, in words, or "".
        error_kind: the name of that error, or "".
        price: USD, as it was when it was asked for.
        clips: those that are known of.
        owner: the kernel that works on it.
        person: who asked for it.
        ended: when it ended.
        note: what its people say of it.
        tags: words to find it by.
        trashed: when it was put into the trash.

    """

    id: str
    created: datetime
    state: JobState
    service: str
    request: VideoRequest | None
    prompt: str = ""
    frame_name: str = ""
    task_id: str | None = None
    status: str = Status.ACCEPTED
    error: str = ""
    error_kind: str = ""
    price: float = 0.0
    clips: tuple[KeptClip, ...] = ()
    owner: str = ""
    person: str = ""
    ended: datetime | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    trashed: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether all its clips are here."""
        return bool(self.clips) and all(clip.path for clip in self.clips)

    @property
    def ratings(self) -> dict[int, int]:
        """The stars of the clips that have any, by index."""
        return {clip.index: clip.rating for clip in self.clips if clip.rating is not None}

    @property
    def failure(self) -> MJVideoError | None:
        """Why it ended without clips, or cannot be followed or brought home for now; None where all is well."""
        if not self.error:
            return None
        failure = error_of(self.error_kind)(self.error, task_id=self.task_id or "")
        if self.error_kind == NEVER_SENT:
            failure.headline = "Not sent"
        return failure

    @property
    def task(self) -> Task | None:
        """The service's task, as far as it was written down."""
        if self.task_id is None:
            return None
        clips = tuple(
            Clip(task_id=self.task_id, index=c.index, url=c.url, path=c.path, thumbnail=c.thumbnail) for c in self.clips
        )
        return Task(id=self.task_id, status=self.status, clips=clips, request=self.request)


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def values_of(request: VideoRequest) -> dict[str, Any]:
    """The columns that hold a request, its first frame apart."""
    return {
        "prompt": request.prompt,
        "motion": str(request.motion),
        "video_type": request.video_type,
        "user_state": request.state,
        "no_storage": request.no_storage,
        "action": request.action,
        "parent": request.task_id,
        "parent_index": request.index,
        "extra": json.dumps(dict(request.extra), default=_stands_for),
    }


def kept_name(frame: Frame) -> str:
    """What stands for a picture: the name of its file in the folder of the first frames, or its URL."""
    return frame.url or frame.digest + ENDINGS.get(frame.media_type, "")


def pictures_in(extra: str) -> set[str]:
    """What stands for pictures in the undocumented fields of a row."""
    found = json.loads(extra).values() if PICTURE in extra else ()
    return {value[PICTURE] for value in found if isinstance(value, dict) and PICTURE in value}


def _stands_for(value: object) -> object:
    return {PICTURE: kept_name(value)} if isinstance(value, Frame) else str(value)


def entry_of(
    row: Mapping[str, Any], clips: Iterable[Mapping[str, Any]], tags: Iterable[str], folder: Path, *, looked_for: bool
) -> Entry:
    """The entry that a row of `jobs` and its rows of `clips` and `tags` hold; are the clips' files `looked_for`?"""
    return Entry(
        id=row["id"],
        created=_time(row["created"]),
        state=JobState(row["state"]),
        service=row["service"],
        request=_request(row, folder),
        prompt=row["prompt"],
        frame_name=row["frame_name"],
        task_id=row["task_id"],
        status=row["status"],
        error=row["error"],
        error_kind=row["error_kind"],
        price=row["price"],
        clips=tuple(_clip(clip, folder, looked_for=looked_for) for clip in clips),
        owner=row["owner"],
        person=row["person"],
        ended=None if row["ended"] is None else _time(row["ended"]),
        note=row["note"],
        tags=tuple(tags),
        trashed=None if row["trashed"] is None else _time(row["trashed"]),
    )


def _request(row: Mapping[str, Any], folder: Path) -> VideoRequest | None:
    if row["motion"] is None:
        return None
    frame = row["frame"] or ("" if row["action"] else DELETED)
    return VideoRequest(
        image=folder / FRAMES / frame if frame and "://" not in frame else frame,
        motion=row["motion"],
        prompt=row["prompt"],
        video_type=row["video_type"],
        state=row["user_state"],
        no_storage=row["no_storage"],
        action=row["action"],
        index=row["parent_index"],
        task_id=row["parent"],
        extra={name: _field(value, folder) for name, value in json.loads(row["extra"]).items()},
    )


def _field(value: Any, folder: Path) -> Any:
    if not (isinstance(value, dict) and PICTURE in value):
        return value
    kept = value[PICTURE]
    return kept if "://" in kept else folder / FRAMES / kept


def _clip(row: Mapping[str, Any], folder: Path, *, looked_for: bool) -> KeptClip:
    path = None if row["path"] is None else folder / row["path"]
    return KeptClip(
        index=row["index"],
        url=row["url"],
        path=None if path and looked_for and not path.exists() else path,
        size=row["size"],
        digest=row["digest"],
        copy=row["copy"],
        rating=row["rating"],
        thumbnail=row["thumbnail"],
    )


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
