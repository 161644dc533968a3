"""The facts that running text tells, a page at a time: `facts_of(page, section_before, metadata)`.

Reads units (sentences, rows, items) one after the other. In each: drugs, measured values, allergies and the rest, then
how the sentence states them. A drug under « Allergies » is no treatment, a value of lithium is no treatment either.
Linear in the text: units are short and every look-up stays inside one. Pure: neither files nor clock, only data files
that ship with the package.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from clinical.asserted import Asserted, asserted
from clinical.text import personal, statements
from clinical.text.allergies import Sensitivity, reactions, sensitivities
from clinical.text.labs import Measure, analytes, measures
from clinical.text.measured_on import Days, days_of
from clinical.text.medications import Medicine, medicines
from clinical.text.misspelt import misspelt
from clinical.text.numbers import decimal_mark
from clinical.text.plain import plain
from clinical.text.sections import Context, context_of, title_of
from clinical.text.signs import any_of
from clinical.text.statements import Statement
from clinical.text.terms import Found
from clinical.text.units import Unit, units
from clinical.text.vocabulary import Drug, drugs
from records.content import Metadata, Page, Source
from records.fact import Assertion, Fact, FactKind, FactSource, Period, Quote

MOST_FACTS = 10_000
"""Facts of a page. More is no page of a health record: reading stops there, so that a hostile one costs seconds."""
_MARK_SAMPLE = 200_000
_NEAR = 40
_COMMA = re.compile(r"[,;](?!\d)|(?<!\d)[,;]")
"""Not that of « 0,6 ml »."""
_OVER = re.compile(rf"\b{any_of('over')}\b")
_SINCE = re.compile(rf"\b{any_of('since')}")
_PATIENT = re.compile(rf"\W*{any_of('the patient')}(?![^\W_])")
_ALLERGIC = re.compile(rf"\W*(?:(?:pas|aucune?|absence) (?:d'|de )?)?{any_of('allergy')}")
_TREATMENT = re.compile(r"(?:[-–—;.,|/)\t]|  )[ ]*(?:traitements?|ttt|trt)(?: \w{1,12}){0,2} ?:")
"""« Allergies : aucune - Traitement : Eliquis » on one line."""
_TREATED = re.compile(rf"\W*(?:{any_of('the patient')} )?{any_of('treated')}(?![^\W_])")
_NOT_UNDER = re.compile(r"\b(?:pas|plus|jamais|non|ni|sans)(?: (?:ete|mise?|placee?|encore|actuellement))* sous $")
_GUESSED = "nom reconnu à une lettre près"
_MEASURED = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN})
_STANDING = (FactKind.PROCEDURE, FactKind.IMPLANT, FactKind.IMMUNIZATION, FactKind.BLOOD_GROUP, FactKind.DIRECTIVE)
"""What was done or put in place stays true: its date says when. « Vaccin contre » is no condition of an instruction."""
_Details = tuple[tuple[str, str], ...]


def facts_of(page: Page, section_before: str = "", metadata: Metadata = Metadata()) -> tuple[Fact, ...]:
    """The facts that a page's text tells, in reading order.

    `section_before` is the title in force at the end of the page before (`section_after` of it). Text that a structured
    entry already gave as facts must not be passed again. What is said twice on a page, in the same way, is told once.
    """
    facts: dict[tuple[object, ...], Fact] = {}
    where, count, standing = _Where(page), 0, ""
    for unit, title in _placed(page, section_before):
        days = days_of(unit.flat, page.text[unit.start : unit.end], standing)
        told = list(_facts_of_unit(page, unit, title, where, days))
        measured = any(fact.kind in _MEASURED for fact in told)
        standing = days.head if days.is_heading or (measured and days.head == standing) else ""
        for fact in told:
            key = (fact.kind, plain(fact.label), fact.assertion, fact.value, fact.when, fact.details)
            facts.setdefault(key, fact)
            count += 1
        if count >= MOST_FACTS:
            break
    del metadata  # a document's type and date decide nothing here: the reader of facts has them
    return tuple(facts.values())


def section_after(page: Page, section_before: str = "") -> str:
    """The title in force at the end of a page."""
    return (
        deque((title for _, title in _placed(page, section_before)), maxlen=1).pop()
        if page.text.strip()
        else section_before
    )


def _placed(page: Page, section_before: str) -> Iterator[tuple[Unit, str]]:
    """Each unit with the title it stands under.

    A title alone on its line holds until the next; one with words after it holds for its line. The page's own titled
    parts (CDA) come first.
    """
    standing, parts = section_before, sorted((part.start, part.end, part.title) for part in page.sections)
    starts = [part[0] for part in parts]
    line_title, line_end = "", -1
    for unit in units(page.text):
        at = bisect_right(starts, unit.start) - 1
        titled = parts[at][2] if at >= 0 and unit.start < parts[at][1] and context_of(parts[at][2]) else ""
        found = title_of(unit.flat)
        if found is not None:
            title, length = page.text[unit.start : unit.start + found[1]].strip(" \t\n:•#*-–"), found[1]
            if unit.flat[length:].strip():
                line_title = title
                newline = page.text.find("\n", unit.end - 1)
                line_end = newline if newline >= 0 else len(page.text)
            else:
                standing, line_end = title, -1
        title = line_title if unit.start < line_end else titled or standing
        yield unit, "" if found is None and _is_beside(unit, context_of(title)) else title


def _is_beside(unit: Unit, context: Context) -> bool:
    """Whether a sentence speaks of something else than its title: « Allergies : aucune. Sous Eliquis. » is a treatment,
    « Antécédents familiaux : … Patient porteur d'un pacemaker » is the patient."""
    if context is Context.FAMILY:
        return _PATIENT.match(unit.flat) is not None or _ALLERGIC.match(unit.flat) is not None
    if context is not Context.ALLERGY or _TREATED.match(unit.flat) is None:
        return False
    return next(reactions().find(unit.flat, unit.flat), None) is None  # « sous amoxicilline : urticaire »


