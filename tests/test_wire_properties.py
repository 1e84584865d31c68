"""Whatever a service answers, what comes out is a model or one of our errors, fit to be shown, kept and sent on.

The bodies are real answers, changed: a value replaced, a field taken away, added or renamed, a part wrapped, the bytes
cut, flipped or prefixed. So most of them reach the code that reads clips, codes and words.
"""

import copy
import json
import math
from random import Random
from urllib.parse import urlsplit

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mjvideo_nb import MJVideoError, Motion, Task, VideoRequest, wire
from mjvideo_nb.trouble import Reply
from tests.properties import TRIED, examples

BODIES = 102
"""In one example: drawing a value costs more than reading a hundred answers that hold it."""
BASE = "https://gateway.example/mj-fast"
REQUEST = VideoRequest(image="https://x.example/a.jpg")
ID = "0773314942177684"

CLIP = "https://cdn.example/0_0.mp4"
REAL = [
    {"code": 1, "description": "Submit success", "result": "1773314942177684", "properties": {}},
    {"code": 22, "description": "In queue, 1 task ahead", "result": 1773314942177684, "properties": None},
    {"code": 21, "description": "exists already", "result": ID},
    {"code": 23, "description": "queue full", "result": "99"},
    {"code": 24, "description": "banned", "properties": {"bannedWord": "storms", "promptEn": "a crowd storms"}},
    {"code": 4, "description": "quota_not_enough ", "type": "upstream_error"},
    {"success": False, "code": -1, "message": "The service is being updated"},
    {"error": {"message": "invalid token", "type": "invalid_request_error", "param": "", "code": ""}},
    {"error": "upstream connect error"},
    {"description": "task_no_found ", "type": "upstream_error", "code": 4},
    {"id": ID, "action": "VIDEO", "status": "", "progress": "", "buttons": [], "imageUrl": ""},
    {"id": ID, "action": "VIDEO", "status": "IN_PROGRESS", "progress": "46%", "buttons": None, "properties": None},
    {"id": ID, "status": "FAILURE", "progress": "100%", "failReason": "[Banned prompt detected] 可能包含敏感词"},
    {
        "id": ID,
        "action": "VIDEO",
        "prompt": "petals open",
        "description": "/video petals open",
        "submitTime": 1757399847039,
        "finishTime": 1757399950000,
        "imageUrl": "https://gateway.example//mj/image/1",
        "videoUrl": CLIP,
        "videoUrls": [{"url": CLIP}, {"videoUrl": "/mj/video/1.mp4", "thumbnail": "/t.jpg"}, "a//b.mp4", None],
        "status": "SUCCESS",
        "progress": "100%",
        "failReason": "",
        "buttons": [{"customId": "MJ::JOB::video_virtual_upscale::1::x", "label": "U1", "type": 2, "style": 2}],
        "properties": {"finalPrompt": "", "videoUrls": [CLIP], "videoUrl": CLIP},
    },
    {"id": int(ID), "status": "SUCCESS", "imageUrl": CLIP, "url": "video/1.webm", "properties": {"imageUrl": CLIP}},
]
REAL += [body for body in REAL if "status" in body or body.get("code") == 1]  # weight where most is read
NAMES = sorted({name for body in REAL for name in body} | {"result", "thumbnail", "bannedWord", "param"})

HUGE = "\x00a number of 5000 digits\x00"
ENDLESS = "\x00a number beyond all floats\x00"
ODD_TEXTS = [
    "",
    " ",
    "\x00",
    "\ud83d",
    "\udc00x",
    "\u202e",
    "http://[",
    "//",
    "/",
    "///a",
    "a.mp4",
    "javascript:alert(1)",
]
ODD_TEXTS += [
    "http://a:b@c/d.mp4",
    "HTTPS://X/A.MP4",
    "https://x:99999/a.mp4",
    "//host.example/a.mp4",
    "data:,x",
    "?",
    "#",
]
ODD_TEXTS += [
    "1e999",
    "-5%",
    "46.7 %",
    "NaN",
    "inf",
    "9" * 5000,
    "success",
    "Success ",
    "MODAL",
    "task_no_found",
    "22",
    "-1",
]
ODD_TEXTS += [
    "http://gateway.example/a//b",
    "https://gateway.example//a//b.mp4",
    "x" * 10_000,
    "\r\nSet-Cookie: a=b",
    "é" * 300,
]
ODD = [None, True, False, 0, -1, 1, 3, 21, 22, 23, 24, 30, 2**63, 10**400, -0.0, 1.5, 1e308, math.nan, -math.inf]
ODD += [HUGE, ENDLESS, [], {}, [[]], [None], {"": None}, {"url": {}}, {"url": [CLIP]}, {"message": {}}, [CLIP] * 200]

scalars = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(ODD_TEXTS),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.text(st.characters(categories=["Cs", "Cc", "Lo"]), max_size=8),
    st.sampled_from(NAMES),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)
