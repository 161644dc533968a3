"""Readings: whole, fenced, inside the Scope, and nothing left behind unseen."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from access.categories import Category
from records import document_pages, documents, jobs, readings
from records.content import Metadata, Page, Passage, Reading, Region, Section, Source, Word
from records.coverage import covered
from records.documents import Document, DocumentState
from records.fact import Fact, FactKind, FactSource, Quote
from records.fact_format import quoted
from records.reading_format import page_from_bytes, page_to_bytes, reading_from_bytes, reading_to_bytes
from tests.records.building import NOW, Home, deposit, patient, scope

LEASE = timedelta(minutes=5)
number = st.floats(0, 2000, allow_nan=False)
box = st.none() | st.tuples(number, number, number, number)
offsets = st.integers(0, 5000)
words = st.builds(Word, offsets, offsets, box, st.none() | st.floats(0, 1))
regions = st.builds(
    Region, offsets, offsets, st.sampled_from(Source), st.text(max_size=8), box, st.none() | st.floats(0, 1)
)
sections = st.builds(Section, offsets, offsets, st.text(max_size=8), st.text(max_size=8))
anything = st.text(st.characters(), max_size=40)  # lone surrogates and NUL too
facts = st.builds(Fact, st.sampled_from(FactKind), anything, st.just(Quote(1, 0, 0, "")), st.sampled_from(FactSource))
pages = st.builds(
    Page,
    number=st.integers(1, 99),
    text=anything,
    width=number,
    height=number,
    words=st.lists(words, max_size=3).map(tuple),
    regions=st.lists(regions, max_size=2).map(tuple),
    sections=st.lists(sections, max_size=2).map(tuple),
    unreadable=st.booleans(),
    note=anything,
    facts=st.lists(
        st.builds(Fact, st.sampled_from(FactKind), anything, st.just(Quote(1, 0, 0, "")), st.just(FactSource.OCR))
    ).map(tuple),
).map(quoted)
metadata = st.builds(
    Metadata,
    unique_id=anything,
    version=st.integers(),
    title=anything,
    event_date=st.none() | st.dates(),
    patient_ins=st.lists(st.tuples(anything, anything), max_size=2).map(tuple),
)
passages = st.builds(Passage, offsets, offsets, offsets, offsets, anything, anything)


@settings(max_examples=80)
@given(
    st.builds(
        Reading, st.lists(pages, max_size=3).map(tuple), metadata, st.lists(passages, max_size=3).map(tuple), anything
    )
)
def test_a_reading_comes_back_whole(reading: Reading) -> None:
    assert reading_from_bytes(reading_to_bytes(reading)) == reading
    for page in reading.pages:
        assert page_from_bytes(page_to_bytes(page)) == page


def test_a_page_of_before_facts_opens() -> None:
    page = Page(3, "Créatinine 90", note="n")
    body = json.loads(zlib.decompress(page_to_bytes(page)[2:]))
    body["page"] = body["page"][:9]
    assert page_from_bytes(page_to_bytes(page)[:2] + zlib.compress(json.dumps(body).encode())) == page


def of(text: str) -> Reading:
    return Reading(
        (Page(1, text), Page(2, "", unreadable=True)), passages=(Passage(0, 1, 0, len(text), text),), recipe="1"
    )


def claimed(home: Home, now_in_leases: int = 0) -> tuple[jobs.Job, Document]:
    with home.records.write() as tx:
        job = jobs.claim(tx, "w", NOW + now_in_leases * LEASE, LEASE)
        assert job is not None
        documents.set_state(tx, job.document_id, DocumentState.READING, fence=job.fence)
        document = documents.document_without_scope(tx, job.document_id)
        assert document is not None
    return job, document


def test_a_worker_that_lost_its_lease_does_not_touch_its_successors_reading(home: Home) -> None:
    with home.records.write() as tx:
        who = patient(tx)
        document_id = deposit(home, tx, who).document_id
        jobs.enqueue(tx, document_id, who, NOW)
    _, seen_by_old = claimed(home)
    job, seen_by_new = claimed(home, 1)
    readings.save_reading(home.blobs, seen_by_new, of("le bon"))
    readings.save_vectors(home.blobs, seen_by_new, "f", b"new")
    with home.records.write() as tx:
        assert readings.reading_without_scope(home.blobs, tx, document_id) is None
        assert readings.vectors_without_scope(home.blobs, tx, document_id, "f") is None
        document_pages.set_pages(tx, document_id, 2, [2], fence=job.fence)
    readings.save_reading(home.blobs, seen_by_old, of("le vieux"))
    readings.save_vectors(home.blobs, seen_by_old, "f", b"old")
    with home.records.read() as tx:
        assert readings.reading_without_scope(home.blobs, tx, document_id) == of("le bon")
        assert readings.vectors_without_scope(home.blobs, tx, document_id, "f") == b"new"
        assert readings.vectors_without_scope(home.blobs, tx, document_id, "g") is None


def read(home: Home, content: bytes = b"1") -> Document:
    with home.records.write() as tx:
        who = patient(tx, with_ins=False)
        document_id = deposit(home, tx, who, content).document_id
        jobs.enqueue(tx, document_id, who, NOW)
    job, document = claimed(home)
    readings.save_reading(home.blobs, document, of("texte"))
    readings.save_vectors(home.blobs, document, "f", b"123")
    with home.records.write() as tx:
        documents.set_metadata(tx, document_id, Metadata(), Category.REPORT, fence=job.fence)
        document_pages.set_pages(tx, document_id, 2, [2], fence=job.fence)
        documents.set_state(tx, document_id, DocumentState.SEARCHABLE, fence=job.fence, now=NOW)
        jobs.finish(tx, job)
        found = documents.document_without_scope(tx, document_id)
        assert found is not None
    return found


def test_a_reading_is_shown_inside_the_scope_only(home: Home) -> None:
    document, other = read(home), read(home, b"2")
    with home.records.read() as tx:
        assert readings.load_reading(home.blobs, tx, scope(document.patient_id), document.document_id) == of("texte")
        for wrong in (
            scope(other.patient_id),
            scope(document.patient_id, categories=frozenset({Category.BIOLOGY})),
            scope(document.patient_id, excluded=[document.document_id]),
            scope(),
        ):
            assert readings.load_reading(home.blobs, tx, wrong, document.document_id) is None
        assert covered(tx, scope(document.patient_id)).unreadable_pages == 1


def test_another_embedder_adds_vectors_to_the_reading_that_is(home: Home) -> None:
    document = read(home)
    readings.save_vectors(home.blobs, document, "g", b"456")
    with home.records.read() as tx:
        assert readings.vectors_without_scope(home.blobs, tx, document.document_id, "g") == b"456"
        assert readings.vectors_without_scope(home.blobs, tx, document.document_id, "f") == b"123"


def test_kept_pages_are_of_one_document_and_recipe(home: Home) -> None:
    document, other = read(home), read(home, b"2")
    for page in (Page(1, "un"), Page(3, "trois")):
        readings.save_page_checkpoint(home.blobs, document, "1", page)
    assert readings.kept_pages_without_scope(home.blobs, document, "1", 5) == {1, 3}
    assert readings.kept_page_without_scope(home.blobs, document, "1", 3) == Page(3, "trois")
    assert readings.kept_pages_without_scope(home.blobs, document, "2", 5) == set()
    assert readings.kept_pages_without_scope(home.blobs, other, "1", 5) == set()
    readings.drop_page_checkpoints(home.blobs, document, "1", [1, 3])
    assert readings.kept_pages_without_scope(home.blobs, document, "1", 5) == set()


def test_spare_blobs_are_those_that_nothing_refers_to(home: Home) -> None:
    document = read(home)
    with home.records.read() as tx:
        assert list(readings.spare_blobs_without_scope(home.blobs, tx, ["f"])) == []
    with home.blobs.create(document.patient_id, "upload") as writer:
        writer.write(b"never recorded")
        spare = {writer.commit()}
    spare.add(readings.save_page_checkpoint(home.blobs, document, "1", Page(1, "")))
    with home.records.read() as tx:
        assert set(readings.spare_blobs_without_scope(home.blobs, tx, ["f"])) == spare
        vectors = set(readings.spare_blobs_without_scope(home.blobs, tx, [])) - spare
    assert {ref.kind for ref in vectors} == {"vectors"}
