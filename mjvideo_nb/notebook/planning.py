"""The sweep that a cell asks for: planned, or known again by that cell and what it asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from mjvideo_nb import elsewhere, flags, frames, sweeps
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.models import VIDEO_TYPES, VideoRequest, is_empty

from .cell import Cell, fingerprint
from .session import Session
from .sweep import Sweep

__all__ = ["sweep_of"]

SHORT_TYPES = {full: short for short, full in VIDEO_TYPES.items()}

# By its library's folder, its cell and what is asked. Of a sweep that runs there must be no second one, which would know
# nothing of the jobs that this one has on their way: so it is not looked for by the session.
_known: dict[tuple[Path, str, str], Sweep] = {}
_guard = threading.RLock()


def sweep_of(
    session: Session,
    *,
    image: Any,
    prompt: Any,
    motion: Any,
    video_type: Any,
    cell: Cell | None,
    again: bool,
    executor: Executor | None = None,
    **rest: Any,
) -> Sweep:
    """A sweep of these values; or the one that the same cell has planned or started of the same before.

    Raises:
        InvalidRequest: a value is not what it should be; names it.
        LibraryError: the library cannot be used.

    """
    elsewhere.check(executor)
    loaded = [_frame(each) for each in sweeps.values("image", image)]
    types = [VIDEO_TYPES.get(each, each) for each in sweeps.values("video_type", video_type)]
    made = sweeps.plan(
        prompt=sweeps.values("prompt", prompt),
        image=[(frame.digest, frame.name) for frame in loaded],
        motion=sweeps.values("motion", motion),
        video_type=types,
        short=SHORT_TYPES,
    )
    _check_flags(made, rest.get("extra"))
    first_frames = {frame.digest: frame for frame in loaded}
    sample = VideoRequest(image=loaded[0], **rest)
    asked = json.dumps([fingerprint(sample, session.service), [[axis.name, axis.values] for axis in made.axes]])
    mark = hashlib.sha256(asked.encode()).hexdigest()
    name = cell.id if cell else ""
    key = (session.folder, name, mark)
    with _guard:
        kept = None
        if cell and not again:
            if key in _known:
                _known[key].session = session  # it may have been connected anew meanwhile, with another budget
                _known[key].work_by(executor)
                _known[key].say_shown_again()
                return _known[key]
            kept = session.library.sweeping.find(name, mark)
        sweep = Sweep(
            session,
            sweeps.Plan.from_json(kept.plan) if kept else made,
            first_frames=first_frames,
            rest=rest,
            cell=name,
            mark=mark,
            sweep_id=kept.id if kept else "",
            executor=executor,
        )
        if kept:
            sweep.say_shown_again()
        if cell:
            _known[key] = sweep
        return sweep


def _check_flags(plan: sweeps.Plan, extra: Any) -> None:
    """A prompt that names a motion would make the same clips in the column of the other, and pay for them twice."""
    for number in range(len(plan)):
        asked = plan.at(number)
        flags.check(asked["prompt"], extra)
        flags.check_motion(asked["prompt"], asked["motion"])


def _frame(image: Any) -> frames.Frame:
    if is_empty(image):
        raise InvalidRequest("image: choose a first frame (a path, URL, bytes or image).", field="image")
    return frames.load(image)
