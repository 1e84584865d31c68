"""`mjvideo-nb sandbox`: the embedded service by hand, for other programs and for looking at what goes wrong."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from mjvideo_nb.errors import SandboxUnavailable
from mjvideo_nb.sandbox.process import missing

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "sandbox",
        help="run the sandbox by itself: the same protocol on this machine, real MP4s, no cost",
        description="Prints its address as one JSON line. Use it with COMETAPI_BASE_URL=<address> COMETAPI_KEY=anything.",
    )
    command.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    command.add_argument("--seconds", type=float, help="how long a task takes from submit to clips (default: about 10)")
    command.add_argument(
        "--store", metavar="FOLDER", help="where it keeps its tasks (default: the user's cache folder)"
    )
    command.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="misbehave in this way; repeatable"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    absent = missing()
    if absent:
        raise SandboxUnavailable(
            f'The sandbox needs {", ".join(absent)}. Install its extra: pip install "mjvideo-nb[sandbox]"'
        )
    from mjvideo_nb.sandbox.__main__ import main as serve

    arguments = ["--port", str(options.port)]
    if options.seconds is not None:
        arguments += ["--seconds", str(options.seconds)]
    if options.store:
        arguments += ["--store", options.store]
    for name in options.fault:
        arguments += ["--fault", name]
    sys.stderr.write("Sandbox: clips are rendered on this machine, not by Midjourney. Ctrl-C stops it.\n")
    return serve(arguments)
