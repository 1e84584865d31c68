"""A clip as a moving picture that plays by itself where no video does: animated WebP or GIF."""

from __future__ import annotations

import itertools
import math
import os
from concurrent.futures import Executor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb import elsewhere
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.written import written

from .files import path_of, whole_number
from .film import NO_PICTURES, bad_clip, opened, picture, shown_size, survey

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["preview"]

SLOWEST, FASTEST = 0.1, 50
"""Frames a second; browsers slow a GIF down that asks for more."""
WIDEST = 4000
SAMPLES = 16
COLOURS = 128
"""On a photograph that moves, a fifth smaller than with 256, and not seen at this size."""
DITHER = 10
"""Levels over which the dither spreads a colour: enough against bands, and not yet a pattern that is seen."""


def preview(
    clip: Any,
    path: str | os.PathLike[str],
    *,
    width: int = 320,
    fps: float = 12,
    executor: Executor | None = None,
) -> Path:
    """Write a clip as an animated WebP or GIF that plays for ever. The WebP is clearer at a fifth of the size.

    Args:
        clip: a clip that is on disk, or the path of one.
        path: where it goes, ending in `.webp` or `.gif`; a file that is there is replaced, a missing folder is made.
        width: in pixels; a narrower clip keeps its own.
        fps: frames a second, from 0.1 to 50; a slower clip keeps its own.
        executor: where it is made, such as a process pool or a Dask client's `client.get_executor()`; by default here.

    Returns:
        The path of the preview.

    Raises:
        InvalidRequest: an argument is wrong, or PyAV or Pillow is missing.
        BadClip: it is no video.
        WorkFailed: the executor did not do it.
        OSError: a file cannot be read or written.

    """
    source, target = path_of(clip, "clip"), path_of(path, "path")
    kind = target.suffix.lower()
    if kind not in {".webp", ".gif"}:
        raise InvalidRequest(f"path: a name that ends in .webp or .gif, not {target.name!r}.", field="path")
    whole_number(width, "width", 16, WIDEST)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not SLOWEST <= fps <= FASTEST:
        raise InvalidRequest(f"fps: frames a second, from {SLOWEST} to {FASTEST}, not {fps!r}.", field="fps")
    if executor is not None:
        return elsewhere.run(executor, preview, source, target, width=width, fps=fps)
    track = survey(source)
    pace = min(Fraction(fps).limit_denominator(1001), track.rate)
    images = []
    with opened(source) as film:
        for frame in film.at_rate(track.rate, pace):
            wide, tall = shown_size(frame)
            narrow = min(width, wide)
            images.append(picture(frame, (narrow, max(1, round(narrow * tall / wide)))))
    if not images:
        raise bad_clip(source, NO_PICTURES)
    unit = 1 if kind == ".webp" else 10
    with written(target) as part:
        if kind == ".webp":
            options: dict[str, Any] = {"format": "WEBP", "quality": 70, "method": 4}
        else:
            images = _in_one_palette(images)
            options = {"format": "GIF", "optimize": False}
        images[0].save(
            part,
            save_all=True,
            append_images=images[1:],
            duration=_durations(len(images), pace, unit),
            loop=0,
            **options,
        )
    return target


def _durations(count: int, fps: Fraction, unit: int) -> list[int]:
    """Milliseconds of each frame in steps of `unit`, rounded so that the whole keeps its length."""
    edges = [round(number * 1000 / fps / unit) * unit for number in range(count + 1)]
    return [end - start for start, end in itertools.pairwise(edges)]


def _in_one_palette(images: list[Image.Image]) -> list[Image.Image]:
    """All in the same colours with the same dither in the same places: what does not move does not flicker."""
    from PIL import Image, ImageChops

    chosen = images[:: math.ceil(len(images) / SAMPLES)]
    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(chosen)))
    for number, image in enumerate(chosen):
        strip.paste(image, (0, height * number))
    palette = strip.quantize(COLOURS, Image.Quantize.MEDIANCUT)
    grain = _grain((width, height))
    return [
        ImageChops.add(image, grain, offset=-(DITHER // 2)).quantize(palette=palette, dither=Image.Dither.NONE)
        for image in images
    ]


def _grain(size: tuple[int, int]) -> Image.Image:
    """An ordered dither (Bayer's matrix, 8 × 8) over the whole picture, in levels from 0 to `DITHER`."""
    from PIL import Image

    order = [[0]]
    while len(order) < 8:
        rows = [([4 * v for v in row] + [4 * v + 2 for v in row]) for row in order]
        order = rows + [([4 * v + 3 for v in row] + [4 * v + 1 for v in row]) for row in order]
    tile = Image.new("L", (8, 8))
    tile.putdata([round(value * DITHER / 63) for row in order for value in row])
    grain = Image.new("L", size)
    for left, top in itertools.product(range(0, size[0], 8), range(0, size[1], 8)):
        grain.paste(tile, (left, top))
    return Image.merge("RGB", (grain, grain, grain))
