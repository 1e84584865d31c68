"""A blind ranking: what reaches the page and what does not, what a press does, and what of it lasts."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import av
import pytest
from sqlalchemy import text

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.media.tags import tag
from mjvideo_nb.notebook.blind import MOST_RANKED, Ranking, ranking_of
from mjvideo_nb.notebook.picks import Pick, pick
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.notebook.standings import progress, standings
from mjvideo_nb.notebook.untagged import untagged
from mjvideo_nb.ranking import Judgement, chance, fit
from tests.media.clips import make
from tests.patience import PATIENCE

from .conftest import RENDERED
from .markup import MAKES_MARKUP

SECRET = "zanzibar"


@pytest.fixture
def films(tmp_path):
    """``films(count)``: so many real clips, their names being secret."""
    folder = tmp_path / "films"
    folder.mkdir()

    def some(count):
        return [make(folder / f"{SECRET}-{number}.mp4", 6, seed=20 * number) for number in range(count)]

    return some


class Page:
    """A ranking as a browser has it: what it shows, the messages that come, and presses."""

    def __init__(self, ranking, monkeypatch):
        self.ranking = ranking
        self.told = []
        self.buffers = []
        monkeypatch.setattr(ranking, "_send", self._keep)

    def _keep(self, message, buffers=None):
        self.told.append(message)
        self.buffers.append(list(buffers or []))

    @property
    def shown(self):
        return self.ranking.page

    def press(self, action, **more):
        return self.ranking.act({"action": action, "round": self.shown["round"], **more}, [])[0]

    def clip(self, name):
        """What the page gets for a random name."""
        self.told.clear()
        self.buffers.clear()
        self.ranking._handle_custom_msg({"kind": "bytes", "index": name}, [])
        return self.told[0]["content"], self.buffers[0]


def paths_of(page, films):
    """The files of the pair on the page: known to a test only by their bytes."""
    known = {untagged(path.read_bytes()): path for path in films}
    return [known[page.clip(name)[1][0]] for name in page.shown["pair"]]


def test_nothing_but_pictures_reaches_the_page_before_the_ranking_is_asked_for(session, films, monkeypatch):
    some = films(4)
    page = Page(ranking_of(session, [Pick(path=path, label=f"{SECRET} {path.stem}") for path in some]), monkeypatch)
    for action in ("left", "right", "equal", "undo", "left"):
        assert page.press(action) == {"ok": True}
        for name in page.shown["pair"]:
            answer, (clip,) = page.clip(name)
            assert answer == {"kind": "bytes", "index": name, "ok": True}
            assert SECRET.encode() not in clip
        assert SECRET not in json.dumps([page.ranking.get_state(), page.told], default=str)
        assert SECRET not in repr(page.ranking)
    assert not page.shown["rows"]
    page.press("show")
    assert sum(SECRET in row["label"] for row in page.shown["rows"]) == 4
    page.press("go on")
    assert SECRET not in json.dumps(page.ranking.get_state(), default=str)


def test_names_and_their_order_are_random(session, films):
    some = [Pick(path=path) for path in films(5)]
    first, second = (ranking_of(session, some, again=True) for _ in range(2))
    assert not set(first._names) & set(second._names)
    assert sorted(first.page["ahead"]) == sorted(first._names)
    orders = []
    for _ in range(30):
        one = ranking_of(session, some, again=True)
        orders.append(tuple(one._names.index(name) for name in one.page["ahead"]))
    assert len(set(orders)) > 15


def test_each_side_is_as_likely(session, films):
    some = [Pick(path=path) for path in films(2)]
    ranking = ranking_of(session, some)
    on_the_left = 0
    for _ in range(200):
        ranking._choose()
        on_the_left += ranking._pair == (0, 1)
    assert 60 < on_the_left < 140


def test_a_press_counts_for_the_clip_that_stood_on_that_side(session, films, monkeypatch):
    some = films(3)
    page = Page(ranking_of(session, [Pick(path=path) for path in some]), monkeypatch)
    won = dict.fromkeys(some, 0)
    for _ in range(12):
        pair = paths_of(page, some)
        better = min(pair, key=some.index)
        won[better] += 1
        assert page.press(("left", "right")[pair.index(better)])["ok"]
    results = page.ranking.results
    assert [one.path for one in results] == some
    assert {one.path: one.wins for one in results} == won
    assert [one.place for one in results] == [1, 2, 3]
    assert results[0].low < results[0].score < results[0].high
    assert results[0].sure > 0.8
    assert results[-1].sure is None
    assert page.ranking.judgements == 12


def test_equal_is_a_tie_for_both_and_a_win_for_neither(session, films, monkeypatch):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(2)]), monkeypatch)
    assert page.press("equal")["ok"]
    results = page.ranking.results
    assert [(one.wins, one.ties, one.losses) for one in results] == [(0, 1, 0)] * 2
    assert [one.place for one in results] == [1, 1]


def test_what_was_judged_goes_on_in_another_session_and_in_any_order(session, films, monkeypatch):
    some = films(3)
    page = Page(ranking_of(session, [Pick(path=path) for path in some], title="the best"), monkeypatch)
    for action in ("left", "equal", "right"):
        page.press(action)
    results = page.ranking.results
    session.close()
    session.library.close()
    page.ranking.close()
    later = Session("sk-later", "http://127.0.0.1:9", library=session.folder)
    again = ranking_of(later, [Pick(path=path) for path in reversed(some)])
    assert again is not page.ranking
    assert again.judgements == 3
    assert again.page["title"] == "the best"
    assert {one.path: (one.score, one.wins) for one in again.results} == {
        one.path: (one.score, one.wins) for one in results
    }
    assert ranking_of(later, [Pick(path=path) for path in some[:2]]).judgements == 0
    assert ranking_of(later, [Pick(path=path) for path in some], again=True).judgements == 0
    later.close()


def test_a_cell_that_is_run_again_makes_no_second_widget(session, films):
    some = [Pick(path=path) for path in films(3)]
    first = ranking_of(session, some)
    assert all(ranking_of(session, some[::-1]) is first for _ in range(50))
    assert ranking_of(session, some, title="anew").page["title"] == "anew"
    first.close()
    assert ranking_of(session, some) is not first


def test_undo_shows_the_same_pair_again_and_the_judgement_is_gone(session, films, monkeypatch):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(5)]), monkeypatch)
    page.press("left")
    pair = page.shown["pair"]
    page.press("right")
    page.press("undo")
    assert page.shown["pair"] == pair
    assert page.ranking.judgements == 1
    page.press("undo")
    assert page.press("undo") == {"ok": True}
    assert page.ranking.judgements == 0


def test_a_pair_is_judged_once_however_often_it_is_pressed(session, films, monkeypatch):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(3)]), monkeypatch)
    seen = page.shown["round"]
    assert page.press("left", round=seen)["ok"]
    assert "meanwhile" in page.press("left", round=seen)["message"]
    assert page.press("left", round=None)["ok"] is False
    assert page.ranking.judgements == 1


@pytest.mark.parametrize("action", ["both", "", None, ["left"]])
def test_what_is_no_action_does_nothing(session, films, monkeypatch, action):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(2)]), monkeypatch)
    assert page.press(action)["ok"] is False
    assert page.ranking.judgements == 0


@pytest.mark.parametrize("message", ["text", None, {"kind": "bytes"}, {"kind": "bytes", "index": 0}, {"kind": "else"}])
def test_only_random_names_have_bytes(session, films, monkeypatch, message):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(2)]), monkeypatch)
    page.ranking._handle_custom_msg(message, [])
    assert page.told == []


def test_a_file_that_is_gone_is_left_out_without_its_name(session, films, monkeypatch):
    some = films(3)
    page = Page(ranking_of(session, [Pick(path=path, name=path.name) for path in some]), monkeypatch)
    gone = paths_of(page, some)[0]
    gone.unlink()
    before = page.shown["round"]
    name = page.shown["pair"][0]
    answer, buffers = page.clip(name)
    assert answer["ok"] is False
    assert buffers == []
    assert SECRET not in json.dumps([page.told, page.shown])
    assert name not in page.shown["pair"]
    assert page.shown["round"] != before
    assert page.shown["left_out"] == 1
    for _ in range(4):
        page.press("left")
        assert name not in page.shown["pair"]
    assert gone.name in page.ranking.table().notes[-1]
    (other, _) = paths_of(page, [path for path in some if path != gone])
    other.unlink()
    page.clip(page.shown["pair"][0])
    assert page.shown["pair"] == []
    assert page.press("left")["ok"] is False


def test_a_library_that_cannot_be_written_is_said_at_the_buttons(session, films, monkeypatch):
    page = Page(ranking_of(session, [Pick(path=path) for path in films(2)]), monkeypatch)
    session.library._database.write(lambda connection: connection.execute(text("drop table judgements")))
    answer = page.press("left")
    assert answer["ok"] is False
    assert "library" in answer["message"]


def test_one_clip_or_too_many_are_refused(session, films):
    some = films(2)
    with pytest.raises(mj.InvalidRequest, match="2 to 40 different clips"):
        ranking_of(session, [Pick(path=some[0]), Pick(path=some[0])])
    many = []
    for number in range(MOST_RANKED + 1):
        path = some[0].with_name(f"{number}.mp4")
        path.write_bytes(some[0].read_bytes())
        many.append(Pick(path=path))
    with pytest.raises(mj.InvalidRequest, match="these are 41"):
        ranking_of(session, many)
    assert ranking_of(session, many[:MOST_RANKED]).page["count"] == 40


def test_a_clip_without_a_file_is_named(session, films):
    with pytest.raises(mj.InvalidRequest, match=r"\[2\] of task 17 has no file") as refused:
        ranking_of(
            session, [*(Pick(path=path) for path in films(2)), Pick(url="https://x.example", task_id="17", index=2)]
        )
    assert refused.value.field == "what"


@RENDERED
def test_jobs_clips_and_their_files_are_the_same_to_it(session, photo):
    job = session.jobs.make(mj.VideoRequest(image=frames.load(photo), prompt="steam"))
    task = job.wait(PATIENCE)
    ranking = ranking_of(session, pick(session, [job]))
    assert ranking_of(session, pick(session, [job, job[1], task.clips[2], str(job[3].path)])) is ranking
    assert [one.label for one in sorted(ranking.results, key=lambda one: one.index)] == ["[0]", "[1]", "[2]", "[3]"]
    assert {one.task_id for one in ranking.results} == {task.id}
    keys = session.library.judging.find([{"job": job.entry_id, "index": index} for index in range(4)])
    assert keys is not None


def test_paths_are_kept_from_the_library_on_so_that_both_can_be_moved(session, films):
    some = films(2)
    ranking = ranking_of(session, [Pick(path=path) for path in some])
    told = [clip["path"] for clip in session.library.judging.get(ranking._kept.id).clips]
    assert not any(Path(path).is_absolute() for path in told)
    assert sorted((session.library.folder / path).resolve() for path in told) == sorted(some)


def test_large_sets_come_pair_by_pair(session, films, monkeypatch):
    monkeypatch.setattr("mjvideo_nb.notebook.blind.AHEAD", 10)
    assert ranking_of(session, [Pick(path=path) for path in films(3)]).page["ahead"] == []


# The words beside the progress, and the table


def said(count, *judged):
    return fit(count, [Judgement(*one) for one in judged])


@pytest.mark.parametrize(
    ("fitted", "words", "share"),
    [
        (said(3), "Nothing judged yet", None),
        (said(3, (0, 1, 0)), "1 judged; 1 clip not shown yet", None),
        (said(2, *[(0, 1, 0)] * 3), "3 judged; about 2 more would settle the first place", 60),
        (said(2, *[(0, 1, 0)] * 9), "9 judged; the first place is settled", 100),
        (said(2, *[(0, 1, None)] * 9), "9 judged; 2 clips may still be the best, and it takes many more to tell", None),
        (
            said(4, (0, 1, 0), (2, 3, 2), (0, 2, 0), (1, 3, 1)),
            "4 judged; about 20 more would settle the first place",
            None,
        ),
    ],
)
def test_how_far_it_is_in_words(fitted, words, share):
    told, per_cent = progress(fitted)
    assert told == words
    assert share is None or per_cent == share


def table_of(fitted, labels=None, **options):
    labels = labels or [f"clip {number}" for number in range(len(fitted.strengths))]
    return standings(fitted, [Pick(label=label) for label in labels], **options)


def test_clips_that_are_alike_share_a_place():
    table = table_of(said(4, (0, 1, None), (1, 2, None), (0, 2, None), (0, 3, 0), (1, 3, 1), (2, 3, 2)))
    assert [one.place for one in table] == [1, 1, 1, 4]
    assert table[0].sure == pytest.approx(0.5)


def test_what_nothing_connects_is_said_to_be_a_guess():
    assert table_of(said(3)).notes == ["Nothing was judged yet: every place is a guess."]
    assert table_of(said(3, (0, 1, 0))).notes == ["1 clip not judged yet: the place is a guess."]
    (note,) = table_of(said(4, (0, 1, 0), (2, 3, 2))).notes
    assert note.startswith("2 groups of clips were never judged against each other")
    assert table_of(said(3, (0, 1, 0), (1, 2, 1))).notes == []


def test_the_table_is_read_as_text_and_as_html():
    table = table_of(said(2, *[(0, 1, 0)] * 9), ["<b>one</b>", "two"], title="a & b")
    lines = repr(table).splitlines()
    assert lines[0] == "a & b"
    assert lines[2].split()[:2] == ["1", "<b>one</b>"]
    assert "9–0–0" in lines[2]
    html = table._repr_html_()
    assert "&lt;b&gt;one" in html
    assert "<b>" not in html
    assert "a &amp; b" in html
    assert html.count("<svg") == html.count("<title>Score") == 2
    assert isinstance(table[:1], list)
    assert len(table) == 2


def test_a_score_stays_within_0_and_100_and_no_certainty_is_claimed():
    table = table_of(said(2, *[(0, 1, 0)] * 10_000))
    assert all(0 <= one.low <= one.score <= one.high <= 100 for one in table)
    assert "> 99 %" in repr(table)
    assert "100 %" not in repr(table)


def test_scores_of_a_known_judge_lie_in_their_intervals():
    rng = random.Random(5)
    strengths = [-2.0, -1.0, 0.0, 1.0, 2.0]
    judged = []
    for _ in range(300):
        i, j = rng.sample(range(5), 2)
        judged.append((i, j, i if rng.random() < chance(strengths[i] - strengths[j]) else j))
    for one in table_of(said(5, *judged)):
        assert one.low <= 100 * chance(strengths[int(one.label[-1])]) <= one.high


# Clips without their words


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


def test_the_tags_of_a_clip_are_blanked_and_its_pictures_stay(tmp_path):
    path = tag(make(tmp_path / "a.mp4", 6), tmp_path / "tagged.mp4", {"title": SECRET, "comment": f"{SECRET} 2"})
    data = path.read_bytes() + struct.pack(">I4s", 8 + len(SECRET), b"uuid") + SECRET.encode()
    assert data.count(SECRET.encode()) >= 3
    blank = untagged(data)
    assert len(blank) == len(data)
    assert SECRET.encode() not in blank
    bare = tmp_path / "bare.mp4"
    bare.write_bytes(blank)
    assert pictures(bare) == pictures(path)


@pytest.mark.parametrize(
    "data", [b"", b"\x1a\x45\xdf\xa3webm", b"\0\0\0\x10ftypisom\0\0", b"\0\0\0\x08ftyp\xff\xff\xff\xffmoov"]
)
def test_what_is_no_whole_mp4_comes_back_as_it_is(data):
    assert untagged(data) == data


def test_nothing_from_outside_becomes_markup():
    for name in MAKES_MARKUP:
        assert name not in Ranking._esm
    assert isinstance(Ranking._esm, str)
