"""A job: one request on its way, from the first frame to four clips on disk, followed in the background."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb.client import TASK_DEADLINE, Client, prepare
from mjvideo_nb.errors import InvalidRequest, MJVideoError, ServiceError, TaskTimeout
from mjvideo_nb.models import Clip, Task, VideoRequest

from .card import Phase, State, card
from .session import Session, io

if TYPE_CHECKING:
    from .view import JobView

__all__ = ["Job"]

UPDATE_INTERVAL = 0.25
"""Seconds between two updates of a card: Jupyter drops messages above 1000 a second, and an eye sees no more."""
SLICE = 0.1
"""Seconds of waiting at a stretch, so that an interrupt gets through on every system."""


class Job:
    """One request, on its way. Made by `video`, `studio` and `extend`; it starts by itself.

    Show it (as the last line of a cell) for a live card; `await job` or `job.wait()` for the finished task; `job[2]` for
    a clip; `job.extend(2)` to go on from it.

    Args:
        session: the service it is sent to and the folder its clips go to.
        request: what to make, its first frame ready.

    Raises:
        SandboxUnavailable, AuthenticationError: there is no service to send it to.
        BudgetExceeded: it costs more than the budget has left.

    """

    def __init__(self, session: Session, request: VideoRequest) -> None:
        session.check()
        session.limits.check(request.short_type)
        self._session = session
        self._guard = threading.RLock()
        self._state = State(request)
        self._started = time.monotonic()
        self._listeners: list[Callable[[], None]] = []
        self._view: JobView | None = None
        self._due = False
        self._future = io.start(self._run())

    # What it is

    @property
    def state(self) -> State:
        """The job as it is now."""
        with self._guard:
            if self._state.ended:
                return self._state
            return replace(self._state, elapsed=time.monotonic() - self._started)

    @property
    def request(self) -> VideoRequest:
        """What was asked."""
        return self._state.request

    @property
    def task(self) -> Task | None:
        """The service's task as it was last seen, or None while it has not accepted the request."""
        return self._state.task

    @property
    def id(self) -> str | None:
        """The task's id, or None while the service has not accepted the request."""
        return self._state.task.id if self._state.task else None

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._state.ended

    @property
    def error(self) -> BaseException | None:
        """Why it failed, or None."""
        return self._state.error

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips, each with its `path` on disk; empty until the job is done."""
        state = self._state
        return state.task.clips if state.task and state.phase == Phase.DONE else ()

    def __getitem__(self, index: int) -> Clip:
        """The clip with this index, as on its badge.

        Raises:
            IndexError: there is no such clip, or not yet.

        """
        if not self.clips:
            raise IndexError(f"no clips yet: the job is {self._state.phase}; wait for it first")
        assert self._state.task is not None  # noqa: S101 - clips come from it
        return self._state.task[index]

    def __repr__(self) -> str:
        state = self.state
        words = [state.task.id] if state.task else []
        words.append(state.phase)
        if state.phase == Phase.RUNNING and state.task and state.task.progress is not None:
            words.append(f"{state.task.progress} %")
        if state.error:
            words.append(f"{type(state.error).__name__}: {state.error}")
        return f"<Job {' '.join(words)}>"

    # Waiting for it

    def wait(self, timeout: float | None = TASK_DEADLINE) -> Task:
        """Wait for the end, from a plain cell or a script. An interrupt stops the waiting, never the job.

        Args:
            timeout: seconds, or None for no limit.

        Returns:
            The finished task; each clip has its `path`.

        Raises:
            TaskTimeout: it has not ended in that time. It goes on.
            MJVideoError: why the job failed.

        """
        if io.is_current:
            raise RuntimeError("job.wait() on the thread that runs the jobs would never end: use await job")
        end = None if timeout is None else time.monotonic() + timeout
        future = self._future
        while not future.done():
            left = SLICE if end is None else min(SLICE, end - time.monotonic())
            if left <= 0:
                raise TaskTimeout(
                    f"Not done after {timeout:.0f} s; the job goes on in the background. Show it again, or wait longer.",
                    task_id=self.id or "",
                )
            concurrent.futures.wait([future], timeout=left)
        return future.result()

    def __await__(self) -> Generator[Any, None, Task]:
        """The finished task. Cancelling the waiting does not cancel the job."""
        inner = asyncio.wrap_future(self._future)
        # If nobody waits any more, its failure still stands on the card: asyncio need not complain that none read it.
        inner.add_done_callback(lambda f: None if f.cancelled() else f.exception())
        return asyncio.shield(inner).__await__()

    def resume(self) -> Job:
        """Follow the task again after the network or the disk failed. Nothing is sent a second time.

        Raises:
            InvalidRequest: the job still runs, or the service never accepted it.

        """
        with self._guard:
            if not self._state.ended:
                raise InvalidRequest("The job still runs: there is nothing to resume.")
            if self._state.task is None:
                raise InvalidRequest("The service never accepted this request: make a new job instead.")
            if self._state.phase == Phase.FAILED:
                self._state = replace(self._state, phase=Phase.RUNNING, error=None)
                self._future = io.start(self._run())
        self._changed()
        return self

    # Going on from it

    def extend(
        self,
        index: int,
        *,
        motion: str | None = None,
        prompt: str | None = None,
        video_type: str | None = None,
        state: str | None = None,
        no_storage: bool | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Job:
        """Go on from one of the clips: what the buttons under it do. What is not given stays as it was.

        Args:
            index: the clip, as on its badge.
            motion: `"low"` or `"high"`.
            prompt: what happens next.
            video_type: as in `video`.
            state: as in `VideoRequest`.
            no_storage: as in `VideoRequest`.
            extra: as in `VideoRequest`.

        Returns:
            Another job, already on its way.

        Raises:
            InvalidRequest: this job has no such clip, or not yet.

        """
        task = self._state.task
        if task is None or self._state.phase != Phase.DONE:
            raise InvalidRequest(
                f"index: the job is {self._state.phase}; there is no clip to extend until it is done.", field="index"
            )
        request = task.extend(
            index,
            motion=motion,
            prompt=prompt,
            video_type=video_type,
            state=state,
            no_storage=no_storage,
            extra=extra,
        )
        return Job(self._session, request)

    def read_clip(self, index: int) -> bytes:
        """The bytes of one clip, from the copy on disk.

        Raises:
            IndexError: there is no such clip.
            OSError: its file is gone.

        """
        path = self[index].path
        if path is None:
            raise IndexError(f"clip [{index}] has no copy on disk")
        return path.read_bytes()

    # Showing it

    @property
    def card(self) -> dict[str, Any]:
        """What its card says now."""
        state = self.state
        return card(state, sandbox=self._session.sandbox, price=self._session.price_words(state.request.short_type))

    @property
    def view(self) -> JobView:
        """Its one live card, with the cards of the extends made from it below."""
        from .view import JobView

        with self._guard:
            if self._view is None:
                self._view = JobView(self)
            return self._view

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.view._repr_mimebundle_(**options)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, at most four times a second, on the I/O thread."""
        with self._guard:
            self._listeners.append(listener)

    def _changed(self) -> None:
        """Tell the listeners soon: a burst of changes becomes one call."""
        with self._guard:
            if self._due:
                return
            self._due = True
        loop = io.loop
        loop.call_soon_threadsafe(loop.call_later, UPDATE_INTERVAL, self._tell)

    def _tell(self) -> None:
        with self._guard:
            self._due = False
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    # Doing it, on the I/O thread

    def _enter(self, phase: str, **changes: Any) -> None:
        with self._guard:
            elapsed = time.monotonic() - self._started
            self._state = replace(self._state, phase=phase, elapsed=elapsed, **changes)
        self._changed()

    async def _run(self) -> Task:
        try:
            task = await self._make(await self._session.client())
        except BaseException as error:
            # Also a cancelled job and a mistake of ours: the card says what came of it, and whoever waits gets it.
            self._enter(Phase.FAILED, error=error)
            raise
        self._enter(Phase.DONE, task=task)
        return task

    def _waits(self, place: int) -> None:
        self._enter(Phase.WAITING if place else Phase.SENDING, place=place)

    def _tries_again(self, error: MJVideoError | None, seconds: float) -> None:
        remark = f"Not accepted, so it is sent again in {seconds:.0f} s. {error}" if error else ""
        self._enter(Phase.SENDING, remark=remark)

    def _has_trouble(self, error: MJVideoError | None) -> None:
        self._enter(Phase.RUNNING, remark=f"No answer from the service, trying again. {error}" if error else "")

    async def _make(self, client: Client) -> Task:
        task = self._state.task
        if task is None:
            image = await prepare(self.request)
            self._enter(Phase.SENDING)
            task = await client.send(self.request, image, on_wait=self._waits, on_retry=self._tries_again)
        self._enter(Phase.RUNNING, task=task)
        task = await client.wait(
            task, on_update=lambda seen: self._enter(Phase.RUNNING, task=seen), on_trouble=self._has_trouble
        )
        self._enter(Phase.DOWNLOADING, task=task)
        folder = self._session.clips_folder
        try:
            paths = await client.download(task, folder)
        except OSError as error:
            raise ServiceError(
                f"The clips are made and paid for, but they cannot be written to {folder} ({error}). Mend that, then "
                f"call resume() on this job; nothing is sent or paid again (task {task.id}).",
                task_id=task.id,
            ) from error
        except MJVideoError as error:
            error.args = (f"{error} The clips are paid for: resume() on this job tries again (task {task.id}).",)
            raise
        kept = tuple(replace(clip, path=Path(path)) for clip, path in zip(task.clips, paths, strict=True))
        return replace(task, clips=kept)
