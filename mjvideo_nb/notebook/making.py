"""A job from its request to clips that are kept, on the I/O thread: written down, sent once, followed, brought home.

It can begin at any of these steps, with whatever the library knows of the job, and so goes on where an earlier kernel was
stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from mjvideo_nb.client import Client, prepare
from mjvideo_nb.errors import (
    LibraryError,
    MJVideoError,
    ServiceError,
    StorageError,
    SubmissionUncertain,
    TaskFailed,
    TaskNotFound,
)
from mjvideo_nb.library import Entry, JobState
from mjvideo_nb.library.record import Record
from mjvideo_nb.models import Task, VideoRequest
from mjvideo_nb.storage import Storage, copy_clip

from .bringing import bring_here
from .helping import COPY_PATIENCE, done_by, posters
from .pictures import put_pictures
from .session import Session
from .state import Phase

__all__ = ["Making"]

COPY_TRIES = 3
COPY_PAUSE = 2.0
"""Seconds before the second try to copy a clip elsewhere; doubled for each further one."""
LOOK = 1.0
"""Seconds between two looks at what another kernel does with a job."""
NOT_ACCEPTED = frozenset({JobState.WAITING, JobState.SENDING})


class Enter(Protocol):
    """Shows how far it is."""

    def __call__(self, phase: str, **changes: Any) -> None:
        """Another phase, or other news of the same."""


@dataclass
class Making:
    """One job's way.

    Args:
        session: where it is sent, and where its clips are kept.
        entry: the job as it was written down.
        request: what was asked, its first frame ready; None for a task that was made elsewhere.
        task: the service's view of it, once it was accepted.
        enter: shows how far it is.
        is_new: whether its entry was made for it; only then is it sent. Whatever else is not sent yet, somebody else sends.
        phase: where it is now.
        executor: what makes its posters and copies instead of the session's; None for that one.

    """

    session: Session
    entry: Entry
    request: VideoRequest | None
    task: Task | None
    enter: Enter
    is_new: bool
    phase: str = Phase.PREPARING
    executor: Executor | None = None
    _runs: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._record = Record(self.session.library, self.entry.id, self.session.writer, self._owes)

    async def run(self) -> Task:
        """Go on to the end; the task, each clip with its path.

        Raises:
            MJVideoError: why it ended without clips, or cannot be followed or brought home for now. It is written down.

        """
        self._runs = True
        try:
            return await self._run()
        except TaskNotFound as error:
            await self._lost(error)
            raise
        except TaskFailed as error:
            await self._record.failed(self.task, error)
            raise
        except SubmissionUncertain:
            raise  # written down where it happened
        except Exception as error:
            # Also a mistake of ours: what is accepted stays accepted, and the next opening goes on with it.
            await (self._record.trouble if self.task else self._record.refused)(error)
            raise
        finally:
            self._runs = False

    async def _run(self) -> Task:
        await self._record.settle()
        if self.is_new and self.task is None:
            client, image = await self._in_order()
            self.task = await self._send(image)
            return await self._after(client, self.task)
        written = await asyncio.to_thread(self.session.library.shelf.get, self.entry.id)
        self.entry = written or self.entry
        if self.task is None:
            await self._wait_for_its_kernel()
        assert self.task is not None  # noqa: S101 - else the wait has raised
        here = self.entry.task
        if here is not None and self.entry.is_kept:
            return await self._copy(replace(self.task, clips=here.clips))  # what is left to do needs no service
        return await self._after(await self.session.gateway.client(), self.task)

    async def _in_order(self) -> tuple[Client, str]:
        """The client and the first frame; whoever was made first is first in the line, however large its picture is."""
        assert self.request is not None  # noqa: S101 - only a task that was accepted elsewhere has none
        async with self.session.gateway.line:
            return await self.session.gateway.client(), await prepare(self.request)

    async def _after(self, client: Client, task: Task) -> Task:
        """From the service's yes to clips that are kept."""
        self.task = await self._follow(task)
        await self._record.finished(self.task)
        kept = await self._bring_home(client, self.task)
        return await self._copy(kept)

    async def bring_here(self) -> None:
        """Bring the clips to this machine that another one has made and kept. Nothing of the job is changed by it.

        Raises:
            MJVideoError: one of them cannot be had here; says why, and what to do.

        """
        entry = await asyncio.to_thread(self.session.library.shelf.get, self.entry.id) or self.entry
        came = await bring_here(self.session, entry, lambda words: self.enter(Phase.DOWNLOADING, remark=words))
        await posters(came, self.session.library, self.executor or self.session.executor)

    def _show(self, phase: str, **changes: Any) -> None:
        self.phase = phase
        self.enter(phase, **changes)

    async def _send(self, image: str) -> Task:
        assert self.request is not None  # noqa: S101 - as above
        self._show(Phase.SENDING)
        return await self.session.gateway.send(
            self.entry.id,
            self.request,
            image,
            on_wait=self._waits,
            on_retry=self._tries_again,
            journal=self._record,
        )

    async def _follow(self, task: Task) -> Task:
        self._show(Phase.RUNNING, task=task)
        if task.succeeded and task.clips:
            return task
        return await self.session.gateway.follow(
            self.entry.id, task, on_update=self._sees, on_trouble=self._has_trouble
        )

    def _sees(self, task: Task) -> None:
        self.task = task
        self._show(Phase.RUNNING, task=task)

    async def _bring_home(self, client: Client, task: Task) -> Task:
        self._show(Phase.DOWNLOADING, task=task)
        folder = self.session.library.clips_folder
        try:
            copies = await client.bring(task, folder)
        except OSError as error:
            raise ServiceError(
                f"The clips are made and paid for, but they cannot be written to {folder} ({error}). Mend that, then "
                f"try again; nothing is sent or paid again (task {task.id}).",
                task_id=task.id,
            ) from error
        except MJVideoError as error:
            error.args = (f"{error} The clips are paid for; trying again costs nothing (task {task.id}).",)
            raise
        await self._record.kept(task, copies, copying=self.session.storage is not None)
        await self._record.settle()  # what is not written down is not kept
        await posters([copy.path for copy in copies], self.session.library, self.executor or self.session.executor)
        clips = tuple(replace(clip, path=copy.path) for clip, copy in zip(task.clips, copies, strict=True))
        return replace(task, clips=clips)

    async def _copy(self, task: Task) -> Task:
        """Bring copies to the storage elsewhere, if there is one. The clips are here in any case."""
        storage = self.session.storage
        if storage is None:
            return task
        entry = await asyncio.to_thread(self.session.library.shelf.get, self.entry.id)
        missing = [(clip, clip.path) for clip in entry.clips if clip.path and not clip.copy] if entry else []
        for number, (clip, path) in enumerate(missing, start=1):
            words = f"Copying to {storage.url}, {number} of {len(missing)}"
            self._show(Phase.DONE, task=task, remark=words, uncopied=False)
            name = path.relative_to(self.session.library.folder).as_posix()
            try:
                url = await self._persist(partial(self._put, storage, path, name, clip.digest))
            except StorageError as error:
                await self._record.trouble(error)
                self._show(Phase.DONE, task=task, remark=str(error), uncopied=True)
                return task
            await self._record.copied(clip.index, url)
        if missing and entry:
            if self.session.library.is_shared:
                await put_pictures(storage, self.session.library.folder, entry)
            self._show(Phase.DONE, task=task, remark="")
        return task

    async def _put(self, storage: Storage, path: Path, name: str, digest: str) -> str:
        executor = self.executor or self.session.executor
        url: str = await done_by(executor, COPY_PATIENCE, copy_clip, path, storage=storage, name=name, digest=digest)
        return url

    async def _persist(self, put: Callable[[], Awaitable[str]]) -> str:
        for tries in range(1, COPY_TRIES):
            try:
                return await put()
            except StorageError:
                await asyncio.sleep(COPY_PAUSE * 2 ** (tries - 1))
        return await put()

    async def _wait_for_its_kernel(self) -> None:
        """Another kernel sends this: look into the library until it has, or until it is gone."""
        library = self.session.library
        while True:
            entry = await asyncio.to_thread(library.shelf.get, self.entry.id)
            if entry is None:
                raise LibraryError("This job was deleted by another kernel.")
            if entry.state not in NOT_ACCEPTED:
                break
            if not await asyncio.to_thread(library.is_followed, entry):
                await asyncio.to_thread(self.session.jobs.pick_up)
                continue
            self._show(Phase.WAITING, remark="Another kernel sends this request.")
            await asyncio.sleep(LOOK)
        self.entry, self.task = entry, entry.task
        error = entry.failure
        if error is not None:
            raise error

    async def _lost(self, error: TaskNotFound) -> None:
        """A task that was named by its id alone and is not known there never was one of ours."""
        adopted = self.request is None and self.task is not None and not self.task.raw
        await (self._record.drop() if adopted else self._record.trouble(error))

    # What it says on its way

    def _waits(self, place: int) -> None:
        self._show(Phase.WAITING if place else Phase.SENDING, place=place)

    def _tries_again(self, error: MJVideoError | None, seconds: float) -> None:
        remark = f"Not accepted, so it is sent again in {seconds:.0f} s. {error}" if error else ""
        self._show(Phase.SENDING, remark=remark)

    def _has_trouble(self, error: MJVideoError | None) -> None:
        self._show(Phase.RUNNING, remark=f"No answer from the service, trying again. {error}" if error else "")

    def _owes(self, error: LibraryError | None) -> None:
        self.session.money_changed()
        if self._runs:  # else what came of it stands on the card
            self.enter(self.phase, remark=f"The task goes on, but could not be written down. {error}" if error else "")
