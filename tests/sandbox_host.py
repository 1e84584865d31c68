"""A process that holds many sandboxes, each with a listener, a store, faults and counts of its own.

Run as `python -m tests.sandbox_host FOLDER CLIPS`; a line of JSON on its input is a command, a line on its output the answer:
see `tests.sandboxes`. It ends when its input does. The sandboxes are the product's own, but for two things: their clock can
be held, and a prompt does not choose the camera's moves, so that tests with prompts of their own share their clips.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import uvicorn

from mjvideo_nb.sandbox.__main__ import _listen
from mjvideo_nb.sandbox.app import create_app
from mjvideo_nb.sandbox.clockwork import Clockwork
from mjvideo_nb.sandbox.connection import Connection
from mjvideo_nb.sandbox.render_cache import RenderCache
from mjvideo_nb.sandbox.service import Service, milliseconds
from mjvideo_nb.sandbox.store import Store, write
from mjvideo_nb.sandbox.tasks import moment
from mjvideo_nb.sandbox.workers import Workers


class Held:
    """A service whose tasks stand still at `part` of their time for as long as it is set."""

    part = None

    def look(self, task):
        if self.part is None:
            return super().look(task)
        now = min(milliseconds(), task.submitted + round(self.part * task.seconds * 1000))
        return moment(task, now, task.batch * task.new_frames)


class Rendering(Held, Service):
    def _seed(self, *picture, prompt):
        del prompt
        return super()._seed(*picture, prompt="")


class ByTheClock(Held, Clockwork):
    """Each clip shows the same film, and has bytes of its own: one in another's place is noticed."""

    def clip(self, task, index):
        own = self.store.root / f"{task.id}-{index}.mp4"
        if not own.exists():
            said = f"{task.id} {index}".encode()
            box = (8 + len(said)).to_bytes(4, "big") + b"free" + said
            write(own, lambda part: part.write_bytes(super(ByTheClock, self).clip(task, index).read_bytes() + box))
        return own


class Host:
    """The sandboxes by their numbers."""

    def __init__(self, folder: Path, clips: Path) -> None:
        self.folder = folder
        self.cache = RenderCache(clips)
        self.workers = Workers(self.cache, niceness=0)
        self.open_ones = {}
        self.closing = set()

    async def open(self, number, seconds, render, max_list=None):
        store = Store(self.folder / str(number))
        if render:
            service = Rendering(store, self.workers, seconds=seconds)
        else:
            service = ByTheClock(store, self.cache, seconds=seconds)
        app = create_app(service, (), max_list=max_list)
        config = uvicorn.Config(
            app, http=Connection, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext
        listener = _listen(0)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.001)
        self.open_ones[number] = (service, server, serving)
        host, port = listener.getsockname()
        return {"url": f"http://{host}:{port}", "store": str(store.root)}

    async def hold(self, number, part):
        self.open_ones[number][0].part = part

    async def close(self, number):
        service, server, serving = self.open_ones.pop(number)
        # What is being filmed is of use to the next one; nobody asks for this task again.
        for job in service._jobs.values():
            if job.run is not None:
                job.run.cancel()
        server.should_exit = True
        # It closes its listener itself: a number of a file that is closed here would be the next listener's.
        self.closing.add(serving)
        serving.add_done_callback(self.closing.discard)


async def main(folder: str, clips: str) -> None:
    host = Host(Path(folder), Path(clips))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        asked = json.loads(line)
        answer = await getattr(host, asked.pop("do"))(**asked)
        print(json.dumps(answer), flush=True)
    host.workers.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
