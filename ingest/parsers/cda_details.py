"""What else a CDA entry states of its fact: dose, route, reaction, lot… each in the document's words."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from ingest.parsers.cda_kinds import TERM_CODES
from ingest.parsers.cda_values import (
    Words,
    attribute,
    every,
    kind_of,
    label_of,
    one,
    original,
    quantity,
    text_of,
    unit_of,
)
from ingest.parsers.fact_values import day_of
from ingest.parsers.narrative import NS
from records.fact import FactKind

Pairs = Iterator[tuple[str, str]]
_PHARM = "{urn:ihe:pharm:medication}"
_UNITS = {"h": "h", "d": "j", "wk": "sem", "mo": "mois", "min": "min", "a": "an"}


def details_of(entry: _Element, kind: FactKind, title: str, words: Words) -> tuple[tuple[str, str], ...]:
    """Named details, empty ones left out, each name once."""
    found: dict[str, str] = {}
    for name, text in (*_READERS.get(kind, _none)(entry, words), ("section", title)):
        if text and name not in found:
            found[name] = text
    return tuple(found.items())


def _none(entry: _Element, words: Words) -> Pairs:  # noqa: ARG001
    return iter(())


def _allergy(entry: _Element, words: Words) -> Pairs:
    yield "substance", label_of(one(entry, "participant/participantRole/playingEntity/code"), words)
    reactions = []
    for link in every(entry, "entryRelationship"):
        inner = one(link, "observation")
        code = attribute(one(inner, "code"), "code")
        if code == "SEV":
            yield "severity", label_of(one(inner, "value"), words)
        elif code == "33999-4":
            yield "status", label_of(one(inner, "value"), words)
        elif link.get("typeCode") == "MFST" and inner is not None and inner.get("negationInd") != "true":
            reactions.append(label_of(one(inner, "value"), words))
            for deeper in every(inner, "entryRelationship/observation"):
                if attribute(one(deeper, "code"), "code") == "SEV":
                    yield "severity", label_of(one(deeper, "value"), words)
    value = label_of(one(entry, "value"), words)
    if one(entry, "participant") is not None and attribute(one(entry, "value"), "codeSystem") == _MEDDRA:
        reactions.append(value)  # French entries name the effect there
    yield "reaction", " ; ".join(dict.fromkeys(filter(None, reactions)))


_MEDDRA = "2.16.840.1.113883.6.163"


def _condition(entry: _Element, words: Words) -> Pairs:
    for inner in every(entry, "entryRelationship/observation"):
        code = attribute(one(inner, "code"), "code")
        if code == "33999-4":
            yield "status", label_of(one(inner, "value"), words)
        elif code == "SEV":
            yield "severity", label_of(one(inner, "value"), words)
    yield "site", label_of(one(entry, "targetSiteCode"), words)
    yield "side", label_of(one(entry, "targetSiteCode/qualifier/value"), words)
    for around in entry.iterancestors(NS + "organizer"):
        yield "relation", label_of(one(around, "subject/relatedSubject/code"), words)


def _drug(entry: _Element, words: Words) -> Pairs:
    material = one(entry, "consumable/manufacturedProduct/manufacturedMaterial")
    yield "brand", text_of(one(material, "name"))
    substances = [] if material is None else list(material.iter(_PHARM + "ingredient"))
    named = (text_of(part.find(_PHARM + "name")) for part in substances)
    yield "substance", ", ".join(dict.fromkeys(filter(None, named)))
    yield "route", label_of(one(entry, "routeCode"), words)
    yield "site", label_of(one(entry, "approachSiteCode"), words)
    steps = every(entry, "entryRelationship/substanceAdministration")
    yield "dose", " puis ".join(filter(None, (_amount(part, words) for part in (entry, *steps))))
    yield "frequency", " puis ".join(filter(None, (_rhythm(part, words) for part in (entry, *steps))))
    yield "stopped", "oui" if attribute(one(entry, "statusCode"), "code") in ("aborted", "cancelled") else ""
    yield "lot", text_of(one(material, "lotNumberText"))
    for inner in every(entry, "entryRelationship/observation"):
        code = attribute(one(inner, "code"), "code")
        if code == "30973-2":
            yield "rank", attribute(one(inner, "value"), "value")
        elif code == "GEN-110":
            yield "long_term", attribute(one(inner, "value"), "value")
    for link in every(entry, "entryRelationship"):
        if link.get("typeCode") == "RSON":
            reason = next((part for part in link if one(part, "code") is not None), None)
            yield "reason", label_of(one(reason, "code"), words)


def _amount(entry: _Element, words: Words) -> str:
    dose = one(entry, "doseQuantity")
    if dose is None:
        return ""
    low, high = one(dose, "low"), one(dose, "high")
    if low is None and high is None:
        return f"{attribute(dose, 'value')} {_unit(dose)}".strip() if attribute(dose, "value") else ""
    ends = [f"{attribute(end, 'value')} {_unit(end)}".strip() for end in (low, high) if attribute(end, "value")]
    return " à ".join(dict.fromkeys(ends)) or next(
        (said for end in (low, high) if (said := original(one(end, "translation"), words))), ""
    )


def _unit(dose: _Element | None) -> str:
    return unit_of(dose).strip("{}")


def _rhythm(entry: _Element, words: Words) -> str:
    """How often, as its author wrote it; else by its period."""
    for time in every(entry, "effectiveTime"):
        for part in (time, *every(time, "comp")):
            every_time = one(part, "period")
            if kind_of(part) == "PIVL_TS" and every_time is not None:
                if said := original(one(every_time, "translation"), words):
                    return said
                figure, unit = attribute(every_time, "value"), unit_of(every_time)
                return f"toutes les {figure} {_UNITS.get(unit, unit)}" if figure else ""
            if kind_of(part) == "EIVL_TS" and (event := attribute(one(part, "event"), "code")):
                return event
    return ""


def _dispensing(entry: _Element, words: Words) -> Pairs:  # noqa: ARG001
    counted = one(entry, "quantity")
    yield "quantity", f"{attribute(counted, 'value')} {_unit(counted)}".strip()
    yield "performer", text_of(one(entry, "performer/assignedEntity/representedOrganization/name"))


def _device(entry: _Element, words: Words) -> Pairs:
    yield "device", label_of(one(entry, "participant/participantRole/playingDevice/code"), words)
    yield "site", label_of(one(entry, "targetSiteCode"), words)


def _measure(entry: _Element, words: Words) -> Pairs:
    yield "method", label_of(one(entry, "methodCode"), words)
    yield "site", label_of(one(entry, "targetSiteCode"), words)
    yield "status", attribute(one(entry, "statusCode"), "code").replace("completed", "")
    sample = one(entry, "specimen/specimenRole/specimenPlayingEntity/code")
    for around in (*entry.iterancestors(NS + "organizer"), *entry.iterancestors(NS + "act")):
        if sample is None:
            sample = one(around, "specimen/specimenRole/specimenPlayingEntity/code")
        for taken in every(around, "entryRelationship/procedure"):
            if sample is None:
                sample = one(taken, "participant/participantRole/playingEntity/code")
    yield "specimen", label_of(sample, words)


def _pregnancy(entry: _Element, words: Words) -> Pairs:
    if attribute(one(entry, "code"), "code") in TERM_CODES:
        yield "term_date", day_of(attribute(one(entry, "value"), "value"))
    for inner in every(entry, "entryRelationship/observation"):
        if attribute(one(inner, "code"), "code") in TERM_CODES:
            yield "term_date", day_of(attribute(one(inner, "value"), "value"))
    stated = quantity(one(entry, "value"), words)
    yield "status", "" if stated is None else stated.text


def _act(entry: _Element, words: Words) -> Pairs:
    yield "site", label_of(one(entry, "targetSiteCode"), words)
    yield "device", label_of(one(entry, "participant/participantRole/playingDevice/code"), words)
    yield "method", label_of(one(entry, "methodCode"), words)


def _directive(entry: _Element, words: Words) -> Pairs:
    stated = quantity(one(entry, "value"), words)
    yield "status", "" if stated is None else stated.text


_READERS = {
    FactKind.ALLERGY: _allergy,
    FactKind.INTOLERANCE: _allergy,
    FactKind.CONDITION: _condition,
    FactKind.MEDICATION: _drug,
    FactKind.IMMUNIZATION: _drug,
    FactKind.DISPENSING: _dispensing,
    FactKind.IMPLANT: _device,
    FactKind.LAB_RESULT: _measure,
    FactKind.VITAL_SIGN: _measure,
    FactKind.BLOOD_GROUP: _measure,
    FactKind.PREGNANCY: _pregnancy,
    FactKind.PROCEDURE: _act,
    FactKind.DIRECTIVE: _directive,
}
