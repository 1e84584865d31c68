"""Every row of the API page, sections 1 to 3, each named so that it is found there.

What an answer means is tried through a real socket: the server decides every byte and counts what it is asked. A submit of
unknown outcome arrives once and is never repeated; what is safe is repeated until it succeeds.
"""

import asyncio
import socket

import httpx
import pytest

from mjvideo_nb import (
    AuthenticationError,
    BannedPrompt,
    Client,
    QueueFull,
    QuotaError,
    RateLimited,
    Refused,
    ServiceError,
    SubmissionUncertain,
    TaskFailed,
    TaskNotFound,
    VideoRequest,
)
from mjvideo_nb.pace import Pace
from mjvideo_nb.retries import Retries
from tests.loopback import DROP, HANG, Server, answer, unused_url
from tests.patience import PATIENCE

KEY = "sk-0123456789"
REQUEST = VideoRequest(image="https://x.example/a.jpg", prompt="petals")
EXTEND = VideoRequest(image="", action="extend", index=0, task_id="17")
QUICK = Retries(first_pause=0.001, longest_pause=0.002)
OUT_OF_REACH = Retries(unreachable=3, first_pause=0.1, longest_pause=1)
"""So long that also on a busy machine there is a second try."""
ID = "0773314942177684"
ACCEPTED = answer(200, {"code": 1, "description": "Submit success", "result": ID, "properties": {}})
SEEN = {"id": ID, "status": "IN_PROGRESS", "progress": "46%"}
HTML = b"<html>Bad gateway</html>"


def said(status, body=b"", **headers):
    return answer(status, body, **headers)


def client_of(url, **options):
    client = Client(KEY, url, **options)
    client.retries = QUICK
    client.watcher.pace = Pace(0, 0, 0.001, 0.001)
    return client


class Service:
    """Says one thing so many times, then what is well."""

    def __init__(self, first, well, times=2):
        self._first, self._well, self._times = first, well, times

    def respond(self, _):
        self._times -= 1
        return self._first if self._times >= 0 else self._well


def patience_for(first):
    """Seconds for an answer: few only where none comes."""
    return 0.3 if first is HANG else PATIENCE


def tries(service, first):
    """How often it was asked; so many at most where a busy machine may have been too late for so short a patience."""
    return min(len(service.asked), 3) if first is HANG else len(service.asked)


def rows(table):
    return pytest.mark.parametrize("row", [pytest.param(row[1:], id=row[0]) for row in table])


# Section 1, the table of codes: HTTP 200, and only the body tells


CODES_ACCEPTED = [
    ("1 submitted", {"code": 1, "description": "Submit success", "result": ID, "properties": {}}),
    ("22 accepted and queued", {"code": 22, "description": "In queue, 1 task ahead", "result": ID}),
    ("21 exists already", {"code": 21, "description": "Task already exists", "result": ID, "properties": None}),
]


@rows(CODES_ACCEPTED)
async def test_codes_that_accept(row):
    [body] = row
    async with Server(lambda _: said(200, body)) as service, client_of(service.url) as client:
        task = await client.submit(REQUEST)
    assert (task.id, task.ended, task.raw) == (ID, False, body)
    assert [asked.path for asked in service.asked] == ["/mj/submit/video"]


async def test_an_id_that_is_a_bare_integer_becomes_text():
    async with (
        Server(lambda _: said(200, {"code": 1, "result": 1773314942177684})) as service,
        client_of(service.url) as client,
    ):
        assert (await client.submit(REQUEST)).id == "1773314942177684"


BANNED = {"code": 24, "description": "may be banned", "properties": {"bannedWord": "storms", "promptEn": "it storms"}}
CODES_REFUSED = [
    ("3 no account available", {"code": 3, "description": "No available account instance"}, Refused, 3),
    ("4 validation", {"code": 4, "description": "Parameter error"}, Refused, 4),
    ("4 quota_not_enough", {"code": 4, "description": "quota_not_enough "}, QuotaError, 4),
    ("5 no upstream", {"code": 5, "description": "do_request_failed"}, Refused, 5),
    ("9 system failure", {"code": 9, "description": "System exception"}, Refused, 9),
    ("24 banned word", BANNED, BannedPrompt, 24),
    ("-1 in its own shape", {"success": False, "code": -1, "message": "being updated"}, Refused, -1),
]


