"""JSON <-> models: the only place that knows the service's field names and quirks.

Pure functions: no network, no waiting. Whatever comes in, what comes out is a model or one of our errors; what is
unknown is kept in `Task.raw`. The facts are those of the service's API description (CometAPI's pages and the public
gateways of the same protocol); where the layers disagree, both are accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from .errors import TaskFailed
from .models import Clip, Status, Task, VideoRequest
from .trouble import (
    Reply,
    clean,
    decode,
    lookup_error,
    not_found,
    refusal,
    refuse_by_status,
    says_no_such_task,
    trouble_of,
    uncertain,
)

__all__ = [
    "LIST_PATH",
    "SUBMIT_PATH",
    "failure",
    "fetch_path",
    "list_body",
    "read_submission",
    "read_task",
    "read_tasks",
    "submit_body",
]

SUBMIT_PATH = "/mj/submit/video"
LIST_PATH = "/mj/task/list-by-condition"

ACCEPTED = frozenset({1, 21, 22})
REFUSED = frozenset({3, 4, 5, 9, 23, 24, 30, -1})
PLAIN_LINK = re.compile(r"https?://[a-zA-Z0-9.-]+(?::\d{1,5})?(?:/[\w.~%-]+)*", re.ASCII)
"""An absolute link with nothing in it to mend: nearly all are, and taking them apart is most of the work of an answer."""
VIDEO_FILE = re.compile(r"\.(mp4|webm|mov)$", re.IGNORECASE)


def submit_body(request: VideoRequest, image: str) -> dict[str, Any]:
    """The JSON of a submit.

    Args:
        request: what is asked.
        image: its first frame as the service takes it: a public URL or a data URI; `""` only on an extend.

    Returns:
        Every field that was set; `extra` under its own names, which win over ours.

    """
    body: dict[str, Any] = {
        "motion": str(request.motion),
        "image": image,
        "prompt": request.prompt,
        "videoType": request.video_type,
    }
    optional = {
        "action": request.action,
        "index": request.index,
        "taskId": request.task_id,
        "state": request.state,
        "noStorage": request.no_storage or None,
    }
    body.update({name: value for name, value in optional.items() if value is not None})
    body.update(request.extra)
    return body


def fetch_path(task_id: str) -> str:
    """The path of one task."""
    return f"/mj/task/{quote(task_id, safe='')}/fetch"


def list_body(task_ids: Iterable[str]) -> dict[str, Any]:
    """The JSON that asks for many tasks at once."""
    return {"ids": list(task_ids)}


def read_submission(reply: Reply, request: VideoRequest) -> Task:
    """The task that a submit's answer names.

    A 200 can be a refusal: only the body tells. An answer that leaves open whether the request was accepted is a
    `SubmissionUncertain`, never something to repeat.

    Raises:
        MJVideoError: `Refused`, `BannedPrompt`, `QuotaError`, `QueueFull`, `RateLimited`, `AuthenticationError`,
            `ServiceError` when it was surely not accepted; `SubmissionUncertain` when nobody can tell.

    """
    body = decode(reply.content)
    trouble = trouble_of(body)
    if not reply.ok:
        refuse_by_status(reply, body, trouble)
    if not isinstance(body, Mapping):
        raise uncertain(reply, "The answer could not be read", trouble)
    task_id = _identifier(body.get("result"))
    if trouble.code in ACCEPTED:
        if not task_id:
            raise uncertain(reply, "The service accepted the request but sent no task id", trouble)
        return Task(id=task_id, request=request, raw=dict(body))
    if task_id and trouble.code not in REFUSED:
        raise uncertain(reply, f"The service answered with an unknown code, {trouble.code}", trouble, task_id)
    if not trouble.words and trouble.code is None:
        raise uncertain(reply, "The answer says neither yes nor no", trouble)
    raise refusal(reply, trouble)


def read_task(reply: Reply, task_id: str, base_url: str) -> Task:
    """The task that a fetch's answer describes.

    Args:
        reply: the answer to `GET /mj/task/{id}/fetch`.
        task_id: the id that was asked for; it names the task whatever the body says.
        base_url: what relative links are relative to.

    Raises:
        TaskNotFound: the service does not know the id (it says so in three ways).
        MJVideoError: `AuthenticationError`, `RateLimited`, `Refused`, `ServiceError`.

    """
    body = decode(reply.content)
    trouble = trouble_of(body)
    absent = reply.status == 204 or (reply.ok and reply.content.strip() == b"null")
    if absent or (not _is_task(body) and says_no_such_task(trouble)):
        raise not_found(reply, task_id, trouble)
    if not reply.ok or not _is_task(body):
        raise lookup_error(reply, body, trouble, task_id)
    return _task(body, task_id, base_url)


def read_tasks(reply: Reply, task_ids: Iterable[str], base_url: str) -> dict[str, Task]:
    """The tasks of a bulk answer, by id; unknown ids are left out and the order says nothing.

    Raises:
        MJVideoError: as for `read_task`; `ServiceError` also where the body is no array.

    """
    body = decode(reply.content)
    if not reply.ok or not isinstance(body, list):
        raise lookup_error(reply, body, trouble_of(body), "")
    wanted = {task_id: task_id for task_id in task_ids}
    as_number = {task_id.lstrip("0") or "0": task_id for task_id in wanted}
    found: dict[str, Task] = {}
    for item in body:
        if not isinstance(item, Mapping):
            continue
        sent = item.get("id")
        # A bare integer has lost its leading zeros.
        task_id = (wanted if isinstance(sent, str) else as_number).get(_identifier(sent))
        if task_id:
            found[task_id] = _task(item, task_id, base_url)
    return found


def failure(task: Task) -> TaskFailed:
    """The error for a task that ended without clips."""
    if task.status == Status.MODAL:
        what = "It waits for an input that a video task cannot be given"
    elif task.status == Status.CANCEL:
        what = "It was cancelled at the service"
    else:
        what = f"“{task.fail_reason}”" if task.fail_reason else "The service gives no reason"
    return TaskFailed(
        f"{what} (task {task.id}). Most gateways give the price of a failed task back: check the balance. "
        "Change the prompt or the first frame if they are to blame, then generate again.",
        description=task.fail_reason,
        code=task.status,
        task_id=task.id,
    )


def _is_task(body: Any) -> bool:
    return isinstance(body, Mapping) and ("status" in body or "id" in body)


def _task(body: Mapping[str, Any], task_id: str, base_url: str) -> Task:
    status = body.get("status")
    return Task(
        id=task_id,
        status=clean(status).strip().upper() if isinstance(status, str) else Status.ACCEPTED,
        progress=_progress(body.get("progress")),
        clips=_clips(body, task_id, base_url),
        fail_reason=clean(body.get("failReason")).strip(),
        raw=dict(body),
    )


def _progress(value: Any) -> int | None:
    if isinstance(value, str):
        value = value.strip().rstrip("%").strip()
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(max(0, min(100, value)))


def _clips(body: Mapping[str, Any], task_id: str, base_url: str) -> tuple[Clip, ...]:
    """The variants from the first place that holds any."""
    properties = body.get("properties")
    for place in (body, properties if isinstance(properties, Mapping) else {}):
        listed = place.get("videoUrls")
        image = place.get("imageUrl")
        is_video = isinstance(image, str) and VIDEO_FILE.search(_path_of(image))
        for items in (
            listed if isinstance(listed, list) else [],
            [place.get("videoUrl")],
            [place.get("url")],
            [image] if is_video else [],
        ):
            clips = tuple(
                Clip(task_id=task_id, index=index, url=url, thumbnail=thumbnail)
                for index, (url, thumbnail) in enumerate(_link(item, base_url) for item in items)
                if url
            )
            if clips:
                return clips
    return ()


def _link(item: Any, base_url: str) -> tuple[str, str]:
    """URL and thumbnail of one entry: a string, or an object with `url` or `videoUrl`."""
    if isinstance(item, Mapping):
        url = _absolute(item.get("url"), base_url) or _absolute(item.get("videoUrl"), base_url)
        return url, _absolute(item.get("thumbnail"), base_url)
    return _absolute(item, base_url), ""


def _absolute(value: Any, base_url: str) -> str:
    """A link as an absolute http(s) URL, or `""` if it is none."""
    if not isinstance(value, str) or not value.strip():
        return ""
    link = clean(value).strip()
    if PLAIN_LINK.fullmatch(link):
        return link
    try:
        if link.startswith("//") and "." not in link[2:].split("/")[0]:
            link = "/" + link.lstrip("/")  # a doubled slash, not a host
        parts = urlsplit(urljoin(base_url.rstrip("/") + "/", link))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return ""
        if parts.netloc == urlsplit(base_url).netloc:
            # Gateways glue their address and a path together; a storage host's key may really hold "//".
            parts = parts._replace(path=re.sub(r"/{2,}", "/", parts.path))
        return urlunsplit(parts)
    except ValueError:
        return ""


def _path_of(link: str) -> str:
    try:
        return urlsplit(link).path
    except ValueError:
        return ""


def _identifier(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:  # beyond the interpreter's limit of digits
            return ""
    return clean(value).strip()
