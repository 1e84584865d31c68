"""Which commands there are, and what becomes of their errors."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from mjvideo_nb import __version__
from mjvideo_nb.errors import MJVideoError

from . import doctor, exits, render, sandbox, tour
from .terminal import complain, say

__all__ = ["parser", "run"]


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(
        prog="mjvideo-nb",
        description="Make Midjourney videos: a still image and a prompt become four clips.",
        epilog="To begin, without a key and without cost: mjvideo-nb demo. "
        "Each command has its own help: mjvideo-nb render --help.",
    )
    top.add_argument("--version", action="version", version=f"mjvideo-nb {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for module in (render, sandbox, tour, doctor):
        module.add_to(commands)
    return top


def run(arguments: Sequence[str] | None) -> int:
    """Run a command; returns its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path may hold a letter that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    top = parser()
    options = top.parse_args(arguments)
    if not hasattr(options, "run"):
        top.print_help(sys.stderr)
        return exits.USAGE
    try:
        status: int = options.run(options)
    except MJVideoError as error:
        complain(error)
        return exits.status_of(error)
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return exits.INTERRUPTED
    return status
