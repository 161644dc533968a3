"""The emergency card over HTTP: inside the Scope, journalled, without index or model, each line opening its page."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from PIL import ImageChops
from sqlalchemy import text
from starlette.testclient import TestClient

from access.identifiers import DocumentId
from index.embedders.none import NoEmbedder
from records import journal, readings
from records.fact import Assertion, FactKind, FactSource, Quantity, Quote
from search_api.app import create_app
from search_api.cards import warm
from search_api.services import ServingIndex
from tests.clinical.telling import LOINC, allergy, medicine, result, tell
from tests.records.building import scope
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.telling import lines, say, texts
from tests.search_api.test_pages import WORD, a_pdf, picture, uploaded
from tests.search_api.test_service import DownGenerations
from tests.search_api.world import World

LAST = "Liste possiblement incomplète: demander au patient, à ses proches."


def card(world: World, who: str = DOCTOR, patient: str = "marie", suffix: str = "") -> Any:
    return world.http.get(world.url(patient, "/emergency" + suffix), headers=world.bearer(who))


@pytest.fixture
def told(own_world: World) -> World:
    """The letter tells an allergy, the prescription a medicine, the panel results; two hidden documents tell too."""
    world = own_world
    say(world, "lettre", allergy("Pénicilline", details={"reaction": "anaphylaxie"}), medicine("Eliquis 5 mg"))
    say(world, "ordonnance", allergy("Pénicilline", Assertion.ABSENT, quote="pas d'allergie à la pénicilline"))
    say(
        world,
        "bilan",
        result("Créatinine", "1,2", "mg/dL", range_text="0,5 – 0,9"),
        result("Créatinine", "118", "umol/L", number="118", codes=[(LOINC, "14682-9")], start="2024-03-01"),
        result("Potassium", "4,4", ""),
    )
    say(world, "vih", tell(FactKind.CONDITION, "Immunodépression par le VIH"), medicine("Prezista"))
    say(world, "biopsie", tell(FactKind.CONDITION, "Épilepsie secondaire"), medicine("Kardégic 75"))
    return world


def test_every_line_names_its_source(told: World) -> None:
    found = card(told).json()
    assert found["last_line"] == LAST
    assert [section["key"] for section in found["sections"]][:4] == [
        "identity",
        "directives",
        "allergies",
        "antithrombotics",
    ]
    allergies = lines(found, "allergies")
    assert [(line["assertion"], line["contradicted"]) for line in allergies] == [("present", True), ("absent", True)]
    source = allergies[0]["source"]
    assert (source["document_id"], source["page"], source["document"]) == (
        told.documents["lettre"],
        1,
        "Lettre de sortie",
    )
    assert (allergies[0]["date"], allergies[0]["certainty"]) == ("2024-05-02", "lu dans le texte")
    assert "non confirmé depuis le 02/05/2024" in lines(found, "antithrombotics")[0]["remarks"]
    assert all(line["source"] for section in found["sections"][1:] for line in section["lines"])


def test_an_empty_section_says_what_was_read(told: World) -> None:
    found = card(told).json()
    empty = {section["key"]: section["empty"] for section in found["sections"]}
    assert empty["implants"] == "4 documents lus, du 02/05/2024 au 20/02/2026; aucune mention"
    assert empty["allergies"] == ""
    assert found["read"]["documents"] == 4


def test_what_is_hidden_changes_nothing_not_even_the_number_of_documents_read(told: World) -> None:
    doctor, traitant, herself = (
        card(told).json(),
        card(told, TRAITANT).json(),
        told.http.get(told.url("marie", "/emergency"), headers=told.as_patient("marie")).json(),
    )
    assert doctor["read"]["documents"] == 4
    assert traitant["read"]["documents"] == 5
    assert texts(doctor, "conditions") == ["Épilepsie secondaire"]
    assert texts(traitant, "conditions") == ["Épilepsie secondaire", "Immunodépression par le VIH"]
    assert texts(herself, "conditions") == ["Immunodépression par le VIH"]
    assert "Kardégic" not in str(herself)
    assert card(told, BIOLOGIST).json()["read"]["documents"] == 2
    assert texts(card(told, BIOLOGIST).json(), "allergies") == []


def test_a_stranger_and_nobody_get_the_same_door(told: World) -> None:
    real, none = card(told, STRANGER), card(told, DOCTOR, patient="q" * 26)
    assert real.status_code == none.status_code == 403
    assert real.content == none.content
    for path in ("/observations", "/immunizations"):
        assert told.http.get(told.url("marie", path), headers=told.bearer(STRANGER)).status_code == 403


def test_the_documents_shown_are_journalled_before_the_answer(told: World) -> None:
    card(told)
    with told.services.records.read() as tx:
        entry = journal.entries_for_audit_without_scope(tx, told.patients["marie"], 1)[0]
    assert (entry.action, entry.outcome, entry.caller) == ("emergency", "granted", DOCTOR)
    assert set(entry.documents) == {told.documents[name] for name in ("lettre", "ordonnance", "bilan", "biopsie")}


def test_the_index_stopped_and_no_model_change_nothing(told: World) -> None:
    before = card(told).json()
    down = ServingIndex(DownGenerations(), lambda: None)  # type: ignore[arg-type]
    services = dataclasses.replace(told.services, index=down, embedder=NoEmbedder())
    shutil.rmtree(told.home / "index")
    with TestClient(create_app(services)) as http:
        assert (
            http.post(told.url("marie", "/search"), json={"query": "allergie"}, headers=told.bearer(DOCTOR)).status_code
            == 503
        )
        assert http.get(told.url("marie", "/emergency"), headers=told.bearer(DOCTOR)).json() == before


def locked_journal(world: World, locked: bool) -> None:
    """The journal's table takes no row, or takes them again."""
    with world.services.records.write() as tx:
        tx.session.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
                if locked
                else "DROP TRIGGER full"
            )
        )


