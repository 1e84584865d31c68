"""The tables of a library, and how an older one becomes one of today's.

Plain SQLAlchemy Core, so that the same statements run on SQLite and PostgreSQL. Times are whole milliseconds since the
epoch, money is in USD, paths are relative to the library's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy import Text as AnyText
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeDecorator

from mjvideo_nb import config
from mjvideo_nb.config import LONGEST_NAME

__all__ = [
    "MIGRATIONS",
    "VERSION",
    "allowances",
    "clips",
    "jobs",
    "judgements",
    "kernels",
    "meta",
    "metadata",
    "rankings",
    "settings",
    "sweep_jobs",
    "sweeps",
    "tags",
    "writes",
]

VERSION = 3
"""Of these tables. A change to them is a higher number and a migration from the number before."""


class Text(TypeDecorator[str]):
    """Text from outside, in which PostgreSQL bears no NUL."""

    impl = AnyText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: object) -> str | None:  # noqa: ARG002 - the interface
        """What is kept of it."""
        return value.replace("\0", "\ufffd") if isinstance(value, str) else value


metadata = MetaData()

meta = Table("meta", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),  # ours: sorts by the time it was made
    Column("created", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("service", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(64), nullable=False, default=""),  # the kernel that works on it
    Column("person", String(LONGEST_NAME), nullable=False, default="", server_default=""),  # who asked for it
    Column("cell", Text, nullable=False, default=""),
    Column("fingerprint", String(64), nullable=False, default=""),
    # what was asked
    Column("prompt", Text, nullable=False, default=""),
    Column("motion", String(16)),  # none: the task was made elsewhere, and its request is not known
    Column("video_type", Text),
    Column("user_state", Text),
    Column("no_storage", Boolean, nullable=False, default=False),
    Column("action", Text),
    Column("parent", Text),
    Column("parent_index", Integer),
    Column("extra", Text, nullable=False, default="{}"),
    Column("frame", Text, nullable=False, default=""),  # a file in frames/, or a URL
    Column("frame_name", Text, nullable=False, default=""),
    # what became of it
    Column("task_id", Text),
    Column("status", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("error_kind", String(64), nullable=False, default=""),
    Column("price", Float, nullable=False, default=0.0),
    # on a shared account: its number in the line, since when it has one of the places, and what the poller has seen last
    Column("turn", BigInteger),
    Column("placed", BigInteger),
    Column("sight", Text),
    # what its people say of it
    Column("note", Text, nullable=False, default=""),
    Column("trashed", BigInteger),
    Column("erased", BigInteger),
    Index("jobs_by_task", "task_id"),
    Index("jobs_by_state", "state"),
    Index("jobs_by_cell", "cell", "fingerprint"),
    Index("jobs_by_time", "created"),
    Index("jobs_by_person", "person", "created"),
    Index("jobs_by_turn", "turn"),
    Index("jobs_by_price", "state", "person", "price"),  # what was spent is added up from it alone
)

clips = Table(
    "clips",
    metadata,
    Column("job", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("url", Text, nullable=False, default=""),
    Column("thumbnail", Text, nullable=False, default=""),
    Column("path", Text),  # once it is whole on disk
    Column("size", BigInteger),
    Column("digest", String(64), nullable=False, default=""),
    Column("copy", Text, nullable=False, default=""),  # its URL in a storage elsewhere, once that was checked
    Column("rating", Integer),
)

tags = Table(
    "tags",
    metadata,
    Column("job", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("tag", String(100), primary_key=True),
)

rankings = Table(
    "rankings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("clips", Text, nullable=False),  # JSON: what is ranked, each by its job and index, its path or its URL
)

judgements = Table(
    "judgements",
    metadata,
    Column("ranking", String(32), ForeignKey("rankings.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # in the order in which they were made
    Column("created", BigInteger, nullable=False),
    Column("left", Integer, nullable=False),  # places in the ranking's clips
    Column("right", Integer, nullable=False),
    Column("better", Integer),  # one of the two; none where neither is
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("cell", Text, nullable=False, default=""),
    Column("fingerprint", String(64), nullable=False, default=""),
    Column("plan", Text, nullable=False),  # JSON: the axes and their values
    Column("started", BigInteger),  # when somebody pressed: from then on its jobs may be made
    Index("sweeps_by_cell", "cell", "fingerprint"),
)

sweep_jobs = Table(
    "sweep_jobs",
    metadata,
    Column("sweep", String(32), ForeignKey("sweeps.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # the cell of the matrix, row by row
    Column("job", String(32), ForeignKey("jobs.id"), nullable=False),  # the newest that was made for it
)


settings = Table(
    "settings",
    metadata,
    Column("person", String(LONGEST_NAME), primary_key=True),
    Column("form", Text, nullable=False),  # JSON: what the next form begins with
)

kernels = Table(
    "kernels",  # that are there, on a shared account; beside a folder they are files
    metadata,
    Column("token", String(64), primary_key=True),
    Column("person", String(LONGEST_NAME), nullable=False),
    Column("host", Text, nullable=False),
    Column("session", Integer),  # the server process of the connection that it listens on
    Column("seen", BigInteger, nullable=False),  # by the server's clock
)

allowances = Table(
    "allowances",  # of a shared account
    metadata,
    # "" for everybody together, "*" for each who has no row
    Column("person", String(LONGEST_NAME), primary_key=True),
    Column("budget", Float),  # USD
    Column("at_once", Integer),  # tasks running at once; of everybody together only
)

writes = Table(
    "writes",  # of a shared database that went through lately: asked where a connection broke before the answer came
    metadata,
    Column("token", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
)


def _to_2(connection: Connection) -> None:
    metadata.create_all(connection, tables=[rankings, judgements, sweeps, sweep_jobs])


def _to_3(connection: Connection) -> None:
    for column in (jobs.c.person, jobs.c.turn, jobs.c.placed, jobs.c.sight):
        kind = CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE jobs ADD COLUMN {kind}")
    for index in jobs.indexes:
        index.create(connection, checkfirst=True)
    metadata.create_all(connection, tables=[settings, kernels, allowances, writes])
    form = connection.scalar(select(meta.c.value).where(meta.c.name == "form"))
    if form is not None:
        connection.execute(insert(settings), {"person": config.person(), "form": form})
        connection.execute(delete(meta).where(meta.c.name == "form"))


MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {2: _to_2, 3: _to_3}
"""What makes a library of the version before one of this version; each runs in one transaction with all that follow it."""
