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

__all__ = ["GOES_ON", "INTERRUPTED", "OK", "TABLE", "TROUBLE", "USAGE", "status_of"]

OK, TROUBLE, USAGE, REFUSED, FAILED, UNCERTAIN, RUNNING, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130

TABLE = """\
exit status:
  0    all clips are on disk
  1    trouble with the network, the disk or the service; the message says what it means for the money
  2    the command, its input or the key does not do; nothing was accepted, nothing was charged
  3    the service refused the request, or does not know the task; nothing was charged
  4    the task failed at the service
  5    the outcome is unknown: the request may have been accepted and billed; it is never sent again by itself
  6    the task still runs; fetch it later
  130  interrupted; the message says how to pick the task up
"""

GOES_ON = frozenset({TROUBLE, UNCERTAIN, RUNNING})
"""With these, a task that is known may still have its clips."""

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


def status_of(error: BaseException, *, accepted: bool = False) -> int:
    """The exit status for an error.

    Args:
        error: what went wrong.
        accepted: the service had accepted the request before; then a refusal is one of a look at the task, and must
            not be taken for one that cost nothing.

    """
    status = _STATUS.get(type(error), TROUBLE)
    return TROUBLE if accepted and status in {USAGE, REFUSED} else status
