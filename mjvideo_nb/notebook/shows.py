"""A job as a row of an exported page."""

from __future__ import annotations

from mjvideo_nb.errors import InvalidRequest

from .card import card
from .export import Show, ShownClip
from .job import Job

__all__ = ["show_of"]


def show_of(job: Job) -> Show:
    """What a page shows of a job: its clips, and what made them.

    Raises:
        InvalidRequest: it has no clips on disk yet; names `jobs`.

    """
    entry = job.entry
    if not job.clips or not entry.is_kept:
        raise InvalidRequest(f"jobs: {job!r} has no clips on disk yet; wait for it first.", field="jobs")
    told = card(job.state, sandbox=job.sandbox, price="")
    return Show(
        title=told["title"],
        chips=tuple(told["chips"]),
        origin=told["origin"],
        task_id=entry.task_id or "",
        made=entry.created.astimezone(),
        clips=tuple(ShownClip(clip.index, clip.path, clip.rating) for clip in entry.clips if clip.path),
        steps=tuple(f"{step['seconds']}: {step['words']} · {step['prompt'] or 'no prompt'}" for step in told["chain"]),
        note=entry.note,
        sandbox=job.sandbox,
    )
