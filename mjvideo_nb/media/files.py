"""Files by name: the one that a clip is, and a new one that is put in its place only when it is whole."""

from __future__ import annotations

import importlib.util
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mjvideo_nb.errors import InvalidRequest

__all__ = ["check_extra", "missing", "path_of", "whole_number", "written"]


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


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; what is there at the end takes the place of `path`, an error leaves nothing.

    Raises:
        OSError: it could not be written or put in its place.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not named after the target: that would be too long where the target's name is as long as a name can be.
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
