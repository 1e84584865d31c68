"""From a picture and a path of the camera to an MP4: H.264, yuv420p, 24 frames a second, index in front.

The picture is taken apart into its three planes once; a frame is then three moved planes, which is less than half the work
of moving RGB and converting it. No frame ever needs another one, so equal requests give equal bytes.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import av
from av.bitstream import BitStreamFilterContext
from av.video.stream import VideoStream
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mjvideo_nb.sandbox.camera import FRAME_RATE, Pose, view

Resolution = Literal["480", "720"]

AREA_480 = 624 * 624
"""Pixels of a 480p clip, whatever its shape."""
GRID = 16
"""Sides at 480p are multiples of it, so that 1.5 times a side is even."""
WIDEST = 2.0
FINER = 1.25
"""The picture is kept this much larger than the frame, so that a zoomed view is still sharp."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What a first frame may be. Some of Pillow's other readers start programs."""

KEYFRAME_EVERY = 48
"""Frames: close enough for scrubbing, and seldom enough that a fresh key frame does not show as a pulse."""

# Limited-range levels and the matrix of standard definition, said in the stream so that no player has to guess.
_LUMA = [16 + round(level * 219 / 255) for level in range(256)]
_CHROMA = [128 + round((level - 128) * 224 / 255) for level in range(256)]
_BLACK, _WHITE, _GREY = 16, 235, 128
_BT601 = 6


class PictureError(Exception):
    """The bytes are not a picture that can be read."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A first frame ready to be filmed: the frame's size in pixels, and the SHA-256 of the bytes it came from."""

    size: tuple[int, int]
    digest: str


