"""The history: what it shows of a library, and what comes of what is pressed in it."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from dataclasses import replace

import pytest

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.library import JobState, Query
from mjvideo_nb.library.library import Library
from mjvideo_nb.models import Clip, Task
from mjvideo_nb.notebook.form import Studio
from mjvideo_nb.notebook.history import History
from mjvideo_nb.notebook.session import Session
from mjvideo_nb.part import Copy
from tests.patience import PATIENCE, wait_for

from .many import fill
from .markup import MAKES_MARKUP

KEY = "sk-marked-4711-never-to-be-seen"


class Shelf:
    """Makes entries of every state in a session's library, without a service."""

    def __init__(self, session, photo):
        self.session = session
        self.ledger = session.library.ledger
        self.photo = photo

    def add(self, prompt="steam rises", **options):
        request = mj.VideoRequest(image=frames.load(self.photo), prompt=prompt, **options)
        frame, name = self.session.library.keep_frame(request)
        return self.ledger.add(request, service=self.session.service, frame=frame, frame_name=name, price=0.6).id

    def done(self, prompt="steam rises", task_id="", **options):
        job = self.add(prompt, **options)
        task_id = task_id or f"task-{job}"
        made = tuple(Clip(task_id=task_id, index=index, url=f"https://x.example/{index}.mp4") for index in range(4))
        task = Task(id=task_id, status="SUCCESS", clips=made)
        folder = self.session.library.clips_folder / task_id
        folder.mkdir(parents=True)
        copies = {}
        for clip in made:
            path = folder / f"{clip.index}.mp4"
            path.write_bytes(b"clip %d of %s" % (clip.index, task_id.encode()))
            copies[clip.index] = Copy(path, path.stat().st_size, "digest")
        self.ledger.accepted(job, task)
        self.ledger.finished(job, task)
        self.ledger.kept(job, copies)
        return job

    def uncertain(self, prompt="maybe"):
        job = self.add(prompt)
        self.ledger.uncertain(job, mj.SubmissionUncertain("It may have been accepted and billed."))
        return job

    def failed(self, prompt="failed"):
        job = self.add(prompt)
        task = Task(id="failed-task", status="FAILURE")
        self.ledger.accepted(job, task)
        self.ledger.failed(job, task, mj.TaskFailed("Job Timeout", task_id=task.id))
        return job

    def refused(self, prompt="storm"):
        job = self.add(prompt)
        self.ledger.refused(job, mj.BannedPrompt("storm is banned. Nothing was charged."))
        return job


@pytest.fixture
def shelf(session, photo):
    return Shelf(session, photo)


def act(history, action, **message):
    """What a browser gets for a press."""
    return history._list.act({"action": action, **message}, [])[0]


def search(history, number, offset=0, **query):
    return act(history, "search", query=query, offset=offset, number=number)


def shown(history):
    return [row["title"] for row in history._list.page["rows"]]


def row_of(history, job):
    (row,) = [row for row in history._list.page["rows"] if row["id"] == job]
    return row


def test_every_state_is_shown_in_its_words_newest_first(session, shelf):
    shelf.done("first", motion="high", video_type="720p")
    shelf.failed()
    shelf.refused()
    shelf.uncertain()
    page = History(session)._list.page
    assert [(row["title"], row["state"], row["word"], row["cost"]) for row in page["rows"]] == [
        ("maybe", "uncertain", "Outcome unknown", "0.60 USD if it was billed"),
        ("storm", "failed", "Refused", "nothing charged"),
        ("failed", "failed", "Failed", "0.60 USD given back"),
        ("first", "done", "Done", "0.60 USD"),
    ]
    assert page["rows"][-1]["chips"] == ["high", "720p"]
    assert page["uncertain"] == 1
    assert page["money"]["total"] == "1.20 USD"
    assert page["money"]["today"] == "1.20 USD"
    assert page["money"]["parts"] == ["0.60 USD uncertain", "0.60 USD given back"]
    assert KEY not in json.dumps(page)


def test_an_extend_says_of_which_clip_it_is(session, shelf):
    shelf.done(task_id="parent")
    request = mj.VideoRequest(image="", motion="low", action="extend", index=2, task_id="parent")
    session.library.ledger.add(request, service=session.service)
    assert History(session)._list.page["rows"][0]["chips"] == ["low", "480p", "extend of [2]"]


def test_what_is_left_of_the_budget_is_shown(sandbox, tmp_path, photo):
    session = Session(KEY, sandbox.url, library=tmp_path / "library", budget=5)
    Shelf(session, photo).done()
    assert History(session)._list.page["money"]["left"] == "4.40 USD"


