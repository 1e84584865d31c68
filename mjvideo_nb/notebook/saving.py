"""Copies of a job's clips under readable names, each with what made it: in the MP4's own tags, and as JSON beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from string import Formatter
from typing import Any

from mjvideo_nb import media
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.library import Entry, KeptClip
from mjvideo_nb.written import written

from .state import Step

__all__ = ["readable", "save"]

FIELDS = ("prompt", "index", "task_id", "motion", "video_type", "date", "time", "rating")
LONGEST_NAME = 120
"""Characters; file systems hold 255 bytes."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def save(
    entry: Entry, steps: Sequence[Step], folder: str | os.PathLike[str], name: str, *, sandbox: bool
) -> list[Path]:
    """Save copies of all clips of a job.

    Args:
        entry: the job, its clips on disk.
        steps: the chain that led to it.
        folder: where the copies go; made if it is not there.
        name: of a copy, without its ending, made of the fields prompt, index, task_id, motion, video_type, date, time
            and rating. A file of another clip is never replaced: then a number is put behind the name.
        sandbox: whether the sandbox made them.

    Returns:
        The copies, in the order of the variants.

    Raises:
        InvalidRequest: there is no clip on disk, the name cannot be made, or PyAV is missing.
        OSError: the folder cannot be written.

    """
    media.check_extra()
    if not entry.is_kept:
        raise InvalidRequest("The clips of this job are not on disk yet: wait for it first.")
    _check(name)
    target = Path(folder).expanduser()
    return [_save(entry, clip, _told(entry, clip, steps, sandbox=sandbox), target, name) for clip in entry.clips]


def _save(entry: Entry, clip: KeptClip, told: dict[str, Any], folder: Path, name: str) -> Path:
    assert clip.path is not None  # noqa: S101 - asked before
    stem = readable(name.format_map(_fields(entry, clip))) or f"{entry.task_id}-{clip.index}"
    to = _free(folder, stem, told)
    media.tag(
        clip.path,
        to,
        {
            "title": entry.prompt or stem,
            "comment": json.dumps(told, ensure_ascii=False),
            "date": f"{entry.created.astimezone():%Y-%m-%d}",
        },
    )
    with written(to.with_suffix(".json")) as part:
        part.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return to


def _told(entry: Entry, clip: KeptClip, steps: Sequence[Step], *, sandbox: bool) -> dict[str, Any]:
    """What made this clip."""
    request = entry.request
    return {
        "task_id": entry.task_id,
        "index": clip.index,
        "prompt": entry.prompt,
        "motion": str(request.motion) if request else None,
        "video_type": request.video_type if request else None,
        "state": request.state if request else None,
        # Of a picture its name in the library, which is that of what is in it; not where the library is.
        "extra": {name: v.name if isinstance(v, Path) else v for name, v in request.extra.items()} if request else {},
        "first_frame": entry.frame_name or None,
        "made": entry.created.isoformat(timespec="seconds"),
        "service": entry.service,
        "sandbox": sandbox,
        "price_usd": entry.price,
        "rating": clip.rating,
        "tags": list(entry.tags),
        "note": entry.note,
        "sha256": clip.digest,
        "lineage": [
            {"task_id": s.task_id, "index": s.index, "motion": s.motion, "prompt": s.prompt} for s in steps[:-1]
        ],
    }


def _fields(entry: Entry, clip: KeptClip) -> dict[str, Any]:
    at = entry.created.astimezone()
    request = entry.request
    return {
        "prompt": entry.prompt,
        "index": clip.index,
        "task_id": entry.task_id or "",
        "motion": str(request.motion) if request else "",
        "video_type": request.short_type if request else "",
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H%M%S}",
        "rating": clip.rating or 0,
    }


def _check(name: str) -> None:
    known = f"made of {', '.join(f'{{{field}}}' for field in FIELDS)}"
    try:
        asked = [field for _, field, _, _ in Formatter().parse(name) if field is not None]
        name.format_map(dict.fromkeys(FIELDS, "") | {"index": 0, "rating": 0})
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InvalidRequest(f"name: {name!r} cannot be filled in ({error}); it is {known}.", field="name") from error
    if unknown := [field for field in asked if field not in FIELDS]:
        raise InvalidRequest(f"name: there is no field {unknown[0]!r}; it is {known}.", field="name")


def readable(text: str) -> str:
    """A name that every file system takes, whatever the prompt holds."""
    words = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]+', " ", text)
    words = re.sub(r"\s+", " ", words)[:LONGEST_NAME].strip(" .")
    words = words.encode("utf-8", "ignore")[: 2 * LONGEST_NAME].decode("utf-8", "ignore").strip(" .")
    return f"{words}_" if RESERVED.fullmatch(words) else words


def _free(folder: Path, stem: str, told: dict[str, Any]) -> Path:
    """A name that is free, or that an earlier copy of the same clip has."""
    number = 1
    while True:
        path = folder / f"{stem}.mp4" if number == 1 else folder / f"{stem} ({number}).mp4"
        if not path.exists() or _is_of(path.with_suffix(".json"), told):
            return path
        number += 1


def _is_of(beside: Path, told: dict[str, Any]) -> bool:
    try:
        there = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(there, dict) and all(there.get(name) == told[name] for name in ("task_id", "index"))