@rows(CODES_REFUSED)
async def test_codes_that_refuse(row):
    body, kind, code = row
    async with Server(lambda _: said(200, body, x_request_id="r-17")) as service, client_of(service.url) as client:
        with pytest.raises(kind, match="Nothing was charged") as caught:
            await client.submit(REQUEST)
    error = caught.value
    assert type(error) is kind
    assert len(service.asked) == 1
    assert (error.status, error.code, error.request_id) == (200, code, "r-17")
    assert error.description == body.get("description", body.get("message")).strip()
    assert error.description in str(error)


CODES_LATER = [
    ("23 queue full, with an id", said(200, {"code": 23, "description": "queue full", "result": "99"}), QueueFull),
    ("30 saturated, with HTTP 429", said(429, {"code": 30, "description": "saturated "}), RateLimited),
]


@rows(CODES_LATER)
async def test_codes_that_are_safe_to_send_again(row):
    first, kind = row
    service = Service(first, ACCEPTED)
    told = []
    async with Server(service.respond) as server, client_of(server.url) as client:
        task = await client.submit(REQUEST, on_retry=lambda error, _: told.append(error))
    assert task.id == ID  # and not the one that came with the refusal
    assert [asked.method for asked in server.asked] == ["POST"] * 3
    assert [type(error) for error in told[::2]] == [kind, kind]
    assert told[1::2] == [None, None]


# Section 3, the bodies of errors, in the order to try


SHAPES = [
    ("not JSON: HTML", said(400, HTML), ""),
    ("empty", said(400), ""),
    ("the envelope", said(400, {"error": {"message": "bad motion", "type": "t", "param": "motion", "code": ""}}), "bad motion"),
    ("the envelope with a code", said(400, {"error": {"message": "bad", "code": "invalid_motion"}}), "bad"),
    ("error as text", said(400, {"error": "bad motion"}), "bad motion"),
    ("description, type, code", said(400, {"description": "bad motion ", "type": "upstream_error", "code": 4}), "bad motion"),
    ("success false", said(400, {"success": False, "code": -1, "message": "bad motion"}), "bad motion"),
]  # fmt: skip


@rows(SHAPES)
async def test_every_shape_of_an_error_gives_the_services_words(row):
    first, words = row
    async with Server(lambda _: first) as service, client_of(service.url) as client:
        with pytest.raises(Refused, match="Nothing was charged") as caught:
            await client.submit(REQUEST)
        with pytest.raises(ServiceError, match="goes on") as looked:
            await client.fetch(ID)
    assert caught.value.description == looked.value.description == words
    assert caught.value.status == looked.value.status == 400
    assert [asked.method for asked in service.asked] == ["POST", "GET"]


# Section 3, the table of statuses: what a submit does


POST_NO = [
    ("301 on a wrong path", said(301, b"", location="/"), ServiceError),
    ("400 parameters", said(400, {"error": {"message": "bad motion"}}), Refused),
    ("400 quota_not_enough", said(400, {"description": "quota_not_enough ", "code": 4}), QuotaError),
    ("400 task_status_not_success, no extend", said(400, {"description": "task_status_not_success "}), Refused),
    ("401 key wrong or exhausted", said(401, {"error": {"message": "invalid token"}}), AuthenticationError),
    ("403 blocked", said(403, {"error": {"message": "ip blocked"}}), Refused),
    ("413 body too large", said(413, HTML), Refused),
    ("500 invalid_request", said(500, {"error": {"message": "bad", "code": "invalid_request"}}), Refused),
]


@rows(POST_NO)
async def test_a_submit_that_is_refused_by_its_status_is_not_repeated(row):
    first, kind = row
    async with Server(lambda _: first) as service, client_of(service.url) as client:
        with pytest.raises(kind, match="Nothing was charged") as caught:
            await client.submit(REQUEST)
    assert type(caught.value) is kind
    assert len(service.asked) == 1


POST_YES = [
    ("429 slow down", said(429, {"error": {"message": "rate limit"}}), REQUEST),
    ("429 with Retry-After", said(429, b"", retry_after="0.05"), REQUEST),
    ("429 empty", said(429), REQUEST),
    (
        "400 task_status_not_success, an extend",
        said(400, {"description": "task_status_not_success ", "code": 4}),
        EXTEND,
    ),
]


