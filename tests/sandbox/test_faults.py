"""Every fault of the table does what it is named."""

import json
import time

import httpx
import pytest

from mjvideo_nb.sandbox.faults import TABLE
from mjvideo_nb.sandbox.switches import parse

from .conftest import PHOTO, data_uri


def refusal(code, *, status=200, has=""):
    def check(caller):
        answer = caller.post()
        assert answer.status_code == status
        assert answer.json()["code"] == code
        assert has in answer.text
        assert accepted(caller) == 0

    return check


def http_error(status, *, has="", headers=()):
    def check(caller):
        answer = caller.post()
        assert answer.status_code == status
        assert has in answer.text
        assert set(headers) <= set(answer.headers)
        assert accepted(caller) == 0

    return check


def accepted(caller):
    return caller.http.get("/sandbox/stats").json()["accepted"]


def taken(check):
    """The answer is odd, and the task was accepted and billed all the same."""

    def checks(caller):
        check(caller.post())
        assert accepted(caller) == 1

    return checks


def ends(status, *, reason="", progress=""):
    def check(caller):
        task = caller.wait(caller.submit())
        assert (task["status"], task["progress"]) == (status, progress)
        assert reason in task["failReason"]
        assert bool(task["failReason"]) is bool(reason)

    return check


def stays(status):
    def check(caller):
        task_id = caller.submit()
        assert [caller.fetch(task_id)["status"] for _ in range(3)] == [status] * 3

    return check


def shows(check):
    """What a task looks like after SUCCESS, by fetch and in a list alike."""

    def checks(caller):
        task_id = caller.submit()
        task = caller.wait(task_id)
        check(task)
        assert caller.http.post("/mj/task/list-by-condition", json={"ids": [task_id]}).json() == [task]

    return checks


def running(check):
    def checks(caller):
        caller.service_seconds(3600)
        task_id = caller.submit()
        check([caller.fetch(task_id) for _ in range(4)])

    return checks


def listed(check):
    def checks(caller):
        ids = [caller.make()["id"] for _ in range(4)]
        check(caller.http.post("/mj/task/list-by-condition", json={"ids": ids}), ids)

    return checks


def clip(check):
    def checks(caller):
        url = caller.make()["videoUrl"]
        check(lambda: caller.http.get(url, headers={"Authorization": "Bearer k"}))

    return checks


def clip_status(status):
    return clip(lambda get: same(get().status_code, status))


def same(left, right):
    assert left == right


def slow(caller):
    caller.faults({"name": "slow", "value": 0.3})
    begun = time.monotonic()
    caller.post()
    assert time.monotonic() - begun >= 0.3


def dropped(times_accepted):
    def check(caller):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
            caller.post()
        assert accepted(caller) == times_accepted

    return check


def late(caller):
    task_id = caller.submit()
    caller.wait(task_id)
    urls = [bool(caller.fetch(task_id)["videoUrls"]) for _ in range(4)]
    assert urls == [False, False, True, True]


def unknown(status, content):
    def check(caller):
        answer = caller.http.get("/mj/task/17333149421776840/fetch")
        assert (answer.status_code, answer.content) == (status, content)

    return check


def forgotten(caller):
    answer = caller.http.get(f"/mj/task/{caller.submit()}/fetch")
    assert (answer.status_code, answer.json()["description"]) == (400, "task_no_found ")


def empty_prompt(caller):
    answer = caller.post(prompt=" ")
    assert (answer.status_code, answer.json()["description"]) == (400, "prompt_required ")
    assert caller.post(prompt="steam").json()["code"] == 1


def garbage(caller):
    answer = caller.post()
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


def bom(answer):
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert json.loads(answer.content[3:])["code"] == 1


def unreadable(answer):
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


def cut(get):
    with pytest.raises(httpx.RemoteProtocolError):
        get()


def short(get):
    answer = get()
    assert len(answer.content) == int(answer.headers["content-length"]) == 350


def redirect(caller):
    url = caller.make()["videoUrl"]
    answer = caller.http.get(url)
    assert (answer.status_code, answer.headers["location"]) == (302, url.replace("127.0.0.1", "localhost"))
    whole = caller.http.get(url, follow_redirects=True)
    assert whole.content.startswith(b"clip 0")
    assert caller.http.get("/sandbox/stats").json()["keys_elsewhere"] == 0
    caller.http.get(answer.headers["location"], headers={"Authorization": "Bearer k"})
    assert caller.http.get("/sandbox/stats").json()["keys_elsewhere"] == 1


def lacks_urls(answer, ids):
    assert len(answer.json()) == len(ids)
    assert all("videoUrls" not in task and "videoUrl" not in task for task in answer.json())


def base(task):
    return task["imageUrl"].split("/mj/")[0]


