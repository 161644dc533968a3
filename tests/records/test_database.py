"""Opening records: encryption, transactions, forks, processes, migrations."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlcipher3.dbapi2
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from access.identifiers import PatientId
from access.refusal import Refusal
from records import grants, migrations, outbox, turns
from records.database import Records
from records.engine import for_writing
from records.keys import KeyStore
from records.postgres import PostgresServer, Server
from records.sqlcipher import make_engine
from records.tables import Base
from tests.records.building import NOW, Home, deposit, opened, patient

PROJECT = Path(__file__).resolve().parents[2]


def test_the_file_is_private_and_encrypted(file_home: Home) -> None:
    with file_home.records.write() as tx:
        patient(tx)
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file_home.path.glob("records.db*")}
    files = ("", "-wal", "-shm", ".lock", ".write.lock", ".next.lock")
    assert found == {f"records.db{end}": 0o600 for end in files}
    assert not (file_home.path / "records.db").read_bytes().startswith(b"SQLite format 3")
    with pytest.raises(sqlcipher3.dbapi2.DatabaseError):
        sqlcipher3.dbapi2.connect(str(file_home.path / "records.db")).execute("SELECT * FROM patients")


def test_pragmas_of_every_connection(file_home: Home) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "temp_store": 2,
        "secure_delete": 1,
        "busy_timeout": 30_000,
    }
    with file_home.records.read() as one, file_home.records.read() as two:
        for tx in (one, two):
            for pragma, value in expected.items():
                assert tx.session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_a_reading_transaction_is_a_snapshot_and_cannot_write(home: Home) -> None:
    with home.records.read() as tx:
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 0
        with home.records.write() as other:
            patient(other)
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 0
    with pytest.raises(Refusal), home.records.read() as tx:
        tx.session.execute(text("DELETE FROM patients"))
    with home.records.read() as tx:
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 1


def test_a_failed_write_leaves_nothing(home: Home) -> None:
    with suppress(ZeroDivisionError), home.records.write() as tx:
        patient(tx)
        raise ZeroDivisionError
    with home.records.write() as tx:
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 0


def test_a_write_inside_a_write_is_an_error_and_not_a_deadlock(home: Home) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"), home.records.write(), home.records.write():
        pass
    with home.records.write(), home.records.read():
        pass


def test_foreign_keys_hold(home: Home) -> None:
    from sqlalchemy.exc import IntegrityError

    with pytest.raises(IntegrityError), home.records.write() as tx:
        grants.block(tx, PatientId("nobody"), "1", NOW, "2")


def test_another_key_is_a_refusal(home: Home, tmp_path: Path) -> None:
    home.records.healthy()
    other = KeyStore.open(tmp_path / "other")
    with pytest.raises(Refusal) as refused:
        Records.open(home.path / "records.db", other, server=home.server)
    assert refused.value.code == "records-damaged"


def test_a_damaged_file_is_a_refusal(tmp_path: Path) -> None:
    with opened(tmp_path / "second") as second:
        file = second.path / "records.db"
        second.records.close()
        file.write_bytes(os.urandom(file.stat().st_size))
        with pytest.raises(Refusal) as refused:
            second.records.healthy()
        assert refused.value.code == "records-damaged"


@pytest.fixture
def engine(tmp_path: Path, server: Server | None) -> Iterator[Engine]:
    """An empty database."""
    engine = make_engine(tmp_path / "records.db", bytes(32)) if server is None else PostgresServer(server).engine
    yield engine
    engine.dispose()


def test_a_name_that_several_withdrew_stays_withdrawn_by_the_latest_when_going_back(engine: Engine) -> None:
    """Before 0011 a name has one withdrawal: none dated is later than any, as everywhere."""
    migrations.upgrade(engine)
    who = {"p": "a" * 26, "at": "2026-03-01 12:00:00", "late": "2026-03-02 12:00:00"}
    with for_writing(engine).begin() as connection:
        connection.execute(
            text("INSERT INTO patients (patient_id, closed, sealed, created_at) VALUES (:p, false, :s, :at)"),
            {**who, "s": b"x"},
        )
        for name, document, at in (
            (b"1", "d1", "at"),
            (b"1", "d2", "late"),
            (b"1", "d3", "late"),
            (b"2", "d1", "late"),
            (b"2", "d2", None),
            (b"3", "", "at"),
        ):
            row = {"p": who["p"], "n": name, "d": document, "at": who[at] if at else None}
            connection.execute(
                text(
                    "INSERT INTO withdrawals (patient_id, name_blind, document_id, issued_at) VALUES (:p, :n, :d, :at)"
                ),
                row,
            )
    migrations.downgrade(engine, "0010")
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT name_blind, issued_at FROM withdrawals ORDER BY name_blind")).all()
    assert [(bytes(name), str(at)[:10]) for name, at in kept] == [
        (b"1", "2026-03-02"),
        (b"2", "None"),
        (b"3", "2026-03-01"),
    ]
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert set(connection.execute(text("SELECT document_id FROM withdrawals")).scalars()) == {""}


def test_migrations_go_down_and_up_and_end_at_the_tables(engine: Engine) -> None:

    def tables() -> set[str]:
        return set(inspect(engine).get_table_names()) - {"alembic_version", "sqlite_sequence"}

    migrations.upgrade(engine)
    assert tables() == set(Base.metadata.tables)
    with for_writing(engine).begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    migrations.downgrade(engine, "base")
    assert tables() == set()
    migrations.upgrade(engine)
    migrations.upgrade(engine)
    assert tables() == set(Base.metadata.tables)


def test_a_migration_that_fails_leaves_the_tables_as_they_were(engine: Engine) -> None:
    with for_writing(engine).begin() as connection:
        connection.execute(text("CREATE TABLE jobs (wrong TEXT)"))  # the first migration meets it half-way
    with pytest.raises(Exception, match="already exists"):
        migrations.upgrade(engine)
    assert set(inspect(engine).get_table_names()) == {"jobs"}


def test_a_later_versions_records_are_refused(home: Home) -> None:
    with home.records.write() as tx:
        tx.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refusal) as refused:
        Records.open(home.path / "records.db", home.keys, server=home.server)
    assert refused.value.code == "records-too-new"


def test_processes_that_open_a_new_home_at_once_agree(tmp_path: Path, server: Server | None) -> None:
    script = f"""
        from pathlib import Path
        from records.postgres import Server
        from tests.records.building import opened, patient
        import sys
        with opened(Path({str(tmp_path / "home")!r}), server={server!r}) as home:
            for number in range(5):
                with home.records.write() as tx:
                    patient(tx, int(sys.argv[1]) * 10 + number)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    running = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE, cwd=PROJECT) for n in range(3)]
    for process in running:
        assert process.communicate()[1] == b""
        assert process.returncode == 0
    with opened(tmp_path / "home", server=server) as home, home.records.read() as tx:
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 15


def _write_in_child(home: Home, number: int) -> None:
    with home.records.write() as tx:
        patient(tx, number)
    with home.records.read() as tx:
        tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections_and_locks(home: Home) -> None:
    with home.records.write() as tx:
        patient(tx, 1)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with turns._locks.get(str((home.path / "records.db").resolve()), threading.Lock()):
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(5)
    with home.records.read() as tx:  # a connection in use while the fork is made
        tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one()
        children = [
            multiprocessing.get_context("fork").Process(target=_write_in_child, args=(home, n)) for n in range(2, 5)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
        assert [child.exitcode for child in children] == [0, 0, 0]
    release.set()
    thread.join()
    with home.records.write() as tx:
        patient(tx, 9)
    with home.records.read() as tx:
        assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 5


def test_an_outbox_event_and_its_cause_are_one_transaction(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        document = deposit(home, tx, who, at=NOW)
    with suppress(ZeroDivisionError), home.records.write() as tx:
        outbox.append(tx, who, document.document_id, "put", 1)
        raise ZeroDivisionError
    with home.records.read() as tx:
        assert outbox.last(tx) == 0
