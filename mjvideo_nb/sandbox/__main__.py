"""Run the sandbox: `python -m mjvideo_nb.sandbox --port 0`.

Prints one line of JSON on standard output when it is ready, and nothing else: `{"url": ..., "pid": ...}`.
"""

import argparse
import errno
import logging
import math
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from mjvideo_nb.sandbox.process import missing

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535
SECONDS = "MJVIDEO_SANDBOX_SECONDS"
CLIPS = "MJVIDEO_SANDBOX_CLIPS"
"""Environment variables that stand for `--seconds` and `--clips` where those are not given."""
USUAL_SECONDS = "10"
NOT_AS_ASKED = 2
"""Exit status where the port is taken or an argument does not do."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if options.verbose else logging.WARNING)
    lacking = missing()
    if lacking:
        _say(f'The sandbox needs {", ".join(lacking)}: pip install "mjvideo-nb[sandbox]"')
        return 1
    try:
        listener = _listen(options.port)
    except OSError as error:
        taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        _say(f"Port {options.port} {taken}: choose another with --port, or let the system choose with --port 0.")
        return NOT_AS_ASKED
    # The port is taken before the slow imports, and what is missing is said before them.
    from mjvideo_nb.sandbox import server

    with listener:
        if options.faults or "help" in options.fault:
            sys.stdout.write(server.fault_names() + "\n")
            return 0
        try:
            faults = [server.parse(text) for text in options.fault]
        except ValueError as error:
            _say(f"--fault: {error}")
            return NOT_AS_ASKED
        server.serve(
            listener,
            seconds=options.seconds,
            store=options.store,
            clips=options.clips,
            faults=faults,
            with_parent=options.parent,
            verbose=options.verbose,
            render=options.render,
            max_list=options.max_list,
        )
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mjvideo_nb.sandbox", description="A video service on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any that is free")
    parser.add_argument(
        "--seconds", type=float, help=f"from submit to SUCCESS; 0: as fast as it renders (default: ${SECONDS}, else 10)"
    )
    parser.add_argument("--store", type=Path, help="folder of its tasks (default: in the user's cache)")
    parser.add_argument(
        "--clips",
        type=Path,
        metavar="FOLDER",
        help=f"keep finished clips here, and render none twice (default: ${CLIPS})",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="[ROUTE:]NAME[=VALUE][*TIMES]",
        help="misbehave; may be repeated; `--faults` lists all names",
    )
    parser.add_argument("--faults", action="store_true", help="list all faults by name, and end")
    parser.add_argument(
        "--no-render",
        dest="render",
        action="store_false",
        help="by the clock alone: nothing is rendered or kept, all clips are one ready-made MP4; for thousands of tasks",
    )
    parser.add_argument("--max-list", type=int, metavar="N", help="refuse a list of more ids than this")
    parser.add_argument("--parent", action="store_true", help="end when standard input or the parent process ends")
    parser.add_argument("--verbose", action="store_true", help="log every request on standard error")
    options = parser.parse_args(argv)
    if options.seconds is None:
        try:
            options.seconds = float(os.environ.get(SECONDS) or USUAL_SECONDS)
        except ValueError:
            parser.error(f"{SECONDS} in the environment is a number of seconds, not {os.environ[SECONDS]!r}")
    if not 0 <= options.seconds < math.inf:
        parser.error(f"--seconds ({SECONDS} in the environment) is 0 or more")
    if options.clips is None and os.environ.get(CLIPS):
        options.clips = Path(os.environ[CLIPS])
    if options.clips is not None:
        try:
            options.clips.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--clips ({CLIPS} in the environment): {options.clips} cannot be a folder: {error.strerror}")
    if options.max_list is not None and options.max_list < 1:
        parser.error("--max-list is 1 or more")
    if not 0 <= options.port <= LAST_PORT:
        parser.error(f"--port is 0 to {LAST_PORT}")
    return options


def _listen(port: int) -> socket.socket:
    # The protocol is named, because asyncio sends small answers at once only on sockets that say they are TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere the option means that a second server may take the port away
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    sys.exit(main())
