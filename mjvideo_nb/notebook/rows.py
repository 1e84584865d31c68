"""What the history says: from entries of the library to the rows, words and sums of its list. No widgets here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.library import Entry, JobState, Query, Spending, Sum
from mjvideo_nb.library.entries import COUNTED, OPEN
from mjvideo_nb.library.shelf import MOST_STARS

from .card import notebook_path
from .pictures import best, first_frame, poster

__all__ = ["days", "money", "query_of", "row"]

LONGEST = 500
"""Characters of a search, and of an error in a row."""

LOOKS = {
    JobState.WAITING: ("waiting", "Waiting"),
    JobState.SENDING: ("waiting", "Sending"),
    JobState.RUNNING: ("running", "In progress"),
    JobState.COPYING: ("done", "Done, being copied"),
    JobState.DONE: ("done", "Done"),
    JobState.FAILED: ("failed", "Failed"),
    JobState.REFUSED: ("failed", "Refused"),
    JobState.UNCERTAIN: ("uncertain", "Outcome unknown"),
    JobState.FORGOTTEN: ("settled", "Outcome unknown, settled"),
}


def query_of(asked: Mapping[str, Any], whose: str) -> Query:
    """The query that a browser asks for.

    Args:
        asked: its words and choices.
        whose: the person whose jobs are shown where not everybody's are asked for; "" is everybody.

    Raises:
        InvalidRequest: a day is none.

    """
    stars = asked.get("rating")
    return Query(
        words=str(asked.get("words") or "")[:LONGEST],
        motion=str(asked.get("motion") or ""),
        video_type=str(asked.get("type") or ""),
        rating=stars if type(stars) is int and 1 <= stars <= MOST_STARS else None,
        tag=str(asked.get("tag") or ""),
        since=_day(asked.get("since"), "since"),
        until=_day(asked.get("until"), "until"),
        states=(JobState.UNCERTAIN,) if asked.get("uncertain") else (),
        trashed=bool(asked.get("trashed")),
        person="" if asked.get("everybody") else whose,
    )


def _day(text: Any, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidRequest(f"{field}: a day such as 2026-03-28, not {str(text)[:20]!r}.", field=field) from error


def row(
    entry: Entry, *, folder: Path, price: str, shown: bool, sandbox: bool, shared: bool, ours: bool
) -> dict[str, Any]:
    """A job as one row of the list.

    Args:
        entry: the job.
        folder: the library's.
        price: of sending it once more, in words.
        shown: whether its card is open below the list.
        sandbox: whether what was made in the sandbox goes without saying.
        shared: whether it is told who made it.
        ours: whether its end, its tags and its note are for this person to decide.

    """
    look, word = LOOKS[entry.state]
    return {
        "id": entry.id,
        "title": entry.prompt,
        "chips": _chips(entry, sandbox=sandbox),
        "state": look,
        "word": word,
        "trouble": " ".join(entry.error.split())[:LONGEST],
        "cost": _cost(entry),
        "when": _moment(entry.created),
        "task_id": entry.task_id or "",
        "clips": [{"index": clip.index, "rating": clip.rating} for clip in entry.clips],
        "tags": list(entry.tags),
        "note": entry.note,
        "pictures": _pictures(entry, folder),
        "shown": shown,
        "can_compare": any(clip.path or clip.url for clip in entry.clips),
        "can_extend": entry.state == JobState.DONE and entry.task_id is not None,
        "can_reuse": entry.request is not None,
        "person": (entry.person or "somebody without a name") if shared else "",
        "ours": ours,
        "can_trash": ours and entry.state not in OPEN,
        "again": price if ours and entry.state == JobState.UNCERTAIN and entry.request else "",
    }


def _chips(entry: Entry, *, sandbox: bool) -> list[str]:
    chips = ["sandbox"] if entry.service == "sandbox" and not sandbox else []
    request = entry.request
    if request:
        chips += [str(request.motion), request.short_type]
        if request.action:
            chips.append(f"{request.action} of [{request.index}]")
    return chips


def _cost(entry: Entry) -> str:
    if entry.state == JobState.REFUSED:
        return "nothing charged"
    if not entry.price:
        return ""
    usd = f"{entry.price:,.2f} USD"
    if entry.state == JobState.FAILED:
        return f"{usd} given back"
    if entry.state in {JobState.UNCERTAIN, JobState.FORGOTTEN}:
        return f"{usd} if it was billed"
    return usd if entry.state in COUNTED else ""


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def poster_of(entry: Entry, folder: Path) -> Path | None:
    """The still of its best clip, where one was made."""
    clip = best(entry)
    path = poster(folder, entry.task_id, clip.index) if clip and entry.task_id else None
    return path if path and path.exists() else None


def _pictures(entry: Entry, folder: Path) -> list[dict[str, str]]:
    """Where a picture of it may be found, the best place first; "kernel" is one that only the kernel can give."""
    clip, frame = best(entry), first_frame(entry)
    # On an account that machines share a frame may be on another one only.
    kept = frame if frame and frame.exists() else None
    still = poster_of(entry, folder)
    found = [
        ("image", notebook_path(still)),
        ("video", notebook_path(clip.path if clip else None)),
        ("image", notebook_path(kept)),
    ]
    if entry.request and isinstance(entry.request.image, str):
        found.append(("image", entry.request.image))
    reached = [{"kind": kind, "path": path} for kind, path in found if path]
    here = still or kept
    return reached or ([{"kind": "kernel", "path": here.name}] if here else [])


def money(spent: Spending, left: float | None) -> dict[str, Any]:
    """What was spent, in words."""
    today = spent.days.get(datetime.now().astimezone().date(), Sum())
    return {
        "total": f"{spent.total:,.2f} USD",
        "today": f"{today.total:,.2f} USD",
        "parts": [f"{usd:,.2f} USD {words}" for usd, words in _parts(spent)],
        "left": "" if left is None else f"{left:,.2f} USD",
        "days": len(spent.days),
    }


def days(spent: Spending) -> list[list[str]]:
    """The same for each day: the day, what counts, and its parts in words."""
    return [
        [f"{day:%Y-%m-%d}", f"{each.total:,.2f} USD", ", ".join(f"{usd:.2f} {words}" for usd, words in _parts(each))]
        for day, each in spent.days.items()
    ]


def _parts(some: Sum) -> list[tuple[float, str]]:
    named = ((some.uncertain, "uncertain"), (some.reserved, "not sent yet"), (some.refunded, "given back"))
    return [(usd, words) for usd, words in named if usd]