@rows(POST_YES)
async def test_a_submit_that_was_not_accepted_is_repeated(row):
    first, request = row
    service = Service(first, ACCEPTED)
    async with Server(service.respond) as server, client_of(server.url) as client:
        assert (await client.submit(request)).id == ID
    assert [asked.method for asked in server.asked] == ["POST"] * 3


POST_UNCERTAIN = [
    ("500", said(500, {"error": {"message": "oops", "code": ""}})),
    ("502", said(502, HTML)),
    ("503", said(503)),
    ("503 with Retry-After", said(503, b"", retry_after="0")),
    ("504", said(504)),
    ("524", said(524, HTML)),
    ("another status", said(418)),
    ("timeout after sending", HANG),
    ("connection lost after the request was read", DROP),
    ("connection lost in the head", b"HTTP/1.1 200 OK\r\ncontent-le"),
    ("connection lost in the body", answer(200, {"code": 1, "result": ID}, content_length="400")),
    ("200 that is no JSON", said(200, HTML)),
    ("200 that is empty", said(200)),
    ("200 that is cut", said(200, b'{"code":1,"resu')),
    ("200 that is no object", said(200, [1])),
    ("200 without an id", said(200, {"code": 1})),
    ("200 with an unknown code and an id", said(200, {"code": 7, "result": ID})),
    ("204", said(204)),
    ("no HTTP at all", b"SSH-2.0-OpenSSH_9.6\r\n"),
    ("a redirect to no address", said(302, b"", location="https:a b")),
    ("a redirect to no host", said(302, b"", location="http://xn--/")),
]


@rows(POST_UNCERTAIN)
async def test_a_submit_of_unknown_outcome_arrives_exactly_once(row):
    [first] = row
    async with (
        Server(Service(first, ACCEPTED, times=1).respond) as service,
        client_of(service.url, timeout=patience_for(first)) as client,
    ):
        with pytest.raises(SubmissionUncertain, match="may have been accepted and billed"):
            await client.submit(REQUEST)
    assert [asked.method for asked in service.asked] == ["POST"]


@pytest.mark.parametrize("fault", ["drop-after", "accepted-garbage", "accepted-500"])
async def test_what_the_counterpart_accepted_unseen_is_there_once(fault, sandbox, photo):
    """A program of its own has taken the request: sent again, it would have been paid twice."""
    async with client_of(sandbox.url) as client:
        with pytest.raises(SubmissionUncertain):
            await client.submit(VideoRequest(image=photo, prompt=f"steam --bs 1 [fault:{fault}]"))
    assert sandbox.submits == 1


async def test_a_connection_that_is_cut_before_the_request_was_read_is_of_unknown_outcome_too(sandbox, photo):
    """Nobody on this side can tell it from the other."""
    sandbox.misbehave("drop-before")
    async with client_of(sandbox.url) as client:
        with pytest.raises(SubmissionUncertain, match="answer was lost"):
            await client.submit(VideoRequest(image=photo, prompt="steam --bs 1"))


# Section 3, the table of statuses: nothing was sent


async def test_connection_refused_is_repeated_until_somebody_listens():
    url, told = unused_url(), asyncio.Event()
    server = Server(lambda _: ACCEPTED)
    server.port = int(url.rsplit(":", 1)[1])
    async with client_of(url) as client:
        client.retries = Retries(first_pause=0.02, longest_pause=0.02)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(client.submit(REQUEST, on_retry=lambda *_: told.set()))
            await told.wait()
            async with server:
                assert (await sending).id == ID
    assert len(server.asked) == 1


async def test_a_name_that_does_not_resolve_is_repeated_and_nothing_was_sent():
    told = []
    async with client_of("http://no-such-host.invalid") as client:
        client.retries = OUT_OF_REACH
        with pytest.raises(ServiceError, match=r"Nothing was sent.*tried \d+ times") as caught:
            await client.submit(REQUEST, on_retry=lambda *news: told.append(news))
        assert caught.value.status is None
        with pytest.raises(ServiceError, match=r"Tasks go on.*tried \d+ times"):
            await client.fetch(ID)
    assert told


