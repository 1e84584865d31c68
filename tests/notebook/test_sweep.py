"""A sweep: planned and priced without sending anything, made under the limits, and known again after a restart."""

from __future__ import annotations

import asyncio
import gc
import json
import threading

import pytest
from ipywidgets.widgets.widget import _instances

import mjvideo_nb as mj
from mjvideo_nb import frames
from mjvideo_nb.notebook import planning
from mjvideo_nb.notebook import session as sessions
from mjvideo_nb.notebook.cell import Cell
from mjvideo_nb.notebook.outputs import close
from mjvideo_nb.notebook.planning import sweep_of
from mjvideo_nb.notebook.session import Session
from tests.patience import PATIENCE

from .conftest import KEY

CELL = Cell("a-cell", "first run")
BANNED = "storm [fault:banned-word]"


@pytest.fixture
def plan(session, photo):
    """``plan(prompt=..., ...)``: a sweep in this test's session, one clip each."""

    def make(*, of=None, cell=None, again=False, **options):
        asked = {"image": photo, "prompt": "steam", "motion": "low", "video_type": "480p", "extra": {"batchSize": 1}}
        return sweep_of(of or session, cell=cell, again=again, **asked | options)

    return make


@pytest.fixture
def later(session, sandbox):
    """``later()``: another session on the same library, as after a restart of the kernel: the one before has died."""
    made = []

    def start(**options):
        session.library.close()
        planning._known.clear()
        made.append(Session(KEY, sandbox.url, library=session.folder, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()
        each.library.close()


def act(sweep, action, **message):
    """What a browser gets for a press."""
    return sweep.view._matrix.act({"action": action, **message}, [])[0]


def page(sweep):
    sweep.view.refresh()
    return sweep.view._matrix.page


def cells(sweep):
    sweep.view.refresh()
    return sweep.view._matrix.cells


def states(sweep):
    return [cell["state"] for cell in cells(sweep)]


def until(sweep, condition, timeout=PATIENCE):
    """Wait until the sweep's own changes have brought the condition about."""
    event = threading.Event()
    sweep.listen(lambda: condition() and event.set())
    assert condition() or event.wait(timeout), f"not reached: {sweep}"


# The plan


def test_nothing_is_sent_or_written_before_the_press(session, plan, submits):
    before = submits()
    sweep = plan(prompt=["steam", "petals"], motion=["low", "high"])
    assert page(sweep)["missing"] == "4 calls, about 2.40 USD"
    assert page(sweep)["action"]["label"] == "Run 4 calls · about 2.40 USD"
    assert states(sweep) == ["planned"] * 4
    assert sweep.jobs == [None] * 4
    assert session.library.spent() == 0
    assert submits() == before
    with pytest.raises(mj.InvalidRequest, match="not started"):
        sweep.wait()


def test_the_heads_say_what_varies_and_the_chips_what_does_not(plan):
    sweep = plan(prompt="a {red|blue} <b>tulip</b>", motion=["low", "high"])
    told = sweep.view._matrix.plan
    assert [[head["text"] for head in row] for row in told["rows"]] == [["a red <b>tulip</b>"], ["a blue <b>tulip</b>"]]
    assert [head["text"] for head in told["columns"]] == ["low", "high"]
    assert [head["text"] for head in told["constants"]] == ["coffee.jpg", "480p"]
    assert told["names"][3] == "a blue <b>tulip</b> · high"
    assert told["aspect"] == 600 / 400


def test_several_first_frames_are_an_axis(plan, photo):
    other = frames.Frame(url="https://x.example/tulip.jpg", name="tulip.jpg")
    sweep = plan(image=[photo, other, photo], motion=["low", "high"])
    assert [[head["text"] for head in row] for row in sweep.view._matrix.plan["rows"]] == [
        ["coffee.jpg"],
        ["tulip.jpg"],
    ]
    assert sweep.request(2).image == other


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"motion": ["low", "fast"]}, "motion"),
        ({"prompt": "{a|b"}, "prompt"),
        ({"prompt": "{a|b --bs 3}"}, "prompt"),
        ({"prompt": "{a|b --motion high}"}, "motion"),
        ({"prompt": ["a", 5]}, "prompt"),
        ({"image": []}, "image"),
        ({"image": None}, "image"),
        ({"image": ["no-such-file.jpg"]}, "image"),
        ({"video_type": [""]}, "video_type"),
        ({"prompt": [str(number) for number in range(201)]}, "prompt"),
    ],
)
def test_a_wrong_value_is_said_when_it_is_planned(plan, options, field, submits):
    before = submits()
    with pytest.raises(mj.InvalidRequest) as caught:
        plan(**options)
    assert caught.value.field == field
    assert submits() == before


