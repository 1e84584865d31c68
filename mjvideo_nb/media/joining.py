"""Clips one after the other in one file: their packets as they are where they fit together, else encoded anew."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mjvideo_nb import elsewhere
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.written import written

from .files import check_extra, path_of
from .film import Track, opened, picture, shown_size, survey

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import OutputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

__all__ = ["FASTSTART", "copied_stream", "reel"]

FASTSTART = "+faststart"
"""The index in front, so that a browser can play before it has all."""
COPIED = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
"""What an MP4 holds and browsers or players show."""
KEYFRAME_EVERY = 48
LIMITED, FULL = 1, 2
BT709 = 1
BT601 = (5, 6)
UNSPECIFIED = 2

_Stream = TypeVar("_Stream", bound="Stream")


def reel(
    clips: Iterable[Any],
    path: str | os.PathLike[str],
    *,
    reencode: bool | None = None,
    executor: Executor | None = None,
) -> Path:
    """Join clips one after the other into one MP4, without sound.

    Clips that were encoded alike are copied, so that every frame stays equal to the last bit. Others are encoded anew
    (H.264) in the size and rate of the first; where a shape differs, bars fill the frame.

    Args:
        clips: clips that are on disk, or paths, in their order.
        path: where the reel goes; a file that is there is replaced, a missing folder is made.
        reencode: True encodes in any case, False never; None copies where that is possible.
        executor: where it is made, such as a process pool or a Dask client's `client.get_executor()`; by default here.

    Returns:
        The path of the reel.

    Raises:
        InvalidRequest: an argument is wrong, `reencode=False` is asked of clips that do not fit together, or PyAV or
            Pillow is missing.
        BadClip: one of them is no video.
        WorkFailed: the executor did not do it.
        OSError: a file cannot be read or written.

    """
    if isinstance(clips, str | os.PathLike) or not isinstance(clips, Iterable):
        raise InvalidRequest("clips: a list of clips or paths, in their order.", field="clips")
    sources = [path_of(clip, f"clips[{number}]") for number, clip in enumerate(clips)]
    target = path_of(path, "path")
    if not sources:
        raise InvalidRequest("clips: choose at least one.", field="clips")
    if executor is not None:
        return elsewhere.run(executor, reel, sources, target, reencode=reencode)
    check_extra()
    tracks = [survey(source) for source in sources]
    obstacle = "" if reencode else _obstacle(sources, tracks)
    if obstacle and reencode is False:
        raise InvalidRequest(
            f"reencode: these clips cannot be joined as they are: {obstacle}. Leave reencode out, and they are encoded anew.",
            field="reencode",
        )
    with written(target) as part:
        if reencode or obstacle:
            _encode(sources, tracks, part)
        else:
            _copy(sources, tracks, part)
    return target


def copied_stream(output: OutputContainer, stream: _Stream, name: str) -> _Stream:
    """A stream of `output` for the packets of `stream` as they are.

    Raises:
        InvalidRequest: an MP4 cannot hold them.

    """
    try:
        return output.add_stream_from_template(stream, opaque=True)
    except ValueError as error:
        codec = stream.codec_context.name
        raise InvalidRequest(f"{name} holds {codec}, which an MP4 cannot. Convert it to H.264 first.") from error


def _obstacle(sources: Sequence[Path], tracks: Sequence[Track]) -> str:
    """Why the packets of these clips cannot follow each other as they are, or `""`."""
    first, turned = tracks[0], _rotation(sources[0])
    if first.codec not in COPIED:
        return f"an MP4 does not hold {first.codec}"
    for number, (source, track) in enumerate(zip(sources, tracks, strict=True)):
        name = f"clips[{number}] ({source.name})"
        pairs = [
            ("codec", track.codec, first.codec),
            ("size", _by(track.size), _by(first.size)),
            ("frame rate", track.rate, first.rate),
            ("time base", track.time_base, first.time_base),
            ("rotation", _rotation(source), turned),
        ]
        for what, its, others in pairs:
            if its != others:
                return f"the {what} of {name} is {its}, that of the first {others}"
        if track.extradata != first.extradata:
            return f"{name} was encoded with other settings than the first"
        if track.trimmed:
            return f"{name} holds frames that it does not show (an edit list)"
        if not track.keyed:
            return f"{name} does not begin with a key frame"
        if number and track.lead >= tracks[number - 1].tail:
            return f"the frames of {name} are stored in another order than those before it"
    return ""


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]}"


def _rotation(source: Path) -> int:
    with opened(source) as film:
        return film.first().rotation


def _copy(sources: Sequence[Path], tracks: Sequence[Track], part: Path) -> None:
    import av

    with av.open(str(part.absolute()), "w", format="mp4", options={"movflags": FASTSTART}) as output:
        stream: VideoStream | None = None
        begin = 0
        for source, track in zip(sources, tracks, strict=True):
            with opened(source) as film:
                stream = stream or copied_stream(output, film.stream, source.name)
                for packet in film.packets():
                    shift = begin - track.start
                    shown = packet.pts if packet.pts is not None else packet.dts or 0
                    packet.dts = shift + (packet.dts if packet.dts is not None else shown)
                    packet.pts = shift + shown
                    packet.stream = stream
                    output.mux(packet)
            begin += track.end - track.start


def _encode(sources: Sequence[Path], tracks: Sequence[Track], part: Path) -> None:
    import av

    rate = tracks[0].rate.limit_denominator(1001)
    size, colours = _shape_and_colours(sources[0])
    frames = itertools.chain.from_iterable(
        _frames(source, track, rate, size, colours[0]) for source, track in zip(sources, tracks, strict=True)
    )
    with av.open(str(part.absolute()), "w", format="mp4", options={"movflags": FASTSTART}) as output:
        stream = output.add_stream("libx264", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        # The same clips give the same bytes on every machine: on one thread, since how many share the work shows in them,
        # and without x264's macroblock tree, which with AVX-512 is not the same each time.
        stream.options = {"preset": "fast", "crf": "18", "g": str(KEYFRAME_EVERY), "x264-params": "mbtree=0"}
        context = stream.codec_context
        context.thread_count = 1
        context.time_base = 1 / rate
        context.colorspace, context.color_primaries, context.color_trc = colours
        context.color_range = LIMITED
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, 1 / rate
            frame.pict_type = 0  # as the encoder thinks best, not as it was
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _shape_and_colours(source: Path) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """The upright size of a clip in even numbers, and how its colours are stored: matrix, primaries, transfer."""
    with opened(source) as film:
        frame = film.first()
        width, height = (max(2, side // 2 * 2) for side in shown_size(frame))
        known = frame.colorspace == BT709 or frame.colorspace in BT601
        context = film.stream.codec_context
        colours = (frame.colorspace, context.color_primaries, context.color_trc)
        return (width, height), colours if known else (UNSPECIFIED,) * 3


def _frames(source: Path, track: Track, rate: Fraction, size: tuple[int, int], matrix: int) -> Iterator[VideoFrame]:
    """The frames of a clip at this rate, each in this size and with its colours stored in this way."""
    with opened(source) as film:
        yield from (_fitted(frame, size, matrix) for frame in film.at_rate(track.rate, rate))


def _fitted(frame: VideoFrame, size: tuple[int, int], matrix: int) -> VideoFrame:
    """The frame as it is where it fits, else as large as fits in, with bars around it."""
    import av
    from PIL import ImageOps

    same_form = frame.format.name == "yuv420p" and (frame.width, frame.height) == size and not frame.rotation
    if same_form and frame.colorspace == matrix and frame.color_range != FULL:
        return frame
    image = ImageOps.pad(picture(frame), size, color=(0, 0, 0))
    fitted: VideoFrame = av.VideoFrame.from_image(image).reformat(  # type: ignore[no-untyped-call]
        format="yuv420p", dst_colorspace="ITU709" if matrix == BT709 else "ITU601", dst_color_range="MPEG"
    )
    return fitted
