"""What a user types in a notebook: `studio`, `video`, `open`, `connect` and the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mjvideo_nb.models import VIDEO_TYPES, Motion, VideoRequest

from .cell import current_cell
from .form import Studio
from .job import Job
from .session import connect, current

__all__ = ["connect", "open", "studio", "video"]


def studio(
    image: Any = None,
    *,
    prompt: str = "",
    motion: str = Motion.LOW,
    video_type: str = "480p",
) -> Studio:
    """A form, and below it a live card for every video made with it.

    Args:
        image: the first frame to begin with; anything that `video` takes. It can be chosen in the form as well.
        prompt: text to begin with.
        motion: `"low"` or `"high"`.
        video_type: `"480p"` or `"720p"`.

    Returns:
        The studio; show it as the last line of a cell. `studio.jobs` are the jobs made with it, newest first.

    Raises:
        InvalidRequest: a value is not what it should be; names it.

    """
    return Studio(current(), image=image, prompt=prompt, motion=motion, video_type=video_type)


def video(
    image: Any,
    prompt: str = "",
    *,
    motion: str = Motion.LOW,
    video_type: str = VIDEO_TYPES["480p"],
    state: str | None = None,
    no_storage: bool = False,
    extra: Mapping[str, Any] | None = None,
    again: bool = False,
) -> Job:
    """Make four clips from a still image. Returns at once; the job goes on in the background.

    Every call sends one request and costs one price. A cell that is run again with the same request, also after a restart
    of the kernel, shows the job that it had made, and sends nothing.

    Args:
        image: the first frame: a path, an http(s) URL, a data URI, bytes, a PIL image or a NumPy array (H×W×3 or ×4,
            uint8).
        prompt: text that guides the clips.
        motion: `"low"` or `"high"`.
        video_type: `"480p"`, `"720p"`, or the service's own name of a type.
        state: up to 255 characters that the service returns with the task.
        no_storage: True asks for the original provider's URLs instead of links through the gateway.
        extra: undocumented fields, sent as they are.
        again: True for new clips also where this cell has made them before.

    Returns:
        The job: show it for a live card, `await` it or call `wait()` for the finished task.

    Raises:
        InvalidRequest: the image or a value is not what it should be; names it. Nothing was sent.
        BudgetExceeded: it costs more than the budget has left. Nothing was sent.
        LibraryError: it cannot be written down. Nothing was sent.
        SandboxUnavailable, AuthenticationError: there is no service to send it to; says the remedies.

    """
    session = current()
    session.check()
    request = VideoRequest(
        image=image,
        motion=motion,
        prompt=prompt,
        video_type=video_type,
        state=state,
        no_storage=no_storage,
        extra=extra or {},
    )
    return session.jobs.make(request, cell=current_cell(), again=again)


def open(task_id: str) -> Job:  # noqa: A001 - read as mj.open(...)
    """One job by its task's id: from the library, also after a restart, or of a task that was made elsewhere.

    Nothing is sent or paid. A task that still runs is followed, and its clips are brought home.

    Args:
        task_id: the service's id, as cards show it; always text.

    Returns:
        The job.

    Raises:
        InvalidRequest: this is no id.
        LibraryError: the library cannot be used.

    """
    return current().jobs.open(task_id)
