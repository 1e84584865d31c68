"""A file under its final name is whole or not there: the same law for everything that is written."""

from __future__ import annotations

import pickle
import resource
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from mjvideo_nb import media
from mjvideo_nb.errors import BadClip

from .clips import names_in

WRITERS = {
    "poster": (media.poster, ".jpg"),
    "sheet": (media.contact_sheet, ".png"),
    "webp": (media.preview, ".webp"),
    "gif": (media.preview, ".gif"),
    "copied reel": (lambda clip, path: media.reel([clip, clip], path, reencode=False), ".mp4"),
    "encoded reel": (lambda clip, path: media.reel([clip, clip], path, reencode=True), ".mp4"),
    "tagged": (lambda clip, path: media.tag(clip, path, {"title": "a"}), ".mp4"),
}

each_writer = pytest.mark.parametrize(("write", "ending"), WRITERS.values(), ids=WRITERS)


@contextmanager
def disk_full_after(size):
    """The system's own limit for a file: every write beyond it fails, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@each_writer
def test_the_folder_is_made_and_the_path_given_back(write, ending, clips, out):
    path = out / f"new{ending}"
    assert write(clips["plain"], str(path)) == path
    assert names_in(out) == [path.name]


@each_writer
def test_a_file_that_was_there_is_replaced(write, ending, clips, tmp_path):
    path = tmp_path / f"old{ending}"
    path.write_bytes(b"old")
    write(clips["plain"], path)
    assert path.stat().st_size > 100
    assert names_in(tmp_path) == [path.name]


@each_writer
@pytest.mark.parametrize("size", [0, 200, 700])
def test_a_full_disk_is_told_and_leaves_what_was_there(write, ending, size, clips, tmp_path):
    path = tmp_path / f"old{ending}"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="too large"), disk_full_after(size):
        write(clips["plain"], path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == [path.name]


@each_writer
def test_a_place_that_cannot_be_written_is_told(write, ending, clips, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"exists|directory"):
        write(clips["plain"], tmp_path / "file" / f"new{ending}")
    (tmp_path / f"taken{ending}").mkdir()
    with pytest.raises(IsADirectoryError):
        write(clips["plain"], tmp_path / f"taken{ending}")
    assert names_in(tmp_path) == sorted(["file", f"taken{ending}"])


@each_writer
def test_a_clip_that_is_damaged_leaves_nothing(write, ending, clips, tmp_path):
    broken, path = tmp_path / "broken.mp4", tmp_path / f"new{ending}"
    broken.write_bytes(clips["plain"].read_bytes()[:600])
    with pytest.raises(BadClip):
        write(broken, path)
    assert names_in(tmp_path) == ["broken.mp4"]


def test_the_home_folder_may_be_written_as_a_tilde(clips, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert media.poster(clips["plain"], "~/a.jpg") == tmp_path / "a.jpg"


@pytest.mark.parametrize("name", [name for name in media.__all__ if name not in {"Probe", "Tally"}])
def test_every_function_can_be_sent_to_another_process(name):
    function = getattr(media, name)
    assert pickle.loads(pickle.dumps(function)) is function


def test_many_at_once_do_not_get_into_each_others_way(clips, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(media.tag, [clips["plain"]] * 12, [tmp_path / "a.mp4"] * 12, [{"title": "a"}] * 12))
    assert media.read_tags(made[0])["title"] == "a"
    assert names_in(tmp_path) == ["a.mp4"]
