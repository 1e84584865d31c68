"""Run the sandbox: `python -m mjvideo_nb.sandbox --port 0`.

Prints one line of JSON on standard output when it is ready, and nothing else: `{"url": ..., "pid": ...}`.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from mjvideo_nb.sandbox.process import missing

log = logging.getLogger("mjvideo_nb.sandbox")

LOOPBACK = "127.0.0.1"
PARENT_LOOK = 0.5
"""Seconds between two looks at whether the parent is still the same."""
LONGEST_GOODBYE = 3.0
"""Seconds after which a process that was told to end does so without tidying up."""
BUSY = 2
"""Exit status for a port that is taken and for arguments that do not do."""


def main(argv: Sequence[str] | None = None) -> int:
    options = _options(argv)
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if options.verbose else logging.WARNING)
    lacking = missing()
    if lacking:
        print(  # noqa: T201 - said to whoever runs it
            f'The sandbox needs {", ".join(lacking)}: pip install "mjvideo-nb[sandbox]"', file=sys.stderr
        )
        return 1
    listener = _listen(options.port)
    if listener is None:
        print(  # noqa: T201
            f"Port {options.port} is taken: choose another with --port, or let the system choose with --port 0.",
            file=sys.stderr,
        )
        return BUSY
    return _serve(listener, options)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mjvideo_nb.sandbox", description="A video service on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any that is free")
    parser.add_argument(
        "--seconds", type=float, default=10, help="from submit to SUCCESS; 0: as fast as it renders (default: 10)"
    )
    parser.add_argument("--store", type=Path, help="folder of its tasks (default: in the user's cache)")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="[ROUTE:]NAME[=VALUE][*TIMES]",
        help="misbehave; may be repeated; --fault help lists all",
    )
    parser.add_argument("--parent", action="store_true", help="end when standard input or the parent process ends")
    parser.add_argument("--verbose", action="store_true", help="log every request on standard error")
    options = parser.parse_args(argv)
    if options.seconds < 0:
        parser.error("--seconds is 0 or more")
    return options


def _listen(port: int) -> socket.socket | None:
    listener = socket.socket()
    if os.name == "posix":  # elsewhere the option means that a second server may take the port away
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError:
        listener.close()
        return None
    return listener


def _serve(listener: socket.socket, options: argparse.Namespace) -> int:
    import platformdirs
    import uvicorn

    from mjvideo_nb.sandbox.app import create_app
    from mjvideo_nb.sandbox.connection import Connection
    from mjvideo_nb.sandbox.faults import TABLE, parse
    from mjvideo_nb.sandbox.service import Service
    from mjvideo_nb.sandbox.store import Store
    from mjvideo_nb.sandbox.workers import Workers

    if "help" in options.fault:
        for name, fault in TABLE.items():
            print(f"{name:28} {fault.says}")  # noqa: T201
        return 0
    try:
        faults = [parse(text) for text in options.fault]
    except ValueError as error:
        print(f"--fault: {error}", file=sys.stderr)  # noqa: T201
        return BUSY

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
            print(json.dumps({"url": url, "pid": os.getpid()}), flush=True)  # noqa: T201

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn's own would raise the signal once more at the end, before the workers are told.
            def stop(*_: Any) -> None:
                end()

            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stop)
            yield

    def end(_number: int = 0, _frame: FrameType | None = None) -> None:
        server.should_exit = True
        threading.Thread(target=_insist, name="insist", daemon=True).start()

    store = Store(options.store or Path(platformdirs.user_cache_dir("mjvideo-nb", appauthor=False)) / "sandbox")
    store.prune()
    service = Service(store, Workers(), seconds=options.seconds)
    config = uvicorn.Config(
        create_app(service, faults),
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=options.verbose,
        log_config=None,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = Server(config)
    if options.parent:
        _watch_parent(end)
    server.run(sockets=[listener])
    return 0


def _watch_parent(end: Any) -> None:
    """Call `end` when whoever started this process is gone, also when it had no time to say so."""
    parent = os.getppid()

    def input_ends() -> None:
        while os.read(0, 4096):
            pass
        end()

    def parent_changes() -> None:
        # A fork of the parent may hold the other end of our input open: then only this tells.
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK)
        end()

    for watch in (input_ends, parent_changes):
        threading.Thread(target=watch, name=watch.__name__, daemon=True).start()


def _insist() -> None:
    time.sleep(LONGEST_GOODBYE)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
