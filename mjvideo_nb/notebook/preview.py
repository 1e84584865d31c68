"""Small pictures, small enough to be saved with a notebook."""

from __future__ import annotations

import base64
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

from mjvideo_nb.frames import Frame

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["MAX_PREVIEW", "preview", "thumbnail", "tile"]

MAX_PREVIEW = 40_000
"""Characters of a data URI: 30 kB of JPEG; a preview is saved with the notebook."""
SIZE = (496, 320)
TILE = (192, 192)
THUMBNAILS = ((240, 75), (240, 55), (200, 50), (160, 45), (120, 35))
"""Pixels of the longer side and quality, the best first."""


def preview(frame: Frame) -> str:
    """A data URI (or the URL itself) to show for a frame; "" where it cannot be made small enough without Pillow."""
    if frame.url or len(frame.wire) <= MAX_PREVIEW:
        return frame.wire
    if importlib.util.find_spec("PIL") is None:
        return ""
    from PIL import Image

    with Image.open(io.BytesIO(frame.data)) as image:
        small = image.convert("RGB")
    small.thumbnail(SIZE)
    for quality in (80, 60, 40):
        uri = _jpeg(small, quality)
        if len(uri) <= MAX_PREVIEW:
            return uri
    return ""


def thumbnail(data: bytes, media_type: str, most: int) -> str:
    """A data URI of a picture of at most so many characters; "" where it cannot be made so small, or is no picture.

    Args:
        data: the picture.
        media_type: of it.
        most: characters.

    """
    if importlib.util.find_spec("PIL") is None:
        uri = _uri(data, media_type)
        return uri if len(uri) <= most else ""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            whole = image.convert("RGB")
    except OSError:
        return ""
    for side, quality in THUMBNAILS:
        small = whole.copy()
        small.thumbnail((side, side))
        uri = _jpeg(small, quality)
        if len(uri) <= most:
            return uri
    return ""


def tile(path: Path) -> bytes:
    """A small JPEG of a picture file; empty where it cannot be made, or Pillow is not there."""
    if importlib.util.find_spec("PIL") is None:
        return b""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            image.draft("RGB", TILE)  # a large JPEG is read at a fraction of its size
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail(TILE)
            buffer = io.BytesIO()
            upright.convert("RGB").save(buffer, "JPEG", quality=72)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""  # no picture, whatever its name says; choosing it says why
    return buffer.getvalue()


def _jpeg(image: Picture, quality: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return _uri(buffer.getvalue(), "image/jpeg")


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
