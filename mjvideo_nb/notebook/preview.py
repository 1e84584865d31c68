"""A small picture of a first frame, small enough to be saved with a notebook."""

from __future__ import annotations

import base64
import importlib.util
import io

from mjvideo_nb.frames import Frame

from .picker import MAX_PREVIEW

__all__ = ["preview"]

SIZE = (496, 320)


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
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=quality)
        uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
        if len(uri) <= MAX_PREVIEW:
            return uri
    return ""
