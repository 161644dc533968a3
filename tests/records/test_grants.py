"""Grants and blocks: recorded, revoked, and gathered by the same statements for everybody."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text

from access.categories import Category
from access.decide import AccessFacts, GrantFact, decide
from access.identifiers import PatientId
from access.refusal import Refusal
from access.scope import Purpose, Scope
from records import documents, grants
from records.content import Metadata
from records.database import Tx
from records.grants import Grant
from records.policy import load_policy
from tests.records.building import DOCTOR, MINUTE, NOW, Home, deposit, patient, scope, searchable

NOBODY = PatientId("z" * 26)
POLICY = load_policy()


@contextmanager
def statements(tx: Tx) -> Iterator[list[str]]:
    """The texts of the statements that run in the block."""
    seen: list[str] = []
    connection = tx.session.connection()

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def grant(tx: Tx, patient_id: PatientId, **changes: object) -> Grant:
    values: dict[str, object] = {
        "patient_id": patient_id,
        "grantee_kind": "practitioner",
        "grantee": DOCTOR.id,
        "kind": "consent",
        "categories": frozenset({Category.BIOLOGY, Category.REPORT}),
        "valid_from": NOW,
        "valid_until": NOW + timedelta(days=1),
        "recorded_by": "administration",
        "now": NOW,
    }
    return grants.add_grant(tx, **(values | changes))  # type: ignore[arg-type]


def test_grants_are_listed_and_revoked_once(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        first = grant(tx, one)
        second = grant(tx, one, categories=None, valid_until=None, now=NOW + MINUTE)
        grant(tx, two)
        assert grants.list_grants(tx, scope(one)) == [second, first]
        assert grants.list_grants(tx, scope(one, categories=frozenset())) == []
        assert not grants.revoke_grant(tx, first.grant_id, two, NOW, "patient")
        assert grants.revoke_grant(tx, first.grant_id, one, NOW + MINUTE, "patient")
        assert not grants.revoke_grant(tx, first.grant_id, one, NOW + 2 * MINUTE, "patient")
        revoked = dataclasses.replace(first, revoked_at=NOW + MINUTE)
        assert grants.grants_without_scope(tx, one) == [revoked, second]


def test_instants_of_any_zone_are_kept_and_naive_ones_refused(home: Home) -> None:
    paris = datetime(2026, 3, 2, 0, 0, tzinfo=ZoneInfo("Europe/Paris"))
    with home.records.write() as tx:
        one = patient(tx)
        assert grant(tx, one, valid_from=paris).valid_from == grants.grants_without_scope(tx, one)[0].valid_from
    with pytest.raises(Exception, match="time zone"), home.records.write() as tx:
        grant(tx, one, valid_from=datetime(2026, 3, 2))  # noqa: DTZ001


def test_facts_are_all_that_is_recorded(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        given = grant(tx, one)
        grants.revoke_grant(tx, given.grant_id, one, NOW, "patient")
        grant(tx, two)
        masked = deposit(home, tx, one, b"1", masked=True, by=DOCTOR.id)
        hidden = deposit(home, tx, one, b"2", hidden_from_patient=True)
        old, new = deposit(home, tx, one, b"3"), deposit(home, tx, one, b"4", at=NOW + MINUTE)
        for version, document in enumerate((old, new), 1):
            searchable(tx, document.document_id, Metadata(set_id="s", version=version))
        deposit(home, tx, two, b"5", masked=True)
        deposit(home, tx, one, b"6", by=DOCTOR.id)
    with home.records.read() as tx:
        assert grants.access_facts(tx, DOCTOR, one, NOW, POLICY) == AccessFacts(
            patient_id=one,
            exists=True,
            identities=frozenset({one}),
            grants=(
                GrantFact(
                    given.grant_id,
                    "consent",
                    "practitioner",
                    DOCTOR.id,
                    frozenset({Category.BIOLOGY, Category.REPORT}),
                    NOW,
                    NOW + timedelta(days=1),
                    NOW,
                ),
            ),
            hidden_from_professionals=frozenset({masked.document_id}),
            hidden_from_patient={hidden.document_id: NOW},
            not_default=frozenset({old.document_id}),
            types={masked.document_id: "", hidden.document_id: "", old.document_id: ""},
            authored=frozenset({masked.document_id}),
        )
        assert grants.access_facts(tx, DOCTOR, NOBODY, NOW, POLICY) == AccessFacts(NOBODY)


def test_a_merged_patient_is_one_person(home: Home) -> None:
    with home.records.write() as tx:
        kept, merged, stranger = patient(tx, 1), patient(tx, 2), patient(tx, 3)
        tx.session.execute(
            text("UPDATE patients SET merged_into = :kept, closed = true WHERE patient_id = :merged"),
            {"kept": kept, "merged": merged},
        )
        given = grant(tx, merged)
        masked = deposit(home, tx, merged, masked=True)
        grants.block(tx, kept, "10000000000", NOW, "patient")
    with home.records.read() as tx:
        for asked in (kept, merged):
            facts = grants.access_facts(tx, dataclasses.replace(DOCTOR, id="10000000000"), asked, NOW, POLICY)
            assert facts.identities == {kept, merged}
            assert [one.grant_id for one in facts.grants] == [given.grant_id]
            assert facts.hidden_from_professionals == {masked.document_id}
            assert facts.closed
            assert facts.blocked
        assert grants.access_facts(tx, DOCTOR, stranger, NOW, POLICY).identities == {stranger}


def test_a_block_is_of_one_professional_and_can_be_lifted(home: Home) -> None:
    other = dataclasses.replace(DOCTOR, id="10000000000")
    with home.records.write() as tx:
        one = patient(tx)
        grants.block(tx, one, DOCTOR.id, NOW, "patient")
        grants.block(tx, one, DOCTOR.id, NOW, "patient")
        assert grants.access_facts(tx, DOCTOR, one, NOW, POLICY).blocked
        assert not grants.access_facts(tx, other, one, NOW, POLICY).blocked
        assert grants.unblock(tx, one, DOCTOR.id)
        assert not grants.unblock(tx, one, DOCTOR.id)
        assert not grants.access_facts(tx, DOCTOR, one, NOW, POLICY).blocked


def test_the_same_statements_run_whoever_is_asked_about(home: Home) -> None:
    with home.records.write() as tx:
        plain, rich, closed = patient(tx, 1), patient(tx, 2), patient(tx, 3)
        for number in range(5):
            grant(tx, rich)
            deposit(home, tx, rich, bytes([number]), masked=True)
        grants.block(tx, rich, DOCTOR.id, NOW, "patient")
        tx.session.execute(text("UPDATE patients SET closed = true WHERE patient_id = :one"), {"one": closed})
    traces = []
    with home.records.read() as tx:
        for who in (plain, rich, closed, NOBODY):
            with statements(tx) as trace:
                grants.access_facts(tx, DOCTOR, who, NOW, POLICY)
            traces.append(trace)
    assert len(traces[0]) == 2
    assert all(trace == traces[0] for trace in traces)


def test_a_revocation_acts_on_the_next_decision(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        given = grant(tx, one)
        document = deposit(home, tx, one)
        searchable(tx, document.document_id)

    def right() -> Scope | Refusal:
        with home.records.read() as tx:
            return decide(DOCTOR, one, Purpose.CARE, NOW, grants.access_facts(tx, DOCTOR, one, NOW, POLICY), POLICY)

    allowed = right()
    assert isinstance(allowed, Scope)
    with home.records.read() as tx:
        assert [d.document_id for d in documents.list_documents(tx, allowed)] == [document.document_id]
    with home.records.write() as tx:
        grants.revoke_grant(tx, given.grant_id, one, NOW, "patient")
    assert isinstance(right(), Refusal)
