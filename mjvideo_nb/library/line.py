"""Whose turn it is on a shared account: so many tasks at once, first come, first served, whichever machine they come from.

A place is a mark on a job's row, taken in the same transaction that counts the others, and given back by whatever writes
down the job's end. So none is lost with a kernel: what a dead one was about to send is settled by the others. A request of
which nobody knows whether it was accepted keeps its place for as long as it may still be running at the service.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.sql import ColumnElement

from .allowances import EVERYBODY
from .database import Database
from .entries import JobState
from .presence import alive
from .tables import allowances, jobs

__all__ = ["Line", "Standing", "of_account"]

LONGEST = 3600.0
"""Seconds after which the gateways give a task up, so that its place is free although nobody saw it end."""
UNCERTAIN_FOR = 600.0
"""Seconds for which a request that may have been accepted keeps its place: a video takes 1 to 4 minutes."""


@dataclass(frozen=True)
class Standing:
    """How the jobs of one kernel stand in the line.

    Args:
        turns: those whose turn it is.
        places: the places of the others; 1 is next.
        given_up: those that are not to be sent any more.

    """

    turns: frozenset[str] = frozenset()
    places: dict[str, int] = field(default_factory=dict)
    given_up: frozenset[str] = frozenset()


class Line:
    """The line in front of one account.

    Args:
        database: where it is.
        me: the name of this kernel.

    """

    def __init__(self, database: Database, me: str) -> None:
        self._database = database
        self._me = me

    def join(self, job: str) -> None:
        """Stand in the line, behind all that are there.

        Raises:
            LibraryError: it cannot be written; nothing was sent.

        """

        def work(connection: Connection) -> None:
            last = connection.scalar(select(func.max(jobs.c.turn))) or 0
            connection.execute(update(jobs).where(jobs.c.id == job).values(turn=last + 1))

        self._database.write(work)

    def look(self, ids: Collection[str], account: str, at_once: int) -> Standing:
        """How these jobs of this kernel stand; takes nothing.

        Args:
            ids: of jobs that have joined.
            account: the service's address without a path, or "sandbox".
            at_once: how many tasks may run, where whoever looks after the account has not said fewer.

        """
        with self._database.read() as connection:
            return self._standing(connection, ids, account, at_once)

    def take(self, ids: Collection[str], account: str, at_once: int) -> Standing:
        """The same, and the places of those whose turn it is are theirs from now on."""

        def work(connection: Connection) -> Standing:
            found = self._standing(connection, ids, account, at_once)
            if found.turns:
                taken = update(jobs).where(jobs.c.id.in_(found.turns), jobs.c.placed.is_(None))
                connection.execute(taken.values(placed=self._database.clock(connection)))
            return found

        return self._database.write(work)

    def busy(self, account: str) -> int:
        """How many places are taken."""
        with self._database.read() as connection:
            return _busy(connection, account, self._database.clock(connection))

    def _standing(self, connection: Connection, ids: Collection[str], account: str, at_once: int) -> Standing:
        clock = self._database.clock(connection)
        most = connection.scalar(select(allowances.c.at_once).where(allowances.c.person == EVERYBODY))
        free = min(at_once, at_once if most is None else most) - _busy(connection, account, clock)
        waits = (jobs.c.state == JobState.WAITING, jobs.c.turn.is_not(None), jobs.c.placed.is_(None))
        number = func.row_number().over(order_by=jobs.c.turn).label("number")
        line = select(jobs.c.id, jobs.c.owner, number).where(
            of_account(account), *waits, jobs.c.owner.in_(alive(clock))
        )
        line_of_all = line.subquery()
        mine = select(line_of_all.c.id, line_of_all.c.number).where(line_of_all.c.owner == self._me)
        stand = {row.id: row.number for row in connection.execute(mine)}
        # One that was turned away and will be sent again has kept its place.
        kept = set(
            connection.scalars(
                select(jobs.c.id).where(
                    jobs.c.owner == self._me, jobs.c.state == JobState.WAITING, jobs.c.placed.is_not(None)
                )
            )
        )
        turns = {job for job in ids if job in kept or stand.get(job, free + 1) <= free}
        places = {job: stand[job] - max(free, 0) for job in ids if job in stand and job not in turns}
        return Standing(frozenset(turns), places, frozenset(set(ids) - turns - set(places)))


def of_account(account: str) -> ColumnElement[bool]:
    """The jobs of an account: the speed in a gateway's path does not matter."""
    return (jobs.c.service == account) | jobs.c.service.startswith(f"{account}/", autoescape=True)


def _busy(connection: Connection, account: str, clock: int) -> int:
    """The places that are taken at this time of the `clock`."""
    at_work = and_(jobs.c.state.in_((JobState.SENDING, JobState.RUNNING)), jobs.c.placed > clock - int(LONGEST * 1000))
    unknown = and_(jobs.c.state == JobState.UNCERTAIN, jobs.c.placed > clock - int(UNCERTAIN_FOR * 1000))
    about_to = and_(jobs.c.state == JobState.WAITING, jobs.c.owner.in_(alive(clock)))
    taken = or_(at_work, unknown, about_to) & jobs.c.placed.is_not(None) & of_account(account)
    return connection.scalar(select(func.count()).select_from(jobs).where(taken)) or 0
