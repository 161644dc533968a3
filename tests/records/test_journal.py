"""The journal: everything is in it, nothing can be taken from it unseen, and it tells nobody too much."""

from __future__ import annotations

import dataclasses
import threading

import pytest
from sqlalchemy import text

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import jobs, journal
from records.journal import Entry
from tests.records.building import MINUTE, NOW, Home, deposit, patient, scope, searchable

NOBODY = PatientId("z" * 26)


def entry(patient_id: PatientId, number: int = 0, **changes: object) -> Entry:
    made = Entry(
        patient_id=patient_id,
        caller_kind="practitioner",
        caller="10001234567",
        on_behalf="",
        role="médecin",
        purpose="care",
        action="search",
        outcome="granted",
        documents=(),
        query="allergie pénicilline",
        policy_version="2026.1",
        request_id=f"r{number}",
        at=NOW + number * MINUTE,
        detail="détail",
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def written(home: Home) -> tuple[Home, PatientId, PatientId]:
    return fill(home)


def fill(home: Home) -> tuple[Home, PatientId, PatientId]:
    """Two people and nobody, five entries each, mixed."""
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
    for number in range(5):
        for who in (one, NOBODY, two):
            with home.records.write() as tx:
                assert journal.append(tx, entry(who, number)) == number + 1
    return home, one, two


def problems(home: Home, kept: journal.Anchor | None = None) -> set[tuple[str, str]]:
    with home.records.read() as tx:
        return {(problem.chain, problem.kind) for problem in journal.verify(tx, kept)}


def run(home: Home, statement: str, **values: object) -> None:
    with home.records.write() as tx:
        assert tx.session.execute(text(statement), values).rowcount  # type: ignore[attr-defined]


def test_entries_come_back_and_the_chains_are_whole(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    assert problems(home) == set()
    with home.records.read() as tx:
        assert journal.entries_for_audit_without_scope(tx, one, 2) == [entry(one, 4), entry(one, 3)]
        assert len(journal.entries_for_audit_without_scope(tx, None, 100)) == 15
        assert journal.entries_for_audit_without_scope(tx, NOBODY, 1) == [entry(NOBODY, 4)]
        assert journal.as_dict(entry(one))["at"] == "2026-03-02T09:30:00+00:00"


def test_many_entries_at_once_are_those_of_one_by_one(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, two = written
    several = [entry(who, number) for number in range(5, 9) for who in (two, NOBODY, one, NOBODY)]
    with home.records.write() as tx:
        journal.append_all(tx, several)
        journal.append_all(tx, [])
    with home.records.write() as tx:
        assert journal.append(tx, entry(one, 9)) == 10
        journal.append_all(tx, [entry(two, 9)])
    assert problems(home) == set()
    with home.records.read() as tx:
        every = journal.entries_for_audit_without_scope(tx, None, 100)
        assert every[:18] == [entry(two, 9), entry(one, 9), *reversed(several)]
        assert len(every) == 33
        places = tx.session.execute(
            text("SELECT sequence FROM journal WHERE chain = :one ORDER BY position"), {"one": one}
        )
        assert [row.sequence for row in places] == list(range(1, 11))


@pytest.mark.parametrize(
    "broken",
    ["UPDATE journal_heads SET length = length - 1 WHERE chain = :two", "DELETE FROM journal_heads WHERE chain = :two"],
)
def test_many_entries_go_behind_no_broken_head(written: tuple[Home, PatientId, PatientId], broken: str) -> None:
    home, one, two = written
    run(home, broken, two=two)
    with pytest.raises(Refusal) as refused, home.records.write() as tx:
        journal.append_all(tx, [entry(one, 5), entry(two, 5)])
    assert refused.value.code == "broken-chain"
    with home.records.read() as tx:
        assert len(journal.entries_for_audit_without_scope(tx, None, 100)) == 15
    with home.records.write() as tx:
        journal.append_all(tx, [entry(one, 5)])


def test_a_patient_reads_who_looked_but_not_what_was_asked_nor_what_is_hidden(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx, 1)
        seen, hidden, other = (deposit(home, tx, one, content).document_id for content in (b"1", b"2", b"3"))
        for document_id in (seen, hidden):
            searchable(tx, document_id)
        searchable(tx, other, category=Category.BIOLOGY)
        gone = DocumentId("y" * 26)
        journal.append(tx, entry(one, documents=(other, hidden, seen, gone)))
    with home.records.read() as tx:
        right = scope(one, categories=frozenset({Category.REPORT}), excluded=[hidden])
        (found,) = journal.entries(tx, right)
        assert found == entry(one, documents=(seen,), query=None)
        assert journal.entries(tx, scope(one, categories=frozenset())) == []
        assert journal.entries(tx, scope(NOBODY)) == []


def test_an_edited_entry_is_found_whatever_was_edited(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, two = written
    edits = {
        "content": "UPDATE journal SET content = replace(content, 'granted', 'refused')",
        "sealed": "UPDATE journal SET sealed = (SELECT sealed FROM journal WHERE chain = :two AND sequence = 3)",
        "patient_id": "UPDATE journal SET patient_id = :two",
        "mac": "UPDATE journal SET mac = :zeros",
        "previous": "UPDATE journal SET previous = :zeros",
    }
    for column, edit in edits.items():
        with home.records.read() as tx:
            old = tx.session.execute(
                text(f"SELECT {column} FROM journal WHERE chain = :one AND sequence = 3"), {"one": one}
            ).scalar_one()
        given = {"two": two, "zeros": bytes(32)}
        values = {"one": one} | {name: value for name, value in given.items() if f":{name}" in edit}
        run(home, f"{edit} WHERE chain = :one AND sequence = 3", **values)
        assert (one, "edited") in problems(home), column
        run(home, f"UPDATE journal SET {column} = :old WHERE chain = :one AND sequence = 3", one=one, old=old)
    assert problems(home) == set()


def test_removed_entries_are_found(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    run(home, "DELETE FROM journal WHERE chain = :one AND sequence = 3", one=one)
    assert problems(home) == {(one, "removed"), ("*", "removed")}


def test_a_removal_with_the_numbers_closed_up_is_found(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    run(home, "DELETE FROM journal WHERE chain = :one AND sequence = 3", one=one)
    run(home, "UPDATE journal SET sequence = sequence - 1 WHERE chain = :one AND sequence > 3", one=one)
    assert {(one, "reordered"), (one, "truncated"), ("*", "removed")} <= problems(home)


def test_a_cut_end_is_found_with_and_without_its_head(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    run(home, "DELETE FROM journal WHERE chain = :one AND sequence > 3", one=one)
    assert problems(home) == {(one, "truncated"), ("*", "removed")}
    run(
        home,
        "UPDATE journal_heads SET length = 3, last = (SELECT mac FROM journal WHERE chain = :one AND sequence = 3) "
        "WHERE chain = :one",
        one=one,
    )
    assert problems(home) == {(one, "head"), ("*", "removed")}


@pytest.mark.parametrize("chain", ["one", "unknown"])
def test_a_whole_chain_removed_is_found(written: tuple[Home, PatientId, PatientId], chain: str) -> None:
    home, one, _ = written
    name = one if chain == "one" else chain
    run(home, "DELETE FROM journal WHERE chain = :name", name=name)
    assert problems(home) == {(name, "truncated"), ("*", "removed")}
    run(home, "DELETE FROM journal_heads WHERE chain = :name", name=name)
    assert problems(home) == {(name, "head"), ("*", "removed")}


def test_entries_that_change_places_are_found(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    for old, new in ((2, 99), (3, 2), (99, 3)):
        run(
            home, "UPDATE journal SET sequence = :new WHERE chain = :one AND sequence = :old", one=one, old=old, new=new
        )
    assert (one, "reordered") in problems(home)


def test_entries_that_change_places_in_the_whole_are_found(written: tuple[Home, PatientId, PatientId]) -> None:
    home, _, _ = written
    for old, new in ((1, 99), (2, 1), (99, 2)):
        run(home, "UPDATE journal SET position = :new WHERE position = :old", old=old, new=new)
    assert problems(home) == {("*", "reordered")}


def test_entries_moved_to_another_patient_are_found(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, two = written
    run(home, "UPDATE journal SET chain = :two, sequence = 6 WHERE chain = :one AND sequence = 5", one=one, two=two)
    assert {(two, "edited"), (one, "truncated"), (two, "truncated")} <= problems(home)


def test_a_database_put_back_is_found_by_an_anchor_kept_elsewhere(file_home: Home) -> None:
    home, one, _ = fill(file_home)
    before = {name: (home.path / name).read_bytes() for name in ("records.db", "records.db-wal")}
    with home.records.read() as tx:
        early = journal.anchor(tx)
    with home.records.write() as tx:
        journal.append(tx, entry(one, 5))
    with home.records.read() as tx:
        late = journal.anchor(tx)
    assert problems(home, early) == problems(home, late) == set()
    home.records.close()
    (home.path / "records.db-shm").unlink(missing_ok=True)
    for name, content in before.items():
        (home.path / name).write_bytes(content)
    assert problems(home) == set()
    assert problems(home, early) == set()
    assert problems(home, late) == {("*", "truncated")}


def test_nothing_is_appended_to_a_head_that_was_changed(written: tuple[Home, PatientId, PatientId]) -> None:
    home, one, _ = written
    run(home, "UPDATE journal_heads SET length = 4 WHERE chain = :one", one=one)
    with pytest.raises(Refusal) as refused, home.records.write() as tx:
        journal.append(tx, entry(one, 9))
    assert refused.value.code == "broken-chain"


def test_the_same_statements_for_somebody_and_nobody(home: Home) -> None:
    from tests.records.test_grants import statements

    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        journal.append(tx, entry(two))
    traces = []
    for who in (one, two, NOBODY):
        with home.records.write() as tx, statements(tx) as trace:
            journal.append(tx, entry(who, 1))
        traces.append(trace)
    assert len(traces[0]) == 6
    assert traces[0] == traces[1] == traces[2]


def test_forty_threads_write_entries_and_jobs_without_an_error_or_a_fork(home: Home) -> None:
    with home.records.write() as tx:
        people = [patient(tx, number) for number in range(4)]
        documents = [deposit(home, tx, who, b"x").document_id for who in people]
    errors: list[BaseException] = []
    gate = threading.Barrier(40)

    def work(number: int) -> None:
        try:
            gate.wait()
            for turn in range(5):
                which = (number + turn) % 5
                with home.records.write() as tx:
                    journal.append(tx, entry(NOBODY if which == 4 else people[which], number))
                with home.records.write() as tx:
                    jobs.enqueue(tx, documents[which % 4], people[which % 4], NOW)
                with home.records.read() as tx:
                    jobs.progress(tx)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert problems(home) == set()
    with home.records.read() as tx:
        assert len(journal.entries_for_audit_without_scope(tx, None, 1000)) == 200
        assert jobs.progress(tx)["queued"] == 200
