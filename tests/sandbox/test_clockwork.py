"""By the clock alone: the same protocol and time line, nothing rendered, nothing written for a task."""

import io
import shutil

import av
import httpx
import pytest

from mjvideo_nb.sandbox.app import create_app
from mjvideo_nb.sandbox.clockwork import Clockwork
from mjvideo_nb.sandbox.process import SandboxProcess
from mjvideo_nb.sandbox.render_cache import RenderCache
from mjvideo_nb.sandbox.store import Store
from tests.patience import PATIENCE

from .conftest import Caller


@pytest.fixture(scope="module")
def filmed(tmp_path_factory, clips_of_the_run):
    """A store that has the ready-made clip."""
    root = tmp_path_factory.mktemp("filmed")
    Clockwork(Store(root), RenderCache(clips_of_the_run), seconds=0)
    return root


@pytest.fixture
def clockwork(filmed, tmp_path):
    shutil.copytree(filmed, tmp_path, dirs_exist_ok=True)
    return Clockwork(Store(tmp_path), seconds=0)


@pytest.fixture
def clocked(behind, clockwork):
    behind.app = create_app(clockwork, max_list=3)
    with httpx.Client(base_url=behind.url, timeout=PATIENCE) as http:
        yield Caller(http, every=0.005)


def test_every_clip_is_the_same_whole_mp4(clocked):
    task = clocked.make()
    clips = clocked.clips(task)
    assert (len(clips), len(set(clips))) == (4, 1)
    with av.open(io.BytesIO(clips[0])) as video:
        assert sum(1 for _ in video.decode(video=0)) == 125
    assert clocked.http.get(task["imageUrl"]).content.startswith(b"\xff\xd8")


def test_nothing_is_written_for_a_task(clocked, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    clocked.make(image="https://nowhere.invalid/a.jpg")
    assert sorted(tmp_path.rglob("*")) == before
    assert all("ready-made" in path.parts for path in before)


def test_a_task_goes_through_its_whole_life(clocked, clockwork):
    clockwork.seconds = 60
    task_id = clocked.submit()
    seen = []
    for second in (0, 5, 30, 61):
        clockwork.task(task_id).submitted -= second * 1000
        task = clocked.fetch(task_id)
        seen.append((task["status"], bool(task["videoUrls"])))
        clockwork.task(task_id).submitted += second * 1000
    assert seen == [("", False), ("SUBMITTED", False), ("IN_PROGRESS", False), ("SUCCESS", True)]
    assert task["finishTime"] == task["submitTime"] + 60_000


def test_an_extend_goes_on(clocked):
    parent = clocked.make()
    assert clocked.make(action="extend", index=2, taskId=parent["id"], image="")["status"] == "SUCCESS"
    refused = clocked.post(action="extend", index=2, taskId="17333149421776840", image="")
    assert refused.json()["description"] == "task_no_found "


def test_a_list_of_more_ids_than_allowed_is_refused(clocked):
    ids = [clocked.submit() for _ in range(4)]
    answers = [
        clocked.http.post("/mj/task/list-by-condition", json={"ids": wanted}) for wanted in (ids, ids[:3], ids[:2])
    ]
    assert [answer.status_code for answer in answers] == [413, 200, 200]
    assert clocked.http.get("/sandbox/stats").json()["longest_list"] == 3


def test_the_ready_made_clip_is_kept_for_the_next(filmed):
    clip = filmed / "ready-made" / "0_0.mp4"
    made = clip.stat().st_mtime_ns
    assert Clockwork(Store(filmed), seconds=0).clip(None, 0) == clip
    assert clip.stat().st_mtime_ns == made


def test_ids_are_never_given_twice(clockwork, monkeypatch):
    monkeypatch.setattr("mjvideo_nb.sandbox.clockwork.milliseconds", lambda: 1_757_399_847_039)
    ids = [clockwork._new_id("") for _ in range(200)]
    assert {len(one) for one in ids} == {17}
    taken = dict.fromkeys(f"1757399847039{n:04d}" for n in range(10_000) if n != 7)
    clockwork._tasks.update(taken)
    assert clockwork._new_id("") == "17573998470390007"


def test_the_process_takes_the_options(tmp_path):
    with (
        SandboxProcess.start(seconds=0, store=tmp_path, render=False, max_list=2) as process,
        httpx.Client(base_url=process.url) as http,
    ):
        caller = Caller(http, every=0.005)
        ids = [caller.make()["id"] for _ in range(3)]
        assert http.post("/mj/task/list-by-condition", json={"ids": ids}).status_code == 413
    assert [path.name for path in tmp_path.iterdir()] == ["ready-made"]
