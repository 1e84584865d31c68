"""Everything that can go wrong with the service, by name.

Nothing here knows of tasks or clips: a fault is a canned answer, a change to an answer, or a planned end, and the routes
ask for the kinds that they can have.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from mjvideo_nb.sandbox.answers import Json, envelope, page, refused, upstream_error
from mjvideo_nb.sandbox.tasks import Ending

API = ("submit", "fetch", "list")
ROUTES = (*API, "image", "clip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    `says` is for people; `routes` are those it happens on unless told otherwise; `value` is the default of its one number.
    """

    says: str
    routes: tuple[str, ...] = ("submit",)
    value: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Fault):
    """The answer comes `value` seconds late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop(Fault):
    """The connection ends without an answer; with `accepted`, after the route did its work."""

    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead(Fault):
    """The route does nothing and answers this."""

    answer: Callable[[float], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Fault):
    """The route does its work; then its JSON is sent like this."""

    send: Callable[[Any], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Fault):
    """A task that is accepted ends like this."""

    ending: Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class NewId(Fault):
    """A task that is accepted gets an id that begins like this."""

    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyPrompt(Fault):
    """An empty prompt is refused, as some proxies do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Fault):
    """A task is shown like this, by fetch and in a list; `while_` says in which of its statuses.

    The change is given the task as JSON, the number of times it was asked for in that phase (from 1), and `value`.
    """

    change: Callable[[Json, int, float], Json]
    while_: str
    routes: tuple[str, ...] = ("fetch", "list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Fault):
    """How an id that nobody knows is answered."""

    answer: Callable[[], Response]
    routes: tuple[str, ...] = ("fetch",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Fault):
    """What becomes of the list."""

    change: Callable[[list[Json]], list[Json]]
    routes: tuple[str, ...] = ("list",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(Fault):
    """What is sent instead of a clip, given its bytes and the request's path on another origin."""

    answer: Callable[[bytes, str], Response]
    routes: tuple[str, ...] = ("clip",)


def _page(status: int, title: str) -> Callable[[float], Response]:
    return lambda _: page(status, title)


def _submit_code(code: int, description: str) -> Callable[[Any], Response]:
    return lambda body: JSONResponse({**body, "code": code, "description": description})


def _urls(body: Json) -> list[str]:
    return [item["url"] for item in body["videoUrls"]]


def _late(body: Json, asked: int, polls: float) -> Json:
    if asked > polls:
        return body
    return {**body, "videoUrls": [], "videoUrl": "", "imageUrl": ""}


def _each_url(body: Json, change: Callable[[str], str]) -> Json:
    urls = [change(url) for url in _urls(body)]
    return {**body, "videoUrl": urls[0], "videoUrls": [{"url": url} for url in urls]}


def _path_of(url: str) -> str:
    return "/" + url.split("://", 1)[1].split("/", 1)[1]


def _without(body: Json, *names: str) -> Json:
    return {name: value for name, value in body.items() if name not in names}


class _CutShort(Response):
    """Promises all the bytes and sends half of them."""

    def __init__(self, clip: bytes) -> None:
        super().__init__(clip[: len(clip) // 2], media_type="video/mp4", headers={"Content-Length": str(len(clip))})


_FAILURES = {
    "fail-timeout": "Job Timeout",
    "fail-banned": "[Banned prompt detected] The prompt may break the community guidelines.",
    "fail-image-denied": "[Image denied] The image was denied by the moderators.",
    "fail-invalid-link": "[Invalid link!] The image could not be fetched.",
    "fail-invalid-parameter": "[Invalid parameter] Unrecognized parameter(s): `--foo`",
    "fail-internal": "[Internal error] Something went wrong.",
    "fail-timeout-5-minutes": "执行超时 5 分钟",
    "fail-timeout-1-hour": "上游任务超时（超过1小时）",
    "fail-sensitive": "可能包含敏感词",
}

TABLE: dict[str, Fault] = {
    # The connection.
    "slow": Slow(says="every answer comes `value` seconds late", routes=API, value=5),
    "drop-before": Drop(says="the connection is cut before the request is read", routes=API, accepted=False),
    "drop-after": Drop(says="accepted and billed, then the connection is cut: the answer is lost", accepted=True),
    # Refusals.
    "refused-3": Instead(
        says="code 3: no account available", answer=lambda _: refused(3, "No available account instance")
    ),
    "refused-4": Instead(says="code 4: validation", answer=lambda _: refused(4, "Parameter error")),
    "quota": Instead(
        says="quota used up, as the gateway says it", answer=lambda _: upstream_error("quota_not_enough ")
    ),
    "quota-200": Instead(says="quota used up, in a 200", answer=lambda _: refused(4, "quota_not_enough")),
    "refused-5": Instead(says="code 5: no upstream", answer=lambda _: refused(5, "do_request_failed")),
    "refused-9": Instead(says="code 9: system failure", answer=lambda _: refused(9, "System exception")),
    "refused-negative": Instead(
        says="code -1 in its own shape",
        answer=lambda _: JSONResponse({"success": False, "code": -1, "message": "The service is being updated"}),
    ),
    "queue-full": Instead(
        says="code 23, with an id that leads nowhere",
        answer=lambda _: refused(23, "The queue is full, please try later", result="17333149421776840"),
    ),
    "banned-word": Instead(
        says="code 24 with the word",
        answer=lambda _: refused(
            24,
            "May contain sensitive words",
            properties={"promptEn": "a crowd storms the gate", "bannedWord": "storms"},
        ),
    ),
    "saturated": Instead(
        says="code 30 with HTTP 429", answer=lambda _: upstream_error("The current group load is saturated ", 429, 30)
    ),
    "parent-not-ready": Instead(
        says="task_status_not_success, whatever the parent is",
        answer=lambda _: upstream_error("task_status_not_success "),
    ),
    "empty-prompt": EmptyPrompt(says="an empty prompt is refused: prompt_required"),
    # HTTP errors.
    "http-301": Instead(says="301, as on a wrong path", answer=lambda _: RedirectResponse("/", 301), routes=API),
    "http-400": Instead(says="400 in the envelope", answer=lambda _: envelope(400, "bad request"), routes=API),
    "http-401": Instead(says="key wrong or used up", answer=lambda _: envelope(401, "invalid token"), routes=API),
    "http-403": Instead(says="blocked", answer=lambda _: envelope(403, "access denied", "forbidden"), routes=API),
    "http-413": Instead(says="body too large, HTML", answer=_page(413, "Request Entity Too Large")),
    "http-429": Instead(
        says="slow down, with Retry-After of `value` seconds",
        answer=lambda wait: envelope(429, "rate limit reached", "rate_limit", {"Retry-After": f"{wait:g}"}),
        routes=API,
        value=1,
    ),
    "http-429-empty": Instead(
        says="slow down, and no body at all", answer=lambda _: Response(status_code=429), routes=API
    ),
    "http-500": Instead(says="500 in the envelope, code empty", answer=lambda _: envelope(500, "internal"), routes=API),
    "http-500-invalid": Instead(
        says="500 that means parameters: invalid_request",
        answer=lambda _: envelope(500, "invalid request", "invalid_request"),
        routes=API,
    ),
    "http-500-text": Instead(
        says='500 with {"error": "text"}',
        answer=lambda _: JSONResponse({"error": "upstream connect error"}, 500),
        routes=API,
    ),
    "http-500-html": Instead(says="500, HTML", answer=_page(500, "Internal Server Error"), routes=API),
    "http-502": Instead(says="502, HTML", answer=_page(502, "Bad Gateway"), routes=API),
    "http-503": Instead(says="503, HTML", answer=_page(503, "Service Unavailable"), routes=API),
    "http-504": Instead(says="504, HTML", answer=_page(504, "Gateway Time-out"), routes=API),
    "http-524": Instead(says="524, HTML", answer=_page(524, "A Timeout Occurred"), routes=API),
    "garbage": Instead(says="200 and no JSON", answer=lambda _: Response(b'{"code":1,"resu', 200), routes=API),
    "html": Instead(says="200 and a page", answer=_page(200, "Welcome"), routes=API),
    # Accepted, and the answer is odd.
    "accepted-22": Answer(says="code 22: queued", send=_submit_code(22, "In queue, 1 task ahead")),
    "accepted-21": Answer(says="code 21: exists already", send=_submit_code(21, "Task already exists")),
    "accepted-integer-id": Answer(
        says="the id is a bare number", send=lambda body: JSONResponse({**body, "result": int(body["result"])})
    ),
    "accepted-leading-zero": NewId(says="the id begins with a zero", prefix="0"),
    "accepted-null-properties": Answer(
        says="properties is null", send=lambda body: JSONResponse({**body, "properties": None})
    ),
    "accepted-garbage": Answer(
        says="accepted and billed, but the 200 cannot be read",
        send=lambda _: Response(b"\x1f\x8b\x00 not what it says"),
    ),
    "accepted-500": Answer(
        says="accepted and billed, but the answer is a 500", send=lambda _: envelope(500, "write: broken pipe")
    ),
    "bom": Answer(
        says="the JSON begins with a byte order mark",
        send=lambda body: Response(b"\xef\xbb\xbf" + json.dumps(body).encode(), media_type="application/json"),
        routes=API,
    ),
    # The task's end.
    **{name: Plan(says=f"FAILURE: {reason}", ending=Ending("FAILURE", reason)) for name, reason in _FAILURES.items()},
    "fail-progress-100": Plan(
        says='FAILURE with progress "100%"', ending=Ending("FAILURE", "[Internal error] Something went wrong.", "100%")
    ),
    "fail-no-reason": Plan(says="FAILURE without a word", ending=Ending("FAILURE")),
    "cancel": Plan(says="CANCEL", ending=Ending("CANCEL")),
    "modal": Plan(says="MODAL: waits for an input for ever", ending=Ending("MODAL", progress="0%", at=0.2)),
    "stuck": Plan(says="stays IN_PROGRESS for ever", ending=Ending("IN_PROGRESS", progress="46%", at=0.5)),
    # The task on its way.
    "status-unknown": View(
        says="a status that nobody knows while it runs",
        while_="running",
        change=lambda body, *_: {**body, "status": "WAITING_FOR_GPU"},
    ),
    "status-not-start": View(
        says="NOT_START while it runs", while_="running", change=lambda body, *_: {**body, "status": "NOT_START"}
    ),
    "status-steps-back": View(
        says="every second poll of a running task says SUBMITTED again",
        while_="running",
        change=lambda body, asked, _: body if asked % 2 else {**body, "status": "SUBMITTED", "progress": "0%"},
    ),
    "progress-empty": View(
        says="no progress while it runs", while_="running", change=lambda body, *_: {**body, "progress": ""}
    ),
    # Where the clips are.
    "urls-late": View(says="no URLs in the first `value` polls after SUCCESS", while_="SUCCESS", change=_late, value=3),
    "urls-never": View(says="SUCCESS, and never a URL", while_="SUCCESS", change=lambda body, *_: _late(body, 0, 1)),
    "urls-strings": View(
        says="videoUrls holds strings", while_="SUCCESS", change=lambda body, *_: {**body, "videoUrls": _urls(body)}
    ),
    "urls-other-key": View(
        says="videoUrls holds objects with videoUrl and thumbnail",
        while_="SUCCESS",
        change=lambda body, *_: {
            **body,
            "videoUrls": [{"videoUrl": url, "thumbnail": body["imageUrl"]} for url in _urls(body)],
        },
    ),
    "urls-one": View(says="videoUrl only", while_="SUCCESS", change=lambda body, *_: {**body, "videoUrls": None}),
    "urls-root": View(
        says="a root url only",
        while_="SUCCESS",
        change=lambda body, *_: {**_without(body, "videoUrl", "videoUrls"), "url": body["videoUrl"]},
    ),
    "urls-relative": View(
        says="URLs relative to the base URL", while_="SUCCESS", change=lambda body, *_: _each_url(body, _path_of)
    ),
    "urls-double-slash": View(
        says="doubled slashes in the URLs",
        while_="SUCCESS",
        change=lambda body, *_: _each_url(body, lambda url: url.replace("/mj/", "//mj//")),
    ),
    "urls-in-properties": View(
        says="the URLs are inside properties",
        while_="SUCCESS",
        change=lambda body, *_: {
            **_without(body, "videoUrl", "videoUrls"),
            "properties": {"videoUrl": body["videoUrl"], "videoUrls": body["videoUrls"]},
        },
    ),
    "image-is-video": View(
        says="imageUrl is the one video",
        while_="SUCCESS",
        change=lambda body, *_: {**body, "imageUrl": body["videoUrl"], "videoUrl": "", "videoUrls": []},
    ),
    "clips-fewer": View(
        says="two clips instead of four",
        while_="SUCCESS",
        change=lambda body, *_: {**body, "videoUrls": body["videoUrls"][:2]},
    ),
    "nulls": View(
        says="buttons and properties are null",
        while_="SUCCESS",
        change=lambda body, *_: {**body, "buttons": None, "properties": None},
    ),
    # Lists and unknown ids.
    "list-missing": Instead(says="no list route here: 404", answer=_page(404, "Not Found"), routes=("list",)),
    "list-without-urls": Listed(
        says="tasks in a list have no video URLs",
        change=lambda tasks: [_without(task, "videoUrl", "videoUrls") for task in tasks],
    ),
    "list-leaves-out": Listed(
        says="the list leaves out the first task and every second one after it", change=lambda tasks: tasks[1::2]
    ),
    "list-empty": Listed(says="the list is empty", change=lambda _: []),
    "unknown-204": Unknown(says="an unknown id: 204", answer=lambda: Response(status_code=204)),
    "unknown-null": Unknown(says="an unknown id: 200 and null", answer=lambda: JSONResponse(None)),
    "task-forgotten": Instead(
        says="a known id is answered as unknown", answer=lambda _: upstream_error("task_no_found "), routes=("fetch",)
    ),
    # The files.
    "clip-cut": Clip(says="the connection ends half way through the clip", answer=lambda clip, _: _CutShort(clip)),
    "clip-short": Clip(
        says="half a clip, and the length says so too",
        answer=lambda clip, _: Response(clip[: len(clip) // 2], media_type="video/mp4"),
    ),
    "clip-empty": Clip(says="no bytes", answer=lambda *_: Response(b"", media_type="video/mp4")),
    "clip-html": Clip(says="a page under 200", answer=lambda *_: page(200, "Sign in to continue")),
    "clip-403": Clip(says="403", answer=lambda *_: Response("<Error>AccessDenied</Error>", 403)),
    "clip-404": Clip(says="404", answer=lambda *_: Response("<Error>NoSuchKey</Error>", 404)),
    "clip-410": Clip(says="410", answer=lambda *_: Response("<Error>Expired</Error>", 410)),
    "clip-redirect": Clip(
        says="a redirect to another origin", answer=lambda _, elsewhere: RedirectResponse(elsewhere, 302)
    ),
}
