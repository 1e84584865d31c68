"""What a sweep shows: from its plan and its jobs to the words, figures and places of its matrix. No widgets here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.library import Entry
from mjvideo_nb.sweeps import NAMES, Axis

from .card import card, notebook_path
from .pictures import poster
from .state import Phase

if TYPE_CHECKING:
    from .job import Job
    from .sweep import Sweep

__all__ = ["cells", "page", "plan", "words"]

UNKNOWN_SIZE = (16, 9)
LONGEST = 300
"""Characters of an error in a cell; its card has all of it."""
AGAIN = "Shown again: this cell had planned it, and nothing was sent now. again=True plans a new one."


def plan(sweep: Sweep) -> dict[str, Any]:
    """What never changes: the heads of rows and columns, and what is the same in all cells."""
    made = sweep.plan
    sizes = {frame.size for frame in sweep.first_frames.values()}
    width, height = (sizes.pop() if len(sizes) == 1 else None) or UNKNOWN_SIZE
    across = made.axis(made.column) if made.column else None
    return {
        "title": made.title,
        "sandbox": sweep.session.sandbox,
        "aspect": width / height,
        "constants": [_head(axis, 0) for axis in made.axes if not axis.varies and axis.values[0]],
        "columns": [_head(across, place) for place in range(len(across.values))] if across else [],
        "rows": [[_head(axis, made.row(row)[axis.name]) for axis in made.row_axes] for row in range(made.rows)],
        "names": [made.name(number) or "the video" for number in range(len(made))],
    }


def _head(axis: Axis, place: int) -> dict[str, str]:
    """What a row, a column or all of them have: the parameter, its value in short, and the whole of it."""
    value, label = axis.values[place], axis.labels[place]
    return {"name": NAMES[axis.name][0], "text": label, "title": value if axis.name == "prompt" and value else label}


def page(sweep: Sweep) -> dict[str, Any]:
    """How far it is, what is offered next, and what that costs."""
    missing, queued = sweep.missing, sweep.queued
    phases = _phases(sweep)
    counts = _counts(sweep)
    started = bool(phases or queued or any(sweep.refusal(number) for number in missing))
    cost, fits, warning = _cost(sweep, missing)
    return {
        "state": _look(
            running=bool(queued or counts["under way"]), started=started, done=counts["done"], size=len(sweep)
        ),
        "words": _told(counts),
        "missing": _missing(len(missing), cost, started=started),
        "budget": "" if queued else warning,
        "enough": fits == len(missing),
        "action": _action(started=started, missing=len(missing), fits=fits, cost=cost, queued=len(queued)),
        "note": "\n".join(line for line in (sweep.stopped, AGAIN if sweep.shown_again else "") if line),
        "error": "",
    }


def words(sweep: Sweep) -> str:
    """How far it is, in one line."""
    missing = len(sweep.missing)
    return " · ".join([*_told(_counts(sweep)), *([f"{missing} not made"] if missing else [])])


def _phases(sweep: Sweep) -> list[str]:
    return [job.state.phase for job in sweep.jobs if job]


def _counts(sweep: Sweep) -> dict[str, int]:
    phases = _phases(sweep)
    ended = {Phase.DONE, Phase.FAILED}
    return {
        "done": phases.count(Phase.DONE),
        "under way": sum(1 for phase in phases if phase not in ended),
        "to be sent": len(sweep.queued),
        "failed": phases.count(Phase.FAILED),
    }


def _told(counts: Mapping[str, int]) -> list[str]:
    return [f"{count} {word}" for word, count in counts.items() if count]


def _look(*, running: bool, started: bool, done: int, size: int) -> str:
    if running or not started:
        return "running" if running else "planned"
    return {0: "failed", size: "done"}.get(done, "uncertain")


def _missing(count: int, cost: str, *, started: bool) -> str:
    if not count:
        return ""
    return f"{count} not made" if started else f"{_calls(count)}, {cost}"


def _action(*, started: bool, missing: int, fits: int, cost: str, queued: int) -> dict[str, Any] | None:
    if queued:
        return {
            "action": "stop",
            "label": "Stop",
            "title": "Make no further calls; those that were made go on",
            "on": True,
        }
    if not missing:
        return None
    some = _calls(missing) if fits in {0, missing} else f"{fits} of {_calls(missing)}"
    label = f"Go on: {some} · {cost}" if started else f"Run {some} · {cost}"
    return {"action": "run", "label": label, "title": "Make these calls", "on": fits > 0}


def _cost(sweep: Sweep, numbers: Collection[int]) -> tuple[str, int, str]:
    """What these cost in words, how many of them the budget allows, and what is to be said of the budget.

    Where it does not allow all, the price is that of those that it allows.
    """
    session = sweep.session
    if session.sandbox:
        return "free in the sandbox", len(numbers), ""
    types = [sweep.request(number).short_type for number in numbers]
    try:
        prices = [session.price_of(each) for each in types]
        left = session.left
    except InvalidRequest as error:
        return "price unknown", 0, str(error)
    if any(session.limits.price_of(each) is None for each in types):
        return "price unknown", len(numbers), ""
    if left is None:
        return _usd(sum(prices)), len(numbers), ""
    spent, fits = 0.0, 0
    for price in prices:
        if spent + price <= left + 1e-9:
            spent, fits = spent + price, fits + 1
    if fits == len(prices):
        return _usd(spent), fits, f"{left:.2f} USD of the budget left: enough" if numbers else ""
    all_of_it = f"{len(prices)} calls cost" if len(prices) > 1 else "1 call costs"
    return (
        _usd(spent if fits else sum(prices)),
        fits,
        f"{left:.2f} USD of the budget left, and {all_of_it} {_usd(sum(prices))}: {fits or 'none'} of them "
        f"{'fits' if fits == 1 else 'fit'}. Raise it with mj.connect(budget=...).",
    )


def _usd(figure: float) -> str:
    return f"about {figure:.2f} USD"


def _calls(number: int) -> str:
    return "1 call" if number == 1 else f"{number} calls"


def cells(sweep: Sweep, entries: Mapping[int, Entry], shown: Collection[str]) -> list[dict[str, Any]]:
    """Every cell of the matrix as it is now.

    Args:
        sweep: whose.
        entries: what the library holds of its jobs, for the stars.
        shown: the ids of the jobs whose cards are open below.

    """
    queued = sweep.queued
    told = []
    for number, job in enumerate(sweep.jobs):
        entry = entries.get(number)
        refusal = sweep.refusal(number)
        if number in queued:
            told.append(_empty(number, "queued", "To be sent"))
        elif refusal is not None:
            words = {"title": getattr(refusal, "headline", "Something went wrong here"), "text": str(refusal)[:LONGEST]}
            told.append({**_empty(number, "failed", ""), "error": words, "choices": [_retry(sweep, number)]})
        elif job is None:
            told.append(_empty(number, "planned", ""))
        else:
            told.append(_filled(sweep, number, job, entry, shown))
    return told


def _empty(number: int, state: str, headline: str) -> dict[str, Any]:
    return {
        "number": number,
        "state": state,
        "headline": headline,
        "progress": None,
        "error": None,
        "choices": [],
        "clips": [],
        "job": "",
        "shown": False,
    }


def _filled(sweep: Sweep, number: int, job: Job, entry: Entry | None, shown: Collection[str]) -> dict[str, Any]:
    told = card(job.state, sandbox=job.sandbox, price=_price(sweep, number))
    error = told["error"] and {"title": told["error"]["title"], "text": told["error"]["text"][:LONGEST]}
    choices = [choice for choice in told["choices"] if choice["action"] != "again" or not sweep.can_retry(number)]
    if sweep.can_retry(number) and not any(choice["action"] == "resume" for choice in choices):
        choices.append(_retry(sweep, number))
    stars = {clip.index: clip.rating for clip in entry.clips} if entry else {}
    folder = sweep.session.library.folder
    clips = [
        {**clip, "rating": stars.get(clip["index"]), "poster": _poster(folder, told["task_id"], clip["index"])}
        for clip in told["clips"]
    ]
    return {
        "number": number,
        "state": told["state"],
        "headline": told["headline"],
        "progress": told["progress"],
        "error": error,
        "choices": choices if job.state.phase == Phase.FAILED else [],
        "clips": clips,
        "job": job.entry_id,
        "shown": job.entry_id in shown,
    }


def _retry(sweep: Sweep, number: int) -> dict[str, str]:
    price = _price(sweep, number)
    return {"action": "retry", "label": f"Retry · {price}", "title": f"Make this call once more: {price}"}


def _price(sweep: Sweep, number: int) -> str:
    """Of one call; what is left is said once, above."""
    return sweep.session.price_words(sweep.request(number).short_type).partition(",")[0]


def _poster(folder: Path, task_id: str | None, index: int) -> str | None:
    path = poster(folder, task_id, index)
    return notebook_path(path) if task_id and path.exists() else None
