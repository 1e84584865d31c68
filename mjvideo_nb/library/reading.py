"""Jobs out of the tables, each with its clips and tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.sql import ColumnElement

from .entries import Entry, entry_of
from .tables import clips, jobs, tags

__all__ = ["read_entries"]


def read_entries(
    connection: Connection,
    folder: Path,
    *where: ColumnElement[bool],
    looked_for: bool = False,
    order: Sequence[ColumnElement[Any]] = (),
    offset: int = 0,
    limit: int | None = None,
) -> list[Entry]:
    """The jobs for which this holds, with their clips and tags: three statements, however many they are.

    Args:
        connection: a transaction.
        folder: the library's.
        where: conditions on `jobs`.
        looked_for: whether a clip has a path only where its file is here: where machines share the tables, each has its own.
        order: of the jobs; by default by the time they were made.
        offset: how many to leave out.
        limit: how many at most.

    """
    found = select(jobs).where(*where).order_by(*(order or (jobs.c.created, jobs.c.id))).offset(offset).limit(limit)
    rows = [row._asdict() for row in connection.execute(found)]
    ids = [row["id"] for row in rows]
    by_job: dict[str, list[dict[str, Any]]] = {job: [] for job in ids}
    tagged: dict[str, list[str]] = {job: [] for job in ids}
    for some in _in_parts(ids):
        for clip in connection.execute(select(clips).where(clips.c.job.in_(some)).order_by(clips.c.index)):
            by_job[clip.job].append(clip._asdict())
        for tag in connection.execute(select(tags).where(tags.c.job.in_(some)).order_by(tags.c.tag)):
            tagged[tag.job].append(tag.tag)
    return [entry_of(row, by_job[row["id"]], tagged[row["id"]], folder, looked_for=looked_for) for row in rows]


def _in_parts(ids: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """A database takes only so many values in one statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
