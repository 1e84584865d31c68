"""A job: one request on its way, from the first frame to four clips on disk, followed in the background."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mjvideo_nb.client import TASK_DEADLINE
from mjvideo_nb.errors import InvalidRequest, TaskTimeout
from mjvideo_nb.library import Entry, JobState
from mjvideo_nb.models import Clip, Task, VideoRequest

from .bringing import here
from .card import card
from .cell import current_cell
from .in_marimo import InMarimo
from .iothread import io
from .making import Making
from .news import News
from .said import Said
from .showing import Showing
from .state import Phase, State, Step, state_of

if TYPE_CHECKING:
    from .record import Told
    from .session import Session
    from .view import JobView

__all__ = ["Job"]


class Job(Said, InMarimo):
    """One request on its way to four clips. Made by `video`, `studio`, `extend` and `open`; it goes on by itself.

    Show it (as the last line of a cell) for a live card; `await job` or `job.wait()` for the finished task; `job[2]` for
    a clip; `job.extend(2)` to go on from it.

    Args:
        session: the service it is sent to and the library that keeps it.
        entry: the job as it was written down.
        request: what was asked, its first frame ready; None for a task that was made elsewhere.
        is_new: whether the entry was made for this job. Only such a job is ever sent.

    """

    def __init__(self, session: Session, entry: Entry, request: VideoRequest | None, *, is_new: bool = False) -> None:
        self._session = session
        self._guard = threading.RLock()
        self.entry_id = entry.id
        self._state = state_of(entry, request, session)
        self._started = time.monotonic() - (time.time() - entry.created.timestamp())
        self._news = News()
        self._showing = Showing(self, session, entry.created)
        self._making = Making(session, entry, request, self._state.task, self._enter, is_new, self._state.phase)
        if self._state.phase == Phase.FAILED or (entry.state == JobState.DONE and self._state.ended):
            self._future: concurrent.futures.Future[Task] = concurrent.futures.Future()
            if self._state.error:
                self._future.set_exception(self._state.error)
            elif self._state.task:
                self._future.set_result(self._state.task)
        else:
            self._future = self._go_on()

    # What it is

    @property
    def state(self) -> State:
        """The job as it is now."""
        with self._guard:
            if self._state.ended:
                return self._state
            return replace(self._state, elapsed=time.monotonic() - self._started)

    @property
    def request(self) -> VideoRequest | None:
        """What was asked; None for a task that was made elsewhere."""
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
    def entry(self) -> Entry:
        """What the library holds of it now: clips, ratings, tags, note, price."""
        entry = self._session.library.shelf.get(self.entry_id)
        if entry is None:
            raise InvalidRequest("This job was deleted from the library.")
        return entry

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
        """The clips, each with its `path` on disk; empty until the job is done. A path is None where it could not be brought here."""
        state = self._state
        return state.task.clips if state.task and state.phase == Phase.DONE else ()

    def __getitem__(self, index: int) -> Clip:
        """The clip with this `index`, as on its badge.

        Raises:
            IndexError: there is no such clip, or not yet.

        """
        if not self.clips:
            raise IndexError(f"no clips yet: the job is {self._state.phase}; wait for it first")
        assert self._state.task is not None  # noqa: S101 - clips come from it
        return self._state.task[index]

    def __repr__(self) -> str:
        state = self.state
        words = [state.task.id, state.phase] if state.task else [state.phase]
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
        try:
            return io.wait(self._future, timeout)
        except concurrent.futures.TimeoutError:
            if self._future.done():
                raise
        finally:
            self._showing.tell_again()
        raise TaskTimeout(
            f"Not done after {timeout:.0f} s; the job goes on in the background. Show it again, or wait longer.",
            task_id=self.id or "",
        )

    def __await__(self) -> Generator[Any, None, Task]:
        """The finished task. Cancelling the waiting does not cancel the job."""
        return io.until(self._future).__await__()

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
            if self._state.phase == Phase.FAILED or self._state.uncopied or self._state.elsewhere:
                phase = Phase.DOWNLOADING if self._state.elsewhere else Phase.RUNNING
                self._change(phase=phase, error=None, remark="", uncopied=False)
                self._future = self._go_on()
        return self

    def send_again(self) -> Job:
        """Send the same request once more, knowingly: another job, and another price.

        Raises:
            InvalidRequest: the request is not known, its first frame is gone, or somebody else has asked for it.
            BudgetExceeded, LibraryError: it cannot be made; nothing was sent.

        """
        self._check_ours("send it again")
        if self.request is None:
            raise InvalidRequest("What was asked is not known here: the task was made elsewhere.")
        if isinstance(self.request.image, Path):
            raise InvalidRequest(f"image: the first frame {self.request.image} is gone; choose it anew.", field="image")
        job = self._session.jobs.make(self.request, instead_of=self.entry_id)
        self.forget()
        return job

    def forget(self) -> None:
        """Settle an outcome that is not known: it is not asked about any more. Nothing is sent, its price stays counted.

        Raises:
            InvalidRequest: somebody else has asked for it.

        """
        self._check_ours("settle it")
        self._session.library.ledger.forget(self.entry_id)
        self._session.money_changed()
        self._change(forgotten=True)

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
        again: bool = False,
    ) -> Job:
        """Go on from one of the clips, as the buttons under it do: another call, another price.

        What is not given stays as it was. A cell that is run again shows the job that it had made, and sends nothing.

        Args:
            index: the clip to go on from, 0-3, as on its badge.
            motion: how much moves, `"low"` or `"high"`.
            prompt: what happens next.
            video_type: `"480p"`, `"720p"`, or the service's own name of a type.
            state: as in `VideoRequest`.
            no_storage: as in `VideoRequest`.
            extra: as in `VideoRequest`.
            again: True for a new one also where this cell has made it before.

        Returns:
            Another job, already on its way.

        Raises:
            InvalidRequest: this job has no such clip, or not yet; or it was extended four times, which is Midjourney's
                limit. Nothing was sent.
            BudgetExceeded, LibraryError: it cannot be made; nothing was sent.

        """
        request = self._extended(
            index,
            motion=motion,
            prompt=prompt,
            video_type=video_type,
            state=state,
            no_storage=no_storage,
            extra=extra,
        )
        return self._session.jobs.make(request, cell=current_cell(), again=again)

    def extend_by_button(self, index: int, motion: str, prompt: str | None = None) -> Job:
        """As `extend` with `index`, `motion` and `prompt`, asked for by a press and not by a cell: always another job."""
        return self._session.jobs.make(self._extended(index, motion=motion, prompt=prompt))

    def _extended(self, index: int, **given: Any) -> VideoRequest:
        request = self._state.finished_task().extend(index, **given)
        # A first frame that is gone, or on another machine, is not missed: the service goes on from its own clip.
        return replace(request, image="") if isinstance(request.image, Path) else request

    def lineage(self) -> tuple[Step, ...]:
        """The chain of requests that led to these clips, the first one first; as far back as the library knows."""
        steps = self._state.steps  # from when it was made: this job had no task then
        return (*steps[:-1], replace(steps[-1], task_id=self.id or "")) if steps else ()

    def save(self, folder: str | os.PathLike[str], name: str = "{prompt:.40}-{index}") -> list[Path]:
        """Save copies of its clips under readable names, with what made them: in the MP4's own tags, and as JSON beside it.

        Args:
            folder: where the copies go; made if it is not there.
            name: of a copy, made of the fields prompt, index, task_id, motion, video_type, date, time and rating, as in
                `"{prompt:.40}-{index}"`. A file of another clip is never replaced: then a number is put behind the name.

        Returns:
            The copies, in the order of the variants.

        Raises:
            InvalidRequest: there is no clip on disk yet, the name cannot be made, or the extra `media` is missing.
            OSError: the folder cannot be written.

        """
        from .saving import save

        return save(self.entry, self.lineage(), folder, name, sandbox=self.sandbox)

    # Showing it

    @property
    def sandbox(self) -> bool:
        """Whether the sandbox serves it, and not Midjourney."""
        return self._session.sandbox

    @property
    def card(self) -> dict[str, Any]:
        """What its card says now."""
        state = self.state
        return card(state, sandbox=self.sandbox, price=self._session.price_words(state.short_type))

    @property
    def view(self) -> JobView:
        """Its one live card, with the cards of the extends made from it below."""
        return self._showing.view

    def told(self, *, pictures: bool = True) -> Told:
        """What the record in a saved notebook says of it; `pictures`: whether with its posters."""
        return self._showing.told(pictures=pictures)

    def _ipython_display_(self) -> None:
        self._showing.show()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, at most four times a second, on the I/O thread."""
        self._news.listen(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call this `listener` no more."""
        self._news.unlisten(listener)

    def _change(self, **changes: Any) -> None:
        with self._guard:
            self._state = replace(self._state, **changes)
        self._news.tell()

    def belong_to(self, session: Session) -> None:
        """What is begun from this job goes by the settings of this `session` from now on, if its service is the same."""
        if session.serves(self._session.service):
            self._session = session

    def work_by(self, executor: concurrent.futures.Executor | None) -> None:
        """Its posters and copies are made by this `executor` from now on; None for that of its session."""
        self._making.executor = executor

    def say_shown_again(self) -> None:
        """Say on the card that nothing was sent for it now."""
        self._change(shown_again=True)

    # Doing it, on the I/O thread

    def _go_on(self) -> concurrent.futures.Future[Task]:
        if not self._state.elsewhere:
            return io.start(self._run())
        self._started = time.monotonic()
        return io.start(self._bring_here())

    async def _bring_here(self) -> Task:
        """What another machine has made: whether or not it can be had on this one, it is done and can be gone on from."""
        took = self._state.elapsed  # to be made, and not to be brought
        try:
            await self._making.bring_here()
        except Exception as error:
            self._is_here(took, remark=str(error) or type(error).__name__)
            raise
        return self._is_here(took)

    def _is_here(self, took: float, *, remark: str = "") -> Task:
        task = here(self._session.library, self._state.task)
        self._change(phase=Phase.DONE, task=task, elapsed=took, remark=remark, elsewhere=bool(remark))
        self._showing.refresh()
        return task

    def _enter(self, phase: str, **changes: Any) -> None:
        self._change(phase=phase, elapsed=time.monotonic() - self._started, **changes)
        if self._state.ended:
            self._showing.refresh()  # before anybody hears of the end: a notebook without a browser is saved then

    async def _run(self) -> Task:
        try:
            task = await self._making.run()
        except BaseException as error:
            # Also a cancelled job and a mistake of ours: the card says what came of it, and whoever waits gets it.
            self._session.money_changed()
            self._enter(Phase.FAILED, error=error)
            raise
        self._enter(Phase.DONE, task=task)
        return task
