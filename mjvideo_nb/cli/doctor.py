"""`mjvideo-nb doctor`: what this machine has, what would serve a notebook here, and what to do where something does not."""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
from typing import Any

from mjvideo_nb import __version__, config
from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.sandbox.process import missing

from . import exits
from .checks import NOTE, OK, WRONG, Check, local_checks, network_checks
from .terminal import printable

__all__ = ["add_to"]

EPILOG = """\
examples:
  mjvideo-nb doctor
  mjvideo-nb doctor --offline
  mjvideo-nb doctor --balance https://query.cometapi.com

exit status:
  0    something serves, and nothing is wrong
  1    nothing serves, or something is wrong
"""
THE_SERVICE = "the service at the base URL"


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "doctor",
        help="check key, service, balance, disk, kernel and front end; say what to do",
        description="Checks the settings, the service, the account's balance, the clock, the disk, the kernel and the\n"
        "front end, and says for each what to do. Never shows the key, makes nothing, costs nothing.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--offline", action="store_true", help="leave out what needs the network")
    command.add_argument(
        "--balance",
        metavar="URL",
        help="ask for the balance there; it gets the key (by default CometAPI's query service is asked, and only where "
        "the base URL is CometAPI's)",
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    # Shown as it comes: what is found here need not wait for a network that is not there.
    found = [
        _show(Check("mjvideo-nb", OK, __version__)),
        _show(Check("python", OK, f"{platform.python_version()} on {platform.system()}")),
        *map(_show, local_checks()),
    ]
    serves = _show(_serves())
    if not options.offline:
        try:
            key, base_url = config.api_key(), config.base_url()
            balance_url = config.base_url(options.balance) if options.balance else None
        except InvalidRequest as error:
            found.append(_show(Check("service", NOTE, f"not asked ({error.field}); mend that first")))
        else:
            for check in asyncio.run(network_checks(key, base_url, balance_url)):
                # What nobody uses here need not work.
                unused = check.state == WRONG and serves.words != THE_SERVICE
                found.append(_show(Check(check.name, NOTE, check.words) if unused else check))
    return exits.TROUBLE if any(check.state == WRONG for check in [*found, serves]) else exits.OK


def _show(check: Check) -> Check:
    sys.stdout.write(f"{printable(str(check))}\n")
    sys.stdout.flush()
    return check


def _serves() -> Check:
    """What a notebook of this environment would send its requests to."""
    absent = missing()
    try:
        key = config.api_key()
    except InvalidRequest as error:
        return Check("serves", WRONG, str(error))
    if config.sandbox_forced():
        if absent:
            return Check("serves", WRONG, "nothing: MJVIDEO_SANDBOX is set, and the sandbox is not installed")
        return Check("serves", OK, "the sandbox (MJVIDEO_SANDBOX is set)")
    if key:
        return Check("serves", OK, THE_SERVICE)
    if absent:
        return Check("serves", WRONG, "nothing yet: set COMETAPI_KEY, or install the sandbox")
    return Check("serves", OK, "the sandbox (no key)")
