"""What was written down says afterwards what was sent, what it cost and what is still to be done."""

from __future__ import annotations

import pytest

from mjvideo_nb import (
    BudgetExceeded,
    Clip,
    InvalidRequest,
    QueueFull,
    SubmissionUncertain,
    Task,
    TaskFailed,
    VideoRequest,
    frames,
)
from mjvideo_nb.library import JobState, Query
from mjvideo_nb.part import Copy

REQUEST = VideoRequest(
    image="https://x.example/a.jpg",
    prompt="petals – 花 🌷",
    motion="high",
    video_type="720p",
    state="mine",
    no_storage=True,
    extra={"loop": True, "nested": {"a": [1]}},
)
SERVICE = "https://gateway.example/mj-fast"
TASK = Task("0017733149421776", status="SUCCESS", clips=(Clip("0017733149421776", 0, url="https://x.example/0.mp4"),))


def add(library, request=REQUEST, **options):
    return library.ledger.add(
        request, **{"service": SERVICE, "price": 0.6, "frame": "https://x.example/a.jpg"} | options
    )


def test_a_request_comes_back_as_it_was_asked(library):
    entry = add(library)
    assert library.shelf.get(entry.id) == entry
    assert entry.request == REQUEST
    assert (entry.state, entry.service, entry.price) == (JobState.WAITING, SERVICE, 0.6)


def test_an_extend_comes_back_with_its_parent(library):
    request = VideoRequest(image="", action="extend", index=2, task_id="00123", prompt="on")
    assert add(library, request, frame="").request == request


def test_a_first_frame_is_stored_once_and_comes_back_to_the_byte(library, photo):
    request = VideoRequest(image=frames.load(photo))
    kept = {library.keep_frame(request) for _ in range(3)}
    ((name, shown),) = kept
    assert shown == "coffee.jpg"
    assert [path.name for path in (library.folder / "frames").iterdir()] == [name]
    entry = add(library, request, frame=name, frame_name=shown)
    assert library.frame(entry).wire == request.image.wire
    (library.folder / "frames" / name).unlink()
    assert library.frame(entry) is None


def test_the_way_of_a_job_that_goes_well(library):
    entry = add(library)
    library.ledger.sending(entry.id)
    assert library.shelf.get(entry.id).state == JobState.SENDING
    library.ledger.turned_away(entry.id, QueueFull("The queue is full."))
    waits = library.shelf.get(entry.id)
    assert (waits.state, waits.error_kind) == (JobState.WAITING, "QueueFull")
    library.ledger.sending(entry.id)
    library.ledger.accepted(entry.id, TASK)
    runs = library.shelf.by_task(TASK.id)
    assert (runs.id, runs.state, runs.error) == (entry.id, JobState.RUNNING, "")
    library.ledger.finished(entry.id, TASK)
    ended = library.shelf.get(entry.id)
    assert (ended.state, ended.status, ended.is_kept) == (JobState.RUNNING, "SUCCESS", False)
    path = library.clips_folder / TASK.id / "0.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"some clip")
    library.ledger.kept(entry.id, {0: Copy(path, 9, "abc")})
    done = library.shelf.get(entry.id)
    assert (done.state, done.is_kept, done.clips[0].path, done.clips[0].digest) == (JobState.DONE, True, path, "abc")
    assert done.task.clips[0].url == "https://x.example/0.mp4"


def test_a_job_is_done_only_when_every_clip_is_kept(library):
    entry = add(library)
    two = Task(TASK.id, status="SUCCESS", clips=(Clip(TASK.id, 0), Clip(TASK.id, 1)))
    library.ledger.accepted(entry.id, two)
    library.ledger.finished(entry.id, two)
    library.ledger.kept(entry.id, {1: Copy(library.folder / "clips" / "1.mp4", 1, "d")})
    assert library.shelf.get(entry.id).state == JobState.RUNNING
    library.ledger.kept(entry.id, {0: Copy(library.folder / "clips" / "0.mp4", 1, "d")}, copying=True)
    assert library.shelf.get(entry.id).state == JobState.COPYING
    library.ledger.copied(entry.id, 0, "s3://b/0.mp4")
    assert library.shelf.get(entry.id).state == JobState.COPYING
    library.ledger.copied(entry.id, 1, "s3://b/1.mp4")
    assert library.shelf.get(entry.id).state == JobState.DONE


def test_fresh_links_take_the_place_of_the_old_ones_and_ratings_stay(library, made):
    entry = made(clips=1)
    library.shelf.rate(entry.id, 0, 4)
    fresh = Task(entry.task_id, status="SUCCESS", clips=(Clip(entry.task_id, 0, url="https://x.example/fresh"),))
    library.ledger.finished(entry.id, fresh)
    (clip,) = library.shelf.get(entry.id).clips
    assert (clip.url, clip.rating, clip.digest) == ("https://x.example/fresh", 4, "d" * 64)


def test_a_failure_is_told_again_in_its_own_words(library):
    entry = add(library)
    library.ledger.uncertain(entry.id, SubmissionUncertain("It may have been billed.", task_id="0042"))
    found = library.shelf.get(entry.id)
    assert isinstance(found.failure, SubmissionUncertain)
    assert str(found.failure) == "It may have been billed."
    assert found.task_id == "0042"


