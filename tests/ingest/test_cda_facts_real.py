"""Every allergy, treatment, problem, vaccination and result of the CDA examples is a fact, by a count of its own.

What is expected is read by XPath from the entries, without the parser: kind, first code, value, unit, date where the
entry itself states one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from records.content import Reading
from records.fact import Fact, FactKind, FactSource

pytestmark = pytest.mark.realdata
Read = Callable[..., Reading]
Row = tuple[str, str, str, str, str]
"""(kind, code, value, unit, day)"""
NS = {"h": "urn:hl7-org:v3", "x": "http://www.w3.org/2001/XMLSchema-instance"}
IHE = "1.3.6.1.4.1.19376.1.5.3.1.4"
KINDS = {
    FactKind.ALLERGY: "allergy",
    FactKind.INTOLERANCE: "allergy",
    FactKind.MEDICATION: "medication",
    FactKind.CONDITION: "problem",
    FactKind.IMMUNIZATION: "immunization",
    FactKind.LAB_RESULT: "result",
}
ALLERGIES = f"//h:observation[h:templateId/@root='{IHE}.6' or h:templateId/@root='2.16.840.1.113883.10.20.22.4.7']"
PROBLEMS = (
    f"//h:observation[h:templateId[@root='{IHE}.5' or @root='{IHE}.13.3' or @root='2.16.840.1.113883.10.20.22.4.4']]"
    f"[not(h:templateId/@root='{IHE}.6')]",
    "//h:observation[h:code/@codeSystem='2.16.840.1.113883.6.3'][h:value/@x:type='BL']"
    f"[not(h:templateId/@root='{IHE}.13.5')][not(h:templateId/@root='{IHE}.5')]",
)
GIVEN = "//h:substanceAdministration"
VACCINE = f"h:templateId/@root='{IHE}.12' or h:templateId/@root='2.16.840.1.113883.10.20.22.4.52'"
DRUGS = f"{GIVEN}[not({VACCINE})][not(h:templateId/@root='1.2.250.1.213.1.1.3.83.1')]"
VACCINES = f"{GIVEN}[{VACCINE}]"
LAB = "h:templateId/@root='1.3.6.1.4.1.19376.1.3.1.6' or h:templateId/@root='2.16.840.1.113883.10.20.22.4.2'"
RESULTS = (
    f"//h:observation[{LAB}]",
    f"//h:observation[{LAB}]/h:entryRelationship/h:observation[not(h:templateId)]",
    "//h:section[h:code/@code='30954-2']/h:entry/h:observation[h:value[@x:type='REAL' or @x:type='PQ']]",
)


def _first(element: _Element, *paths: str) -> str:
    for path in paths:
        found = element.xpath(path, namespaces=NS)
        if isinstance(found, list) and found and str(found[0]).strip():
            return str(found[0]).strip()
    return ""


def _day(element: _Element) -> str:
    """As far as it is a date: one example states the twentieth month of 2009."""
    time = "h:effectiveTime[not(@x:type='PIVL_TS')]"
    stamp = _first(element, f"{time}/@value", f"{time}/h:low/@value", f"{time}/h:high/@value")[:8]
    return "" if stamp < "1800" else stamp[:4] if stamp[4:6] > "12" else stamp


def _coded(kind: str, element: _Element, *paths: str) -> Row:
    return kind, _first(element, *(f"{path}/@code" for path in paths)), "", "", _day(element)


def _expected(root: _Element) -> Iterator[Row]:
    material = "h:consumable/h:manufacturedProduct/h:manufacturedMaterial/h:code"
    agent = "h:participant/h:participantRole/h:playingEntity/h:code"
    for entry in root.xpath(ALLERGIES, namespaces=NS):
        yield _coded("allergy", entry, agent, f"{agent}/h:translation", "h:value")
    for entry in (entry for path in PROBLEMS for entry in root.xpath(path, namespaces=NS)):
        named = entry.xpath("h:value[@x:type='BL']", namespaces=NS)
        yield _coded("problem", entry, *(["h:code"] if named else ["h:value", "h:value/h:translation"]))
    for kind, path in (("medication", DRUGS), ("immunization", VACCINES)):
        for entry in root.xpath(path, namespaces=NS):
            yield _coded(kind, entry, material, f"{material}//h:translation")
    for path in RESULTS:
        for entry in root.xpath(path, namespaces=NS):
            value = _first(entry, "h:value[not(@x:type='ED')]/@value")
            unit = _first(entry, "h:value/@unit") if value else ""
            yield "result", _first(entry, "h:code/@code"), value, "" if unit == "1" else unit, _day(entry)


def _row(fact: Fact) -> Row:
    value = fact.value
    return (
        KINDS[fact.kind],
        fact.codes[0].code if fact.codes else "",
        "" if value is None else value.text,
        "" if value is None else value.unit,
        (fact.when.start or fact.when.end).replace("-", ""),
    )


def _is_entry(fact: Fact) -> bool:
    return fact.source is FactSource.STRUCTURED and fact.kind in KINDS


def _matches(told: Row, wanted: Row) -> bool:
    """The date is compared when the entry states one, the value when it is a figure."""
    dated = told[4] == wanted[4] or not wanted[4]
    measured = wanted[0] != "result" or not wanted[2] or told[2:4] == wanted[2:4]
    return told[:2] == wanted[:2] and dated and measured


def _missed(reading: Reading, root: _Element) -> tuple[list[Row], list[Row], int]:
    """(rows that no fact tells, rows of facts that nothing states, how many were expected)."""
    told = [_row(fact) for page in reading.pages for fact in page.facts if _is_entry(fact)]
    wanted = sorted(_expected(root), key=lambda row: (not row[4], not row[2]))
    missed = []
    for row in wanted:
        match = next((one for one in told if _matches(one, row)), None)
        if match is None:
            missed.append(row)
        else:
            told.remove(match)
    return missed, told, len(wanted)


def test_every_entry_of_the_french_profiles_is_a_fact(read: Read, shared_data: Path) -> None:
    counted, wrong = dict.fromkeys(KINDS.values(), 0), []
    for file in sorted((shared_data / "cda_fr_ansforge").rglob("*.xml")):
        data = file.read_bytes()
        reading, root = read(data, file.name), etree.fromstring(data)
        missed, extra, _ = _missed(reading, root)
        wrong += [(file.name, missed, extra)] if missed or extra else []
        for row in _expected(root):
            counted[row[0]] += 1
    assert wrong == []
    assert counted == {"allergy": 8, "medication": 25, "problem": 48, "immunization": 9, "result": 88}


def test_every_entry_of_american_senders_is_a_fact(read: Read, shared_data: Path) -> None:
    """An allergy whose agent is only named in words has no code: the entry's own is the same for every substance."""
    expected = wrong = 0
    for file in sorted((shared_data / "ccda_sample_vendors").rglob("*.xml")):
        data = file.read_bytes()
        try:
            reading, root = read(data, file.name), etree.fromstring(data)
        except (Refusal, etree.XMLSyntaxError):
            continue
        missed, extra, count = _missed(reading, root)
        nameless = [row for row in missed if row[1] != "419199007"]
        expected, wrong = expected + count, wrong + len(nameless) + (len(extra) != len(missed))
    assert (expected, wrong) == (733, 0)


def test_every_quote_stands_in_its_page(read: Read, shared_data: Path) -> None:
    quotes = 0
    for file in sorted((shared_data / "cda_fr_ansforge").rglob("*.xml")):
        for page in read(file.read_bytes(), file.name).pages:
            for fact in page.facts:
                quotes += 1
                assert fact.quote.page == page.number
                assert fact.quote.text == page.text[fact.quote.start : fact.quote.end]
                assert fact.quote.text.strip(), fact
    assert quotes > 280