class _Where:
    """How a page was read: source and OCR confidence of a stretch of its text, and its decimal mark."""

    def __init__(self, page: Page) -> None:
        self.mark = decimal_mark(plain(page.text[:_MARK_SAMPLE]))
        self._regions = sorted(page.regions, key=lambda region: region.start)
        self._region_starts = [region.start for region in self._regions]
        self._words = sorted((w for w in page.words if w.confidence is not None), key=lambda word: word.start)
        self._word_starts = [word.start for word in self._words]

    def source(self, start: int) -> FactSource:
        at = bisect_right(self._region_starts, start) - 1
        region = self._regions[at] if at >= 0 and start < self._regions[at].end else None
        return FactSource.OCR if region is not None and region.source is Source.OCR else FactSource.TEXT

    def confidence(self, start: int, end: int) -> float | None:
        """The lowest confidence of the words: a value is as sure as its worst word."""
        at = max(0, bisect_right(self._word_starts, start) - 1)
        found: float | None = None
        while at < len(self._words) and self._words[at].start < end:
            word = self._words[at]
            if word.end > start and word.confidence is not None:
                found = word.confidence if found is None else min(found, word.confidence)
            at += 1
        return found


@dataclass(slots=True)
class _Reading:
    """One unit being read. The sentence's scopes are worked out when first asked for."""

    page: Page
    unit: Unit
    title: str
    context: Context
    where: _Where
    scopes: Asserted | None = None

    def assertion(self, start: int, end: int) -> Assertion:
        if self.scopes is None:
            self.scopes = asserted(self.unit.flat)
        said = self.scopes.of(start, end)
        if said is Assertion.PRESENT and self.context is Context.FAMILY:
            return Assertion.FAMILY
        if said is Assertion.PRESENT and self.context is Context.HISTORY:
            return Assertion.PAST
        return said

    def around(self, start: int, end: int) -> str:
        """The words near unit.flat[start:end], as far as the next commas."""
        flat = self.unit.flat
        commas = [found.start() for found in _COMMA.finditer(flat)]
        begin = max([*(at + 1 for at in commas if at < start), start - _NEAR, 0])
        return flat[begin : min([*(at for at in commas if at >= end), end + _NEAR])]

    def fact(
        self,
        kind: FactKind,
        name: tuple[int, int],
        quote: tuple[int, int],
        assertion: Assertion,
        details: _Details = (),
        **more: object,
    ) -> Fact:
        """A Fact out of offsets into the unit."""
        text, at = self.page.text, self.unit.start
        start, end = at + quote[0], at + quote[1]
        label = text[at + name[0] : at + name[1]]
        if label.count("(") > label.count(")") and text[at + name[1] : at + name[1] + 1] == ")":
            label += ")"  # « DFG (CKD-EPI) » is found by its words
            end = max(end, at + name[1] + 1)
        if self.title:
            details += (("section", self.title),)
        fact = Fact(
            kind,
            label,
            Quote(self.page.number, start, end, text[start:end]),
            self.where.source(start),
            assertion,
            details=tuple((key, value) for key, value in details if value),
            confidence=self.where.confidence(start, end),
        )
        return replace(fact, **more)  # type: ignore[arg-type]


