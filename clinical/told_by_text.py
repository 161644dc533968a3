"""The facts that running text tells, a page at a time: `facts_of(page, section_before, metadata)`.

Reads units (sentences, rows, items) one after the other. In each: drugs, measured values, allergies and the rest, then
how the sentence states them. A drug under « Allergies » is no treatment, a value of lithium is no treatment either.
Linear in the text: units are short and every look-up stays inside one. Pure: neither files nor clock, only data files
that ship with the package.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from clinical.asserted import asserted
from clinical.text import personal, statements
from clinical.text.allergies import sensitivities
from clinical.text.allergy_words import Sensitivity
from clinical.text.box_marks import State
from clinical.text.boxes import Forms, Part
from clinical.text.labs import Measure, analytes, measures
from clinical.text.measured_on import Days, days_of
from clinical.text.medications import Medicine, medicines
from clinical.text.misspelt import misspelt
from clinical.text.next_sentence import follows, reacts, told_in_the_next
from clinical.text.placed import placed
from clinical.text.plain import plain
from clinical.text.pointed import pointed
from clinical.text.reading import Details, Reading, Where
from clinical.text.sections import Context, context_of, title_of
from clinical.text.signs import any_of
from clinical.text.statements import Statement
from clinical.text.terms import Found
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug, drugs
from records.content import Metadata, Page
from records.fact import DANGERS, Assertion, Fact, FactKind, Period, Quote

MOST_FACTS = 10_000
"""Facts of a page. More is no page of a health record: reading stops there, so that a hostile one costs seconds."""
_OVER = re.compile(rf"\b{any_of('over')}\b")
_SINCE = re.compile(rf"\b{any_of('since')}")
_TREATMENT = re.compile(r"(?:[-–—;.,|/)\t]|  )[ ]*(?:traitements?|ttt|trt)(?: \w{1,12}){0,2} ?:")
"""« Allergies : aucune - Traitement : Eliquis » on one line."""
_NOT_UNDER = re.compile(r"\b(?:pas|plus|jamais|non|ni|sans)(?: (?:ete|mise?|placee?|encore|actuellement))* sous $")
_IF = re.compile(r"\b(?:si|s'il|s'ils|en cas|risques?|if|in case|eventuel\w*|en prevision|depist\w+|recherche\w*)\b")
_ABOUT_ALLERGY = re.compile(
    rf"\b(?:{any_of('allergy')}|allergenes?\b|reactions? (?:a |aux? )(?:une? |des |certain)|reactions? ?\?)"
)
_ALLERGIES = "Allergies"
_TO_VERIFY = "case du formulaire à vérifier"
_GUESSED = "nom reconnu à une lettre près"
_MEASURED = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN})
_STANDING = (FactKind.PROCEDURE, FactKind.IMPLANT, FactKind.IMMUNIZATION, FactKind.BLOOD_GROUP, FactKind.DIRECTIVE)
"""What was done or put in place stays true: its date says when. « Vaccin contre » is no condition of an instruction."""


def facts_of(page: Page, section_before: str = "", metadata: Metadata = Metadata()) -> tuple[Fact, ...]:
    """The facts that a page's text tells, in reading order; last the sentences that are only pointed at.

    `section_before` is the title in force at the end of the page before (`section_after` of it). Text that a structured
    entry already gave as facts must not be passed again. What is said twice on a page, in the same way, is told once.
    """
    facts: dict[tuple[object, ...], Fact] = {}
    where, count, standing, forms = Where(page), 0, "", Forms(page.text.lower())
    before: Unit | None = None
    read: list[tuple[Unit, str]] = []
    understood: list[Quote] = []
    for unit, title in placed(page, section_before):
        read.append((unit, title))
        days = days_of(unit.flat, page.text[unit.start : unit.end], standing)
        told = list(_facts_of_parts(page, unit, title, where, days, forms))
        told += _told_across(page, before, unit, title, where)
        before = unit
        understood += (fact.quote for fact in told if fact.kind in DANGERS)
        measured = any(fact.kind in _MEASURED for fact in told)
        standing = days.head if days.is_heading or (measured and days.head == standing) else ""
        for fact in told:
            key = (fact.kind, plain(fact.label), fact.assertion, fact.value, fact.when, fact.details)
            facts.setdefault(key, fact)
            count += 1
        if count >= MOST_FACTS:
            break
    for fact in islice(pointed(page, read, understood, where), max(0, MOST_FACTS - count)):
        facts.setdefault((fact.kind, plain(fact.label), fact.assertion), fact)
    del metadata  # a document's type and date decide nothing here: the reader of facts has them
    return tuple(facts.values())


def section_after(page: Page, section_before: str = "") -> str:
    """The title in force at the end of a page."""
    return (
        deque((title for _, title in placed(page, section_before)), maxlen=1).pop()
        if page.text.strip()
        else section_before
    )


def _facts_of_parts(page: Page, unit: Unit, title: str, where: Where, days: Days, forms: Forms) -> Iterator[Fact]:
    """Of a unit as it stands, or of what its boxes leave of it."""
    in_table = forms.in_table
    parts = forms.parts(unit)
    if len(parts) == 1 and parts[0].unit is unit:
        yield from _facts_of_unit(page, parts[0], title, where, days)
        return
    if not forms.reacting:
        forms.allergic = _ABOUT_ALLERGY.search(unit.flat) is not None or (in_table and forms.allergic)
    own = any(part.chosen and _ABOUT_ALLERGY.match(part.unit.flat.lstrip()) is not None for part in parts)
    for part in parts:
        other = own and part.chosen and _ABOUT_ALLERGY.search(part.unit.flat) is None and len(parts) > 1
        titled = title if not forms.allergic or other or context_of(title) is Context.ALLERGY else _ALLERGIES
        for fact in _facts_of_unit(page, part, titled, where, days):
            if fact.kind in _MEASURED or fact.assertion is not Assertion.PRESENT or part.state is State.TICKED:
                yield fact
            elif part.state is State.EMPTY:
                yield replace(fact, assertion=Assertion.ABSENT)
            else:
                yield replace(fact, assertion=Assertion.SUSPECTED, details=(*fact.details, ("note", _TO_VERIFY)))


def _told_across(page: Page, before: Unit | None, unit: Unit, title: str, where: Where) -> Iterator[Fact]:
    """What a reaction is put down to that stands in the sentence before, or in the clause before of the same one."""
    context = context_of(title)
    if context is Context.FAMILY or not reacts(unit.flat):
        return
    both, at = unit, unit.flat.find(";") + 1
    if not at and before is not None and before.end == unit.start and follows(before.flat):
        both, at = Unit(before.start, unit.end, before.flat + unit.flat), len(before.flat)
    if at:
        text = page.text[both.start : both.end]
        reading = Reading(page, both, title, context, where)
        named = list(drugs().find(both.flat, text))
        yield from (_sensitivity(reading, each) for each in told_in_the_next(both.flat, text, at, named))


def _facts_of_unit(page: Page, part: Part, title: str, where: Where, days: Days) -> Iterator[Fact]:
    unit = part.unit
    text = page.text[unit.start : unit.end]
    reading = Reading(page, unit, title, context_of(title), where)
    named = list(drugs().find(unit.flat, text))
    named = sorted([*named, *misspelt(unit.flat, text, named)], key=lambda each: each.start)
    treatment = _TREATMENT.search(unit.flat) if reading.context is Context.ALLERGY else None
    if treatment is not None:
        listed, named = named, [each for each in named if each.start < treatment.start()]
        before = Unit(unit.start, unit.start + treatment.start(), unit.flat[: treatment.start()])
        told = list(sensitivities(before, text[: treatment.start()], named, reading.context, chosen=part.chosen))
        named = [each for each in listed if each.start >= treatment.start()]
    else:
        told = list(sensitivities(unit, text, named, reading.context, chosen=part.chosen))
    taken = [(each.quote_start, each.end) for each in told if each.taken]
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


def _sensitivity(reading: Reading, said: Sensitivity) -> Fact:
    assertion = said.assertion or reading.assertion(said.start, said.end)
    supposed = assertion is Assertion.HYPOTHETICAL and _IF.search(reading.unit.flat[: said.start]) is not None
    if assertion is Assertion.PAST or (
        assertion is Assertion.HYPOTHETICAL and (reading.context is Context.ALLERGY or not supposed)
    ):
        assertion = Assertion.PRESENT  # an allergy does not pass with the episode that told of it
    details: Details = (
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


def _measure(reading: Reading, said: Measure, day: str) -> Fact:
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


def _medicine(reading: Reading, text: str, said: Medicine) -> Fact:
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
    details: Details = (
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


def _statement(reading: Reading, said: Statement) -> Fact:
    assertion = said.assertion or reading.assertion(said.start, said.end)
    if said.assertion is None and said.kind in _STANDING and assertion in (Assertion.PAST, Assertion.HYPOTHETICAL):
        assertion = Assertion.PRESENT
    if assertion is Assertion.PAST and said.lasting and not _OVER.search(reading.around(said.start, said.end)):
        assertion = Assertion.PRESENT  # « antécédents : HTA, asthme » lists what is still there
    return reading.fact(
        said.kind, (said.start, said.end), (said.quote_start, said.quote_end), assertion, said.details,
        concept=said.concept, codes=said.codes, when=Period(said.when), value=said.value,
    )  # fmt: skip


def _stopped_by_title(reading: Reading, said: Medicine) -> bool:
    """« Traitements arrêtés : Eliquis »."""
    return reading.context is Context.STOPPED and said.assertion is Assertion.PAST and not said.details


def _is_under(flat: str, start: int) -> bool:
    """« Pas de saignement sous Eliquis » denies the bleeding; « n'est pas sous Eliquis » denies the medicine."""
    before = flat[max(0, start - 60) : start]
    return before.endswith(" sous ") and _NOT_UNDER.search(before) is None


def _is_over(reading: Reading, said: Medicine) -> bool:
    """A medicine under « Antécédents » or after a date is past only where the sentence says so."""
    if _SINCE.search(reading.around(said.start, said.end)):
        return False  # « Eliquis depuis 2019 » is taken
    flat = reading.unit.flat
    titled = title_of(flat)
    if titled is not None:  # « Traitement personnel : », « Antécédents : » say nothing of a stop
        flat = " " * titled[1] + flat[titled[1] :]
    return asserted(flat).of(said.start, said.end) is Assertion.PAST
