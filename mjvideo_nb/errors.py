"""Every error a user can meet, in one tree.

    MJVideoError
    ├── InvalidRequest        something is wrong with the input; nothing was sent
    ├── AuthenticationError   no key, or a key that the service does not accept
    ├── QuotaError            the account has no credit left
    ├── RateLimited           too many requests; this one was not accepted
    ├── QueueFull             the service's queue is full; this one was not accepted
    ├── Refused               the service said no to this request
    │   └── BannedPrompt      ... because of a word in the prompt or what the image shows
    ├── BudgetExceeded        the call costs more than the budget has left; nothing was sent
    ├── TaskNotFound          the service does not know this task
    ├── TaskFailed            the task was accepted and ended without clips
    ├── TaskTimeout           we stopped waiting; the task goes on
    ├── SubmissionUncertain   a submit may have been accepted and billed; never sent again by itself
    ├── ClipExpired           the clip is no longer where the service said it was
    ├── BadClip               what came is not a whole video
    ├── LibraryError          the folder that keeps everything cannot be used
    ├── StorageError          a clip could not be copied to the storage, or brought back; the local file is untouched
    ├── WorkFailed            of work on many clips some could not be done, or its executor broke down
    ├── SandboxUnavailable    the embedded service cannot run here
    └── ServiceError          anything else that went wrong between us and the service

Each message says what happened, what it means for the money, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = [
    "AuthenticationError",
    "BadClip",
    "BannedPrompt",
    "BudgetExceeded",
    "ClipExpired",
    "InvalidRequest",
    "LibraryError",
    "MJVideoError",
    "QueueFull",
    "QuotaError",
    "RateLimited",
    "Refused",
    "SandboxUnavailable",
    "ServiceError",
    "StorageError",
    "SubmissionUncertain",
    "TaskFailed",
    "TaskNotFound",
    "TaskTimeout",
    "WorkFailed",
]


class MJVideoError(Exception):
    """The root of every error that is raised on purpose; each says what it means for the money and what to do next.

    Attributes:
        status: HTTP status of the answer, or None if there was none.
        code: the service's own code (an int of `/mj`, a word of the gateway), or None.
        description: the service's own words, or "".
        request_id: the gateway's id of the request, to quote to its support, or "".
        task_id: the task this is about, or "".
        retry_after: seconds that the service asks to wait before the next try, or None.

    """

    headline = "Something went wrong"
    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: int | str | None = None,
        description: str = "",
        request_id: str = "",
        task_id: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.description = description
        self.request_id = request_id
        self.task_id = task_id

    @property
    def message(self) -> str:
        """The whole message, as `str(error)` gives it."""
        return str(self.args[0])


class InvalidRequest(MJVideoError, ValueError):
    """The input cannot be sent. Nothing was sent, nothing is charged.

    Attributes:
        field: the name of the argument at fault, such as `"motion"`.

    """

    headline = "Check the input"

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class AuthenticationError(MJVideoError):
    """No key was given, or the service did not accept it. Nothing is charged."""

    headline = "The key was not accepted"


class QuotaError(MJVideoError):
    """The account has no credit left for this call. Nothing is charged."""

    headline = "No credit left"


class RateLimited(MJVideoError):
    """Too many requests at once; this one was not accepted, and is safe to send again later."""

    headline = "Too many requests"


class QueueFull(MJVideoError):
    """The service's queue is full; this request was not accepted, and is safe to send again later."""

    headline = "The queue is full"


class Refused(MJVideoError):
    """The service understood the request and said no. Nothing is charged."""

    headline = "Refused by the service"


class BannedPrompt(Refused):
    """Midjourney does not allow a word of the prompt, or the image. Nothing is charged.

    Attributes:
        banned_word: the word it objects to, or "".

    """

    banned_word: str = ""


class BudgetExceeded(MJVideoError):
    """The call costs more than the budget has left. Nothing was sent."""

    headline = "The budget is used up"


class TaskNotFound(MJVideoError):
    """The service does not know this task under this key."""

    headline = "Task not found"


class TaskFailed(MJVideoError):
    """The task ended without clips: it failed, was cancelled, or waits for an input that a video cannot give.

    Attributes:
        fail_reason: the service's own words, or "".

    """

    headline = "The task failed"

    @property
    def fail_reason(self) -> str:
        """The service's own words."""
        return self.description


class TaskTimeout(MJVideoError, TimeoutError):
    """We stopped waiting. The task goes on and can be picked up by its id."""

    headline = "Still running"


class SubmissionUncertain(MJVideoError):
    """The request was sent and no readable answer came: it may have been accepted and billed.

    It is never sent again by itself. In a notebook its card has two buttons: forget it, or send it again knowingly.
    """

    headline = "Outcome unknown"


class ClipExpired(MJVideoError):
    """The service no longer serves this clip, also not under the links of a fresh look."""

    headline = "The clip has expired"


class BadClip(MJVideoError):
    """What was downloaded is not a video, or was cut short."""

    headline = "The clip did not arrive whole"


class LibraryError(MJVideoError):
    """The library, which keeps every request, task and clip, cannot be used.

    Attributes:
        full: True where its disk is full.

    """

    headline = "The library cannot be used"
    full: bool = False


class StorageError(MJVideoError):
    """A clip could not be copied to the storage, or not brought back from it. The file on this machine is untouched."""

    headline = "The copy failed"


class WorkFailed(MJVideoError):
    """Pictures or films of clips could not all be made. What was made is whole, and nothing is paid for any of it.

    Attributes:
        made: the files that were made.
        failures: by the file of a clip, why nothing could be made of it.

    """

    headline = "Not all could be made"
    made: tuple[Path, ...] = ()
    failures: Mapping[Path, Exception] = MappingProxyType({})


class SandboxUnavailable(MJVideoError):
    """The embedded sandbox cannot run on this machine."""

    headline = "The sandbox cannot start"


class ServiceError(MJVideoError):
    """Anything else that went wrong between us and the service.

    Attributes:
        lasting: True where trying again cannot help: there is no such service at the address, or the question is wrong.

    """

    headline = "Trouble with the service"
    lasting: bool = False


def error_of(name: str) -> type[MJVideoError]:
    """The kind of error of this `name`, as it was written down; where there is none today, their root."""
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, MJVideoError) else MJVideoError
