"""Moving over: everything that people have made, from a folder's library to a database and back.

Rows go in one transaction of the target, which has all of them or none. Whatever is there already stays as it is, and a job,
or a ranking, that is there is the target's own from then on: what was taken away from it there does not come back. Files go
by their rows, each under its name when it is whole.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Column, Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from mjvideo_nb.config import Secret
from mjvideo_nb.errors import LibraryError
from mjvideo_nb.written import written

from . import tables
from .database import Database
from .entries import COUNTED, FRAMES, JobState, pictures_in
from .library import KERNELS
from .postgres import PostgreSQL
from .presence import FilePresence, Onlooker, Presence
from .sqlite import SQLite
from .stills import poster_path
from .tables import clips, jobs

__all__ = ["Files", "Moved", "copy_files", "copy_rows", "open_database"]

BATCH = 1000
"""Rows in one statement."""
CHUNK = 1024 * 1024
"""Bytes of a file in memory."""
MOVED = (
    *(tables.jobs, tables.clips, tables.tags, tables.rankings, tables.judgements),
    *(tables.sweeps, tables.sweep_jobs, tables.settings, tables.allowances),
)
"""What people have made, each table behind those that it refers to."""
OWNED: Mapping[Table, tuple[Column[Any], Table]] = {
    clips: (clips.c.job, jobs),
    tables.tags: (tables.tags.c.job, jobs),
    tables.judgements: (tables.judgements.c.ranking, tables.rankings),
}
"""Rows that come with the one that they belong to, and only with it."""
LEFT_BEHIND: Mapping[str, Any] = {"owner": "", "turn": None, "placed": None, "sight": None}
"""Columns of jobs that speak of the old library's kernels."""


@dataclass(frozen=True)
class Moved:
    """What became of the rows.

    Args:
        rows: how many are new in the target, by table.
        there: jobs that were there already.
        usd: what the new jobs count as spent.

    """

    rows: Mapping[str, int] = field(default_factory=dict)
    there: int = 0
    usd: float = 0.0


@dataclass(frozen=True)
class Files:
    """What became of the files.

    Args:
        copied: how many are new in the target.
        there: how many were there already.
        missing: those that rows tell of and that are nowhere.
        damaged: those that are not what their rows tell of; they were not copied.

    """

    copied: int = 0
    there: int = 0
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


def open_database(place: Path | Secret) -> Database:
    """The tables of a library, without being one of its kernels.

    Args:
        place: its folder, or the address of its database.

    Raises:
        InvalidRequest: the address does not do.
        LibraryError: it cannot be used.

    """
    return PostgreSQL(Path(), place) if isinstance(place, Secret) else SQLite(place)


def copy_rows(source: Database, target: Database) -> Moved:
    """Copy the rows that are not there yet, all of them or none.

    Args:
        source: where they are; it stays as it is.
        target: where they go.

    Raises:
        LibraryError: one of the two cannot be used, or a living kernel has yet to send something in the source. Nothing was
            copied.

    """
    with source.read() as reading:
        _check_at_rest(source, reading)
        try:
            return target.write(lambda writing: _copy(reading, writing), alone=False)
        except _UnreadableError as error:
            raise error.why from error  # in the source's own words


def copy_files(source: Database, target: Database, from_folder: Path, to_folder: Path) -> Files:
    """Copy clips, first frames and small pictures that are not there yet.

    Args:
        source: whose rows tell of them.
        target: whose rows tell what was deleted there for good; that does not come back.
        from_folder: where they are.
        to_folder: where they go.

    Raises:
        LibraryError: they cannot be written; those that were copied stay, and a second run goes on.

    """
    with target.read() as connection:
        erased = set(connection.scalars(select(jobs.c.id).where(jobs.c.erased.is_not(None))))
    with source.read() as connection:
        wanted = list(_files(connection, erased))
    found: dict[str, list[str]] = {"copied": [], "there": [], "missing": [], "damaged": []}
    try:
        for name, size, digest in wanted:
            found[_bring(from_folder, to_folder, name, size, digest)].append(name)
            poster = poster_path(Path(), Path(name)).as_posix()
            if name.startswith("clips/") and _is_inside(poster) and (from_folder / poster).is_file():
                found[_bring(from_folder, to_folder, poster, None, "")].append(poster)
    except OSError as error:
        raise LibraryError(
            f"The files could not all be copied to {to_folder} ({error.strerror or error}). Those in {from_folder} are as they "
            "were. Make room or mend the folder, then copy again: it goes on with those that are not there yet."
        ) from error
    return Files(len(found["copied"]), len(found["there"]), tuple(found["missing"]), tuple(found["damaged"]))