def _facts_of_unit(page: Page, unit: Unit, title: str, where: _Where, days: Days) -> Iterator[Fact]:
    text = page.text[unit.start : unit.end]
    reading = _Reading(page, unit, title, context_of(title), where)
    named = list(drugs().find(unit.flat, text))
    named = sorted([*named, *misspelt(unit.flat, text, named)], key=lambda each: each.start)
    treatment = _TREATMENT.search(unit.flat) if reading.context is Context.ALLERGY else None
    if treatment is not None:
        listed, named = named, [each for each in named if each.start < treatment.start()]
        before = Unit(unit.start, unit.start + treatment.start(), unit.flat[: treatment.start()])
        told = list(sensitivities(before, text[: treatment.start()], named, reading.context))
        named = [each for each in listed if each.start >= treatment.start()]
    else:
        told = list(sensitivities(unit, text, named, reading.context))
    taken = [(each.quote_start, each.end) for each in told]
    yield from (_sensitivity(reading, each) for each in told)
    found = list(analytes().find(unit.flat, text)) if any(map(str.isdigit, unit.flat)) or "ti" in unit.flat else []
    values = list(measures(unit, text, found, where.mark)) if found or "\t" in unit.flat else []
    values = [each for each in values if not _is_dose(each, named)]
    taken += [(each.start, each.name_end) for each in values]
    begins = [each.start if each.value_start < 0 else each.value_start for each in values]
    for each, begin, following in zip(values, begins, [*begins[1:], len(unit.flat)], strict=False):
        yield _measure(reading, each, days.of(unit.flat, begin, each.end, following))
    own = list(personal.read(unit, text, taken))
    refused = [
        (each.start, each.end) for each in own if each.kind is FactKind.DIRECTIVE
    ]  # « refuse toute transfusion »
    known = list(statements.read(unit, text, reading.context, [*taken, *refused]))
    taken += [
        (each.start, each.end) for each in known if each.kind is FactKind.CONDITION
    ]  # « … induite par l'héparine »
    if reading.context is not Context.ALLERGY or treatment is not None:
        free = [each for each in named if not any(a <= each.start < b for a, b in taken)]
        yield from (_medicine(reading, text, each) for each in medicines(unit, text, free, reading.context))
    for said in (*known, *own):
        yield _statement(reading, said)


def _is_dose(value: Measure, named: list[Found[Drug]]) -> bool:
    """« Calcium 500 mg » and « digoxine 0,25 mg » are doses: a value of the laboratory is a concentration."""
    if value.analyte is None:
        return False
    if any(each.start < value.start < each.end for each in named):
        return True  # the K of « vitamine K 10 mg »
    if not any(each.start == value.start for each in named):
        return False
    scale = plain(value.value.unit).replace(" ", "")
    return scale in ("", "mg", "g", "ui", "µg", "ml", "l") or scale.endswith(("/j", "/jour", "/kg", "/24h"))


