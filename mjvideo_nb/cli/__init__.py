"""The command line: `mjvideo-nb render | fetch | sandbox | demo | doctor`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mjvideo_nb import __version__
from mjvideo_nb.errors import MJVideoError

from . import doctor, exits, render, sandbox, tour

__all__ = ["main", "parser"]


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = argparse.ArgumentParser(
        prog="mjvideo-nb",
        description="Make Midjourney videos: a still image and a prompt become four clips.",
        epilog="In a notebook: import mjvideo_nb as mj; mj.studio()",
    )
    top.add_argument("--version", action="version", version=f"mjvideo-nb {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (render, sandbox, tour, doctor):
        module.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: as on the command line, without the program's name; by default the process's own.

    Returns:
        The exit status, see `exits`.

    """
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except MJVideoError as error:
        sys.stderr.write(f"mjvideo-nb: {error.headline}. {error}\n")
        return exits.status_of(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    return status
