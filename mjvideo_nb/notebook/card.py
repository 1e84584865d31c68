"""What a job's card says: from the state of a job to the words and numbers its view shows. No widgets here."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest, MJVideoError, SubmissionUncertain
from mjvideo_nb.models import Clip, Status

from .state import Phase, State, Step

__all__ = ["FIRST_SECONDS", "FURTHER_SECONDS", "card", "clip_bytes", "download_name", "notebook_path"]

NAME_LENGTH = 48

FIRST_SECONDS = 125 / 24
FURTHER_SECONDS = 4.0
"""What an extend adds, about."""

HEADLINES = {
    Status.ACCEPTED: "Accepted",
    Status.NOT_START: "Waiting to start",
    Status.SUBMITTED: "Submitted",
    Status.IN_PROGRESS: "In progress",
    Status.SUCCESS: "Collecting the clips",
}


def card(state: State, *, sandbox: bool, price: str) -> dict[str, Any]:
    """The card of a job, as the stage takes it.

    Args:
        state: the job.
        sandbox: whether the sandbox serves it.
        price: of one more call, in words.

    """
    request, task = state.request, state.task
    return {
        "title": state.prompt,
        "chips": [str(request.motion), request.short_type] if request else [],
        "sandbox": sandbox,
        "origin": _origin(state),
        "chain": _chain(state.steps),
        "state": _look(state),
        "headline": _headline(state),
        "progress": _progress(state),
        "elapsed": round(state.elapsed, 1),
        "task_id": task.id if task else None,
        "error": _error(state),
        "choices": [{"action": action, **_choice(action, price)} for action in state.choices],
        "note": _note(state),
        "clips": _clips(state),
        "can_extend": state.phase == Phase.DONE and not state.trashed,
        "price": price,
    }


def _origin(state: State) -> str:
    if state.request and state.request.action:
        return f"[{state.request.index}] of task {state.request.task_id}"
    return state.frame_name


def _chain(steps: Sequence[Step]) -> list[dict[str, str]]:
    """The parts of a clip that was extended: which seconds, and what was asked for them."""
    if len(steps) < 2:
        return []
    told: list[dict[str, str]] = []
    begins = 0.0
    for step in steps:
        ends = begins + (FURTHER_SECONDS if told else FIRST_SECONDS)
        place = "" if step.index is None else f"[{step.index}] "
        told.append(
            {"seconds": f"{int(begins)}–{int(ends)} s", "words": f"{place}{step.motion}", "prompt": step.prompt}
        )
        begins = ends
    return told


def _look(state: State) -> str:
    if state.phase == Phase.FAILED:
        return "uncertain" if isinstance(state.error, SubmissionUncertain) else "failed"
    if state.phase == Phase.DONE:
        return "done"
    return "waiting" if state.phase in {Phase.PREPARING, Phase.WAITING, Phase.SENDING} else "running"


def _headline(state: State) -> str:
    match state.phase:
        case Phase.PREPARING:
            return "Preparing"
        case Phase.WAITING:
            return {0: "Waiting", 1: "Waiting its turn, next in line"}.get(
                state.place, f"Waiting its turn, number {state.place} in line"
            )
        case Phase.SENDING:
            return "Sending"
        case Phase.DOWNLOADING:
            return "Bringing the clips here" if state.elsewhere else "Downloading the clips"
        case Phase.DONE if state.trashed:
            return "In the trash"
        case Phase.DONE:
            count = len(state.task.clips) if state.task else 0
            return "1 clip" if count == 1 else f"{count} clips"
        case Phase.FAILED:
            return "Failed"
    status = state.task.status if state.task else Status.ACCEPTED
    # A status we do not know is shown in the service's own word.
    return HEADLINES.get(Status(status), status) if status in tuple(Status) else status


def _progress(state: State) -> int | None:
    if state.phase == Phase.DONE:
        return 100
    if state.phase == Phase.DOWNLOADING:
        return None
    return state.task.progress if state.task else None


def _error(state: State) -> dict[str, str] | None:
    error = state.error
    if error is None:
        return {"title": "Not on this machine", "text": state.remark, "hint": ""} if state.is_away else None
    hint = "Settled: it is not asked about any more. Its price stays counted as uncertain." if state.forgotten else ""
    if isinstance(error, MJVideoError):
        return {"title": error.headline, "text": error.message, "hint": hint}
    return {"title": "Something went wrong here", "text": f"{type(error).__name__}: {error}", "hint": hint}


def _choice(action: str, price: str) -> dict[str, str]:
    paid = f" · {price}" if price else ""
    return {
        "again": {"label": f"Send it again{paid}", "title": "Send the same request once more"},
        "forget": {"label": "Forget it", "title": "Settled: do not ask about it again. Nothing is sent."},
        "restore": {"label": "Undo", "title": "Take it out of the trash"},
        "resume": {"label": "Try again", "title": "Go on with this task; nothing is sent or paid again"},
    }[action]


def _note(state: State) -> str:
    if state.trashed:
        whose = f" of {state.made_by}" if state.made_by else ""
        return f"In the trash{whose}. What it cost stays counted, and a cell that asks for it again makes new clips."
    parts = ["" if state.is_away else state.remark]
    if state.shown_again:
        parts.append("Shown again: this cell had made it, and nothing was sent now. again=True makes new clips.")
    if state.phase == Phase.DONE and state.task and state.task.clips:
        path = next((clip.path for clip in state.task.clips if clip.path), None)
        parts.append(f"Kept in {notebook_path(path) or path}".rpartition("/")[0] if path else "")
    if state.made_by:
        parts.append(
            f"Made by {state.made_by}, who alone can delete it or change its tags and note. Stars are everybody's."
        )
    return "\n".join(part for part in parts if part)


def _clips(state: State) -> list[dict[str, Any]]:
    if state.phase != Phase.DONE or not state.task or state.trashed:
        return []
    return [
        {
            "index": clip.index,
            "path": notebook_path(clip.path),
            "url": clip.url or None,
            "name": download_name(state.prompt, clip.task_id, clip.index),
            "rating": state.ratings.get(clip.index),
        }
        for clip in state.task.clips
    ]


def notebook_path(path: Path | None) -> str | None:
    """The path relative to the notebook, which is where a kernel starts; None for a file that is not below it."""
    if path is None:
        return None
    relative = os.path.relpath(path)
    return None if relative.startswith(os.pardir) or Path(relative).is_absolute() else Path(relative).as_posix()


def download_name(prompt: str, task_id: str, index: int) -> str:
    """A readable file name, made of the prompt's words: `petals-open-in-the-wind-2.mp4`."""
    words = re.sub(r"[\W_]+", "-", prompt)[:NAME_LENGTH].strip("-")
    return f"{words or task_id}-{index}.mp4"


def clip_bytes(clip: Clip) -> bytes:
    """A clip, for a browser that can reach neither its file nor its URL.

    Raises:
        InvalidRequest: it has no copy on disk.
        OSError: its file is gone.

    """
    if clip.path is None:
        raise InvalidRequest(f"Clip [{clip.index}] has no copy on disk.", field="index")
    return clip.path.read_bytes()
