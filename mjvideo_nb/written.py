"""A file that takes its name when it is whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["written"]


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
