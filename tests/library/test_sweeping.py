"""A sweep is known again by its cell, with what stands in its matrix."""

from __future__ import annotations

import pytest

from mjvideo_nb.errors import BannedPrompt, LibraryError
from mjvideo_nb.models import VideoRequest

PLAN = '{"axes": [], "column": ""}'


@pytest.fixture
def sweeping(library):
    return library.sweeping


def test_a_cell_finds_the_newest_sweep_that_it_started_of_the_same(library, sweeping, another):
    assert sweeping.find("cell", "mark") is None
    first = sweeping.start(PLAN, cell="cell", fingerprint="mark")
    second = sweeping.start(PLAN, cell="cell", fingerprint="mark")
    sweeping.start(PLAN, cell="cell", fingerprint="other")
    sweeping.start(PLAN, cell="another", fingerprint="mark")
    assert first != second
    found = sweeping.find("cell", "mark")
    assert found.id == second
    assert found.plan == PLAN
    library.close()
    after = another()
    assert after.sweeping.find("cell", "mark") == found


def test_the_newest_job_stands_in_a_cell(sweeping, made):
    sweep = sweeping.start(PLAN)
    first, second, other = made("first"), made("second"), made("other")
    sweeping.put(sweep, 3, first.id)
    sweeping.put(sweep, 3, second.id)
    sweeping.put(sweep, 0, other.id)
    sweeping.put(sweeping.start(PLAN), 3, first.id)
    assert {number: entry.prompt for number, entry in sweeping.jobs(sweep).items()} == {0: "other", 3: "second"}
    assert len(sweeping.jobs(sweep)[3].clips) == 4


def test_what_was_deleted_or_never_sent_leaves_its_cell_empty(library, sweeping, made, another):
    sweep = sweeping.start(PLAN)
    thrown, kept, refused = (
        made("thrown"),
        made("kept"),
        library.ledger.add(VideoRequest(image="https://x.example/a.jpg"), service="s"),
    )
    waiting = library.ledger.add(VideoRequest(image="https://x.example/a.jpg"), service="s")
    library.ledger.refused(refused.id, BannedPrompt("No."))
    for number, job in enumerate((thrown, kept, refused, waiting)):
        sweeping.put(sweep, number, job.id)
    library.shelf.trash([thrown.id])
    assert sorted(sweeping.jobs(sweep)) == [1, 2, 3]
    library.close()  # its kernel ends with one job that waits its turn
    after = another()
    after.take_over(lambda _: True)
    assert sorted(after.sweeping.jobs(sweep)) == [1, 2]


def test_a_job_that_is_not_there_stands_nowhere(sweeping):
    sweep = sweeping.start(PLAN)
    with pytest.raises(LibraryError):
        sweeping.put(sweep, 0, "no such job")
    assert sweeping.jobs(sweep) == {}
