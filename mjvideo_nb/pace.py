"""When to look at a running task again: pure rules, no waiting.

Gateways learn a task's state every 15 s and tell it as a percentage. So a look is worth little while the end is far, and
much when it is near: the pause is half of what is thought to remain, never longer than `Pace.longest` and, towards the
end, `Pace.shortest`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LOCAL", "REMOTE", "Durations", "Pace"]

TELLING = 10
"""Percent; below it, progress says more about the queue than about the speed."""
LEARNING = 0.3
"""How much the newest duration counts against those before."""


@dataclass(frozen=True)
class Pace:
    """How often to look.

    Args:
        shortest: seconds between looks when the end is near.
        longest: seconds between looks at most.
        first_pause: seconds to leave a service alone after a first failure; doubled with each further one.
        longest_pause: seconds of that at most.

    """

    shortest: float = 3.0
    longest: float = 15.0
    first_pause: float = 1.0
    longest_pause: float = 30.0

    def pause(self, elapsed: float, progress: int | None, typical: float) -> float:
        """Seconds until the next look.

        Args:
            elapsed: seconds since the task was sent.
            progress: 0-100, or None where the service does not say.
            typical: seconds that such tasks have taken so far.

        """
        by_kind = typical - elapsed
        if progress is not None and progress >= TELLING:
            by_progress = elapsed * (100 - progress) / progress
            left = min(by_kind, by_progress) if by_kind > 0 else by_progress
        else:
            # Later than its kind, it may end any moment; each further minute makes that less likely.
            left = by_kind if by_kind > 0 else -by_kind / 2
        return min(max(left / 2, self.shortest), self.longest)

    def back_off(self, failures: int) -> float:
        """The longest sensible pause after so many failures in a row, in seconds; take a random part of it."""
        return min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 16))


REMOTE = Pace()
LOCAL = Pace(shortest=0.4, longest=0.8)
"""A service on this machine costs nothing to ask, and a lively card is worth it."""


class Durations:
    """How long tasks take, learned from those that ended."""

    def __init__(self, first_guess: float = 60.0) -> None:
        self.typical = first_guess

    def learn(self, seconds: float) -> None:
        """A task took this long."""
        self.typical += LEARNING * (seconds - self.typical)
