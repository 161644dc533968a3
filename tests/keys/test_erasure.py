"""Erasing a patient: nothing of theirs opens, nothing of others moves, and the journal stays whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from access.identifiers import PatientId
from access.refusal import Refusal
from records import erasure, grants, jobs, journal, ledger, patients, tables
from records.erasure import erase
from tests.records.building import NOW, Home, identity, opened
from tests.records.test_journal import entry
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.world import World


def erase_marie(world: World) -> erasure.Erasure:
    services = world.services
    done = erase(
        services.records,
        services.blobs,
        services.keys,
        services.keys.ledger,
        world.patients["marie"],
        world.clock(),
        "t",
    )
    world.work()
    return done


def test_nothing_of_the_patient_is_left_and_others_are_found_as_before(own_world: World) -> None:
    world = own_world
    marie = world.patients["marie"]
    before = world.search("pénicilline", world.bearer(TRAITANT), "paul").json()["hits"]
    assert before
    assert world.search("allergie", world.bearer(DOCTOR)).json()["hits"]
    done = erase_marie(world)
    assert (done.patient_ids, done.documents) == ((marie,), 5)
    assert done.files >= 10
    with pytest.raises(Refusal, match="effacé"):
        world.services.keys.patient_key(marie)
    assert world.search("pénicilline", world.bearer(TRAITANT), "paul").json()["hits"] == before
    assert [ref for ref in world.services.blobs.walk() if ref.patient_id == marie] == []
    index = world.services.index.current()
    assert [line for line in index.inventory_without_scope() if line.patient_id == marie] == []
    assert world.bench.projector.verify(world.clock(), repair=False).clean
    with world.services.records.read() as tx:
        assert journal.verify(tx) == []


def test_no_table_names_the_patient_but_the_journal_and_the_outbox(own_world: World) -> None:
    """Whatever table comes later: it is emptied, or named in `erasure.KEPT` with its reason."""
    marie = own_world.patients["marie"]
    with own_world.services.records.write() as tx:
        ids = set(tx.session.scalars(select(tables.Document.document_id).where(tables.Document.patient_id == marie)))
        grants.block(tx, marie, "10009999999", own_world.clock(), "t")
    erase_marie(own_world)
    naming = set()
    with own_world.services.records.read() as tx:
        for table in tables.Base.metadata.sorted_tables:
            for row in tx.session.execute(select(table)):
                if any(str(value) in {marie, *ids} for value in row):
                    naming.add(table.name)
    assert naming == erasure.KEPT


def test_to_a_stranger_an_erased_patient_is_nobody(own_world: World) -> None:
    nobody = own_world.search("allergie", own_world.bearer(DOCTOR), "z" * 26)
    erase_marie(own_world)
    gone = own_world.search("allergie", own_world.bearer(DOCTOR))
    assert (gone.status_code, gone.json()) == (nobody.status_code, nobody.json())
    with own_world.services.records.read() as tx:
        last = journal.entries_for_audit_without_scope(tx, own_world.patients["marie"], 1)[0]
        assert last.outcome == "refused"
        assert journal.verify(tx) == []


def test_what_was_asked_is_gone_from_the_journal_and_who_asked_is_not(own_world: World) -> None:
    marie = own_world.patients["marie"]
    own_world.search("mucoviscidose", own_world.bearer(DOCTOR))
    with own_world.services.records.read() as tx:
        before = journal.entries_for_audit_without_scope(tx, marie, 10)
        anchor = journal.anchor(tx)
    assert before[0].query == "mucoviscidose"
    erase_marie(own_world)
    with own_world.services.records.read() as tx:
        erased, *after = journal.entries_for_audit_without_scope(tx, marie, 10)
        assert [(e.caller, e.at, e.action) for e in after] == [(e.caller, e.at, e.action) for e in before]
        assert {e.query for e in after} == {None}
        assert erased.action == "erase"
        assert journal.verify(tx, anchor) == []


@pytest.mark.parametrize("column", ["content", "sealed", "mac", "erased"])
def test_an_erased_entry_cannot_be_changed(home: Home, column: str) -> None:
    with home.records.write() as tx:
        patient_id = patients.create_patient(tx, identity(1), NOW)
        for _ in range(3):
            journal.append(tx, entry(patient_id))
        assert journal.erase_words(tx, patient_id) == 3
        assert journal.verify(tx) == []
        row = tables.JournalEntry
        changed: object = '{"patient_id":"x"}' if column == "content" else b"changed"
        tx.session.execute(update(row).where(row.sequence == 2).values({column: changed}))
        assert next((p.sequence, p.kind) for p in journal.verify(tx)) == (2, "edited")


def test_words_of_the_journal_take_the_patients_key(home: Home) -> None:
    """In an old copy of the records the journal's key alone does not open what was asked about an erased patient."""
    with home.records.write() as tx:
        patient_id = patients.create_patient(tx, identity(1), NOW)
        journal.append(tx, entry(patient_id, query="diabète"))
    home.keys.destroy_patient_key(patient_id)
    with home.records.read() as tx:
        assert journal.entries_for_audit_without_scope(tx, patient_id, 1)[0].query is None
        assert journal.verify(tx) == []