CHECKS = {
    "slow": slow,
    "drop-before": dropped(0),
    "drop-after": dropped(1),
    "refused-3": refusal(3),
    "refused-4": refusal(4),
    "quota": refusal(4, status=400, has="quota_not_enough"),
    "quota-200": refusal(4, has="quota_not_enough"),
    "refused-5": refusal(5),
    "refused-9": refusal(9),
    "refused-negative": refusal(-1, has='"success":false'),
    "queue-full": refusal(23, has="17333149421776840"),
    "banned-word": refusal(24, has='"bannedWord":"storms"'),
    "saturated": refusal(30, status=429),
    "parent-not-ready": refusal(4, status=400, has="task_status_not_success"),
    "empty-prompt": empty_prompt,
    "http-301": http_error(301, headers=["location"]),
    "http-400": http_error(400, has='"error"'),
    "http-401": http_error(401, has='"error"'),
    "http-403": http_error(403, has='"error"'),
    "http-413": http_error(413, has="<html>"),
    "http-429": http_error(429, headers=["retry-after"]),
    "http-429-empty": lambda caller: same(caller.post().content, b""),
    "http-500": http_error(500, has='"code":""'),
    "http-500-invalid": http_error(500, has='"code":"invalid_request"'),
    "http-500-text": http_error(500, has='"error":"'),
    "http-500-html": http_error(500, has="<html>"),
    "http-502": http_error(502, has="<html>"),
    "http-503": http_error(503, has="<html>"),
    "http-504": http_error(504, has="<html>"),
    "http-524": http_error(524, has="<html>"),
    "garbage": garbage,
    "html": http_error(200, has="<html>"),
    "accepted-22": taken(lambda answer: same(answer.json()["code"], 22)),
    "accepted-21": taken(lambda answer: same(answer.json()["code"], 21)),
    "accepted-integer-id": taken(lambda answer: same(type(answer.json()["result"]), int)),
    "accepted-leading-zero": lambda caller: same(caller.make()["id"][0], "0"),
    "accepted-null-properties": taken(lambda answer: same(answer.json()["properties"], None)),
    "accepted-garbage": taken(unreadable),
    "accepted-500": taken(lambda answer: same(answer.status_code, 500)),
    "bom": taken(bom),
    "fail-timeout": ends("FAILURE", reason="Job Timeout"),
    "fail-banned": ends("FAILURE", reason="[Banned prompt detected]"),
    "fail-image-denied": ends("FAILURE", reason="[Image denied]"),
    "fail-invalid-link": ends("FAILURE", reason="[Invalid link!]"),
    "fail-invalid-parameter": ends("FAILURE", reason="[Invalid parameter]"),
    "fail-internal": ends("FAILURE", reason="[Internal error]"),
    "fail-timeout-5-minutes": ends("FAILURE", reason="执行超时 5 分钟"),
    "fail-timeout-1-hour": ends("FAILURE", reason="上游任务超时（超过1小时）"),
    "fail-sensitive": ends("FAILURE", reason="可能包含敏感词"),
    "fail-progress-100": ends("FAILURE", reason="[Internal error]", progress="100%"),
    "fail-no-reason": ends("FAILURE"),
    "cancel": ends("CANCEL"),
    "modal": stays("MODAL"),
    "stuck": stays("IN_PROGRESS"),
    "status-unknown": running(lambda tasks: same({task["status"] for task in tasks}, {"WAITING_FOR_GPU"})),
    "status-not-start": running(lambda tasks: same({task["status"] for task in tasks}, {"NOT_START"})),
    "status-steps-back": running(lambda tasks: same([task["status"] for task in tasks], ["", "SUBMITTED"] * 2)),
    "progress-empty": running(lambda tasks: same({task["progress"] for task in tasks}, {""})),
    "urls-late": late,
    "urls-never": shows(lambda task: same((task["videoUrls"], task["videoUrl"]), ([], ""))),
    "urls-strings": shows(lambda task: same({type(url) for url in task["videoUrls"]}, {str})),
    "urls-other-key": shows(lambda task: same(set(task["videoUrls"][3]), {"videoUrl", "thumbnail"})),
    "urls-one": shows(lambda task: same((task["videoUrls"], bool(task["videoUrl"])), (None, True))),
    "urls-root": shows(lambda task: same(("videoUrl" in task, task["url"][-7:]), (False, "0_0.mp4"))),
    "urls-relative": shows(lambda task: same(task["videoUrls"][3]["url"], f"/mj/video/{task['id']}/0_3.mp4")),
    "urls-double-slash": shows(lambda task: same(task["videoUrl"], f"{base(task)}//mj//video/{task['id']}/0_0.mp4")),
    "urls-in-properties": shows(lambda task: same(len(task["properties"]["videoUrls"]), 4)),
    "image-is-video": shows(lambda task: same((task["imageUrl"][-4:], task["videoUrls"]), (".mp4", []))),
    "clips-fewer": shows(lambda task: same(len(task["videoUrls"]), 2)),
    "nulls": shows(lambda task: same((task["buttons"], task["properties"]), (None, None))),
    "list-missing": listed(lambda answer, _: same(answer.status_code, 404)),
    "list-without-urls": listed(lacks_urls),
    "list-leaves-out": listed(lambda answer, _: same(len(answer.json()), 2)),
    "list-empty": listed(lambda answer, _: same(answer.json(), [])),
    "unknown-204": unknown(204, b""),
    "unknown-null": unknown(200, b"null"),
    "task-forgotten": forgotten,
    "clip-cut": clip(cut),
    "clip-short": clip(short),
    "clip-empty": clip(lambda get: same(get().content, b"")),
    "clip-html": clip(lambda get: same((get().status_code, get().text[:6]), (200, "<html>"))),
    "clip-403": clip_status(403),
    "clip-404": clip_status(404),
    "clip-410": clip_status(410),
    "clip-redirect": redirect,
}


