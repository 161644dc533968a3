"""FHIR resources as lines that a person reads, by the shape of their data types (R4 datatypes): a resource is a line,
a result has its value, unit, range and flag on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml.etree import _Element

from ingest.parsers.fhir_tree import Resource, each, first, objects, string
from ingest.parsers.fhir_words import FIELDS, RESOURCES, VALUES
from ingest.parsers.hl7_lines import FLAGS
from ingest.parsers.html import html_lines, html_tree

CELL = " | "
_HIDDEN_WORDS = """
resourceType id meta implicitRules language text contained extension identifier data url
hash fullUrl request response search link subject patient instantiatesCanonical instantiatesUri coding system
sigFormat size contentType photo component reference hasMember query masterIdentifier
primarySource multipleBirthBoolean sequence use rank format mode
"""
_HIDDEN = frozenset(_HIDDEN_WORDS.split())
"""Fields that say nothing to a reader, or that are written elsewhere."""
_OTHERS = frozenset({"Practitioner", "RelatedPerson", "Person"})
_PEOPLE = _OTHERS | {"Patient", "PractitionerRole", "Organization", "Location"}
_SAID_IN = ("valueString", "valueMarkdown", "valueCodeableConcept", "valueAnnotation")
_PRIVATE = frozenset({"birthDate", "gender", "address"})
"""Of another person than the patient: nothing of it may be taken for the patient's."""
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)[\d:.]*(?:Z|[+-]\d\d:\d\d)?)?")
_CODES = {"http://snomed.info/sct": "SNOMED", "http://loinc.org": "LOINC"}
_QUANTITY = frozenset({"value", "unit", "code", "system", "comparator", "id", "extension"})

Resolve = Callable[[str], Resource | None]
"""The resource that a reference of the same document names."""


def narrative_lines(resource: Resource) -> list[str]:
    """The text of a resource, or of a section, as its author shows it."""
    lines: list[str] = []
    for text in objects(resource.get("text")):
        for div in each(text.get("div")):
            if isinstance(div, _Element):
                lines += html_lines(div)
            elif isinstance(div, str) and div.strip():
                lines += html_lines(html_tree(div))
    return lines


def title_of(resource: Resource) -> str:
    """What kind of resource it is, in French."""
    kind = string(resource.get("resourceType"))
    return RESOURCES[kind][0] if kind in RESOURCES else f"Ressource {kind}"


def coded_lines(resource: Resource, resolve: Resolve) -> Iterator[str]:
    """The resource's own line and those of its components; nothing for a kind that is not clinical."""
    kind = string(resource.get("resourceType"))
    if kind not in RESOURCES:
        return
    if kind == "Observation":
        yield _result(resource, resolve)
    else:
        yield _row(resource, RESOURCES[kind][1], resolve)
    for component in objects(resource.get("component")):
        line = _result(component, resolve)
        yield f"- {line}" if line else ""


def name_of(resource: Resource, resolve: Resolve) -> str:
    """What a resource is, in a few words."""
    heads = RESOURCES.get(string(resource.get("resourceType")), ("", ("name", "code", "title")))[1]
    return next((text for key in heads if (text := words(resource.get(key), resolve))), "")


def _row(resource: Resource, heads: tuple[str, ...], resolve: Resolve) -> str:
    cells = [words(resource.get(key), resolve) for key in heads]
    withdrawn = string(resource.get("status")) == "entered-in-error"
    if withdrawn:
        cells.insert(0, "[saisi par erreur]")
    private = _PRIVATE if string(resource.get("resourceType")) in _OTHERS else frozenset()
    for key, value in resource.items():
        if key not in heads and key not in _HIDDEN | private and not key.startswith("_"):
            text = words(value, resolve)
            if text:
                cells.append(f"{_label(key)} : {text}")
    return CELL.join(filter(None, [*cells, *_extended(resource, resolve)]))


def _extended(resource: Resource, resolve: Resolve) -> Iterator[str]:
    """What a clinical resource says in words in its extensions; those of a person are not the document's."""
    if string(resource.get("resourceType")) not in _PEOPLE:
        for one in objects(resource.get("extension")):
            yield from (words(one.get(key), resolve) for key in _SAID_IN)


def _result(resource: Resource, resolve: Resolve) -> str:
    """An Observation or a component: name, value with unit, range, interpretation, state, date, the rest."""
    measured = [key for key in resource if key.startswith("value") and key != "valueSet"]
    value = " ; ".join(filter(None, (words(resource[key], resolve) for key in measured)))
    absent = words(resource.get("dataAbsentReason"), resolve)
    ranges = " ; ".join(filter(None, (_range(one, resolve) for one in objects(resource.get("referenceRange")))))
    state = string(resource.get("status"))
    dates = [key for key in resource if key.startswith("effective")]
    cells = [
        "[saisi par erreur]" if state == "entered-in-error" else "",
        words(resource.get("code"), resolve),
        value or (f"sans valeur : {absent}" if absent else ""),
        f"réf. {ranges}" if ranges else "",
        _flags(resource, resolve),
        "" if state in ("final", "entered-in-error") else VALUES.get(state, state),
        *(words(resource[key], resolve) for key in dates),
    ]
    known = {"code", "dataAbsentReason", "referenceRange", "interpretation", "status", *measured, *dates}
    for key, other in resource.items():
        if key not in known and key not in _HIDDEN and not key.startswith("_"):
            text = words(other, resolve)
            cells.append(f"{_label(key)} : {text}" if text else "")
    return CELL.join(filter(None, [*cells, *_extended(resource, resolve)]))