def test_words_and_filters_find_what_they_say(session, shelf):
    shelf.done("steam rises", motion="low")
    best = shelf.done("steam sinks", motion="high", video_type="720p")
    shelf.uncertain("storm")
    session.library.shelf.rate(best, 1, 4)
    session.library.shelf.tag(best, ["keep"])
    history = History(session)
    today = session.library.shelf.get(best).created.astimezone().date().isoformat()
    for number, (query, found) in enumerate(
        [
            ({"words": "STEAM"}, ["steam sinks", "steam rises"]),
            ({"words": "steam", "motion": "low"}, ["steam rises"]),
            ({"type": "720p"}, ["steam sinks"]),
            ({"rating": 4}, ["steam sinks"]),
            ({"rating": 5}, []),
            ({"tag": "keep"}, ["steam sinks"]),
            ({"uncertain": True}, ["storm"]),
            ({"since": today, "until": today}, ["storm", "steam sinks", "steam rises"]),
            ({"until": "2020-01-01"}, []),
        ],
        start=1,
    ):
        assert search(history, number, **query) == {"ok": True}
        assert shown(history) == found, query
        assert history._list.page["query"] == query
        assert history._list.page["number"] == number
    assert history._list.page["tags"] == ["keep"]


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2026-13-01"}])
def test_a_day_that_is_none_is_answered_in_words(session, shelf, query):
    shelf.done()
    history = History(session)
    answer = search(history, 1, **query)
    assert answer["ok"] is False
    assert "2026-03-28" in answer["message"]
    assert shown(history) == ["steam rises"]


def test_a_question_that_was_overtaken_is_not_shown(session, shelf):
    shelf.done("new")
    shelf.done("old")
    history = History(session)
    search(history, 2, words="new")
    search(history, 1, words="old")
    assert shown(history) == ["new"]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"action": "search"},
        {"action": "search", "query": {}, "offset": -1, "number": 1},
        {"action": "search", "query": [], "offset": 0, "number": 1},
        {"action": "__init__"},
        {"action": "open", "id": "no-such-job"},
        {"action": "rate", "id": "no-such-job", "index": 0, "stars": 3},
        {"action": "rate", "id": "no-such-job", "index": "0", "stars": 9},
        {"action": "compare", "ids": []},
    ],
)
def test_what_cannot_be_done_is_answered_in_words(session, message):
    answer, _ = History(session)._list.act(message, [])
    assert answer["ok"] is False
    assert answer["message"]
    assert "Unexpected" not in answer["message"]


def test_pages_of_fifty_come_from_the_database(session):
    fill(session.folder, 120)
    history = History(session)
    page = history._list.page
    assert (len(page["rows"]), page["total"], page["offset"]) == (50, 118, 0)
    search(history, 1, offset=100)
    assert [row["id"] for row in history._list.page["rows"]][-1] == "job-00119"
    assert len(history._list.page["rows"]) == 18


def test_the_last_page_is_shown_where_the_page_is_gone(session):
    fill(session.folder, 52)
    history = History(session)
    search(history, 1, offset=50)
    ids = [row["id"] for row in history._list.page["rows"]]
    act(history, "trash", ids=ids)
    assert history._list.page["offset"] == 0
    assert len(history._list.page["rows"]) == 50


def test_stars_tags_and_a_note_are_kept(session, shelf):
    job = shelf.done()
    history = History(session)
    assert act(history, "rate", id=job, index=2, stars=5)["ok"]
    assert act(history, "tag", id=job, tags=["keep", "<b>client</b>"])["ok"]
    assert act(history, "note", id=job, note=" the best so far ")["ok"]
    row = row_of(history, job)
    assert row["clips"][2] == {"index": 2, "rating": 5}
    assert row["tags"] == ["<b>client</b>", "keep"]
    assert row["note"] == "the best so far"
    assert act(history, "rate", id=job, index=2, stars=None)["ok"]
    assert row_of(history, job)["clips"][2]["rating"] is None


def test_the_card_of_a_job_is_opened_once_and_closed_again(session, shelf):
    first, second = shelf.done("first"), shelf.done("second")
    history = History(session)
    for job in (first, second, first):
        act(history, "open", id=job)
    views = [shown.children[1] for shown in history._cards.children]
    assert views == [session.jobs.get(second).view, session.jobs.get(first).view]
    assert row_of(history, first)["shown"]
    search(history, 1, words="second")
    assert len(history._cards.children) == 2
    history._cards.children[1].children[0].click()
    assert [shown.children[1] for shown in history._cards.children] == [session.jobs.get(second).view]
    act(history, "close", id=second)
    assert history._cards.children == ()
    assert not row_of(history, second)["shown"]


