"""What the functions of this room are given: a clip as a file, a whole number; and whether what they need is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest

__all__ = ["check_extra", "missing", "path_of", "whole_number"]


def missing() -> list[str]:
    """The packages of the extra `media` that are not installed, by the names they are installed under."""
    packages = {"av": "av", "PIL": "pillow"}
    return [package for module, package in packages.items() if importlib.util.find_spec(module) is None]


def check_extra() -> None:
    """Make sure that what this package stands on is installed.

    Raises:
        InvalidRequest: it is not; says how to install it.

    """
    if lacking := missing():
        raise InvalidRequest(
            f'Working with video files needs {" and ".join(lacking)}. Install it with: pip install "mjvideo-nb[media]"'
        )


def path_of(clip: Any, field: str) -> Path:
    """The file of a clip (anything with a `path`), or the path itself.

    Raises:
        InvalidRequest: the clip is not on this disk, or it is something else; names `field`.

    """
    given = clip if isinstance(clip, str | os.PathLike) else getattr(clip, "path", clip)
    if given is None and clip is not None:
        raise InvalidRequest(f"{field}: this clip is not on this disk yet; download it first.", field=field)
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise InvalidRequest(f"{field}: a clip or the path of a file, not {type(clip).__name__}.", field=field)
    return Path(os.fsdecode(given)).expanduser()


def whole_number(value: object, field: str, least: int, most: int) -> None:
    """Make sure that an argument is a whole number in this range.

    Raises:
        InvalidRequest: it is not; names `field`.

    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidRequest(f"{field}: a whole number from {least} to {most}, not {value!r}.", field=field)
