"""The command line: `mjvideo-nb render | fetch | sandbox | demo | library | doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: as on the command line, without the program's name; by default the process's own.

    Returns:
        The exit status, see `exits`.

    """
    try:
        # Loading takes a good part of a second, in which somebody may press Ctrl-C.
        from .commands import run
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Nothing was sent.\n")
        return INTERRUPTED
    return run(arguments)
