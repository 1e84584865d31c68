"""Where the camera is in every frame. Pure: no pictures, no clock, no chance that is not seeded.

A pose is written so that no pose can see past the edge of the picture: `x` and `y` are parts of the room that the zoom
leaves, and a turned view is zoomed as far as its corners need. The neutral pose is the whole picture, so that every
first frame is the user's own.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

Motion = Literal["low", "high"]

FRAME_RATE = 24
FIRST_FRAMES = 125
"""Frames of a new clip: about 5.2 seconds."""
MORE_FRAMES = 96
"""Frames that an extend adds: 4 seconds."""

MOVES = ("push", "pull", "pan", "tilt", "turn")

EVEN = 0.35
"""How much of a move is at even speed; the rest swings in and out."""
MAX_ZOOM = 1.9
MAX_ANGLE = 12.0


@dataclass(frozen=True, slots=True)
class Pose:
    """One position of the camera.

    `zoom` is 1 for the whole picture, `x` and `y` run from -1 (left, top) to 1 (right, bottom) of the room there is,
    `angle` is in degrees.
    """

    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Shot:
    """One variant's move: which, and to which side."""

    move: str
    side: Literal[-1, 1]


@dataclass(frozen=True, slots=True)
class Amount:
    """How far a whole clip goes: the factor of its zoom, and its turn in degrees."""

    zoom: float
    angle: float


AMOUNTS: dict[Motion, Amount] = {"low": Amount(zoom=1.065, angle=1.6), "high": Amount(zoom=1.38, angle=8.0)}

Key = tuple[float, Pose]
"""When (0 to 1 of the clip) the camera is where."""


def shots(seed: str, count: int) -> list[Shot]:
    """`count` different moves, the same for the same seed: low and high motion of one request differ in amount only."""
    chance = random.Random(seed)  # noqa: S311 - a choice that must be repeatable, not a secret
    moves = list(MOVES)
    chance.shuffle(moves)
    return [Shot(move, chance.choice((-1, 1))) for move in moves[:count]]


def path(shot: Shot, start: Pose, motion: Motion, frames: int, *, loop: bool = False) -> list[Pose]:
    """The poses after `start`, one a frame; the last of them is where an extend goes on: in a loop, `start` itself."""
    keys = _keys(shot, start, AMOUNTS[motion])
    parts = [frame / frames for frame in range(1, frames + 1)]
    return [_between(keys, 0.5 - 0.5 * math.cos(2 * math.pi * part) if loop else part) for part in parts]


def _keys(shot: Shot, start: Pose, amount: Amount) -> list[Key]:
    closer = start.zoom * amount.zoom
    wider = start.zoom / amount.zoom
    match shot.move:
        case "push" if closer <= MAX_ZOOM:
            # A little off the centre: a push straight at the middle looks like a zoom button.
            return _to(start, replace(start, zoom=closer, x=_inside(start.x + 0.35 * shot.side), y=0.8 * start.y - 0.1))
        case "pull" if wider < 1:
            # There is nothing outside the first frame to pull out to, so the camera leans in first and then settles back.
            near = replace(start, zoom=start.zoom * amount.zoom**0.75, y=_inside(start.y + 0.3 * shot.side))
            return [(0.0, start), (0.34, near), (1.0, replace(near, zoom=1.0))]
        case "push" | "pull":
            return _to(start, replace(start, zoom=max(1.0, wider)))
        case "pan":
            zoom = max(start.zoom, amount.zoom)
            return _to(start, replace(start, zoom=zoom, x=_across(start.x, shot.side, amount, zoom)))
        case "tilt":
            zoom = max(start.zoom, amount.zoom)
            return _to(start, replace(start, zoom=zoom, y=_across(start.y, shot.side, amount, zoom)))
        case "turn":
            return _to(start, replace(start, angle=_turned(start.angle, shot.side * amount.angle)))
        case _:
            raise ValueError(f"no camera move is called {shot.move!r}")


def _to(start: Pose, end: Pose) -> list[Key]:
    return [(0.0, start), (1.0, end)]


def _inside(part: float) -> float:
    return max(-1.0, min(1.0, part))


def _across(part: float, side: int, amount: Amount, zoom: float) -> float:
    """The other end of a pan: as wide as the motion says, and away from the edge that the camera stands at."""
    if part * side > 0.5:
        side = -side
    return _inside(part + side * 1.6 * (amount.zoom - 1) / (zoom - 1))


def _turned(angle: float, by: float) -> float:
    """The angle to turn to: within limits, and never through level.

    The zoom that covers a turned view depends on the size of the angle, so passing zero would show as a bounce.
    """
    for target in (angle + by, angle - by):
        if abs(target) <= MAX_ANGLE and target * angle >= 0:
            return target
    return 0.0


def _eased(part: float) -> float:
    """A soft start and a soft landing, but never a standstill: a camera that stops between two clips looks broken."""
    return EVEN * part + (1 - EVEN) * (0.5 - 0.5 * math.cos(math.pi * part))


def _between(keys: Sequence[Key], at: float) -> Pose:
    for (since, before), (until, after) in pairwise(keys):
        if at <= until:
            part = _eased((at - since) / (until - since))
            return Pose(
                zoom=before.zoom * (after.zoom / before.zoom) ** part,  # even to the eye: by a factor, not by a sum
                x=before.x + (after.x - before.x) * part,
                y=before.y + (after.y - before.y) * part,
                angle=before.angle + (after.angle - before.angle) * part,
            )
    return keys[-1][1]


@dataclass(frozen=True, slots=True)
class View:
    """What a pose sees of a picture: centre and turn, and how many of its pixels make one of the frame's."""

    centre_x: float
    centre_y: float
    step: float
    cos: float
    sin: float


def view(pose: Pose, picture: tuple[int, int], frame: tuple[int, int]) -> View:
    """Lay `pose` over a picture of the frame's shape, both sizes in pixels."""
    width, height = picture
    cos, sin = math.cos(math.radians(pose.angle)), math.sin(math.radians(pose.angle))
    # The box around the turned view, in parts of the view's own sides.
    box_x, box_y = cos + abs(sin) * height / width, cos + abs(sin) * width / height
    zoom = pose.zoom * max(box_x, box_y)
    return View(
        centre_x=width / 2 + pose.x * (width - box_x * width / zoom) / 2,
        centre_y=height / 2 + pose.y * (height - box_y * height / zoom) / 2,
        step=width / zoom / frame[0],
        cos=cos,
        sin=sin,
    )
