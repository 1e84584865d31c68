"""Finding jobs again, and what their people say of them: ratings, tags, notes, the trash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.sql import ColumnElement

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.models import VIDEO_TYPES

from .database import Database
from .entries import COUNTED, FRAMES, OPEN, PICTURE, Entry, JobState, now, pictures_in
from .reading import read_entries
from .stills import poster_path
from .tables import clips, jobs, tags

__all__ = ["MOST_STARS", "Query", "Shelf"]

MOST_STARS = 5
LONGEST_TAG = 100


@dataclass(frozen=True)
class Query:
    """Which jobs to find; what is not given does not matter.

    Args:
        words: all of these stand in the prompt, the note, or are the id of the task; in any order and case.
        motion: `"low"` or `"high"`.
        video_type: `"480p"`, `"720p"` or the service's own name.
        rating: a clip has at least so many stars.
        tag: it has this tag.
        since: made on this day or later.
        until: made on this day or earlier.
        states: in one of these states, such as `("done", "failed")`.
        trashed: those in the trash instead of all others.
        person: asked for by this person; "" is everybody.

    """

    words: str = ""
    motion: str = ""
    video_type: str = ""
    rating: int | None = None
    tag: str = ""
    since: date | None = None
    until: date | None = None
    states: tuple[str, ...] = ()
    trashed: bool = False
    person: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """On the rows of `jobs`."""
        in_trash = jobs.c.trashed.is_not(None) if self.trashed else jobs.c.trashed.is_(None)
        where: list[ColumnElement[bool]] = [jobs.c.erased.is_(None), in_trash]
        for word in self.words.split():
            like = f"%{_literal(word)}%"
            where.append(
                jobs.c.prompt.ilike(like, escape="\\")
                | jobs.c.note.ilike(like, escape="\\")
                | (jobs.c.task_id == word)
                | jobs.c.id.in_(select(tags.c.job).where(tags.c.tag == word))
            )
        if self.motion:
            where.append(jobs.c.motion == self.motion)
        if self.video_type:
            where.append(jobs.c.video_type == VIDEO_TYPES.get(self.video_type, self.video_type))
        if self.rating:
            where.append(jobs.c.id.in_(select(clips.c.job).where(clips.c.rating >= self.rating)))
        if self.tag:
            where.append(jobs.c.id.in_(select(tags.c.job).where(tags.c.tag == self.tag)))
        if self.since:
            where.append(jobs.c.created >= _midnight(self.since))
        if self.until:
            where.append(jobs.c.created < _midnight(self.until + timedelta(days=1)))
        if self.states:
            where.append(jobs.c.state.in_(self.states))
        return [*where, *_of(self.person)]


class Shelf:
    """The jobs of a library, to look through and to sort.

    Args:
        database: where they are.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job: str) -> Entry | None:
        """The job of this id of ours, or None."""
        return self._first(jobs.c.id == job)

    def by_task(self, task_id: str) -> Entry | None:
        """The job of this task, or None."""
        return self._first(jobs.c.task_id == task_id)

    def made_by(self, cell: str, fingerprint: str) -> list[Entry]:
        """What this cell has made of this request, oldest first; not what was refused, has failed or was deleted."""
        worth = (jobs.c.state.in_(COUNTED), jobs.c.trashed.is_(None), jobs.c.erased.is_(None))
        with self._database.read() as connection:
            return self._read(connection, jobs.c.cell == cell, jobs.c.fingerprint == fingerprint, *worth)

    def search(self, query: Query, *, offset: int = 0, limit: int = 50) -> tuple[list[Entry], int]:
        """A page of the jobs found, newest first, and how many there are in all."""
        where = query.conditions()
        newest_first = (jobs.c.created.desc(), jobs.c.id.desc())
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(jobs).where(*where)) or 0
            found = self._read(connection, *where, order=newest_first, offset=offset, limit=limit)
        return found, total

    def open_jobs(self) -> list[Entry]:
        """All that is not done yet, whoever works on it."""
        with self._database.read() as connection:
            return self._read(connection, jobs.c.state.in_(OPEN))

    def uncertain(self, person: str = "") -> list[Entry]:
        """Those of a `person` that may have been accepted and billed, and that nobody has settled; "" is everybody."""
        unsettled = (jobs.c.state == JobState.UNCERTAIN, jobs.c.trashed.is_(None))
        with self._database.read() as connection:
            return self._read(connection, *unsettled, *_of(person))

    def all_tags(self, person: str = "") -> list[str]:
        """Every tag that a `person` has in use; "" is everybody."""
        in_sight = and_(jobs.c.trashed.is_(None), jobs.c.erased.is_(None), *_of(person))
        with self._database.read() as connection:
            found = (
                select(tags.c.tag).join(jobs, jobs.c.id == tags.c.job).where(in_sight).distinct().order_by(tags.c.tag)
            )
            return list(connection.scalars(found))

    def lineage(self, task_id: str) -> list[Entry]:
        """The chain that led to this task, the first of it first; as far back as this library knows."""
        chain: list[Entry] = []
        seen: set[str] = set()
        with self._database.read() as connection:
            wanted: str | None = task_id
            while wanted and wanted not in seen:
                seen.add(wanted)
                found = self._read(connection, jobs.c.task_id == wanted, limit=1)
                chain = found + chain
                request = found[0].request if found else None
                wanted = request.task_id if request and request.action == "extend" else None
        return chain

    # What its people say

    def rate(self, job: str, index: int, stars: int | None) -> None:
        """Give a clip 1 to 5 stars, or take them away with None.

        Raises:
            InvalidRequest: `stars` is no such number, or there is no such clip.

        """
        if stars is not None and (type(stars) is not int or not 1 <= stars <= MOST_STARS):
            raise InvalidRequest(f"stars: 1 to {MOST_STARS}, or None for none, not {stars!r}.", field="stars")
        here = (clips.c.job == job) & (clips.c.index == index)
        changed = self._database.write(lambda c: c.execute(update(clips).where(here).values(rating=stars)).rowcount)
        if not changed:
            raise InvalidRequest(f"index: there is no clip [{index}] to rate yet.", field="index")

    def tag(self, job: str, words: Sequence[str]) -> None:
        """Give a job exactly these tags.

        Raises:
            InvalidRequest: a tag is empty or longer than 100 characters.

        """
        wanted = sorted({word.strip() for word in words})
        for word in wanted:
            if not word or len(word) > LONGEST_TAG:
                raise InvalidRequest(f"tags: 1 to {LONGEST_TAG} characters each, not {word[:20]!r}.", field="tags")

        def work(connection: Connection) -> None:
            connection.execute(delete(tags).where(tags.c.job == job))
            if wanted:
                connection.execute(insert(tags), [{"job": job, "tag": word} for word in wanted])

        self._database.write(work)

    def note(self, job: str, text: str) -> None:
        """Write something beside a job."""
        self._set([job], note=text)

    # The trash

    def trash(self, ids: Sequence[str]) -> None:
        """Put jobs into the trash. What is still under way stays: it may have been paid for."""
        self._set(ids, jobs.c.state.not_in(OPEN), trashed=now())

    def restore(self, ids: Sequence[str]) -> None:
        """Take jobs out of the trash."""
        self._set(ids, trashed=None)

    def empty_trash(self, person: str = "") -> list[Path]:
        """Delete what is in the trash for good: its files, and everything about it but what it cost.

        Args:
            person: whose jobs; those of others stay in the trash. "" is everybody, who is one on a library of one's own.

        Returns:
            The files that could not be deleted.

        """
        with self._database.read() as connection:
            found = self._read(connection, jobs.c.trashed.is_not(None), jobs.c.erased.is_(None), *_of(person))
        films = [clip.path for entry in found for clip in entry.clips if clip.path]
        left = _delete([*films, *(poster_path(self._folder, film) for film in films)])

        def work(connection: Connection) -> set[str]:
            ids = [entry.id for entry in found]
            frames = set[str]()
            for frame, extra in connection.execute(select(jobs.c.frame, jobs.c.extra).where(jobs.c.id.in_(ids))):
                frames |= {frame} | pictures_in(extra)
            blank: dict[str, Any] = {"prompt": "", "note": "", "extra": "{}", "frame": "", "frame_name": "", "cell": ""}
            connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(erased=now(), user_state=None, **blank))
            connection.execute(delete(tags).where(tags.c.job.in_(ids)))
            connection.execute(delete(clips).where(clips.c.job.in_(ids)))
            used = set(connection.scalars(select(jobs.c.frame).where(jobs.c.frame.in_(frames))))
            for extra in connection.scalars(
                select(jobs.c.extra).where(jobs.c.extra.contains(PICTURE, autoescape=True))
            ):
                used |= pictures_in(extra)
            return frames - used

        unused = self._database.write(work)
        return left + _delete([self._folder / FRAMES / name for name in unused if name and "://" not in name])

    @property
    def _folder(self) -> Path:
        return self._database.folder

    def _first(self, *where: ColumnElement[bool]) -> Entry | None:
        with self._database.read() as connection:
            found = self._read(connection, jobs.c.erased.is_(None), *where, limit=1)
        return found[0] if found else None

    def _read(self, connection: Connection, *where: ColumnElement[bool], **how: Any) -> list[Entry]:
        return read_entries(connection, self._folder, *where, looked_for=self._database.shared, **how)

    def _set(self, ids: Sequence[str], *where: ColumnElement[bool], **values: Any) -> None:
        statement = update(jobs).where(jobs.c.id.in_(ids), *where).values(changed=now(), **values)
        self._database.write(lambda connection: connection.execute(statement))


def _of(person: str) -> tuple[ColumnElement[bool], ...]:
    return (jobs.c.person == person,) if person else ()


def _delete(paths: Sequence[Path]) -> list[Path]:
    """Delete files, and folders that are empty then; those that could not be deleted."""
    left = []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            left.append(path)
            continue
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return left


def _literal(word: str) -> str:
    """A word in which the signs of LIKE are letters."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time()).astimezone().timestamp() * 1000)
