"""The jobs of a session: made, known again, picked up after a restart, opened by their id."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mjvideo_nb import extras, flags, frames
from mjvideo_nb.errors import InvalidRequest, LibraryError
from mjvideo_nb.exchange import checked_id
from mjvideo_nb.library import Entry, Library
from mjvideo_nb.models import VideoRequest, is_empty

from .cell import Cell, fingerprint
from .job import Job

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Jobs"]

log = logging.getLogger(__name__)

PICK_UP_EVERY = 60.0
"""Seconds between two looks at what other kernels may have left."""
MOST_RUNS = 200
"""Runs of cells of which it is remembered what they have asked for so far."""

_guard = threading.RLock()
_known: weakref.WeakKeyDictionary[Library, dict[str, Job]] = weakref.WeakKeyDictionary()
"""The jobs of every library that is open here, whichever session made them: connecting again must not make a job twice."""


class Jobs:
    """Makes jobs and finds them again; there is one `Job` for an entry of the library, however often it is asked for.

    Args:
        session: the service, and the library.

    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._library = session.library
        self._known = _known.setdefault(session.library, {})
        self._asked: dict[tuple[str, str], int] = {}
        self._picked_up: list[Job] = []
        self._listeners: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._guard = _guard

    def all_belong_to(self, session: Session) -> None:
        """What is begun from jobs that are known goes by the settings of this session from now on."""
        with self._guard:
            for job in self._known.values():
                job.belong_to(session)

    def make(
        self, request: VideoRequest, *, cell: Cell | None = None, again: bool = False, instead_of: str = ""
    ) -> Job:
        """A job for this request, on its way; or the one that the same cell has made of the same request before.

        Args:
            request: what to make.
            cell: the cell that asks for it, or None for a button or a script: then it is always a new one.
            again: True for a new one in any case.
            instead_of: the id of an entry whose cell shows the new one from now on.

        Raises:
            BudgetExceeded, InvalidRequest, LibraryError: it cannot be made; nothing was sent.

        """
        session = self._session
        session.check()
        flags.check(request.prompt, request.extra)
        request = replace(request, extra=extras.loaded(request.extra))
        if not is_empty(request.image):
            request = replace(request, image=frames.load(request.image))
        mark = fingerprint(request, session.service)
        with self._guard:
            number = self._count(cell, mark) if cell else 0
            made = self._library.shelf.made_by(cell.id, mark) if cell and not again else []
            if number < len(made):
                return self.job(made[number], shown_again=True)
            price = session.price_of(request.short_type)
            frame, name = self._library.keep_frame(request)
            entry = self._library.ledger.add(
                request,
                service=session.service,
                frame=frame,
                frame_name=name,
                price=price,
                budget=session.limits.budget,
                cell=cell.id if cell else "",
                fingerprint=mark,
                afresh=again and number == 0,
                instead_of=instead_of,
            )
            session.money_changed()
            return self._know(Job(session, entry, request, is_new=True))

    def _count(self, cell: Cell, mark: str) -> int:
        """How often this run of the cell has asked for this before: a loop may want several of the same."""
        key = (cell.run, mark)
        number = self._asked.pop(key, 0)
        self._asked[key] = number + 1
        while len(self._asked) > MOST_RUNS:
            del self._asked[next(iter(self._asked))]
        return number

    def job(self, entry: Entry, *, shown_again: bool = False) -> Job:
        """The job of an entry; it goes on by itself if it has not ended."""
        with self._guard:
            job = self._known.get(entry.id)
            if job is None:
                job = self._know(Job(self._session, entry, self._request(entry)))
            else:
                job.learn(entry)
            if shown_again:
                job.say_shown_again()
            return job

    def _know(self, job: Job) -> Job:
        self._known[job.entry_id] = job
        job.listen(self._changed)
        self._changed()
        return job

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, a method, whenever a job is made or changes. It is forgotten with the object that it is of."""
        with self._guard:
            self._listeners.append(weakref.WeakMethod(listener))

    def _changed(self) -> None:
        with self._guard:
            self._listeners = [listener for listener in self._listeners if listener()]
            listeners = [listener() for listener in self._listeners]
        for listener in listeners:
            if listener:
                listener()

    def _request(self, entry: Entry) -> VideoRequest | None:
        """What was asked, its first frame ready as far as there is one."""
        request = entry.request
        if request is None or is_empty(request.image):
            return request
        return replace(request, image=self._library.frame(entry) or request.image)

    def open(self, task_id: str) -> Job:
        """The job of a task, also of one that was made elsewhere.

        Raises:
            InvalidRequest: this is no id.
            LibraryError: the library cannot be used.

        """
        name = checked_id(task_id)
        shelf = self._library.shelf
        with self._guard:
            entry = shelf.by_task(name) or shelf.get(name)
            if entry is None:
                self._session.check()
                entry = self._library.ledger.adopt(name, service=self._session.service)
            elif entry.trashed and not self._library.is_of_another(entry):
                shelf.restore([entry.id])
                entry = replace(entry, trashed=None)
            return self.job(entry)

    def get(self, entry_id: str) -> Job:
        """The job of an entry by the library's own id.

        Raises:
            InvalidRequest: there is no such entry any more.

        """
        with self._guard:
            entry = self._library.shelf.get(entry_id)
            if entry:
                return self.job(entry)
            if entry_id in self._known:
                return self._known[entry_id]
            raise InvalidRequest("This job is not in the library any more.", field="id")

    def rate(self, entry_id: str, index: int, stars: int | None) -> None:
        """Give a clip of an entry stars, also on the card of its job if there is one.

        Raises:
            InvalidRequest: there is no such clip, or no such number of stars.

        """
        with self._guard:
            job = self._known.get(entry_id)
        if job:
            job.rate(index, stars)
        else:
            self._library.shelf.rate(entry_id, index, stars)

    def unsettled(self) -> list[Job]:
        """What an earlier kernel left behind and is still under way, and what nobody knows the outcome of."""
        with self._guard:
            picked_up = [job for job in self._picked_up if not job.done]
        return [*picked_up, *(self.job(entry) for entry in self._library.shelf.uncertain(self._library.whose))]

    def pick_up(self) -> list[Job]:
        """Go on with everything that kernels which have ended left behind; those jobs."""
        picked_up = [self.job(entry) for entry in self._session.take_over()]
        with self._guard:
            self._picked_up += picked_up
        return picked_up

    async def keep_picking_up(self) -> None:
        """The same from time to time: a kernel may die while this one lives, and links to clips last about a day."""
        while True:
            await asyncio.sleep(PICK_UP_EVERY)
            try:
                await asyncio.to_thread(self.pick_up)
            except LibraryError as error:
                log.warning("nothing could be picked up: %s", error)

    def forget(self, entry_id: str) -> None:
        """Know nothing of a job any more: its entry was deleted."""
        with self._guard:
            self._known.pop(entry_id, None)
