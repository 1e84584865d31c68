"""Submit, fetch and wait: what goes out, and how a task is followed to its clips through anything on the way."""

import asyncio
import base64
import json
import time

import httpx
import pytest

from mjvideo_nb import (
    AuthenticationError,
    Client,
    InvalidRequest,
    ServiceError,
    Task,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
    VideoRequest,
    frames,
    watch,
)
from mjvideo_nb.container import is_whole_mp4
from mjvideo_nb.pace import Pace
from tests.clock import counting_waiting_only
from tests.loopback import DROP, HANG, Server, answer
from tests.patience import PATIENCE

AT_ONCE = Pace(0, 0, 0.001, 0.001)
BASE = "https://gateway.example/mj-fast"
CLIPS = {"videoUrls": [{"url": f"https://cdn.example/0_{i}.mp4"} for i in range(4)]}


@pytest.fixture(autouse=True)
async def _clock():
    with counting_waiting_only(asyncio.get_running_loop(), "mjvideo_nb.look", "tenacity"):
        yield


def look(status, progress="", **more):
    return {"id": "17", "status": status, "progress": progress, **more}


class Service:
    """Answers one after another, the last one for good; remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, request):
        self.asked.append(request)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, httpx.Response) else httpx.Response(200, json=said)


@pytest.fixture
async def connect():
    """A client of a service that says what the test wants it to, without the pauses of a real one."""
    opened = []

    def make(*answers):
        service = Service(*answers)
        http = httpx.AsyncClient(transport=httpx.MockTransport(service))
        opened.append(http)
        client = Client("sk-0123456789", BASE, http=http)
        client.watcher.pace = AT_ONCE
        return client, service

    yield make
    for http in opened:
        await http.aclose()


# Submit


async def test_a_submit_carries_every_field_to_the_wire(connect, photo):
    client, service = connect({"code": 1, "result": "0773314942177684"})
    request = VideoRequest(
        image=photo,
        motion="high",
        prompt="petals – “open” 🌷",
        video_type="720p",
        state="a/b",
        no_storage=True,
        action="extend",
        index=2,
        task_id="017",
        extra={"loop": True},
    )
    task = await client.submit(request)
    assert (task.id, task.request, task.ended) == ("0773314942177684", request, False)
    [sent] = service.asked
    assert str(sent.url) == f"{BASE}/mj/submit/video"
    assert sent.headers["content-type"] == "application/json"
    body = json.loads(sent.content)
    head, _, image = body.pop("image").partition(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(image) == photo.read_bytes()
    assert body == {
        "motion": "high",
        "prompt": "petals – “open” 🌷",
        "videoType": "vid_1.1_i2v_720",
        "state": "a/b",
        "noStorage": True,
        "action": "extend",
        "index": 2,
        "taskId": "017",
        "loop": True,
    }


async def test_an_extend_of_a_task_known_by_id_alone_goes_out_without_an_image(connect):
    client, service = connect({"code": 22, "description": "1 task ahead", "result": 18})
    task = await client.submit(Task(id="017", status="SUCCESS").extend(3, motion="high"))
    assert task.id == "18"
    assert json.loads(service.asked[0].content)["image"] == ""


@pytest.mark.parametrize("image", ["nowhere.jpg", b"text", 5])
async def test_a_frame_that_cannot_be_sent_costs_no_request(image, connect):
    client, service = connect({"code": 1, "result": "17"})
    with pytest.raises(InvalidRequest) as caught:
        await client.submit(VideoRequest(image=image))
    assert caught.value.field == "image"
    assert service.asked == []


async def test_reading_a_large_frame_does_not_stop_the_loop(connect, monkeypatch):
    """The notebook's other cards live on the same loop."""
    client, _ = connect({"code": 1, "result": "17"})
    loop_went_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_):
        asyncio.run_coroutine_threadsafe(loop_went_on.wait(), loop).result(PATIENCE)
        return frames.Frame(url="https://x.example/a.jpg")

    monkeypatch.setattr(frames, "load", slow)
    async with asyncio.TaskGroup() as group:
        group.create_task(client.submit(VideoRequest(image="a.jpg")))
        loop_went_on.set()


# Fetch


async def test_a_fetch_keeps_the_request_it_knows(connect):
    client, service = connect(look("IN_PROGRESS", "46%"))
    request = VideoRequest(image="https://x.example/a.jpg")
    seen = await client.fetch(Task(id="17", request=request))
    assert (seen.status, seen.progress, seen.request) == ("IN_PROGRESS", 46, request)
    assert (await client.fetch("17")).request is None
    assert str(service.asked[0].url) == f"{BASE}/mj/task/17/fetch"


