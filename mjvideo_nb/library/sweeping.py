"""Sweeps that were started: what was planned, and which job stands in which cell of the matrix."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from .database import Database
from .entries import NEVER_SENT, Entry, now
from .reading import read_entries
from .tables import jobs, sweep_jobs, sweeps

__all__ = ["KeptSweep", "Sweeping"]


@dataclass(frozen=True)
class KeptSweep:
    """A sweep as it was written down.

    Args:
        id: the library's own name for it.
        plan: the matrix, as text.

    """

    id: str
    plan: str


class Sweeping:
    """The sweeps of a library.

    Args:
        database: where they are.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, plan: str, *, cell: str = "", fingerprint: str = "") -> str:
        """Write down a sweep of which calls are going to be made, before any is.

        Args:
            plan: the matrix, as text.
            cell: the cell that asks for it, to know it again.
            fingerprint: what was asked, to know it again.

        Returns:
            Its id.

        Raises:
            LibraryError: it cannot be written down; then nothing of it must be made.

        """
        at = now()
        name = f"{at:012x}{secrets.token_hex(4)}"
        values = {"id": name, "created": at, "started": at, "plan": plan, "cell": cell, "fingerprint": fingerprint}
        self._database.write(lambda connection: connection.execute(insert(sweeps), values))
        return name

    def find(self, cell: str, fingerprint: str) -> KeptSweep | None:
        """The newest that this cell has started of this, or None."""
        here = (sweeps.c.cell == cell, sweeps.c.fingerprint == fingerprint, sweeps.c.started.is_not(None))
        newest_first = (sweeps.c.created.desc(), sweeps.c.id.desc())
        with self._database.read() as connection:
            row = connection.execute(select(sweeps.c.id, sweeps.c.plan).where(*here).order_by(*newest_first)).first()
        return None if row is None else KeptSweep(row.id, row.plan)

    def put(self, sweep: str, number: int, job: str) -> None:
        """From now on this job stands in this cell."""

        def work(connection: Connection) -> None:
            here = (sweep_jobs.c.sweep == sweep, sweep_jobs.c.number == number)
            connection.execute(delete(sweep_jobs).where(*here))
            connection.execute(insert(sweep_jobs), {"sweep": sweep, "number": number, "job": job})

        self._database.write(work, last_words=True)

    def jobs(self, sweep: str) -> dict[int, Entry]:
        """What stands in the cells, by their number; not what was surely never sent, and not what was deleted."""
        here = select(sweep_jobs.c.job).where(sweep_jobs.c.sweep == sweep)
        worth = (jobs.c.trashed.is_(None), jobs.c.erased.is_(None), jobs.c.error_kind != NEVER_SENT)
        with self._database.read() as connection:
            placed = connection.execute(
                select(sweep_jobs.c.number, sweep_jobs.c.job)
                .where(sweep_jobs.c.sweep == sweep)
                .order_by(sweep_jobs.c.number)
            ).all()
            entries = read_entries(
                connection, self._database.folder, jobs.c.id.in_(here), *worth, looked_for=self._database.shared
            )
        found = {entry.id: entry for entry in entries}
        return {row.number: found[row.job] for row in placed if row.job in found}
