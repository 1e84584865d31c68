"""What a shared account may spend and have running: in all, and for each of its people. Set by whoever looks after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.sql import ColumnElement

from mjvideo_nb.errors import BudgetExceeded, InvalidRequest
from mjvideo_nb.limits import Limits

from .database import Database
from .entries import COUNTED
from .tables import allowances, jobs

__all__ = ["EACH", "EVERYBODY", "Allowance", "Allowances", "check_budget", "counted"]

EVERYBODY = ""
"""The allowance of everybody together."""
EACH = "*"
"""The allowance of each who has none of their own."""


@dataclass(frozen=True)
class Allowance:
    """What somebody may do.

    Args:
        person: who; `EVERYBODY` together, or `EACH` who has none of their own.
        budget: USD in all, or None for no limit.
        at_once: tasks running at once, or None for no limit; of everybody together only.

    """

    person: str
    budget: float | None = None
    at_once: int | None = None


class Allowances:
    """The allowances of a library.

    Args:
        database: where they are.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Allowance]:
        """Every allowance that was set, by person."""
        with self._database.read() as connection:
            rows = connection.execute(select(allowances).order_by(allowances.c.person))
            return {row.person: Allowance(row.person, row.budget, row.at_once) for row in rows}

    def put(self, wanted: Iterable[Allowance]) -> None:
        """Set these, instead of what the same people had; one without any limit is taken away.

        Raises:
            InvalidRequest: a figure is not what it should be; names it. Nothing was changed.
            LibraryError: they cannot be written.

        """
        rows = list(wanted)
        for row in rows:
            Limits(
                at_once=1 if row.at_once is None else row.at_once, budget=row.budget
            )  # the same figures, the same words
            if row.person != EVERYBODY and row.at_once is not None:
                raise InvalidRequest("at_once: it is of everybody together, not of one person.", field="at_once")

        def work(connection: Connection) -> None:
            for row in rows:
                connection.execute(delete(allowances).where(allowances.c.person == row.person))
                if row.budget is not None or row.at_once is not None:
                    values = {"person": row.person, "budget": row.budget, "at_once": row.at_once}
                    connection.execute(insert(allowances), values)

        self._database.write(work)

    def spent(self) -> dict[str, float]:
        """What each person has spent, in USD."""
        with self._database.read() as connection:
            sums = select(jobs.c.person, func.sum(jobs.c.price)).where(jobs.c.state.in_(COUNTED))
            rows = connection.execute(sums.group_by(jobs.c.person).order_by(jobs.c.person))
            return {person: float(usd or 0.0) for person, usd in rows}


def counted(connection: Connection, *where: ColumnElement[bool]) -> float:
    """What counts as spent, in USD, within a transaction: a budget is held against it where the next row is written."""
    sums = select(func.coalesce(func.sum(jobs.c.price), 0.0)).where(jobs.c.state.in_(COUNTED), *where)
    return float(connection.scalar(sums) or 0.0)


def check_budget(connection: Connection, price: float, person: str, budget: float | None) -> None:
    """Hold the price of a call against every budget that it falls under.

    Args:
        connection: the transaction in which the call is written down.
        price: USD.
        person: who asks for it.
        budget: USD that everything in the library may cost, as this kernel has been told, or None.

    Raises:
        BudgetExceeded: one of them does not allow it; names both figures.

    """
    if price <= 0:
        return
    found = select(allowances.c.person, allowances.c.budget).where(allowances.c.person.in_((EVERYBODY, EACH, person)))
    allowed = {row.person: row.budget for row in connection.execute(found)}
    of_all = [usd for usd in (budget, allowed.get(EVERYBODY)) if usd is not None]
    if of_all:
        _hold(price, min(of_all), counted(connection), "the")
    mine = allowed.get(person, allowed.get(EACH)) if person != EVERYBODY else allowed.get(EACH)
    if mine is not None:
        _hold(price, mine, counted(connection, jobs.c.person == person), "your")


def _hold(price: float, budget: float, spent: float, whose: str) -> None:
    left = max(0.0, budget - spent)
    if price > left + 1e-9:
        raise BudgetExceeded(
            f"This call costs about {price:.2f} USD, and {left:.2f} USD of {whose} budget of {budget:.2f} USD is left. Nothing "
            "was sent and nothing is charged: raise the budget to go on, or ask whoever looks after the account."
        )
