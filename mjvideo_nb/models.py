"""What the service speaks of: a request, a task, its clips. No I/O, no Jupyter, nothing sent.

Facts of the service are from its API description: `motion` is low or high, variants are counted 0-3, `state` holds at
most 255 characters, an extend needs the parent's task id and the index of the variant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from . import flags
from .errors import InvalidRequest

__all__ = ["VIDEO_TYPES", "Clip", "Motion", "Status", "Task", "VideoRequest"]

VIDEO_TYPES: Mapping[str, str] = MappingProxyType({"480p": "vid_1.1_i2v_480", "720p": "vid_1.1_i2v_720"})
"""The two documented video types by their short words."""

VARIANTS = range(4)
STATE_LIMIT = 255


class _Word(StrEnum):
    """A word that shows itself as one: signatures and requests stay readable, and can be copied."""

    def __repr__(self) -> str:
        return repr(self.value)


class Motion(_Word):
    """How much moves in a clip: `"low"` or `"high"`; the words themselves do as well."""

    LOW = "low"
    HIGH = "high"


class Status(_Word):
    """Where a task stands, in the service's words. A word that is not here counts as running.

    After SUCCESS, FAILURE, CANCEL and MODAL nothing more happens; MODAL waits for an input that a video cannot give. A task
    that was just accepted says `""` for up to 15 seconds.
    """

    ACCEPTED = ""
    NOT_START = "NOT_START"
    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    MODAL = "MODAL"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCEL = "CANCEL"


ENDED = frozenset({Status.SUCCESS, Status.FAILURE, Status.CANCEL, Status.MODAL})
"""Nothing more happens in these. MODAL waits for an input that a video task cannot give."""


@dataclass(frozen=True, repr=False)
class VideoRequest:
    """What is asked of the service: four clips from one first frame. Nothing is sent by making it.

    The fields are those of `POST /mj/submit/video`, as CometAPI documents them.

    Args:
        image: the first frame: a path, an http(s) URL, a data URI, bytes, a PIL image or a NumPy array (H×W×3 or ×4,
            uint8). On an extend it may be empty.
        motion: how much moves, `"low"` or `"high"`. A `--motion` in the prompt wins, as it does at the service.
        prompt: text that guides the clips; may be empty, though some gateways refuse that.
        video_type: `"480p"`, `"720p"`, or the service's own name of a type, sent as it is.
        state: up to 255 characters that the service returns with the task.
        no_storage: True asks for the original provider's URL instead of a link through the gateway.
        action: `"extend"` to go on from a clip; then `index` and `task_id` are needed.
        index: the variant to act on, 0-3.
        task_id: the parent task.
        extra: undocumented fields, sent as they are under these names; a `Path` is a picture, sent as the first frame is.

    Raises:
        InvalidRequest: a field that the service documents as closed has another value; names the field.

    """

    image: Any
    motion: str = Motion.LOW
    prompt: str = ""
    video_type: str = "480p"
    state: str | None = None
    no_storage: bool = False
    action: str | None = None
    index: int | None = None
    task_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.motion not in tuple(Motion):
            raise InvalidRequest(f'motion: "low" or "high", not {self.motion!r}.', field="motion")
        if not isinstance(self.video_type, str) or not self.video_type:
            raise InvalidRequest('video_type: "480p", "720p" or a type the service names.', field="video_type")
        object.__setattr__(self, "video_type", VIDEO_TYPES.get(self.video_type, self.video_type))
        _check_text("prompt", self.prompt)
        object.__setattr__(self, "motion", Motion(flags.value(self.prompt, "motion") or self.motion))
        if self.state is not None:
            _check_text("state", self.state)
            if len(self.state) > STATE_LIMIT:
                raise InvalidRequest(
                    f"state: {len(self.state)} characters; the service takes at most {STATE_LIMIT}.", field="state"
                )
        if not isinstance(self.no_storage, bool):
            raise InvalidRequest(f"no_storage: True or False, not {self.no_storage!r}.", field="no_storage")
        self._check_action()
        if not isinstance(self.extra, Mapping) or not all(isinstance(name, str) for name in self.extra):
            raise InvalidRequest('extra: a mapping of field names to values, such as {"loop": True}.', field="extra")
        object.__setattr__(self, "extra", dict(self.extra))

    def _check_action(self) -> None:
        if self.index is not None and (type(self.index) is not int or self.index not in VARIANTS):
            raise InvalidRequest(
                f"index: 0, 1, 2 or 3, not {self.index!r}. Variants count from zero, as on the badges [0] to [3].",
                field="index",
            )
        if self.action is not None:
            _check_text("action", self.action)
        if self.task_id is not None and not isinstance(self.task_id, str):
            raise InvalidRequest(
                f"task_id: the id as text, not {self.task_id!r}: a number would lose a leading zero.", field="task_id"
            )
        if self.action is None:
            if self.index is not None or self.task_id is not None:
                raise InvalidRequest(
                    'action: index and task_id say which clip to act on; add action="extend".', field="action"
                )
            if is_empty(self.image):
                raise InvalidRequest("image: choose a first frame (a path, URL, bytes or image).", field="image")
        elif not self.task_id:
            raise InvalidRequest(
                f"task_id: {self.action} needs the id of the task whose clip it goes on from.", field="task_id"
            )
        elif self.index is None:
            raise InvalidRequest(
                f"index: {self.action} needs the variant to go on from, 0 to 3 as on the badges.", field="index"
            )

    def __repr__(self) -> str:
        """On one screen: a first frame in memory is named, not printed."""
        shown = {f.name: repr(getattr(self, f.name)) for f in fields(self) if f.name != "image"}
        return f"VideoRequest(image={_brief(self.image)}, {', '.join(f'{k}={v}' for k, v in shown.items())})"

    @property
    def short_type(self) -> str:
        """The video type in its short word, `"480p"`, or the service's own name where it has none."""
        return next((short for short, full in VIDEO_TYPES.items() if full == self.video_type), self.video_type)


