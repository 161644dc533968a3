"""HL7 v2 and FHIR of ../shared/data: every clinical segment and resource is a fact, by naive splitting and by JSON.

The French messages carry their results in CDA documents inside OBX-5: those are counted by XPath.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from access.refusal import Refusal
from records.content import Reading
from records.fact import FactKind, FactSource
from tests.ingest.test_cda_facts_real import _expected, _missed

pytestmark = pytest.mark.realdata
Read = Callable[..., Reading]
Row = tuple[str, str, str, str]
"""(kind, code or text, value, unit)"""
SEGMENTS = {
    "AL1": ("allergy", 3),
    "IAM": ("allergy", 3),
    "DG1": ("problem", 3),
    "PRB": ("problem", 3),
    "RXO": ("medication", 1),
    "RXE": ("medication", 2),
    "RXA": ("medication", 5),
}
KINDS = {
    FactKind.ALLERGY: "allergy",
    FactKind.INTOLERANCE: "allergy",
    FactKind.CONDITION: "problem",
    FactKind.MEDICATION: "medication",
    FactKind.IMMUNIZATION: "medication",
    FactKind.LAB_RESULT: "result",
    FactKind.VITAL_SIGN: "result",
    FactKind.BLOOD_GROUP: "result",
    FactKind.PREGNANCY: "result",
}
RESOURCES = {
    "AllergyIntolerance": {FactKind.ALLERGY, FactKind.INTOLERANCE},
    "Condition": {FactKind.CONDITION},
    "Immunization": {FactKind.IMMUNIZATION},
    "Procedure": {FactKind.PROCEDURE},
    "MedicationRequest": {FactKind.MEDICATION},
    "MedicationStatement": {FactKind.MEDICATION},
    "MedicationAdministration": {FactKind.MEDICATION},
    "Encounter": {FactKind.ENCOUNTER},
}


def _documents(text: str) -> Iterator[etree._Element]:
    """The structured CDA documents in base64 anywhere in a message."""
    for found in re.findall(r"Base64\^([A-Za-z0-9+/=\s]{200,})", text):
        try:
            root = etree.fromstring(base64.b64decode("".join(found.split())))
        except (etree.XMLSyntaxError, ValueError):
            continue
        if root.find(".//{urn:hl7-org:v3}structuredBody") is not None:
            yield root


def test_results_inside_french_messages_are_facts(read: Read, shared_data: Path) -> None:
    messages = expected = 0
    for file in sorted((shared_data / "hl7v2_fr_ansforge").rglob("*")):
        if file.suffix not in (".hl7", ".er7"):
            continue
        roots = list(_documents(file.read_text("utf-8", "replace")))
        rows = [row for root in roots for row in _expected(root)]
        if not rows:
            continue
        reading = read(file.read_bytes(), file.name)
        if reading.metadata.cancels and not reading.pages:  # a message that cancels a document brings none
            continue
        whole = etree.Element("all")
        whole.extend(roots)
        missed, extra, count = _missed(reading, whole)
        assert (file.name, missed, extra) == (file.name, [], [])
        messages, expected = messages + 1, expected + count
    assert (messages, expected) == (2, 128)


def _segments(text: str) -> Iterator[Row]:
    for line in re.split(r"[\r\n]+", text):
        fields = line.split("|")
        if fields[0] in SEGMENTS and len(fields) > SEGMENTS[fields[0]][1]:
            kind, place = SEGMENTS[fields[0]]
            coded = fields[place].split("~")[0].split("^")
            if any(coded[:2]) and not (fields[0] == "PRB" and fields[1] == "DE"):
                yield kind, coded[0] or coded[1], "", ""
        elif fields[0] == "OBX" and len(fields) > 5 and fields[2] == "NM" and fields[5] not in ("", '""'):
            fields += [""] * 12
            if fields[11] not in ("D", "W"):
                yield "result", fields[3].split("^")[0], fields[5].replace("~", " ; "), fields[6].split("^")[0]


def test_every_segment_is_a_fact(read: Read, shared_data: Path) -> None:
    counted: Counter[str] = Counter()
    missed: list[tuple[str, Row]] = []
    for folder in ("hl7v2_misc", "fhir_converter_samples/Hl7v2"):
        for file in sorted((shared_data / folder).rglob("*")):
            text = file.read_text("utf-8", "replace") if file.is_file() else ""
            if text.count("MSH|^~\\&|") != 1:
                continue
            try:
                reading = read(file.read_bytes(), file.name)
            except Refusal:
                continue
            told = [fact for page in reading.pages for fact in page.facts if fact.source is FactSource.STRUCTURED]
            said = Counter(
                (KINDS[fact.kind], fact.codes[0].code if fact.codes else fact.label, *_value(fact.value))
                for fact in told
                if fact.kind in KINDS
            )
            for row in _segments(text):
                counted[row[0]] += 1
                if said[row] == 0:
                    missed.append((file.name, row))
                said[row] -= 1
    assert missed == []
    assert counted["result"] >= 100
    assert counted["allergy"] >= 20


def _value(value: Any) -> tuple[str, str]:
    return ("", "") if value is None else (value.text, value.unit)


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _resources(one)
    elif isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for one in value.values():
            yield from _resources(one)


def test_every_resource_of_whole_patients_is_a_fact(read: Read, shared_data: Path) -> None:
    counted: Counter[str] = Counter()
    for file in sorted((shared_data / "synthea_r4").glob("*.json"), key=lambda each: each.stat().st_size)[:6]:
        resources = list(_resources(json.loads(file.read_bytes())))
        reading = read(file.read_bytes(), file.name)
        told = [fact for page in reading.pages for fact in page.facts if fact.source is FactSource.STRUCTURED]
        for kind in sorted(RESOURCES):
            codes = Counter(fact.codes[0].code for fact in told if fact.kind in RESOURCES[kind] if fact.codes)
            for one in resources:
                if one["resourceType"] != kind:
                    continue
                concept = next(
                    (one[key] for key in ("code", "vaccineCode", "medicationCodeableConcept") if key in one), None
                )
                concept = concept or (one.get("type") or [None])[0]
                if not isinstance(concept, dict):
                    continue
                counted[kind] += 1
                assert codes[concept["coding"][0]["code"]] > 0, (file.name, kind, concept)
        values = Counter((fact.codes[0].code, _value(fact.value), fact.when.start) for fact in told if fact.codes)
        for one in resources:
            laboratory = any("laboratory" in str(each) for each in one.get("category", []))
            if one["resourceType"] == "Observation" and laboratory and "valueQuantity" in one:
                measured = one["valueQuantity"]
                row = (one["code"]["coding"][0]["code"], measured.get("unit", ""), one["effectiveDateTime"][:10])
                found = [key for key in values if (key[0], key[1][1], key[2]) == row]
                counted["result"] += 1
                assert any(float(key[1][0]) == measured["value"] for key in found), (file.name, row, measured)
    assert counted["result"] >= 50
    assert counted["Condition"] >= 20
