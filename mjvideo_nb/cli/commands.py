"""Which commands there are, and what becomes of their errors."""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from mjvideo_nb import __version__, config
from mjvideo_nb.errors import MJVideoError

from . import doctor, exits, library, render, sandbox, tour
from .terminal import complain, say

__all__ = ["parser", "run"]

MORE = f"""\
To begin, without a key and without cost: mjvideo-nb demo.
Each command has its own help, with examples: mjvideo-nb render --help.

environment:
  COMETAPI_KEY             the key; without one the sandbox on this machine makes the clips, at no cost
  COMETAPI_BASE_URL        the service's address, a path included (default: {config.DEFAULT_BASE_URL})
  MJVIDEO_SANDBOX          1: the sandbox also where there is a key
  MJVIDEO_SANDBOX_SECONDS  seconds that a task takes in the sandbox (default: 10)
  MJVIDEO_SANDBOX_CLIPS    a folder of finished clips that sandboxes share, so that none is rendered twice
  MJVIDEO_LIBRARY          the folder, or the URL of a storage, of notebooks (default: {config.DEFAULT_LIBRARY}, beside the notebook)
  MJVIDEO_DATABASE         the address of a PostgreSQL database that machines share (default: a file in that folder)
  MJVIDEO_PRICE            USD a call, for what notebooks count and doctor says (default: {config.DEFAULT_PRICE:.2f})
  HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY are honoured. A key may also be kept in the system's key store,
  with the extra keyring: keyring set {config.KEYRING_SERVICE} COMETAPI_KEY.

exit status:
  0    done
  1    trouble; the message says what it means for the money
  2    the command, its input, the key or the installation does not do; nothing was charged
  130  interrupted
  render and fetch have further ones: see their help.

examples:
  mjvideo-nb demo                                         the tour in JupyterLab, without a key and without cost
  mjvideo-nb render tulip.jpg --prompt "petals open"      four clips in clips/
  mjvideo-nb doctor                                       what is set up here, and what to do where it is not
"""


class _Parser(argparse.ArgumentParser):
    """Repeats no password where an address stands in a place that is not for it."""

    def error(self, message: str) -> NoReturn:
        super().error(re.sub(r"(://[^\s:/@]*):\S*@", r"\1:[secret]@", message))


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    top = _Parser(
        prog="mjvideo-nb",
        description="Make Midjourney videos: a still image and a prompt become four clips.",
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "--version", action="version", version=f"mjvideo-nb {__version__}", help="print the version, and end"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for module in (render, sandbox, tour, library, doctor):
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
