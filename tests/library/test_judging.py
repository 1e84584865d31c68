"""What was said of clips is kept, in the order it was said, and found again by the clips it was said of."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from mjvideo_nb import InvalidRequest, LibraryError
from mjvideo_nb.ranking import Judgement

from .older import make_older

CLIPS = [{"job": "0001", "index": 2}, {"job": "0001", "index": 0}, {"path": "clips/old — 旧.mp4"}]
SAID = [Judgement(0, 1, 0), Judgement(2, 1, None), Judgement(2, 0, 2)]


@pytest.fixture
def ranking(library):
    return library.judging.begin(CLIPS, "the best cup")


def test_what_was_said_is_read_back_in_order_also_after_a_restart(library, ranking, another):
    for judgement in SAID:
        library.judging.add(ranking.id, judgement)
    library.close()
    again = another()
    found = again.judging.get(ranking.id)
    again.close()
    assert list(found.judgements) == SAID
    assert (found.title, found.created) == ("the best cup", ranking.created)
    assert found.judged >= found.created
    assert len(found.clips) == 3
    assert all(clip in found.clips for clip in CLIPS)


def test_the_last_word_is_taken_back_and_the_next_takes_its_place(library, ranking):
    for judgement in SAID:
        library.judging.add(ranking.id, judgement)
    assert list(library.judging.undo(ranking.id).judgements) == SAID[:2]
    assert list(library.judging.add(ranking.id, Judgement(0, 2, 0)).judgements) == [*SAID[:2], Judgement(0, 2, 0)]
    for _ in range(5):
        left = library.judging.undo(ranking.id)
    assert (left.judgements, left.judged) == ((), None)


def test_a_ranking_is_found_by_its_clips_in_whatever_order(library, ranking):
    library.judging.begin(CLIPS[:2])
    assert library.judging.find(CLIPS[::-1]).id == ranking.id
    assert library.judging.find(CLIPS[1:]) is None
    newer = library.judging.begin(CLIPS)
    assert library.judging.find(CLIPS).id == newer.id
    assert library.judging.all()[0].id == newer.id
    assert [one.title for one in library.judging.all()][-1] == "the best cup"


def test_the_clips_keep_one_order_whatever_order_they_are_named_in(library, ranking):
    """Judgements name clips by their places: another order would turn them about."""
    assert library.judging.begin(CLIPS[::-1]).clips == ranking.clips


@pytest.mark.parametrize(
    "judgement",
    [Judgement(0, 0, 0), Judgement(0, 3, 0), Judgement(-1, 0, 0), Judgement(0, 1, 2)],
)
def test_what_is_no_pair_of_these_clips_is_not_written_down(library, ranking, judgement):
    with pytest.raises(InvalidRequest) as refused:
        library.judging.add(ranking.id, judgement)
    assert refused.value.field == "judgement"
    assert library.judging.get(ranking.id).judgements == ()


@pytest.mark.parametrize("ask", ["get", "undo"])
def test_a_ranking_that_is_not_there_is_said(library, ask):
    with pytest.raises(InvalidRequest, match="not in the library"):
        getattr(library.judging, ask)("nowhere")


def test_two_kernels_judge_the_same_ranking(library, ranking, another):
    other = another()
    library.judging.add(ranking.id, SAID[0])
    other.judging.add(ranking.id, SAID[1])
    assert list(library.judging.add(ranking.id, SAID[2]).judgements) == SAID


def test_a_new_title_is_kept(library, ranking):
    library.judging.name(ranking.id, "for the class")
    assert library.judging.find(CLIPS).title == "for the class"


def test_a_library_of_the_version_before_gets_its_rankings(library, another):
    library._database.write(make_older)
    later = another()
    ranking = later.judging.begin(CLIPS)
    assert len(later.judging.add(ranking.id, SAID[0]).judgements) == 1


def test_a_library_that_cannot_be_written_says_so(library, ranking):
    library._database.write(lambda connection: connection.execute(text("drop table judgements")))
    with pytest.raises(LibraryError, match="safe"):
        library.judging.add(ranking.id, SAID[0])
