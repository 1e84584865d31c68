"""What becomes of each job, written down as it happens: before a submit goes out, and after every answer that matters.

A job begins as `waiting`, is `sending` while a submit is under way, and so can be told apart after a crash: what was
`waiting` was surely not sent, what was `sending` may have been accepted and billed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from mjvideo_nb.errors import InvalidRequest, LibraryError, MJVideoError
from mjvideo_nb.models import Task, VideoRequest
from mjvideo_nb.part import Copy

from .allowances import check_budget
from .database import Database
from .entries import NEVER_SENT, OPEN, Entry, JobState, now, values_of
from .presence import Presence
from .reading import read_entries
from .tables import clips, jobs

__all__ = ["ACCEPTED", "LINE", "MOST_EXTENDS", "Ledger"]

MOST_EXTENDS = 4
"""Midjourney goes on from a clip at most this often: 21 s in all."""

NOT_SENT = "The kernel ended before this was sent. Nothing was charged: make it again when you want it."
CUT_OFF = (
    "The kernel ended while the request was being sent. It may have been accepted and billed, so it is not sent again by "
    "itself. Look at the provider's task list or balance before you send it again."
)

GIVEN_UP = (
    "This was not sent: the library was out of reach for so long that the other kernels took this one for gone, and gave "
    "the request up. Nothing was charged: make it again when you want it."
)
GRACE = 600.0
"""Seconds for which what somebody has under way is left to the next kernel of that person."""
LINE, ACCEPTED = "line", "accepted"
"""What kernels tell each other: a place may be free; the service has accepted something."""
NO_PLACE: dict[str, Any] = {"placed": None, "sight": None}


class Ledger:
    """Writes down what becomes of jobs.

    Args:
        database: where.
        me: the name of this kernel, as `Presence` has it.
        person: who works here.

    """

    def __init__(self, database: Database, me: str, person: str) -> None:
        self._database = database
        self._me = me
        self._person = person

    def add(
        self,
        request: VideoRequest,
        *,
        service: str,
        frame: str = "",
        frame_name: str = "",
        price: float = 0.0,
        budget: float | None = None,
        cell: str = "",
        fingerprint: str = "",
        afresh: bool = False,
        instead_of: str = "",
    ) -> Entry:
        """Write down a job that is going to be sent, before anything is.

        Args:
            request: what is asked.
            service: where it goes.
            frame: what `Stills.keep` said of its first frame.
            frame_name: what to call that.
            price: USD.
            budget: USD that all jobs of this library together may cost, or None for no limit. It is held against
                what every kernel on this library has spent, in the same transaction, as are the allowances of an account.
            cell: the cell that asks for it, to know it again.
            fingerprint: the request, to know it again.
            afresh: from now on this is what the cell has made, instead of what it made before.
            instead_of: the id of a job whose cell shows this one from now on.

        Raises:
            BudgetExceeded: it costs more than the budget has left; names both figures. Nothing was written.
            InvalidRequest: its clip was extended as often as Midjourney does.
            LibraryError: it cannot be written down; then it must not be sent.

        """
        values = values_of(request) | {
            "id": _new_id(),
            "service": service,
            "state": JobState.WAITING,
            "owner": self._me,
            "person": self._person,
            "frame": frame,
            "frame_name": frame_name,
            "price": price,
            "cell": cell,
            "fingerprint": fingerprint,
        }

        def work(connection: Connection) -> Entry:
            self._check_chain(connection, request)
            check_budget(connection, price, self._person, budget)
            if afresh and cell:
                before = (jobs.c.cell == cell, jobs.c.fingerprint == fingerprint)
                connection.execute(update(jobs).where(*before).values(cell=""))
            of_cell = _cell_of(connection, instead_of) if instead_of else {}
            return self._insert(connection, values | of_cell)

        return self._database.write(work)

    def adopt(self, task_id: str, *, service: str) -> Entry:
        """Write down a task that was made elsewhere, to follow it from here."""
        values = {
            "id": _new_id(),
            "service": service,
            "state": JobState.RUNNING,
            "owner": self._me,
            "person": self._person,
            "task_id": task_id,
            "extra": "{}",
        }
        return self._database.write(lambda connection: self._insert(connection, values))

    def drop(self, job: str) -> None:
        """Take a job out that never was one: an adopted task that the service does not know."""
        self._database.write(lambda connection: connection.execute(_where(delete(jobs), job)))

    # On its way

    def sending(self, job: str) -> None:
        """A submit is about to leave. If nothing else is ever written, it may have been accepted and billed.

        Raises:
            LibraryError: it must not leave: this cannot be written down, or the job was given up for another kernel's.

        """
        ours = (jobs.c.state.in_((JobState.WAITING, JobState.SENDING)), jobs.c.owner == self._me)
        values = {"state": JobState.SENDING, "error": "", "error_kind": "", "changed": now()}
        statement = _where(update(jobs), job).where(*ours).values(**values)
        if not self._database.write(lambda connection: connection.execute(statement).rowcount):
            raise LibraryError(GIVEN_UP)

    def turned_away(self, job: str, error: MJVideoError) -> None:
        """It was surely not accepted, and may be sent again."""
        self._set(job, last_words=True, state=JobState.WAITING, **_words(error))

    def accepted(self, job: str, task: Task) -> None:
        """The service has it."""

        def work(connection: Connection) -> None:
            # Also where the others took this kernel for gone meanwhile: it knows better.
            values: dict[str, Any] = {"state": JobState.RUNNING, "task_id": task.id, "owner": self._me, "ended": None}
            _update(connection, job, **values, error="", error_kind="")
            self._database.tell(connection, ACCEPTED)

        self._database.write(work, last_words=True)

    def uncertain(self, job: str, error: MJVideoError) -> None:
        """Nobody knows whether the service has it."""
        self._set(
            job, last_words=True, state=JobState.UNCERTAIN, ended=now(), task_id=error.task_id or None, **_words(error)
        )

    def refused(self, job: str, error: BaseException) -> None:
        """It was surely not accepted, and is not sent again."""
        self._over(job, state=JobState.REFUSED, ended=now(), **_words(error))

    def trouble(self, job: str, error: BaseException) -> None:
        """It is accepted, and could not be followed to its end or brought home. The next opening goes on with it."""
        self._set(job, last_words=True, **_words(error))

    def failed(self, job: str, task: Task | None, error: BaseException) -> None:
        """It ended without clips."""
        status: dict[str, Any] = {"status": task.status} if task else {}
        self._over(job, state=JobState.FAILED, ended=now(), **status, **_words(error))

    def finished(self, job: str, task: Task) -> None:
        """The service has made its clips, which are here or there from now on."""

        def work(connection: Connection) -> None:
            values: dict[str, Any] = {"status": task.status, "error": "", "error_kind": "", **NO_PLACE}
            prompt = task.raw.get("prompt")
            if isinstance(prompt, str) and connection.scalar(_where(select(jobs.c.motion), job)) is None:
                values["prompt"] = prompt
            _update(connection, job, **values)
            known = set(connection.scalars(select(clips.c.index).where(clips.c.job == job)))
            for clip in task.clips:
                links = {"url": clip.url, "thumbnail": clip.thumbnail}
                if clip.index in known:
                    here = (clips.c.job == job) & (clips.c.index == clip.index)
                    connection.execute(update(clips).where(here).values(**links))
                else:
                    connection.execute(insert(clips), {"job": job, "index": clip.index, **links})
            self._database.tell(connection, LINE)

        self._database.write(work, last_words=True)

    def kept(self, job: str, copies: Mapping[int, Copy], *, copying: bool = False) -> None:
        """Clips are whole on disk.

        Args:
            job: whose.
            copies: by their index.
            copying: whether they still have to go to a storage elsewhere.

        """
        folder = self._database.folder

        def work(connection: Connection) -> None:
            for index, copy in copies.items():
                path = _relative(copy.path, folder)
                here = (clips.c.job == job) & (clips.c.index == index)
                values = {"path": path, "size": copy.size, "digest": copy.digest}
                connection.execute(update(clips).where(here).values(**values))
            missing = connection.scalar(
                select(func.count()).select_from(clips).where(clips.c.job == job, clips.c.path.is_(None))
            )
            if not missing:
                _update(connection, job, state=JobState.COPYING if copying else JobState.DONE, ended=now())

        self._database.write(work, last_words=True)

    def copied(self, job: str, index: int, url: str) -> None:
        """A clip's copy elsewhere was checked; with the last of them the job is done."""

        def work(connection: Connection) -> None:
            here = (clips.c.job == job) & (clips.c.index == index)
            connection.execute(update(clips).where(here).values(copy=url))
            missing = connection.scalar(
                select(func.count()).select_from(clips).where(clips.c.job == job, clips.c.copy == "")
            )
            if not missing:
                _update(connection, job, state=JobState.DONE, error="", error_kind="")

        self._database.write(work, last_words=True)

    def forget(self, job: str) -> None:
        """Its people have settled what became of an uncertain one."""

        def work(connection: Connection) -> None:
            _update(connection, job, only=jobs.c.state == JobState.UNCERTAIN, state=JobState.FORGOTTEN, **NO_PLACE)
            self._database.tell(connection, LINE)

        self._database.write(work)

    # After a crash

    def take_over(self, presence: Presence, serves: Callable[[str], bool]) -> list[Entry]:
        """Settle what kernels that have ended left behind, and take over what goes on.

        What somebody else has made is left to that person's next kernel for a while.

        Args:
            presence: tells which kernels have ended.
            serves: whether this kernel can follow the tasks of a service.

        Returns:
            What this kernel has to go on with now.

        """
        still_open = jobs.c.state.in_(OPEN)
        with self._database.read() as connection:
            left_by = connection.execute(select(jobs.c.owner, jobs.c.service).where(still_open).distinct()).all()
        gone = presence.gone({row.owner for row in left_by})
        if not gone:
            return []
        long_gone = presence.gone(gone, GRACE)
        ours = [service for service in {row.service for row in left_by} if serves(service)]

        def work(connection: Connection) -> list[Entry]:
            theirs = still_open & jobs.c.owner.in_(gone)
            lost = {"owner": "", "ended": now(), "changed": now()}
            for state, then, kind, words, place in (
                (JobState.SENDING, JobState.UNCERTAIN, "SubmissionUncertain", CUT_OFF, {}),
                (JobState.WAITING, JobState.REFUSED, NEVER_SENT, NOT_SENT, NO_PLACE),
            ):
                connection.execute(
                    update(jobs)
                    .where(theirs, jobs.c.state == state)
                    .values(**lost, state=then, error=words, error_kind=kind, **place)
                )
            mine = (jobs.c.person == self._person) | jobs.c.owner.in_(long_gone)
            ids = list(connection.scalars(select(jobs.c.id).where(theirs, mine, jobs.c.service.in_(ours))))
            self._database.tell(connection, LINE)
            connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(owner=self._me))
            return self._read(connection, jobs.c.id.in_(ids))

        return self._database.write(work)

    # One job

    def _insert(self, connection: Connection, values: Mapping[str, Any]) -> Entry:
        at = now()
        connection.execute(insert(jobs), {**values, "created": at, "changed": at})
        return self._read(connection, jobs.c.id == values["id"])[0]

    def _read(self, connection: Connection, where: ColumnElement[bool]) -> list[Entry]:
        return read_entries(connection, self._database.folder, where, looked_for=self._database.shared)

    def _set(self, job: str, *, last_words: bool = False, **values: Any) -> None:
        self._database.write(lambda connection: _update(connection, job, **values), last_words=last_words)

    def _over(self, job: str, **values: Any) -> None:
        """It has ended, and whoever waits for its place may have it."""

        def work(connection: Connection) -> None:
            _update(connection, job, **values, **NO_PLACE)
            self._database.tell(connection, LINE)

        self._database.write(work, last_words=True)

    def _check_chain(self, connection: Connection, request: VideoRequest) -> None:
        if request.action != "extend":
            return
        extends, parent = 1, request.task_id
        while parent and extends <= MOST_EXTENDS:
            row = connection.execute(select(jobs.c.action, jobs.c.parent).where(jobs.c.task_id == parent)).first()
            if row is None or row.action != "extend":
                return
            extends, parent = extends + 1, row.parent
        if extends > MOST_EXTENDS:
            raise InvalidRequest(
                f"index: this clip was extended {MOST_EXTENDS} times, to about 21 s, and Midjourney goes no further. Nothing "
                "was sent. Extend a shorter one, or take its last frame as a first frame.",
                field="index",
            )


def _where(statement: Any, job: str) -> Any:
    return statement.where(jobs.c.id == job)


def _update(connection: Connection, job: str, *, only: ColumnElement[bool] | None = None, **values: Any) -> None:
    statement = _where(update(jobs), job)
    if only is not None:
        statement = statement.where(only)
    connection.execute(statement.values(changed=now(), **values))


def _cell_of(connection: Connection, job: str) -> dict[str, str]:
    """The cell that made a job, which is no longer its."""
    row = connection.execute(_where(select(jobs.c.cell, jobs.c.fingerprint), job)).first()
    _update(connection, job, cell="")
    return row._asdict() if row else {}


def _words(error: BaseException) -> dict[str, str]:
    return {"error": str(error) or type(error).__name__, "error_kind": type(error).__name__}


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _new_id() -> str:
    return f"{now():012x}{secrets.token_hex(4)}"
