"""Previews: they play for ever, in the clip's own time, and do not flicker."""

from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from mjvideo_nb import media
from mjvideo_nb.errors import InvalidRequest

from .clips import make, pictures_of


def frames_and_times(path):
    """Its frames in colour, and how long each shows in milliseconds."""
    with Image.open(path) as image:
        frames = [
            (np.asarray(frame.convert("RGB")).astype(int), round(frame.info["duration"]))
            for frame in ImageSequence.Iterator(image)
        ]
        return image.format, image.info.get("loop"), frames


@pytest.mark.parametrize(("ending", "kind"), [(".webp", "WEBP"), (".gif", "GIF"), (".GIF", "GIF")])
def test_a_preview_plays_for_ever_and_as_long_as_the_clip(clips, out, ending, kind):
    path = media.preview(clips["plain"], out / f"a{ending}", width=32)
    found, loop, frames = frames_and_times(path)
    assert (found, loop) == (kind, 0)
    assert frames[0][0].shape == (24, 32, 3)
    assert sum(time for _, time in frames) == 500
    assert len(frames) == 6


def test_the_times_of_a_gif_add_up_though_each_is_rounded(clips, tmp_path):
    _, _, frames = frames_and_times(media.preview(clips["plain"], tmp_path / "a.gif"))
    assert {time for _, time in frames} == {80, 90}


def test_a_slow_clip_keeps_its_own_rate_and_a_small_one_its_size(clips, tmp_path):
    _, _, frames = frames_and_times(media.preview(clips["slow"], tmp_path / "a.webp", fps=50, width=500))
    assert len(frames) == 6
    assert frames[0][0].shape == (48, 64, 3)


@pytest.mark.parametrize("ending", [".webp", ".gif"])
def test_a_preview_looks_like_the_clip(rendered, tmp_path, ending):
    path = media.preview(rendered[0], tmp_path / f"a{ending}", fps=4)
    _, _, frames = frames_and_times(path)
    wanted = pictures_of(rendered[0], every=6, width=320, height=213)
    assert len(frames) == len(wanted) == 21
    for number, (frame, _) in enumerate(frames):
        differences = [float(np.abs(frame - other).mean()) for other in wanted]
        assert np.argmin(differences) == number
        assert differences[number] < 8
    assert path.stat().st_size < 70_000 * len(frames)


def test_what_stands_still_in_a_gif_does_not_flicker(tmp_path):
    """The left half is new noise in every frame; the right one a gradient that needs dither, and must stay as it is."""
    path = tmp_path / "half.mp4"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        stream.options = {"crf": "1", "preset": "ultrafast"}
        for number in range(12):
            pixels = np.zeros((64, 128, 3), np.uint8)
            pixels[:, :64, number % 3] = noise.integers(0, 256, (64, 64))
            pixels[:, 64:] = np.linspace(60, 130, 64).astype(np.uint8)[:, None, None]
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        output.mux(stream.encode(None))
    _, _, frames = frames_and_times(media.preview(path, tmp_path / "a.gif"))
    still = np.stack([frame[:, 72:] for frame, _ in frames])
    assert len(frames) == 12
    assert np.abs(np.diff(still, axis=0)).mean() < 0.2
    assert any(len(np.unique(row, axis=0)) > 1 for row in still[0])


def test_all_frames_of_a_gif_share_their_colours(rendered, tmp_path):
    _, _, frames = frames_and_times(media.preview(rendered[0], tmp_path / "a.gif", fps=2))
    colours = np.unique(np.concatenate([frame.reshape(-1, 3) for frame, _ in frames]), axis=0)
    assert 100 < len(colours) <= 128


def test_a_clip_of_one_frame_is_a_preview_as_well(clips, tmp_path):
    for ending in (".webp", ".gif"):
        with Image.open(media.preview(clips["single"], tmp_path / f"a{ending}")) as image:
            assert image.size == (64, 48)


@pytest.mark.parametrize("name", ["a.mp4", "a", "a.png", "webp", ".gif.txt"])
def test_another_ending_is_refused_by_name(clips, tmp_path, name):
    with pytest.raises(InvalidRequest, match=r"\.webp or \.gif") as caught:
        media.preview(clips["plain"], tmp_path / name)
    assert caught.value.field == "path"


@pytest.mark.parametrize("fps", [0, 1e-9, -1, 51, "12", True, float("nan"), float("inf")])
def test_an_odd_rate_is_refused_by_name(clips, tmp_path, fps):
    with pytest.raises(InvalidRequest) as caught:
        media.preview(clips["plain"], tmp_path / "a.gif", fps=fps)
    assert caught.value.field == "fps"


def test_an_odd_width_is_refused_by_name(clips, tmp_path):
    with pytest.raises(InvalidRequest, match="width: a whole number"):
        media.preview(clips["plain"], tmp_path / "a.gif", width=3)


def test_a_clip_turned_by_a_phone_is_upright(tmp_path):
    clip = make(tmp_path / "a.mp4", 3, turned=90)
    with Image.open(media.preview(clip, tmp_path / "a.webp")) as image:
        assert image.size == (48, 64)