def test_the_sandbox_is_free_and_says_so(photo, tmp_path):
    session = Session(sandbox=True, library=tmp_path / "free")
    sweep = sweep_of(session, image=photo, prompt=["a", "b"], motion="low", video_type="480p", cell=None, again=False)
    assert page(sweep)["action"]["label"] == "Run 2 calls · free in the sandbox"
    assert sweep.view._matrix.plan["sandbox"]


def test_each_call_has_the_price_of_its_type(sandbox, tmp_path, plan):
    prices = {"480p": 0.6, "720p": 1.1}
    session = Session(KEY, sandbox.url, library=tmp_path / "b", price=prices)
    types = ["480p", "720p"]
    assert page(plan(of=session, video_type=types, motion=["low", "high"]))["missing"] == "4 calls, about 3.40 USD"
    assert page(plan(of=session, video_type="vid_9"))["missing"] == "1 call, price unknown"


@pytest.mark.parametrize(
    ("budget", "label", "words", "on"),
    [
        (10, "Run 2 calls · about 1.70 USD", "10.00 USD of the budget left: enough", True),
        (1.2, "Run 1 of 2 calls · about 0.60 USD", "1.20 USD of the budget left, and 2 calls cost about 1.70 USD: 1 of them fits.", True),
        (0.5, "Run 2 calls · about 1.70 USD", "0.50 USD of the budget left, and 2 calls cost about 1.70 USD: none of them fit.", False),
    ],
)  # fmt: skip
def test_what_the_budget_leaves_and_whether_it_suffices_is_said(sandbox, tmp_path, plan, budget, label, words, on):
    prices = {"480p": 0.6, "720p": 1.1}
    session = Session(KEY, sandbox.url, library=tmp_path / "b", budget=budget, price=prices)
    told = page(plan(of=session, video_type=["480p", "720p"]))
    assert told["action"]["label"] == label
    assert told["budget"].startswith(words)
    assert (told["action"]["on"], told["enough"]) == (on, budget == 10)


# Making it


def test_a_press_makes_the_matrix_and_what_is_refused_stays_in_its_place(session, plan, submits):
    before = submits()
    sweep = plan(prompt=["steam", BANNED], motion=["low", "high"])
    assert act(sweep, "run") == {"ok": True}
    assert act(sweep, "run") == {"ok": True}  # a second press has nothing left to make
    tasks = sweep.wait(PATIENCE)
    assert submits() == before + 4
    assert [task is not None for task in tasks] == [True, True, False, False]
    assert sweep[0, 1].request.motion == "high"
    assert sweep[0, 1].task == tasks[1]
    assert isinstance(sweep[-1, 0].error, mj.BannedPrompt)
    assert states(sweep) == ["done", "done", "failed", "failed"]
    refused = cells(sweep)[2]
    assert "Nothing was charged" in refused["error"]["text"] or "charged" in refused["error"]["text"]
    assert [choice["label"] for choice in refused["choices"]] == ["Retry · about 0.60 USD"]
    assert len(cells(sweep)[0]["clips"]) == 1
    assert page(sweep)["words"] == ["2 done", "2 failed"]
    assert page(sweep)["action"] is None
    assert session.library.spent() == pytest.approx(1.2)
    assert KEY not in json.dumps([sweep.view._matrix.plan, page(sweep), cells(sweep)])


def test_a_failure_is_made_again_in_its_place_and_once(session, plan, submits, misbehave):
    sweep = plan(motion=["low", "high"])
    misbehave("banned-word")
    sweep.start().wait(PATIENCE)
    (failed,) = [number for number, job in enumerate(sweep.jobs) if job.error]
    before = submits()
    assert act(sweep, "retry", number=1 - failed)["ok"] is False
    assert act(sweep, "retry", number=failed) == {"ok": True}
    second = act(sweep, "retry", number=failed)
    assert second["ok"] is False
    assert "Nothing was sent" in second["message"]
    assert None not in sweep.wait(PATIENCE)
    assert submits() == before + 1
    assert states(sweep) == ["done", "done"]


