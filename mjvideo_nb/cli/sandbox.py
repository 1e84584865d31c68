"""`mjvideo-nb sandbox`: the embedded service by hand, for other programs and for looking at what goes wrong."""

from __future__ import annotations

import argparse
from typing import Any

from mjvideo_nb.errors import InvalidRequest, SandboxUnavailable
from mjvideo_nb.sandbox.process import missing

from .arguments import check_port, make_folder, port, seconds
from .terminal import say

__all__ = ["add_to"]

EPILOG = """\
examples:
  mjvideo-nb sandbox --port 8899 --seconds 30
  mjvideo-nb sandbox --fault "http-502*2"        the next two requests are answered with HTTP 502
  mjvideo-nb sandbox --faults                    what can go wrong, by name

exit status:
  0    it was stopped, or has listed the faults
  2    an option does not do, the port is taken, or its extra is not installed
"""


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "sandbox",
        help="run the sandbox by itself: the same protocol on this machine, real MP4s, no cost",
        description="Runs until Ctrl-C. Prints its address as one JSON line when it is ready. Use it from another\n"
        "terminal with COMETAPI_BASE_URL=<address> COMETAPI_KEY=anything.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--port", type=port, default=0, help="port on 127.0.0.1 (default: a free one)")
    command.add_argument(
        "--seconds",
        type=seconds,
        help="how long a task takes from submit to clips (default: MJVIDEO_SANDBOX_SECONDS, or 10)",
    )
    command.add_argument(
        "--store", metavar="FOLDER", help="where it keeps its tasks (default: the user's cache folder)"
    )
    command.add_argument(
        "--clips",
        metavar="FOLDER",
        help="keep finished clips there, and render none twice; many sandboxes may share it (default: "
        "MJVIDEO_SANDBOX_CLIPS, or nowhere)",
    )
    command.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="[ROUTE:]NAME[=VALUE][*TIMES]",
        help="misbehave in this way, such as http-502*2; repeatable; a single task does with [fault:NAME] in its prompt",
    )
    command.add_argument("--faults", action="store_true", help="list what --fault and [fault:NAME] can do, and end")
    command.add_argument(
        "--no-render",
        action="store_true",
        help="by the clock alone: nothing is rendered or kept, all clips are one ready-made MP4; for thousands of tasks",
    )
    command.add_argument("--max-list", type=_count, metavar="N", help="refuse a list of more ids than this")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    absent = missing()
    if absent:
        raise SandboxUnavailable(f'It lacks {", ".join(absent)}. Install its extra: pip install "mjvideo-nb[sandbox]"')
    from mjvideo_nb.sandbox.__main__ import main as serve

    if options.faults or "help" in options.fault:
        return serve(["--faults"])
    arguments = ["--port", str(options.port)]
    if options.seconds is not None:
        arguments += ["--seconds", str(options.seconds)]
    if options.store is not None:
        arguments += ["--store", str(make_folder(options.store, "--store"))]
    if options.clips is not None:
        arguments += ["--clips", str(make_folder(options.clips, "--clips"))]
    if options.no_render:
        arguments.append("--no-render")
    if options.max_list is not None:
        arguments += ["--max-list", str(options.max_list)]
    for fault in options.fault:
        _check_fault(fault)
        arguments += ["--fault", fault]
    check_port(options.port)
    made = "one ready-made clip for every task" if options.no_render else "clips are rendered on this machine"
    say(f"Sandbox: {made}, not by Midjourney. Ctrl-C stops it.")
    return serve(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number, 1 or more, not {text!r}")
    return int(text)


def _check_fault(text: str) -> None:
    from mjvideo_nb.sandbox.server import parse

    try:
        parse(text)
    except ValueError as error:
        raise InvalidRequest(f"--fault {text}: {error}. --faults says what each does.", field="fault") from error
