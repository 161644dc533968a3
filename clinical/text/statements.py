"""The other facts of a unit: conditions, procedures, implants, vaccines by name; then what `personal.py` reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from clinical.lexicon import entries
from clinical.text.dated import when
from clinical.text.plain import plain
from clinical.text.sections import Context
from clinical.text.signs import any_of
from clinical.text.terms import Terms
from clinical.text.units import Unit
from clinical.text.vocabulary import parts, rows
from records.fact import Assertion, Coding, FactKind, Quantity

CIM10 = "2.16.840.1.113883.6.3"
_SIDE = re.compile(r"[^.;\n,]{0,30}?\b(droite?s?|gauches?|bilaterale?s?|bilateraux|right|left)\b")
_DEFERRED = re.compile(rf"[^.;\n,]{{0,30}}\b{any_of('deferred')}(?![^\W_])")
_PLANNED = re.compile(
    r"\b(?:discussion|discuter|liste(?: d'attente)?|attente|projet|indication|candidate?|envisager|programmer|refuse?)"
    r" (?:de |d'|a |pour )(?:la |l'|une? )?(?:pose |implantation |mise en place )?(?:de |d')?(?:la |l'|une? )?$"
)
_NOT_YET = re.compile(r"\b(?:pas|non|jamais) encore (?:ete )?(?:sous |en |mise? (?:en |sous )|au stade de (?:la )?)?$")
_REMOVED = re.compile(r"[^.;\n,()]{0,20}\b(?<!non )(?:retiree?s?|explantee?s?|deposee?s?|enlevee?s?)(?![^\W_])")
_LEADS = re.compile(r"\b(?:sondes?|boitier|pile|fils?|redons?|drains?)\b")
_NOT_VACCINATED = re.compile(rf"[^.;\n,()]{{0,25}}\b{any_of('vaccine missing')}(?![^\W_])")
_VACCINE_REFUSED = re.compile(rf"\b{any_of('vaccine refused')}$")
_ABLATION = re.compile(
    r"\b(?:ablation|retrait|depose|explantation) (?:de |du |d'|de la |de l'|des |d'une? |de son |de sa )$"
)
_NOT_A_CONDITION = re.compile(rf"{any_of('not a condition before')}$")
_AGAINST = re.compile(
    r"\b(?P<not>non |pas |jamais )?(?:ete )?(?:bien )?vaccin(?:ations?|ee?s?|s)? (?:anti-?|contre |pour )?"
    r"(?:la |le |l'|les )?$"
)
_LONGEST_SHORT = 6


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact as a unit states it; offsets into the unit. `assertion` None: as the sentence states it."""

    kind: FactKind
    start: int
    end: int
    quote_start: int
    quote_end: int
    concept: str = ""
    codes: tuple[Coding, ...] = ()
    when: str = ""
    value: Quantity | None = None
    assertion: Assertion | None = None
    details: tuple[tuple[str, str], ...] = ()
    lasting: bool = False  # listed among antecedents, it is still there


@dataclass(frozen=True, slots=True)
class Named:
    """A condition, procedure, implant or vaccine. `lasting`: under « Antécédents » it is still there."""

    kind: FactKind
    preferred: str
    code: str = ""
    lasting: bool = False


@lru_cache(maxsize=1)
def names() -> Terms[Named]:
    """Every act and condition by name: acts first, then preferred terms, synonyms, short forms, English."""
    return Terms(tuple(_names()))


def _names() -> Iterator[tuple[str, Named]]:
    for kind, preferred, others in rows("acts.txt", 3):
        act = Named(FactKind(kind), preferred)
        yield from ((name, act) for name in (preferred, *parts(others)))
    coded = {preferred: (code, others, mark) for code, preferred, others, mark in rows("conditions.txt", 4)}
    general = {preferred for preferred, (_, _, mark) in coded.items() if mark == "general"}
    shipped = [each for each in entries() if each.source.startswith("maladies") and each.preferred not in general]
    conditions = {each.preferred: Named(FactKind.CONDITION, each.preferred) for each in shipped}
    for preferred, (code, _, mark) in coded.items():
        if mark != "general":
            conditions[preferred] = Named(FactKind.CONDITION, preferred, code, mark == "lasting")
    yield from conditions.items()
    for preferred, (_, others, mark) in coded.items():
        if mark != "general":
            yield from ((name, conditions[preferred]) for name in parts(others))
    for entry in shipped:
        short = (
            each.text for each in entry.abbreviations if not each.context and 2 <= len(each.text) <= _LONGEST_SHORT
        )
        others_of = (*entry.synonyms, *short, *entry.english)
        yield from ((name, conditions[entry.preferred]) for name in others_of if name not in general)


def read(unit: Unit, text: str, context: Context, taken: list[tuple[int, int]]) -> Iterator[Statement]:
    """What a unit names; what lies in `taken` belongs to another fact."""
    if context is Context.ALLERGY:
        return
    for found in names().find(unit.flat, text):
        if any(low <= found.start < high for low, high in taken):
            continue
        named = found.entry
        before = unit.flat[max(0, found.start - 40) : found.start]
        against = _AGAINST.search(before) if named.kind is FactKind.CONDITION else None
        decided = None
        if named.kind is FactKind.CONDITION and (against is not None or context is Context.VACCINES):
            vaccine = _vaccine_against(text[found.start : found.end])
            if vaccine is None:
                continue
            named = vaccine
            decided = Assertion.ABSENT if against is not None and against["not"] else None
        elif named.kind is FactKind.CONDITION and _NOT_A_CONDITION.search(before):
            continue
        side = _SIDE.match(unit.flat, found.end)
        dated = when(unit.flat, text, found.end)
        yield Statement(
            named.kind,
            found.start,
            found.end,
            found.start,
            max(found.end, dated.end if dated is not None else 0),
            named.preferred,
            (Coding(CIM10, named.code, named.preferred),) if named.code else (),
            dated.written if dated is not None else "",
            assertion=decided or _decided(unit.flat, found.start, found.end, named),
            details=(("side", text[side.start(1) : side.end(1)] if side is not None else ""),),
            lasting=named.lasting,
        )


def _vaccine_against(disease: str) -> Named | None:
    """The vaccine that « vaccin » and a disease name together."""
    name = f"vaccin {disease}"
    found = next(names().find(plain(name), name), None)
    return found.entry if found is not None and found.entry.kind is FactKind.IMMUNIZATION and not found.start else None


def _decided(flat: str, start: int, end: int, named: Named) -> Assertion | None:
    """What the words around decide before the sentence does."""
    before = flat[max(0, start - 60) : start]
    if named.kind is FactKind.IMPLANT:
        removed = _REMOVED.match(flat, end)
        if _ABLATION.search(before) or (removed is not None and _LEADS.search(removed[0]) is None):
            return Assertion.PAST
    if named.kind is FactKind.PROCEDURE and _NOT_YET.search(before):
        return Assertion.ABSENT  # « pas encore dialysé »
    if named.kind is FactKind.IMMUNIZATION and (_NOT_VACCINATED.match(flat, end) or _VACCINE_REFUSED.search(before)):
        return Assertion.ABSENT
    if named.kind in (FactKind.PROCEDURE, FactKind.IMPLANT) and _PLANNED.search(before):
        return Assertion.HYPOTHETICAL  # « discussion de pose d'un DAI », « sur liste de transplantation »
    if named.kind in (FactKind.IMMUNIZATION, FactKind.PROCEDURE, FactKind.IMPLANT) and _DEFERRED.match(flat, end):
        return Assertion.HYPOTHETICAL
    return None
