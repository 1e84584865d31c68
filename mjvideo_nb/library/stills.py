"""Pictures as files: first frames, each stored once by its content, and the small ones of clips."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from mjvideo_nb.frames import Frame
from mjvideo_nb.written import written

from .entries import FRAMES, kept_name

__all__ = ["Stills", "poster_path"]

POSTERS = "posters"
"""The folder of the small pictures of clips."""


class Stills:
    """The first frames of a library.

    Args:
        folder: the library's.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FRAMES

    def keep(self, frame: Frame) -> str:
        """Keep a frame, and say what stands for it: the name of its file, or its URL.

        Raises:
            OSError: it cannot be written.

        """
        name = kept_name(frame)
        if frame.url:
            return name
        path = self.folder / name
        if not path.exists():
            with written(path) as part:
                part.write_bytes(frame.data)
        return name

    def load(self, kept: str, name: str = "") -> Frame:
        """The frame that was kept; as it was sent, without another look at what is in it.

        Args:
            kept: what `keep` said.
            name: what to call it.

        Raises:
            OSError: its file is gone.

        """
        if "://" in kept:
            return Frame(url=kept, name=name or kept)
        path = self.folder / kept
        media_type = mimetypes.guess_type(kept)[0] or "image/jpeg"
        return Frame(data=path.read_bytes(), media_type=media_type, name=name or kept)


def poster_path(folder: Path, clip: Path) -> Path:
    """Where the small picture of a clip in this library is, if it was made."""
    return folder / POSTERS / clip.parent.name / f"{clip.stem}.jpg"
