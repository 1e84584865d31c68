"""An account that people share from their own machines: whose videos are shown, who may do what, and clips made elsewhere."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import fsspec
import pytest
from sqlalchemy import update

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.errors import StorageError
from mjvideo_nb.library import JobState, Query
from mjvideo_nb.library.tables import clips, jobs
from mjvideo_nb.notebook import api
from mjvideo_nb.notebook.bringing import is_elsewhere
from mjvideo_nb.notebook.history import History
from mjvideo_nb.notebook.iothread import io
from mjvideo_nb.notebook.pictures import bring_picture
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.storage import Storage
from tests.media.clips import names_in
from tests.patience import PATIENCE

from .conftest import KEY, RENDERED
from .test_history import Shelf, act, row_of, search, shown


@pytest.fixture
def machine(sandbox, shared_database, tmp_path, monkeypatch):
    """``machine("alice")``: somebody's kernel on a machine of their own, all on one account."""
    opened = []

    def start(person, *, bucket="", number=1):
        monkeypatch.setenv("JUPYTERHUB_USER", person)
        home = tmp_path / f"{person}-{number}"
        home.mkdir(exist_ok=True)
        monkeypatch.chdir(home)
        library = f"s3://{bucket}/videos" if bucket else home / "mjvideo"
        if bucket:
            monkeypatch.delenv("MJVIDEO_LIBRARY", raising=False)
        session = Session(KEY, sandbox.url, library=library, database=shared_database)
        assert session.library.person == person
        opened.append(session)
        return session

    yield start
    for session in opened:
        session.close()
        session.library.close()


@pytest.fixture
def make(photo):
    """``make(session, prompt)``: a job of theirs that is done."""

    def work(session, prompt="steam rises", **extra):
        job = session.jobs.make(
            mj.VideoRequest(image=frames.load(photo), prompt=prompt, extra=extra or {"batchSize": 1})
        )
        job.wait(PATIENCE)
        return job

    return work


def listed(session, **how):
    return shown(History(session, **how))


# Whose