def is_empty(image: Any) -> bool:
    """Whether no first frame was given: None, or empty text or bytes (an array is never asked for its truth)."""
    return image is None or (isinstance(image, str | bytes | bytearray) and not image)


def _brief(image: Any) -> str:
    if isinstance(image, bytes | bytearray | memoryview):
        return f"<{len(image)} bytes>"
    if isinstance(image, str):
        return repr(image if len(image) <= 200 else f"{image[:60]}…")
    return repr(image) if isinstance(image, Path | None) else f"<{type(image).__name__}>"


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(f"{field}: text, not {type(value).__name__}.", field=field)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        broken = ascii(value[error.start])
        raise InvalidRequest(
            f"{field}: {broken} is half a character and cannot be sent; type it again.", field=field
        ) from None


@dataclass(frozen=True)
class Clip:
    """One variant of a task: where the service serves it, and its copy on disk.

    Args:
        task_id: the task it belongs to.
        index: which variant, 0-3, as on its badge.
        url: where the service serves it, absolute; such links expire, signed ones after about 24 hours.
        path: the copy on disk, once there is one.
        thumbnail: URL of a still, or "".

    """

    task_id: str
    index: int
    url: str = ""
    path: Path | None = None
    thumbnail: str = ""


@dataclass(frozen=True)
class Task:
    """A request that the service accepted, as it was last seen.

    Args:
        id: the service's id; always text, it may begin with a zero.
        status: the service's word, one of `Status` or a new one, which counts as running.
        progress: 0-100, or None where the service does not say. Never a sign of the end.
        clips: the variants; filled with or shortly after SUCCESS.
        fail_reason: the service's words about a failure, or "".
        request: what was asked, where it is known (not for a task fetched by id alone).
        raw: the service's whole answer, as it came.

    """

    id: str
    _: KW_ONLY
    status: str = Status.ACCEPTED
    progress: int | None = None
    clips: tuple[Clip, ...] = ()
    fail_reason: str = ""
    request: VideoRequest | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether the service reports success. The clips' links may come a little later."""
        return self.status == Status.SUCCESS

    def __getitem__(self, index: int) -> Clip:
        """The variant with this `index`, as on its badge.

        Raises:
            IndexError: there is no such variant.

        """
        for clip in self.clips:
            if clip.index == index:
                return clip
        have = ", ".join(f"[{clip.index}]" for clip in self.clips) or "none yet"
        raise IndexError(f"task {self.id} has no clip [{index}]; it has {have}")

    def extend(
        self,
        index: int,
        *,
        motion: str | None = None,
        prompt: str | None = None,
        video_type: str | None = None,
        state: str | None = None,
        no_storage: bool | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> VideoRequest:
        """A request that goes on from one of this task's clips. What is not given stays as it was in this task.

        Args:
            index: the variant to go on from, 0-3.
            motion: how much moves, `"low"` or `"high"`; a `--motion` in the prompt is changed with it.
            prompt: what happens next.
            video_type: `"480p"`, `"720p"`, or the service's own name of a type.
            state: as in `VideoRequest`; not taken over from this task.
            no_storage: as in `VideoRequest`.
            extra: as in `VideoRequest`; not taken over from this task.

        Returns:
            The request, to be given to `client.submit`. Nothing is sent by this.

        Raises:
            InvalidRequest: the index is not 0-3, or this task has ended without that clip.

        """
        have = [clip.index for clip in self.clips]
        if index in VARIANTS and ((have and index not in have) or (self.ended and not self.succeeded)):
            listed = ", ".join(f"[{i}]" for i in have) or "none"
            raise InvalidRequest(f"index: task {self.id} has no clip [{index}]; it has {listed}.", field="index")
        known = self.request or VideoRequest(image="", action="extend", index=0, task_id=self.id)
        prompt = known.prompt if prompt is None else prompt
        return replace(
            known,
            action="extend",
            index=index,
            task_id=self.id,
            motion=known.motion if motion is None else motion,
            prompt=prompt if motion is None else flags.rewritten(prompt, "motion", motion),
            video_type=known.video_type if video_type is None else video_type,
            no_storage=known.no_storage if no_storage is None else no_storage,
            state=state,
            extra={} if extra is None else extra,
        )
