"""What the exit status of `render` and `fetch` says."""

from __future__ import annotations

from mjvideo_nb.errors import (
    AuthenticationError,
    BannedPrompt,
    InvalidRequest,
    QueueFull,
    QuotaError,
    RateLimited,
    Refused,
    SandboxUnavailable,
    SubmissionUncertain,
    TaskFailed,
    TaskNotFound,
    TaskTimeout,
)

__all__ = ["INTERRUPTED", "OK", "TABLE", "TROUBLE", "USAGE", "status_of"]

OK, TROUBLE, USAGE, REFUSED, FAILED, UNCERTAIN, RUNNING, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130

TABLE = """\
exit status:
  0    all clips are on disk
  1    trouble with the network, the disk or the service; the message says what it means for the money
  2    the command or its input is wrong, or there is no key; nothing was sent
  3    the service refused the request; nothing was charged
  4    the task failed at the service
  5    the outcome is unknown: the request may have been accepted and billed; it is never sent again by itself
  6    the task still runs; fetch it later
  130  interrupted; the message says how to pick the task up
"""

_STATUS: dict[type[BaseException], int] = {
    InvalidRequest: USAGE,
    AuthenticationError: USAGE,
    SandboxUnavailable: USAGE,
    Refused: REFUSED,
    BannedPrompt: REFUSED,
    QuotaError: REFUSED,
    QueueFull: REFUSED,
    RateLimited: REFUSED,
    TaskNotFound: REFUSED,
    TaskFailed: FAILED,
    SubmissionUncertain: UNCERTAIN,
    TaskTimeout: RUNNING,
}


def status_of(error: BaseException) -> int:
    """The exit status for an error."""
    return _STATUS.get(type(error), TROUBLE)
