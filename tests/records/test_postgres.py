"""Records on PostgreSQL: the order of writers, a writer that is cut off, and what is refused at start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from cli.local_services import postgresql
from records import documents, jobs, journal, notifications, outbox, rights
from records.content import Metadata
from records.coverage import covered
from records.database import Records
from records.postgres import Server
from tests.access.translate import policy
from tests.records.building import NOW, Home, deposit, opened, patient, scope, searchable
from tests.records.test_journal import entry

pytestmark = pytest.mark.services
ONE, DOCUMENT = PatientId("a" * 26), DocumentId("b" * 26)


@pytest.fixture
def home(tmp_path: Path, new_database: Server) -> Iterator[Home]:
    with opened(tmp_path / "home", server=new_database) as home:
        yield home


def sessions(server: Server, condition: str) -> int:
    with psycopg.connect(server.url) as connection:
        found = connection.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {condition}").fetchone()  # type: ignore[arg-type]
    assert found is not None
    return int(found[0])


def wait_for(server: Server, condition: str) -> None:
    for _ in range(600):
        if sessions(server, condition):
            return
        threading.Event().wait(0.05)
    raise AssertionError(condition)


def test_a_later_number_is_never_seen_before_an_earlier_one(home: Home, new_database: Server) -> None:
    """Two transactions at once: the second cannot commit its event while the first has one that nobody sees."""
    seen: list[list[int]] = []

    def second() -> None:
        with home.records.write() as tx:
            outbox.append(tx, ONE, DOCUMENT, "put", 2)
        with home.records.read() as tx:
            seen.append([event.fence for event in outbox.after(tx, 0, 10)])

    thread = threading.Thread(target=second)
    with home.records.write() as tx:
        outbox.append(tx, ONE, DOCUMENT, "put", 1)
        thread.start()
        wait_for(new_database, "wait_event_type = 'Lock' AND datname = current_database()")
        with home.records.read() as reading:
            assert outbox.last(reading) == 0
    thread.join(30)
    assert seen == [[1, 2]]


def test_the_decision_is_planned_once_a_connection_and_nothing_else_is_prepared(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
    caller = Caller(CallerKind.PRACTITIONER, "10000000001")
    with home.records.read() as tx:
        found = [rights.access_facts(tx, caller, who, NOW, policy()) for _ in range(3)]
        covered(tx, scope(who))
        rows = tx.session.execute(text("SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements"))
        kept = {statement[:15]: plans for statement, plans in rows}
    assert found[0] == found[1] == found[2]
    assert sorted(kept.values()) == [3, 3], kept


def test_what_a_writer_checked_still_holds_when_it_writes(home: Home, new_database: Server) -> None:
    """The second of two claims begins while the first is open, and does not get the same job."""
    with home.records.write() as tx:
        who = patient(tx)
        jobs.enqueue(tx, deposit(home, tx, who).document_id, who, NOW)
    got: list[object] = []

    def second() -> None:
        with home.records.write() as tx:
            got.append(jobs.claim(tx, "b", NOW, jobs.LONGEST_LEASE))

    thread = threading.Thread(target=second)
    with home.records.write() as tx:
        jobs.progress(tx)  # a transaction begins with its first statement
        thread.start()
        wait_for(new_database, "wait_event_type = 'Lock' AND datname = current_database()")
        assert jobs.claim(tx, "a", NOW, jobs.LONGEST_LEASE) is not None
    thread.join(30)
    assert got == [None]


def test_two_senders_do_not_tell_the_same_twice(home: Home, new_database: Server) -> None:
    with home.records.write() as tx:
        notifications.notify(tx, ONE, "first_access", NOW)
    with home.records.read() as tx:
        (waiting,) = notifications.due_without_scope(tx, NOW, 10)
    got: list[bool] = []

    def send() -> None:
        with home.records.write() as tx:
            got.append(notifications.claim(tx, waiting, NOW))

    thread = threading.Thread(target=send)
    with home.records.write() as tx:
        got.append(notifications.claim(tx, waiting, NOW))
        thread.start()
        wait_for(new_database, "wait_event_type = 'Lock' AND datname = current_database()")
    thread.join(30)
    assert got == [True, False]


def test_a_writer_whose_session_is_ended_leaves_nothing_and_the_next_one_writes(
    home: Home, new_database: Server
) -> None:
    with home.records.write() as tx:
        one = patient(tx)

    def cut_off() -> None:
        with home.records.write() as tx:
            journal.append(tx, entry(one))
            pid = tx.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with psycopg.connect(new_database.url) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            journal.append(tx, entry(one))

    with pytest.raises(Refusal) as refused:
        cut_off()
    assert refused.value.code == "records-unavailable"
    with home.records.write() as tx:
        assert journal.append(tx, entry(one)) == 1
    with home.records.read() as tx:
        assert journal.verify(tx) == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "disk-full"),
        ("25006", "storage-closed"),
        ("XX001", "records-damaged"),
        ("55P03", "records-unavailable"),
        ("28P01", "records-login-refused"),
    ],
)
def test_what_the_server_says_is_a_refusal(home: Home, state: str, code: str) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(Refusal) as refused, home.records.write() as tx:
        tx.session.execute(text(raised))
    assert refused.value.code == code


def test_a_restarted_server_is_found_again_and_a_stopped_one_is_a_refusal(service_folder: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret-1\n")
    with ExitStack() as held:
        with postgresql(service_folder, password="secret-1") as url:
            home = held.enter_context(opened(tmp_path / "home", server=Server(url, password)))
            with home.records.write() as tx:
                patient(tx)
        with pytest.raises(Refusal) as refused:
            home.records.healthy()
        assert refused.value.code == "records-unavailable"
        with postgresql(service_folder, port=int(url.rpartition(":")[2].partition("/")[0])) as again:
            assert again == url
            home.records.healthy()
            with home.records.read() as tx:
                assert tx.session.execute(text("SELECT count(*) FROM patients")).scalar_one() == 1
            for wrong in ("", "secret-2"):
                password.write_text(wrong)
                with pytest.raises(Refusal) as refused:
                    Records.open(home.path / "records.db", home.keys, server=Server(url, password))
                assert refused.value.code == "records-login-refused"
            password.unlink()
            with pytest.raises(Refusal) as refused:
                Records.open(home.path / "records.db", home.keys, server=Server(url, password))
            assert refused.value.code == "records-password-missing"


def test_a_server_that_may_lose_what_it_confirmed_is_refused(tmp_path: Path, new_database: Server) -> None:
    with psycopg.connect(new_database.url, autocommit=True) as connection:
        name = new_database.url.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refused, opened(tmp_path / "home", server=new_database):
        pass
    assert refused.value.code == "records-not-durable"


@pytest.mark.parametrize("url", ["nothing", "mysql://a@b/c", "postgresql://a@b", "postgresql://a:secret@b/c"], ids=str)
def test_a_bad_address_is_a_refusal_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        Server(url).address()
    assert refused.value.code == "bad-records-url"
    assert "secret" not in refused.value.message


def test_a_home_is_not_opened_where_its_records_are_not(tmp_path: Path, new_database: Server) -> None:
    for name, first, then in (("file", None, new_database), ("server", new_database, None)):
        with opened(tmp_path / name, server=first) as home, pytest.raises(Refusal) as refused:
            Records.open(home.path / "records.db", home.keys, server=then)
        assert refused.value.code == "records-elsewhere"


def test_letters_that_the_server_refuses_are_replaced(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        one = deposit(home, tx, who, by="10001\x00234567")
        searchable(tx, one.document_id, Metadata(type_code="a\0\ud800"))
        found = documents.document_without_scope(tx, one.document_id)
        assert found is not None
        assert (found.deposited_by, found.type_code) == ("10001?234567", "a\0\ud800")  # the second is sealed
        assert tx.session.execute(text("SELECT type_code FROM documents")).scalar_one() == "a??"
        assert documents.document_without_scope(tx, DocumentId("\0" * 26)) is None