statuses = [200] * 60 + [201, 204, 301, 400, 400, 401, 402, 403, 404, 408, 413, 429, 429, 500, 500, 502, 503, 524, 599]
odd_headers = [
    {},
    {},
    {},
    {"retry-after": "7"},
    {"retry-after": "nan"},
    {"retry-after": "Mon, 99 Xxx"},
    {"x-request-id": "r"},
]


def places(value):
    """Every container in a body, the body itself first."""
    found = [value]
    for each in found:
        if len(found) > 60:
            break
        children = each.values() if isinstance(each, dict) else each
        found += [child for child in children if isinstance(child, dict | list) and child]
    return found


def mutated(random, drawn):
    """A real answer with some of its parts changed into what was drawn."""
    body = copy.deepcopy(random.choice(REAL))
    if random.random() < 0.3:
        body = [body, *copy.deepcopy([random.choice(REAL), random.choice(drawn)])]
    for _ in range(random.choice([1, 1, 2, 2, 3, 6])):
        place = random.choice(places(body))
        value = copy.deepcopy(random.choice(drawn))
        if isinstance(place, list):
            place[random.randrange(len(place))] = value
            continue
        name = random.choice(list(place))
        match random.randrange(8):
            case 0 | 1 | 2:
                place[name] = value
            case 3:
                place[random.choice(NAMES)] = value
            case 4 if len(place) > 1:
                del place[name]
            case 5:
                place[name] = [place[name]]
            case 6:
                place[name] = {random.choice(NAMES): place[name]}
            case _:
                place[random.choice(NAMES)] = copy.deepcopy(place[name])
    return body


def deepened(random, body):
    """Around a body, or within it, more levels than anybody needs."""
    depth = random.choice([3, 30, 60, 62, 66, 300, 2_000, 100_000])
    if random.random() < 0.5:
        return "[" * depth + as_json(body) + "]" * depth
    name = json.dumps(random.choice(NAMES))
    body["properties" if isinstance(body, dict) else 0] = HUGE
    return as_json(body).replace("9" * 5000, f"{{{name}:" * depth + "1" + "}" * depth, 1)


def text_of(random, body):
    if random.random() < 0.03:
        return deepened(random, body)
    return as_json(body, escaped=random.random() < 0.6)


def as_json(body, *, escaped=True):
    """As JSON, with the numbers that Python refuses to write or read by default."""
    text = json.dumps(body, ensure_ascii=escaped)
    for mark, number in ((HUGE, "9" * 5000), (ENDLESS, "1e999")):
        text = text.replace(json.dumps(mark, ensure_ascii=escaped), number)
    return text


def made_up(random):
    """A number, a percentage, a link or a word that nobody has thought of."""
    number = random.getrandbits(random.choice([4, 10, 64]))
    text = "".join(
        chr(random.choice([*b"./:%[]{}?#-_ ", *range(97, 123), 0xE9, 0x4E2D, 0xD83D])) for _ in range(number % 12)
    )
    return random.choice(
        [number, -number, number / 7, f"{number}%", f"/mj/{text}{number}.mp4", f"https://{text}", text]
    )


def damaged(random, content):
    """The bytes as a bad connection or an odd server leaves them."""
    match random.randrange(24):
        case 0:
            return b"\xef\xbb\xbf" + content
        case 1:
            return content[: random.randrange(len(content) + 1)]
        case 2 if content:
            at = random.randrange(len(content))
            return content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
        case 3:
            return content + random.choice([b" ", b"\n", b"}", b"\x00", content])
        case 4:
            return content.decode().encode(random.choice(["utf-16", "utf-8-sig", "utf-32"]))
        case 5:
            return random.choice(
                [b"", b"null", b" null\n", b"<html>502</html>", b"NaN", b"[]", b'""', b"0", content[::-1]]
            )
        case _:
            return content


class Census:
    """What was read, so that a hundred thousand is counted and not believed."""

    def __init__(self):
        self.read, self.contents, self.tasks, self.clips, self.errors = 0, set(), 0, 0, set()


def fit_to_go_anywhere(task):
    assert isinstance(task.id, str)
    assert task.id
    assert isinstance(task.status, str)
    assert task.progress is None or (type(task.progress) is int and 0 <= task.progress <= 100)
    f"{task.id} {task.status} {task.fail_reason}".encode()
    assert json.loads(json.dumps(task.raw, allow_nan=False)) == task.raw
    json.dumps(task.raw, ensure_ascii=False).encode()
    assert repr(task)
    assert repr(task.raw)
    copy.deepcopy(task)
    assert [clip.index for clip in task.clips] == sorted({clip.index for clip in task.clips})
    for clip in task.clips:
        assert clip.task_id == task.id
        parts = urlsplit(clip.url)
        assert parts.scheme in {"http", "https"}
        assert parts.hostname
        f"{clip.url} {clip.thumbnail}".encode()
        assert not clip.thumbnail or urlsplit(clip.thumbnail).scheme in {"http", "https"}


