"""What is said to people: lines on standard error."""

from __future__ import annotations

import signal
import sys

from mjvideo_nb.errors import MJVideoError

__all__ = ["complain", "no_more_interrupts", "printable", "say"]


def say(text: str) -> None:
    """Say it on a line of its own."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def complain(error: MJVideoError) -> None:
    """Say what went wrong."""
    say(f"mjvideo-nb: {error.headline}. {error}")


def printable(text: str) -> str:
    """The text with control characters written out: a service's words must not steer somebody's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def no_more_interrupts() -> None:
    """Let the last words and the tidying up come to their end, also when Ctrl-C is pressed again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
