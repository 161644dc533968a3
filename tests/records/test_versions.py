"""Replacement, cancellation and copies: whatever comes first, the same documents stand at the end."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from records import document_pages, documents, masks, names, tables
from records.appendices import appendices
from records.content import Metadata
from records.database import Tx
from records.document_rows import blind
from records.documents import Document, DocumentState
from records.receipts import Way, add, receipts
from tests.records.building import MINUTE, NOW, Home, deposit, patient, scope


@dataclass(frozen=True, slots=True)
class Arrival:
    """A document that says this of itself, with these pages; or, without a name, a message that only cancels."""

    metadata: Metadata
    pages: tuple[str, ...] = ("texte",)


def arrive(home: Home, tx: Tx, who: PatientId, what: Arrival, at: int) -> DocumentId | None:
    content = repr((what.metadata, what.pages)).encode()
    document_id = deposit(home, tx, who, content, at=NOW + at * MINUTE).document_id
    documents.withdraw(tx, document_id, what.metadata)
    if not what.metadata.unique_id:
        return None
    documents.set_metadata(tx, document_id, what.metadata, Category.REPORT)
    document_pages.set_pages(tx, document_id, len(what.pages), (), texts=what.pages)
    documents.set_state(tx, document_id, DocumentState.SEARCHABLE, now=NOW)
    return document_id


def end(home: Home, number: int, arrivals: tuple[Arrival, ...]) -> dict[str, tuple[str, bool, bool]]:
    """What became of each, by name and first page: status, withdrawn, masked."""
    with home.records.write() as tx:
        who = patient(tx, number)
        made = {one: arrive(home, tx, who, one, at) for at, one in enumerate(arrivals)}
        found = {
            f"{one.metadata.unique_id}/{one.pages}": documents.document_without_scope(tx, document_id)
            for one, document_id in made.items()
            if document_id is not None
        }
    return {name: (one.status, one.withdrawn, one.masked) for name, one in found.items() if one is not None}


ORIGINAL = Arrival(Metadata(unique_id="d1", issued_at=NOW))
REPLACEMENT = Arrival(Metadata(unique_id="d2", replaces="d1", issued_at=NOW + MINUTE))
CANCELS_1 = Arrival(Metadata(cancels=("d1",), issued_at=NOW + 5 * MINUTE))
CANCELS_2 = Arrival(Metadata(cancels=("d2",), issued_at=NOW + 5 * MINUTE))


@pytest.mark.parametrize(
    ("what", "standing"),
    [
        ((ORIGINAL, REPLACEMENT), {"d2"}),
        ((ORIGINAL, REPLACEMENT, CANCELS_1), {"d2"}),
        ((ORIGINAL, REPLACEMENT, CANCELS_2), {"d1"}),
        ((ORIGINAL, REPLACEMENT, CANCELS_1, CANCELS_2), set()),
        ((ORIGINAL, CANCELS_2), {"d1"}),
        ((ORIGINAL, CANCELS_1), set()),
    ],
)
def test_every_order_of_arrival_ends_alike(home: Home, what: tuple[Arrival, ...], standing: set[str]) -> None:
    ends = [end(home, number, order) for number, order in enumerate(itertools.permutations(what), 1)]
    assert all(one == ends[0] for one in ends)
    assert {name.partition("/")[0] for name, (status, *_) in ends[0].items() if status == "approved"} == standing
    assert {name.partition("/")[0] for name, (_, gone, _) in ends[0].items() if gone} == {
        name for one in what for name in one.metadata.cancels if name in {x.metadata.unique_id for x in what}
    }


NAMES = ("a", "b", "c")
METADATA = st.builds(
    Metadata,
    unique_id=st.sampled_from(NAMES),
    set_id=st.sampled_from(("", "s")),
    version=st.integers(1, 2),
    replaces=st.sampled_from(("", *NAMES, "order")),
    confidentiality=st.sampled_from(("N", "MASQUE_PS")),
    issued_at=st.integers(0, 9).map(lambda n: NOW + n * MINUTE),
    aliases=st.sampled_from(((), ("order",))),
)
CANCELLATION = st.builds(
    Metadata,
    cancels=st.tuples(st.sampled_from((*NAMES, "order"))),
    issued_at=st.integers(0, 9).map(lambda n: NOW + n * MINUTE),
)
ARRIVALS = st.lists(
    st.one_of(METADATA.map(Arrival), CANCELLATION.map(Arrival)),
    min_size=2,
    max_size=5,
    unique_by=(lambda one: one.metadata.unique_id or repr(one), lambda one: one.metadata.issued_at),
)
COUNT = itertools.count(1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ARRIVALS, st.randoms(use_true_random=False))
def test_any_messages_in_any_order_end_alike(home: Home, what: list[Arrival], chance: object) -> None:
    again = list(what)
    chance.shuffle(again)  # type: ignore[attr-defined]
    first, second = (end(home, next(COUNT), tuple(order)) for order in (what, again))
    assert first == second
    searched = {name for name, (status, *_) in first.items() if status == "approved"}
    assert searched or all(gone for _, gone, _ in first.values()), "something that nobody withdrew must stand"
    assert not any(gone and status == "approved" for status, gone, _ in first.values())


def test_a_document_issued_after_its_cancellation_stands(home: Home) -> None:
    again = Arrival(replace(ORIGINAL.metadata, issued_at=NOW + 9 * MINUTE), ("corrigé",))
    for number, order in enumerate(itertools.permutations((ORIGINAL, CANCELS_1, again)), 1):
        found = end(home, number, order)
        assert [status for status, *_ in found.values()].count("approved") == 1
        assert found["d1/('corrigé',)"] == ("approved", False, False)


def test_the_cancellation_of_nothing_is_remembered_for_its_own_patient_only(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        arrive(home, tx, one, CANCELS_1, 0)
        other = arrive(home, tx, two, ORIGINAL, 1)
        mine = arrive(home, tx, one, ORIGINAL, 2)
        found = [documents.document_without_scope(tx, x) for x in (other, mine) if x is not None]
    assert [one.withdrawn for one in found if one is not None] == [False, True]


ALONE = Arrival(Metadata(unique_id="d1"), ("compte rendu",))
IN_A_MAIL = Arrival(Metadata(unique_id="d1"), ("allergie à la pénicilline", "compte rendu"))
IN_ANOTHER = Arrival(Metadata(unique_id="d1"), ("pour information", "compte rendu"))


@pytest.mark.parametrize("order", list(itertools.permutations((ALONE, IN_A_MAIL, IN_ANOTHER))))
def test_copies_fold_and_no_page_leaves_the_default_view(home: Home, order: tuple[Arrival, ...]) -> None:
    found = end(home, 1, order)
    standing = {name for name, (status, *_) in found.items() if status == "approved"}
    assert standing == {f"d1/{IN_A_MAIL.pages}", f"d1/{IN_ANOTHER.pages}"}


def test_the_same_report_three_ways_is_one_document_with_three_receipts(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        made: list[Document] = []
        for at, (origin, content) in enumerate((("mssante", b"1"), ("dmp", b"2"), ("upload", b"3"))):
            one = deposit(home, tx, who, content, at=NOW + at * MINUTE)
            for _ in range(2):  # sent again: the same receipt
                add(tx, one.document_id, who, Way(origin, "10009999999", "690020029"), NOW + at * MINUTE)
            documents.set_metadata(tx, one.document_id, Metadata(unique_id="d1"), Category.REPORT)
            document_pages.set_pages(tx, one.document_id, 1, (), texts=("texte",))
            documents.set_state(tx, one.document_id, DocumentState.SEARCHABLE, now=NOW)
            made.append(one)
        seen = [documents.document_without_scope(tx, one.document_id) for one in made]
        standing = [one for one in seen if one is not None and one.status == "approved"]
        assert len(standing) == 1
        inside = scope(who, excluded=[one.document_id for one in made if one.document_id != standing[0].document_id])
        ways = receipts(tx, inside, standing[0].document_id)
        assert [one.origin for one in ways] == ["mssante", "dmp", "upload"]
        assert receipts(tx, scope(who, excluded=[standing[0].document_id]), standing[0].document_id) == []


def test_of_a_hidden_document_only_its_own_receipts_are_told(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        carer = deposit(home, tx, who, b"1", hidden_from_patient=True)
        add(tx, carer.document_id, who, Way("mssante", "10009999999", ""), NOW)
        own = deposit(home, tx, who, b"1", by=who, at=NOW + MINUTE)
        add(tx, own.document_id, who, Way("own", who, ""), NOW + MINUTE)
        assert [one.origin for one in receipts(tx, scope(who, excluded=[carer.document_id]), own.document_id)] == [
            "own"
        ]


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(
    ("code", "field"),
    [
        ("MASQUE_PS", "masked"),
        ("N V", "masked"),
        ("INVISIBLE_PATIENT", "hidden_from_patient"),
        ("INVISIBLE_REPRESENTANTS_LEGAUX", "hidden_from_representatives"),
        ("CONNEXION_SECRETE", "hidden_from_representatives"),
    ],
)
def test_a_mask_that_arrives_with_one_version_masks_all(home: Home, code: str, field: str, late: bool) -> None:
    secret = Arrival(Metadata(unique_id="d2", replaces="d1", confidentiality=code))
    plain = Arrival(Metadata(unique_id="d1", confidentiality="N"))
    with home.records.write() as tx:
        who = patient(tx)
        made = [arrive(home, tx, who, one, at) for at, one in enumerate((plain, secret) if late else (secret, plain))]
        other = arrive(home, tx, who, Arrival(Metadata(unique_id="d9", confidentiality="N")), 3)
        found = [documents.document_without_scope(tx, one) for one in (*made, other) if one is not None]
    assert [getattr(one, field) for one in found] == [True, True, False]


@pytest.mark.parametrize(("code", "masked"), [("R", False), ("V", False), ("MASQUE_PS", True)])
def test_whether_restricted_documents_are_masked_is_a_setting(home: Home, code: str, masked: bool) -> None:
    with home.records.write() as tx:
        one = deposit(home, tx, patient(tx)).document_id
        stated = Metadata(confidentiality=code)
        documents.set_metadata(tx, one, stated, Category.REPORT, restricted_masks=False)
        found = documents.document_without_scope(tx, one)
    assert found is not None
    assert found.masked is masked


def test_reading_a_document_again_does_not_undo_what_a_person_did(home: Home) -> None:
    """A release that reads everything again must not hide from carers what its patient has opened to them."""
    asked = Metadata(unique_id="d1", confidentiality="MASQUE_PS")
    secret = replace(asked, confidentiality="MASQUE_PS CONNEXION_SECRETE")
    with home.records.write() as tx:
        one = arrive(home, tx, patient(tx), Arrival(asked), 0)
        assert one is not None
        masks.unmask(tx, one)
        documents.set_metadata(tx, one, asked, Category.REPORT)
        again = documents.document_without_scope(tx, one)
        documents.set_metadata(tx, one, secret, Category.REPORT)
        more = documents.document_without_scope(tx, one)
    assert again is not None
    assert more is not None
    assert not again.masked
    assert (more.masked, more.hidden_from_representatives) == (False, True), "what is new is asked for"


def test_a_replacement_that_is_not_read_yet_stands_beside_what_it_replaces(home: Home) -> None:
    """Also when both came in one instant: its sender must find what they just sent."""
    with home.records.write() as tx:
        for number in range(1, 9):  # which of two identifiers is the greater is chance
            who = patient(tx, number)
            first = deposit(home, tx, who, b"1").document_id
            documents.set_metadata(tx, first, Metadata(unique_id="d1"), Category.REPORT)
            documents.set_state(tx, first, DocumentState.SEARCHABLE, now=NOW)
            second = deposit(home, tx, who, b"2").document_id
            documents.set_metadata(tx, second, Metadata(unique_id="d2", replaces="d1"), Category.REPORT)
            found = [documents.document_without_scope(tx, one) for one in (first, second)]
            assert [one.status for one in found if one is not None] == ["approved", "approved"]


def test_what_was_recorded_before_senders_counted_holds(home: Home) -> None:
    """A withdrawal of whom nobody knows who said it, and a document whose set is not among its names."""
    with home.records.write() as tx:
        who = patient(tx)
        first = arrive(home, tx, who, Arrival(Metadata(unique_id="d1", set_id="s")), 0)
        assert first is not None
        row = tx.session.get_one(tables.Document, first)
        row.set_blind = blind(tx, who, "set", "s")
        names.record(tx, who, first, ("d1",), "")
        gone = blind(tx, who, "unique", "d9")
        tx.session.add(tables.Withdrawal(patient_id=who, name_blind=gone, document_id=names.BEFORE))
        tx.session.flush()
        second = arrive(home, tx, who, Arrival(Metadata(unique_id="d2", set_id="s", version=2)), 1)
        third = arrive(home, tx, who, Arrival(Metadata(unique_id="d9")), 2)
        made = [one for one in (first, second, third) if one is not None]
        found = [documents.document_without_scope(tx, one) for one in made]
    assert [(one.status, one.withdrawn) for one in found if one is not None] == [
        ("deprecated", False),
        ("approved", False),
        ("deprecated", True),
    ]


def test_what_completes_a_document_is_linked_and_both_stand(home: Home) -> None:
    addendum = Arrival(Metadata(unique_id="d3", appends="d1"))
    with home.records.write() as tx:
        who = patient(tx)
        after, first = arrive(home, tx, who, addendum, 0), arrive(home, tx, who, ORIGINAL, 1)
        assert first is not None
        assert after is not None
        inside = scope(who)
        assert appendices(tx, inside, after).completes == first
        assert appendices(tx, inside, first).completed_by == (after,)
        hidden = scope(who, excluded=[after])
        assert appendices(tx, hidden, first).completed_by == ()
        seen = [documents.document_without_scope(tx, one) for one in (after, first)]
    assert [one.status for one in seen if one is not None] == ["approved", "approved"]