def test_every_fault_is_checked():
    assert set(CHECKS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_fault_does_what_it_is_named(caller, name):
    caller.faults({"name": name})
    CHECKS[name](caller)


def test_a_fault_happens_as_often_as_asked_and_where_asked(caller):
    caller.faults({"name": "http-502", "times": 2, "routes": ["fetch"]})
    task_id = caller.submit()
    statuses = [caller.http.get(f"/mj/task/{task_id}/fetch").status_code for _ in range(3)]
    assert statuses == [502, 502, 200]


def test_faults_are_read_back_and_replaced(caller):
    caller.faults({"name": "slow", "value": 2, "times": 1})
    assert caller.http.get("/sandbox/faults").json() == {
        "faults": [{"name": "slow", "times": 1, "value": 2, "routes": ["submit", "fetch", "list"]}]
    }
    caller.faults()
    assert caller.http.get("/sandbox/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "body", ["no json", "[]", '{"faults": [{"name": "http-50"}]}', '{"faults": [{"name": "slow", "times": -1}]}', "{}"]
)
def test_a_fault_that_is_none_changes_nothing(caller, body):
    answer = caller.http.put("/sandbox/faults", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert caller.post().json()["code"] == 1


def test_faults_as_they_are_typed():
    assert parse("quota") == {"name": "quota"}
    assert parse("fetch:http-502*2") == {"name": "http-502", "routes": ["fetch"], "times": 2}
    assert parse("slow=0.5") == {"name": "slow", "value": 0.5}
    with pytest.raises(ValueError, match="http-502"):
        parse("http502")


# Of one task alone


def test_a_prompt_can_ask_for_faults_of_its_own_task_only(caller):
    ill = caller.submit(prompt="petals [fault:fail-banned] open [fault:fetch:http-502*2]")
    well = caller.submit(prompt="petals open")
    statuses = [caller.http.get(f"/mj/task/{ill}/fetch").status_code for _ in range(3)]
    assert statuses == [502, 502, 200]
    assert "[Banned prompt detected]" in caller.wait(ill)["failReason"]
    assert caller.wait(well)["status"] == "SUCCESS"


def test_a_header_can_ask_too(caller):
    body = {"motion": "low", "image": data_uri(PHOTO.read_bytes()), "prompt": ""}
    answer = caller.http.post("/mj/submit/video", json=body, headers={"x-sandbox-fault": "accepted-22, urls-one"})
    assert answer.json()["code"] == 22
    assert caller.wait(answer.json()["result"])["videoUrls"] is None
    assert caller.make()["videoUrls"]


@pytest.mark.parametrize("name", ["http-401", "refused-3", "drop-after", "accepted-garbage", "http-500-text"])
def test_a_prompt_can_ask_for_a_bad_answer_to_itself(caller, name):
    body = {"motion": "low", "image": data_uri(PHOTO.read_bytes()), "prompt": f"[fault:{name}]"}
    try:
        answer = caller.http.post("/mj/submit/video", json=body)
    except httpx.RemoteProtocolError:
        answer = None
    assert answer is None or "Submit success" not in answer.text
    assert caller.post().json()["code"] == 1


def test_a_list_has_the_faults_of_the_tasks_in_it(caller):
    ids = [caller.submit(prompt=prompt) for prompt in ("a", "b [fault:list-leaves-out]", "c [fault:list:http-503*1]")]

    def listed(*wanted):
        return caller.http.post("/mj/task/list-by-condition", json={"ids": [ids[index] for index in wanted]})

    assert {task["id"] for task in listed(0, 1).json()} == {ids[0]}
    assert [listed(0, 2).status_code for _ in range(2)] == [503, 200]
    assert listed(0).status_code == 200


def test_a_clip_has_the_faults_of_its_task(caller):
    ill, well = caller.make(prompt="[fault:clip-404]"), caller.make()
    assert [caller.http.get(task["videoUrl"]).status_code for task in (ill, well)] == [404, 200]


def test_a_name_that_is_none_is_refused_before_anything_is_accepted(caller):
    answer = caller.post(prompt="[fault:http502]")
    assert answer.json()["code"] == 4
    assert "http-502" in answer.json()["description"]
    assert accepted(caller) == 0
