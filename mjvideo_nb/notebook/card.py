"""What a job's card says: from the state of a job to the words and numbers its view shows. No widgets here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import MJVideoError, SubmissionUncertain
from mjvideo_nb.frames import Frame
from mjvideo_nb.models import Status, Task, VideoRequest

__all__ = ["Phase", "State", "card", "download_name", "notebook_path"]

NAME_LENGTH = 48

HEADLINES = {
    Status.ACCEPTED: "Accepted",
    Status.NOT_START: "Waiting to start",
    Status.SUBMITTED: "Submitted",
    Status.IN_PROGRESS: "In progress",
    Status.SUCCESS: "Collecting the clips",
}


class Phase:
    """Where a job is on its way."""

    PREPARING = "preparing"
    WAITING = "waiting"
    SENDING = "sending"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class State:
    """A job as it is at one moment.

    Args:
        request: what was asked.
        phase: one of `Phase`.
        task: the service's view, once it has accepted the request.
        error: why it failed.
        elapsed: seconds since it was started, up to its end.
        place: while it waits its turn, its place in the line; 1 is next.
        remark: what holds it up for the moment, or "".

    """

    request: VideoRequest
    phase: str = Phase.PREPARING
    task: Task | None = None
    error: BaseException | None = None
    elapsed: float = 0.0
    place: int = 0
    remark: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.phase in {Phase.DONE, Phase.FAILED}


def card(state: State, *, sandbox: bool, price: str) -> dict[str, Any]:
    """The card of a job, as the stage takes it.

    Args:
        state: the job.
        sandbox: whether the sandbox serves it.
        price: of one more call, in words.

    """
    request, task = state.request, state.task
    return {
        "title": request.prompt,
        "chips": [str(request.motion), request.short_type],
        "sandbox": sandbox,
        "origin": _origin(request),
        "state": _look(state),
        "headline": _headline(state),
        "progress": _progress(state),
        "elapsed": round(state.elapsed, 1),
        "task_id": task.id if task else None,
        "error": _error(state.error),
        "note": _note(state),
        "clips": _clips(state),
        "can_extend": state.phase == Phase.DONE,
        "price": price,
    }


def _origin(request: VideoRequest) -> str:
    if request.action:
        return f"[{request.index}] of task {request.task_id}"
    return request.image.name if isinstance(request.image, Frame) else ""


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
            return (
                "Waiting its turn, next in line"
                if state.place == 1
                else f"Waiting its turn, number {state.place} in line"
            )
        case Phase.SENDING:
            return "Sending"
        case Phase.DOWNLOADING:
            return "Downloading the clips"
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


def _error(error: BaseException | None) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, MJVideoError):
        return {"title": error.headline, "text": error.message, "hint": ""}
    return {"title": "Something went wrong here", "text": f"{type(error).__name__}: {error}", "hint": ""}


def _note(state: State) -> str:
    if state.remark and not state.ended:
        return state.remark
    if state.phase != Phase.DONE or not state.task or not state.task.clips:
        return ""
    path = state.task.clips[0].path
    return f"Kept in {notebook_path(path) or path}".rpartition("/")[0] if path else ""


def _clips(state: State) -> list[dict[str, Any]]:
    if state.phase != Phase.DONE or not state.task:
        return []
    return [
        {
            "index": clip.index,
            "path": notebook_path(clip.path),
            "url": clip.url or None,
            "name": download_name(state.request.prompt, clip.task_id, clip.index),
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
