"""When the same may be asked again, and after which pause: rules, and the one loop that keeps to them.

Repeated is only what costs nothing to repeat: a look at a task, and a submit that surely was not accepted (it never left,
or the service said so). A submit that may have arrived is a `SubmissionUncertain`, and no rule here lets it pass.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from .errors import InvalidRequest, MJVideoError, QueueFull, RateLimited, Refused, ServiceError
from .models import VideoRequest
from .trouble import parent_not_ready

if TYPE_CHECKING:
    from tenacity import RetryCallState

__all__ = ["OnRetry", "Retries", "Window", "look_again", "persist", "send_again"]

T = TypeVar("T")

OnRetry = Callable[[MJVideoError | None, float], object]
"""Told the error and the seconds until the next try; then None and 0, when that try begins."""
Window = Callable[[MJVideoError], float]
"""Seconds from the first try in which what failed like this may be tried again; 0 for never."""


@dataclass(frozen=True)
class Retries:
    """How long to go on asking, and how patiently; all in seconds.

        client.retries = Retries(deadline=600)        # a render over night can wait for a full queue
        client.retries = Retries(deadline=0)          # never a second try

    Pauses are drawn at random between 0 and a bound that doubles from `first_pause` up to `longest_pause` ("full jitter"),
    so that many clients do not come back at once. Where the service names a pause, it is kept.

    Args:
        deadline: for all tries of one call together; no try begins later.
        unreachable: the part of it for a service that cannot be reached or, at a look, fails.
        parent: the part of it for an extend refused because its parent has only just ended: such a refusal is over
            about 15 s after that end.
        first_pause: the bound of the first pause.
        longest_pause: the bound of any pause.
        longest_retry_after: a longer pause than this that the service asks for is cut to it.

    Raises:
        InvalidRequest: a value is no number of seconds; names it.

    """

    deadline: float = 120.0
    unreachable: float = 30.0
    parent: float = 20.0
    first_pause: float = 1.0
    longest_pause: float = 30.0
    longest_retry_after: float = 60.0

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise InvalidRequest(f"{name}: a number of seconds, 0 or more, not {value!r}.", field=name)

    def asked(self, error: MJVideoError) -> float:
        """Seconds that the service asks to wait with this `error`, up to the cap; 0 where it asks for none."""
        return min(error.retry_after or 0.0, self.longest_retry_after)

    def pause(self, failures: int, error: MJVideoError, left: float) -> float:
        """Seconds until the next try.

        Args:
            failures: how many there were, from 1.
            error: the last of them.
            left: seconds until no further try may begin; the last try comes just before.

        """
        bound = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 60))
        asked = self.asked(error)
        # On top of what the service asks for: everybody whom it turned away was told the same.
        jitter = random.uniform(0, self.first_pause if asked else bound)  # noqa: S311 - spreads the load
        return max(0.0, min(asked + jitter, left))


def send_again(limits: Retries, request: VideoRequest) -> Window:
    """How long a submit may be sent again: only where it was surely not accepted."""

    def window(error: MJVideoError) -> float:
        if isinstance(error, QueueFull | RateLimited):
            return limits.deadline
        if isinstance(error, ServiceError) and error.status is None and not error.lasting:
            return min(limits.unreachable, limits.deadline)  # it never left
        if isinstance(error, Refused) and request.action == "extend" and parent_not_ready(error):
            return min(limits.parent, limits.deadline)
        return 0.0

    return window


def look_again(limits: Retries) -> Window:
    """How long a look at tasks may be repeated: it costs nothing, so through everything that may pass."""

    def window(error: MJVideoError) -> float:
        if isinstance(error, RateLimited):
            return limits.deadline
        if isinstance(error, ServiceError) and not error.lasting:
            return min(limits.unreachable, limits.deadline)
        return 0.0

    return window


@dataclass(frozen=True)
class _Rules:
    """What the loop asks after each try, in the words of the library that runs it."""

    window: Window
    limits: Retries
    on_retry: OnRetry | None

    def may_repeat(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        return error is not None and self.window(error) > 0

    def pause(self, state: RetryCallState) -> float:
        error = _error_of(state)
        return self.limits.pause(state.attempt_number, error, self._left(error, state)) if error else 0.0

    def is_over(self, state: RetryCallState) -> bool:
        error = _error_of(state)
        if error is None or max(self.limits.asked(error), 1e-9) <= self._left(error, state):
            return False
        if state.attempt_number > 1:
            seconds = f"{state.seconds_since_start or 0.0:.0f} s"
            error.args = (f"{error} It was tried {state.attempt_number} times in {seconds}.",)
        return True

    def tell_pause(self, state: RetryCallState) -> None:
        if self.on_retry is not None:
            self.on_retry(_error_of(state), state.upcoming_sleep)

    def tell_try(self, state: RetryCallState) -> None:
        if self.on_retry is not None and state.attempt_number > 1:
            self.on_retry(None, 0.0)

    def _left(self, error: MJVideoError, state: RetryCallState) -> float:
        return self.window(error) - (state.seconds_since_start or 0.0)


def _error_of(state: RetryCallState) -> MJVideoError | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, MJVideoError) else None


async def persist(
    ask: Callable[[], Awaitable[T]], *, window: Window, limits: Retries, on_retry: OnRetry | None = None
) -> T:
    """Ask, and ask again while the rules allow it.

    Args:
        ask: one try.
        window: how long its errors may be met with another try.
        limits: the pauses.
        on_retry: told of each pause and of its end. An exception from it ends the asking.

    Raises:
        MJVideoError: of the last try.

    """
    from tenacity import AsyncRetrying  # here, because importing it takes a sixth of the time of httpx

    async def one_try() -> T:
        return await ask()

    rules = _Rules(window, limits, on_retry)
    again = AsyncRetrying(
        sleep=asyncio.sleep,
        retry=rules.may_repeat,
        stop=rules.is_over,
        wait=rules.pause,
        before=rules.tell_try,
        before_sleep=rules.tell_pause,
        reraise=True,
    )
    return await again(one_try)