async def test_many_tasks_are_learnt_in_one_request(connect):
    client, service = connect([look("SUCCESS") | {"id": 3}, look("") | {"id": "017"}])
    found = await client.fetch_many(["017", "03", "5"])
    assert {task_id: task.status for task_id, task in found.items()} == {"017": "", "03": "SUCCESS"}
    assert [json.loads(request.content) for request in service.asked] == [{"ids": ["017", "03", "5"]}]
    assert await client.fetch_many([]) == {}
    assert len(service.asked) == 1


@pytest.mark.parametrize("task_id", [1773314942177684, "", "  ", None, "17\n18", "\ud83d"])
async def test_an_id_is_text(task_id, connect):
    client, service = connect(look("SUCCESS"))
    for call in (client.fetch, client.wait, lambda task_id: client.fetch_many([task_id])):
        with pytest.raises(InvalidRequest, match="id as text") as caught:
            await call(task_id)
        assert caught.value.field == "task_id"
    with pytest.raises(InvalidRequest, match="list of ids"):
        await client.fetch_many("1773314942177684")
    assert service.asked == []


# Wait


async def test_a_task_is_followed_to_its_clips_and_each_change_is_told_once(connect):
    client, service = connect(
        look(""),
        look(""),
        look("SUBMITTED", "0%"),
        look("IN_PROGRESS", "30%"),
        look("IN_PROGRESS", "30%"),
        look("SUBMITTED", "0%"),  # it can step back
        look("DREAMING", "60%"),  # a word that nobody has documented
        look("IN_PROGRESS", "100%"),  # progress is no sign of the end
        look("SUCCESS", "100%"),
        look("SUCCESS", "100%", videoUrls=None),
        look("SUCCESS", "100%", **CLIPS),
    )
    request = VideoRequest(image="https://x.example/a.jpg")
    seen = []
    task = await client.wait(Task(id="17", request=request), on_update=seen.append)
    assert [(t.status, t.progress, len(t.clips)) for t in seen] == [
        ("", None, 0),
        ("SUBMITTED", 0, 0),
        ("IN_PROGRESS", 30, 0),
        ("SUBMITTED", 0, 0),
        ("DREAMING", 60, 0),
        ("IN_PROGRESS", 100, 0),
        ("SUCCESS", 100, 0),
        ("SUCCESS", 100, 4),
    ]
    assert [clip.index for clip in task.clips] == [0, 1, 2, 3]
    assert task.request is request
    assert len(service.asked) == 11


async def test_an_id_alone_can_be_waited_for(connect):
    client, _ = connect(look("SUCCESS", **CLIPS))
    seen = []
    task = await client.wait(" 17 ", on_update=seen.append)
    assert task.id == "17"
    assert [t.status for t in seen] == ["", "SUCCESS"]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("FAILURE", "[Banned prompt detected] storms", ["“[Banned prompt detected] storms”"]),
        ("FAILURE", "", ["no reason"]),
        ("CANCEL", "", ["cancelled"]),
        ("MODAL", "", ["waits for an input"]),
    ],
)
async def test_a_task_that_ends_without_clips_says_why_and_what_of_the_money(status, reason, words, connect):
    client, service = connect(look("IN_PROGRESS"), look(status, "100%", failReason=reason))
    seen = []
    with pytest.raises(TaskFailed) as caught:
        await client.wait("17", on_update=seen.append)
    error = caught.value
    assert (error.fail_reason, error.task_id, error.code) == (reason, "17", status)
    assert all(word in str(error) for word in [*words, "17", "price", "balance"])
    assert seen[-1].status == status
    assert len(service.asked) == 2


async def test_trouble_in_between_is_outlived(connect):
    client, service = connect(
        look("SUBMITTED"),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        look("SUCCESS", **CLIPS),
    )
    seen = []
    task = await client.wait("17", on_update=seen.append)
    assert len(task.clips) == 4
    assert [t.status for t in seen] == ["", "SUBMITTED", "SUCCESS"]
    assert len(service.asked) == 9


async def test_trouble_says_nothing_on_the_terminal(connect, capfd, caplog):
    """In a notebook it would land under a stranger's cell."""
    client, _ = connect(httpx.Response(502), look("SUCCESS", **CLIPS))
    await client.wait("17")
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")
    assert [r for r in caplog.records if r.levelname not in {"DEBUG", "INFO"}] == []


async def test_dropped_connections_in_between_are_outlived():
    script = [DROP, answer(200, look("SUBMITTED"), content_length="900"), DROP, answer(200, look("SUCCESS", **CLIPS))]
    async with Server(lambda _: script.pop(0)) as service, Client("sk-0123456789", service.url) as client:
        client.watcher.pace = AT_ONCE
        assert len((await client.wait("17")).clips) == 4
    assert len(service.asked) == 4


