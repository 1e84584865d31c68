"""The service itself: takes requests, runs them to their end, and says how they are. Knows nothing of HTTP."""

import asyncio
import contextlib
import hashlib
import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from mjvideo_nb.sandbox.camera import Shot, shots
from mjvideo_nb.sandbox.links import LinkError, fetch
from mjvideo_nb.sandbox.render import PictureError
from mjvideo_nb.sandbox.store import Folder, Store, share, write
from mjvideo_nb.sandbox.submission import Refusal, Submission
from mjvideo_nb.sandbox.tasks import MOST_EXTENDS, Ending, Moment, Task, moment
from mjvideo_nb.sandbox.workers import ClipOrder, Workers, poses

log = logging.getLogger(__name__)

FAILS_AT = 0.3
"""Part of the nominal time after which a picture that cannot be used shows as a failure."""


class GatewayRefusal(Exception):
    """The gateway itself refuses: an HTTP 400, other than a `Refusal` from behind it."""


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Job:
    """A task as this process knows it."""

    task: Task
    slots: list[int] = field(default_factory=list)
    run: asyncio.Task[None] | None = None


class Service:
    """All the tasks of a store, each run to its end when somebody asks for it."""

    def __init__(self, store: Store, workers: Workers, *, seconds: float) -> None:
        self.store = store
        self.workers = workers
        self.seconds = seconds
        self._jobs: dict[str, Job] = {}
        self._open: dict[str, Task] = {}

    def submit(self, asked: Submission, *, ending: Ending | None = None, id_prefix: str = "") -> Task:
        """Accept a request; Refusal or GatewayRefusal where it cannot be."""
        parent = self._parent(asked) if asked.extends else None
        task = Task(
            id=self._new_id(id_prefix),
            motion=asked.motion,
            prompt=asked.prompt,
            resolution=asked.resolution,
            batch=asked.batch,
            state=asked.state,
            no_storage=asked.no_storage,
            submitted=milliseconds(),
            seconds=self.seconds,
            link=asked.link,
            loop=asked.loop,
            ending=ending,
        )
        return self._accept(task, asked, parent)

    def _new_id(self, prefix: str) -> str:
        return self.store.new_id(prefix)

    def _accept(self, task: Task, asked: Submission, parent: Task | None) -> Task:
        folder = self.store.folder(task.id)
        if parent is not None:
            task = self._extend(task, folder, parent, asked.index)
        elif not asked.link:
            write(folder.source, lambda part: part.write_bytes(asked.picture))
        self.store.save(task)
        self._begin(task)
        return task

    def _parent(self, asked: Submission) -> Task:
        parent = self.task(asked.parent)
        if parent is None:
            raise GatewayRefusal("task_no_found ")
        if self.look(parent).status != "SUCCESS":
            raise GatewayRefusal("task_status_not_success ")
        if asked.index >= parent.batch:
            raise Refusal("index is not one of the parent's videos")
        if parent.extends >= MOST_EXTENDS:
            raise Refusal("[Invalid parameter] A video can be extended at most 4 times")
        return parent

    def _extend(self, task: Task, folder: Folder, parent: Task, index: int) -> Task:
        """`task` as the next part of a parent's clip, which keeps its size and picture."""
        old = self.store.folder(parent.id)
        for kept, ours in (
            (old.first_frame, folder.first_frame),
            (old.poster, folder.poster),
            (old.clip(index), folder.before),
        ):
            share(kept, ours)  # the parent may be pruned first
        return replace(
            task,
            parent=parent.id,
            index=index,
            extends=parent.extends + 1,
            resolution=parent.resolution,
            size=parent.size,
            start=parent.ends[index],
            seed=self._seed(parent.seed, str(index), prompt=task.prompt),
        )

    def task(self, task_id: str) -> Task | None:
        """A task of this store by its id; one that never ended is taken up again."""
        job = self._jobs.get(task_id)
        task = job.task if job is not None else self.store.load(task_id)
        if task is None or not self.store.touch(task.id):
            self._open.pop(task_id, None)
            self._jobs.pop(task_id, None)  # another process may have pruned it
            return None
        if job is None:
            self._begin(task)
        return task

    def look(self, task: Task) -> Moment:
        """How a task is now."""
        job = self._jobs[task.id]
        return moment(task, milliseconds(), sum(self.workers.frames(slot) for slot in job.slots))

    def known(self) -> list[Task]:
        """The tasks that were submitted to this process, or asked for."""
        return [job.task for job in self._jobs.values()]

    def running(self) -> int:
        """How many of them have not ended."""
        self._open = {name: task for name, task in self._open.items() if not self.look(task).finished}
        return len(self._open)

    def clip(self, task: Task, index: int) -> Path:
        """One of its clips, once there are any."""
        return self.store.folder(task.id).clip(index)

    def poster(self, task: Task) -> Path:
        """Its first frame as it is shown."""
        return self.store.folder(task.id).poster

    def _begin(self, task: Task) -> None:
        job = self._jobs[task.id] = Job(task)
        self._open[task.id] = task
        if task.to_render:
            job.run = asyncio.get_running_loop().create_task(self._run(job), name=f"task {task.id}")

    async def _run(self, job: Job) -> None:
        task = job.task
        try:
            await self._first_frame(task)
            await self._clips(job)
        except LinkError as error:
            self._fail(task, f"[Invalid link!] The image could not be fetched: {error}")
        except PictureError as error:
            self._fail(task, f"[Image denied] The image could not be read: {error}")
        except Exception as error:  # whatever it is: a task that says nothing any more would be waited for
            log.exception("task %s could not be rendered", task.id)
            self._fail(task, f"[Internal error] {error}")
        finally:
            job.run = None

    def _fail(self, task: Task, reason: str) -> None:
        task.ending = Ending("FAILURE", reason, at=FAILS_AT)
        self.store.save(task)

    async def _first_frame(self, task: Task) -> None:
        """Have the picture to film, from wherever it has to come."""
        if task.size is not None:
            return
        folder = self.store.folder(task.id)
        if task.link and not folder.source.exists():
            picture = await asyncio.to_thread(fetch, task.link)
            write(folder.source, lambda part: part.write_bytes(picture))
        prepared = await self.workers.prepare(folder.path, task.resolution)
        task.size = prepared.size
        task.seed = self._seed(prepared.digest, prompt=task.prompt)
        self.store.save(task)
        folder.source.unlink(missing_ok=True)

    async def _clips(self, job: Job) -> None:
        task = job.task
        if task.size is None:
            raise PictureError("there is no first frame")
        orders = [self._order(task, variant, shot) for variant, shot in enumerate(shots(task.seed, task.batch))]
        job.slots = [self.workers.slot() for _ in orders]
        await asyncio.gather(*(self.workers.film(order, slot) for order, slot in zip(orders, job.slots, strict=True)))
        task.ends = [poses(order)[-1] for order in orders]
        task.rendered = milliseconds()
        self.store.save(task)

    def _order(self, task: Task, variant: int, shot: Shot) -> ClipOrder:
        return ClipOrder(
            folder=self.store.folder(task.id).path,
            variant=variant,
            size=task.size or (0, 0),
            shot=shot,
            start=task.start,
            motion=task.motion,
            frames=task.new_frames,
            extend=bool(task.extends),
            loop=task.loop,
        )

    def _seed(self, *picture: str, prompt: str) -> str:
        """What decides the camera's moves."""
        return hashlib.sha256("\0".join((*picture, prompt)).encode()).hexdigest()

    async def stop(self) -> None:
        """End everything at once; what is unfinished is rendered when a later process is asked for it."""
        running = [job.run for job in self._jobs.values() if job.run is not None]
        for run in running:
            run.cancel()
        self.workers.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)
