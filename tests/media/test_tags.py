"""Tags: every text survives, and not a bit of the pictures changes."""

from __future__ import annotations

import pytest

from mjvideo_nb import media
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.models import Clip

from .clips import frames_of, index_in_front, make, packets_of

TEXTS = [
    "petals open in the wind",
    "🌷👩‍🚀 tulip",
    "שלום עולם مرحبا",
    "line one\nline two\ttab",
    "=;#\\ '\"<script>&amp;",
    "長" * 10_000,
    " ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_survives(clips, out, text):
    names = ("title", "artist", "comment", "description", "date", "encoder", "keywords")
    tags = {name: f"{text}{name}" for name in names}
    path = media.tag(clips["plain"], out / "a.mp4", tags)
    assert media.read_tags(path) == tags


@pytest.mark.parametrize("text", TEXTS)
def test_free_names_survive_beside_the_common_ones(clips, tmp_path, text):
    tags = {"title": text, "encoder": text, "mjvideo": text, "task id 🌷": text}
    path = media.tag(clips["plain"], tmp_path / "a.mp4", tags)
    assert media.read_tags(path) == tags


def test_common_tags_are_where_players_look_for_them(clips, tmp_path):
    path = media.tag(clips["plain"], tmp_path / "a.mp4", {"title": "Tulip", "comment": "low"})
    assert b"mdirappl" in path.read_bytes()
    assert b"\xa9nam" in path.read_bytes()
    free = media.tag(clips["plain"], tmp_path / "b.mp4", {"title": "Tulip", "seed": "low"})
    assert b"mdta" in free.read_bytes()


@pytest.mark.parametrize("name", ["plain", "reordered", "single", "turned"])
def test_not_a_bit_of_the_pictures_changes(clips, tmp_path, name):
    path = media.tag(clips[name], tmp_path / "a.mp4", {"title": "a"})
    assert packets_of(path) == packets_of(clips[name])
    assert frames_of(path) == frames_of(clips[name])
    assert media.probe(path) == media.probe(clips[name])
    assert media.last_frame(path).size == media.last_frame(clips[name]).size
    assert index_in_front(path)


def test_a_clip_of_the_service_is_tagged_without_change(rendered, tmp_path):
    path = media.tag(Clip("1", 2, "", path=rendered[2]), tmp_path / "a.mp4", {"title": "a"})
    assert packets_of(path) == packets_of(rendered[2])


def test_sound_is_kept(tmp_path):
    source = make(tmp_path / "a.mp4", 6, sound=True)
    path = media.tag(source, tmp_path / "b.mp4", {"title": "a"})
    assert packets_of(path, "audio") == packets_of(source, "audio")
    assert packets_of(path) == packets_of(source)


def test_tags_that_are_there_stay_unless_given_anew(clips, tmp_path):
    path = tmp_path / "a.mp4"
    media.tag(clips["plain"], path, {"title": "a", "comment": "b", "artist": "c", "encoder": "d"})
    media.tag(path, path, {"comment": "new", "artist": ""})
    assert media.read_tags(path) == {"title": "a", "comment": "new", "encoder": "d"}


def test_the_same_input_gives_the_same_bytes(clips, tmp_path):
    one, other = (media.tag(clips["plain"], tmp_path / name, {"title": "a", "x": "y"}) for name in ("a.mp4", "b.mp4"))
    assert one.read_bytes() == other.read_bytes()


def test_a_file_without_tags_has_none(clips, tmp_path):
    path = media.tag(clips["plain"], tmp_path / "a.mp4", {"encoder": ""})
    assert media.read_tags(path) == {}


@pytest.mark.parametrize(
    "tags",
    [
        "title",
        {"title": 1},
        {1: "a"},
        {"": "a"},
        {"title": "a\0b"},
        {"title": "\ud83c"},
        {"a\0": "b"},
        {"major_brand": "b"},
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(clips, tmp_path, tags):
    with pytest.raises(InvalidRequest, match="tags: ") as caught:
        media.tag(clips["plain"], tmp_path / "a.mp4", tags)
    assert caught.value.field == "tags"
    assert list(tmp_path.iterdir()) == []


def test_what_an_mp4_cannot_hold_is_refused(tmp_path):
    webm = make(tmp_path / "a.webm", 3, codec="libvpx", container="webm")
    with pytest.raises(InvalidRequest, match="which an MP4 cannot"):
        media.tag(webm, tmp_path / "b.mp4", {"title": "a"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.webm"]
