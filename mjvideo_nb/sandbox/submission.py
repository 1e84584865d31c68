"""What a client asks for: read out of the body of a submit, or refused in the service's words.

An image that is neither a link nor base64 is refused at once. Whether the bytes are a picture shows later, as in the real
service: the task is accepted and fails with `[Image denied] ...`, or with `[Invalid link!] ...` where a link leads nowhere.
On an extend, image and video type are read but not used: the clip goes on as it began.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any, cast

from mjvideo_nb.sandbox.camera import Motion
from mjvideo_nb.sandbox.render import Resolution

RESOLUTIONS: dict[str, Resolution] = {"vid_1.1_i2v_480": "480", "vid_1.1_i2v_720": "720"}
BATCHES = (1, 2, 4)
VARIANTS = 4
LONGEST_STATE = 255

BANNED = ("beheading", "bloodbath", "cannibal", "disembowel", "nsfw", "nude", "porn", "torture")
"""A few words that stand for the long list of the real service."""

_BATCH_FLAG = re.compile(r"--bs\s+(\d+)")
_MOTION_FLAG = re.compile(r"--motion\s+(low|high)\b", re.IGNORECASE)
_LOOP_FLAG = re.compile(r"--end\s+loop\b", re.IGNORECASE)
_DATA_URI = re.compile(r"data:[\w.+-]*/?[\w.+-]*(?:;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII)


class Refusal(Exception):
    """The service says no: code and words, and for a banned word the properties."""

    def __init__(self, description: str, *, code: int = 4, properties: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.properties = properties or {}


@dataclass(frozen=True, slots=True)
class Submission:
    """A request that reads well; whether its parent is there is not known yet."""

    motion: Motion
    prompt: str
    resolution: Resolution
    batch: int
    loop: bool
    """Ends as it begins."""
    state: str
    no_storage: bool
    picture: bytes
    link: str
    parent: str
    index: int

    @property
    def extends(self) -> bool:
        return bool(self.parent)


def read(body: object) -> Submission:
    """Read a submit's JSON; Refusal where the service refuses."""
    if not isinstance(body, dict):
        raise Refusal("Parameter error: the body is not a JSON object")
    prompt = _text(body, "prompt")
    motion = body.get("motion")
    if motion not in ("low", "high"):
        raise Refusal("motion must be low or high")
    video_type = _text(body, "videoType") or "vid_1.1_i2v_480"
    if video_type not in RESOLUTIONS:
        raise Refusal(f"unsupported videoType: {video_type}")
    state = _text(body, "state")
    if len(state) > LONGEST_STATE:
        raise Refusal(f"state is longer than {LONGEST_STATE} characters")
    parent, index = _parent(body)
    image = _text(body, "image")
    if not (image or parent):
        raise Refusal("image is required")
    picture, link = (b"", "") if parent else _image(image)
    _image(_text(body, "endImage"))  # read, and not filmed: the camera only moves over the first frame
    _check_words(prompt)
    return Submission(
        motion=cast("Motion", _motion_flag(prompt) or motion),
        prompt=prompt,
        resolution=RESOLUTIONS[video_type],
        batch=_batch(body, prompt),
        loop=body.get("loop") is True or bool(_LOOP_FLAG.search(prompt)),
        state=state,
        no_storage=body.get("noStorage") is True,
        picture=picture,
        link=link,
        parent=parent,
        index=index,
    )


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refusal(f"{name} must be a string")
    return value


def _parent(body: dict[str, Any]) -> tuple[str, int]:
    action = _text(body, "action")
    if not action:
        return "", 0
    if action != "extend":
        raise Refusal(f"unsupported action: {action}")
    parent, index = _text(body, "taskId"), body.get("index")
    if not parent:
        raise Refusal("taskId is required with action")
    if index is None:
        raise Refusal("index is required with action")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < VARIANTS:
        raise Refusal("index must be 0 to 3")
    return parent, index


def _image(image: str) -> tuple[bytes, str]:
    if re.match(r"[a-z][a-z0-9+.-]*://", image, re.IGNORECASE):
        return b"", image
    head = _DATA_URI.match(image)
    try:
        return base64.b64decode(image[head.end() if head else 0 :], validate=True), ""
    except ValueError as error:
        raise Refusal("image is neither a link nor a base64 data URI") from error


def _motion_flag(prompt: str) -> str:
    """What a flag in the prompt says, which wins over the field."""
    typed = _MOTION_FLAG.search(prompt)
    return typed[1].lower() if typed else ""


def _batch(body: dict[str, Any], prompt: str) -> int:
    typed = _BATCH_FLAG.search(prompt)
    batch = int(typed[1]) if typed else body.get("batchSize")
    if batch is None:
        return VARIANTS
    if batch not in BATCHES or isinstance(batch, bool):
        raise Refusal("batchSize must be 1, 2 or 4")
    return cast("int", batch)


def _check_words(prompt: str) -> None:
    for word in BANNED:
        if re.search(rf"\b{word}", prompt, re.IGNORECASE):
            raise Refusal("May contain sensitive words", code=24, properties={"promptEn": prompt, "bannedWord": word})
