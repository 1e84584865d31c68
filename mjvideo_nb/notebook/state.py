"""Where a job is on its way: what its card is made of, from a job that runs or from what was written down of one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mjvideo_nb.errors import (
    InvalidRequest,
    MJVideoError,
    QueueFull,
    RateLimited,
    ServiceError,
    SubmissionUncertain,
    TaskFailed,
    TaskNotFound,
)
from mjvideo_nb.library import Entry, JobState
from mjvideo_nb.models import Task, VideoRequest

from .bringing import is_elsewhere

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Phase", "State", "Step", "state_of"]


class Phase:
    """Where a job is on its way."""

    PREPARING = "preparing"
    WAITING = "waiting"
    SENDING = "sending"
    RUNNING = "running"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, repr=False)
class Step:
    """One link of the chain that led to a clip: a request, and the clip that it went on from.

    Args:
        motion: of that request.
        prompt: of that request.
        index: the clip it went on from, or None for the first.
        task_id: its task, or "" while it has none.

    """

    motion: str
    prompt: str
    index: int | None
    task_id: str

    def __repr__(self) -> str:
        """On one line, so that a chain reads as a list."""
        begins = "first frame" if self.index is None else f"from clip [{self.index}]"
        prompt = self.prompt if len(self.prompt) <= 60 else f"{self.prompt[:59]}…"
        return f"<Step {begins}, {self.motion} motion, {prompt!r}, {f'task {self.task_id}' if self.task_id else 'no id yet'}>"


@dataclass(frozen=True)
class State:
    """A job as it is at one moment.

    Args:
        request: what was asked, or None for a task that was made elsewhere.
        title: its prompt, as far as it was written down.
        frame_name: what its first frame is called, or "".
        phase: one of `Phase`.
        task: the service's view, once it has accepted the request.
        error: why it failed.
        elapsed: seconds since it was started, up to its end.
        place: while it waits its turn, its place in the line; 1 is next.
        remark: what holds it up for the moment, or "".
        uncopied: its clips are here, and not all of them in the storage elsewhere, which was tried.
        shown_again: its cell was run again, and this is what it had made.
        forgotten: it was uncertain, and its people have settled that.
        steps: the chain that led to it, where it goes on from a clip.
        ratings: the stars of its clips, by index.
        trashed: it is in the trash.
        elsewhere: it is done, and not all of its clips are on this machine: another one of the account has made them.
        made_by: who else has asked for it; "" for one's own.

    """

    request: VideoRequest | None
    title: str = ""
    frame_name: str = ""
    phase: str = Phase.PREPARING
    task: Task | None = None
    error: BaseException | None = None
    elapsed: float = 0.0
    place: int = 0
    remark: str = ""
    uncopied: bool = False
    shown_again: bool = False
    forgotten: bool = False
    steps: tuple[Step, ...] = ()
    ratings: Mapping[int, int] = field(default_factory=dict)
    trashed: bool = False
    elsewhere: bool = False
    made_by: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.phase in {Phase.DONE, Phase.FAILED}

    def finished_task(self) -> Task:
        """The task whose clips can be gone on from.

        Raises:
            InvalidRequest: there are none, or not yet.

        """
        if self.task is None or not (self.phase == Phase.DONE or self.elsewhere):
            why = f"index: the job is {self.phase}; there is no clip to extend until it is done."
            raise InvalidRequest(why, field="index")
        return self.task

    @property
    def is_away(self) -> bool:
        """Whether it is done, and not all of its clips could be brought to this machine."""
        return self.elsewhere and self.ended and not self.trashed

    @property
    def prompt(self) -> str:
        """What was asked in words, or what the service says of it."""
        told = self.task.raw.get("prompt") if self.task else ""
        return self.title or (told if isinstance(told, str) else "")

    @property
    def short_type(self) -> str:
        """The video type in its short word; "" where it is not known."""
        return self.request.short_type if self.request else ""

    @property
    def choices(self) -> tuple[str, ...]:
        """What can be done about a failure: "again" (pays once more), "forget", "resume" (pays nothing).

        Of what is in the trash: "restore". What somebody else has asked for is theirs to send again and to settle.
        """
        return tuple(choice for choice in self._choices if choice == "resume" or not self.made_by)

    @property
    def _choices(self) -> tuple[str, ...]:
        if self.trashed:
            return ("restore",)
        if self.uncopied or self.is_away:
            return ("resume",)
        if self.phase != Phase.FAILED or self.forgotten:
            return ()
        if isinstance(self.error, SubmissionUncertain):
            return ("forget", "again")
        if self.task is not None and not isinstance(self.error, TaskFailed):
            return () if isinstance(self.error, TaskNotFound) else ("resume",)
        # What was refused for what it is would be refused again.
        passing = isinstance(self.error, TaskFailed | QueueFull | RateLimited | ServiceError)
        return ("again",) if passing or type(self.error) is MJVideoError else ()


def state_of(entry: Entry, request: VideoRequest | None, session: Session) -> State:
    """The state of a job as it was written down."""
    phase = {
        JobState.RUNNING: Phase.RUNNING,
        JobState.COPYING: Phase.DONE,
        JobState.DONE: Phase.DONE,
        JobState.FAILED: Phase.FAILED,
        JobState.REFUSED: Phase.FAILED,
        JobState.UNCERTAIN: Phase.FAILED,
        JobState.FORGOTTEN: Phase.FAILED,
    }.get(entry.state, Phase.PREPARING)
    library = session.library
    trashed, elsewhere = entry.trashed is not None, is_elsewhere(library, entry)
    if elsewhere and not trashed:
        phase = Phase.DOWNLOADING
    until = entry.ended.timestamp() if entry.ended else time.time()
    task = entry.task
    return State(
        request,
        title=entry.prompt,
        frame_name=entry.frame_name,
        phase=phase,
        task=replace(task, request=request) if task else None,
        error=entry.failure if phase == Phase.FAILED else None,
        elapsed=max(0.0, until - entry.created.timestamp()),
        forgotten=entry.state == JobState.FORGOTTEN,
        steps=_steps(request, entry, session),
        ratings=entry.ratings,
        trashed=trashed,
        elsewhere=elsewhere,
        made_by=entry.person if library.is_of_another(entry) else "",
    )


def _steps(request: VideoRequest | None, entry: Entry, session: Session) -> tuple[Step, ...]:
    """What led to it, and the job itself."""
    if request is None:
        return ()
    before = session.library.shelf.lineage(request.task_id) if request.task_id else []
    chain = [(e.request, e.task_id) for e in before] + [(request, entry.task_id)]
    return tuple(
        Step(str(asked.motion), asked.prompt, asked.index, task_id or "")
        for asked, task_id in chain
        if asked is not None
    )
