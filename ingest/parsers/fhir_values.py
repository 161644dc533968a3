"""Data types of FHIR R4 as facts state them. Figures are strings here, as they were written."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.parsers.fact_values import day_of, number_of
from ingest.parsers.fhir_lines import Resolve, words
from ingest.parsers.fhir_tree import Resource, each, first, objects, string
from records.fact import Coding, Period, Quantity


def is_true(value: object) -> bool:
    """A boolean of JSON or of XML."""
    return first(value) in (True, "true")


def codings(concept: object) -> tuple[Coding, ...]:
    """Every coding of a CodeableConcept, in its order."""
    found = (
        Coding(string(one.get("system")), string(one.get("code")), string(one.get("display")))
        for part in objects(concept)
        for one in objects(part.get("coding"))
        if string(one.get("code"))
    )
    return tuple(dict.fromkeys(found))


def label_of(concept: object) -> str:
    """A concept in words: its text, a display, its bare code."""
    for part in objects(concept):
        if text := string(part.get("text")):
            return text
        for one in objects(part.get("coding")):
            if shown := string(one.get("display")):
                return shown
    return next((one.code for one in codings(concept)), "")


def codes_in(concept: object) -> set[str]:
    """The bare codes of a concept, and those of a status that is a plain string."""
    return {one.code for one in codings(concept)} | {one for one in each(concept) if isinstance(one, str)}


def period(resource: Resource, name: str) -> Period:
    """onset, effective, performed…: a date, a period, or nothing that is a date."""
    if stated := day_of(string(resource.get(f"{name}DateTime"))):
        return Period(stated)
    for one in objects(resource.get(f"{name}Period")):
        return Period(day_of(string(one.get("start"))), day_of(string(one.get("end"))))
    return Period(day_of(string(resource.get(f"{name}Instant"))))


def amount(value: object) -> str:
    """A Quantity or a Range on one line."""
    for one in objects(value):
        if "low" in one or "high" in one:
            return " à ".join(filter(None, (amount(one.get("low")), amount(one.get("high")))))
        figure = first(one.get("value"))
        unit = string(one.get("unit")) or string(one.get("code"))
        return f"{string(one.get('comparator'))}{'' if figure is None else figure} {unit}".strip()
    return ""


def quantity(resource: Resource, resolve: Resolve) -> Quantity | None:
    """value[x] of an Observation or of a component, with its range and flags; None when it has none."""
    kind = next((key for key in resource if key.startswith("value") and each(resource[key])), "")
    if not kind:
        return None
    text, number, sign, unit = "", None, "", ""
    if kind == "valueQuantity":
        stated = objects(resource[kind])[0] if objects(resource[kind]) else {}
        figure = first(stated.get("value"))
        sign, unit = string(stated.get("comparator")), string(stated.get("unit")) or string(stated.get("code"))
        text = "" if figure is None else f"{sign} {figure}".strip()
        number = number_of(str(figure))[1]
    elif kind == "valueCodeableConcept":
        text = label_of(resource[kind])
    elif kind in ("valueString", "valueInteger"):
        text = str(first(resource[kind]))
        sign, number = number_of(text)
    else:
        text = words(resource[kind], resolve)
    if not text:
        return None
    low, high, said = _range(resource)
    flags = " ".join(sorted(codes_in(resource.get("interpretation"))))
    return Quantity(text, number, sign, unit, number_of(low)[1], number_of(high)[1], said, flags)


def _range(resource: Resource) -> tuple[str, str, str]:
    """(low, high, in words); of several ranges none is chosen."""
    found = list(_ranges(resource))
    low, high = found[0][:2] if len(found) == 1 else ("", "")
    return low, high, " ; ".join(filter(None, (said for _, _, said in found)))


def _ranges(resource: Resource) -> Iterator[tuple[str, str, str]]:
    for one in objects(resource.get("referenceRange")):
        ends = []
        for name in ("low", "high"):
            figure = next((first(part.get("value")) for part in objects(one.get(name))), None)
            ends.append("" if figure is None else str(figure))
        shown = [amount(one.get("low")), amount(one.get("high"))]
        span = " - ".join(shown) if all(shown) else f"≥ {shown[0]}" if shown[0] else f"≤ {shown[1]}" if shown[1] else ""
        yield ends[0], ends[1], span or string(one.get("text"))
