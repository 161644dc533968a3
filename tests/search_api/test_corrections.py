"""A person corrects a page: found by the new words and not by the old, told, versioned, only by whom it is for."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from index.embedders.none import NoEmbedder
from ingest.correct import corrected
from records import document_pages, documents, readings, tables
from records.content import Page, Reading, Region, Section, Source, Word
from records.corrections import corrections
from records.fact import Fact, FactKind, FactSource, Quote
from tests.records.building import scope
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World

OLD = "Allergie à la pénici11ine\nTension normale"
NEW = "Allergie à la pénicilline\nTension normale"


def url(world: World, number: int = 1, name: str = "lettre") -> str:
    return world.url("marie", f"/documents/{world.documents[name]}/pages/{number}/text")


def put(world: World, text: str, version: int, who: str = TRAITANT, number: int = 1) -> tuple[int, dict[str, object]]:
    answer = world.http.put(url(world, number), json={"text": text, "version": version}, headers=world.bearer(who))
    return answer.status_code, answer.json()


def found(world: World, query: str) -> set[str]:
    hits = world.search(query, world.bearer(TRAITANT), mode="words").json()["hits"]
    return {hit["document"]["id"] for hit in hits}


def test_a_corrected_page_is_found_by_its_new_text_only_and_says_so(own_world: World) -> None:
    lettre = own_world.documents["lettre"]
    assert found(own_world, "xanthome") == set()
    status, said = put(own_world, "Lettre de liaison.\n\nLe patient présente un xanthome éruptif.", 0)
    assert (status, said["version"], said["corrected_by"]) == (200, 1, f"Dr {TRAITANT}")
    own_world.work()
    assert found(own_world, "xanthome") == {lettre}
    assert lettre not in found(own_world, "enfance")
    (hit,) = own_world.search("xanthome", own_world.bearer(TRAITANT)).json()["hits"]
    assert hit["passages"][0]["corrected_by"] == f"Dr {TRAITANT}"
    read = own_world.http.get(url(own_world), headers=own_world.bearer(DOCTOR)).json()
    assert (read["version"], read["corrected_by"]) == (1, f"Dr {TRAITANT}")
    assert "xanthome" in read["text"]


def test_every_text_is_kept_with_who_and_when(own_world: World) -> None:
    before = own_world.http.get(url(own_world), headers=own_world.bearer(TRAITANT)).json()
    assert (before["version"], before["corrected_by"]) == (0, None)
    put(own_world, "premier", 0)
    own_world.work()
    put(own_world, "second", 1)
    own_world.work()
    with own_world.services.records.read() as tx:
        inside = scope(own_world.patients["marie"])
        kept = corrections(tx, inside, own_world.documents["lettre"], 1)
        assert corrections(tx, scope(own_world.patients["paul"]), own_world.documents["lettre"], 1) == []
    assert [(one.version, one.before, one.after, one.by) for one in kept] == [
        (1, before["text"], "premier", TRAITANT),
        (2, "premier", "second", TRAITANT),
    ]
    journal = own_world.http.get(own_world.url("marie", "/journal"), headers=own_world.as_patient("marie")).json()
    assert [one["action"] for one in journal["entries"]].count("correct-page") == 2


def test_a_correction_of_a_text_that_was_not_seen_is_refused(own_world: World) -> None:
    assert put(own_world, "premier", 0)[0] == 200
    own_world.work()
    status, said = put(own_world, "autre", 0)
    assert (status, said["code"]) == (409, "page-changed")
    own_world.http.put(url(own_world), json={"text": "x", "version": 1}, headers=own_world.bearer(TRAITANT))
    status, said = put(own_world, "pendant la relecture", 2)
    assert (status, said["code"]) == (409, "not-finished")


@pytest.mark.parametrize(
    ("who", "status"),
    [(TRAITANT, 200), (DOCTOR, 403), (STRANGER, 403), (BIOLOGIST, 404)],
)
def test_who_may_correct(own_world: World, who: str, status: int) -> None:
    patient = own_world.http.put(
        url(own_world), json={"text": "x", "version": 0}, headers=own_world.as_patient("marie")
    )
    assert patient.status_code == 403
    assert put(own_world, "texte", 0, who)[0] == status


def test_who_deposited_it_or_their_establishment_may(own_world: World) -> None:
    for column in ({"deposited_by": DOCTOR}, {"deposited_by": "x", "deposited_for": "750000001"}):
        with own_world.services.records.write() as tx:
            at = tables.Document.document_id == own_world.documents["lettre"]
            tx.session.execute(update(tables.Document).where(at).values(**column))
        version = own_world.http.get(url(own_world), headers=own_world.bearer(DOCTOR)).json()["version"]
        assert put(own_world, "texte", version, DOCTOR)[0] == 200
        own_world.work()


def test_a_page_that_is_not_there(own_world: World) -> None:
    assert put(own_world, "x", 0, number=9)[0] == 404


def test_an_unreadable_page_becomes_readable_in_coverage(own_world: World) -> None:
    lettre = own_world.documents["lettre"]
    with own_world.services.records.write() as tx:
        document = documents.document_without_scope(tx, lettre)
        assert document is not None
        document = dataclasses.replace(document, reading_fence=document.fence)
        readings.save_reading(
            own_world.services.blobs, document, Reading((Page(1, "", 100, 100, unreadable=True, note="flou"),))
        )
        document_pages.set_pages(tx, lettre, 1, [1], notes={"flou": [1]}, fence=document.fence)
    card = own_world.url("marie", f"/documents/{lettre}")
    told = own_world.http.get(card, headers=own_world.bearer(TRAITANT)).json()["notes"]
    assert told == [{"pages": [1], "message": "flou"}]
    assert own_world.search("rien", own_world.bearer(TRAITANT)).json()["coverage"]["unreadable_pages"] == 1
    assert put(own_world, "Allergie au latex, xanthome", 0)[0] == 200
    own_world.work()
    assert own_world.search("rien", own_world.bearer(TRAITANT)).json()["coverage"]["unreadable_pages"] == 0
    assert own_world.http.get(card, headers=own_world.bearer(TRAITANT)).json()["notes"] == []
    assert found(own_world, "xanthome") == {lettre}


def page(text: str) -> Page:
    words, at = [], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        words.append(Word(start, at, (float(number), 0.0, float(number) + 1, 1.0), 0.5))
    head = text.index("\n")
    sections = (Section(0, head, "Allergies"), Section(head + 1, len(text), "Examen"))
    return Page(1, text, 100, 100, tuple(words), (Region(0, len(text), Source.OCR, "t"),), sections)


def test_words_keep_their_boxes_and_sections_their_words() -> None:
    new = corrected(Reading((page(OLD),)), 1, NEW, "Dr X", NoEmbedder()).pages[0]
    assert [word.box for word in new.words] == [word.box for word in page(OLD).words]
    assert [(one.title, new.text[one.start : one.end]) for one in new.sections] == [
        ("Allergies", "Allergie à la pénicilline"),
        ("Examen", "Tension normale"),
    ]
    assert [(one.source, one.reader) for one in new.regions] == [(Source.PERSON, "Dr X")]
    longer = corrected(Reading((page(OLD),)), 1, "ajout " + NEW + " depuis", "Dr X", NoEmbedder()).pages[0]
    assert [word.box is None for word in longer.words] == [True, *[False] * 6, True]


@given(st.text(max_size=200))
def test_any_text_is_kept_but_for_controls_and_its_offsets_hold(text: str) -> None:
    reading = corrected(Reading((page(OLD),)), 1, text, "Dr X", NoEmbedder())
    (new,) = reading.pages
    assert all(0 <= one.start <= one.end <= len(new.text) for one in (*new.words, *new.regions, *new.sections))
    assert " ".join(passage.text for passage in reading.passages).split() == new.text.split() or not new.text.strip()
    assert all(new.text[one.start : one.end] == one.text for one in reading.passages)


def told(world: World) -> dict[str, str]:
    answer = world.http.get(world.url("marie", "/facts"), headers=world.bearer(TRAITANT)).json()
    return {each["label"].lower(): each["assertion"] for each in answer["facts"] if each["kind"] == "allergy"}


def test_a_corrected_page_tells_the_facts_of_its_new_text(own_world: World) -> None:
    """What was misread is told no more, and what it says instead is."""
    assert any("pénicilline" in label for label in told(own_world))
    put(own_world, "Lettre de liaison.\n\nLe patient présente une allergie au latex.", 0)
    own_world.work()
    labels = told(own_world)
    assert any("latex" in label for label in labels)
    assert not any("pénicilline" in label for label in labels)


def test_the_fact_of_an_entry_outlives_a_correction_over_its_words() -> None:
    fact = Fact(FactKind.ALLERGY, "Pénicilline", Quote(1, 12, 23, "pénicilline"), FactSource.STRUCTURED)
    page = Page(1, "Allergie à pénicilline", facts=(fact,))
    reading = Reading((page,))
    moved = corrected(reading, 1, "Une allergie : pénicilline", "Dr A", NoEmbedder()).pages[0].facts
    assert [(each.quote.start, each.quote.text) for each in moved] == [(15, "pénicilline")]
    gone = corrected(reading, 1, "Rien", "Dr A", NoEmbedder()).pages[0].facts
    assert [(each.label, each.quote.text) for each in gone] == [("Pénicilline", "")]
