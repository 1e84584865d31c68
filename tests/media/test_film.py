"""What is in a file, and what is none."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from mjvideo_nb import media
from mjvideo_nb.errors import BadClip, InvalidRequest
from mjvideo_nb.media.film import opened
from mjvideo_nb.models import Clip

from .clips import frames_of, make, names_in, trimmed


def test_what_is_in_a_clip(clips):
    assert media.probe(clips["plain"]) == media.Probe(0.5, 64, 48, 24.0, 12, "h264")
    assert media.probe(str(clips["reordered"])) == media.Probe(0.625, 64, 48, 24.0, 15, "h264")
    assert media.probe(clips["single"]).seconds == pytest.approx(1 / 24)


def test_a_clip_of_the_library_is_as_good_as_its_path(clips):
    clip = Clip("1", 0, "https://x.example/0.mp4", path=clips["plain"])
    assert media.probe(clip) == media.probe(clips["plain"])


def test_what_an_edit_list_hides_is_not_counted(clips, tmp_path):
    part = trimmed(make(tmp_path / "a.mp4", 24), skip=3, milliseconds=500)
    found = media.probe(part)
    assert (found.frames, found.seconds) == (12, pytest.approx(0.5))
    assert len(frames_of(part)) == 12


@pytest.mark.parametrize(("codec", "container", "name"), [("libvpx-vp9", "webm", "vp9"), ("libvpx", "webm", "vp8")])
def test_a_webm_is_a_video_as_well(tmp_path, codec, container, name):
    found = media.probe(make(tmp_path / "a.webm", 5, codec=codec, container=container))
    assert (found.codec, found.frames, found.fps) == (name, 5, 24)
    assert found.seconds == pytest.approx(5 / 24, abs=0.025)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"x", "something else"),
        (b"<html>no such page</html>" * 50, "something else"),
        (b"#EXTM3U\n#EXTINF:1,\nother.mp4\n", "something else"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "something else"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "something else or damaged"),
    ],
)
def test_what_is_no_video_is_said_in_plain_words(tmp_path, clips, content, words):
    path = tmp_path / "odd.mp4"
    path.write_bytes(content)
    (tmp_path / "other.mp4").write_bytes(clips["plain"].read_bytes())
    with pytest.raises(BadClip, match=r"odd\.mp4 is not a whole video") as caught:
        media.probe(path)
    assert words in str(caught.value)


def test_a_clip_that_was_cut_short_is_found_without_decoding_it(tmp_path, clips):
    path = tmp_path / "cut.mp4"
    media.tag(clips["plain"], path, {})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadClip, match="cut short"):
        media.probe(path)


def test_sound_alone_is_no_clip(tmp_path):
    both, alone = make(tmp_path / "a.mp4", 2, sound=True), tmp_path / "sound.mp4"
    with av.open(str(both)) as source, av.open(str(alone), "w") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(BadClip, match="no pictures"):
        media.probe(alone)


def test_a_file_that_cannot_be_read_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(FileNotFoundError):
        media.probe(tmp_path / "none.mp4")
    with pytest.raises(IsADirectoryError):
        media.probe(tmp_path)


def test_a_name_is_never_taken_for_an_address(tmp_path, clips, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "concat:a%03d|b.mp4"
    path.write_bytes(clips["plain"].read_bytes())
    assert media.probe("concat:a%03d|b.mp4").frames == 12
    with pytest.raises(OSError, match="No such file"):
        media.probe("http://127.0.0.1:9/a.mp4")


def test_any_name_will_do(tmp_path, clips):
    path = tmp_path / f"тюльпан 🌷 {'x' * 200}.mp4"
    media.tag(clips["plain"], path, {"title": "a"})
    assert media.probe(path).frames == 12
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (Clip("1", 0, "https://x.example/0.mp4"), "download it first"),
        (7, "not int"),
        (None, "not NoneType"),
        ("", "not str"),
    ],
)
def test_what_is_no_clip_is_refused_by_name(clip, words):
    with pytest.raises(InvalidRequest, match=words) as caught:
        media.probe(clip)
    assert caught.value.field == "path"


@pytest.mark.parametrize(
    ("name", "fps", "count"),
    [("plain", 24, 12), ("plain", 12, 6), ("plain", 48, 24), ("slow", 24, 12), ("plain", 10, 5)],
)
def test_another_rate_keeps_the_time(clips, name, fps, count):
    rate = Fraction(12 if name == "slow" else 24)
    with opened(clips[name]) as film:
        times = [float(frame.pts * frame.time_base) for frame in film.at_rate(rate, Fraction(fps))]
    assert len(times) == count
    assert all(abs(time - number / fps) <= 1 / rate for number, time in enumerate(times))


def test_a_film_can_be_read_again_from_any_place(clips):
    with opened(clips["reordered"]) as film:
        for start, count in ((0, 15), (300_000, 9), (0, 15)):
            film.seek(start)
            assert len(list(film.frames())) == count


def test_a_clip_whose_pictures_are_damaged_is_told(tmp_path, clips):
    data = bytearray(clips["plain"].read_bytes())
    at = data.index(b"mdat") + 4
    data[at:] = bytes(len(data) - at)
    (tmp_path / "zeros.mp4").write_bytes(data)
    with pytest.raises(BadClip, match=r"zeros\.mp4"):
        media.last_frame(tmp_path / "zeros.mp4")


def test_without_the_extra_the_remedy_is_named(clips, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    for call in (
        lambda: media.probe(clips["plain"]),
        lambda: media.poster(clips["plain"], tmp_path / "a.jpg"),
        lambda: media.last_frame(clips["plain"]),
        lambda: media.contact_sheet(clips["plain"], tmp_path / "a.png"),
        lambda: media.preview(clips["plain"], tmp_path / "a.gif"),
        lambda: media.reel([clips["plain"]], tmp_path / "a.mp4"),
        lambda: media.tag(clips["plain"], tmp_path / "a.mp4", {}),
        lambda: media.read_tags(clips["plain"]),
    ):
        with pytest.raises(InvalidRequest, match=r'av and pillow. Install it with: pip install "mjvideo-nb\[media\]"'):
            call()
