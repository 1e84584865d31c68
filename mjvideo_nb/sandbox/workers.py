"""The processes that render: apart from the server, so that an answer never waits for a frame."""

import asyncio
import ctypes
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

from mjvideo_nb.sandbox.camera import Motion, Pose, Shot, path
from mjvideo_nb.sandbox.render import Prepared, Resolution, prepare, prepared, write_clip
from mjvideo_nb.sandbox.render_cache import RenderCache, digest
from mjvideo_nb.sandbox.store import Folder, write

MOST_WORKERS = 4
NICENESS = 10
SLOTS = 4096
"""Clips whose progress can be told apart at a time."""

T = TypeVar("T")

_frames_done: "ctypes.Array[ctypes.c_int] | None" = None


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """One variant to film."""

    folder: Path
    variant: int
    size: tuple[int, int]
    shot: Shot
    start: Pose
    motion: Motion
    frames: int
    extend: bool
    loop: bool = False


def poses(order: ClipOrder) -> list[Pose]:
    """Where the camera stands in each new frame: a new clip opens on the picture itself, an extend is already moving."""
    if order.extend:
        return path(order.shot, order.start, order.motion, order.frames, loop=order.loop)
    return [order.start, *path(order.shot, order.start, order.motion, order.frames - 1, loop=order.loop)]


class Workers:
    """A few processes of low priority, started when the first work comes.

    With a cache what is there is taken from it, and what is new is put into it. `niceness` is what they give way by.
    """

    def __init__(self, cache: RenderCache | None = None, *, niceness: int = NICENESS) -> None:
        self._cache = cache
        self._niceness = niceness
        self._context = multiprocessing.get_context("spawn")
        self._frames = self._context.RawArray(ctypes.c_int, SLOTS)
        self._slots = itertools.cycle(range(SLOTS))
        self._pool: Executor | None = None
        self._stopped = False

    def slot(self) -> int:
        """A place to count the frames of a clip in."""
        slot = next(self._slots)
        self._frames[slot] = 0
        return slot

    def frames(self, slot: int) -> int:
        return self._frames[slot]

    async def prepare(self, folder: Path, resolution: Resolution) -> Prepared:
        """Make the picture to film out of the folder's source; PictureError when it is none."""
        return await self._run(_prepare, folder, resolution, self._cache)

    async def film(self, order: ClipOrder, slot: int) -> None:
        """Render one clip into its folder."""
        await self._run(_film, order, slot, self._cache)

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        for last in (False, True):
            pool = self._open()
            try:
                with _interrupts_held():
                    result = asyncio.get_running_loop().run_in_executor(pool, work, *args)
                return await result
            except BrokenProcessPool:
                # Somebody killed a worker: the work is the same in a new one, but not for ever.
                if self._pool is pool:
                    self._pool = None
                if last or self._stopped:
                    raise
        raise AssertionError("unreachable")

    def _open(self) -> Executor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=max(1, min(MOST_WORKERS, os.cpu_count() or 1)),
                mp_context=self._context,
                initializer=_begin,
                initargs=(self._frames, self._niceness),
            )
        return self._pool

    def stop(self) -> None:
        """End at once, whatever is being rendered."""
        self._stopped = True
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process started in here never sees an interrupt: Ctrl-C goes to the whole group, and the server ends the others."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(frames: "ctypes.Array[ctypes.c_int]", niceness: int) -> None:
    global _frames_done  # noqa: PLW0603 - how a pool hands something to its workers
    _frames_done = frames
    if hasattr(os, "nice"):
        os.nice(niceness)
    threading.Thread(target=_end_with_the_server, name="end-with-the-server", daemon=True).start()


def _end_with_the_server() -> None:
    server = multiprocessing.parent_process()
    if server is not None:
        wait([server.sentinel])
        os._exit(0)


def _prepare(folder: Path, resolution: Resolution, cache: RenderCache | None = None) -> Prepared:
    files = Folder(folder)
    if cache is None:
        write(
            files.poster,
            lambda poster: write(files.first_frame, lambda frame: prepare(files.source, frame, poster, resolution)),
        )
    else:
        cache.get_or_make(
            digest(files.source.read_bytes(), resolution),
            {"first_frame.jpg": files.first_frame, "poster.jpg": files.poster},
            lambda made: prepare(files.source, made / "first_frame.jpg", made / "poster.jpg", resolution),
        )
    return prepared(files.source, files.poster)


def _film(order: ClipOrder, slot: int, cache: RenderCache | None = None) -> None:
    files = Folder(order.folder)
    target = files.clip(order.variant)
    done = _frames_done
    if done is None:
        raise RuntimeError("this process was not started as a worker")
    after = files.before if order.extend else None
    way = poses(order)

    def count(frames: int) -> None:
        done[slot] = frames

    def film(part: Path) -> None:
        write_clip(part, files.first_frame, order.size, way, after=after, on_frame=count)

    if not target.exists():  # another process that shares the store may have been quicker
        if cache is None:
            write(target, film)
        else:
            before = after.read_bytes() if after is not None else b""
            name = digest(files.first_frame.read_bytes(), repr((order.size, way)), before)
            cache.get_or_make(name, {"clip.mp4": target}, lambda made: film(made / "clip.mp4"))
    done[slot] = order.frames
