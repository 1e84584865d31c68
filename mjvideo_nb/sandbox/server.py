"""The process around the application: says when it is ready, and ends at once when it is told or left alone."""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import platformdirs
import uvicorn

from mjvideo_nb.sandbox.answers import Json
from mjvideo_nb.sandbox.app import create_app
from mjvideo_nb.sandbox.clockwork import Clockwork
from mjvideo_nb.sandbox.connection import Connection
from mjvideo_nb.sandbox.faults import TABLE
from mjvideo_nb.sandbox.render_cache import RenderCache
from mjvideo_nb.sandbox.service import Service
from mjvideo_nb.sandbox.store import Store
from mjvideo_nb.sandbox.switches import parse
from mjvideo_nb.sandbox.workers import Workers

__all__ = ["fault_names", "parse", "serve"]

PARENT_LOOK = 0.5
"""Seconds between two looks at whether the parent is still the same."""
LONGEST_GOODBYE = 2.0
"""Seconds after which a process that was told to end does so without tidying up."""


def fault_names() -> str:
    """The table of faults, a line each."""
    return "\n".join(f"{name:26} {fault.says}" for name, fault in TABLE.items())


def default_store() -> Path:
    return Path(platformdirs.user_cache_dir("mjvideo-nb", appauthor=False)) / "sandbox"


def serve(
    listener: socket.socket,
    *,
    seconds: float,
    store: Path | None,
    faults: Iterable[Json],
    with_parent: bool,
    verbose: bool,
    render: bool = True,
    max_list: int | None = None,
    clips: Path | None = None,
) -> None:
    """Answer on `listener` until a signal comes, or with `with_parent` until whoever started this process is gone."""
    tasks = Store(store or default_store())
    tasks.prune()
    cache = RenderCache(clips) if clips else None
    service = Service(tasks, Workers(cache), seconds=seconds) if render else Clockwork(tasks, cache, seconds=seconds)
    config = uvicorn.Config(
        create_app(service, faults, max_list=max_list),
        http=Connection,
        ws="none",
        lifespan="on",
        access_log=verbose,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    if with_parent:
        _watch_parent(server.end)
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    def end(self) -> None:
        """End soon; from any thread."""
        self.should_exit = True
        threading.Thread(target=_insist, name="insist", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()
            sys.stdout.write(json.dumps({"url": f"http://{host}:{port}", "pid": os.getpid()}) + "\n")
            sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take a signal as the wish to end. uvicorn's own way dies of it once more at the end, before the workers are told."""

        def stop(*_: object) -> None:
            self.end()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        yield


def _watch_parent(end: Callable[[], None]) -> None:
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
