"""A library as the first version of its tables left it."""

from __future__ import annotations

from sqlalchemy import Connection, text

LATER = ("judgements", "rankings", "sweep_jobs", "sweeps", "settings", "kernels", "allowances")
LATER_COLUMNS = ("person", "turn", "placed", "sight")
LATER_INDEXES = ("jobs_by_person", "jobs_by_turn", "jobs_by_price")


def make_older(connection: Connection, form: str = "{}") -> None:
    """Take away what later versions brought; `form` stands where the settings of the form were then."""
    for table in LATER:
        connection.execute(text(f"DROP TABLE {table}"))
    for index in LATER_INDEXES:
        connection.execute(text(f"DROP INDEX {index}"))
    for column in LATER_COLUMNS:
        connection.execute(text(f"ALTER TABLE jobs DROP COLUMN {column}"))
    connection.execute(text("UPDATE meta SET value = '1' WHERE name = 'version'"))
    connection.execute(text("INSERT INTO meta VALUES ('form', :form)"), {"form": form})
