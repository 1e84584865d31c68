"""What stands in the output of a cell: a live view, and beside it a record for when no kernel runs."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import ipywidgets

from mjvideo_nb.errors import MJVideoError
from mjvideo_nb.frames import Frame

from .in_marimo import is_open
from .outputs import close, outputs
from .preview import thumbnail
from .record import MOST_PICTURES, Told, record
from .view import JobView

if TYPE_CHECKING:
    from mjvideo_nb.library import Library

    from .job import Job
    from .session import Session

__all__ = ["Record", "Showing", "Shown", "display_bundle", "in_kernel", "small_posters"]

V = TypeVar("V", bound=ipywidgets.Widget)

log = logging.getLogger(__name__)

WIDGET = "application/vnd.jupyter.widget-view+json"
MOST_WITH_PICTURES = 8
"""Jobs of one record that are told with pictures, the first; all of them would make a notebook heavy."""
CLOSED = "This was closed when its cell was run again. Run the cell that makes it: mj.studio(), mj.history(), mj.compare(...)."


class Record:
    """A live view with its record in the outputs of the notebook. The record follows the jobs of the view while it is open.

    Args:
        name: by which the record is known among all outputs; it may stand in several cells.
        view: what is shown live.
        cards: what is told, in its order: the jobs' views in it, which are followed (what stands below them is found by
            itself); jobs, whose owner refreshes the record; or what is told already.
        heading: what is told above them.
        nothing: what is told while there are none.

    """

    def __init__(
        self,
        name: str,
        view: ipywidgets.Widget,
        cards: Callable[[], Iterable[JobView | Job | Told]],
        *,
        heading: Callable[[], str] = str,
        nothing: str = "",
    ) -> None:
        self.view = view
        self._name = name
        self._cards = cards
        self._heading = heading
        self._nothing = nothing
        self._guard = threading.RLock()
        self._last: dict[str, str] = {}
        self._heard: dict[str, Job] = {}
        self._watched: weakref.WeakSet[JobView] = weakref.WeakSet()

    def show(self) -> None:
        """Put both into the output of the running cell; where there is no kernel, the words of the record.

        The view is closed when its cell was run again and nothing shows it any more.
        """
        if not outputs.note(self.view):
            display_bundle({"text/plain": CLOSED})
            return
        if in_kernel():
            # Without the words of the widget: those of the record say more.
            display_bundle({WIDGET: {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}})
        with self._guard:
            self._last = self._told()
            display_bundle(self._last, name=self._name)

    def refresh(self, _change: object = None) -> None:
        """Bring the record up to date wherever it stands. From any thread."""
        with self._guard:
            if self.view.comm is None:
                self._let_go()
            elif self._last and in_kernel():
                try:
                    self._update()
                except Exception:  # a job that was paid for does not fail because of a picture of it
                    log.exception("the record %s", self._name)

    def _update(self) -> None:
        told = self._told()
        if told != self._last:
            self._last = told
            # In a context of its own, where ipykernel takes the cell that runs now for the parent of the message: who
            # executes a notebook without a browser listens to that one only. JupyterLab goes by the name.
            contextvars.Context().run(display_bundle, told, name=self._name, update=True)

    def _told(self) -> dict[str, str]:
        told: list[Told] = []
        for item in self._cards():
            if isinstance(item, Told):
                told.append(item)
                continue
            for job in self._jobs(item):
                told.append(job.told(pictures=len(told) < MOST_WITH_PICTURES))
        return record(told, heading=self._heading(), nothing=self._nothing)

    def _jobs(self, item: JobView | Job) -> Iterator[Job]:
        if not isinstance(item, JobView):
            yield item
            return
        for view in item.all_views():
            if view not in self._watched:
                self._watched.add(view)
                view.observe(self.refresh, "children")
            if view.job.entry_id not in self._heard:
                self._heard[view.job.entry_id] = view.job
                view.job.listen(self.refresh)
            yield view.job

    def _let_go(self) -> None:
        for job in self._heard.values():
            job.unlisten(self.refresh)
        self._heard.clear()
        for view in self._watched:
            view.unobserve(self.refresh, "children")
        self._watched.clear()


class Shown(Generic[V]):
    """A live view that is made when it is first asked for, and again when it was closed, with its record.

    Args:
        name: as for `Record`.
        make: makes the view.
        cards: what is told of a view, as for `Record`.
        heading: as for `Record`.

    """

    def __init__(
        self,
        name: str,
        make: Callable[[], V],
        cards: Callable[[V], Iterable[JobView | Job | Told]],
        *,
        heading: Callable[[], str] = str,
    ) -> None:
        self._name = name
        self._make = make
        self._cards = cards
        self._heading = heading
        self._guard = threading.RLock()
        self._view: V | None = None
        self._record: Record | None = None

    @property
    def view(self) -> V:
        """The one that is open."""
        with self._guard:
            if self._view is None or not is_open(self._view):
                if self._view:
                    close(self._view)
                self._view = self._make()
            return self._view

    def show(self) -> None:
        """Put the view and the record into the output of the running cell."""
        with self._guard:
            view = self.view
            if not outputs.note(view):
                view = self.view  # it was being closed
            if self._record is None or self._record.view is not view:
                self._record = Record(self._name, view, lambda: self._cards(view), heading=self._heading)
            shown = self._record
        shown.show()

    def refresh(self) -> None:
        """Bring the record up to date, if it was shown."""
        if self._record:
            self._record.refresh()


class Showing(Shown[JobView]):
    """How a job is shown: by one live view however often, and one record beside it.

    Args:
        job: the job.
        session: whose library has its pictures.
        made: when it was asked for.

    """

    def __init__(self, job: Job, session: Session, made: datetime) -> None:
        super().__init__(f"mj-{job.entry_id}", lambda: JobView(job, session), lambda view: [view])
        self._job = job
        self._library = session.library
        self._made = made.astimezone()
        self._posters: dict[int, str] = {}
        self._small_frame: str | None = None

    def refresh(self) -> None:
        """Bring the record up to date; but not when the kernel ends, for then the task goes on and so says the record."""
        if not isinstance(self._job.error, asyncio.CancelledError):
            super().refresh()

    def tell_again(self) -> None:
        """Send the card as it is now from this thread: Colab shows what comes from another one late, or not at all."""
        view = self._view
        if view and is_open(view):
            view.tell_again()

    def told(self, *, pictures: bool = True) -> Told:
        """The job as a record tells it.

        Args:
            pictures: whether with its posters, or the first frame where there are none.

        """
        card = self._job.card
        posters = self._small_posters() if pictures and card["clips"] else {}
        return Told(
            card,
            made=self._made,
            posters=posters,
            frame=self._frame() if pictures and not posters else "",
        )

    def _small_posters(self) -> dict[int, str]:
        with self._guard:
            if not self._posters:
                self._posters = small_posters(self._library, {clip.index: clip.path for clip in self._job.clips})
            return self._posters

    def _frame(self) -> str:
        frame = self._job.request.image if self._job.request else None
        if not isinstance(frame, Frame) or not frame.data:
            return ""
        with self._guard:
            if self._small_frame is None:
                self._small_frame = thumbnail(frame.data, frame.media_type, MOST_PICTURES // 4)
            return self._small_frame


def small_posters(library: Library, clips: Mapping[int, Path | None]) -> dict[int, str]:
    """Stills of clips as data URIs, small enough together to be saved in a notebook; of those that have one."""
    most = MOST_PICTURES // max(1, len(clips))
    found = {index: _poster(library, path, most) for index, path in clips.items() if path}
    return {index: uri for index, uri in found.items() if uri}


def _poster(library: Library, clip: Path, most: int) -> str:
    try:
        data = library.poster_path(clip).read_bytes()
    except (MJVideoError, OSError):
        return ""  # made where PyAV is, and not everywhere
    return thumbnail(data, "image/jpeg", most)


def in_kernel() -> bool:
    """Whether there is a kernel, whose outputs a page shows."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython() if ipython else None, "kernel")


def display_bundle(bundle: Mapping[str, object], *, name: str | None = None, update: bool = False) -> None:
    """Put something into the output of the running cell, by media type; or, by its `name`, in the place of what it was."""
    from IPython.display import display

    display(dict(bundle), raw=True, display_id=name, update=update)  # type: ignore[no-untyped-call]