def test_a_journal_away_lets_the_card_alone_out_by_the_spool(told: World) -> None:
    before = card(told).json()
    locked_journal(told, locked=True)
    answer = card(told)
    assert (answer.status_code, answer.json()["sections"]) == (200, before["sections"])
    assert told.search("allergie", told.bearer(DOCTOR)).json()["code"] == "journal-unavailable"
    assert card(told, STRANGER).json()["code"] == "journal-unavailable"
    observations = told.http.get(told.url("marie", "/observations"), headers=told.bearer(DOCTOR))
    assert observations.json()["code"] == "journal-unavailable"

    locked_journal(told, locked=False)
    assert told.services.spool is not None
    assert told.services.spool.drain(told.services.records) == 1
    with told.services.records.read() as tx:
        late, whole = journal.entries_for_audit_without_scope(tx, told.patients["marie"], 2)
        assert journal.verify(tx) == []
    assert (late.action, late.outcome, late.caller, late.at, late.detail) == (
        "emergency", "granted", DOCTOR, told.clock.now, "journal-spool",
    )  # fmt: skip
    assert set(late.documents) == set(whole.documents) != set()


def test_a_card_that_neither_journal_nor_spool_can_hold_is_not_shown(told: World) -> None:
    locked_journal(told, locked=True)
    (told.home / "journal.spool").unlink()
    answer = card(told)
    assert (answer.status_code, answer.json()["code"]) == (503, "journal-unavailable")
    without = dataclasses.replace(told.services, spool=None)
    with TestClient(create_app(without)) as http:
        assert http.get(told.url("marie", "/emergency"), headers=told.bearer(DOCTOR)).status_code == 503


def test_new_facts_show_at_once_and_erased_ones_go(told: World) -> None:
    assert texts(card(told).json(), "implants") == []
    say(told, "bilan", tell(FactKind.IMPLANT, "Pacemaker double chambre"))
    assert texts(card(told).json(), "implants") == ["Pacemaker double chambre"]
    say(told, "bilan")
    assert texts(card(told).json(), "implants") == []
    told.describe("lettre", "11490-0", date(2025, 6, 1), "Autre titre")
    line = lines(card(told).json(), "allergies")[0]
    assert (line["date"], line["source"]["document"]) == ("2025-06-01", "Autre titre")


def test_masking_acts_on_the_next_card(told: World) -> None:
    assert texts(card(told).json(), "allergies") != []
    told.hide("lettre", masked=True)
    assert [line["assertion"] for line in lines(card(told).json(), "allergies")] == ["absent"]


def test_the_source_opens_the_page_with_the_words_boxed(told: World) -> None:
    document = uploaded(told, a_pdf())
    told.documents["pdf"] = DocumentId(document)
    with told.services.records.read() as tx:
        inside = scope(told.patients["marie"])
        reading = readings.load_reading(told.services.blobs, tx, inside, DocumentId(document))
    assert reading is not None
    start = reading.pages[1].text.index(WORD)
    fact = dataclasses.replace(
        tell(FactKind.IMPLANT, "stimulateur cardiaque").fact, quote=Quote(2, start, start + len(WORD), WORD)
    )
    say(told, "pdf", fact)
    address = lines(card(told).json(), "implants")[0]["source"]["page_url"]
    quoted, plain = picture(told, address), picture(told, address.partition("?")[0])
    box = ImageChops.difference(quoted, plain).getbbox()
    assert box is not None
    assert box[3] - box[1] < 80, "one line of words"


