"""Pictures to choose a frame from: those beside the notebook, and the first frames of earlier jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb import frames
from mjvideo_nb.errors import InvalidRequest, LibraryError
from mjvideo_nb.frames import Frame

from .preview import tile

if TYPE_CHECKING:
    from mjvideo_nb.library import Library

__all__ = ["MOST_IN_FOLDER", "MOST_RECENT", "Gallery"]

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MOST_IN_FOLDER = 500
"""Pictures of the folder that are offered, the newest; one that is left out can still be named by its path."""
MOST_RECENT = 12


@dataclass(frozen=True)
class Picture:
    """One that can be chosen.

    Args:
        name: what to call it.
        source: its file, or its URL.
        changed: when the file was changed, in nanoseconds; 0 for a URL.

    """

    name: str
    source: Path | str
    changed: int = 0

    @property
    def key(self) -> str:
        """Stands for it in the browser: another one when the file has changed."""
        return f"{self.changed}:{self.source}"


class Gallery:
    """The pictures of the current folder and of a library. It reads files: not for a thread that must not wait.

    Args:
        library: opens the library, or raises a `LibraryError`.

    """

    def __init__(self, library: Callable[[], Library]) -> None:
        self._library = library
        self._known: dict[str, Picture] = {}

    def look(self) -> dict[str, Any]:
        """What there is now: `recent` and `folder`, each picture with `key`, `name` and `url`; and how many are `left_out`."""
        recent = self._recent()
        folder = _beside_the_notebook()
        offered = folder[:MOST_IN_FOLDER]
        self._known = {picture.key: picture for picture in (*recent, *offered)}
        return {
            "recent": [_told(picture) for picture in recent],
            "folder": [_told(picture) for picture in offered],
            "left_out": len(folder) - len(offered),
        }

    def tile(self, key: str) -> bytes:
        """A small JPEG of one that was offered; empty where none can be made."""
        picture = self._known.get(key)
        return _tile(picture.source, picture.changed) if picture and isinstance(picture.source, Path) else b""

    def frame(self, key: str) -> Frame:
        """One that was offered, ready to be sent.

        Raises:
            InvalidRequest: it is gone, or cannot be used.
            LibraryError: the library cannot be used.

        """
        picture = self._known.get(key)
        if picture is None:
            raise InvalidRequest("image: this picture is not on offer any more; choose again.", field="image")
        return replace(frames.load(picture.source), name=picture.name)

    def _recent(self) -> list[Picture]:
        try:
            library = self._library()
            found = library.remembered.frames(MOST_RECENT)
        except LibraryError:
            return []  # the form says what is wrong with it
        pictures = []
        for kept, name in found:
            if "://" in kept:
                pictures.append(Picture(name or kept, kept))
            elif (path := library.stills.folder / kept).exists():
                pictures.append(Picture(name or kept, path, path.stat().st_mtime_ns))
        return pictures


def _told(picture: Picture) -> dict[str, str]:
    return {
        "key": picture.key,
        "name": picture.name,
        "url": picture.source if isinstance(picture.source, str) else "",
    }


def _beside_the_notebook() -> list[Picture]:
    """The newest first."""
    found = []
    try:
        with os.scandir() as entries:
            for entry in entries:
                ending = Path(entry.name).suffix.lower()
                if ending in ENDINGS and not entry.name.startswith(".") and entry.is_file():
                    found.append(Picture(entry.name, Path(entry.name), entry.stat().st_mtime_ns))
    except OSError:
        return []  # the folder is gone, or may not be read
    return sorted(found, key=lambda picture: (-picture.changed, picture.name))


@lru_cache(maxsize=2 * MOST_IN_FOLDER)
def _tile(path: Path, _changed: int) -> bytes:
    return tile(path)
