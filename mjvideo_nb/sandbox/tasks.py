"""What a task is, and what it looks like at a moment: pure, so that a day can be tested in a millisecond."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from mjvideo_nb.sandbox.camera import FIRST_FRAMES, MORE_FRAMES, Motion, Pose
from mjvideo_nb.sandbox.render import Resolution

MOST_EXTENDS = 4


@dataclass(frozen=True, slots=True)
class Ending:
    """How a task ends instead of with clips: planned when it was accepted, or found out on the way."""

    status: str
    reason: str = ""
    progress: str = ""
    at: float = 0.6
    """When it shows, as a part of the task's nominal time."""


@dataclass(slots=True)
class Task:
    """All that is kept of a task: enough to answer for it, to render it again and to go on from it."""

    id: str
    motion: Motion
    prompt: str
    resolution: Resolution
    batch: int
    state: str
    no_storage: bool
    submitted: int
    """Milliseconds since the epoch, as all times here."""
    seconds: float
    """The nominal time from submit to SUCCESS; 0 for as fast as rendering goes."""
    link: str = ""
    """Where the first frame still has to be fetched from; empty when it came along."""
    parent: str = ""
    loop: bool = False
    """Whether the camera comes back to where it began."""
    index: int = 0
    """Which variant of the parent this one goes on from."""
    extends: int = 0
    """How many extends lead here."""
    start: Pose = field(default_factory=Pose)
    seed: str = ""
    size: tuple[int, int] | None = None
    """Pixels of the clips; unknown until the first frame was looked at."""
    ends: list[Pose] = field(default_factory=list)
    """Where the camera of each variant stands at last; filled when all the clips are there."""
    rendered: int | None = None
    """When the last clip was ready."""
    ending: Ending | None = None

    @property
    def new_frames(self) -> int:
        """Frames to render for each variant."""
        return MORE_FRAMES if self.extends else FIRST_FRAMES

    @property
    def to_render(self) -> bool:
        """Clips are still wanted: not there yet, and no other end is in sight."""
        return self.rendered is None and self.ending is None


def to_json(task: Task) -> str:
    return json.dumps(dataclasses.asdict(task), ensure_ascii=False, indent=1)


def from_json(text: str) -> Task:
    """Read a task back; ValueError, KeyError or TypeError where the text is not one of ours."""
    kept: dict[str, Any] = json.loads(text)
    kept["start"] = Pose(**kept["start"])
    kept["ends"] = [Pose(**pose) for pose in kept["ends"]]
    kept["size"] = tuple(kept["size"]) if kept["size"] else None
    kept["ending"] = Ending(**kept["ending"]) if kept["ending"] else None
    return Task(**kept)


FINAL = ("SUCCESS", "FAILURE", "CANCEL")

# Parts of the nominal time at which the next status shows.
SUBMITTED_AT = 0.06
STARTED_AT = 0.16


@dataclass(frozen=True, slots=True)
class Moment:
    """What a poll is told: times in milliseconds, 0 for not yet."""

    status: str
    progress: str
    started: int = 0
    finished: int = 0
    reason: str = ""


def moment(task: Task, now: int, frames: int) -> Moment:
    """`task` at `now`, with so many of its frames rendered.

    The progress is the least of the time line and the frames, and SUCCESS waits for both.
    """
    nominal = task.seconds * 1000
    elapsed = now - task.submitted
    part = min(1.0, elapsed / nominal) if nominal else 1.0
    started = task.submitted + round(STARTED_AT * nominal)
    if task.ending and part >= task.ending.at:
        final = task.ending.status in FINAL
        end = task.submitted + round(task.ending.at * nominal) if final else 0
        return Moment(task.ending.status, task.ending.progress, started, end, task.ending.reason)
    if task.rendered is not None and part >= 1:
        return Moment("SUCCESS", "100%", started, max(task.rendered, task.submitted + round(nominal)))
    if part < SUBMITTED_AT:
        return Moment("", "")
    if part < STARTED_AT:
        return Moment("SUBMITTED", "0%")
    along = (part - STARTED_AT) / (1 - STARTED_AT)
    if task.to_render:
        along = min(along, frames / (task.batch * task.new_frames))
    return Moment("IN_PROGRESS", f"{min(99, int(100 * along))}%", started)