def test_the_budget_refuses_what_it_has_no_room_for_in_its_place(sandbox, tmp_path, plan, submits):
    before = submits()
    session = Session(KEY, sandbox.url, library=tmp_path / "b", budget=1.3)
    sweep = plan(of=session, prompt=["a", "b", "c"])
    assert page(sweep)["action"]["label"] == "Run 2 of 3 calls · about 1.20 USD"
    assert page(sweep)["budget"].startswith(
        "1.30 USD of the budget left, and 3 calls cost about 1.80 USD: 2 of them fit."
    )
    assert page(sweep)["enough"] is False
    sweep.start().wait(PATIENCE)
    assert submits() == before + 2
    assert states(sweep) == ["done", "done", "failed"]
    assert sweep.jobs[2] is None
    assert "0.10 USD of the budget" in cells(sweep)[2]["error"]["text"]
    assert page(sweep)["action"]["on"] is False
    session.limits.budget = 5
    assert page(sweep)["action"]["label"] == "Go on: 1 call · about 0.60 USD"
    act(sweep, "retry", number=2)
    assert None not in sweep.wait(PATIENCE)
    session.close()
    session.library.close()


def test_an_uncertain_one_offers_to_be_forgotten_or_sent_again_knowingly(session, plan, submits, misbehave):
    misbehave("drop-after")
    sweep = plan()
    sweep.start().wait(PATIENCE)
    assert isinstance(sweep.jobs[0].error, mj.SubmissionUncertain)
    assert states(sweep) == ["uncertain"]
    assert [choice["action"] for choice in cells(sweep)[0]["choices"]] == ["forget", "again"]
    assert act(sweep, "retry", number=0)["ok"] is False
    before = submits()
    assert act(sweep, "again", number=0) == {"ok": True}
    assert act(sweep, "again", number=0)["ok"] is False
    assert None not in sweep.wait(PATIENCE)
    assert submits() == before + 1


def test_one_that_is_settled_as_unknown_can_be_made_anew(plan, submits, misbehave):
    misbehave("drop-after")
    sweep = plan()
    sweep.start().wait(PATIENCE)
    assert act(sweep, "forget", number=0) == {"ok": True}
    assert [choice["action"] for choice in cells(sweep)[0]["choices"]] == ["retry"]
    before = submits()
    assert act(sweep, "retry", number=0) == {"ok": True}
    assert None not in sweep.wait(PATIENCE)
    assert submits() == before + 1


def test_no_more_run_than_may_and_a_stop_takes_back_what_was_not_made(sandbox, tmp_path, plan, submits):
    before = submits()
    session = Session(KEY, sandbox.url, library=tmp_path / "b", at_once=1)
    sweep = plan(of=session, prompt=["a", "b", "c", "d"])
    sandbox.hold(0.5)
    sweep.start()
    assert page(sweep)["action"]["label"] == "Stop"
    assert act(sweep, "stop") == {"ok": True}
    sandbox.release()
    tasks = sweep.wait(PATIENCE)
    made = sum(1 for job in sweep.jobs if job)
    assert made <= 1
    assert submits() == before + made == before + sum(1 for task in tasks if task)
    assert f"{4 - made} calls were not made; nothing was sent or charged for them." in page(sweep)["note"]
    assert page(sweep)["action"]["label"].endswith(f"{4 - made} calls · about {0.6 * (4 - made):.2f} USD")
    sweep.start()
    assert None not in sweep.wait(PATIENCE)
    assert submits() == before + 4
    assert page(sweep)["note"] == ""
    session.close()
    session.library.close()


def test_what_would_befall_all_others_too_stops_the_sweep(sandbox, tmp_path, plan, submits, misbehave):
    before = submits()
    misbehave({"name": "http-401", "times": 9})
    session = Session(KEY, sandbox.url, library=tmp_path / "b", at_once=1)
    sweep = plan(of=session, prompt=["a", "b", "c"])
    sweep.start().wait(PATIENCE)
    assert submits() == before + 1
    assert isinstance(sweep.jobs[0].error, mj.AuthenticationError)
    assert sweep.jobs[1:] == [None, None]
    assert "2 calls were not made" in page(sweep)["note"]
    misbehave()
    sweep.start()
    act(sweep, "retry", number=0)
    assert None not in sweep.wait(PATIENCE)
    session.close()
    session.library.close()


async def test_a_sweep_is_awaited_and_the_waiting_can_be_given_up(plan):
    sweep = plan(motion=["low", "high"]).start()
    waiting = asyncio.ensure_future(_await(sweep))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [len(task.clips) for task in await sweep] == [1, 1]


