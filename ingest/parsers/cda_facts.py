"""The entries of a CDA section as facts: codes, values and dates exactly as stated, whatever the narrative shows.

An entry that only qualifies another (a reaction, a status, a reason) is a detail of its fact and no fact of its own.
Where its words stand in the page is another file's work: `cda_quotes`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from clinical.assertion import denials
from ingest.parsers.cda_details import details_of
from ingest.parsers.cda_kinds import (
    CIM10,
    PREGNANCY_STATE,
    fact_kind,
    in_family,
    is_entry,
)
from ingest.parsers.cda_values import (
    Words,
    anchors,
    attribute,
    bounds,
    codings,
    every,
    kind_of,
    label_of,
    one,
    original,
    period,
    quantity,
    text_of,
)
from ingest.parsers.fact_values import day_of, number_of
from ingest.parsers.narrative import NS, name_of
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote

NOWHERE = Quote(0, 0, 0, "")
"""Of a fact whose words were not looked for yet."""
_MEASURES = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN, FactKind.BLOOD_GROUP})
_NOTHING_KNOWN_CODES = """
716186003 409137002 429625007 428607008 716184000 716185000 716220001 160244002 160245001 787481007
no-known-allergies MED-273 MED-274
"""
_NOTHING_KNOWN = frozenset(_NOTHING_KNOWN_CODES.split())
"""« Aucune allergie connue » and the like, of which the fact is that there is none."""
_ENDED = frozenset(["413322009", "723506003", "resolved"])
_QUIET = frozenset(["inactive", "73425007", "remission", "277022003", "90734009"])
_REFUTED = frozenset(["refuted", "723511001", "entered-in-error"])
_SHORT = 200  # characters of a narrative that may stand for a name
_CAUSES = frozenset({FactKind.ALLERGY, FactKind.INTOLERANCE, FactKind.IMMUNIZATION})
_PLANS = frozenset({"INT", "RQO", "PRP", "ARQ", "APT", "PRMS"})


@dataclass(frozen=True, slots=True)
class Stated:
    """A fact of an entry, and the ids of the narrative to which the entry refers."""

    fact: Fact
    anchors: tuple[str, ...]


def facts_of(section: _Element, code: str, title: str, words: Words) -> Iterator[Stated]:
    """What the entries of a section say, in their order. Sections inside it are not looked at."""
    for child in section:
        if name_of(child) == "entry":
            yield from _within(child, code, title, words)


def _within(link: _Element, code: str, title: str, words: Words, cause: str = "") -> Iterator[Stated]:
    for entry in link:
        if not is_entry(entry):
            continue
        kind = fact_kind(entry, code)
        kinds = () if kind is None else (kind, FactKind.IMPLANT) if _leaves_a_device(entry, kind) else (kind,)
        told = [one for each in kinds if (one := _stated(entry, each, code, title, words)) is not None]
        yield from (_caused(one, cause) for one in told) if cause else told
        inner = told[0].fact.label if told and kind in _CAUSES else ""
        for part in entry:
            if name_of(part) in ("component", "entryRelationship"):
                yield from _within(part, code, title, words, inner)


def _caused(stated: Stated, cause: str) -> Stated:
    """A reaction to a substance or a vaccine: it happened, and says what it came from."""
    fact = stated.fact
    if fact.kind is not FactKind.CONDITION:
        return stated
    over = Assertion.PAST if fact.assertion is Assertion.PRESENT else fact.assertion
    return Stated(dataclasses.replace(fact, assertion=over, details=(*fact.details, ("cause", cause))), stated.anchors)


def _leaves_a_device(entry: _Element, kind: FactKind) -> bool:
    """Whether a procedure names the device that it put in place (C-CDA, Product Instance)."""
    held = every(entry, "participant")
    return kind is FactKind.PROCEDURE and any(
        part.get("typeCode") == "DEV" and part.find(f"{NS}participantRole/{NS}playingDevice") is not None
        for part in held
    )


def _stated(entry: _Element, kind: FactKind, code: str, title: str, words: Words) -> Stated | None:
    concept = _concept(entry, kind)
    label, codes = label_of(concept, words) or _named(entry, kind, words), codings(concept)
    ids = tuple(dict.fromkeys((*anchors(entry), *anchors(concept))))
    if not label:
        label = next((said for name in ids if (said := words(name))), "")
    value = _value(entry, words) if kind in _MEASURES else None
    label = label or _alone(entry) or title
    if not label and value is None:
        return None
    fact = Fact(
        kind=kind,
        label=label,
        quote=NOWHERE,
        source=FactSource.STRUCTURED,
        assertion=_assertion(entry, kind, code, label, codes),
        codes=codes,
        value=value,
        when=_when(entry, kind),
        details=details_of(entry, kind, title, words),
    )
    return Stated(fact, ids)


def _concept(entry: _Element, kind: FactKind) -> _Element | None:
    """The element that names what the fact is about."""
    if kind in (FactKind.ALLERGY, FactKind.INTOLERANCE):
        agents = every(entry, "participant/participantRole/playingEntity/code")
        if agents and (codings(agents[0]) or any(anchors(agents[0]))):
            return agents[0]
        return one(entry, "value") if codings(one(entry, "value")) else None
    if kind in (FactKind.MEDICATION, FactKind.IMMUNIZATION):
        return one(entry, "consumable/manufacturedProduct/manufacturedMaterial/code")
    if kind is FactKind.DISPENSING:
        path = "manufacturedProduct/manufacturedMaterial/code"
        own = one(entry, f"product/{path}")
        if own is None:
            own = one(entry, "participant/participantRole/playingDevice/code")
        drug = entry.getparent()
        return own if own is not None else one(None if drug is None else drug.getparent(), f"consumable/{path}")
    if kind is FactKind.IMPLANT:
        device = one(entry, "participant/participantRole/playingDevice/code")
        return device if device is not None else one(entry, "code")
    if kind is FactKind.CONDITION:
        value, code = one(entry, "value"), one(entry, "code")
        return code if kind_of(value) == "BL" or attribute(code, "codeSystem") in CIM10 else value
    if kind is FactKind.PREGNANCY and attribute(one(entry, "code"), "code") in PREGNANCY_STATE:
        value = one(entry, "value")
        return value if codings(value) else one(entry, "code")
    return one(entry, "code")


def _named(entry: _Element, kind: FactKind, words: Words) -> str:
    """A name in words, where no code has one."""
    if kind in (FactKind.ALLERGY, FactKind.INTOLERANCE):
        agent = text_of(one(entry, "participant/participantRole/playingEntity/name"))
        return agent or original(one(entry, "value"), words)
    path = "manufacturedProduct/manufacturedMaterial/name"
    return text_of(one(entry, f"consumable/{path}")) or text_of(one(entry, f"product/{path}"))


def _alone(entry: _Element) -> str:
    """The narrative of a section whose only entry names nothing: « Aucune allergie identifiée pendant le séjour »."""
    section = next(entry.iterancestors(NS + "section"), None)
    said = text_of(one(section, "text"))
    return said if len(every(section, "entry")) == 1 and len(said) <= _SHORT else ""


def _value(entry: _Element, words: Words) -> Quantity | None:
    """The value with the range and the flag that the entry states; several values are one text."""
    values = [found for part in every(entry, "value") if (found := quantity(part, words)) is not None]
    if not values:
        return None
    flag = " ".join(filter(None, (attribute(part, "code") for part in every(entry, "interpretationCode"))))
    low, high, said = _range(entry)
    first = values[0] if len(values) == 1 else Quantity(" ; ".join(f"{v.text} {v.unit}".strip() for v in values))
    return Quantity(
        first.text, first.number, first.comparator, first.unit, number_of(low)[1], number_of(high)[1], said, flag
    )


def _range(entry: _Element) -> tuple[str, str, str]:
    """(low, high, as a reader sees it) of the reference range; several are shown and none is chosen."""
    shown, limits = [], []
    for part in every(entry, "referenceRange/observationRange"):
        low, high, unit = bounds(one(part, "value"))
        limits.append((low, high))
        span = f"{low} - {high}" if low and high else f"≥ {low}" if low else f"≤ {high}" if high else ""
        shown.append(f"{span} {unit}".strip() if span else text_of(one(part, "text")))
    low, high = limits[0] if len(limits) == 1 else ("", "")
    return low, high, " ; ".join(filter(None, shown))


def _when(entry: _Element, kind: FactKind) -> Period:
    if kind is FactKind.DISPENSING:
        days = (day_of(attribute(one(entry, path), "value")) for path in ("performer/time", "author/time"))
        return Period(next(filter(None, days), "")) if period(entry) == Period() else period(entry)
    if kind is FactKind.CONDITION and period(entry) == Period():
        around = entry.getparent()
        act = None if around is None else around.getparent()
        return Period() if act is None or name_of(act) != "act" else period(act)
    if kind in _MEASURES and period(entry) == Period():
        return next((period(part) for part in entry.iterancestors() if name_of(part) == "organizer"), Period())
    return period(entry)


def _assertion(entry: _Element, kind: FactKind, section: str, label: str, codes: tuple[Coding, ...]) -> Assertion:
    """How the entry states it: denied, disproved, of the family, planned, over; present when it says nothing else."""
    status = _status(entry)
    denied = entry.get("negationInd") == "true" or status in _REFUTED
    if kind in _MEASURES:
        return Assertion.PRESENT  # a value that was not measured is no value
    if denied or any(one.code in _NOTHING_KNOWN for one in codes) or _says_none(entry, kind, label):
        return Assertion.ABSENT
    if kind is FactKind.CONDITION and in_family(entry, section):
        return Assertion.FAMILY
    if kind is FactKind.PREGNANCY:
        return _pregnancy(entry)
    if kind in (FactKind.CONDITION, FactKind.IMPLANT) and attribute(one(entry, "value"), "value") == "false":
        return Assertion.ABSENT
    if entry.get("moodCode") in _PLANS and kind is not FactKind.MEDICATION:
        return Assertion.HYPOTHETICAL
    if attribute(one(entry, "uncertaintyCode"), "code") == "UN":
        return Assertion.SUSPECTED
    return Assertion.PAST if _is_over(entry, kind, section, status) else Assertion.PRESENT


def _is_over(entry: _Element, kind: FactKind, section: str, status: str) -> bool:
    """A problem that the document calls over. An allergy is over only when it is said to be resolved: « inactive »
    alone does not make a substance harmless, and stays a detail."""
    if kind in (FactKind.ALLERGY, FactKind.INTOLERANCE):
        return status in _ENDED
    if kind is not FactKind.CONDITION:
        return False
    return status in _ENDED | _QUIET or section == "11348-0" or bool(period(entry).end)


def _status(entry: _Element) -> str:
    """The code of the status observation of a problem or an allergy."""
    for inner in every(entry, "entryRelationship/observation"):
        if attribute(one(inner, "code"), "code") == "33999-4":
            return attribute(one(inner, "value"), "code")
    return ""


def _says_none(entry: _Element, kind: FactKind, label: str) -> bool:
    """An allergy without any agent or code whose own words deny: « Aucune allergie identifiée »."""
    if kind not in (FactKind.ALLERGY, FactKind.INTOLERANCE) or one(entry, "participant") is not None:
        return False
    return bool(denials(label).spans)


def _pregnancy(entry: _Element) -> Assertion:
    value = attribute(one(entry, "value"), "code")
    if value in ("60001007", "LA26683-5"):
        return Assertion.ABSENT
    return Assertion.SUSPECTED if value in ("102874004", "LA4489-6") else Assertion.PRESENT
