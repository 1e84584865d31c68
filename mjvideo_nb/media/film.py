"""An opened clip: its packets as they are stored, its frames as they are shown, and what can be said of it as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mjvideo_nb.errors import BadClip

from .files import check_extra, path_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream
    from PIL import Image

__all__ = [
    "NO_PICTURES",
    "Film",
    "Probe",
    "Track",
    "bad_clip",
    "exact",
    "opened",
    "picture",
    "probe",
    "shown_size",
    "survey",
]

READ = {"format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm", "protocol_whitelist": "file"}
"""A playlist that is named like a video must not make FFmpeg open what it lists."""

DECODERS = {"libdav1d": "av1", "libvpx-vp9": "vp9"}
"""Codecs that are read by a decoder of another name."""

NO_PICTURES = "it has no pictures"

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Probe:
    """What is in a video file.

    Args:
        seconds: how long it plays.
        width: of the frames, in pixels, as they are stored.
        height: likewise.
        fps: frames a second.
        frames: how many are shown.
        codec: such as `"h264"`.

    """

    seconds: float
    width: int
    height: int
    fps: float
    frames: int
    codec: str


@dataclass(frozen=True)
class Track:
    """The video track of a file as it is stored; times are in its `time_base`.

    Args:
        codec: such as `"h264"`.
        extradata: what its decoder has to know first.
        size: width and height in pixels.
        time_base: seconds of one unit of time.
        rate: frames a second.
        frames: how many are shown.
        start: when the first one shows.
        end: when the last one has been shown.
        lead: how much earlier than it shows the first frame has to be decoded.
        tail: how long before `end` the last frame is decoded.
        trimmed: whether frames are stored that are not shown.
        keyed: whether the first stored frame needs no other.

    """

    codec: str
    extradata: bytes
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    frames: int
    start: int
    end: int
    lead: int
    tail: int
    trimmed: bool
    keyed: bool

    @property
    def seconds(self) -> Fraction:
        """How long it plays."""
        return (self.end - self.start) * self.time_base


@dataclass(frozen=True)
class Film:
    """A clip that is open for reading."""

    path: Path
    container: InputContainer
    stream: VideoStream

    def packets(self, *streams: Stream) -> Iterator[Packet[Any]]:
        """The packets of these streams, else of the video, in the order in which they are stored.

        Raises:
            BadClip: it is damaged or cut short.

        """
        for packet in self._read(self.container.demux(*(streams or (self.stream,)))):
            if packet.is_corrupt:
                raise bad_clip(self.path, "it is damaged or cut short")
            if packet.size:  # the last one of a demuxer is empty
                yield packet

    def frames(self) -> Iterator[VideoFrame]:
        """Its frames in the order in which they are shown.

        Raises:
            BadClip: it is damaged.

        """
        yield from self._read(self.container.decode(self.stream))

    def first(self) -> VideoFrame:
        """The first frame that is shown.

        Raises:
            BadClip: it is damaged, or has none.

        """
        frame = next(self.frames(), None)
        if frame is None:
            raise bad_clip(self.path, NO_PICTURES)
        return frame

    def seek(self, microseconds: int) -> None:
        """Go on from the last key frame before this time.

        Raises:
            BadClip: it is damaged.

        """
        import av

        try:
            self.container.seek(microseconds)
        except av.FFmpegError as error:
            raise bad_clip(self.path, f"it is damaged ({error.strerror})") from error

    def at_rate(self, rate: Fraction, fps: Fraction) -> Iterator[VideoFrame]:
        """Its frames at `fps` a second where it has `rate`: some left out or repeated where the two differ."""
        half = 1 / (2 * max(rate, fps))  # into what shows, so that times rounded by the file do not matter
        begin = at = Fraction(0)
        shown: VideoFrame | None = None
        ticks = 0
        for frame in self.frames():
            at = (frame.pts or 0) * exact(frame.time_base, Fraction(0))
            if shown is None:
                begin = at
            while shown is not None and begin + ticks / fps + half < at:
                yield shown
                ticks += 1
            shown = frame
        while shown is not None and begin + ticks / fps + half < at + 1 / rate:
            yield shown
            ticks += 1

    def _read(self, parts: Iterator[_Part]) -> Iterator[_Part]:
        """Only what goes wrong in reading is the clip's fault: not what happens to a part elsewhere."""
        import av

        while True:
            try:
                part = next(parts)
            except StopIteration:
                return
            except av.FFmpegError as error:
                raise bad_clip(self.path, f"it is damaged ({error.strerror})") from error
            yield part