async def test_a_connection_that_is_not_accepted_in_time_is_repeated_and_nothing_was_sent():
    """A host whose queue of connections is full neither refuses nor accepts."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        try:
            async with client_of(f"http://127.0.0.1:{address[1]}", timeout=0.2) as client:
                client.retries = OUT_OF_REACH
                with pytest.raises(ServiceError, match=r"Nothing was sent.*tried \d+ times"):
                    await client.submit(REQUEST)
        finally:
            for one in waiting:
                one.close()


async def test_a_pool_timeout_is_repeated_and_nothing_was_sent():
    released = asyncio.Event()
    held = asyncio.Event()

    def respond(asked):
        if asked.path != "/hold":
            return ACCEPTED
        held.set()
        return HANG

    async with Server(respond) as service:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(30, pool=0.05)) as http:
            holding = asyncio.ensure_future(http.get(f"{service.url}/hold"))
            await held.wait()
            async with client_of(service.url, http=http) as client:

                def told(error, _):
                    if error:
                        holding.cancel()
                        released.set()

                assert (await client.submit(REQUEST, on_retry=told)).id == ID
    assert released.is_set()
    assert [asked.path for asked in service.asked] == ["/hold", "/mj/submit/video"]


# Section 3, the table of statuses: what a look does


GET_NO = [
    ("400 parameters", said(400, {"error": {"message": "bad id"}}), ServiceError),
    (
        "400 unknown task",
        said(400, {"description": "task_no_found ", "type": "upstream_error", "code": 4}),
        TaskNotFound,
    ),
    ("204 unknown task", said(204), TaskNotFound),
    ("200 and null, unknown task", said(200, b"null"), TaskNotFound),
    ("401", said(401), AuthenticationError),
    ("403", said(403), Refused),
    ("413", said(413), ServiceError),
    ("500 invalid_request", said(500, {"error": {"message": "bad", "code": "invalid_request"}}), ServiceError),
    ("301 on a wrong path", said(301, b"", location="/"), ServiceError),
    ("404 on a wrong path", said(404, HTML), ServiceError),
]


@rows(GET_NO)
async def test_a_look_that_would_fail_again_is_not_repeated(row):
    first, kind = row
    async with Server(lambda _: first) as service, client_of(service.url) as client:
        with pytest.raises(kind) as caught:
            await client.fetch(ID)
    assert type(caught.value) is kind
    assert len(service.asked) == 1


GET_YES = [
    ("429", said(429)),
    ("429 code 30", said(429, {"code": 30, "description": "saturated "})),
    ("500", said(500, {"error": {"message": "oops", "code": ""}})),
    ("502", said(502, HTML)),
    ("503", said(503, b"", retry_after="0.01")),
    ("504", said(504)),
    ("524", said(524)),
    ("another status", said(418)),
    ("timeout", HANG),
    ("connection lost after the request was read", DROP),
    ("connection lost in the body", answer(200, SEEN, content_length="900")),
    ("200 whose body cannot be read", said(200, b'{"id":"0773')),
    ("200 and a page", said(200, HTML)),
]


@rows(GET_YES)
async def test_a_look_is_repeated_through_trouble(row):
    [first] = row
    async with (
        Server(Service(first, said(200, SEEN)).respond) as service,
        client_of(service.url, timeout=patience_for(first)) as client,
    ):
        assert (await client.fetch(ID)).progress == 46
    assert {(asked.method, asked.path) for asked in service.asked} == {("GET", f"/mj/task/{ID}/fetch")}
    assert tries(service, first) == 3


@pytest.mark.default_cases(3)
@rows(GET_YES)
async def test_a_list_is_repeated_through_trouble(row):
    """A POST, and still only a question."""
    [first] = row
    async with (
        Server(Service(first, said(200, [SEEN])).respond) as service,
        client_of(service.url, timeout=patience_for(first)) as client,
    ):
        assert (await client.fetch_many([ID]))[ID].progress == 46
    assert {(asked.method, asked.path) for asked in service.asked} == {("POST", "/mj/task/list-by-condition")}
    assert tries(service, first) == 3


# Section 2: where a task stands


RUNNING = [
    ("right after the submit", "", ""),
    ("NOT_START", "NOT_START", "0%"),
    ("SUBMITTED", "SUBMITTED", "0%"),
    ("IN_PROGRESS", "IN_PROGRESS", "46%"),
    ("IN_PROGRESS at 100%", "IN_PROGRESS", "100%"),
    ("an unknown value", "WAITING_FOR_GPU", "12%"),
]


@rows(RUNNING)
async def test_statuses_that_run_on(row):
    status, progress = row
    clips = {"videoUrls": ["https://x.example/0.mp4"]}
    looks = Service(
        said(200, {"id": ID, "status": status, "progress": progress}),
        said(200, {"id": ID, "status": "SUCCESS", **clips}),
    )
    async with Server(looks.respond) as service, client_of(service.url) as client:
        assert len((await client.wait(ID)).clips) == 1
    assert len(service.asked) == 3


ENDED = [
    ("FAILURE", {"status": "FAILURE", "failReason": "Job Timeout", "progress": ""}, "Job Timeout"),
    ("FAILURE at 100%", {"status": "FAILURE", "failReason": "可能包含敏感词", "progress": "100%"}, "可能包含敏感词"),
    ("CANCEL", {"status": "CANCEL"}, ""),
    ("MODAL", {"status": "MODAL", "progress": "0%"}, ""),
]


@rows(ENDED)
async def test_statuses_that_end_without_clips(row):
    body, reason = row
    async with Server(lambda _: said(200, {"id": ID, **body})) as service, client_of(service.url) as client:
        with pytest.raises(TaskFailed) as caught:
            await client.wait(ID)
    assert (caught.value.fail_reason, caught.value.code, caught.value.task_id) == (reason, body["status"], ID)
    assert len(service.asked) == 1


CLIP = "https://cdn.example/0_0.mp4"
PLACES = [
    ("videoUrls, strings", {"videoUrls": [CLIP]}),
    ("videoUrls, objects with url", {"videoUrls": [{"url": CLIP}]}),
    ("videoUrls, objects with videoUrl and thumbnail", {"videoUrls": [{"videoUrl": CLIP, "thumbnail": "/t.jpg"}]}),
    ("videoUrl", {"videoUrls": None, "videoUrl": CLIP}),
    ("root url", {"url": CLIP, "buttons": None}),
    ("imageUrl that is a video", {"imageUrl": CLIP, "videoUrl": ""}),
    ("inside properties", {"properties": {"videoUrls": [{"url": CLIP}]}}),
]


@rows(PLACES)
async def test_places_where_the_clips_are(row):
    """Also where they are filled only polls after SUCCESS."""
    [where] = row
    done = {"id": ID, "status": "SUCCESS", "progress": "100%"}
    looks = Service(said(200, done), said(200, done | where))
    async with Server(looks.respond) as service, client_of(service.url) as client:
        task = await client.wait(ID)
    assert [clip.url for clip in task.clips] == [CLIP]
    assert len(service.asked) == 3


async def test_a_status_that_steps_back_is_shown_and_followed():
    steps = [
        {"status": s, "progress": p} for s, p in [("SUBMITTED", "0%"), ("IN_PROGRESS", "46%"), ("SUBMITTED", "0%")]
    ]
    steps.append({"status": "SUCCESS", "progress": "100%", "videoUrl": CLIP})
    left = [said(200, {"id": ID, **step}) for step in steps]
    seen = []
    async with Server(lambda _: left.pop(0)) as service, client_of(service.url) as client:
        await client.wait(ID, on_update=lambda task: seen.append((task.status, task.progress)))
    assert seen[1:] == [("SUBMITTED", 0), ("IN_PROGRESS", 46), ("SUBMITTED", 0), ("SUCCESS", 100)]
    assert len(service.asked) == 4


async def test_unknown_ids_are_left_out_of_a_list_and_the_order_says_nothing():
    async with (
        Server(lambda _: said(200, [{"id": "3", "status": ""}, {"id": 17, "status": "SUCCESS"}])) as service,
        client_of(service.url) as client,
    ):
        found = await client.fetch_many(["017", "2", "3"])
    assert {task_id: task.status for task_id, task in found.items()} == {"017": "SUCCESS", "3": ""}
    assert service.asked[0].json == {"ids": ["017", "2", "3"]}
