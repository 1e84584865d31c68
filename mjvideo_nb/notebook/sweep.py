"""A sweep: the same first frames with several prompts, motions and types, planned, priced, made and compared as a matrix."""

from __future__ import annotations

import concurrent.futures
import logging
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from mjvideo_nb import frames, sweeps
from mjvideo_nb.client import TASK_DEADLINE
from mjvideo_nb.errors import (
    AuthenticationError,
    InvalidRequest,
    LibraryError,
    MJVideoError,
    QuotaError,
    SandboxUnavailable,
    SubmissionUncertain,
    TaskTimeout,
)
from mjvideo_nb.models import Task, VideoRequest

from .cell import Cell
from .filling import Filling
from .in_marimo import InMarimo
from .iothread import io
from .news import INTERVAL, News
from .showing import Shown
from .state import Phase

if TYPE_CHECKING:
    from .job import Job
    from .session import Session
    from .sweep_view import SweepView

__all__ = ["Sweep"]

log = logging.getLogger(__name__)

SMALL = 24
"""Cells of a matrix that is updated as often as a card."""
HOLDS_A_PLACE = {Phase.PREPARING, Phase.WAITING, Phase.SENDING, Phase.RUNNING}
STOPPERS = (AuthenticationError, QuotaError, SandboxUnavailable, LibraryError)
"""What would befall every further call as well."""