def test_what_is_deleted_can_be_brought_back_until_the_trash_is_emptied(session, shelf):
    job, other = shelf.done("gone"), shelf.done("stays")
    path = session.library.shelf.get(job).clips[0].path
    history = History(session)
    act(history, "open", id=job)
    assert act(history, "trash", ids=[job]) == {"ok": True, "gone": [job], "kept": 0, "theirs": 0}
    assert shown(history) == ["stays"]
    assert history._cards.children == ()
    assert history._list.page["trash"] == 1
    act(history, "restore", ids=[job])
    assert shown(history) == ["stays", "gone"]

    act(history, "trash", ids=[job])
    assert "1 video with 4 files" in act(history, "weigh")["words"]
    assert path.exists()
    search(history, 1, trashed=True)
    assert shown(history) == ["gone"]
    assert act(history, "empty") == {"ok": True}
    assert not path.exists()
    assert history._list.page["rows"] == []
    assert history._list.page["money"]["total"] == "1.20 USD"
    assert session.library.shelf.get(other).is_kept


def test_what_is_under_way_is_not_deleted(session, shelf):
    job, done = shelf.add(), shelf.done()
    history = History(session)
    answer = act(history, "trash", ids=[job])
    assert answer["ok"] is False
    assert "under way" in answer["message"]
    assert act(history, "trash", ids=[job, done]) == {"ok": True, "gone": [done], "kept": 1, "theirs": 0}
    assert row_of(history, job)["can_trash"] is False


def test_an_uncertain_request_is_settled(session, shelf, submits):
    job = shelf.uncertain()
    history = History(session)
    before = submits()
    assert row_of(history, job)["again"] == "about 0.60 USD"
    assert act(history, "forget", id=job)["ok"]
    assert row_of(history, job)["word"] == "Outcome unknown, settled"
    assert history._list.page["uncertain"] == 0
    assert history._list.page["money"]["total"] == "0.60 USD"
    assert submits() == before


def test_an_uncertain_request_is_sent_again_once_and_its_card_opened(session, shelf, submits):
    job = shelf.uncertain()
    history = History(session)
    before = submits()
    assert act(history, "again", id=job)["ok"]
    (card,) = history._cards.children
    made = card.children[1].job
    made.wait(PATIENCE)
    assert submits() == before + 1
    assert session.library.shelf.get(job).state == JobState.FORGOTTEN
    assert history._list.page["rows"][0]["id"] == made.entry_id


@pytest.mark.parametrize("action", ["again", "forget"])
def test_what_is_settled_is_not_sent_by_a_second_press(session, shelf, submits, action):
    job = shelf.uncertain()
    history, other = History(session), History(session)
    assert act(history, "forget", id=job)["ok"]
    before = submits()
    answer = act(other, action, id=job)
    assert answer["ok"] is False
    assert "Nothing was sent" in answer["message"]
    assert session.library.shelf.search(Query())[1] == 1
    assert submits() == before


def test_clips_of_several_jobs_stand_on_one_stage(session, shelf):
    first, second = shelf.done("first"), shelf.done("second", task_id="second-task")
    history = History(session)
    act(history, "compare", ids=[first, second])
    (card,) = history._cards.children
    stage = card.children[1].stage
    assert [clip["index"] for clip in stage.card["clips"]] == list(range(8))
    assert stage._read_clip(6) == b"clip 2 of second-task"
    assert stage.card["clips"][6]["label"] == "[2] · second"
    assert stage.card["can_extend"]
    assert not any(clip.get("loose") for clip in stage.card["clips"]), "they are of the library"
    act(history, "compare", ids=[second])
    assert len(history._cards.children) == 1


def test_too_many_clips_are_not_compared(session, shelf):
    jobs = [shelf.done() for _ in range(5)]
    answer = act(History(session), "compare", ids=jobs)
    assert answer["ok"] is False
    assert "16" in answer["message"]


def test_settings_are_used_again_in_a_new_form(session, shelf):
    job = shelf.done("steam", motion="high", video_type="720p", state="mine", extra={"loop": True})
    history = History(session)
    assert act(history, "reuse", id=job)["ok"]
    form = history._cards.children[0].children[1]
    wanted = session.library.shelf.get(job).request
    filled = form._request()
    assert replace(filled, image="same") == replace(wanted, image="same")
    assert filled.image.data == wanted.image.read_bytes()
    assert form._picker.caption == "coffee.jpg · 600 × 400"


def studio(session):
    return Studio(session, image=None, prompt="", motion="low", video_type="480p")


