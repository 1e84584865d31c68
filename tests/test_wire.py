"""Every shape of answer that the service's API description names."""

import json
import re
from urllib.parse import urlsplit

import pytest

from mjvideo_nb import (
    AuthenticationError,
    BannedPrompt,
    MJVideoError,
    QueueFull,
    QuotaError,
    RateLimited,
    Refused,
    ServiceError,
    SubmissionUncertain,
    TaskNotFound,
    VideoRequest,
    wire,
)
from mjvideo_nb.trouble import Reply

REQUEST = VideoRequest(image="https://x/a.jpg", prompt="petals")
BASE = "https://gateway.example/mj-fast"


def reply(body, status=200, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, content, {k.replace("_", "-"): v for k, v in headers.items()})


def test_every_documented_field_goes_over_the_wire():
    request = VideoRequest(
        image="x.jpg",
        motion="high",
        prompt="p",
        video_type="720p",
        state="s",
        no_storage=True,
        action="extend",
        index=0,
        task_id="017",
        extra={"loop": True, "endImage": "https://x/e.png"},
    )
    assert wire.submit_body(request, "data:image/png;base64,AA") == {
        "motion": "high",
        "image": "data:image/png;base64,AA",
        "prompt": "p",
        "videoType": "vid_1.1_i2v_720",
        "action": "extend",
        "index": 0,
        "taskId": "017",
        "state": "s",
        "noStorage": True,
        "loop": True,
        "endImage": "https://x/e.png",
    }


def test_what_was_not_asked_is_not_sent():
    assert set(wire.submit_body(REQUEST, "u")) == {"motion", "image", "prompt", "videoType"}


@pytest.mark.parametrize("code", [1, 21, 22, "1"])
@pytest.mark.parametrize("result", ["0773314942177684", 1773314942177684])
@pytest.mark.parametrize("properties", [{}, None])
def test_accepted(code, result, properties):
    body = {"code": code, "description": "ok", "result": result, "properties": properties}
    task = wire.read_submission(reply(b"\xef\xbb\xbf" + json.dumps(body).encode()), REQUEST)
    assert task.id == str(result)
    assert task.request is REQUEST


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"code": 3, "description": "no account"}, Refused),
        (200, {"code": 4, "description": "quota_not_enough"}, QuotaError),
        (200, {"code": 4, "description": "validation", "result": "1"}, Refused),
        (200, {"code": 5, "description": "do_request_failed"}, Refused),
        (200, {"code": 9, "description": "system"}, Refused),
        (200, {"code": 23, "description": "queue full", "result": "99"}, QueueFull),
        (200, {"code": 24, "description": "banned", "properties": {"bannedWord": "storms"}}, BannedPrompt),
        (200, {"success": False, "code": -1, "message": "no"}, Refused),
        (200, {"code": "fail_to_fetch_task", "message": "upstream"}, Refused),
        (429, {"description": "saturated ", "code": 30}, RateLimited),
        (429, b"", RateLimited),
        (400, {"description": "quota_not_enough ", "type": "upstream_error", "code": 4}, QuotaError),
        (400, {"error": {"message": "motion", "type": "invalid", "param": "motion", "code": ""}}, Refused),
        (400, {"error": "bad image"}, Refused),
        (401, {"error": {"message": "invalid token", "code": ""}}, AuthenticationError),
        (403, {"error": {"message": "ip blocked"}}, Refused),
        (413, b"<html>too large</html>", Refused),
        (301, b"", ServiceError),
        (404, b"<html>", ServiceError),
        (500, {"error": {"message": "bad", "code": "invalid_request"}}, Refused),
        (500, {"error": {"message": "oops", "code": ""}}, SubmissionUncertain),
        (502, b"<html>bad gateway</html>", SubmissionUncertain),
        (503, b"", SubmissionUncertain),
        (504, b"", SubmissionUncertain),
        (524, b"", SubmissionUncertain),
        (418, b"", SubmissionUncertain),
        (200, b"<html>", SubmissionUncertain),
        (200, b"", SubmissionUncertain),
        (204, b"", SubmissionUncertain),
        (200, [], SubmissionUncertain),
        (200, {}, SubmissionUncertain),
        (200, {"code": 1, "description": "ok"}, SubmissionUncertain),
        (200, {"code": 7, "result": "177"}, SubmissionUncertain),
    ],
)
def test_an_answer_that_is_no_yes(status, body, error):
    with pytest.raises(error) as caught:
        wire.read_submission(reply(body, status), REQUEST)
    assert type(caught.value) is error
    assert caught.value.status == status
    message = str(caught.value)
    assert ("may have been accepted and billed" in message) == (error is SubmissionUncertain)
    assert ("Nothing was charged" in message) == (error is not SubmissionUncertain)


def test_an_error_carries_the_services_words_code_and_request_id():
    body = {"error": {"message": "motion is wrong", "type": "x", "code": "bad_motion"}}
    with pytest.raises(Refused) as caught:
        wire.read_submission(reply(body, 400, x_request_id="r-17"), REQUEST)
    error = caught.value
    assert (error.description, error.code, error.request_id) == ("motion is wrong", "bad_motion", "r-17")
    assert "motion is wrong" in str(error)


