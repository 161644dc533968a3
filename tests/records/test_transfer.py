"""Records from one database to another: backups of both are the same file, and restore to both."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, select, text, update

from access.refusal import Refusal
from records import documents, grants, journal, notifications, outbox, patients
from records.backup import Source, backup
from records.database import Records, fill_server
from records.keys import KeyStore
from records.master import FileMaster
from records.postgres import PostgresServer, Server
from records.restore import Target, restore
from records.sqlcipher import SqliteFile
from records.tables import Base, Patient
from tests.records.building import NOW, Home, identity, opened, patient
from tests.records.test_at_rest import fill
from tests.records.test_journal import entry
from tests.services.fixtures import created

pytestmark = pytest.mark.services


def populate(home: Home) -> None:
    """Something of everything that could be lost on the way: numbers, references, sealed bytes, times."""
    fill(home)
    with home.records.write() as tx:
        merged = [patients.create_patient(tx, identity(number), NOW) for number in (5, 6, 7)]
        tx.session.execute(update(Patient).where(Patient.patient_id == merged[0]).values(merged_into=merged[2]))
        tx.session.execute(update(Patient).where(Patient.patient_id == merged[1]).values(merged_into=merged[0]))
        for number in range(3):
            journal.append(tx, entry(merged[2], number))
            outbox.append(tx, merged[2], documents.DocumentId("d" * 26), "put", number)
        notifications.notify(tx, merged[2], "first_access", NOW)
        grants.block(tx, merged[0], "10009999999", NOW, "patient")


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


@contextmanager
def engine_of(database: SqliteFile | PostgresServer) -> Any:
    try:
        yield database.engine
    finally:
        database.engine.dispose()


def test_every_row_of_every_table_comes_over_both_ways(home: Home, tmp_path: Path, postgresql_url: str) -> None:
    populate(home)
    before = rows(home.records._engine)
    assert sum(map(len, before.values())) > 30
    home.records.copy_to(tmp_path / "copy.db")
    key = home.keys.service_key("records")
    with engine_of(SqliteFile(tmp_path / "copy.db", key)) as copied:
        assert rows(copied) == before
    with created(postgresql_url) as other:
        fill_server(tmp_path / "copy.db", key, other)
        with engine_of(PostgresServer(other)) as engine:
            assert rows(engine) == before
        with pytest.raises(Refusal) as refused:
            fill_server(tmp_path / "copy.db", key, other)
        assert refused.value.code == "records-not-empty"
        records = Records.open(tmp_path / "records.db", home.keys, server=other)
        with closing(records), records.write() as tx:
            assert journal.verify(tx) == []
            last = outbox.last(tx)
            assert outbox.append(tx, patient(tx, 9), documents.DocumentId("e" * 26), "put", 1) > last
            journal.append(tx, entry(patient(tx, 10)))
            assert journal.verify(tx) == []


def test_a_copy_of_a_server_holds_no_word_in_clear(home: Home, tmp_path: Path) -> None:
    populate(home)
    home.records.copy_to(tmp_path / "copy.db")
    content = (tmp_path / "copy.db").read_bytes()
    assert not content.startswith(b"SQLite format 3")
    assert b"equipe-Dodecafolle" not in content  # plain on the server itself
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("to", ["file", "server"])
def test_a_home_is_restored_to_either_database(home: Home, tmp_path: Path, postgresql_url: str, to: str) -> None:
    populate(home)
    source = Source(home.records, home.blobs, home.keys, home.keys.ledger)
    made = backup(source, tmp_path / "data", tmp_path / "keys", NOW)
    master = FileMaster(home.path / "master.key")
    with created(postgresql_url) as other:
        server = other if to == "server" else None
        done = restore(made.data, made.keys, Target(tmp_path / "new", master, server=server), NOW)
        assert (done.documents, done.journal_problems, done.missing) == (2, 0, 0)
        assert (tmp_path / "new" / "records.db").exists() == (server is None)
        keys = KeyStore.open(tmp_path / "new", master)
        records = Records.open(tmp_path / "new" / "records.db", keys, server=server)
        with closing(keys), closing(records), records.read() as tx:
            assert journal.verify(tx) == []
            assert tx.session.execute(text("SELECT count(*) FROM documents")).scalar_one() == 2
            assert records.damage() == 0


def test_a_restore_to_a_full_database_leaves_nothing_behind(
    file_home: Home, tmp_path: Path, new_database: Server
) -> None:
    populate(file_home)
    source = Source(file_home.records, file_home.blobs, file_home.keys, file_home.keys.ledger)
    made = backup(source, tmp_path / "data", tmp_path / "keys", NOW)
    with opened(tmp_path / "other", server=new_database) as other, other.records.write() as tx:
        patient(tx)
    with pytest.raises(Refusal) as refused:
        restore(
            made.data,
            made.keys,
            Target(tmp_path / "new", FileMaster(file_home.path / "master.key"), server=new_database),
            NOW,
        )
    assert refused.value.code == "records-not-empty"
    assert not (tmp_path / "new").exists()
    with engine_of(PostgresServer(new_database)) as engine:
        assert "documents" in inspect(engine).get_table_names()
        assert rows(engine)["documents"] == []
