"""The service by the clock alone: for thousands of tasks at once, when only their time lines matter.

Nothing is rendered or written for a task; every clip is the same real, ready-made one. Tasks live as long as the process.
"""

import secrets
from pathlib import Path

from PIL import Image

from mjvideo_nb.sandbox.camera import FIRST_FRAMES, Pose, path, shots
from mjvideo_nb.sandbox.render import prepare, prepared, write_clip
from mjvideo_nb.sandbox.render_cache import RenderCache, digest
from mjvideo_nb.sandbox.service import Service, milliseconds
from mjvideo_nb.sandbox.store import Folder, Store
from mjvideo_nb.sandbox.submission import Submission
from mjvideo_nb.sandbox.tasks import Moment, Task, moment
from mjvideo_nb.sandbox.workers import Workers

READY_MADE = "ready-made"
"""Where in the store the clip is: the next process finds it there."""
SIDE = 320
"""Pixels of the picture it is filmed from."""


class Clockwork(Service):
    """Takes requests and lets time pass."""

    def __init__(self, store: Store, cache: RenderCache | None = None, *, seconds: float) -> None:
        super().__init__(store, Workers(), seconds=seconds)  # no process is started before there is work
        self._tasks: dict[str, Task] = {}
        self._files = _ready_made(store, cache)

    def _new_id(self, prefix: str) -> str:
        while True:
            task_id = prefix + f"{milliseconds()}{secrets.randbelow(10_000):04d}"[: 17 - len(prefix)]
            if task_id not in self._tasks:
                return task_id

    def _accept(self, task: Task, asked: Submission, parent: Task | None) -> Task:
        task.size, task.rendered, task.link = (SIDE, SIDE), 0, ""
        if parent is not None:
            task.parent, task.index, task.extends = parent.id, asked.index, parent.extends + 1
        self._tasks[task.id] = self._open[task.id] = task
        return task

    def task(self, task_id: str) -> Task | None:
        return self._tasks.get(task_id)

    def known(self) -> list[Task]:
        return list(self._tasks.values())

    def look(self, task: Task) -> Moment:
        return moment(task, milliseconds(), 0)

    def clip(self, task: Task, index: int) -> Path:
        del task, index
        return self._files.clip(0)

    def poster(self, task: Task) -> Path:
        del task
        return self._files.poster


def _ready_made(store: Store, cache: RenderCache | None) -> Folder:
    """The one clip and its poster, filmed when the store has none yet."""
    files = store.folder(READY_MADE)
    if not files.clip(0).exists():
        files.path.mkdir(exist_ok=True)
        targets = {"poster.jpg": files.poster, "clip.mp4": files.clip(0)}
        if cache is None:
            cache = RenderCache(files.path / "made")
        cache.get_or_make(digest(READY_MADE, str(SIDE)), targets, _make)
    return files


def _make(folder: Path) -> None:
    source, frame, poster = folder / "source.png", folder / "first_frame.jpg", folder / "poster.jpg"
    Image.radial_gradient("L").resize((SIDE, SIDE)).save(source, "PNG")
    prepare(source, frame, poster, "480")
    poses = path(shots(READY_MADE, 1)[0], Pose(), "low", FIRST_FRAMES)
    write_clip(folder / "clip.mp4", frame, prepared(source, poster).size, poses)