def test_an_erasure_interrupted_between_any_steps_is_taken_up(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def stop(*_: object, **__: object) -> None:
        raise Killed

    marie = own_world.patients["marie"]
    key = ledger.key_of(own_world.services.keys)
    for owner, name in (
        (own_world.services.keys, "destroy_patient_key"),
        (journal, "erase_words"),
        (own_world.services.blobs, "erase"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, stop)
            with pytest.raises(Killed):
                erase_marie(own_world)
        assert marie in ledger.read(own_world.services.keys.ledger, key)
    erase_marie(own_world)
    assert erase_marie(own_world) == erasure.Erasure((marie,), 0, 0)
    assert not [ref for ref in own_world.services.blobs.walk() if ref.patient_id == marie]
    with own_world.services.records.read() as tx:
        assert not patients.exists(tx, marie)


def test_a_merged_person_is_erased_whole(home: Home) -> None:
    with home.records.write() as tx:
        first, second = (patients.create_patient(tx, identity(n), NOW) for n in (1, 2))
        other = patients.create_patient(tx, identity(3), NOW)
        row = tables.Patient
        tx.session.execute(update(row).where(row.patient_id == second).values(merged_into=first))
    done = erase(home.records, home.blobs, home.keys, home.keys.ledger, second, NOW, "t")
    assert set(done.patient_ids) == {first, second}
    with home.records.read() as tx:
        assert [patients.exists(tx, person) for person in (first, second, other)] == [False, False, True]


def test_nobody_cannot_be_erased(home: Home) -> None:
    nobody = PatientId("a" * 26)
    with pytest.raises(Refusal) as refused:
        erase(home.records, home.blobs, home.keys, home.keys.ledger, nobody, NOW, "t")
    assert refused.value.code == "no-such-patient"
    home.keys.create_patient_key(nobody)


def test_erasing_while_documents_are_read_harms_nobody_else(own_world: World) -> None:
    for number in range(12):
        own_world.deposit(f"m{number}", "marie", f"Lettre {number} de Marie.")
        own_world.deposit(f"p{number}", "paul", f"Lettre {number} de Paul.")
    reader = threading.Thread(target=own_world.work)
    reader.start()
    erase_marie(own_world)
    reader.join()
    own_world.work()
    assert own_world.search("lettre", own_world.bearer(TRAITANT), "paul").json()["coverage"]["searched"] == 13
    assert own_world.bench.projector.verify(own_world.clock(), repair=False).clean
    with own_world.services.records.read() as tx:
        assert jobs.progress(tx)["failed"] == 0


def test_a_ledger_line_that_is_not_ours_is_refused_and_a_torn_one_passed_over(tmp_path: Path) -> None:
    file, key = tmp_path / "erased.jsonl", bytes(32)
    one, two = PatientId("a" * 26), PatientId("b" * 26)
    for person in (one, two, one):
        ledger.append(file, key, person, NOW)
    assert ledger.read(file, key) == {one, two}
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"patient": "cc')
    assert ledger.read(file, key) == {one, two}
    three = PatientId("c" * 26)
    ledger.append(file, key, three, NOW)
    assert ledger.read(file, key) == {one, two, three}
    for damaged in (whole.replace(b"aaaa", b"aaab", 1), b"{}\n" + whole, b"x\n"):
        file.write_bytes(damaged)
        with pytest.raises(Refusal) as refused:
            ledger.read(file, key)
        assert refused.value.code == "ledger-damaged"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with opened(tmp_path / "home") as home:
        yield home