def exact(number: Any, unset: Fraction) -> Fraction:
    """A rate or a unit of time of PyAV as a fraction: from PyAV 19 on it has a kind of its own, whose sums are rounded.

    Args:
        number: as PyAV gives it; None or 0 where it is not set.
        unset: what to take then.

    """
    return Fraction(number.numerator, number.denominator) if number else unset


def _tolerance(version: str) -> dict[str, Any]:
    """So that tags which are no UTF-8 keep no film from being read: from PyAV 19 on they never do."""
    return {"metadata_errors": "replace"} if int(version.partition(".")[0]) < 19 else {}


@contextmanager
def opened(path: Path) -> Iterator[Film]:
    """Open a video file for reading.

    Raises:
        InvalidRequest: PyAV or Pillow is missing.
        BadClip: it is no video.
        OSError: it cannot be read.

    """
    check_extra()
    import av

    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise bad_clip(path, "it is empty")
    try:
        # An absolute path is never taken for a URL.
        container = av.open(str(path.absolute()), options=READ, **_tolerance(av.__version__))
    except av.FFmpegError as error:
        raise bad_clip(path, "it is something else or damaged") from error
    with container:
        if not container.streams.video:
            raise bad_clip(path, NO_PICTURES)
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield Film(path, container, stream)


def survey(path: Path) -> Track:
    """Read the video track of a file without decoding it.

    Raises:
        BadClip: it is no video, or cut short.
        OSError: it cannot be read.

    """
    with opened(path) as film:
        time_base = exact(film.stream.time_base, Fraction(1))
        rate = exact(film.stream.average_rate or film.stream.guessed_rate, Fraction(24))
        usual = round(1 / rate / time_base)
        starts: list[int] = []
        ends: list[int] = []
        decoded: list[int] = []
        trimmed, keyed = False, False
        for packet in film.packets():
            pts = packet.pts if packet.pts is not None else packet.dts or 0
            keyed = keyed if decoded else packet.is_keyframe
            decoded.append(packet.dts if packet.dts is not None else pts)
            if packet.is_discard:
                trimmed = True
            else:
                starts.append(pts)
                ends.append(pts + (packet.duration or usual))
        context = film.stream.codec_context
        if not starts or not context.width or not context.height:
            raise bad_clip(path, NO_PICTURES)
        start, end = min(starts), max(ends)
        return Track(
            codec=DECODERS.get(context.name, context.name),
            extradata=bytes(context.extradata or b""),
            size=(context.width, context.height),
            time_base=time_base,
            rate=rate,
            frames=len(starts),
            start=start,
            end=end,
            lead=start - decoded[0],
            tail=end - decoded[-1],
            trimmed=trimmed,
            keyed=keyed,
        )


def probe(path: str | os.PathLike[str]) -> Probe:
    """Look into a video file; nothing is decoded.

    Args:
        path: the file, or a clip that is on disk.

    Returns:
        Its length, size, rate and codec.

    Raises:
        InvalidRequest: PyAV or Pillow is missing.
        BadClip: it is no video, or cut short.
        OSError: it cannot be read.

    """
    track = survey(path_of(path, "path"))
    return Probe(float(track.seconds), *track.size, float(track.rate), track.frames, track.codec)


def shown_size(frame: VideoFrame) -> tuple[int, int]:
    """Its width and height upright: a phone stores its frames as the sensor lies."""
    return (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)


def picture(frame: VideoFrame, size: tuple[int, int] | None = None) -> Image.Image:
    """A frame as a picture, upright, scaled to `size`."""
    width, height = size or shown_size(frame)
    if frame.rotation % 180:
        width, height = height, width
    image: Image.Image = frame.to_image(width=width, height=height, interpolation="LANCZOS")  # type: ignore[no-untyped-call]
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


def bad_clip(path: Path, why: str) -> BadClip:
    """The error for a file that cannot be read as a video."""
    return BadClip(f"{path.name} is not a whole video: {why}. Download it again, or choose another file.")
