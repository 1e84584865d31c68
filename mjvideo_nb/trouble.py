"""What an answer that is not the wished-for one means: error bodies -> our errors.

The service's errors have five shapes and many authors. `trouble_of` reads any of them; the other functions decide which
of our errors it is, what that means for the money, and what to do next. Pure functions, as in `wire`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from .errors import (
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
)

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Reply",
    "Trouble",
    "clean",
    "date_of",
    "decode",
    "lookup_error",
    "not_found",
    "parent_not_ready",
    "refusal",
    "refuse_by_status",
    "says_no_such_task",
    "trouble_of",
    "uncertain",
]

QUEUE_FULL, BANNED, SATURATED = 23, 24, 30
WRONG_QUESTION = frozenset({400, 402, 406, 410, 413, 414, 415, 422})
"""Statuses of a look that the same look would get again."""
NOTHING_CHARGED = "Nothing was charged."
QUOTA = re.compile(
    r"quota_not_enough|insufficient[ _]*(user[ _]*)?quota|quota[ _]*exhausted|余额不足|额度不足", re.IGNORECASE
)
NO_SUCH_TASK = re.compile(r"task_no_?t?_?found|task[ _]not[ _]found|task_not_exist", re.IGNORECASE)
PROMPT_WANTED = re.compile(
    r"prompt[\W_]*(is |cannot be |must not be |may not be )?(required|empty|missing)", re.IGNORECASE
)
REQUEST_ID = re.compile(r"request[ _]id:? *([\w-]{6,})", re.IGNORECASE)
REQUEST_ID_HEADERS = ("x-request-id", "x-oneapi-request-id", "cf-ray")
WORDS_LIMIT = 2_000
DEEPEST = 64
"""Levels of a JSON value; a real answer has five."""
LONGEST_NUMBER = 1_000
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as it came: status, headers with lower-case names, body."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx. In a submit's answer that can still be a refusal."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Trouble:
    """What an error body says, whichever of its shapes it has."""

    words: str
    code: int | str | None
    properties: Mapping[str, Any]


def decode(content: bytes) -> Any:
    """The JSON value of a body, or None where there is none to read.

    What comes out can go anywhere that JSON can: it holds no infinity, no half characters, and no depth at which another
    encoder would give up.
    """
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_countable)
    except (ValueError, RecursionError):
        return None
    if _looks_deep(content) and _is_deep(value):
        return None
    return _whole(value) if b"\\ud" in content or b"\\uD" in content else value


def _countable(digits: str) -> int | str:
    """A whole number; one with thousands of digits, which Python refuses to read, as text: it must not spoil the rest."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _looks_deep(content: bytes) -> bool:
    """Whether the value may be too deep; quick, because every answer is asked. Brackets in texts can deceive it."""
    brackets = content.translate(None, NO_BRACKETS)
    for level in range(DEEPEST):
        rest = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(brackets) - len(rest) <= 2:  # nothing more, a lone chain, or what the texts have left
            return level + len(rest) > DEEPEST
        brackets = rest
    return True


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _whole(value: Any) -> Any:
    """The value with a question mark for each half of a character."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {clean(name): _whole(item) for name, item in value.items()}
    return value


def clean(value: Any) -> str:
    """Text that every later encoder accepts: a lone surrogate becomes a question mark."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _code(value: Any) -> int | str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        value = clean(value).strip()
        return int(value) if re.fullmatch(r"-?\d{1,9}", value) else value or None
    return value if isinstance(value, int) else None


def trouble_of(body: Any) -> Trouble:
    """What an error body says: `error` as object or text, or `description`, or `message`."""
    if not isinstance(body, Mapping):
        return Trouble("", None, {})
    properties = body.get("properties")
    inner = body.get("error")
    source: Mapping[str, Any] = inner if isinstance(inner, Mapping) else body
    candidates = (source.get("message"), source.get("description"), inner, body.get("message"), source.get("type"))
    words = next((text for text in (clean(c).strip() for c in candidates) if text), "")
    code = _code(source.get("code"))
    return Trouble(words[:WORDS_LIMIT], code, properties if isinstance(properties, Mapping) else {})


