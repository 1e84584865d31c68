"""A copy with a readable name says what made it, and takes no other clip's place."""

from __future__ import annotations

import json
from dataclasses import replace

import av
import pytest

import mjvideo_nb as mj
from mjvideo_nb import media
from mjvideo_nb.notebook import saving
from tests.patience import PATIENCE


@pytest.fixture
def job(session, request_):
    job = session.jobs.make(replace(request_, prompt="steam rises, slowly / <b>☕</b>"))
    job.wait(PATIENCE)
    return job


def test_a_copy_has_a_readable_name_and_what_made_it_beside_and_inside(job, tmp_path):
    job.rate(0, 4)
    job.tag("keep")
    (path,) = job.save(tmp_path / "out")
    assert path.name == "steam rises, slowly b ☕ b -0.mp4"
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert {name: told[name] for name in ("task_id", "index", "prompt", "motion", "rating", "tags", "first_frame")} == {
        "task_id": job.id,
        "index": 0,
        "prompt": "steam rises, slowly / <b>☕</b>",
        "motion": "low",
        "rating": 4,
        "tags": ["keep"],
        "first_frame": "coffee.jpg",
    }
    tags = media.read_tags(path)
    assert tags["title"] == job.request.prompt
    assert json.loads(tags["comment"]) == told
    frames = []
    for each in (path, job[0].path):
        with av.open(str(each)) as film:
            frames.append([frame.to_ndarray().tobytes() for frame in film.decode(video=0)])
    assert frames[0] == frames[1]


def test_saving_again_is_the_same_file_and_another_clip_gets_a_number(job, tmp_path, session, request_):
    (first,) = job.save(tmp_path, name="clip")
    assert job.save(tmp_path, name="clip") == [first]
    other = session.jobs.make(request_)
    other.wait(PATIENCE)
    assert [path.name for path in other.save(tmp_path, name="clip")] == ["clip (2).mp4"]
    (tmp_path / "mine.mp4").write_bytes(b"somebody's own")
    assert [path.name for path in job.save(tmp_path, name="mine")] == ["mine (2).mp4"]
    assert (tmp_path / "mine.mp4").read_bytes() == b"somebody's own"


def test_a_name_without_the_index_gives_each_variant_a_file_of_its_own(session, request_, tmp_path):
    job = session.jobs.make(replace(request_, extra={}))
    job.wait(PATIENCE)
    saved = job.save(tmp_path, name="clip")
    assert [path.name for path in saved] == ["clip.mp4", "clip (2).mp4", "clip (3).mp4", "clip (4).mp4"]
    told = [json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in saved]
    assert [each["index"] for each in told] == [0, 1, 2, 3]
    assert job.save(tmp_path, name="clip") == saved


@pytest.mark.parametrize("name", ["{nothing}", "{prompt", "{}", "{prompt.__class__}", "{index:q}"])
def test_a_name_that_cannot_be_filled_in_is_refused(job, tmp_path, name):
    with pytest.raises(mj.InvalidRequest, match=r"name: .*\{prompt\}") as caught:
        job.save(tmp_path / "out", name=name)
    assert caught.value.field == "name"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc/passwd", "etc passwd"),
        ("  a\n\tb . ", "a b"),
        ("CON", "CON_"),
        ("con.txt", "con.txt_"),
        ("", ""),
        ("...", ""),
        ("x" * 500, "x" * 120),
        ("花" * 500, "花" * 80),
        ("a\0b", "a b"),
    ],
)
def test_any_prompt_makes_a_name_that_file_systems_take(text, name):
    assert saving.readable(text) == name
