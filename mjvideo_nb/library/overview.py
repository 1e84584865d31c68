"""A shared account at a glance: what runs and waits, what was spent and of how much, what is uncertain, and who is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from mjvideo_nb.config import account_of

from .allowances import EACH, EVERYBODY, Allowances
from .entries import Entry, JobState
from .line import Line
from .postgres import LOCK, PostgreSQL
from .presence import alive
from .reading import read_entries
from .tables import jobs, kernels

__all__ = ["Kernel", "Overview", "Service", "Spent", "overview", "uncertain"]

POLLERS = text(
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = :lock AND objsubid = 2"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@dataclass(frozen=True)
class Service:
    """What is under way at a service.

    Args:
        address: of the service, without a path.
        running: places that are taken.
        waiting: how many wait their turn, by person.

    """

    address: str
    running: int
    waiting: Mapping[str, int]


@dataclass(frozen=True)
class Spent:
    """What somebody has spent.

    Args:
        person: who; "" where that is not known.
        usd: in all.
        budget: of how much, or None for no limit.

    """

    person: str
    usd: float
    budget: float | None


@dataclass(frozen=True)
class Kernel:
    """A kernel that is there.

    Args:
        person: whose it is.
        host: on which machine.
        seen: seconds since it was heard of.
        polls: whether it polls for all.

    """

    person: str
    host: str
    seen: float
    polls: bool


@dataclass(frozen=True)
class Overview:
    """The account.

    Args:
        at_once: how many tasks may run, or None where that is left to each kernel.
        services: what is under way, by service.
        spent: by everybody together.
        people: the same by person.
        each: USD for each who has no budget of their own, or None for no limit.
        uncertain: requests that may have been accepted and billed, oldest first.
        kernels: those that are there.

    """

    at_once: int | None
    services: tuple[Service, ...]
    spent: Spent
    people: tuple[Spent, ...]
    each: float | None
    uncertain: tuple[Entry, ...]
    kernels: tuple[Kernel, ...]


def overview(database: PostgreSQL) -> Overview:
    """Look at the account of a database.

    Raises:
        LibraryError: it cannot be read.

    """
    allowances = Allowances(database)
    allowed, spent = allowances.all(), allowances.spent()
    budgets = {person: allowance.budget for person, allowance in allowed.items()}
    named = {*spent, *budgets} - {EVERYBODY, EACH} | spent.keys()
    line = Line(database, "")
    with database.read() as connection:
        clock = database.clock(connection)
        waiting = _waiting(connection, clock)
        there = _kernels(connection, clock)
    return Overview(
        at_once=allowed[EVERYBODY].at_once if EVERYBODY in allowed else None,
        services=tuple(Service(one, line.busy(one), who) for one, who in sorted(waiting.items())),
        spent=Spent(EVERYBODY, sum(spent.values()), budgets.get(EVERYBODY)),
        people=tuple(
            Spent(who, spent.get(who, 0.0), budgets.get(who, budgets.get(EACH)) if who else budgets.get(EACH))
            for who in sorted(named)
        ),
        each=budgets.get(EACH),
        uncertain=uncertain(database),
        kernels=there,
    )


def uncertain(database: PostgreSQL) -> tuple[Entry, ...]:
    """Requests of everybody that may have been accepted and billed, also those in the trash; oldest first.

    Raises:
        LibraryError: they cannot be read.

    """
    with database.read() as connection:
        return tuple(read_entries(connection, database.folder, jobs.c.state == JobState.UNCERTAIN))


def _waiting(connection: Connection, clock: int) -> dict[str, dict[str, int]]:
    """By service and person; services at which nobody waits are there too, but not the sandbox, of which each has its own."""
    found: dict[str, dict[str, int]] = {}
    for address in connection.scalars(select(jobs.c.service).distinct()):
        if "://" in address:
            found[account_of(address)] = {}
    waits = (jobs.c.state == JobState.WAITING, jobs.c.placed.is_(None), jobs.c.owner.in_(alive(clock)))
    counts = select(jobs.c.service, jobs.c.person, func.count().label("count")).where(*waits)
    for row in connection.execute(counts.group_by(jobs.c.service, jobs.c.person).order_by(jobs.c.person)):
        if "://" in row.service:
            people = found[account_of(row.service)]
            people[row.person] = people.get(row.person, 0) + row[2]
    return found


def _kernels(connection: Connection, clock: int) -> tuple[Kernel, ...]:
    pollers = set(connection.scalars(POLLERS, {"lock": LOCK}))
    there = select(kernels).where(kernels.c.token.in_(alive(clock))).order_by(kernels.c.person, kernels.c.host)
    return tuple(
        Kernel(row.person, row.host, max(0.0, (clock - row.seen) / 1000), row.session in pollers)
        for row in connection.execute(there)
    )
