"""What a library has spent: settled, uncertain, given back; in all and day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, select

from .allowances import counted
from .database import Database
from .entries import OPEN, JobState
from .tables import jobs

__all__ = ["Spending", "Sum", "spending", "spent"]

QUARTER = 15 * 60 * 1000
"""Milliseconds."""
UNSURE = frozenset({JobState.SENDING, JobState.UNCERTAIN, JobState.FORGOTTEN})


@dataclass
class Sum:
    """Some money, in USD.

    Args:
        settled: of tasks that were accepted.
        uncertain: of requests that may have been accepted and billed.
        reserved: of requests that wait to be sent.
        refunded: of tasks that failed, which most gateways give back; not part of `total`.

    """

    settled: float = 0.0
    uncertain: float = 0.0
    reserved: float = 0.0
    refunded: float = 0.0

    @property
    def total(self) -> float:
        """What counts as spent."""
        return self.settled + self.uncertain + self.reserved


@dataclass
class Spending(Sum):
    """What a library has spent in USD, as far as its own prices say; it prints as a table.

    Args:
        settled: of tasks that were accepted.
        uncertain: of requests that may have been accepted and billed.
        reserved: of requests that wait to be sent.
        refunded: of tasks that failed, which most gateways give back; not part of `total`.
        days: the same for each day on which something was asked for, newest first.
        mine: on an account that many share, what counts as spent of one's own; else None.

    """

    days: Mapping[date, Sum] = field(default_factory=dict)
    mine: float | None = None

    def __repr__(self) -> str:
        where = "in this folder" if self.mine is None else f"on this account, {self.mine:.2f} USD of it by you"
        lines = [f"{self.total:.2f} USD spent {where}{_parts(self)}"]
        lines += [f"  {day:%Y-%m-%d}  {each.total:8.2f}{_parts(each)}" for day, each in self.days.items()]
        return "\n".join(lines)


def _parts(some: Sum) -> str:
    named = (
        (some.uncertain, "uncertain"),
        (some.reserved, "not sent yet"),
        (some.refunded, "given back by failure, not counted"),
    )
    parts = [f"{usd:.2f} {words}" for usd, words in named if usd]
    return f" ({', '.join(parts)})" if parts else ""


def spending(database: Database) -> Spending:
    """Add it up.

    Raises:
        LibraryError: the library cannot be read.

    """
    # Added up by the database for each quarter of an hour, which is of one day wherever this machine is.
    quarter = (jobs.c.created // QUARTER).label("quarter")
    sums = select(quarter, jobs.c.state, func.sum(jobs.c.price).label("price")).where(jobs.c.price > 0)
    with database.read() as connection:
        rows = connection.execute(sums.group_by(quarter, jobs.c.state).order_by(quarter.desc())).all()
    total = Spending()
    days: dict[date, Sum] = {}
    for row in rows:
        for some in (
            total,
            days.setdefault(datetime.fromtimestamp(row.quarter * QUARTER / 1000).astimezone().date(), Sum()),
        ):
            _count(some, JobState(row.state), row.price)
    total.days = days
    return total


def _count(some: Sum, state: JobState, usd: float) -> None:
    if state in UNSURE:
        some.uncertain += usd
    elif state == JobState.WAITING:
        some.reserved += usd
    elif state in OPEN or state == JobState.DONE:
        some.settled += usd
    elif state == JobState.FAILED:
        some.refunded += usd


def spent(database: Database) -> float:
    """What counts as spent in all, in USD; quick, for a form that shows it."""
    with database.read() as connection:
        return counted(connection)