async def _await(sweep):
    return await sweep


def test_a_wait_that_is_too_short_says_that_it_goes_on(plan, sandbox):
    sandbox.hold(0.5)
    sweep = plan().start()
    with pytest.raises(mj.TaskTimeout, match="goes on"):
        sweep.wait(0.01)
    sandbox.release()
    assert None not in sweep.wait(PATIENCE)


# Known again


def test_the_same_cell_shows_the_same_sweep_and_another_or_again_a_new_one(plan):
    first = plan(cell=CELL, motion=["low", "high"])
    assert plan(cell=Cell("a-cell", "second run"), motion=["low", "high"]) is first
    assert "nothing was sent now" in page(first)["note"]
    assert plan(cell=Cell("another", "run"), motion=["low", "high"]) is not first
    assert plan(cell=CELL, motion=["high", "low"]) is not first
    newest = plan(cell=CELL, motion=["low", "high"], again=True)
    assert newest is not first
    assert plan(cell=CELL, motion=["low", "high"]) is newest


def test_a_sweep_that_runs_stays_one_when_the_service_is_connected_anew(session, sandbox, plan, submits):
    """As Run All does it, which runs the cell that connects as well."""
    before = submits()
    sandbox.hold(0.5)
    sweep = plan(cell=CELL, prompt=["a", "b", "c"]).start()
    anew = Session(KEY, sandbox.url, library=session.folder, at_once=1)
    assert plan(of=anew, cell=Cell("a-cell", "second run"), prompt=["a", "b", "c"]) is sweep
    assert sweep.session is anew
    sandbox.release()
    assert None not in sweep.wait(PATIENCE)
    assert submits() == before + 3
    anew.close()


def test_after_a_restart_the_cell_shows_what_was_made_and_offers_the_rest(sandbox, tmp_path, plan, submits):
    before = submits()
    session = Session(KEY, sandbox.url, library=tmp_path / "b", at_once=1)
    sweep = plan(of=session, cell=CELL, prompt=["a", BANNED, "c", "d"])
    sweep.listen(lambda: sum(1 for job in sweep.jobs if job and job.done) >= 2 and sweep.stop())
    sweep.start()
    sweep.wait(PATIENCE)
    made = sum(1 for job in sweep.jobs if job)
    assert 2 <= made < 4
    session.library.close()
    planning._known.clear()

    after = Session(KEY, sandbox.url, library=session.folder)
    again = plan(of=after, cell=Cell("a-cell", "next kernel"), prompt=["a", BANNED, "c", "d"])
    assert again is not sweep
    assert [job and job.entry_id for job in again.jobs] == [job and job.entry_id for job in sweep.jobs]
    assert states(again)[:2] == ["done", "failed"]
    rest = 4 - made
    assert page(again)["action"]["label"] == f"Go on: {rest} call{'s' * (rest > 1)} · about {rest * 0.6:.2f} USD"
    assert submits() == before + made
    again.start()
    assert [task is not None for task in again.wait(PATIENCE)] == [True, False, True, True]
    assert submits() == before + 4
    for each in (session, after):
        each.close()
        each.library.close()


def test_a_job_that_was_made_and_not_put_into_its_place_is_found_not_paid_again(
    session, plan, submits, later, monkeypatch
):
    """The kernel ends between the two."""
    sweep = plan(cell=CELL, motion=["low", "high"])

    def dies(*_):
        raise mj.LibraryError("The kernel is gone.")

    before = submits()
    with monkeypatch.context() as patch:
        patch.setattr(session.library.sweeping, "put", dies)
        sweep.start().wait(PATIENCE)
    made = {entry.id for entry in session.library.shelf.search(mj.Query())[0]}
    assert made
    for job in [session.jobs.get(name) for name in made]:
        job.wait(PATIENCE)
    again = plan(of=later(), cell=CELL, motion=["low", "high"])
    assert again.jobs == [None, None]
    again.start()
    assert None not in again.wait(PATIENCE)
    assert made <= {job.entry_id for job in again.jobs}
    assert submits() == before + 2


def test_what_ran_when_its_kernel_died_goes_on_and_what_waited_is_offered(session, plan, submits, later):
    before = submits()
    sweep = plan(cell=CELL, motion=["low", "high"]).start()
    until(sweep, lambda: all(job and job.id for job in sweep.jobs))
    after = later()
    again = plan(of=after, cell=CELL, motion=["low", "high"])
    assert None not in again.wait(PATIENCE)
    assert submits() == before + 2


