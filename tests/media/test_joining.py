"""Reels: copied to the last bit where the clips allow it, else encoded in the first one's size and time."""

from __future__ import annotations

import os
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from mjvideo_nb import media
from mjvideo_nb.errors import BadClip, InvalidRequest
from mjvideo_nb.models import Clip

from .clips import BT601, BT709, frames_of, index_in_front, make, packets_of, pictures_of, trimmed


def is_copy(reel, sources):
    return [p[0] for p in packets_of(reel)] == [p[0] for source in sources for p in packets_of(source)]


@pytest.mark.parametrize(
    "names", [["plain", "alike"], ["plain"], ["plain"] * 3, ["reordered", "reordered alike", "reordered"]]
)
def test_clips_that_were_encoded_alike_are_copied_to_the_last_bit(clips, out, names):
    sources = [clips[name] for name in names]
    reel = media.reel(sources, out / "reel.mp4")
    assert is_copy(reel, sources)
    assert frames_of(reel) == [frame for source in sources for frame in frames_of(source)]
    assert index_in_front(reel)
    packets = packets_of(reel)
    assert all(one < other for (_, one, _), (_, other, _) in pairwise(packets))
    assert sorted(pts for *_, pts in packets) == [Fraction(number, 24) for number in range(len(packets))]
    assert media.probe(reel).seconds == pytest.approx(sum(media.probe(source).seconds for source in sources))


def test_clips_of_the_service_and_an_extend_are_copied(rendered, tmp_path):
    reel = media.reel(rendered, tmp_path / "reel.mp4", reencode=False)
    assert frames_of(reel) == [frame for source in rendered for frame in frames_of(source)]
    assert media.probe(reel).frames == 125 + 125 + 221


def test_clips_of_the_library_in_any_iterable(clips, tmp_path):
    chosen = (Clip("1", number, "", path=clips[name]) for number, name in enumerate(["plain", "alike"]))
    assert media.probe(media.reel(chosen, str(tmp_path / "reel.mp4"))).frames == 21


