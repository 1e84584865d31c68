"""A job's view: what its buttons begin, and what the library is told."""

from __future__ import annotations

import threading

import pytest

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.notebook.form import Studio
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE


@pytest.fixture
def job(session, photo):
    """A job that is done."""
    request = mj.VideoRequest(image=frames.load(photo), prompt="steam rises", motion="high", extra={"batchSize": 2})
    job = session.jobs.make(request)
    job.wait(PATIENCE)
    return job


def test_stars_are_kept_and_on_the_card_also_after_a_restart(session, job, sandbox):
    job.rate(1, 4)
    assert [clip["rating"] for clip in job.card["clips"]] == [None, 4]
    assert job.entry.ratings == {1: 4}
    again = Session("sk-x", sandbox.url, library=session.folder)
    try:
        assert [clip["rating"] for clip in again.jobs.open(job.id).card["clips"]] == [None, 4]
    finally:
        again.close()
    job.rate(1, None)
    assert [clip["rating"] for clip in job.card["clips"]] == [None, None]


def test_whoever_waits_sends_the_finished_card_from_its_own_thread(session, photo, monkeypatch):
    """Colab shows what comes from another one late, or not at all."""
    job = session.jobs.make(mj.VideoRequest(image=frames.load(photo), prompt="steam rises"))
    [stage] = job.view.children
    sent = []
    monkeypatch.setattr(stage.comm, "send", lambda *, data, **_: sent.append((threading.current_thread(), data)))
    job.wait(PATIENCE)
    mine = [data["state"]["card"] for thread, data in sent if thread is threading.current_thread()]
    assert mine[-1]["headline"] == "4 clips"


def test_a_card_asks_the_library_for_no_stars(session, job, monkeypatch):
    monkeypatch.setattr(session.library.shelf, "get", lambda *_: pytest.fail("the library was asked"))
    assert job.card["clips"][0]["rating"] is None


def test_stars_given_in_the_history_or_by_another_kernel_reach_the_card(session, job):
    session.jobs.rate(job.entry_id, 0, 2)
    assert job.card["clips"][0]["rating"] == 2
    session.library.shelf.rate(job.entry_id, 1, 5)  # as another kernel would
    assert session.jobs.open(job.id) is job
    assert [clip["rating"] for clip in job.card["clips"]] == [2, 5]


def test_stars_of_a_job_that_has_no_card_are_kept_too(session, job):
    session.jobs.forget(job.entry_id)
    session.jobs.rate(job.entry_id, 0, 3)
    assert session.library.shelf.get(job.entry_id).ratings == {0: 3}


def test_an_extend_may_have_a_prompt_of_its_own(job):
    longer = job.extend_by_button(1, "low", "it begins to rain")
    assert (longer.request.prompt, longer.request.motion, longer.request.index) == ("it begins to rain", "low", 1)
    assert job.extend_by_button(1, "low").request.prompt == "steam rises"
    longer.wait(PATIENCE)


def test_a_frame_becomes_the_first_frame_of_a_form_with_the_settings_of_the_job(job, photo):
    view = job.view
    view._use_frame(1, None, photo.read_bytes())
    view._use_frame(0, 2.04, photo.read_bytes())
    card, newest, first = view.children
    assert isinstance(newest, Studio)
    asked = newest._request()
    assert (asked.prompt, asked.motion, asked.short_type, asked.extra) == (
        "steam rises",
        "high",
        "480p",
        {"batchSize": 2},
    )
    assert (asked.image.name, asked.image.size) == ("[0] at 2.0 s", (600, 400))
    assert first._request().image.name == "last frame of [1]"
    assert card.card["state"] == "done"


def test_a_frame_that_is_no_picture_is_refused_in_words(job):
    answer, _ = job.view._stage.frame({"index": 0, "at": None}, [b"no picture"])
    assert not answer["ok"]
    assert "JPEG, PNG or WebP" in answer["message"]
    assert len(job.view.children) == 1


def test_what_is_deleted_lies_in_the_trash_and_comes_back(session, job):
    clips = job.card["clips"]
    job.view._stage.delete({"index": 0}, [])
    assert job.entry.trashed
    card = job.card
    assert (card["clips"], card["can_extend"], card["headline"]) == ([], False, "In the trash")
    assert [choice["label"] for choice in card["choices"]] == ["Undo"]
    assert all(clip.path.exists() for clip in job.clips)
    job.view._choose("restore")
    assert job.entry.trashed is None
    assert (job.card["clips"], job.card["choices"]) == (clips, [])


def test_what_is_still_under_way_is_not_deleted(session, photo):
    job = session.jobs.make(mj.VideoRequest(image=frames.load(photo), extra={"batchSize": 1}))
    with pytest.raises(mj.InvalidRequest, match="under way"):
        job.delete()
    assert job.entry.trashed is None
    job.wait(PATIENCE)


def test_what_was_deleted_for_good_does_not_come_back(session, job):
    job.delete()
    session.library.shelf.empty_trash()
    with pytest.raises(mj.InvalidRequest, match="deleted"):
        job.restore()


def test_a_card_that_was_deleted_comes_back_when_it_is_opened(session, job):
    job.delete()
    assert session.jobs.open(job.id) is job
    assert len(job.card["clips"]) == 2
