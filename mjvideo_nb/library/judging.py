"""Rankings: which clips were judged against each other, and what was said of each pair, in the order it was said."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from mjvideo_nb.errors import InvalidRequest
from mjvideo_nb.ranking import Judgement

from .database import Database
from .entries import now
from .tables import judgements, rankings

__all__ = ["Judging", "KeptRanking"]


@dataclass(frozen=True)
class KeptRanking:
    """A ranking as it was written down.

    Args:
        id: the library's own name for it.
        created: when it was begun.
        title: what its people call it, or "".
        clips: what is ranked: each `{"job": ..., "index": ...}`, `{"path": ...}` or `{"url": ...}`. Judgements name them
            by their places here.
        judgements: what was said, the first of it first.
        judged: when the last of it was said, or None.

    """

    id: str
    created: datetime
    title: str
    clips: tuple[Mapping[str, Any], ...]
    judgements: tuple[Judgement, ...] = ()
    judged: datetime | None = None


class Judging:
    """The rankings of a library.

    Args:
        database: where they are.

    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, clips: Sequence[Mapping[str, Any]], title: str = "") -> KeptRanking:
        """A new ranking of these clips, which are kept in an order of their own."""
        begun = now()
        name = f"{begun:012x}{secrets.token_hex(4)}"
        row = {"id": name, "created": begun, "title": title, "clips": _text(clips)}
        self._database.write(lambda connection: connection.execute(insert(rankings), row))
        return self.get(name)

    def find(self, clips: Sequence[Mapping[str, Any]]) -> KeptRanking | None:
        """The newest ranking of just these clips, in whatever order they are named; or None."""
        with self._database.read() as connection:
            newest = rankings.c.created.desc(), rankings.c.id.desc()
            query = select(rankings).where(rankings.c.clips == _text(clips)).order_by(*newest).limit(1)
            row = connection.execute(query).mappings().first()
            return _ranking(connection, row) if row else None

    def get(self, ranking: str) -> KeptRanking:
        """The ranking of this id.

        Raises:
            InvalidRequest: there is none.

        """
        with self._database.read() as connection:
            return _read(connection, ranking)

    def all(self) -> list[KeptRanking]:
        """Every ranking, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(rankings).order_by(rankings.c.created.desc(), rankings.c.id.desc()))
            return [_ranking(connection, row) for row in rows.mappings()]

    def name(self, ranking: str, title: str) -> None:
        """Give a ranking another title."""
        statement = update(rankings).where(rankings.c.id == ranking).values(title=title)
        self._database.write(lambda connection: connection.execute(statement))

    def add(self, ranking: str, judgement: Judgement) -> KeptRanking:
        """Write down what was said of a pair.

        Raises:
            InvalidRequest: there is no such ranking, or no such pair in it.

        """

        def work(connection: Connection) -> KeptRanking:
            count = len(_read(connection, ranking).clips)
            pair = {judgement.left, judgement.right}
            if len(pair) != 2 or not pair <= set(range(count)) or judgement.better not in {None, *pair}:
                raise InvalidRequest(f"judgement: {judgement} is of no pair of these {count} clips.", field="judgement")
            row = {
                "ranking": ranking,
                "number": (_last(connection, ranking) or 0) + 1,
                "created": now(),
                "left": judgement.left,
                "right": judgement.right,
                "better": judgement.better,
            }
            connection.execute(insert(judgements), row)
            return _read(connection, ranking)

        return self._database.write(work)

    def undo(self, ranking: str) -> KeptRanking:
        """Take back what was said last; nothing where nothing was said.

        Raises:
            InvalidRequest: there is no such ranking.

        """

        def work(connection: Connection) -> KeptRanking:
            last = judgements.c.number == _last(connection, ranking)
            connection.execute(delete(judgements).where(judgements.c.ranking == ranking, last))
            return _read(connection, ranking)

        return self._database.write(work)


def _read(connection: Connection, ranking: str) -> KeptRanking:
    row = connection.execute(select(rankings).where(rankings.c.id == ranking)).mappings().first()
    if row is None:
        raise InvalidRequest("This ranking is not in the library any more.", field="ranking")
    return _ranking(connection, row)


def _ranking(connection: Connection, row: Mapping[Any, Any]) -> KeptRanking:
    query = select(judgements).where(judgements.c.ranking == row["id"]).order_by(judgements.c.number)
    said = connection.execute(query).mappings().all()
    return KeptRanking(
        id=row["id"],
        created=_time(row["created"]),
        title=row["title"],
        clips=tuple(json.loads(row["clips"])),
        judgements=tuple(Judgement(one["left"], one["right"], one["better"]) for one in said),
        judged=_time(said[-1]["created"]) if said else None,
    )


def _last(connection: Connection, ranking: str) -> int | None:
    number: int | None = connection.scalar(select(func.max(judgements.c.number)).where(judgements.c.ranking == ranking))
    return number


def _text(clips: Sequence[Mapping[str, Any]]) -> str:
    """The same text for the same clips in any order, so that a ranking is found by what is in it."""
    return json.dumps(sorted((dict(clip) for clip in clips), key=_key), sort_keys=True)


def _key(clip: Mapping[str, Any]) -> str:
    return json.dumps(clip, sort_keys=True)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
