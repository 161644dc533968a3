"""Documents: inside the Scope and nowhere else; versions, twins and masks; counts of what may be known."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from records import document_pages, documents
from records.content import Metadata
from records.coverage import Coverage, covered
from records.database import Tx
from records.documents import DocumentState
from records.opaque import random_id
from tests.records.building import MINUTE, NOW, Home, deposit, patient, scope, searchable

STATES = list(DocumentState)
BOTH = frozenset({Category.REPORT, Category.BIOLOGY})


def ids(found: list[documents.Document]) -> list[DocumentId]:
    return [document.document_id for document in found]


def status(tx: Tx, *document_ids: DocumentId) -> list[str]:
    found = [documents.document_without_scope(tx, one) for one in document_ids]
    return [one.status for one in found if one is not None]


def test_a_document_comes_back_as_it_was_recorded(home: Home) -> None:
    stated = Metadata("u", "s", 3, "", "11490-0", "Lettre", "Dr Aubin", "CHU", date(2024, 2, 29), "R", "fr-FR")
    refusal = Refusal("understand", "other-patient", "Un autre patient.", "Vérifiez.")
    with home.records.write() as tx:
        one = deposit(home, tx, patient(tx), file_name="é\x00\ud800.pdf", by="x")
        documents.set_metadata(tx, one.document_id, stated, Category.REPORT)
        document_pages.set_pages(tx, one.document_id, 3, [3, 1, 3])
        documents.set_state(tx, one.document_id, DocumentState.QUARANTINED, refusal=refusal, evidence="née Petit")
    with home.records.read() as tx:
        found = documents.document_without_scope(tx, one.document_id)
    assert found is not None
    assert found.file_name == "é\x00\ud800.pdf"
    for name in ("unique_id", "set_id", "version", "type_code", "title", "author", "organization", "event_date"):
        assert getattr(found, name) == getattr(stated, name)
    assert (found.confidentiality, found.language, found.category) == ("R", "fr-FR", Category.REPORT)
    assert (found.pages, found.unreadable_pages) == (3, (1, 3))
    assert (found.state, found.refusal, found.evidence) == (DocumentState.QUARANTINED, refusal, "née Petit")
    assert (found.received_at, found.deposited_by, found.deposited_for) == (NOW, "x", "750000001")
    assert home.blobs.read(found.upload) == b"compte rendu"
    assert "Petit" not in repr(found)
    assert "Lettre" not in repr(found)


def test_outside_the_scope_and_nonexistent_are_the_same(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        mine, biology, masked, other = (
            deposit(home, tx, who, c).document_id
            for who, c in zip([one, one, one, two], [b"1", b"2", b"3", b"4"], strict=True)
        )
        for document_id, category in ((mine, Category.REPORT), (biology, Category.BIOLOGY), (masked, Category.REPORT)):
            searchable(tx, document_id, category=category)
        searchable(tx, other)
    right = scope(one, categories=frozenset({Category.REPORT}), excluded=[masked])
    with home.records.read() as tx:
        assert ids(documents.list_documents(tx, right)) == [mine]
        assert covered(tx, right) == Coverage(searched=1)
        for hidden in (biology, masked, other, DocumentId("y" * 26)):
            assert documents.get_document(tx, right, hidden) is None
            assert documents.list_documents(tx, right, after=hidden) == []
        for empty in (scope(one, categories=frozenset()), scope(), scope(PatientId("z" * 26))):
            assert documents.list_documents(tx, empty) == []
            assert documents.get_document(tx, empty, mine) is None
            assert covered(tx, empty) == Coverage()


def test_the_recheck_holds_when_sql_does_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import true

    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        other = deposit(home, tx, two).document_id
        searchable(tx, other)
    monkeypatch.setattr(documents, "_GET", documents._ANY)
    monkeypatch.setattr(documents, "_INSIDE", true())
    with home.records.read() as tx:
        assert documents.get_document(tx, scope(one), other) is None
        assert documents.list_documents(tx, scope(one)) == []


def test_a_very_large_exclusion_is_one_variable(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        seen, hidden = (deposit(home, tx, one, c).document_id for c in (b"1", b"2"))
    excluded = {DocumentId(random_id()) for _ in range(250_001)} | {hidden}  # SQLite takes 250,000 variables
    with home.records.read() as tx:
        right = scope(one, excluded=excluded)
        assert ids(documents.list_documents(tx, right)) == [seen]
        assert covered(tx, right).pending == 1
        assert documents.states_without_scope(tx, excluded) == {hidden: DocumentState.RECEIVED}


rows = st.lists(
    st.tuples(
        st.sampled_from(STATES),
        st.sampled_from([Category.REPORT, Category.BIOLOGY, Category.OTHER]),
        st.none() | st.dates(date(2024, 1, 1), date(2024, 1, 4)),
        st.sampled_from([False, False, False, True]),  # excluded
        st.sampled_from([False, False, False, True]),  # of the other patient
        st.integers(0, 3),  # unreadable pages
    ),
    min_size=4,
    max_size=10,
)


def test_lists_pages_and_counts_are_those_of_the_plain_rule(home: Home) -> None:
    seen = 0

    @settings(max_examples=15, deadline=None)
    @given(
        rows=rows,
        categories=st.sampled_from([BOTH, BOTH, BOTH - {Category.BIOLOGY}, frozenset()]),
        page=st.integers(1, 4),
    )
    def check(rows: list, categories: frozenset[Category], page: int) -> None:  # type: ignore[type-arg]
        nonlocal seen
        with home.records.write() as tx:
            one, two = patient(tx, with_ins=False), patient(tx, with_ins=False)
            excluded, expected = set(), []
            for number, (state, category, day, hidden, foreign, unreadable) in enumerate(rows):
                document_id = deposit(home, tx, two if foreign else one, b"%d" % number).document_id
                documents.set_metadata(tx, document_id, Metadata(event_date=day), category)
                document_pages.set_pages(tx, document_id, 3, range(1, unreadable + 1))
                documents.set_state(tx, document_id, state, now=NOW)
                excluded |= {document_id} if hidden else set()
                if category in categories and not hidden and not foreign:
                    expected.append((day is None, -day.toordinal() if day else 0, document_id, state, day, unreadable))
        expected.sort()
        seen += len(expected)
        right = scope(one, categories=categories, excluded=excluded)
        with home.records.read() as tx:
            assert ids(documents.list_documents(tx, right)) == [e[2] for e in expected]
            paged: list[DocumentId] = []
            while following := ids(documents.list_documents(tx, right, limit=page, after=paged[-1] if paged else None)):
                paged += following
            assert paged == [e[2] for e in expected]
            for state in STATES:
                assert ids(documents.list_documents(tx, right, states=[state])) == [
                    e[2] for e in expected if e[3] is state
                ]
            found = covered(tx, right)
        count = {state: sum(e[3] is state for e in expected) for state in STATES}
        ready = [e for e in expected if e[3] is DocumentState.SEARCHABLE]
        days = [e[4] for e in ready if e[4]]
        assert found == Coverage(
            searched=count[DocumentState.SEARCHABLE],
            pending=count[DocumentState.RECEIVED] + count[DocumentState.READING],
            quarantined=count[DocumentState.QUARANTINED],
            refused=count[DocumentState.REFUSED],
            unreadable_pages=sum(e[5] for e in ready),
            first_date=min(days, default=None),
            last_date=max(days, default=None),
        )

    check()
    assert seen > 3  # a property over empty lists would prove nothing


def test_the_same_content_is_found_within_one_patient_only(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        first = deposit(home, tx, one, masked=True)
        assert documents.same_content_without_scope(tx, one, first.content_hash) == first
        assert documents.same_content_without_scope(tx, two, first.content_hash) is None
        assert deposit(home, tx, two).content_hash != first.content_hash
        twin = deposit(home, tx, one, at=NOW + MINUTE)
        assert twin.masked
        assert not deposit(home, tx, one, b"other").masked


def test_a_newer_version_takes_over_when_it_can_be_read(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        old, new = (deposit(home, tx, one, c).document_id for c in (b"1", b"2"))
        searchable(tx, old, Metadata(set_id="s", version=1))
        documents.set_metadata(tx, new, Metadata(set_id="s", version=2), Category.REPORT)
        assert status(tx, old, new) == ["approved", "approved"], "the old one must stay visible while the new is read"
        documents.set_state(tx, new, DocumentState.REFUSED)
        assert status(tx, old) == ["approved"]
        documents.set_state(tx, new, DocumentState.SEARCHABLE, now=NOW)
        assert status(tx, old, new) == ["deprecated", "approved"]
        documents.set_state(tx, new, DocumentState.QUARANTINED)
        assert status(tx, old) == ["approved"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_versions_may_arrive_in_any_order(home: Home, newest_first: bool) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        made = [deposit(home, tx, one, b"%d" % n, at=NOW + n * MINUTE).document_id for n in range(3)]
        order = (
            [(made[0], 2), (made[1], 3), (made[2], 1)] if newest_first else [(made[2], 1), (made[0], 2), (made[1], 3)]
        )
        for document_id, version in order:
            searchable(tx, document_id, Metadata(set_id="s", version=version))
        assert status(tx, *made) == ["deprecated", "approved", "deprecated"]
        archived = deposit(home, tx, one, b"9").document_id
        tx.session.execute(text("UPDATE documents SET status = 'archived' WHERE document_id = :a"), {"a": archived})
        searchable(tx, archived, Metadata(set_id="s", version=9))
        assert status(tx, archived, made[1]) == ["archived", "approved"]


@pytest.mark.parametrize("replaced_first", [True, False])
@pytest.mark.parametrize("set_id", ["", "s"])
def test_a_stated_replacement_deprecates_even_without_a_set(home: Home, replaced_first: bool, set_id: str) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        old, new, alone = (deposit(home, tx, one, c).document_id for c in (b"1", b"2", b"3"))
        stated = [(old, Metadata(unique_id="u1")), (new, Metadata(unique_id="u2", set_id=set_id, replaces="u1"))]
        for document_id, metadata in stated if replaced_first else reversed(stated):
            searchable(tx, document_id, metadata)
        searchable(tx, alone, Metadata(unique_id="u3"))
        assert status(tx, old, new, alone) == ["deprecated", "approved", "approved"]


def test_sets_of_other_patients_and_empty_sets_do_not_meet(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        mine, theirs, a, b = (
            deposit(home, tx, who, c).document_id for who, c in ((one, b"1"), (two, b"2"), (one, b"3"), (one, b"4"))
        )
        searchable(tx, mine, Metadata(set_id="s", version=1))
        searchable(tx, theirs, Metadata(set_id="s", version=2))
        searchable(tx, a)
        searchable(tx, b)
        assert status(tx, mine, theirs, a, b) == ["approved"] * 4


@pytest.mark.parametrize("old_is", ["masked", "hidden_from_patient"])
def test_a_version_takes_the_strictest_mask_of_its_set(home: Home, old_is: str) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        old = deposit(home, tx, one, b"1", **{old_is: True})  # type: ignore[arg-type]
        new = deposit(home, tx, one, b"2")
        searchable(tx, old.document_id, Metadata(set_id="s", version=1))
        documents.set_metadata(tx, new.document_id, Metadata(set_id="s", version=2), Category.REPORT)
        found = documents.document_without_scope(tx, new.document_id)
    assert found is not None
    assert getattr(found, old_is)


def test_an_absurd_version_is_kept_within_bounds(home: Home) -> None:
    with home.records.write() as tx:
        one = deposit(home, tx, patient(tx)).document_id
        documents.set_metadata(tx, one, Metadata(set_id="s", version=10**30), Category.REPORT)


def test_words_moved_to_another_document_do_not_open(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        one, two = (deposit(home, tx, who, c).document_id for c in (b"1", b"2"))
        tx.session.execute(
            text(
                "UPDATE documents SET sealed = (SELECT sealed FROM documents WHERE document_id = :b) "
                "WHERE document_id = :a"
            ),
            {"a": one, "b": two},
        )
    with home.records.read() as tx, pytest.raises(Refusal) as refused:
        documents.document_without_scope(tx, one)
    assert refused.value.code == "seal-broken"


def test_a_destroyed_key_closes_a_patients_documents_and_no_others(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        mine, theirs = deposit(home, tx, one), deposit(home, tx, two)
    home.keys.destroy_patient_key(one)
    with home.records.read() as tx:
        with pytest.raises(Refusal) as refused:
            documents.document_without_scope(tx, mine.document_id)
        assert refused.value.code == "key-destroyed"
        assert documents.document_without_scope(tx, theirs.document_id) == theirs


def test_documents_of_a_patient_come_in_order_of_reception(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        made = [deposit(home, tx, who, b"%d" % n, at=NOW - timedelta(minutes=n)) for n in range(3)]
        assert documents.documents_of_patient_without_scope(tx, who) == made[::-1]