# After a crash


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ([], JobState.REFUSED, "Nothing was charged"),
        (["sending"], JobState.UNCERTAIN, "may have been accepted and billed"),
        (["sending", "turned_away"], JobState.REFUSED, "Nothing was charged"),
        (["sending", "accepted"], JobState.RUNNING, ""),
        (["sending", "accepted", "finished"], JobState.RUNNING, ""),
    ],
)
def test_what_a_dead_kernel_left_is_settled_or_taken_over(library, before, after, says, another):
    other = another()
    entry = add(other)
    for step in before:
        about = {"turned_away": (QueueFull("full"),), "accepted": (TASK,), "finished": (TASK,)}.get(step, ())
        getattr(other.ledger, step)(entry.id, *about)
    assert library.take_over(lambda _: True) == []  # while it lives, it is its own
    other.close()
    taken = library.take_over(lambda _: True)
    found = library.shelf.get(entry.id)
    assert found.state == after
    assert says in found.error
    assert [one.id for one in taken] == ([entry.id] if after == JobState.RUNNING else [])
    assert library.is_ours(found) == (after == JobState.RUNNING)


def test_a_task_of_another_service_is_left_for_whoever_speaks_to_it(library, another):
    other = another()
    entry = add(other)
    other.ledger.accepted(entry.id, TASK)
    other.close()
    assert library.take_over(lambda service: service == "https://elsewhere.example") == []
    assert [one.id for one in library.take_over(lambda service: service == SERVICE)] == [entry.id]


def test_two_kernels_never_take_over_the_same_job(library, another):
    other, third = another(), another()
    entry = add(other)
    other.ledger.accepted(entry.id, TASK)
    other.close()
    taken = [one.id for one in (*library.take_over(lambda _: True), *third.take_over(lambda _: True))]
    assert taken == [entry.id]
    third.close()


# Money


def test_the_budget_counts_what_every_kernel_has_spent(library, another):
    other = another()
    add(other)
    add(library, budget=1.3)
    with pytest.raises(BudgetExceeded, match=r"0\.60 USD, and 0\.10 USD of the budget of 1\.30 USD"):
        add(library, budget=1.3)
    assert library.shelf.search(Query())[1] == 2
    other.close()


def test_what_was_not_accepted_or_has_failed_is_given_back_and_what_is_uncertain_is_not(library):
    states = {}
    for name in ("refused", "failed", "uncertain", "settled", "waiting"):
        entry = add(library)
        states[name] = entry.id
    library.ledger.refused(states["refused"], QueueFull("no"))
    library.ledger.accepted(states["failed"], TASK)
    library.ledger.failed(states["failed"], TASK, TaskFailed("no"))
    library.ledger.uncertain(states["uncertain"], SubmissionUncertain("who knows"))
    library.ledger.accepted(states["settled"], Task("2"))
    spending = library.spending()
    assert (spending.settled, spending.uncertain, spending.reserved, spending.refunded) == pytest.approx(
        (0.6, 0.6, 0.6, 0.6)
    )
    assert spending.total == pytest.approx(1.8)
    assert library.spent() == pytest.approx(1.8)
    ((day, sums),) = spending.days.items()
    assert sums.total == pytest.approx(1.8)
    assert f"{day:%Y-%m-%d}" in repr(spending)
    where = "on this account, 1.80 USD of it by you" if library.is_shared else "in this folder"
    assert f"1.80 USD spent {where}" in repr(spending)
    library.ledger.forget(states["uncertain"])
    assert library.spent() == pytest.approx(1.8)  # settled in somebody's mind, and perhaps paid all the same


def test_deleting_for_good_does_not_give_money_back(library, made):
    entry = made(price=0.6)
    library.shelf.trash([entry.id])
    library.shelf.empty_trash()
    assert library.shelf.get(entry.id) is None
    assert library.spent() == pytest.approx(0.6)


# Extends


def test_a_fifth_extend_is_refused_before_anything_is_written(library):
    parent = "0"
    for number in range(5):
        request = REQUEST if not number else VideoRequest(image="", action="extend", index=1, task_id=parent)
        entry = add(library, request)
        parent = str(number)
        library.ledger.accepted(entry.id, Task(parent))
    with pytest.raises(InvalidRequest, match="extended 4 times") as caught:
        add(library, VideoRequest(image="", action="extend", index=1, task_id=parent))
    assert caught.value.field == "index"
    assert [len(library.shelf.lineage(str(number))) for number in range(5)] == [1, 2, 3, 4, 5]
    assert library.shelf.search(Query())[1] == 5


def test_a_lineage_that_goes_in_a_circle_ends(library):
    for task, parent in (("1", "2"), ("2", "1")):
        entry = add(library, VideoRequest(image="", action="extend", index=0, task_id=parent))
        library.ledger.accepted(entry.id, Task(task))
    assert len(library.shelf.lineage("1")) == 2


# A cell that is run again


def test_a_cell_finds_what_it_has_made(library):
    entry = add(library, cell="c", fingerprint="f")
    assert [one.id for one in library.shelf.made_by("c", "f")] == [entry.id]
    assert library.shelf.made_by("c", "g") == library.shelf.made_by("d", "f") == []
    afresh = add(library, cell="c", fingerprint="f", afresh=True)
    assert [one.id for one in library.shelf.made_by("c", "f")] == [afresh.id]
    library.ledger.refused(afresh.id, QueueFull("no"))
    assert library.shelf.made_by("c", "f") == []  # nothing came of it, so it may be sent