async def test_trouble_that_does_not_end_is_told_with_the_deadline(connect):
    client, service = connect(httpx.Response(502, json={"error": "still down"}))
    told = []
    with pytest.raises(TaskTimeout, match=r"could not be asked.*still down.*goes on"):
        await client.wait("17", timeout=0.2, on_trouble=told.append)
    assert len(service.asked) > 1
    assert {error.status for error in told} == {502}


async def test_the_end_of_trouble_is_told_too(connect):
    client, _ = connect(httpx.Response(502), look("IN_PROGRESS"), look("SUCCESS", **CLIPS))
    told = []
    await client.wait("17", on_trouble=told.append)
    assert [error and error.status for error in told] == [502, None]


async def test_a_pause_that_the_service_asks_for_is_kept(connect):
    client, service = connect(httpx.Response(429, headers={"retry-after": "0.3"}), look("SUCCESS", **CLIPS))
    begun = time.monotonic()
    await client.wait("17")
    assert time.monotonic() - begun >= 0.3
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (httpx.Response(400, json={"description": "task_no_found ", "code": 4}), TaskNotFound),
        (httpx.Response(204), TaskNotFound),
        (httpx.Response(401), AuthenticationError),
        (httpx.Response(404, text="<html>"), ServiceError),
        (httpx.Response(301, headers={"location": "/"}), ServiceError),
    ],
)
async def test_what_time_will_not_mend_is_told_at_once(said, error, connect):
    client, service = connect(said)
    with pytest.raises(error):
        await client.wait("17")
    assert len(service.asked) == 1


async def test_the_end_of_the_waiting_is_not_the_end_of_the_task(connect):
    client, _ = connect(look("IN_PROGRESS", "46%"))
    with pytest.raises(TaskTimeout) as caught:
        await client.wait("0773314942177684", timeout=0.05)
    assert caught.value.task_id == "0773314942177684"
    for words in ("0773314942177684", "0.05 s", "IN_PROGRESS", "goes on", "paid for", "pick it up"):
        assert words in str(caught.value)
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("said", [HANG, DROP], ids=["silent", "down"])
async def test_the_waiting_ends_in_time_also_where_the_service_does_not_answer(said):
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with Server(lambda _: said) as service, Client("sk-0123456789", service.url) as client:
        with pytest.raises(TaskTimeout, match="goes on"):
            await client.wait("17", timeout=0.2)
    assert loop.time() - begun < 5


async def test_links_that_never_come_are_an_error_and_not_an_endless_wait(connect, monkeypatch):
    monkeypatch.setattr(watch, "LINKS_DEADLINE", 0.02)
    client, _ = connect(look("SUCCESS", "100%"))
    with pytest.raises(ServiceError, match=r"17 succeeded.*no links.*paid for") as caught:
        await client.wait("17", timeout=PATIENCE)
    assert caught.value.task_id == "17"


async def test_an_error_of_on_update_surfaces(connect):
    client, _ = connect(look("SUBMITTED"), look("SUCCESS", **CLIPS))

    def listen(task):
        if task.status == "SUBMITTED":
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        await client.wait("17", on_update=listen)


async def test_a_waiting_that_is_cancelled_asks_no_more():
    arrived = asyncio.Event()

    def respond(_):
        arrived.set()
        return HANG

    async with Server(respond) as service, Client("sk-0123456789", service.url) as client:
        waiting = asyncio.create_task(client.wait("17"))
        await arrived.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(service.asked) == 1


# The whole way


async def test_from_a_photo_to_four_clips_on_disk_and_on_from_one_of_them(sandbox, photo, tmp_path):
    async with Client("sandbox", sandbox.url) as client:
        task = await client.submit(VideoRequest(image=photo, prompt="petals open", motion="high"))
        seen = []
        task = await client.wait(task, timeout=PATIENCE, on_update=seen.append)
        paths = await client.download(task, tmp_path)
        assert [path.relative_to(tmp_path).as_posix() for path in paths] == [f"{task.id}/{i}.mp4" for i in range(4)]
        assert [is_whole_mp4(path) for path in paths] == [""] * 4
        assert (seen[0].status, seen[-1].status) == ("", "SUCCESS")
        assert (await client.fetch_many([task.id, "1"])).keys() == {task.id}
        longer = await client.wait(await client.submit(task.extend(2, motion="low")), timeout=PATIENCE)
        assert longer.id != task.id
        assert longer.request.index == 2