def _error(kind: type[MJVideoError], reply: Reply, trouble: Trouble, *sentences: str, task_id: str = "") -> Any:
    """An error of this kind: the service's words first, then what it means and what to do."""
    said = f"“{trouble.words}”" if trouble.words else f"HTTP {reply.status}"
    if trouble.words and trouble.code not in {None, ""}:
        said += f" (code {trouble.code})"
    elif trouble.words and not reply.ok:
        said += f" (HTTP {reply.status})"
    error = kind(
        " ".join((f"{said}.", *(s for s in sentences if s))),
        status=reply.status,
        code=trouble.code,
        description=trouble.words,
        request_id=_request_id(reply, trouble),
        task_id=task_id,
    )
    error.retry_after = _retry_after(reply.headers)
    return error


def _request_id(reply: Reply, trouble: Trouble) -> str:
    """The gateway's name for this request: in a header, or at the end of its words."""
    named = next((reply.headers[name] for name in REQUEST_ID_HEADERS if reply.headers.get(name)), "")
    found = None if named else REQUEST_ID.search(trouble.words)
    return found[1] if found else named


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; its rarer form, a date, is held against the service's own clock."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        then, now = date_of(value), date_of(headers.get("date", ""))
        seconds = (then - now).total_seconds() if then and now else math.nan
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def date_of(value: str) -> datetime | None:
    """A date of an HTTP header, or None where there is none to read."""
    if not value:
        return None
    # Here, because they take longer to load than this module, and few answers hold a date that matters.
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def uncertain(reply: Reply, what: str, trouble: Trouble, task_id: str = "") -> SubmissionUncertain:
    """The error for an answer that leaves open whether the request was accepted."""
    said = f": “{trouble.words}”" if trouble.words else ""
    pick_up = f"It may be task {task_id}: fetch that id to see. " if task_id else ""
    error: SubmissionUncertain = _error(SubmissionUncertain, reply, trouble, task_id=task_id)
    error.args = (
        f"{what} (HTTP {reply.status}){said}. The request may have been accepted and billed, so it is not sent again "
        f"by itself. {pick_up}Look at the provider's task list or balance before sending it again.",
    )
    return error


def parent_not_ready(error: MJVideoError) -> bool:
    """Whether an extend was refused only because its parent has just ended."""
    return "task_status_not_success" in f"{error.code} {error.description}"


def says_no_such_task(trouble: Trouble) -> bool:
    """Whether the words are those of an unknown id."""
    return bool(NO_SUCH_TASK.search(f"{trouble.words} {trouble.code}"))


def refusal(reply: Reply, trouble: Trouble) -> MJVideoError:
    """The error for a body that says no under a 2xx."""
    error: MJVideoError
    if trouble.code == QUEUE_FULL:
        error = _error(QueueFull, reply, trouble, NOTHING_CHARGED, "Send it again in a few minutes.")
    elif trouble.code == SATURATED:
        error = _error(RateLimited, reply, trouble, NOTHING_CHARGED, "Send it again in a minute.")
    elif trouble.code == BANNED:
        error = _banned(reply, trouble)
    else:
        error = _refused(reply, trouble)
    return error


def _refused(reply: Reply, trouble: Trouble) -> Any:
    if QUOTA.search(f"{trouble.words} {trouble.code}"):
        return _error(QuotaError, reply, trouble, NOTHING_CHARGED, "Top up the account, then send it again.")
    error = _error(Refused, reply, trouble, NOTHING_CHARGED)
    if parent_not_ready(error):
        advice = "The clip's task has only just ended, or not succeeded: wait 15 seconds, then extend again."
    elif trouble.code == 3 or says_no_such_task(trouble):
        advice = "The parent task is unknown to the service, or it has no account free: check the id, or try later."
    elif trouble.code in {5, 9}:
        advice = "The gateway has trouble of its own: try again later."
    elif PROMPT_WANTED.search(trouble.words):
        advice = "This gateway takes no empty prompt: write one and generate again."
    else:
        advice = "Change what it objects to and generate again."
    error.args = (f"{error.args[0]} {advice}",)
    return error


def _banned(reply: Reply, trouble: Trouble) -> Any:
    word = clean(trouble.properties.get("bannedWord")).strip()
    advice = f"Take “{word}” out of the prompt" if word and word not in trouble.words else "Change the prompt"
    error = _error(BannedPrompt, reply, trouble, NOTHING_CHARGED, f"{advice} and generate again.")
    error.banned_word = word
    return error