# The view


def test_the_card_of_a_cell_is_opened_below_and_closed_again(plan):
    sweep = plan()
    assert act(sweep, "open", number=0)["ok"] is False
    sweep.start().wait(PATIENCE)
    assert act(sweep, "open", number=0) == {"ok": True}
    assert cells(sweep)[0]["shown"] is True
    assert len(sweep.view._cards.children) == 1
    assert act(sweep, "open", number=0) == {"ok": True}
    assert len(sweep.view._cards.children) == 1
    assert sweep.view._cards.children[0].children[1] is sweep.jobs[0].view
    sweep.view._cards.children[0].children[0].click()
    assert cells(sweep)[0]["shown"] is False
    assert sweep.view._cards.children == ()


@pytest.mark.parametrize("message", [{"action": "open"}, {"action": "open", "number": 99}, {"action": "retry", "number": "0"},
                                     {"action": "again", "number": -1}, {"action": "nonsense"}, {}])  # fmt: skip
def test_nonsense_from_a_browser_is_answered_and_does_nothing(plan, submits, message):
    before = submits()
    sweep = plan()
    answer = sweep.view._matrix.act(message, [])[0]
    assert answer["ok"] is False
    assert answer["message"]
    assert submits() == before


def test_bytes_stars_and_stills_come_when_they_are_there(session, plan):
    sweep = plan().start()
    sweep.wait(PATIENCE)
    answer, buffers = sweep.view._matrix.clip({"number": 0, "index": 0}, [])
    assert answer == {"ok": True}
    assert buffers[0][4:8] == b"ftyp"
    for wrong in ({}, {"number": 0, "index": 3}, {"number": 7, "index": 0}, {"number": "x"}):
        answer, buffers = sweep.view._matrix.clip(wrong, [])
        assert (answer["ok"], buffers) == (False, [])
    sweep.jobs[0].rate(0, 4)
    assert act(sweep, "refresh") == {"ok": True}
    assert sweep.view._matrix.cells[0]["clips"][0]["rating"] == 4


def test_showing_it_again_makes_no_further_widgets(plan):
    sweep = plan(cell=CELL)
    sweep._ipython_display_()
    gc.collect()
    before = len(_instances)
    for run in range(20):
        plan(cell=Cell("a-cell", str(run)))._ipython_display_()
    assert len(_instances) == before


def test_two_hundred_cells_stay_small_enough_to_be_sent(plan):
    sweep = plan(prompt=[f"prompt number {number}" for number in range(100)], motion=["low", "high"])
    assert len(json.dumps([sweep.view._matrix.plan, page(sweep), cells(sweep)])) < 100_000


def test_the_word_of_a_notebook_reaches_it(session, monkeypatch, photo):
    monkeypatch.setattr(sessions, "_current", session)
    sweep = mj.sweep(str(photo), prompt="{a|b}", motion=["low", "high"], extra={"batchSize": 1})
    assert repr(sweep) == "<Sweep 2 prompts × 2 motions: 0 of 4 done>"
    assert len(sweep) == 4
    with pytest.raises(IndexError, match=r"sweep\.jobs"):
        sweep[0]


def test_stars_of_the_matrix_are_those_of_the_job_and_of_its_card(plan):
    sweep = plan(prompt=["steam", "petals"]).start()
    sweep.wait(PATIENCE)
    job = sweep.jobs[1]
    assert act(sweep, "rate", number=1, index=0, stars=4) == {"ok": True}
    assert cells(sweep)[1]["clips"][0]["rating"] == 4
    assert job.entry.ratings == {0: 4}
    assert job.card["clips"][0]["rating"] == 4
    job.rate(0, None)
    assert cells(sweep)[1]["clips"][0]["rating"] is None
    for wrong in ({"index": 7, "stars": 1}, {"index": 0, "stars": 6}, {"index": None, "stars": 1}):
        assert not act(sweep, "rate", number=1, **wrong)["ok"]
    assert job.entry.ratings == {}


def test_a_view_that_was_closed_is_made_anew_and_leaves_nothing(plan):
    sweep = plan(prompt=["steam", "petals"]).start()
    sweep.wait(PATIENCE)
    before = len(_instances)
    view = sweep.view
    act(sweep, "open", number=0)
    cards = sweep.jobs[0].view
    close(view)
    assert view.comm is None
    close(cards)
    assert len(_instances) == before
    assert sweep.view is not view
    close(sweep.view)