def test_observations_are_series_with_original_and_converted_values(told: World) -> None:
    url = told.url("marie", "/observations")
    found = told.http.get(url, headers=told.bearer(DOCTOR)).json()
    creatinine, potassium = found["series"]
    assert (creatinine["analyte"], creatinine["unit"]) == ("créatinine", "umol/L")
    first, second = creatinine["points"]
    assert (first["date"], first["value"], first["original"], first["certainty"]) == (
        "2024-03-01",
        "118",
        "118",
        "donnée structurée",
    )
    assert (second["original"], second["original_unit"], second["value"]) == ("1,2", "mg/dL", "106.082")
    assert (second["low"], second["high"]) == ("44.2008", "79.5615")
    assert potassium["points"][0]["value"] is None
    assert "unité non précisée" in potassium["points"][0]["remarks"][0]


FILTERS = [
    ("?analyte=cr%C3%A9at", [2]),
    ("?analyte=kali", [1]),
    ("?analyte=INR", []),
    ("?since=2025-01-01", [1, 1]),
    ("?analyte=creatinine&until=2024-12-31", [1]),
]


@pytest.mark.parametrize(("suffix", "points"), FILTERS)
def test_observations_narrow(told: World, suffix: str, points: list[int]) -> None:
    found = told.http.get(told.url("marie", "/observations" + suffix), headers=told.bearer(DOCTOR)).json()
    assert [len(series["points"]) for series in found["series"]] == points


def test_observations_tell_only_what_the_scope_holds(told: World) -> None:
    say(told, "vih", tell(FactKind.LAB_RESULT, "Charge virale", value=Quantity("20", Decimal(20), unit="copies/mL")))
    names = {
        who: [
            series["analyte"]
            for series in told.http.get(told.url("marie", "/observations"), headers=told.bearer(who)).json()["series"]
        ]
        for who in (DOCTOR, TRAITANT)
    }
    assert "Charge virale" not in names[DOCTOR]
    assert "Charge virale" in names[TRAITANT]


def test_immunizations_are_done_due_or_unknown_with_their_proofs(told: World) -> None:
    dose = tell(FactKind.IMMUNIZATION, "Revaxis", start="2010-05-01", source=FactSource.STRUCTURED)
    say(told, "lettre", dose)
    found = told.http.get(told.url("marie", "/immunizations"), headers=told.bearer(DOCTOR)).json()
    tetanus = found["vaccines"][0]
    assert (tetanus["vaccine"], tetanus["status"]) == ("diphtérie, tétanos, poliomyélite", "done")
    assert tetanus["doses"][0]["source"]["document_id"] == told.documents["lettre"]
    assert {each["status"] for each in found["vaccines"] if not each["doses"]} == {"unknown"}
    assert found["last_line"] == LAST


def asked(world: World, query: str, who: str = DOCTOR, **body: Any) -> Any:
    answer = world.search(query, world.bearer(who), **body)
    assert answer.status_code == 200, answer.text
    return answer.json()["values"]


def test_a_question_about_a_value_is_answered_beside_the_passages(told: World) -> None:
    """1.2 mg/dL is 106 µmol/L; a result without a date of its own has its document's."""
    (above,) = asked(told, "créatinine > 110 µmol/L")
    assert above["analyte"] == "créatinine"
    assert [(point["original"], point["original_unit"]) for point in above["points"]] == [("118", "umol/L")]
    assert "> 110 umol/L" in above["understood"]
    (both,) = asked(told, "créatinine > 100 µmol/L")
    assert (both["total"], len(both["points"])) == (2, 2)
    (last,) = asked(told, "dernière créatinine")
    assert [(point["original"], point["date"]) for point in last["points"]] == [("1,2", "2025-01-09")]
    assert asked(told, "créatinine élevée") == asked(told, "allergie") == []


def test_values_are_of_the_scope_and_journalled_with_it(told: World) -> None:
    """Whoever may not see the panel is told of none of its results; who is, is journalled with it."""
    assert asked(told, "créatinine > 100 µmol/L", TRAITANT)[0]["total"] == 2
    told.revoke("doctor", "marie")
    told.grant("reports", "marie", DOCTOR, categories=frozenset({"report"}))
    assert asked(told, "créatinine > 100 µmol/L", DOCTOR) == []
    asked(told, "créatinine > 100 µmol/L", BIOLOGIST)
    with told.services.records.read() as tx:
        entry = journal.entries_for_audit_without_scope(tx, told.patients["marie"], 1)[0]
    assert told.documents["bilan"] in entry.documents


def test_values_are_off_with_the_results(told: World) -> None:
    services = dataclasses.replace(told.services, off=frozenset({"observations"}))
    with TestClient(create_app(services)) as http:
        answer = http.post(
            told.url("marie", "/search"), json={"query": "dernière créatinine"}, headers=told.bearer(DOCTOR)
        )
    assert answer.json()["values"] == []


def test_what_is_warmed_at_the_start_is_nobodys_and_shows_nothing(told: World) -> None:
    before = card(told).json()
    with told.services.records.read() as tx:
        length = journal.anchor(tx).length
    warm(told.services.records, told.clock.now)
    assert card(told).json() == before
    with told.services.records.read() as tx:
        assert journal.anchor(tx).length == length + 1, "the card's own entry, and none of warming"