def _flags(resource: Resource, resolve: Resolve) -> str:
    """Low, high, resistant...: the codes are those of HL7 v2."""
    concepts = objects(resource.get("interpretation"))
    codes = [string(coding.get("code")) for one in concepts for coding in objects(one.get("coding"))]
    known = [FLAGS[code] for code in codes if code in FLAGS]
    return ", ".join(dict.fromkeys(known)) if known else words(resource.get("interpretation"), resolve)


def _range(one: Resource, resolve: Resolve) -> str:
    bounds = _bounds(one, resolve)
    return " ".join(filter(None, (words(one.get("type"), resolve), bounds, string(one.get("text")))))


def words(value: object, resolve: Resolve) -> str:
    """Any value of FHIR as words; empty for one that says nothing to a reader."""
    if isinstance(value, list):
        return " ; ".join(dict.fromkeys(filter(None, (words(one, resolve) for one in value))))
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, str):
        return _day(value) or VALUES.get(value, value)
    return _object(value, resolve) if isinstance(value, dict) else ""


def _object(value: Resource, resolve: Resolve) -> str:
    if "coding" in value:
        return _concept(value)
    if "reference" in value or value.keys() <= {"display", "type", "identifier", "id", "extension"}:
        return _reference(value, resolve)
    if "numerator" in value or "denominator" in value:
        return " / ".join(filter(None, (words(value.get(key), resolve) for key in ("numerator", "denominator"))))
    if "low" in value or "high" in value:
        return _bounds(value, resolve)
    if "value" in value and value.keys() <= _QUANTITY:
        return _quantity(value)
    if "family" in value or "given" in value:
        return _person(value)
    if "code" in value and ("system" in value or "display" in value):
        return _concept({"coding": [value]})
    if value.keys() <= {"start", "end", "id", "extension"}:
        return _period(value)
    said = [string(value.get("text"))] if "text" in value and not objects(value.get("text")) else []
    for key, inner in value.items():
        if key in _HIDDEN or key.startswith("_"):
            continue
        if (text := words(inner, resolve)) and text not in said:
            said.append(text if key in ("value", "line", "city", "postalCode") else f"{_label(key)} {text}")
    return ", ".join(filter(None, said))


def _label(key: str) -> str:
    return FIELDS.get(key, key)


def _concept(value: Resource) -> str:
    """CodeableConcept: its text, the displays that differ, the codes (with the name of a common system)."""
    codings = objects(value.get("coding"))
    texts = [string(value.get("text")), *(string(one.get("display")) for one in codings)]
    shown = list(dict.fromkeys(VALUES.get(one.lower(), one) for one in texts if one))
    codes = []
    for one in codings:
        code = string(one.get("code"))
        if code and code not in shown and VALUES.get(code, code) not in (text.lower() for text in shown):
            codes.append(f"{_CODES.get(string(one.get('system')), '')} {code}".strip())
    if not shown:
        return ", ".join(VALUES.get(one, one) for one in codes)
    return f"{', '.join(shown)} ({', '.join(codes)})" if codes else ", ".join(shown)


def _reference(value: Resource, resolve: Resolve) -> str:
    display = string(value.get("display"))
    target = None if display else resolve(string(value.get("reference")))
    return display or (name_of(target, lambda _: None) if target is not None else "")


def _quantity(value: Resource) -> str:
    unit = string(value.get("unit")) or string(value.get("code"))
    number = first(value.get("value"))
    return f"{string(value.get('comparator'))}{number if number is not None else ''} {unit}".strip()


def _bounds(value: Resource, resolve: Resolve) -> str:
    low, high = words(value.get("low"), resolve), words(value.get("high"), resolve)
    if low and high:
        return f"{low} - {high}"
    return f"≥ {low}" if low else f"≤ {high}" if high else ""


def _period(value: Resource) -> str:
    start, end = _day(string(value.get("start"))), _day(string(value.get("end")))
    if start and end and start != end:
        return f"du {start} au {end}"
    return start or (f"jusqu'au {end}" if end else "")


def _person(value: Resource) -> str:
    if text := string(value.get("text")):
        return text
    parts = [
        *each(value.get("prefix")),
        *each(value.get("given")),
        string(value.get("family")),
        *each(value.get("suffix")),
    ]
    return " ".join(one for one in parts if isinstance(one, str))


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    if found is None:
        return ""
    time = f" {found[4]}:{found[5]}" if found[4] and found[4] + found[5] != "0000" else ""
    return f"{found[3]}/{found[2]}/{found[1]}{time}"
