"""Records from one database to another, whichever both are: what a backup of a server is, and a restore to one.

A backup of records on PostgreSQL is the same encrypted file as one of records in a file: it opens nothing without its
keys, unlike a dump, and either profile is restored from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, insert, select, text, update

from access.refusal import Refusal
from records import migrations
from records.engine import for_writing
from records.sqlcipher import copy_database, make_engine
from records.tables import Base

_ROWS = 1000
_SQLITE = "sqlite"


def copy_into_file(source: Engine, path: Path, key: bytes) -> None:
    """Copy records as of one moment into a new encrypted file of mode 0600, without a write-ahead log."""
    if source.dialect.name == _SQLITE:
        copy_database(source, path, key)
        return
    target = make_engine(path, key, journal_mode="DELETE")
    try:
        migrations.upgrade(target)
        with source.connect() as reading, for_writing(target).begin() as writing:
            _copy(reading, writing)
    finally:
        target.dispose()


def copy_into_empty(source: Engine, target: Engine) -> None:
    """Copy records into a database whose tables are up to date and empty; all of them or none.

    Refusal "records-not-empty" when it holds anything but the heads of empty chains.
    """
    with source.connect() as reading, for_writing(target).begin() as writing:
        for table in Base.metadata.sorted_tables:
            full = select(func.count()).select_from(table)
            if table.name == "journal_heads":
                full = full.where(table.c.length > 0)
            if writing.execute(full).scalar_one():
                raise Refusal(
                    "restore",
                    "records-not-empty",
                    "La base PostgreSQL de destination n'est pas vide.",
                    "Indiquez une base neuve par ANAMNESE_RECORDS_URL.",
                )
        writing.execute(Base.metadata.tables["journal_heads"].delete())
        _copy(reading, writing)


def _copy(source: Connection, target: Connection) -> None:
    """Every row of every table, parents before children."""
    for table in Base.metadata.sorted_tables:
        own = [key.parent.name for key in table.foreign_keys if key.column.table is table]
        rows = source.execution_options(yield_per=_ROWS).execute(select(table))
        for part in rows.partitions(_ROWS):
            values = [dict(row._mapping) for row in part]
            target.execute(insert(table), [value | dict.fromkeys(own) for value in values])
        for name in own:  # rows that refer to others of the same table, now that these are there
            _refer(table, name, source, target)
        _go_on(table, target)


def _refer(table: Table, name: str, source: Connection, target: Connection) -> None:
    (key,) = table.primary_key.columns
    for row in source.execute(select(key, table.c[name]).where(table.c[name].is_not(None))).all():
        target.execute(update(table).where(key == row[0]).values({name: row[1]}))


def _go_on(table: Table, target: Connection) -> None:
    """The next number of a table is above those that were copied. SQLite sees to it by itself."""
    counter = table.autoincrement_column
    if counter is None or target.dialect.name == _SQLITE:
        return
    last = target.execute(select(func.max(counter))).scalar_one()
    if last is not None:
        values: dict[str, Any] = {"table": table.name, "column": counter.name, "last": last}
        target.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"), values)
