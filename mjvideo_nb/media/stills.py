"""Still pictures of a clip: its poster, its last frame, and a sheet of frames at even distances."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb import elsewhere
from mjvideo_nb.written import written

from .files import path_of, whole_number
from .film import NO_PICTURES, bad_clip, exact, opened, picture, shown_size, survey

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL import Image

__all__ = ["contact_sheet", "last_frame", "poster"]

POSTER_BYTES = 0.2
"""A pixel: about 14 kB at 320 × 213, small enough to be saved with a notebook."""
WIDEST = 10_000
NARROWEST = 48
"""Pixels of a frame on a sheet; its label needs that much."""
GROUND = (22, 25, 31)
GAP = 6


def poster(path: str | os.PathLike[str], to: str | os.PathLike[str], *, width: int = 320) -> Path:
    """Write the first frame of a clip as a small JPEG.

    Args:
        path: the clip, or its file.
        to: where the picture goes; a file that is there is replaced, a missing folder is made.
        width: in pixels; a narrower clip keeps its own.

    Returns:
        The path of the picture.

    Raises:
        InvalidRequest: an argument is wrong, or PyAV or Pillow is missing.
        BadClip: it is no video.
        OSError: a file cannot be read or written.

    """
    source, target = path_of(path, "path"), path_of(to, "to")
    whole_number(width, "width", 16, WIDEST)
    with opened(source) as film:
        frame = film.first()
        image = picture(frame, _narrowed(frame, width))
    data = _small_jpeg(image)
    with written(target) as part:
        part.write_bytes(data)
    return target


def last_frame(path: str | os.PathLike[str]) -> Image.Image:
    """The last frame that a clip shows, in its full size.

    Args:
        path: the clip, or its file.

    Returns:
        A PIL image; as a first frame it goes on where the clip ends.

    Raises:
        InvalidRequest: an argument is wrong, or PyAV or Pillow is missing.
        BadClip: it is no video.
        OSError: it cannot be read.

    """
    source = path_of(path, "path")
    with opened(source) as film:
        for start in (film.container.duration or 0, 0):  # from the last key frame, or where that fails from the first
            film.seek(start)
            frame = None
            for frame in film.frames():  # noqa: B007 - the one that is left
                pass
            if frame is not None:
                return picture(frame)
    raise bad_clip(source, NO_PICTURES)


def contact_sheet(
    clip: Any,
    path: str | os.PathLike[str],
    *,
    columns: int = 4,
    rows: int = 3,
    width: int = 960,
    executor: Executor | None = None,
) -> Path:
    """Write frames of a clip at even distances, the first and the last among them, as one PNG.

    Args:
        clip: a clip that is on disk, or the path of one.
        path: where the picture goes; a file that is there is replaced, a missing folder is made.
        columns: frames beside each other.
        rows: frames below each other; fewer where the clip has not that many frames.
        width: of the picture, in pixels.
        executor: where it is made, such as a process pool or a Dask client's `client.get_executor()`; by default here.

    Returns:
        The path of the picture.

    Raises:
        InvalidRequest: an argument is wrong, or PyAV or Pillow is missing.
        BadClip: it is no video.
        WorkFailed: the executor did not do it.
        OSError: a file cannot be read or written.

    """
    source, target = path_of(clip, "clip"), path_of(path, "path")
    whole_number(columns, "columns", 1, 50)
    whole_number(rows, "rows", 1, 50)
    whole_number(width, "width", columns * (NARROWEST + GAP) + GAP, WIDEST)
    if executor is not None:
        return elsewhere.run(executor, contact_sheet, source, target, columns=columns, rows=rows, width=width)
    cell = (width - GAP * (columns + 1)) // columns
    images, times = [], []
    for frame, seconds in _spread(source, columns * rows):
        images.append(picture(frame, _scaled(frame, cell)))
        times.append(seconds)
    if not images:
        raise bad_clip(source, NO_PICTURES)
    tall = images[0].height
    lines = math.ceil(len(images) / columns)
    margin = (width - columns * cell - GAP * (columns - 1)) // 2
    sheet = _blank((width, lines * (tall + GAP) - GAP + 2 * margin))
    digits = 1 if len(times) < 2 or times[1] - times[0] >= 0.1 else 2
    for place, (image, seconds) in enumerate(zip(images, times, strict=True)):
        line, column = divmod(place, columns)
        _label(image, f"{seconds:.{digits}f} s")
        sheet.paste(image, (margin + column * (cell + GAP), margin + line * (tall + GAP)))
    with written(target) as part:
        sheet.save(part, "PNG")
    return target


def _spread(source: Path, most: int) -> Iterator[tuple[VideoFrame, float]]:
    """Up to that many frames at even distances, and when they show."""
    track = survey(source)
    count = min(most, track.frames)
    wanted = {round(number * (track.frames - 1) / max(1, count - 1)) for number in range(count)}
    with opened(source) as film:
        for number, frame in enumerate(film.frames()):
            if number in wanted:
                at = (frame.pts or 0) * exact(frame.time_base, track.time_base)
                yield frame, float(at - track.start * track.time_base)


def _scaled(frame: VideoFrame, width: int) -> tuple[int, int]:
    shown = shown_size(frame)
    return width, max(1, round(width * shown[1] / shown[0]))


def _narrowed(frame: VideoFrame, width: int) -> tuple[int, int]:
    return _scaled(frame, min(width, shown_size(frame)[0]))


def _small_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    for quality in (82, 74, 64, 52, 40):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
        if buffer.tell() <= 1500 + POSTER_BYTES * image.width * image.height:
            break
    return buffer.getvalue()


def _blank(size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    return Image.new("RGB", size, GROUND)


def _label(image: Image.Image, text: str) -> None:
    """Light on a dark veil in the lower left corner: legible on any picture."""
    from PIL import Image, ImageDraw, ImageFont

    letters = max(11, image.width // 18)
    font = ImageFont.load_default(letters)
    left, _, right, _ = font.getbbox(text)
    top, bottom = font.getbbox("0")[1::2]
    pad = letters // 2
    size = (round(right - left) + 2 * pad, round(bottom - top) + pad + pad // 2)
    at = (pad, max(0, image.height - size[1] - pad))
    veil = Image.new("L", size, 0)
    ImageDraw.Draw(veil).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=pad // 2, fill=150)
    ink = Image.new("L", size, 0)
    ImageDraw.Draw(ink).text((pad - left, (size[1] - (bottom - top)) / 2 - top), text, font=font, fill=240)
    image.paste((0, 0, 0), at, veil)
    image.paste((255, 255, 255), at, ink)
