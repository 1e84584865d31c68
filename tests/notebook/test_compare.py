"""Anything that has clips can be compared, and each clip is named by what tells it from the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

import mjvideo_nb as mj
from mjvideo_nb.notebook.compare import comparison
from mjvideo_nb.notebook.picks import Pick, labelled, pick
from tests.patience import PATIENCE


def asked(prompt="steam rises", **fields):
    return mj.VideoRequest(**{"image": "https://x.example/a.jpg", "prompt": prompt, **fields})


def labels(*requests, **about):
    return [one.label for one in labelled([Pick(task_id=str(n), request=r, **about) for n, r in enumerate(requests)])]


def test_words_that_differ_are_the_label():
    assert labels(
        asked("petals open in the wind at dawn"), asked("petals fall in the wind at dawn"), asked("petals at dawn")
    ) == ["… open in the wind …", "… fall in the wind …", "… – …"]


def test_settings_are_named_only_where_they_differ():
    assert labels(asked(motion="low"), asked(motion="high")) == ["low", "high"]
    assert labels(asked(motion="low", video_type="480p"), asked(motion="high", video_type="720p")) == [
        "low · 480p",
        "high · 720p",
    ]
    assert labels(asked("a", motion="low"), asked("b", motion="low")) == ["a", "b"]


def test_a_long_difference_is_cut():
    (label, _) = labels(asked("x" * 500), asked("y"))
    assert len(label) <= 60


def test_clips_of_one_task_are_told_apart_by_their_index():
    request = asked()
    picks = [Pick(task_id="1", index=i, request=request) for i in range(2)]
    assert [one.label for one in labelled(picks)] == ["[0]", "[1]"]
    picks = [*picks, Pick(task_id="2", index=1, request=replace(request, motion="high"))]
    assert [one.label for one in labelled(picks)] == ["[0] · low", "[1] · low", "high"]


def test_first_frames_that_differ_are_named():
    picks = [Pick(task_id=name, index=0, request=asked(), frame_name=name) for name in ("a.jpg", "b.jpg")]
    assert [one.label for one in labelled(picks)] == ["a.jpg", "b.jpg"]


def test_what_nothing_is_known_of_has_a_name_all_the_same():
    assert [one.label for one in labelled([Pick(url="https://x/1"), Pick(url="https://x/2")])] == ["clip 1", "clip 2"]


def test_jobs_tasks_clips_files_urls_and_labels_stand_on_one_stage(session, request_, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = session.jobs.make(request_)
    task = job.wait(PATIENCE)
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(job[0].path.read_bytes())
    what = [
        job,
        task,
        task.clips[0],
        [str(mine)],
        "https://x.example/films/old%20one.mp4",
        {"before": mine, "after": job},
    ]
    stage = comparison(session, pick(session, what)).stage
    clips = stage.card["clips"]
    assert [clip["index"] for clip in clips] == list(range(7))
    assert [clip["label"] for clip in clips[3:]] == ["mine.mp4", "old one.mp4", "before", "after"]
    assert {clip["path"] for clip in clips[:3]} == {f"library/clips/{job.id}/0.mp4"}
    assert clips[3]["path"] == "mine.mp4"
    assert clips[4]["url"] == "https://x.example/films/old%20one.mp4"
    assert stage._read_clip(5) == mine.read_bytes()
    assert [clip.get("loose", False) for clip in clips] == [False] * 3 + [True] * 3 + [False]


def test_clips_of_the_library_have_stars_wherever_they_are_shown(session, request_, tmp_path):
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    job.rate(0, 2)
    mine = tmp_path / "mine.mp4"
    mine.write_bytes(job[0].path.read_bytes())
    whole = comparison(session, pick(session, [job, mine]))
    stage = whole.stage
    ours, other = stage.card["clips"]
    assert ours["rating"] == 2
    assert other["loose"]
    assert stage.rate({"index": 0, "stars": 5}, [])[0] == {"ok": True}
    assert job.entry.ratings == {0: 5}
    assert job.card["clips"][0]["rating"] == 5
    answer = stage.rate({"index": 1, "stars": 5}, [])[0]
    assert not answer["ok"]
    assert "not in the library" in answer["message"]
    assert ours["price"] == "about 0.60 USD"
    assert stage.extend({"index": 0, "motion": "high", "prompt": "on it goes"}, [])[0] == {"ok": True}
    extended = whole.children[1].job
    assert (extended.request.task_id, extended.request.index, extended.request.prompt) == (job.id, 0, "on it goes")
    assert not stage.extend({"index": 1, "motion": "high"}, [])[0]["ok"]
    assert len(extended.wait(PATIENCE).clips) == 4


def test_a_press_counts_for_the_clip_in_that_place_whatever_its_index(session, request_):
    other, job = session.jobs.make(request_), session.jobs.make(replace(request_, extra={}))
    for each in (other, job):
        each.wait(PATIENCE)
    whole = comparison(session, pick(session, [other[0], job[2]]))
    assert whole.stage.rate({"index": 1, "stars": 4}, [])[0] == {"ok": True}
    assert (other.entry.ratings, job.entry.ratings) == ({}, {2: 4})
    assert whole.stage.extend({"index": 1, "motion": "high"}, [])[0] == {"ok": True}
    extended = whole.children[1].job
    assert (extended.request.task_id, extended.request.index) == (job.id, 2)
    extended.wait(PATIENCE)


def test_a_clip_of_an_earlier_task_is_found_in_the_library(session, request_):
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    (found,) = pick(session, [mj.Clip(job.id, 0)])
    assert found.path == job[0].path
    assert found.request.prompt == "steam rises"
    assert found.entry_id == job.entry_id


@pytest.mark.parametrize("item", [17, None, "no-such-file.mp4", "ftp://x/a.mp4", object()])
def test_what_cannot_be_compared_is_refused(session, item):
    with pytest.raises(mj.InvalidRequest) as caught:
        pick(session, [item])
    assert caught.value.field == "what"


def test_a_text_that_is_no_video_is_refused(session, tmp_path):
    (tmp_path / "a.mp4").write_text("<html>not found</html>")
    with pytest.raises(mj.InvalidRequest, match="a web page"):
        pick(session, [tmp_path / "a.mp4"])


@pytest.mark.parametrize("count", [0, 17])
def test_too_many_or_none_are_refused(session, count):
    with pytest.raises(mj.InvalidRequest, match="1 to 16"):
        comparison(session, [Pick(url="https://x/1")] * count)