def test_a_request_id_in_the_words_is_found():
    body = {"error": {"message": "invalid token (request id: 20250909171047039Zb1x)", "code": ""}}
    with pytest.raises(AuthenticationError) as caught:
        wire.read_submission(reply(body, 401), REQUEST)
    assert caught.value.request_id == "20250909171047039Zb1x"


def test_a_banned_word_is_named():
    body = {"code": 24, "description": "banned prompt", "properties": {"bannedWord": "storms"}}
    with pytest.raises(BannedPrompt, match="storms") as caught:
        wire.read_submission(reply(body), REQUEST)
    assert caught.value.banned_word == "storms"


def test_retry_after_is_read():
    with pytest.raises(RateLimited) as caught:
        wire.read_submission(reply(b"", 429, retry_after="7"), REQUEST)
    assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("prompt_required", "takes no empty prompt"),
        ("prompt cannot be empty", "takes no empty prompt"),
        ("task_no_found ", "check the id"),
        ("task_status_not_success", "wait 15 seconds"),
        ("Parameter error", "Change what it objects to"),
    ],
)
def test_a_refusal_says_what_to_do(words, advice):
    with pytest.raises(Refused, match=advice):
        wire.read_submission(reply({"description": words, "type": "upstream_error", "code": 4}, 400), REQUEST)


def test_an_unknown_code_with_an_id_says_which_task_it_may_be():
    with pytest.raises(SubmissionUncertain) as caught:
        wire.read_submission(reply({"code": 7, "result": "177"}), REQUEST)
    assert caught.value.task_id == "177"


URL = "https://cdn.example/0_0.mp4"


@pytest.mark.parametrize(
    "body",
    [
        {"videoUrls": [URL]},
        {"videoUrls": [{"url": URL}]},
        {"videoUrls": [{"videoUrl": URL, "thumbnail": "https://cdn.example/t.jpg"}]},
        {"videoUrls": None, "videoUrl": URL},
        {"videoUrls": [], "url": URL},
        {"imageUrl": URL},
        {"imageUrl": "https://cdn.example/a.png", "properties": {"videoUrls": [URL]}},
        {"properties": {"videoUrl": URL}, "buttons": None},
    ],
)
def test_every_place_where_a_clip_may_be(body):
    task = wire.read_task(reply({"id": "17", "status": "SUCCESS", "progress": "100%", **body}), "17", BASE)
    assert [clip.url for clip in task.clips] == [URL]


@pytest.mark.parametrize(
    ("link", "absolute"),
    [
        ("/mj/video/1.mp4", "https://gateway.example/mj/video/1.mp4"),
        ("video/1.mp4", "https://gateway.example/mj-fast/video/1.mp4"),
        ("//mj//video/1.mp4", "https://gateway.example/mj/video/1.mp4"),
        ("https://gateway.example//mj/video/1.mp4", "https://gateway.example/mj/video/1.mp4"),
        ("https://cdn.example/a//b.mp4?x=//", "https://cdn.example/a//b.mp4?x=//"),
        ("//cdn.example/a.mp4", "https://cdn.example/a.mp4"),
    ],
)
def test_links_become_absolute(link, absolute):
    assert wire.read_task(reply({"id": "17", "videoUrl": link}), "17", BASE).clips[0].url == absolute


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "data:video/mp4;base64,AA", "http://[", 7, ""]
)
def test_a_link_that_is_none_is_left_out(link):
    assert wire.read_task(reply({"id": "17", "videoUrl": link}), "17", BASE).clips == ()


def test_a_gap_in_the_list_keeps_the_other_indices():
    task = wire.read_task(reply({"id": "17", "videoUrls": [None, {"url": URL}]}), "17", BASE)
    assert [clip.index for clip in task.clips] == [1]


@pytest.mark.parametrize(
    ("value", "progress"),
    [
        ("46%", 46),
        ("", None),
        ("100%", 100),
        (46, 46),
        ("1000%", 100),
        (-3, 0),
        (None, None),
        ("x", None),
        (True, None),
    ],
)
def test_progress(value, progress):
    assert wire.read_task(reply({"id": "17", "progress": value}), "17", BASE).progress == progress


@pytest.mark.parametrize(
    "answer",
    [
        reply({"description": "task_no_found ", "type": "upstream_error", "code": 4}, 400),
        reply(b"", 204),
        reply(b"null"),
    ],
)
def test_the_three_shapes_of_an_unknown_id(answer):
    with pytest.raises(TaskNotFound, match="17"):
        wire.read_task(answer, "17", BASE)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(b"<html>"), ServiceError),
        (reply([1]), ServiceError),
        (reply(b"", 502), ServiceError),
        (reply(b"", 301), ServiceError),
        (reply(b"", 401), AuthenticationError),
        (reply(b"", 403), Refused),
        (reply(b"", 429), RateLimited),
    ],
)
def test_a_look_that_failed_says_that_the_task_goes_on(answer, error):
    with pytest.raises(error, match="goes on") as caught:
        wire.read_task(answer, "17", BASE)
    assert type(caught.value) is error


