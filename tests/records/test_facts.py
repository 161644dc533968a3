"""Facts: sealed with their document, told inside the Scope and nowhere else, gone with what told them."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from access.categories import Category
from access.identifiers import DocumentId
from access.refusal import Refusal
from records import documents, erasure, facts, jobs, quarantine, tables
from records.content import Metadata, Page
from records.database import Tx
from records.documents import DocumentState
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote, Told
from records.fact_format import fact_in, fact_out
from tests.records.building import NOW, Home, deposit, patient, scope, searchable

anything = st.text(st.characters(), max_size=20)
number = st.none() | st.decimals(allow_nan=False, allow_infinity=False)
quantities = st.builds(
    Quantity, anything, number, st.sampled_from(["", "<", ">="]), anything, number, number, anything, anything
)
whole_facts = st.builds(
    Fact,
    st.sampled_from(FactKind),
    anything,
    st.builds(Quote, st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), anything),
    st.sampled_from(FactSource),
    st.sampled_from(Assertion),
    anything,
    st.lists(st.builds(Coding, anything, anything, anything), max_size=2).map(tuple),
    st.none() | quantities,
    st.builds(Period, anything, anything),
    st.lists(st.tuples(anything, anything), max_size=2).map(tuple),
    st.none() | st.floats(0, 1),
)


def saying(label: str, kind: FactKind = FactKind.ALLERGY) -> Page:
    text = f"Dossier. {label}."
    return Page(1, text, facts=(Fact(kind, label, Quote(1, 9, 9 + len(label), label), FactSource.STRUCTURED),))


def labels(found: list[Told]) -> list[str]:
    return [one.fact.label for one in found]


def kept(tx: Tx) -> int:
    return tx.session.scalar(select(func.count()).select_from(tables.Fact)) or 0


@settings(max_examples=100)
@given(whole_facts)
def test_a_fact_comes_back_whole(fact: Fact) -> None:
    assert fact_in(fact_out(fact), fact.quote.page, fact.quote.text) == fact


def test_a_document_tells_what_was_kept_newest_first(home: Home) -> None:
    potassium = dataclasses.replace(
        saying("kaliémie", FactKind.LAB_RESULT).facts[0],
        value=Quantity("5,9", Decimal("5.9"), unit="mmol/L", high=Decimal(5), flag="H"),
        codes=(Coding("2.16.840.1.113883.6.1", "2823-3", "K"),),
    )
    with home.records.write() as tx:
        who = patient(tx)
        old, new = (deposit(home, tx, who, content).document_id for content in (b"1", b"2"))
        searchable(tx, old, Metadata(event_date=date(2019, 1, 1)))
        searchable(tx, new, Metadata(event_date=date(2024, 1, 1)))
        facts.keep(tx, old, [saying("pénicilline")])
        facts.keep(tx, new, [Page(1, "Dossier. kaliémie.", facts=(potassium,)), Page(2, "")])
    with home.records.read() as tx:
        assert facts.told(tx, scope(who)) == [
            Told(potassium, new, date(2024, 1, 1), NOW.date()),
            Told(saying("pénicilline").facts[0], old, date(2019, 1, 1), NOW.date()),
        ]
        assert labels(facts.told(tx, scope(who), [FactKind.ALLERGY, FactKind.MEDICATION])) == ["pénicilline"]
        assert facts.told(tx, scope(who), []) == []


def test_facts_outside_the_scope_are_not_told(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        mine, biology, masked, other = (
            deposit(home, tx, who, c).document_id
            for who, c in zip([one, one, one, two], [b"1", b"2", b"3", b"4"], strict=True)
        )
        for document_id, category in ((mine, Category.REPORT), (biology, Category.BIOLOGY), (masked, Category.REPORT)):
            searchable(tx, document_id, category=category)
        searchable(tx, other)
        for document_id, label in ((mine, "a"), (biology, "b"), (masked, "c"), (other, "d")):
            facts.keep(tx, document_id, [saying(label)])
        unread = deposit(home, tx, one, b"5").document_id
        searchable(tx, unread, category=Category.BIOLOGY)
    right = scope(one, categories=frozenset({Category.REPORT}), excluded=[masked])
    with home.records.read() as tx:
        assert labels(facts.told(tx, right)) == ["a"]
        assert facts.unread(tx, right) == 0
        assert facts.unread(tx, scope(one)) == 1
        for empty in (scope(one, categories=frozenset()), scope()):
            assert facts.told(tx, empty) == []
            assert facts.unread(tx, empty) == 0


def test_what_was_read_again_replaces_what_was_told(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        document_id = deposit(home, tx, who, b"1").document_id
        searchable(tx, document_id)
        assert facts.unread(tx, scope(who)) == 1
        assert facts.unread_without_scope(tx, 10) == [document_id]
        facts.keep(tx, document_id, [saying("pénicilline"), saying("INR", FactKind.LAB_RESULT)])
        facts.keep(tx, document_id, [saying("iode")])
        assert labels(facts.told(tx, scope(who))) == ["iode"]
        facts.keep(tx, document_id, [Page(1, "rien")])
        assert facts.told(tx, scope(who)) == []
        assert facts.unread(tx, scope(who)) == 0
        assert facts.unread_without_scope(tx, 10) == []


def test_a_worker_that_lost_its_lease_keeps_no_facts(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        jobs.enqueue(tx, deposit(home, tx, who, b"1").document_id, who, NOW)
        job = jobs.claim(tx, "w", NOW, timedelta(minutes=5))
        assert job is not None
        facts.keep(tx, job.document_id, [saying("iode")], fence=job.fence)
        with pytest.raises(Refusal) as refused:
            facts.keep(tx, job.document_id, [saying("latex")], fence=job.fence - 1)
        assert refused.value.code == "lease-lost"
        assert labels(facts.told(tx, scope(who))) == ["iode"]


@pytest.mark.parametrize("state", [DocumentState.QUARANTINED, DocumentState.REFUSED])
def test_a_document_in_doubt_or_refused_tells_nothing(home: Home, state: DocumentState) -> None:
    refusal = Refusal("understand", "other-patient", "Un autre patient.", "Vérifiez.")
    with home.records.write() as tx:
        who = patient(tx)
        document_id = deposit(home, tx, who, b"1").document_id
        searchable(tx, document_id)
        facts.keep(tx, document_id, [saying("iode")])
        documents.set_state(tx, document_id, state, refusal=refusal)
        assert kept(tx) == 0
        facts.keep(tx, document_id, [saying("iode")])
        assert facts.told(tx, scope(who)) == []


def test_a_document_that_is_read_again_tells_what_it_told(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        document_id = deposit(home, tx, who, b"1").document_id
        searchable(tx, document_id)
        facts.keep(tx, document_id, [saying("iode")])
        for state in (DocumentState.RECEIVED, DocumentState.READING):
            documents.set_state(tx, document_id, state)
            assert labels(facts.told(tx, scope(who))) == ["iode"]


def test_facts_go_with_their_document_and_with_their_patient(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        moved, erased = deposit(home, tx, one, b"1"), deposit(home, tx, two, b"2")
        for document in (moved, erased):
            facts.keep(tx, document.document_id, [saying("iode")])
        quarantine.remove(tx, moved, left=[])
        assert kept(tx) == 1
    erasure.erase(home.records, home.blobs, home.keys, home.path / "erased.jsonl", two, NOW, "test")
    with home.records.read() as tx:
        assert kept(tx) == 0


def test_a_row_moved_to_another_document_does_not_open(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        one, other = (deposit(home, tx, who, content).document_id for content in (b"1", b"2"))
        for document_id in (one, other):
            searchable(tx, document_id)
        facts.keep(tx, one, [saying("iode")])
        facts.keep(tx, other, [saying("latex")])
        rows = {row.document_id: row for row in tx.session.scalars(select(tables.Fact))}
        rows[DocumentId(one)].sealed, rows[DocumentId(other)].sealed = (
            rows[DocumentId(other)].sealed,
            rows[DocumentId(one)].sealed,
        )
        tx.session.flush()
        with pytest.raises(Refusal) as refused:
            facts.told(tx, scope(who))
        assert refused.value.code == "seal-broken"