class Sweep(InMarimo):
    """A matrix of videos. Nothing is sent before its button is pressed or `start` is called.

    Show it (as the last line of a cell) for the plan, the price and the button, and then for the clips side by side;
    `await sweep` or `sweep.wait()` for the end of all that was started; `sweep[row, column]` for one job.

    Args:
        session: the service and the library; another one of the same library may take its place.
        plan: the matrix.
        first_frames: by what the plan calls them.
        rest: what is the same in all requests.
        cell: the cell that asks for it, or "".
        mark: what is asked, to know it again.
        sweep_id: the library's name for it where it was started before.
        executor: what makes posters and copies of its jobs; None for that of the session.

    """

    def __init__(
        self,
        session: Session,
        plan: sweeps.Plan,
        *,
        first_frames: Mapping[str, frames.Frame],
        rest: Mapping[str, Any],
        cell: str = "",
        mark: str = "",
        sweep_id: str = "",
        executor: concurrent.futures.Executor | None = None,
    ) -> None:
        self.session = session
        self.executor = executor
        self.plan = plan
        self.first_frames = first_frames
        self.shown_again = False
        self.stopped = ""
        self._rest = rest
        self._cell, self._mark, self._id = cell, mark, sweep_id
        self._guard = threading.RLock()
        # One press after the other. Apart from the guard, which the I/O thread takes and must not wait for the disk.
        self._pressing = threading.RLock()
        self._made: dict[int, Job] = {}
        self._refused: dict[int, BaseException] = {}
        self._fresh: list[Job] = []
        self._news = News(self._interval)
        self._shown: Shown[SweepView] = Shown(
            f"mj-{secrets.token_hex(8)}",
            self._make_view,
            lambda _: [job for job in self.jobs if job],
            heading=self._words,
        )
        self._filling = Filling(
            make=self._make,
            has_place=self._has_place,
            is_under_way=self._is_under_way,
            on_change=self._news.tell,
            on_end=self._shown.refresh,
            guard=self._guard,
        )
        self._news.listen(self._shown.refresh)
        self._requests = [self._request(number) for number in range(len(plan))]  # checked now, before anything is made
        if sweep_id:
            for number, entry in session.library.sweeping.jobs(sweep_id).items():
                self._know(number, session.jobs.get(entry.id))
            self._filling.go_on()

    def _request(self, number: int) -> VideoRequest:
        values = self.plan.at(number)
        return VideoRequest(**{**self._rest, **values, "image": self.first_frames[values["image"]]})

    # What it is

    @property
    def id(self) -> str:
        """The library's name for it; "" before it is started."""
        return self._id

    @property
    def jobs(self) -> list[Job | None]:
        """The jobs row by row; None where none was made yet."""
        with self._guard:
            return [self._made.get(number) for number in range(len(self.plan))]

    def __getitem__(self, place: tuple[int, int]) -> Job | None:
        """The job at `place`, a row and a column, both from 0; None where none was made yet.

        Raises:
            IndexError: there is no such cell.

        """
        if not (isinstance(place, tuple) and len(place) == 2):
            raise IndexError("a cell is named by its row and column: sweep[0, 1]; all jobs are in sweep.jobs")
        return self.jobs[self.plan.number(*place)]

    def __len__(self) -> int:
        return len(self.plan)

    def __repr__(self) -> str:
        done = sum(1 for job in self.jobs if job and job.state.phase == Phase.DONE)
        return f"<Sweep {self.plan.title}: {done} of {len(self)} done>"

    @property
    def missing(self) -> list[int]:
        """The cells in which no job was made, and none is about to be."""
        with self._guard:
            there = self._made.keys() | self.queued
            return [number for number in range(len(self)) if number not in there]

    @property
    def queued(self) -> frozenset[int]:
        """The cells whose job is about to be made."""
        return self._filling.queued

    def refusal(self, number: int) -> BaseException | None:
        """Why no job could be made in cell `number`, or None."""
        return self._refused.get(number)

    def request(self, number: int) -> VideoRequest:
        """What cell `number` asks for."""
        return self._requests[number]

    def can_retry(self, number: int) -> bool:
        """Whether cell `number` ended without clips, in a way that another call is not the second for something unknown."""
        with self._guard:
            if number in self.queued:
                return False
            job = self._made.get(number)
            if job is None:
                return number in self._refused
            state = job.state
            unsettled = isinstance(state.error, SubmissionUncertain) and not state.forgotten
            return state.phase == Phase.FAILED and not unsettled

    # What makes it

    def start(self) -> Sweep:
        """Make what is missing, as the button does: the calls are paid. Those that failed stay as they are.

        Returns:
            The sweep itself, at once. A call that the budget does not allow is refused in its place.

        Raises:
            SandboxUnavailable, AuthenticationError: there is no service to send it to.
            LibraryError: it cannot be written down. Nothing was sent.

        """
        self.session.check()
        with self._pressing:
            missing = self.missing
            if missing:
                self._ask_for(*missing)
        return self

    def stop(self) -> None:
        """Make no further calls. Those that were made go on: they are on their way to the service, or paid.

        No more calls are made than may run at once, so that nearly all that waits is taken back.
        """
        self._stop("Stopped.")

    def _stop(self, why: str) -> None:
        taken_back = self._filling.clear()
        if taken_back:
            self.stopped = f"{why} {_calls(taken_back)} not made; nothing was sent or charged for them."
            self._news.tell()

    def retry(self, number: int) -> None:
        """Make the call of cell `number`, which ended without clips, once more: another price.

        Raises:
            InvalidRequest: nothing has failed there, or its outcome is not known.
            SandboxUnavailable, AuthenticationError, LibraryError: as for `start`.

        """
        self.session.check()
        with self._pressing:
            if not self.can_retry(number):
                raise InvalidRequest("There is nothing to retry in this cell. Nothing was sent.", field="number")
            self._ask_for(number)

    def send_again(self, number: int) -> None:
        """Send the request of cell `number`, whose outcome is not known, again and knowingly: another price.

        Raises:
            InvalidRequest: its outcome is known, or its first frame is gone.
            BudgetExceeded, LibraryError: it cannot be made; nothing was sent.

        """
        with self._pressing:
            job = self._made.get(number)
            if job is None or "again" not in job.state.choices:
                raise InvalidRequest("There is nothing to send again in this cell. Nothing was sent.", field="number")
            self._put(number, job.send_again())
        self._filling.go_on()

    def _ask_for(self, *numbers: int) -> None:
        if not self._id:
            store = self.session.library.sweeping
            self._id = store.start(self.plan.to_json(), cell=self._cell, fingerprint=self._mark)
        with self._guard:
            for number in numbers:
                self._refused.pop(number, None)
            self._fresh = [job for job in self._fresh if not job.done]
            self.stopped, self.shown_again = "", False
        self._filling.add(*numbers)

    def _has_place(self) -> bool:
        """Whether another job may be made now; none may where the last have met what all others would meet."""
        with self._guard:
            made = list(self._made.values())
            hopeless = next((job.error for job in self._fresh if isinstance(job.error, STOPPERS)), None)
        if hopeless:
            self._stop(f"{hopeless.headline}: stopped.")
            return False
        return sum(1 for job in made if job.state.phase in HOLDS_A_PLACE) < self.session.limits.at_once

    def _is_under_way(self) -> bool:
        with self._guard:
            return any(not job.done for job in self._made.values())

    def _make(self, number: int) -> None:
        before = self._made.get(number)
        # Made under the name of its place: had the kernel ended before it was put there, it would be found again, and not
        # paid for twice. Where the one before was settled as unknown, a further one is wanted.
        cell = Cell(f"sweep {self._id} {number}", secrets.token_hex(8))
        again = before is not None and before.state.forgotten
        try:
            self._put(number, self.session.jobs.make(self._requests[number], cell=cell, again=again))
        except MJVideoError as error:
            self._refuse(number, error)
        except Exception as error:
            log.exception("cell %s of a sweep", number)
            self._refuse(number, error)
        self._news.tell()

    def _refuse(self, number: int, error: Exception) -> None:
        with self._guard:
            self._refused[number] = error
        if isinstance(error, STOPPERS) or not isinstance(error, MJVideoError):
            self._stop(f"{getattr(error, 'headline', 'Something went wrong here')}: stopped.")

    def _put(self, number: int, job: Job) -> None:
        self.session.library.sweeping.put(self._id, number, job.entry_id)
        with self._guard:
            self._fresh.append(job)
        self._know(number, job)

    def _know(self, number: int, job: Job) -> None:
        if self.executor is not None:
            job.work_by(self.executor)
        with self._guard:
            self._made[number] = job
        job.listen(self._filling.go_on)

    # Waiting for it

    def wait(self, timeout: float | None = TASK_DEADLINE) -> list[Task | None]:
        """Wait until all that was started has ended, from a plain cell or a script.

        Args:
            timeout: seconds, or None for no limit.

        Returns:
            The finished tasks row by row; None where there is none: look at `sweep[row, column].error`.

        Raises:
            InvalidRequest: it was not started.
            TaskTimeout: it has not ended in that time. It goes on.

        """
        try:
            io.wait(self._end(), timeout)
        except concurrent.futures.TimeoutError:
            raise TaskTimeout(f"Not done after {timeout:.0f} s; the sweep goes on in the background.") from None
        return self._tasks()

    def __await__(self) -> Generator[Any, None, list[Task | None]]:
        """The finished tasks, as `wait` gives them. Cancelling the waiting cancels nothing else."""
        yield from io.until(self._end()).__await__()
        return self._tasks()

    def _end(self) -> concurrent.futures.Future[None]:
        if not self._id:
            raise InvalidRequest("This sweep was not started: press its button, or call start().")
        return self._filling.end

    def _tasks(self) -> list[Task | None]:
        return [job.task if job and job.state.phase == Phase.DONE else None for job in self.jobs]

    # Showing it

    @property
    def view(self) -> SweepView:
        """Its one live view; another one when the last was closed."""
        return self._shown.view

    def _make_view(self) -> SweepView:
        from .sweep_view import SweepView

        return SweepView(self)

    def _words(self) -> str:
        from .sweep_page import words

        return f"Sweep: {self.plan.title} · {words(self)}"

    def _ipython_display_(self) -> None:
        self._shown.show()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each change, on the I/O thread; a burst of changes becomes one call."""
        self._news.listen(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call this `listener` no more."""
        self._news.unlisten(listener)

    def work_by(self, executor: concurrent.futures.Executor | None) -> None:
        """Posters and copies of its jobs are made by this `executor` from now on; None for that of the session."""
        self.executor = executor
        for job in self.jobs:
            if job:
                job.work_by(executor)

    def say_shown_again(self) -> None:
        """Say that this is what its cell has planned before, and that nothing was sent now."""
        self.shown_again = True
        self._news.tell()

    def _interval(self) -> float:
        """Seconds between two updates, longer where the matrix is large: all of it goes to the browser each time."""
        return min(1.0, INTERVAL * max(1.0, len(self) / SMALL))


def _calls(number: int) -> str:
    return "1 call was" if number == 1 else f"{number} calls were"