def test_what_is_unknown_is_kept():
    body = {"id": "17", "status": "DREAMING", "surprise": [1, {"a": None}]}
    task = wire.read_task(reply(body), "17", BASE)
    assert task.raw == body
    assert task.status == "DREAMING"


def test_a_bulk_answer_is_read_by_id_whatever_its_order_and_type():
    body = [{"id": 17, "status": "SUCCESS"}, None, {"id": "x"}, {"id": "3", "status": ""}]
    found = wire.read_tasks(reply(body), ["3", "017", "4"], BASE)
    assert {task_id: task.status for task_id, task in found.items()} == {"017": "SUCCESS", "3": ""}


def test_an_id_cannot_leave_its_place_in_the_path():
    assert wire.fetch_path("../a?b") == "/mj/task/..%2Fa%3Fb/fetch"


@pytest.mark.parametrize("reason", ["Job Timeout", ""])
def test_a_failed_task_gives_the_services_reason(reason):
    task = wire.read_task(reply({"id": "17", "status": "FAILURE", "failReason": reason, "progress": ""}), "17", BASE)
    error = wire.failure(task)
    assert error.fail_reason == reason
    assert (reason or "no reason") in str(error)


HUGE = "a number of 5000 digits"
ODD = [
    None, True, False, 0, -1, 1, 22, 24, 1.0, 1e308, HUGE, "", " ", "x", "0", "1e999", "inf%", "9" * 5000, "\ud83d",
    "http://[", "//", "/", "a.mp4", "\x00", [], [[]], [None, {}], {}, {"url": {}}, {"url": ["a.mp4"]}, {"message": 5},
    {"message": "\ud800", "code": {}}, {"bannedWord": 5}, {"videoUrls": [["a.mp4"]]}, {"videoUrls": {"0": "a.mp4"}},
]  # fmt: skip
FIELDS = [
    "id", "status", "progress", "failReason", "videoUrls", "videoUrl", "url", "imageUrl", "properties", "buttons",
    "code", "description", "result", "error", "message", "success", "type",
]  # fmt: skip


def odd_bodies():
    for value in ODD:
        yield value
        yield [value]
        for field in FIELDS:
            yield {field: value}
            yield {"id": "17", "status": "SUCCESS", "code": 1, "result": "17", "description": "d", field: value}


def text(body):
    """As JSON, a number of 5000 digits included, which Python refuses to write or read by default."""
    return json.dumps(body).replace(f'"{HUGE}"', "9" * 5000)


def odd_replies():
    for body in odd_bodies():
        content = text(body).encode()
        for status in (200, 204, 302, 400, 429, 500):
            yield Reply(status, content, {"retry-after": "-1"})
    for content in (
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"1" * 10_000,
        b"NaN",
        b'{"id": NaN}',
        b'"\\ud83d"',
        b"\xef\xbb\xbf",
    ):
        for status in (200, 500):
            yield Reply(status, content, {})


def test_whatever_an_answer_holds_a_model_or_one_of_our_errors_comes_out():
    """And each can be shown and sent on: no lone half of a character, no broken link, no progress beyond 100."""
    seen = 0
    for answer in odd_replies():
        for read in (
            lambda answer: [wire.read_submission(answer, REQUEST)],
            lambda answer: [wire.read_task(answer, "17", BASE)],
            lambda answer: list(wire.read_tasks(answer, ["17", "0"], BASE).values()),
        ):
            seen += 1
            try:
                tasks = read(answer)
            except MJVideoError as error:
                f"{error} {error.description} {error.task_id} {error.code}".encode()
                continue
            for task in tasks:
                f"{task.id} {task.status} {task.fail_reason}".encode()
                assert task.id
                assert task.progress is None or 0 <= task.progress <= 100
                assert all(urlsplit(clip.url).scheme in {"http", "https"} for clip in task.clips)
                assert all(f"{clip.url} {clip.thumbnail}".isprintable() for clip in task.clips)
    assert seen > 10_000


@pytest.mark.parametrize(
    "link",
    [
        "https://cdn.example/a/0_0.mp4",
        "http://127.0.0.1:8000/mj/video/17/0_3.mp4",
        "https://gateway.example/mj/../x/./%20~.mp4",
        "https://gateway.example",
        "https://./a",
        "https://a.example:99999/b",
    ],
)
def test_the_short_way_of_a_plain_link_leads_where_the_long_one_does(link, monkeypatch):
    assert wire.PLAIN_LINK.fullmatch(link)
    short = wire._absolute(link, "https://gateway.example/mj")
    monkeypatch.setattr(wire, "PLAIN_LINK", re.compile("(?!)"))
    assert short == wire._absolute(link, "https://gateway.example/mj") == link


@pytest.mark.parametrize(
    "link", ["https://a.example//b", "https:///b", "https://a.example/b c", "https://é.example/", "/b"]
)
def test_a_link_with_something_to_mend_is_taken_apart(link):
    assert not wire.PLAIN_LINK.fullmatch(link)
