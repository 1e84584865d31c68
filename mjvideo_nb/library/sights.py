"""What the one who polls for everybody has seen of tasks: written down, and told to whoever waits for them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from mjvideo_nb.errors import MJVideoError, error_of
from mjvideo_nb.models import Clip, Task

from .database import Database
from .entries import Entry, JobState
from .ledger import ACCEPTED, LINE
from .line import of_account
from .reading import read_entries
from .tables import jobs

__all__ = ["SIGHT", "TROUBLE", "Sight", "Sights"]

SIGHT = "sight"
"""What kernels are told when there is news of a task."""
TROUBLE = "trouble"
"""What they are told while the service cannot be asked, and when it can again."""

Sight = Task | MJVideoError
"""A task as it was seen, or why it cannot be followed any more."""


class Sights:
    """What was seen of the tasks of a library.

    Args:
        database: where.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job: str) -> Sight | None:
        """What was seen last of a job's task, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(jobs.c.sight, jobs.c.task_id).where(jobs.c.id == job)).first()
        return None if row is None or row.sight is None else _read(row.sight, row.task_id)

    def put(self, seen: Mapping[str, Sight]) -> None:
        """Write down what was seen of jobs' tasks, and tell whoever waits for them."""

        def work(connection: Connection) -> None:
            ended = False
            for job, sight in sorted(seen.items()):  # in one order, so that two writers never wait for each other
                over = isinstance(sight, Exception) or sight.ended
                free = {"placed": None} if over else {}
                here = update(jobs).where(jobs.c.id == job, jobs.c.state == JobState.RUNNING)
                connection.execute(here.values(sight=_text(sight), **free))
                ended |= over
            self._database.tell(connection, SIGHT, seen)
            if ended:
                self._database.tell(connection, LINE)

        self._database.write(work, alone=False)

    def forget(self, job: str) -> None:
        """Have a task looked at anew that could not be followed."""

        def work(connection: Connection) -> None:
            connection.execute(update(jobs).where(jobs.c.id == job).values(sight=None))
            self._database.tell(connection, ACCEPTED)

        self._database.write(work, alone=False)

    def trouble(self, words: str) -> None:
        """Tell everybody that the service cannot be asked, or with "" that it can again."""
        self._database.write(
            lambda connection: self._database.tell(connection, TROUBLE, [words.replace(",", ";")[:1000]]), alone=False
        )

    def to_follow(self, account: str) -> list[Entry]:
        """The jobs of an account whose tasks were not seen to end."""
        with self._database.read() as connection:
            running = (jobs.c.state == JobState.RUNNING, jobs.c.task_id.is_not(None), of_account(account))
            sights = {row.id: row.sight for row in connection.execute(select(jobs.c.id, jobs.c.sight).where(*running))}
            over = {job for job, sight in sights.items() if sight and json.loads(sight)["over"]}
            return read_entries(connection, self._database.folder, jobs.c.id.in_(sights.keys() - over))


def _text(sight: Sight) -> str:
    if isinstance(sight, Exception):
        return json.dumps({"over": True, "error": str(sight), "kind": type(sight).__name__})
    # The links to the clips may come some looks after the success.
    return json.dumps(
        {
            "over": sight.ended and bool(sight.clips or not sight.succeeded),
            "status": sight.status,
            "progress": sight.progress,
            "fail_reason": sight.fail_reason,
            "clips": [{"index": c.index, "url": c.url, "thumbnail": c.thumbnail} for c in sight.clips],
            "raw": dict(sight.raw),
        }
    )


def _read(text: str, task_id: str) -> Sight:
    kept = json.loads(text)
    if "error" in kept:
        return error_of(kept["kind"])(kept["error"], task_id=task_id)
    return Task(
        task_id,
        status=kept["status"],
        progress=kept["progress"],
        clips=tuple(Clip(task_id, **clip) for clip in kept["clips"]),
        fail_reason=kept["fail_reason"],
        raw=kept["raw"],
    )
