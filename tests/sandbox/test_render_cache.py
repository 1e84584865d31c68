"""Finished clips in a folder: found again by whoever asks for the same, never by anybody else."""

import httpx
import pytest

from mjvideo_nb.sandbox import render_cache, workers
from mjvideo_nb.sandbox.process import SandboxError, SandboxProcess
from mjvideo_nb.sandbox.render import PictureError
from mjvideo_nb.sandbox.store import Folder, Store

from .conftest import Caller, picture


def test_a_clip_is_rendered_once_for_all_sandboxes_with_the_folder(tmp_path, monkeypatch):
    """Whether it is named to them or in the environment."""
    folder = tmp_path / "clips"
    with (
        SandboxProcess.start(seconds=0, store=tmp_path / "one", clips=folder) as one,
        httpx.Client(base_url=one.url) as http,
    ):
        first = Caller(http).clips(Caller(http).make(batchSize=1))
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert [path.name for path in made if path.suffix == ".mp4"] == ["clip.mp4"]

    monkeypatch.setenv("MJVIDEO_SANDBOX_CLIPS", str(folder))
    monkeypatch.setenv("MJVIDEO_SANDBOX_SECONDS", "0.5")
    with SandboxProcess.start(store=tmp_path / "two") as two, httpx.Client(base_url=two.url) as http:
        task = Caller(http).make(batchSize=1)
        assert Caller(http).clips(task) == first
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == made
        assert Caller(http).clips(Caller(http).make(batchSize=1, prompt="another way")) != first
    assert Store(tmp_path / "two").load(task["id"]).seconds == 0.5


def test_what_cannot_be_made_leaves_nothing_behind(tmp_path):
    cache = render_cache.RenderCache(tmp_path / "clips")
    folder = Folder(tmp_path / "task")
    folder.path.mkdir()
    folder.source.write_bytes(b"no picture")
    with pytest.raises(PictureError):
        workers._prepare(folder.path, "480", cache)
    assert list(cache.folder.iterdir()) == []
    folder.source.write_bytes(picture(64, 64))
    assert workers._prepare(folder.path, "480", cache).size == (624, 624)
    assert folder.poster.exists()
    assert folder.first_frame.exists()


def test_another_version_of_the_code_or_of_a_library_has_other_names(monkeypatch):
    before = render_cache.digest("a", b"b")
    assert render_cache.digest("ab", b"") != before
    monkeypatch.setattr(render_cache, "version", lambda _: "0")
    render_cache._makers.cache_clear()
    try:
        assert render_cache.digest("a", b"b") != before
    finally:
        render_cache._makers.cache_clear()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MJVIDEO_SANDBOX_SECONDS", "soon"),
        ("MJVIDEO_SANDBOX_SECONDS", "-1"),
        ("MJVIDEO_SANDBOX_SECONDS", "nan"),
        ("MJVIDEO_SANDBOX_CLIPS", "{file}"),
    ],
)
def test_an_environment_that_does_not_do_is_named(tmp_path, monkeypatch, name, value):
    (tmp_path / "file").touch()
    monkeypatch.setenv(name, value.format(file=tmp_path / "file"))
    with pytest.raises(SandboxError, match=name):
        SandboxProcess.start(store=tmp_path / "store")
