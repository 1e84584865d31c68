"""What a form begins with: the settings that were used last, earlier prompts, and the first frames of earlier jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.sql import ColumnElement

from .database import Database
from .tables import jobs, settings

__all__ = ["MOST_PROMPTS", "Remembered"]

MOST_PROMPTS = 200


class Remembered:
    """What a library remembers for the next form.

    Args:
        database: where.
        person: for whom.

    """

    def __init__(self, database: Database, person: str) -> None:
        self._database = database
        self._person = person

    def settings(self) -> dict[str, Any]:
        """The settings that were used last; none where there are none, or none that can be read."""
        with self._database.read() as connection:
            kept = connection.scalar(select(settings.c.form).where(settings.c.person == self._person))
        try:
            found = json.loads(kept or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, used: Mapping[str, Any]) -> None:
        """From now on these are the settings that were `used` last."""
        text = json.dumps(dict(used))

        def work(connection: Connection) -> None:
            connection.execute(delete(settings).where(settings.c.person == self._person))
            connection.execute(insert(settings), {"person": self._person, "form": text})

        self._database.write(work)

    def prompts(self, limit: int = MOST_PROMPTS) -> list[str]:
        """Earlier prompts, each once, the newest first."""
        found = (
            select(jobs.c.prompt)
            .where(*self._in_sight, jobs.c.prompt != "")
            .group_by(jobs.c.prompt)
            .order_by(func.max(jobs.c.created).desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.scalars(found))

    def frames(self, limit: int) -> list[tuple[str, str]]:
        """First frames of earlier jobs, each once, the newest first: what `Stills.load` takes, and its name."""
        newest = func.max(jobs.c.id)  # ids sort by the time they were made
        of_each = (
            select(newest).where(*self._in_sight, jobs.c.frame != "").group_by(jobs.c.frame).order_by(newest.desc())
        )
        found = (
            select(jobs.c.frame, jobs.c.frame_name)
            .where(jobs.c.id.in_(of_each.limit(limit)))
            .order_by(jobs.c.id.desc())
        )
        with self._database.read() as connection:
            return [(row.frame, row.frame_name) for row in connection.execute(found)]

    @property
    def _in_sight(self) -> tuple[ColumnElement[bool], ...]:
        """Jobs of this person, where many share the library, that were not deleted."""
        mine = (jobs.c.person == self._person,) if self._database.shared else ()
        return (jobs.c.trashed.is_(None), jobs.c.erased.is_(None), *mine)
