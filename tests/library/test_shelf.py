"""Whatever was made is found again, and what its people say of it stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from mjvideo_nb import InvalidRequest, VideoRequest, frames
from mjvideo_nb.library import JobState, Query
from mjvideo_nb.library.tables import jobs

DAY = timedelta(days=1)


def found(library, **query):
    return [entry.prompt for entry in library.shelf.search(Query(**query))[0]]


@pytest.fixture
def some(library, made):
    first = made("petals open in the wind", motion="low")
    second = made("100% steam_rises", motion="high", video_type="720p")
    third = made("PETALS fall", motion="high")
    library.shelf.rate(second.id, 1, 5)
    library.shelf.rate(third.id, 0, 3)
    library.shelf.tag(third.id, ["keep", " class "])
    library.shelf.note(first.id, "for the lesson")
    return first, second, third


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [2, 1, 0]),
        ({"words": "petals"}, [2, 0]),
        ({"words": "wind Petals"}, [0]),
        ({"words": "lesson"}, [0]),
        ({"words": "class"}, [2]),
        ({"words": "100%"}, [1]),
        ({"words": "%"}, [1]),
        ({"words": "m_r"}, [1]),
        ({"words": "\\"}, []),
        ({"words": "'; drop table jobs; --"}, []),
        ({"words": "0000000000000002"}, [1]),
        ({"motion": "high"}, [2, 1]),
        ({"video_type": "720p"}, [1]),
        ({"rating": 4}, [1]),
        ({"rating": 3, "motion": "high"}, [2, 1]),
        ({"tag": "keep"}, [2]),
        ({"states": ("done",)}, [2, 1, 0]),
        ({"trashed": True}, []),
    ],
)
def test_a_search_finds_these(library, some, query, numbers):
    assert found(library, **query) == [some[number].prompt for number in numbers]


def test_a_search_finds_what_was_made_on_some_days(library, some):
    """The first and the last day of these: usually one, and two at midnight."""
    first, last = (entry.created.astimezone().date() for entry in (some[0], some[2]))
    every = [entry.prompt for entry in some[::-1]]
    assert found(library, since=first) == found(library, until=last) == every
    assert found(library, since=last + DAY) == found(library, until=first - DAY) == []


def test_pages_are_newest_first_and_say_how_many_there_are(library, made):
    for number in range(7):
        made(f"job {number}", clips=1)
    page, total = library.shelf.search(Query(), offset=2, limit=3)
    assert ([entry.prompt for entry in page], total) == (["job 4", "job 3", "job 2"], 7)


def test_ratings_can_be_changed_and_taken_away(library, some):
    library.shelf.rate(some[1].id, 1, 2)
    library.shelf.rate(some[2].id, 0, None)
    assert library.shelf.get(some[1].id).clips[1].rating == 2
    assert found(library, rating=1) == [some[1].prompt]


@pytest.mark.parametrize(("index", "stars"), [(0, 0), (0, 6), (0, 2.5), (0, True), (7, 3)])
def test_a_rating_that_is_none_is_refused(library, some, index, stars):
    with pytest.raises(InvalidRequest):
        library.shelf.rate(some[0].id, index, stars)


def test_tags_are_replaced_as_a_whole(library, some):
    assert library.shelf.get(some[2].id).tags == ("class", "keep")
    library.shelf.tag(some[2].id, ["new"])
    assert library.shelf.all_tags() == ["new"]
    with pytest.raises(InvalidRequest):
        library.shelf.tag(some[2].id, [" "])


def test_the_trash_can_be_emptied_and_takes_only_its_own_files(library, made, photo):
    request = VideoRequest(image=frames.load(photo))
    frame, name = library.keep_frame(request)
    shared = [library.ledger.add(request, service="s", frame=frame, frame_name=name) for _ in range(2)]
    for entry in shared:
        library.ledger.refused(entry.id, ValueError("no"))
    kept, gone = made("kept"), made("gone")
    library.shelf.trash([gone.id, shared[0].id])
    assert found(library, trashed=True) == ["gone", ""]
    assert gone.clips[0].path.exists()
    library.shelf.restore([shared[0].id])
    library.shelf.trash([shared[0].id])

    assert library.shelf.empty_trash() == []
    assert not gone.clips[0].path.parent.exists()
    assert all(clip.path.exists() for clip in kept.clips)
    assert (library.folder / "frames" / frame).exists()  # the other one still needs it
    assert found(library) == ["kept", ""]
    assert library.shelf.by_task(gone.task_id) is None
    library.shelf.trash([shared[1].id])
    library.shelf.empty_trash()
    assert not (library.folder / "frames" / frame).exists()


def test_what_is_under_way_cannot_be_thrown_away(library):
    entry = library.ledger.add(VideoRequest(image="https://x.example/a.jpg"), service="s")
    library.shelf.trash([entry.id])
    assert library.shelf.get(entry.id).trashed is None


@pytest.fixture
def two(library, made):
    """A job of alice's and one of bob's, both in the trash, with tags of their own."""
    both = {}
    for person in ("alice", "bob"):
        both[person] = entry = made(f"of {person}")
        library.shelf.tag(entry.id, [person])
        here = update(jobs).where(jobs.c.id == entry.id).values(person=person)
        library._database.write(lambda connection, here=here: connection.execute(here))
    return both


def test_jobs_are_found_by_who_asked_for_them(library, two):
    assert found(library, person="alice") == ["of alice"]
    assert found(library, person="alice", words="bob") == []
    assert found(library) == ["of bob", "of alice"]
    assert library.shelf.all_tags("alice") == ["alice"]
    assert library.shelf.all_tags() == ["alice", "bob"]
    set_state = update(jobs).values(state=JobState.UNCERTAIN)
    library._database.write(lambda connection: connection.execute(set_state))
    assert [entry.prompt for entry in library.shelf.uncertain("bob")] == ["of bob"]
    assert len(library.shelf.uncertain()) == 2


def test_the_trash_is_emptied_of_one_persons_jobs(library, two):
    library.shelf.trash([entry.id for entry in two.values()])
    paths = {person: entry.clips[0].path for person, entry in two.items()}
    assert library.shelf.empty_trash("alice") == []
    assert (paths["alice"].exists(), paths["bob"].exists()) == (False, True)
    assert found(library, trashed=True) == ["of bob"]
    library.shelf.empty_trash()
    assert found(library, trashed=True) == []


def test_a_path_is_of_a_file_that_is_here_where_machines_share_the_tables(library, made):
    entry = made()
    entry.clips[1].path.unlink()
    paths = [clip.path for clip in library.shelf.get(entry.id).clips]
    assert (paths[1] is None) == library.is_shared
    assert library.shelf.get(entry.id).is_kept == (not library.is_shared)
    assert paths[0] is not None
