"""FHIR R4: coded lines in French, narratives, compositions, files, identity; JSON and XML say the same."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from access.refusal import Refusal
from records.content import Reading, StatedPatient
from tests.ingest import pdfs

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Choc <b>2016</b></p>'
             "<table><tr><td>10<sup>9</sup>/L</td><td>vu</td></tr></table></div>"},
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "verificationStatus": {"coding": [{"code": "refuted", "display": "Refuted"}]},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91936005", "display": "Pénicilline"}]},
    "criticality": "high",
    "patient": {"reference": "Patient/p"},
    "reaction": [{"manifestation": [{"text": "Urticaire"}], "severity": "severe"}],
}  # fmt: skip
HAEMOGLOBIN = {
    "resourceType": "Observation",
    "id": "h",
    "status": "preliminary",
    "code": {"text": "Hémoglobine", "coding": [{"system": "http://loinc.org", "code": "718-7"}]},
    "effectiveDateTime": "2024-05-09T08:15:00+02:00",
    "valueQuantity": {"value": 10.20, "unit": "g/dL"},
    "referenceRange": [{"low": {"value": 13, "unit": "g/dL"}, "high": {"value": 17, "unit": "g/dL"}}],
    "interpretation": [{"coding": [{"code": "L", "display": "Low"}]}],
    "component": [{"code": {"text": "VGM"}, "valueQuantity": {"value": 88, "unit": "fL"}}],
}
PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "185037512345641"}],
    "name": [{"use": "official", "family": "MARTIN", "given": ["Luc", "Paul"]}, {"use": "usual", "family": "DURAND"}],
    "gender": "male",
    "birthDate": "1985-03-12",
}


def _bundle(*resources: dict[str, Any], kind: str = "collection", **more: Any) -> bytes:
    entries = [{"fullUrl": f"urn:uuid:{n}", "resource": one} for n, one in enumerate(resources)]
    return json.dumps({"resourceType": "Bundle", "type": kind, **more, "entry": entries}).encode()


def _text(reading: Reading) -> str:
    return "\n".join(page.text for page in reading.pages)


def test_an_allergy_says_first_what_it_is_and_then_how_sure(read: Read) -> None:
    assert _text(read(json.dumps(ALLERGY).encode())).split("\n") == [
        "Allergies et intolérances",
        "Pénicilline (SNOMED 91936005) | statut clinique : actif | certitude : réfuté | criticité : élevée"
        " | réaction : manifestation Urticaire, gravité sévère",
        "Choc 2016",
        "10⁹/L | vu",
    ]


def test_a_result_is_one_line_and_figures_stay_as_written(read: Read) -> None:
    data = json.dumps(HAEMOGLOBIN).replace("10.2,", "10.20,").encode()
    lines = _text(read(data)).split("\n")
    assert lines[1] == (
        "Hémoglobine (LOINC 718-7) | 10.20 g/dL | réf. 13 g/dL - 17 g/dL | bas | préliminaire | 09/05/2024 08:15"
    )
    assert lines[2] == "- VGM | 88 fL"


def test_xml_says_the_same_as_json(read: Read) -> None:
    xml = """<Observation xmlns="http://hl7.org/fhir"><id value="h"/>
      <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Vu <b>ici</b></p></div></text>
      <status value="final"/><code><coding><system value="http://loinc.org"/><code value="718-7"/></coding>
      <text value="Hémoglobine"/></code><valueQuantity><value value="10.20"/><unit value="g/dL"/></valueQuantity>
      </Observation>"""
    assert _text(read(xml.encode())).split("\n") == [
        "Observations et résultats", "Hémoglobine (LOINC 718-7) | 10.20 g/dL", "Vu ici",
    ]  # fmt: skip


def test_a_document_is_read_section_by_section(read: Read) -> None:
    composition = {
        "resourceType": "Composition",
        "identifier": {"system": "urn:oid:1.2.3", "value": "S"},
        "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]},
        "title": "Synthèse",
        "date": "2024-05-10",
        "author": [{"display": "Dr Anne DURAND"}],
        "custodian": {"display": "CHU"},
        "confidentiality": "R",
        "relatesTo": [{"code": "replaces", "targetIdentifier": {"system": "urn:oid:1.2.3", "value": "D1"}}],
        "section": [
            {
                "title": "Allergies",
                "code": {"coding": [{"system": "http://loinc.org", "code": "48765-2"}]},
                "text": {"div": "<div>Récit de la section</div>"},
                "entry": [{"reference": "AllergyIntolerance/a"}],
            }
        ],
    }
    identity = {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3.4"}
    reading = read(_bundle(composition, ALLERGY, HAEMOGLOBIN, PATIENT, kind="document", identifier=identity))
    page = reading.pages[0]
    sections = [(one.title, one.code) for one in page.sections]
    assert sections == [("Allergies", "48765-2"), ("Patient", ""), ("Observations et résultats", "")]
    inside = page.text[page.sections[0].start : page.sections[0].end]
    assert inside.startswith("Allergies\nRécit de la section\nPénicilline (SNOMED 91936005)")
    assert page.text.count("Pénicilline") == 1
    stated = reading.metadata
    assert (stated.unique_id, stated.set_id, stated.replaces) == ("1.2.3.4", "1.2.3^S", "1.2.3^D1")
    assert (stated.type_code, stated.title, stated.author) == ("34133-9", "Synthèse", "Dr Anne DURAND")
    assert (stated.organization, stated.event_date) == ("CHU", date(2024, 5, 10))
    assert stated.confidentiality == "R"


def test_whose_it_is(read: Read) -> None:
    metadata = read(_bundle(PATIENT, HAEMOGLOBIN)).metadata
    assert metadata.patient_ins == (("185037512345641", "1.2.250.1.213.1.4.8"),)
    assert metadata.patients == (
        StatedPatient(
            identifiers=(("185037512345641", "1.2.250.1.213.1.4.8"),),
            birth_names=("MARTIN",),
            used_names=("DURAND",),
            given_names="Luc Paul",
            birth_date=date(1985, 3, 12),
            sex="M",
        ),
    )


def test_another_person_s_birth_is_not_written(read: Read) -> None:
    other = {"resourceType": "Practitioner", "name": [{"family": "HADDAD"}], "birthDate": "1970-01-01"}
    assert "1970" not in _text(read(_bundle(other, HAEMOGLOBIN)))


@pytest.mark.parametrize("where", ["DocumentReference", "DiagnosticReport", "Binary"])
def test_files_are_pages(read: Read, where: str) -> None:
    attachment = {"contentType": "application/pdf", "data": base64.b64encode(pdfs.pages(2)).decode()}
    resources = {
        "DocumentReference": {"description": "CR", "content": [{"attachment": attachment}]},
        "DiagnosticReport": {"code": {"text": "Scanner"}, "presentedForm": [attachment]},
        "Binary": attachment,
    }
    reading = read(json.dumps({"resourceType": where, **resources[where]}).encode())
    assert "Feuille 2." in reading.pages[-1].text
    assert reading.pages[-1].words[0].box is not None


def test_a_file_that_is_elsewhere_is_said_unread(read: Read) -> None:
    attachment = {"contentType": "application/pdf", "url": "https://ailleurs.test/cr.pdf"}
    reading = read(
        json.dumps(
            {"resourceType": "DocumentReference", "description": "CR", "content": [{"attachment": attachment}]}
        ).encode()
    )
    assert [page.unreadable for page in reading.pages] == [False, True]


def test_a_withdrawn_resource_says_so_first(read: Read) -> None:
    withdrawn = {**HAEMOGLOBIN, "status": "entered-in-error"}
    assert _text(read(json.dumps(withdrawn).encode())).split("\n")[1].startswith("[saisi par erreur] | Hémoglobine")


def test_unknown_resources_keep_their_narrative_and_are_reported(read: Read) -> None:
    claim = {"resourceType": "Claim", "total": {"value": 3}, "text": {"div": "<div>Soins du 3 mai</div>"}}
    reading = read(_bundle(claim, HAEMOGLOBIN))
    assert "Ressource Claim\nSoins du 3 mai" in _text(reading)
    assert reading.pages[0].note == "Ressources FHIR dont seul le texte est repris : Claim (1)."


def test_a_resource_for_software_only_is_no_document(refusal_of: Refused) -> None:
    refusal = refusal_of(b'{"resourceType": "Endpoint", "status": "active"}')
    assert refusal.code == "no-document"
    assert "Endpoint" in refusal.message


def test_lines_of_a_bulk_export(read: Read) -> None:
    data = "\n".join([json.dumps(HAEMOGLOBIN), json.dumps(ALLERGY)]).encode()
    assert {"Hémoglobine", "Pénicilline"} <= set(_text(read(data)).replace(" (", "\n").split("\n"))


@pytest.mark.parametrize("text", ['{"resourceType": "Patient"', '[1, {"resourceType": "a"}]'])
def test_damaged_json(refusal_of: Refused, text: str) -> None:
    assert refusal_of(text.encode()).code == "damaged-json"


def test_objects_in_objects_end(refusal_of: Refused) -> None:
    for deep in (300, 100_000):
        text = '{"resourceType": "Observation", "x": ' + '{"a":' * deep + "1" + "}" * deep + "}"
        assert refusal_of(text.encode()).code == "damaged-json"


@pytest.mark.parametrize("attachment", [{}, {"title": "CR"}, {"language": "fr", "creation": "2024-05-10"}])
def test_a_file_without_its_type_is_a_page(read: Read, attachment: dict[str, str]) -> None:
    data = base64.b64encode("Opéré".encode()).decode()
    reference = {"resourceType": "DocumentReference", "content": [{"attachment": {**attachment, "data": data}}]}
    assert read(json.dumps(reference).encode()).pages[-1].text == "Opéré"


def test_samples_and_signatures_are_no_files(read: Read) -> None:
    waves = {**HAEMOGLOBIN, "valueSampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1 2 E"}}
    signed = {"resourceType": "Provenance", "activity": {"text": "x"}, "signature": [{"who": {}, "data": "AAAA"}]}
    assert not any(page.unreadable for page in read(_bundle(waves, signed)).pages)


def test_why_a_section_is_empty_is_written(read: Read) -> None:
    section = {"title": "Allergies", "emptyReason": {"coding": [{"code": "nilknown"}]}}
    composition = {"resourceType": "Composition", "title": "Synthèse", "section": [section]}
    assert _text(read(_bundle(composition))).split("\n")[-2:] == ["Allergies", "aucun connu"]


def test_what_extensions_say_in_words_is_written(read: Read) -> None:
    one = {"url": "https://x.test/e", "valueString": "prélevé à jeun"}
    changed = {"url": "https://x.test/m", "valueString": "sous réserve"}
    observation = {"resourceType": "Observation", "code": {"text": "K"}, "valueString": "4", "extension": [one]}
    assert "K | 4 | précision : valeur sous réserve | prélevé à jeun" in _text(
        read(json.dumps({**observation, "modifierExtension": [changed]}).encode())
    )


def test_a_resource_whose_type_stands_after_a_long_narrative(read: Read) -> None:
    text = {"status": "generated", "div": "<div>" + "<p>Opéré</p>" * 9_000 + "</div>"}
    assert _text(read(json.dumps({"text": text, "resourceType": "Basic"}).encode())).count("Opéré") == 9_000