def test_a_reel_may_replace_one_of_its_own_clips(clips, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(clips["plain"].read_bytes())
    media.reel([path, clips["alike"]], path)
    assert frames_of(path) == frames_of(clips["plain"]) + frames_of(clips["alike"])


def test_encoding_can_be_asked_for(clips, tmp_path):
    sources = [clips["plain"], clips["alike"]]
    reel = media.reel(sources, tmp_path / "reel.mp4", reencode=True)
    assert not is_copy(reel, sources)
    assert media.probe(reel) == media.Probe(21 / 24, 64, 48, 24.0, 21, "h264")
    assert index_in_front(reel)
    wanted = [frame for source in sources for frame in pictures_of(source)]
    for found, frame in zip(pictures_of(reel), wanted, strict=True):
        assert np.abs(found - frame).mean() < 12


def test_the_same_clips_give_the_same_bytes_each_time(tmp_path):
    # A picture of this size showed it in every third file, one of 832 x 464 in one of 120.
    sources = [make(tmp_path / f"{seed}.mp4", 8, size=(64, 64), seed=seed) for seed in range(2)]
    reels = [media.reel(sources, tmp_path / f"{number}-reel.mp4", reencode=True) for number in range(30)]
    assert len({reel.read_bytes() for reel in reels}) == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system gives a process all of its processors")
def test_the_number_of_processors_does_not_show_in_the_bytes(tmp_path):
    sources = [make(tmp_path / f"{seed}.mp4", 8, size=(256, 256), seed=seed) for seed in range(2)]
    all_of_them = os.sched_getaffinity(0)
    reel = media.reel(sources, tmp_path / "all.mp4", reencode=True)
    os.sched_setaffinity(0, {min(all_of_them)})
    try:
        alone = media.reel(sources, tmp_path / "one.mp4", reencode=True)
    finally:
        os.sched_setaffinity(0, all_of_them)
    assert alone.read_bytes() == reel.read_bytes()


def test_another_shape_gets_bars(clips, tmp_path):
    reel = media.reel([clips["plain"], clips["tall"]], tmp_path / "reel.mp4")
    assert media.probe(reel) == media.Probe(20 / 24, 64, 48, 24.0, 20, "h264")
    last = pictures_of(reel)[-1]
    assert np.abs(last[:, 28:36] - (200, 30, 30)).mean() < 12
    assert last[:, :10].max() < 25
    assert last[:, -10:].max() < 25


def test_another_rate_is_brought_to_that_of_the_first_in_the_same_time(clips, tmp_path):
    reel = media.reel([clips["plain"], clips["slow"]], tmp_path / "reel.mp4")
    assert media.probe(reel) == media.Probe(1.0, 64, 48, 24.0, 24, "h264")
    other = media.reel([clips["slow"], clips["plain"]], tmp_path / "other.mp4")
    assert media.probe(other) == media.Probe(1.0, 64, 48, 12.0, 12, "h264")


def test_a_webm_joins_an_mp4(clips, tmp_path):
    webm = make(tmp_path / "a.webm", 6, codec="libvpx-vp9", container="webm")
    assert media.probe(media.reel([clips["plain"], webm], tmp_path / "reel.mp4")).frames == 18


def test_what_an_mp4_does_not_hold_is_encoded(tmp_path):
    webm = make(tmp_path / "a.webm", 6, codec="libvpx", container="webm")
    found = media.probe(media.reel([webm, webm], tmp_path / "reel.mp4"))
    assert (found.codec, found.frames) == ("h264", 12)
    with pytest.raises(InvalidRequest, match="does not hold vp8"):
        media.reel([webm, webm], tmp_path / "reel.mp4", reencode=False)


def test_colours_stay_where_clips_store_them_in_different_ways(tmp_path):
    colour = (30, 160, 60)
    for first, second in ((BT601, BT709), (BT709, BT601)):
        sources = [make(tmp_path / f"{matrix}.mp4", 3, colour=colour, matrix=matrix) for matrix in (first, second)]
        for frame in pictures_of(media.reel(sources, tmp_path / "reel.mp4", reencode=True)):
            assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 6


def test_a_clip_of_a_phone_is_upright(clips, tmp_path):
    reel = media.reel([clips["turned"], clips["turned"]], tmp_path / "reel.mp4", reencode=True)
    assert (media.probe(reel).width, media.probe(reel).height) == (48, 64)
    upright = np.rot90(pictures_of(clips["turned"])[0])
    assert np.abs(pictures_of(reel)[0] - upright).mean() < 12


def test_clips_that_are_turned_alike_are_copied_and_stay_turned(clips, tmp_path):
    reel = media.reel([clips["turned"], clips["turned"]], tmp_path / "reel.mp4", reencode=False)
    assert media.last_frame(reel).size == (48, 64)


def test_an_odd_side_loses_a_pixel(tmp_path):
    odd = make(tmp_path / "a.mp4", 3, size=(65, 49), pix_fmt="yuv444p")
    found = media.probe(media.reel([odd, odd], tmp_path / "reel.mp4", reencode=True))
    assert (found.width, found.height, found.frames) == (64, 48, 6)


def test_what_an_edit_list_hides_stays_hidden(tmp_path):
    part = trimmed(make(tmp_path / "a.mp4", 24, b_frames=2), skip=3, milliseconds=500)
    reel = media.reel([part, part], tmp_path / "reel.mp4")
    assert media.probe(reel).frames == 24
    wanted = pictures_of(part) * 2
    for found, frame in zip(pictures_of(reel), wanted, strict=True):
        assert np.abs(found - frame).mean() < 12


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"size": (48, 64)}, "the size of clips[1] (b.mp4) is 48 × 64, that of the first 64 × 48"),
        ({"rate": 12}, "the frame rate of clips[1] (b.mp4) is 12, that of the first 24"),
        ({"codec": "mpeg4"}, "the codec of clips[1] (b.mp4) is mpeg4, that of the first h264"),
        ({"b_frames": 2}, "clips[1] (b.mp4) was encoded with other settings than the first"),
        ({"turned": 180}, "the rotation of clips[1] (b.mp4) is"),
    ],
)
def test_what_cannot_be_copied_says_why(clips, tmp_path, other, words):
    with pytest.raises(InvalidRequest) as caught:
        media.reel([clips["plain"], make(tmp_path / "b.mp4", 6, **other)], tmp_path / "reel.mp4", reencode=False)
    assert caught.value.field == "reencode"
    assert words in str(caught.value)
    assert not (tmp_path / "reel.mp4").exists()


def test_a_trimmed_clip_cannot_be_copied_and_says_why(tmp_path):
    part = trimmed(make(tmp_path / "a.mp4", 24), skip=3, milliseconds=500)
    with pytest.raises(InvalidRequest, match="edit list"):
        media.reel([part], tmp_path / "reel.mp4", reencode=False)


@pytest.mark.parametrize("given", [[], "a.mp4", 7, iter(())])
def test_a_reel_of_nothing_is_refused_by_name(tmp_path, given):
    with pytest.raises(InvalidRequest) as caught:
        media.reel(given, tmp_path / "reel.mp4")
    assert caught.value.field == "clips"


def test_a_clip_that_is_not_here_is_named_by_its_place(clips, tmp_path):
    with pytest.raises(InvalidRequest, match="download it first") as caught:
        media.reel([clips["plain"], Clip("1", 0, "https://x.example")], tmp_path / "reel.mp4")
    assert caught.value.field == "clips[1]"


def test_one_bad_clip_leaves_the_reel_that_was_there(clips, tmp_path):
    path, broken = tmp_path / "reel.mp4", tmp_path / "broken.mp4"
    path.write_bytes(b"old")
    broken.write_bytes(b"<html>")
    with pytest.raises(BadClip, match=r"broken\.mp4"):
        media.reel([clips["plain"], broken], path)
    assert path.read_bytes() == b"old"