def _sensitivity(reading: _Reading, said: Sensitivity) -> Fact:
    assertion = said.assertion or reading.assertion(said.start, said.end)
    if assertion is Assertion.PAST or (assertion is Assertion.HYPOTHETICAL and reading.context is Context.ALLERGY):
        assertion = Assertion.PRESENT  # an allergy does not pass with the episode that told of it
    details: _Details = (
        ("substance", said.drug.substance if said.drug is not None else ""),
        (
            "brand",
            reading.page.text[reading.unit.start + said.start : reading.unit.start + said.end]
            if said.drug and said.drug.brand
            else "",
        ),
        ("reaction", said.reaction),
        ("severity", said.severity),
        ("disproved", said.disproved),
        ("note", _GUESSED if said.drug is not None and said.drug.guessed else ""),
    )
    return reading.fact(
        said.kind, (said.start, said.end), (said.quote_start, said.quote_end), assertion, details,
        concept=said.allergen, codes=said.drug.codes if said.drug is not None else (), when=Period(said.year),
    )  # fmt: skip


def _measure(reading: _Reading, said: Measure, day: str) -> Fact:
    kind = said.analyte.kind if said.analyte is not None else FactKind.LAB_RESULT
    assertion = Assertion.PRESENT
    if reading.context is Context.FAMILY:
        assertion = Assertion.FAMILY
    return reading.fact(
        kind, (said.start, said.name_end), (said.start, said.end), assertion, (("note", said.note),),
        concept=said.analyte.preferred if said.analyte is not None else "",
        codes=said.analyte.code(said.value.unit) if said.analyte is not None else (), value=said.value,
        when=Period(day),
    )  # fmt: skip


def _medicine(reading: _Reading, text: str, said: Medicine) -> Fact:
    assertion = said.assertion or reading.assertion(said.start, said.end)
    if assertion is Assertion.ABSENT and said.assertion is None and _is_under(reading.unit.flat, said.start):
        assertion = Assertion.PRESENT
    if (
        said.assertion is None
        and assertion is Assertion.PAST
        and reading.context is not Context.STOPPED
        and (said.until or not _is_over(reading, said))  # readers compare the end with their day
    ):
        assertion = Assertion.PRESENT
    spans = (("dose", said.posology.dose), ("route", said.posology.route), ("frequency", said.posology.frequency))
    details: _Details = (
        ("substance", said.drug.substance),
        ("brand", said.brand),
        *((name, text[span[0] : span[1]]) for name, span in spans if span is not None),
        *said.details,
        ("stopped", reading.title if _stopped_by_title(reading, said) else ""),
        ("note", _GUESSED if said.drug.guessed else ""),
    )
    return reading.fact(
        FactKind.MEDICATION, (said.start, said.end), (said.quote_start, said.quote_end), assertion, details,
        concept=said.drug.substance, codes=said.drug.codes, when=Period("", said.until),
    )  # fmt: skip


def _statement(reading: _Reading, said: Statement) -> Fact:
    assertion = said.assertion or reading.assertion(said.start, said.end)
    if said.assertion is None and said.kind in _STANDING and assertion in (Assertion.PAST, Assertion.HYPOTHETICAL):
        assertion = Assertion.PRESENT
    if assertion is Assertion.PAST and said.lasting and not _OVER.search(reading.around(said.start, said.end)):
        assertion = Assertion.PRESENT  # « antécédents : HTA, asthme » lists what is still there
    return reading.fact(
        said.kind, (said.start, said.end), (said.quote_start, said.quote_end), assertion, said.details,
        concept=said.concept, codes=said.codes, when=Period(said.when), value=said.value,
    )  # fmt: skip


def _stopped_by_title(reading: _Reading, said: Medicine) -> bool:
    """« Traitements arrêtés : Eliquis »."""
    return reading.context is Context.STOPPED and said.assertion is Assertion.PAST and not said.details


def _is_under(flat: str, start: int) -> bool:
    """« Pas de saignement sous Eliquis » denies the bleeding; « n'est pas sous Eliquis » denies the medicine."""
    before = flat[max(0, start - 60) : start]
    return before.endswith(" sous ") and _NOT_UNDER.search(before) is None


def _is_over(reading: _Reading, said: Medicine) -> bool:
    """A medicine under « Antécédents » or after a date is past only where the sentence says so."""
    if _SINCE.search(reading.around(said.start, said.end)):
        return False  # « Eliquis depuis 2019 » is taken
    flat = reading.unit.flat
    titled = title_of(flat)
    if titled is not None:  # « Traitement personnel : », « Antécédents : » say nothing of a stop
        flat = " " * titled[1] + flat[titled[1] :]
    return asserted(flat).of(said.start, said.end) is Assertion.PAST