def test_the_history_is_mine_and_everybodys_when_asked(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    hers = Shelf(alice, photo).done("petals")
    Shelf(bob, photo).done("steam")
    history = History(bob)
    page = history._list.page
    assert page["shared"] is True
    assert (shown(history), page["total"]) == (["steam"], 1)
    assert row_of(history, page["rows"][0]["id"])["person"] == "bob"

    assert search(history, 1, everybody=True) == {"ok": True}
    assert (shown(history), history._list.page["total"]) == (["steam", "petals"], 2)
    row = row_of(history, hers)
    assert (row["person"], row["ours"], row["can_trash"], row["can_extend"]) == ("alice", False, False, True)
    assert listed(bob, everybody=True) == ["steam", "petals"]
    assert listed(alice) == ["petals"]


def test_search_tags_counts_and_requests_of_unknown_outcome_are_of_those_that_are_shown(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    hers, his = Shelf(alice, photo), Shelf(bob, photo)
    alice.library.shelf.tag(hers.done("steam of hers"), ["hers"])
    bob.library.shelf.tag(his.done("steam of his"), ["his"])
    hers.uncertain()
    history = History(bob)
    assert (history._list.page["tags"], history._list.page["uncertain"]) == (["his"], 0)
    search(history, 1, words="steam")
    assert shown(history) == ["steam of his"]
    search(history, 2, words="steam", everybody=True)
    assert shown(history) == ["steam of his", "steam of hers"]
    assert (history._list.page["tags"], history._list.page["uncertain"]) == (["hers", "his"], 1)
    assert bob.jobs.unsettled() == []


def test_a_library_of_ones_own_shows_everything_and_asks_nothing(session, photo):
    Shelf(session, photo).done("steam")
    session.library._database.write(lambda c: c.execute(update(jobs).values(person="")))
    Shelf(session, photo).done("petals")
    history = History(session)
    assert history._list.page["shared"] is False
    assert shown(history) == ["petals", "steam"]
    assert {row["person"] for row in history._list.page["rows"]} == {""}
    assert all(row["ours"] for row in history._list.page["rows"])


def test_everybodys_history_is_asked_for_by_name_and_by_magic(machine, photo, monkeypatch):
    alice, bob = machine("alice"), machine("bob")
    Shelf(alice, photo).done("petals")
    monkeypatch.setattr(api, "current", lambda: bob)
    assert shown(api.history()) == []
    assert shown(api.history(everybody=True)) == ["petals"]


def test_what_nobody_is_named_for_is_anybodys(machine, photo):
    alice = machine("alice")
    job = Shelf(alice, photo).done("petals")
    alice.library._database.write(lambda c: c.execute(update(jobs).values(person="")))
    history = History(alice, everybody=True)
    assert row_of(history, job)["person"] == "somebody without a name"
    assert act(history, "trash", ids=[job])["ok"]


# Who may do what


def test_anothers_video_gets_stars_and_nothing_else(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    job = Shelf(alice, photo).done("petals")
    history = History(bob, everybody=True)
    assert act(history, "rate", id=job, index=0, stars=4) == {"ok": True}
    assert alice.library.shelf.get(job).clips[0].rating == 4
    for action, what in [
        ({"action": "tag", "tags": ["mine"]}, "tags"),
        ({"action": "note", "note": "mine"}, "note"),
        ({"action": "trash", "ids": [job]}, "delete"),
    ]:
        answer = act(history, **{"id": job, **action})
        assert answer["ok"] is False
        assert "alice has asked for this video" in answer["message"]
        assert what in answer["message"]
    entry = alice.library.shelf.get(job)
    assert (entry.tags, entry.note, entry.trashed) == ((), "", None)


def test_a_job_of_another_says_whose_it_is_and_refuses_what_is_theirs(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    done, unsure = Shelf(alice, photo).done("petals"), Shelf(alice, photo).uncertain()
    job = bob.jobs.get(done)
    assert "Made by alice, who alone can delete it" in job.card["note"]
    assert "delete" not in job.view._stage.acts
    assert "rate" in job.view._stage.acts
    lost = bob.jobs.get(unsure)
    assert lost.card["choices"] == []
    for call in (job.delete, lambda: job.tag("mine"), lambda: job.note("x"), job.restore, lost.forget, lost.send_again):
        with pytest.raises(mj.InvalidRequest, match="alice has asked"):
            call()
    assert alice.library.shelf.get(unsure).state == JobState.UNCERTAIN
    own = alice.jobs.get(unsure)
    assert [choice["action"] for choice in own.card["choices"]] == ["forget", "again"]


def test_each_empties_their_own_trash(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    hers, his = Shelf(alice, photo).done("petals"), Shelf(bob, photo).done("steam")
    films = [s.library.shelf.get(job).clips[0].path for s, job in ((alice, hers), (bob, his))]
    alice.library.shelf.trash([hers])
    history = History(bob, everybody=True)
    assert act(history, "trash", ids=[his])["ok"]
    assert (history._list.page["trash"], history._list.page["ours_in_trash"]) == (2, 1)
    words = act(history, "weigh")["words"]
    assert "1 video of yours" in words
    assert "4 files on this machine" in words
    assert act(history, "empty") == {"ok": True}
    assert [film.exists() for film in films] == [True, False]
    assert alice.library.shelf.search(Query(trashed=True))[1] == 1
    assert (history._list.page["trash"], history._list.page["ours_in_trash"]) == (1, 0)
    assert act(history, "restore", ids=[hers])["ok"] is False
    assert act(History(alice), "restore", ids=[hers])["restored"] == [hers]


def test_of_several_only_ones_own_go_into_the_trash(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    hers, his = Shelf(alice, photo).done("petals"), Shelf(bob, photo).done("steam")
    assert act(History(bob, everybody=True), "trash", ids=[hers, his]) == {
        "ok": True,
        "gone": [his],
        "kept": 0,
        "theirs": 1,
    }


def test_somebody_without_a_name_empties_nobodys_trash(machine, photo, monkeypatch):
    alice = machine("alice")
    job = Shelf(alice, photo).done("petals")
    alice.library.shelf.trash([job])
    nameless = machine("bob")
    monkeypatch.setattr(nameless.library, "person", "")
    assert act(History(nameless), "empty") == {"ok": True}
    assert alice.library.shelf.search(Query(trashed=True))[1] == 1


def test_anothers_clip_is_extended_into_a_job_of_ones_own(machine, make, submits):
    alice, bob = machine("alice"), machine("bob")
    hers = make(alice)
    before = submits()
    job = bob.jobs.get(hers.entry_id).extend(
        0, motion="high", extra={"batchSize": 1}
    )  # also while its clips are still on their way
    job.wait(PATIENCE)
    assert submits() == before + 1
    assert job.entry.person == "bob"
    assert job.request.task_id == hers.id
    assert [step.task_id for step in job.lineage()] == [hers.id, job.id]


# Clips made on another machine


def test_a_clip_has_a_path_only_where_its_file_is(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    job = Shelf(alice, photo).done("petals")
    assert alice.library.shelf.get(job).is_kept
    there = bob.library.shelf.get(job)
    assert [clip.path for clip in there.clips] == [None] * 4
    assert is_elsewhere(bob.library, there)
    assert not is_elsewhere(alice.library, alice.library.shelf.get(job))


@RENDERED
def test_what_another_machine_has_made_comes_from_the_service_when_it_is_opened(machine, make, submits, reached):
    alice, bob = machine("alice"), machine("bob")
    hers = make(alice, batchSize=2)
    before = submits()
    history = History(bob, everybody=True)
    assert not bob.library.clips_folder.exists(), "nothing comes for a row"
    act(history, "open", id=hers.entry_id)
    job = bob.jobs.get(hers.entry_id)
    task = job.wait(PATIENCE)
    assert [hashlib.sha256(clip.path.read_bytes()).hexdigest() for clip in task.clips] == [
        clip.digest for clip in hers.entry.clips
    ]
    assert all(clip.path.is_relative_to(bob.folder) for clip in job.clips)
    assert job.card["headline"] == "2 clips"
    entry = job.entry
    assert job.state.elapsed == pytest.approx((entry.ended - entry.created).total_seconds()), "to be made, not brought"
    assert "Kept in" in job.card["note"]
    assert job.entry.state == JobState.DONE
    assert hers.entry.is_kept
    assert submits() == before


def test_it_says_what_it_does_while_clips_come(machine, make):
    alice, bob = machine("alice"), machine("bob")
    hers = make(alice)
    said = []
    entry = bob.library.shelf.get(hers.entry_id)
    job = bob.jobs.job(entry)
    job._news.tell = lambda: said.append(job.card)
    said.insert(0, job.card)
    job.wait(PATIENCE)
    assert said[0]["headline"] == "Bringing the clips here"
    assert said[0]["state"] == "running"
    assert any(
        "Made by alice on another machine" in card["note"] and "Nothing is sent" in card["note"] for card in said
    )
    assert said[-1]["state"] == "done"


def test_it_comes_from_the_storage_where_there_is_a_copy(s3, bucket, machine, make, misbehave):
    alice = machine("alice", bucket=bucket)
    hers = make(alice)
    bob = machine("bob", bucket=bucket)
    misbehave({"name": "clip-410", "times": 1000})
    job = bob.jobs.open(hers.id)
    (clip,) = job.wait(PATIENCE).clips
    assert clip.path.read_bytes() == hers[0].path.read_bytes()
    assert clip.path != hers[0].path
    assert job.entry.state == JobState.DONE


def test_a_damaged_copy_is_refused_in_words(s3, bucket, machine, make, misbehave):
    alice = machine("alice", bucket=bucket)
    hers = make(alice)
    whole = hers[0].path.read_bytes()
    kept = fsspec.filesystem("s3", **s3.options(), skip_instance_cache=True)
    kept.pipe_file(f"{bucket}/videos/clips/{hers.id}/0.mp4", bytes([whole[0] ^ 1]) + whole[1:])
    bob = machine("bob", bucket=bucket)
    misbehave({"name": "clip-410", "times": 1000})
    job = bob.jobs.open(hers.id)
    with pytest.raises(mj.MJVideoError, match="not the clip that was stored"):
        job.wait(PATIENCE)
    assert list(bob.library.clips_folder.rglob("*.mp4")) == []
    assert job[0].path is None
    misbehave()
    assert job.resume().wait(PATIENCE).clips[0].path.read_bytes() == whole  # from the service, which has it still


def test_other_bytes_from_the_service_are_not_left_here(machine, make):
    alice, bob = machine("alice"), machine("bob")
    hers = make(alice)
    alice.library._database.write(lambda c: c.execute(update(clips).values(digest="0" * 64)))
    job = bob.jobs.open(hers.id)
    with pytest.raises(mj.BadClip, match="SHA-256"):
        job.wait(PATIENCE)
    assert list(bob.library.clips_folder.rglob("*.mp4")) == []


def test_what_has_expired_everywhere_is_said_with_what_to_do(machine, make, misbehave):
    alice, bob = machine("alice"), machine("bob")
    hers = make(alice, batchSize=2)
    misbehave({"name": "clip-410", "times": 1000})
    job = bob.jobs.open(hers.id)
    with pytest.raises(mj.ClipExpired):
        job.wait(PATIENCE)
    card = job.card
    assert card["state"] == "done"
    for words in ("alice", "no copy", "expired", "Ask alice", "mj.connect", "Nothing is sent or paid"):
        assert words in card["error"]["text"], card["error"]
    assert "another machine" not in card["note"], "it is said once"
    assert [choice["action"] for choice in card["choices"]] == ["resume"]
    assert card["can_extend"]
    assert job.error is None
    entry = alice.library.shelf.get(hers.entry_id)
    assert (entry.state, entry.error) == (JobState.DONE, "")
    misbehave()
    job.view._choose("resume")
    assert all(clip.path for clip in job.wait(PATIENCE).clips)
    assert job.card["choices"] == []


def test_a_copy_in_a_storage_that_this_session_has_not_is_named(s3, bucket, machine, make, misbehave):
    alice = machine("alice", bucket=bucket)
    hers = make(alice)
    bob = machine("bob")
    misbehave({"name": "clip-410", "times": 1000})
    job = bob.jobs.open(hers.id)
    with pytest.raises(mj.ClipExpired, match=f's3://{bucket}/videos"'):
        job.wait(PATIENCE)


# Their pictures


@pytest.fixture
def seen():
    """``seen(history, entry_id)``: what its row shows, once a picture was brought that was not here."""

    def look(history, entry_id, timeout=PATIENCE):
        there = threading.Event()
        history._list.observe(lambda _: row_of(history, entry_id)["pictures"] and there.set(), "page")
        assert row_of(history, entry_id)["pictures"] == []
        assert history._list.picture({"id": entry_id}, []) == ({"ok": True, "uri": ""}, [])
        assert there.wait(timeout)
        return row_of(history, entry_id)["pictures"]

    return look


def test_a_row_brings_the_poster_of_its_best_clip(s3, bucket, machine, make, seen):
    alice = machine("alice", bucket=bucket)
    hers = make(alice, batchSize=2)
    alice.library.shelf.rate(hers.entry_id, 1, 5)
    bob = machine("bob", bucket=bucket)
    assert seen(History(bob, everybody=True), hers.entry_id) == [
        {"kind": "image", "path": f"mjvideo/posters/{hers.id}/1.jpg"}
    ]
    theirs, mine = (one.folder / "posters" / hers.id for one in (alice, bob))
    assert (mine / "1.jpg").read_bytes() == (theirs / "1.jpg").read_bytes()
    assert names_in(mine) == ["1.jpg"]
    assert not bob.library.clips_folder.exists(), "the clips come when the card is opened"


def test_where_there_is_no_poster_it_brings_the_first_frame_with_which_its_settings_are_used_again(
    s3, bucket, machine, make, seen, photo
):
    alice = machine("alice", bucket=bucket)
    hers = make(alice)
    kept = fsspec.filesystem("s3", **s3.options(), skip_instance_cache=True)
    kept.rm_file(f"{bucket}/videos/posters/{hers.id}/0.jpg")
    bob = machine("bob", bucket=bucket)
    assert bob.library.frame(bob.library.shelf.get(hers.entry_id)) is None
    (place,) = seen(History(bob, everybody=True), hers.entry_id)
    assert (place["kind"], Path(place["path"]).read_bytes()) == ("image", photo.read_bytes())
    assert bob.library.frame(bob.library.shelf.get(hers.entry_id)).data == photo.read_bytes()


def test_other_bytes_are_no_first_frame(s3, bucket, machine, make):
    hers = make(machine("alice", bucket=bucket))
    kept = fsspec.filesystem("s3", **s3.options(), skip_instance_cache=True)
    kept.rm_file(f"{bucket}/videos/posters/{hers.id}/0.jpg")
    (frame,) = kept.ls(f"{bucket}/videos/frames", detail=False)
    kept.pipe_file(frame, b"something else")
    bob = machine("bob", bucket=bucket)
    assert io.start(bring_picture(bob, bob.library.shelf.get(hers.entry_id))).result(PATIENCE) is False
    assert list((bob.folder / "frames").rglob("*.*")) == []


def test_pictures_that_cannot_be_put_cost_no_job(s3, bucket, machine, make, monkeypatch):
    put = Storage.put

    def refuse(storage, source, name, *, digest):
        if not name.startswith("clips/"):
            raise StorageError("no room for pictures")
        return put(storage, source, name, digest=digest)

    monkeypatch.setattr(Storage, "put", refuse)
    hers = make(machine("alice", bucket=bucket))
    assert hers.entry.clips[0].copy


def test_a_frame_that_many_jobs_have_is_put_once(s3, bucket, machine, make, monkeypatch):
    names = []
    put = Storage.put
    monkeypatch.setattr(Storage, "put", lambda *at, **how: names.append(at[2]) or put(*at, **how))
    alice = machine("alice", bucket=bucket)
    for prompt in ("steam rises", "steam sinks"):
        make(alice, prompt)
    assert sum(name.startswith("frames/") for name in names) == 1


def test_who_shares_with_nobody_puts_no_pictures(s3, bucket, sandbox, make):
    session = Session(KEY, sandbox.url, library=f"s3://{bucket}/videos")
    make(session)
    kept = fsspec.filesystem("s3", **s3.options(), skip_instance_cache=True)
    assert [path.rpartition("/")[2] for path in kept.ls(f"{bucket}/videos", detail=False)] == ["clips"]
    session.close()


def test_ones_own_clips_come_to_ones_other_machine_too(machine, make):
    desk, lap = machine("alice", number=1), machine("alice", number=2)
    hers = make(desk)
    job = lap.jobs.open(hers.id)
    assert all(clip.path.is_relative_to(lap.folder) for clip in job.wait(PATIENCE).clips)
    assert "Made by" not in job.card["note"]
    job.tag("keep")
    assert desk.library.shelf.get(hers.entry_id).tags == ("keep",)


def test_a_comparison_brings_them_and_shows_them_when_they_are_here(machine, make, reached):
    alice, bob = machine("alice"), machine("bob")
    hers, other = make(alice, "petals"), make(alice, "steam")
    history = History(bob, everybody=True)
    assert act(history, "compare", ids=[hers.entry_id, other.entry_id]) == {"ok": True}
    comparison = history._cards.children[0].children[1]
    assert len(comparison.stage.card["clips"]) == 2
    for each in (hers, other):
        bob.jobs.get(each.entry_id).wait(PATIENCE)
    reached(bob.jobs.get(other.entry_id), lambda: all(clip["path"] for clip in comparison.stage.card["clips"]))
    assert comparison._picks[0].read() == hers[0].path.read_bytes()
    assert comparison.stage.card["note"] == ""


def test_what_lies_in_the_trash_is_not_brought(machine, make):
    alice, lap = machine("alice"), machine("alice", number=2)
    hers = make(alice)
    hers.delete()
    job = lap.jobs.get(hers.entry_id)
    assert job.done
    assert not lap.library.clips_folder.exists()
    job.restore()
    assert all(clip.path for clip in job.wait(PATIENCE).clips)


def test_pictures_that_are_on_another_machine_are_missing_without_an_error(machine, photo):
    alice, bob = machine("alice"), machine("bob")
    job = Shelf(alice, photo).done("petals")
    history = History(bob, everybody=True)
    assert row_of(history, job)["pictures"] == []
    assert history._list.picture({"id": job}, [])[0] == {"ok": True, "uri": ""}
