"""What a reader sees of a passage: matched words, their boxes, the address of the picture; and readings kept open."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.identifiers import DocumentId, PatientId
from access.scope import Caller, CallerKind, Scope
from index.highlight import highlights, places_of
from index.port import Filters, Question
from index.question import build_question
from records import documents, readings
from records.content import Page, Passage, Reading, Word
from records.coverage import Coverage
from search_api import shelf as shelf_module
from search_api.coverage import LAST_WORD, NOTHING_FOUND, WORDS_ONLY, coverage_view
from search_api.shelf import OpenReading, Shelf, _opened
from search_api.show import MOST_BOXES, assertion_of, show, spans_of
from search_api.visit import Visit
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

PATIENT, DOCUMENT = PatientId("p" * 26), DocumentId("d" * 26)
TEXT = "Allergie à la pénicilline\nconnue. Kaliémie normale."


def a_page(text: str = TEXT, *, width: float = 595.0) -> Page:
    """Words of 50 units on two lines, the second from « connue. » on."""
    words, place = [], 0
    for number, written in enumerate(text.split()):
        start = text.index(written, place)
        place = start + len(written)
        line, column = (0, number) if number < 4 else (1, number - 4)
        box = (60.0 * column, 20.0 * line, 60.0 * column + 50.0, 20.0 * line + 12.0)
        words.append(Word(start, place, box if width else None))
    return Page(1, text, width, 842.0 if width else 0.0, tuple(words))


def opened(page: Page) -> OpenReading:
    passage = Passage(0, 1, 0, len(page.text), page.text, "Allergies")
    return _opened((DOCUMENT, 1), Reading((page,), passages=(passage,)))


def words_of(text: str) -> Question:
    return build_question(text, frozenset({"allergie", "penicilline", "kaliemie"})).question


def test_matched_words_are_highlighted_and_boxed() -> None:
    shown = show(Shelf(), opened(a_page()), 0, words_of("pénicilline kaliémie"), PATIENT)
    assert shown is not None
    assert [shown.text[start:end] for start, end in shown.highlights] == ["pénicilline", "Kaliémie"]
    assert shown.boxes == [(180.0, 0.0, 230.0, 12.0), (60.0, 20.0, 110.0, 32.0)]
    assert shown.page_url == (
        f"/v1/patients/{PATIENT}/documents/{DOCUMENT}/pages/1.png?boxes=180.0,0.0,230.0,12.0;60.0,20.0,110.0,32.0"
    )


def test_a_passage_found_by_meaning_alone_has_a_box_a_line() -> None:
    shown = show(Shelf(), opened(a_page()), 0, Question((), b"\x01"), PATIENT)
    assert shown is not None
    assert shown.highlights == []
    assert shown.boxes == [(0.0, 0.0, 230.0, 12.0), (0.0, 20.0, 170.0, 32.0)]


def test_a_page_without_picture_has_no_address() -> None:
    shown = show(Shelf(), opened(a_page(width=0.0)), 0, words_of("kaliémie"), PATIENT)
    assert shown is not None
    assert (shown.boxes, shown.page_url) == ([], None)


def test_a_passage_that_a_new_reading_has_no_more_is_not_shown() -> None:
    assert show(Shelf(), opened(a_page()), 1, words_of("kaliémie"), PATIENT) is None


def test_an_address_stays_short() -> None:
    shown = show(Shelf(), opened(a_page("allergie " * 500)), 0, words_of("allergie"), PATIENT)
    assert shown is not None
    assert len(shown.boxes) == 500
    assert shown.page_url is not None
    assert shown.page_url.count(";") == MOST_BOXES - 1
    assert len(shown.page_url) < 2000


@settings(max_examples=60)
@given(st.text("aé lergi-pnc23/,.\n", max_size=80), st.text("aé lergi-pnc23/", max_size=20))
def test_spans_from_the_shelf_are_the_highlights_of_the_text(text: str, query: str) -> None:
    question = build_question(query, frozenset()).question
    assert spans_of(places_of(text), question) == highlights(text, question)


def scope_of(world: World, rpps: str = DOCTOR) -> Scope:
    visit = Visit(
        world.services,
        Caller(CallerKind.PRACTITIONER, rpps, profession="médecin généraliste"),
        world.patients["marie"],
        "test",
        world.clock.now,
        "r",
    )
    with visit.record() as (_, scope):
        return scope


def test_a_reading_from_the_shelf_is_the_current_one(own_world: World) -> None:
    shelf, blobs, scope = Shelf(), own_world.services.blobs, scope_of(own_world)
    with own_world.services.records.read() as tx:
        document = documents.get_document(tx, scope, own_world.documents["lettre"])
        assert document is not None
        first = shelf.take(blobs, tx, scope, document)
        assert first is not None
        assert shelf.take(blobs, tx, scope, document) is first
        later = dataclasses.replace(document, reading_fence=99)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(readings, "reading_of", lambda *_: Reading((a_page(),)))
            newer = shelf.take(blobs, tx, scope, later)
        assert newer is not None
        assert newer is not first


def test_the_shelf_gives_nothing_outside_the_scope(own_world: World) -> None:
    shelf, blobs, scope = Shelf(), own_world.services.blobs, scope_of(own_world)
    with own_world.services.records.read() as tx:
        document = documents.get_document(tx, scope, own_world.documents["lettre"])
        assert document is not None
        assert shelf.take(blobs, tx, scope, document) is not None
        narrower = dataclasses.replace(scope, excluded=frozenset({document.document_id}))
        assert shelf.take(blobs, tx, narrower, document) is None
        assert shelf.take(blobs, tx, dataclasses.replace(scope, identities=frozenset()), document) is None


def test_the_shelf_is_bounded(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_module, "MOST_PAGES", 2)
    monkeypatch.setattr(shelf_module, "MOST_ANALYSED", 1)
    shelf, blobs, scope = Shelf(), own_world.services.blobs, scope_of(own_world)
    with own_world.services.records.read() as tx:
        for document in documents.list_documents(tx, scope):
            reading = shelf.take(blobs, tx, scope, document)
            assert reading is not None
            shelf.places(reading, 0)
    assert len(shelf._readings) == 2
    assert len(shelf._places) == 1


def test_a_notice_says_everything_that_was_not_searched() -> None:
    counted = Coverage(5, 1, 2, 1, 3, date(2020, 1, 1), date(2026, 1, 1))
    filters = Filters(frozenset({"11502-2"}), date(2025, 1, 2))
    view = coverage_view(counted, filters, [WORDS_ONLY], unshown=2)
    assert view.notice == (
        f"{NOTHING_FOUND} 2 documents contiennent pourtant un mot de la question ; précisez-la. "
        "1 document reçu n'est pas encore lu. 3 pages n'ont pas pu être lues. "
        "1 document a été refusé. 2 documents attendent en quarantaine. "
        "Un filtre est en vigueur : type : Compte rendu d'examens biologiques (11502-2) ; à partir du 02/01/2025. "
        "Les documents sans date sont écartés par le filtre de dates. "
        "La recherche s'est faite par mots seulement : des formulations différentes ont pu échapper. "
        f"{LAST_WORD}"
    )
    assert coverage_view(Coverage(), Filters(), []).notice == LAST_WORD


@pytest.mark.parametrize(
    ("text", "matched", "stated"),
    [
        ("TRAITEMENT\nAucun anticoagulant.", ("TRAITEMENT", "anticoagulant"), "absent"),
        ("Traitement : aucun anticoagulant.", ("Traitement", "anticoagulant"), "absent"),
        ("TRAITEMENT\nEliquis. Aucun antiagrégant.", ("TRAITEMENT", "Eliquis", "antiagrégant"), "present"),
        ("Traitement : aucun", ("Traitement",), "absent"),
        ("Traitement : Eliquis", ("Traitement",), "present"),
        ("Allergies : pénicilline.\nPas d'asthme.", ("Allergies", "asthme"), "present"),
        ("Pénicillines : anaphylaxie. Latex : tests négatifs.", ("anaphylaxie", "Latex"), "absent"),
        ("Allergie à l'iode. Pas d'allergie au latex.", ("Allergie", "latex"), "absent"),
        ("Allergie à l'iode. Pas d'allergie au latex.", ("Allergie", "iode", "latex"), "present"),
        ("Urticaire sous pénicilline. Pas de réaction au latex.", ("pénicilline", "latex"), "present"),
        ("Allergies : latex (urticaire).", ("Allergies", "latex"), "present"),
    ],
)
def test_what_a_passage_says_of_the_words_found(text: str, matched: tuple[str, ...], stated: str) -> None:
    spans = tuple((text.index(word), text.index(word) + len(word)) for word in matched)
    assert assertion_of(text, spans) == stated
