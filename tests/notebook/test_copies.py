"""With a storage elsewhere, a clip counts as kept when its copy there was checked; until then it is here, and says so."""

from __future__ import annotations

import hashlib

from mjvideo_nb.library import JobState
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

from .conftest import KEY


def connect(sandbox, bucket):
    return Session(KEY, sandbox.url, library=f"s3://{bucket}/videos")


def equal_there(s3, bucket, entry):
    there = s3.objects(bucket)
    names = {clip.index: f"videos/clips/{entry.task_id}/{clip.index}.mp4" for clip in entry.clips}
    return all(hashlib.sha256(there[names[clip.index]]).hexdigest() == clip.digest for clip in entry.clips)


def test_a_server_that_refuses_every_third_write_gets_every_clip_all_the_same(s3, bucket, sandbox, request_):
    session = connect(sandbox, bucket)
    s3.misbehave(refuse_every=3)
    jobs = [session.jobs.make(request_) for _ in range(4)]
    for job in jobs:
        job.wait(PATIENCE)
        entry = job.entry
        assert entry.state == JobState.DONE
        assert all(clip.copy == f"s3://{bucket}/videos/clips/{job.id}/{clip.index}.mp4" for clip in entry.clips)
        assert equal_there(s3, bucket, entry)
        assert job[0].path.exists()  # and here, for the players
    assert s3.count()["refused"] >= 1
    session.close()


def test_a_copy_that_cannot_be_made_is_shown_and_made_at_the_next_opening(s3, bucket, sandbox, request_, reached):
    session = connect(sandbox, bucket)
    s3.misbehave(refuse_every=1)
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    assert job.entry.state == JobState.COPYING
    assert not any(clip.copy for clip in job.entry.clips)
    assert f"could not be copied to s3://{bucket}/videos" in job.card["note"]
    assert job.card["state"] == "done"
    assert [choice["action"] for choice in job.card["choices"]] == ["resume"]
    assert s3.objects(bucket) == {}

    s3.misbehave()
    session.library.close()  # as after a restart
    after = connect(sandbox, bucket)
    again = after.jobs.get(job.entry_id)
    assert again.wait(PATIENCE).id == job.id
    assert again.entry.state == JobState.DONE
    assert equal_there(s3, bucket, again.entry)
    assert again.card["choices"] == []
    session.close()
    after.close()


def test_the_copy_is_tried_again_from_the_card(s3, bucket, sandbox, request_):
    session = connect(sandbox, bucket)
    s3.misbehave(refuse_every=1)
    job = session.jobs.make(request_)
    job.wait(PATIENCE)
    s3.misbehave()
    job.view._choose("resume")
    job.wait(PATIENCE)
    assert job.entry.state == JobState.DONE
    assert job.card["choices"] == []
    assert "could not be copied" not in job.card["note"]
    session.close()