def frame_size(picture: tuple[int, int], resolution: Resolution) -> tuple[int, int]:
    """The size of a clip from a picture of this size: its own shape (1:2 to 2:1), the area that the resolution has."""
    shape = min(WIDEST, max(1 / WIDEST, picture[0] / picture[1]))
    width, height = (GRID * round(math.sqrt(side) / GRID) for side in (AREA_480 * shape, AREA_480 / shape))
    return (width, height) if resolution == "480" else (width * 3 // 2, height * 3 // 2)


def prepare(source: Path, first_frame: Path, poster: Path, resolution: Resolution) -> None:
    """Turn `source` upright, crop it to the clip's shape, and keep it as the picture to film and as a poster."""
    try:
        with Image.open(source, formats=FORMATS) as opened:
            opened.draft("RGB", (2500, 2500))  # a large JPEG is read at a fraction of its size, at once
            opened.load()
            picture = opened.copy()
    except Exception as error:  # a reader of Pillow's raises whatever its parser meets in a broken file
        raise PictureError("it cannot be identified or is broken") from error
    picture = _flat(ImageOps.exif_transpose(picture))
    if min(picture.size) < 2:
        raise PictureError("the picture is a single line")
    size = frame_size(picture.size, resolution)
    finer = min(FINER, max(1.0, picture.width / size[0], picture.height / size[1]))
    large = (round(size[0] * finer / 2) * 2, round(size[1] * finer / 2) * 2)
    kept = ImageOps.fit(picture, large, Image.Resampling.LANCZOS)
    shown = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    box, ink, halo = _mark(size)
    shown.paste((0, 0, 0), box, halo)
    shown.paste((255, 255, 255), box, ink)
    kept.save(first_frame, "JPEG", quality=97, subsampling=0)
    shown.save(poster, "JPEG", quality=88)


def prepared(source: Path, poster: Path) -> Prepared:
    """What `prepare` has made of this source and this poster."""
    with Image.open(poster) as shown:
        return Prepared(shown.size, hashlib.sha256(source.read_bytes()).hexdigest())


def _flat(picture: Image.Image) -> Image.Image:
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def write_clip(
    target: Path,
    first_frame: Path,
    size: tuple[int, int],
    poses: Iterable[Pose],
    *,
    after: Path | None = None,
    on_frame: Callable[[int], None] = lambda _: None,
) -> None:
    """Film `poses` into an MP4 at `target`; `on_frame` hears how many frames are done.

    With `after` the clip goes on from that one: its packets are copied as they are, so that its frames stay equal to the
    last bit, and the new ones follow behind a key frame of their own.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAME_RATE)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1  # how x264 splits work between threads would show in the bytes
        context.colorspace, context.color_primaries, context.color_trc = _BT601, _BT601, _BT601
        context.color_range = 1
        stream.options = {
            "preset": "superfast",
            "crf": "20",
            "bf": "0",  # decoding order is showing order: packets can be put behind others as they are
            "g": str(KEYFRAME_EVERY),
            "sc_threshold": "0",
            # A calm camera moves by less than what the encoder takes for standing still; then it would stutter.
            "x264-params": "no-fast-pskip=1:no-dct-decimate=1",
        }
        shown = 0
        if after is not None:
            for packet in _packets(after):
                packet.stream = stream
                container.mux(packet)
                shown += 1
        for done, frame in enumerate(_frames(first_frame, size, poses), 1):
            frame.pts = shown + done - 1
            frame.time_base = Fraction(1, FRAME_RATE)
            container.mux(stream.encode(frame))
            on_frame(done)
        container.mux(stream.encode(None))


def _packets(clip: Path) -> Iterator["av.Packet[VideoStream]"]:
    """The packets of a clip in the form in which the encoder gives its own, which is not the form they have in a file."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        plain = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in container.demux(stream):
            if packet.dts is not None:  # the last one of a demuxer is empty
                yield from plain.filter(packet)


def _frames(first_frame: Path, size: tuple[int, int], poses: Iterable[Pose]) -> Iterator["av.VideoFrame"]:
    with Image.open(first_frame) as opened:
        luma, *chroma = opened.convert("YCbCr").split()
    half = (size[0] // 2, size[1] // 2)
    small = (luma.width // 2, luma.height // 2)
    planes = [(luma.point(_LUMA), size, Image.Resampling.BICUBIC)]
    planes += [
        (plane.point(_CHROMA).resize(small, Image.Resampling.BOX), half, Image.Resampling.BILINEAR) for plane in chroma
    ]
    box, ink, halo = _mark(size)
    half_box = (box[0] // 2, box[1] // 2)
    veil = halo.resize((halo.width // 2, halo.height // 2), Image.Resampling.BOX)
    for pose in poses:
        moved = [_look(plane, pose, target, smooth) for plane, target, smooth in planes]
        moved[0].paste(_BLACK, box, halo)
        moved[0].paste(_WHITE, box, ink)
        for plane in moved[1:]:
            plane.paste(_GREY, half_box, veil)
        frame = av.VideoFrame(size[0], size[1], "yuv420p")
        for room, plane in zip(frame.planes, moved, strict=True):
            # Rows in a video frame are padded to a round length; what stands in the padding is never shown.
            room.update(plane.crop((0, 0, room.line_size, plane.height)).tobytes())
        yield frame


def _look(plane: Image.Image, pose: Pose, size: tuple[int, int], smooth: Image.Resampling) -> Image.Image:
    seen = view(pose, plane.size, size)
    half_width, half_height = seen.step * size[0] / 2, seen.step * size[1] / 2
    if pose.angle == 0:
        box = (
            max(0.0, seen.centre_x - half_width),
            max(0.0, seen.centre_y - half_height),
            min(float(plane.width), seen.centre_x + half_width),
            min(float(plane.height), seen.centre_y + half_height),
        )
        return plane.resize(size, smooth, box=box)
    along, across = seen.step * seen.cos, seen.step * seen.sin
    corner_x = seen.centre_x - half_width * seen.cos + half_height * seen.sin
    corner_y = seen.centre_y - half_width * seen.sin - half_height * seen.cos
    matrix = (along, -across, corner_x, across, along, corner_y)
    return plane.transform(size, Image.Transform.AFFINE, matrix, smooth)


@cache
def _mark(size: tuple[int, int]) -> tuple[tuple[int, int], Image.Image, Image.Image]:
    """The word in the corner: where it goes, the letters, and a soft shade under them that holds on any picture."""
    letters = max(11, round(min(size) / 27))
    font = ImageFont.load_default(letters)
    left, top, right, bottom = font.getbbox("sandbox")
    pad = letters // 2
    width, height = (math.ceil((side + 2 * pad) / 2) * 2 for side in (right - left, bottom - top))
    at = (size[0] - width - pad // 2 * 2, size[1] - height - pad // 2 * 2)
    halo = Image.new("L", (width, height), 0)
    ImageDraw.Draw(halo).rounded_rectangle((0, 0, width - 1, height - 1), radius=pad, fill=82)
    ink = Image.new("L", (width, height), 0)
    ImageDraw.Draw(ink).text(((width - right - left) / 2, (height - bottom - top) / 2), "sandbox", font=font, fill=215)
    return at, ink, halo