def refuse_by_status(reply: Reply, body: Any, trouble: Trouble) -> NoReturn:
    """What an HTTP status other than 2xx means for a submit."""
    status = reply.status
    if status == 429 or trouble.code == SATURATED:
        raise _error(RateLimited, reply, trouble, NOTHING_CHARGED, "Send it again in a minute.")
    if status == 401:
        raise _key_refused(reply, trouble, NOTHING_CHARGED)
    if status == 402 or (status in {400, 403} and QUOTA.search(f"{trouble.words} {trouble.code}")):
        raise _error(QuotaError, reply, trouble, NOTHING_CHARGED, "Top up the account, then send it again.")
    if status == 413:
        raise _error(Refused, reply, trouble, NOTHING_CHARGED, "The first frame is too large: give a smaller one.")
    if status == 403:
        raise _error(
            Refused, reply, trouble, NOTHING_CHARGED, "Check with the provider what this key or address may do."
        )
    if 300 <= status < 400 or status in {404, 405}:
        raise _wrong_address(reply, trouble, NOTHING_CHARGED)
    if status in {400, 415, 422} or _says_invalid(reply, body):
        raise _refused(reply, trouble)
    raise uncertain(reply, "The service failed on the request", trouble)


def lookup_error(reply: Reply, body: Any, trouble: Trouble, task_id: str) -> MJVideoError:
    """What went wrong with a question about tasks; none of it touches the tasks or the money."""
    goes_on = "This was only a look at the task: it goes on, and nothing more is charged."
    error: MJVideoError
    if reply.status == 429 or trouble.code == SATURATED:
        error = _error(RateLimited, reply, trouble, goes_on, "It will be looked at again later.", task_id=task_id)
    elif reply.status == 401:
        error = _key_refused(reply, trouble, goes_on, task_id)
    elif reply.status == 403:
        advice = "Check with the provider what this key may do."
        error = _error(Refused, reply, trouble, goes_on, advice, task_id=task_id)
    elif 300 <= reply.status < 400 or reply.status in {404, 405}:
        error = _wrong_address(reply, trouble, goes_on, task_id)
    elif reply.status in WRONG_QUESTION or _says_invalid(reply, body):
        advice = "It does not take the question: check the id."
        error = _lasting(reply, trouble, goes_on, advice, task_id)
    elif reply.ok and body is None:
        unreadable = Trouble("the answer is not JSON", None, {})
        advice = "Try again; if it stays, check the base URL."
        error = _error(ServiceError, reply, unreadable, goes_on, advice, task_id=task_id)
    else:
        error = _error(ServiceError, reply, trouble, goes_on, "Try again in a moment.", task_id=task_id)
    return error


def _says_invalid(reply: Reply, body: Any) -> bool:
    """Whether a 500 means the parameters, as CometAPI's envelope can say."""
    envelope = body.get("error") if isinstance(body, Mapping) else None
    return reply.status == 500 and isinstance(envelope, Mapping) and envelope.get("code") == "invalid_request"


def _key_refused(reply: Reply, trouble: Trouble, money: str, task_id: str = "") -> Any:
    advice = "Check the key (COMETAPI_KEY or api_key=) and that it has credit."
    return _error(AuthenticationError, reply, trouble, money, advice, task_id=task_id)


def _wrong_address(reply: Reply, trouble: Trouble, money: str, task_id: str = "") -> Any:
    advice = "There is no video service at this address: check the base URL (COMETAPI_BASE_URL or base_url=)."
    return _lasting(reply, trouble, money, advice, task_id)


def _lasting(reply: Reply, trouble: Trouble, money: str, advice: str, task_id: str) -> ServiceError:
    error: ServiceError = _error(ServiceError, reply, trouble, money, advice, task_id=task_id)
    error.lasting = True
    return error


def not_found(reply: Reply, task_id: str, trouble: Trouble) -> TaskNotFound:
    """The error for an id that the service does not know."""
    unknown = Trouble(f"the service does not know task {task_id}", trouble.code, {})
    advice = "Check the id, and that the key and base URL are those it was made with."
    error: TaskNotFound = _error(TaskNotFound, reply, unknown, advice, task_id=task_id)
    error.description = trouble.words
    return error
