"""One exchange with the service each: a submit, a look. What becomes of it is a task or one of our errors.

Nothing is repeated here: the client repeats what is safe to repeat (`retries`), the watcher slows down its whole loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import wire
from .errors import InvalidRequest, MJVideoError, ServiceError, SubmissionUncertain
from .models import Task, VideoRequest
from .sent import Astray, Lost, NotSent
from .trouble import Reply

if TYPE_CHECKING:
    from .transport import Transport  # loads httpx

__all__ = ["Exchange", "checked_id", "named_clip"]


class Exchange:
    """Speaks to the service once at a time.

    Args:
        transport: the connections.
        on_task: told of every task that the service shows.

    """

    def __init__(self, transport: Transport, on_task: Callable[[Task], object]) -> None:
        self._transport = transport
        self._on_task = on_task

    async def submit(self, request: VideoRequest, image: str) -> Task:
        """Send a request, exactly once, its first frame as the service takes it.

        Raises:
            InvalidRequest: a value of `extra` cannot be sent.
            Refused, BannedPrompt, QuotaError, QueueFull, RateLimited, AuthenticationError, ServiceError: it was not
                accepted; a `ServiceError` without a status means that it never left.
            SubmissionUncertain: it may have been accepted and billed.

        """
        outcome: MJVideoError
        sent = request
        if request.extra:
            from .extras import sendable  # what looks at a task needs no pictures

            sent = replace(request, extra=await asyncio.to_thread(sendable, request.extra, image))
        try:
            reply = await self._transport.post(wire.SUBMIT_PATH, wire.submit_body(sent, image), once=True)
        except NotSent as error:
            outcome = self._unreachable(
                error,
                "Nothing was sent and nothing is charged: check the network and the base URL, then send it again.",
            )
        except Lost as error:
            outcome = SubmissionUncertain(
                f"The request was sent, and the answer was lost ({error}). It may have been accepted and billed, so it "
                "is not sent again by itself. Look at the provider's task list or balance before sending it again."
            )
        except (TypeError, ValueError, RecursionError) as error:
            outcome = InvalidRequest(f"extra: a value cannot be sent as JSON ({error}).", field="extra")
        else:
            return wire.read_submission(reply, request)
        raise outcome

    async def fetch(self, task: Task | str) -> Task:
        """Look at one task; what is known of its request is kept.

        Raises:
            TaskNotFound: the service does not know it.
            AuthenticationError, RateLimited, Refused, ServiceError: the look failed; the task goes on.

        """
        known = task if isinstance(task, Task) else Task(id=checked_id(task))
        reply = await self._look("GET", wire.fetch_path(known.id))
        seen = replace(wire.read_task(reply, known.id, self._transport.base_url), request=known.request)
        self._on_task(seen)
        return seen

    async def fetch_many(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Look at many tasks in one request; unknown ids are left out.

        Raises:
            AuthenticationError, RateLimited, Refused, ServiceError: the look failed; the tasks go on.

        """
        if isinstance(task_ids, str):
            raise InvalidRequest("task_ids: a list of ids; for one of them use fetch.", field="task_ids")
        ids = [checked_id(task_id) for task_id in task_ids]
        if not ids:
            return {}
        reply = await self._look("POST", wire.LIST_PATH, wire.list_body(ids))
        found = wire.read_tasks(reply, ids, self._transport.base_url)
        for seen in found.values():
            self._on_task(seen)
        return found

    async def _look(self, method: str, path: str, body: Any = None) -> Reply:
        outcome: MJVideoError
        try:
            if method == "GET":
                return await self._transport.get(path)
            return await self._transport.post(path, body)
        except (NotSent, Lost) as error:
            outcome = self._unreachable(
                error, "Tasks go on there, and nothing more is charged: check the network and try again."
            )
        raise outcome

    def _unreachable(self, error: NotSent | Lost, advice: str) -> ServiceError:
        outcome = ServiceError(f"{self._transport.base_url} could not be reached ({error}). {advice}")
        outcome.lasting = isinstance(error, Astray)
        return outcome


def checked_id(task_id: object) -> str:
    """The id as it is sent.

    Raises:
        InvalidRequest: it is no text, or cannot be an id.

    """
    if not isinstance(task_id, str) or not task_id.strip() or not task_id.isprintable():
        raise InvalidRequest(
            f"task_id: the id as text, such as '1773314942177684', not {task_id!r}: a number would lose a leading zero.",
            field="task_id",
        )
    return task_id.strip()


def named_clip(text: str) -> tuple[str, int]:
    """The task and the index that `TASK:INDEX` names, as the option `--extend` of commands and magics has it.

    Raises:
        InvalidRequest: it is no such text.

    """
    task_id, _, index = text.rpartition(":")
    if not task_id or not (index.isascii() and index.isdigit()):
        raise InvalidRequest(f"--extend: TASK:INDEX, such as 1773314942177684:2, not {text!r}.", field="task_id")
    return task_id, int(index)
