"""Small real MP4s, and ways to look into one."""

from __future__ import annotations

import hashlib
import itertools
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BT601, BT709 = 6, 1


def make(
    path, frames=12, *, size=(64, 48), rate=24, b_frames=0, seed=0, colour=None, matrix=None, pix_fmt="yuv420p",
    turned=0, codec="libx264", container="mp4", sound=False, **options,
):  # fmt: skip
    """A clip whose every frame differs from the others: its gradient moves, and a clip of another seed has another one."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        if codec == "libx264":
            context.max_b_frames = b_frames
            context.gop_size = 6
            options = {"preset": "ultrafast", "sc_threshold": "0", "bf": str(b_frames), **options}
        stream.options = options
        if matrix:
            context.colorspace = context.color_primaries = context.color_trc = matrix
            context.color_range = 1
        tone = output.add_stream("aac", rate=48_000, layout="mono") if sound else None
        across, down = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
        for number in range(frames):
            planes = (across * 3 + number * 9 + seed, down * 3 + number * 5, np.full_like(across, number * 7 + seed))
            pixels = np.stack(planes, -1) % 256 if colour is None else np.full((size[1], size[0], 3), colour)
            frame = av.VideoFrame.from_ndarray(pixels.astype(np.uint8), "rgb24")
            if matrix:
                frame = frame.reformat(
                    format=pix_fmt, dst_colorspace="ITU709" if matrix == BT709 else "ITU601", dst_color_range="MPEG"
                )
            frame.pts, frame.time_base = number, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if tone:
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
            samples.sample_rate, samples.pts = 48_000, 0
            output.mux(tone.encode(samples))
            output.mux(tone.encode(None))
    return rotated(Path(path), turned) if turned else Path(path)


def rotated(path, degrees):
    """The same clip, to be shown turned counter-clockwise: only the matrix in its track header changes."""
    along, across = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(path.read_bytes())
    struct.pack_into(">iiiii", data, data.index(b"tkhd") + 44, along << 16, -across << 16, 0, across << 16, along << 16)
    path.write_bytes(data)
    return path


def trimmed(path, *, skip=0, milliseconds):
    """The same clip with an edit list that shows a part of it only; nothing that is stored changes."""
    data = bytearray(Path(path).read_bytes())
    at = data.index(b"elst") + 12
    _, begin = struct.unpack_from(">Ii", data, at)
    struct.pack_into(">Ii", data, at, milliseconds, begin + skip * 512)
    target = Path(path).with_suffix(".trimmed.mp4")
    target.write_bytes(data)
    return target


def frames_of(path):
    """Every frame as it was decoded, as a digest."""
    with av.open(str(path)) as container:
        return [hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest() for frame in container.decode(video=0)]


def pictures_of(path, *, every=1, **size):
    """Every frame in colour, or every so many, also in another size."""
    with av.open(str(path)) as container:
        chosen = itertools.islice(container.decode(video=0), None, None, every)
        return [np.asarray(frame.to_image(**size)).astype(np.int16) for frame in chosen]


def packets_of(path, kind="video"):
    """What is stored and when it is decoded and shown."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(bytes(p), p.dts * p.time_base, p.pts * p.time_base) for p in container.demux(stream) if p.size]


def index_in_front(path):
    data = Path(path).read_bytes()
    return 0 < data.index(b"moov") < data.index(b"mdat")


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())