def says_what_happened(error, reply):
    assert error.status == reply.status
    assert str(error)
    assert isinstance(error.code, int | str | None)
    assert error.retry_after is None or 0 <= error.retry_after < math.inf
    f"{error} {error.description} {error.task_id} {error.code} {error.request_id}".encode()


def read_all(reply, census):
    for read in (
        lambda: [wire.read_submission(reply, REQUEST)],
        lambda: [wire.read_task(reply, ID, BASE)],
        lambda: list(wire.read_tasks(reply, [ID, "17"], BASE).values()),
    ):
        try:
            tasks = read()
        except MJVideoError as error:
            census.errors.add(type(error).__name__)
            says_what_happened(error, reply)
            continue
        for task in tasks:
            census.tasks += 1
            census.clips += len(task.clips)
            fit_to_go_anywhere(task)


@examples(60, 1_000)
def test_a_hundred_thousand_answers_become_a_model_or_one_of_our_errors(examples):
    """So many with the mark `long`; six thousand by default."""
    census = Census()

    @settings(
        TRIED,
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=st.lists(values, min_size=1, max_size=4), seed=st.integers(0, 2**64))
    def read_many(drawn, seed):
        random = Random(f"{seed} {census.read}")
        for _ in range(BODIES):
            body = mutated(random, [*drawn, random.choice(ODD), random.choice(ODD_TEXTS), made_up(random)])
            content = damaged(random, text_of(random, body).encode("utf-8", "replace"))
            reply = Reply(random.choice(statuses), content, random.choice(odd_headers))
            census.read += 1
            census.contents.add(hash(content))
            try:
                read_all(reply, census)
            except Exception as error:
                error.add_note(f"HTTP {reply.status} {reply.headers} {content[:2000]!r}")
                raise

    read_many()
    assert census.read >= 100 * examples
    assert len(census.contents) >= 80 * examples
    # Most of them were read in depth, and every kind of answer came.
    assert census.tasks >= 30 * examples
    assert census.clips >= 20 * examples
    assert census.errors >= {
        "AuthenticationError",
        "BannedPrompt",
        "QueueFull",
        "QuotaError",
        "RateLimited",
        "Refused",
        "ServiceError",
        "SubmissionUncertain",
        "TaskNotFound",
    }


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
requests = st.builds(
    VideoRequest,
    image=st.just("a.jpg"),
    motion=st.sampled_from([*Motion, "low", "high"]),
    prompt=texts,
    video_type=st.sampled_from(["480p", "720p", "vid_2"]) | texts.filter(bool),
    state=st.none() | texts.filter(lambda text: len(text) <= 255),
    no_storage=st.booleans(),
    extra=st.dictionaries(
        st.sampled_from(["loop", "endImage", "batchSize", "notifyHook"]),
        st.booleans() | texts | st.integers(),
        max_size=3,
    ),
)
extends = st.builds(
    lambda request, index, parent: Task(id=parent, request=request).extend(
        index, state=request.state, extra=request.extra
    ),
    requests,
    st.integers(0, 3),
    texts.filter(bool),
)


def arrives_as_it_was_asked(request, image):
    sent = json.loads(json.dumps(wire.submit_body(request, image)))
    for name, value in request.extra.items():
        assert sent.pop(name) == value
    asked = VideoRequest(
        image=sent.pop("image") or "x",
        motion=sent.pop("motion"),
        prompt=sent.pop("prompt"),
        video_type=sent.pop("videoType"),
        state=sent.pop("state", None),
        no_storage=sent.pop("noStorage", False),
        action=sent.pop("action", None),
        index=sent.pop("index", None),
        task_id=sent.pop("taskId", None),
        extra=request.extra,
    )
    assert sent == {}
    assert asked == VideoRequest(**{**{name: getattr(request, name) for name in vars(request)}, "image": image or "x"})


@examples(150, 1_000)
def test_a_request_arrives_as_it_was_asked(examples):
    settings(TRIED, max_examples=examples)(given(request=requests | extends, image=texts)(arrives_as_it_was_asked))()


def comes_back_as_text(digits, as_number, noise):
    item = {"id": int(digits) if as_number else digits, "status": "SUCCESS", "videoUrl": CLIP}
    body = as_json([*noise, item, *noise]).encode()
    found = wire.read_tasks(Reply(200, body), [digits], BASE)
    assert set(found) == {digits}
    assert found[digits].id == found[digits].clips[0].task_id == digits
    task = wire.read_submission(Reply(200, as_json({"code": 1, "result": item["id"]}).encode()), REQUEST)
    assert task.id == (str(int(digits)) if as_number else digits)


@examples(100, 300)
def test_an_id_comes_back_as_the_text_that_was_asked_for(examples):
    ids = st.from_regex(r"[0-9]{1,17}", fullmatch=True)
    drawn = given(digits=ids, as_number=st.booleans(), noise=st.lists(values, max_size=5))
    settings(TRIED, max_examples=examples)(drawn(comes_back_as_text))()