# Rows


class _UnreadableError(Exception):
    """The source failed, and not the target."""

    def __init__(self, why: SQLAlchemyError) -> None:
        super().__init__()
        self.why = why


def _check_at_rest(source: Database, connection: Connection) -> None:
    """Be sure that no kernel is about to send what would then be in two places."""
    about_to = jobs.c.state.in_((JobState.WAITING, JobState.SENDING))
    owners = Counter(connection.scalars(select(jobs.c.owner).where(about_to)))
    presence: Presence = Onlooker(source) if source.shared else FilePresence(source.folder / KERNELS)
    try:
        living = owners.keys() - presence.gone(owners)
    finally:
        presence.end()
    if living:
        count = sum(owners[owner] for owner in living)
        raise LibraryError(
            f"In {source.where} {count} {'request waits' if count == 1 else 'requests wait'} to be sent, or are just being "
            "sent, by a kernel that runs. Nothing was copied. Wait until they are sent, or shut that kernel down; then copy "
            "again."
        )


def _copy(reading: Connection, writing: Connection) -> Moved:
    new: dict[str, int] = {}
    added: dict[Table, set[str]] = {}
    there, usd = 0, 0.0
    for table in MOVED:
        keys = _keys(writing, table)
        there = len(keys) if table is jobs else there
        column, owner = OWNED.get(table, (None, None))
        new[table.name] = 0
        added[table] = set()
        for batch in _batches(reading, table):
            rows = [row for row in batch if _key(table, row) not in keys]
            if column is not None and owner is not None:
                rows = [row for row in rows if row[column.name] in added[owner]]
            if rows:
                writing.execute(_insert(writing, table), rows)
            new[table.name] += len(rows)
            if table in {jobs, tables.rankings}:
                added[table].update(row["id"] for row in rows)
            if table is jobs:
                usd += sum(row["price"] for row in rows if row["state"] in COUNTED)
    return Moved(new, there, usd)


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    every = select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
    try:
        for rows in connection.execute(every).mappings().partitions():
            yield [_cleaned(table, row) for row in rows]
    except SQLAlchemyError as error:
        raise _UnreadableError(error) from error


def _cleaned(table: Table, row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as every database bears it: names have no NUL either."""
    kept = {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()}
    return {**kept, **LEFT_BEHIND} if table is jobs else kept


def _keys(connection: Connection, table: Table) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.execute(select(*table.primary_key))}


def _key(table: Table, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    # Somebody else may copy at the same time: whoever is first is.
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


# Files


def _files(connection: Connection, without: set[str]) -> Iterable[tuple[str, int | None, str]]:
    """The name of each file in the library's folder, its size and its digest as far as the rows tell."""
    kept = select(clips.c.job, clips.c.path, clips.c.size, clips.c.digest).where(clips.c.path.is_not(None))
    for row in connection.execute(kept.order_by(clips.c.job, clips.c.index)):
        if row.job not in without:
            yield row.path, row.size, row.digest
    pictures = set[str]()
    asked = select(jobs.c.id, jobs.c.frame, jobs.c.extra).where(jobs.c.erased.is_(None))
    for job, frame, extra in connection.execute(asked):
        if job not in without:
            pictures |= {frame} | pictures_in(extra)
    for name in sorted(pictures):
        if name and "://" not in name:
            digest = name.partition(".")[0]
            yield f"{FRAMES}/{name}", None, digest if re.fullmatch("[0-9a-f]{64}", digest) else ""


def _bring(from_folder: Path, to_folder: Path, name: str, size: int | None, digest: str) -> str:
    """Copy a file if it is not there; what became of it."""
    if not _is_inside(name):
        return "missing"  # other people write in a shared database: no row of theirs names a file elsewhere
    source, target = from_folder / name, to_folder / name
    if target.is_file() and (size is None or target.stat().st_size == size):
        return "there"  # it was looked at when it came
    if not source.is_file():
        return "missing"
    if target.exists():
        return "damaged"  # and not ours to write over
    try:
        _copy_file(source, target, digest)
    except _DamagedError:
        return "damaged"
    return "copied"


class _DamagedError(Exception):
    """A file is not what its row tells of."""


def _copy_file(source: Path, target: Path, digest: str) -> None:
    found = hashlib.sha256()
    with written(target) as part, source.open("rb") as old, part.open("wb") as new:
        while chunk := old.read(CHUNK):
            found.update(chunk)
            new.write(chunk)
        if digest and found.hexdigest() != digest:
            raise _DamagedError


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and ":" not in name