def test_the_studio_looks_into_the_library_only_when_its_history_is_shown(session, shelf):
    shelf.done("steam", motion="high")
    made = studio(session)
    assert made._history is None
    made._tabs.value = "History"
    assert shown(made._history) == ["steam"]
    assert made._making.layout.display == "none"
    act(made._history, "reuse", id=made._history._list.page["rows"][0]["id"])
    assert made._tabs.value == "Make"
    assert made._making.layout.display == ""
    assert made._history.layout.display == "none"
    assert made._motion.value == "high"
    assert made._picker.frame is not None


def test_an_extend_that_is_used_again_asks_for_a_first_frame(session, shelf, submits):
    request = mj.VideoRequest(image="", prompt="on", action="extend", index=2, task_id="parent")
    entry = session.library.ledger.add(request, service=session.service)
    made = studio(session)
    made.reuse(entry)
    assert "first frame" in made._picker.error
    before = submits()
    made._go.click()
    assert made.jobs == ()
    assert submits() == before


def test_the_list_follows_the_jobs_of_the_session(session, photo):
    """Also one that is made after it."""
    history = History(session)
    ended = threading.Event()
    history._list.observe(lambda change: change["new"]["rows"][0]["word"] == "Done" and ended.set(), "page")
    job = session.jobs.make(mj.VideoRequest(image=str(photo), prompt="steam", extra={"batchSize": 1}))
    job.wait(PATIENCE)
    assert ended.wait(PATIENCE)


def test_a_list_that_is_closed_is_let_go(session, photo):
    session.jobs.make(mj.VideoRequest(image=str(photo), prompt="steam", extra={"batchSize": 1})).wait(PATIENCE)
    history = History(session)
    gone = weakref.ref(history)
    history.close()
    del history
    # The thread that tells of the job's end may still hold it.
    wait_for(lambda: gc.collect() >= 0 and gone() is None)


def test_refreshing_settles_what_another_kernel_left(session, shelf):
    other = Library(session.folder)
    request = mj.VideoRequest(image="", action="extend", index=0, task_id="parent")
    job = other.ledger.add(request, service=session.service).id
    other.ledger.sending(job)
    history = History(session)
    assert row_of(history, job)["state"] == "waiting"
    other.close()
    assert act(history, "refresh") == {"ok": True}
    assert row_of(history, job)["state"] == "uncertain"


def test_a_library_that_cannot_be_read_is_said_in_the_list(session, shelf):
    shelf.done()
    history = History(session)
    session.library._database.path.write_bytes(b"not a database, but longer than its header would be" * 40)
    answer = search(history, 1, words="steam")
    assert answer["ok"] is False
    assert "damaged" in answer["message"]
    history.refresh()
    assert "damaged" in history._list.page["error"]
    assert shown(history) == ["steam rises"]


def test_a_library_that_cannot_be_opened_is_said_in_the_list(sandbox, tmp_path):
    (tmp_path / "library").write_text("a file where a folder should be")
    page = History(Session(KEY, sandbox.url, library=tmp_path / "library"))._list.page
    assert "cannot be used" in page["error"]
    assert page["rows"] == []


def test_a_picture_travels_as_a_message_only_on_demand(session, shelf, photo):
    job = shelf.done()
    history = History(session)
    answer, buffers = history._list.picture({"id": job}, [])
    assert answer["uri"].startswith("data:image/jpeg;base64,")
    assert "base64" not in json.dumps(history._list.page)
    poster = session.folder / "posters" / f"task-{job}" / "0.jpg"
    poster.parent.mkdir(parents=True)
    poster.write_bytes(photo.read_bytes())
    answer, buffers = history._list.picture({"id": job}, [])
    assert answer == {"ok": True, "type": "image/jpeg"}
    assert buffers == [photo.read_bytes()]
    assert history._list.picture({"id": "no-such-job"}, [])[0]["ok"] is False


def test_the_browser_is_told_where_pictures_are_beside_the_notebook(session, shelf, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    job = shelf.done()
    session.library.shelf.rate(job, 3, 5)
    places = row_of(History(session), job)["pictures"]
    assert places[0] == {"kind": "video", "path": f"library/clips/task-{job}/3.mp4"}
    assert places[1]["kind"] == "image"
    assert places[1]["path"].startswith("library/frames/")


def test_the_first_page_of_a_year_is_quick(session):
    fill(session.folder, 5000)
    history = History(session)
    begun = time.thread_time()
    history.refresh()
    assert time.thread_time() - begun < 1.0  # of the processor; about 0.04 s on a small machine
    assert len(json.dumps(history._list.page)) < 60_000


def test_nothing_from_outside_becomes_markup(session):
    code = History(session)._list._esm
    for name in MAKES_MARKUP:
        assert name not in code
