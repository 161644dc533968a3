"""Pregnancy with its term, blood group, directives and treatment limitations, trusted persons and contacts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clinical.dates import find_dates
from clinical.text.dated import when
from clinical.text.signs import any_of
from clinical.text.statements import Statement
from clinical.text.units import Unit
from records.fact import Assertion, FactKind, Quantity

_PREGNANT = re.compile(rf"(?<![^\W_]){any_of('pregnancy')}(?![^\W_])")
_ECTOPIC = re.compile(r"extra|ectopi|geu")
ECTOPIC = "grossesse extra-utérine"
_NOT_NOW = re.compile(rf"(?<![^\W_]){any_of('no pregnancy')}$")
_DURATION = re.compile(
    r"[^.;\n]{0,30}?\b(\d{1,2}(?:[ ]?(?:\+|sa\+?|s)[ ]?\d)?[ ]?(?:sa|semaines?(?: d'amenorrhee)?|mois|weeks?|wg)"
    r"(?:[ ]?\+[ ]?\d(?:[ ]?j\w{0,5})?)?)\b"
)
_TERM = re.compile(rf"(?<![^\W_]){any_of('term')}[ ]?")
_BLOOD = re.compile(
    rf"(?<![^\W_]){any_of('blood')}[ ]?(?:[:=\t]|est)?[ \t]*(?P<abo>ab|a|b|o|0)(?:\d)?[ ,;\t]*"
    r"(?P<rh>(?:rh(?:esus)?\.?|rhd|d)?[ ]?(?::|d)?[ ]?(?:\+|-|−|–|pos(?:iti[fv]e?)?|neg(?:ati[fv]e?)?))(?![^\W_])"
)
_DIRECTIVE = re.compile(rf"(?<![^\W_]){any_of('directive')}(?![^\W_])")
_DIRECTIVE_ABSENT = re.compile(any_of("directive absent"))
_DIRECTIVE_DENIED = re.compile(any_of("directive absent before"))
_ANSWERED_NO = re.compile(r"[ ]?[:=?][ ]?(?:non|no|aucune?|neant)(?![^\W_])")
_LIFTED = re.compile(rf"[^.;,:\n]{{0,30}}\b{any_of('directive lifted')}(?![^\W_])")
_LIFTING = re.compile(
    r"\b(?:levee|annulation|abrogation|fin) (?:de |du |des |d')(?:la |l'|cette )?(?:decision (?:de |d'|des )?)?$"
)
_DIRECTIVE_ASKED = re.compile(any_of("directive question"))
_ITSELF_A_REFUSAL = re.compile(r"pas |ne pas|non |ni |refus|soins|do not|not to|dn|npr|ntbr|temoin|recuse|sedation")
_TRUSTED = re.compile(
    rf"(?<![^\W_])(?P<role>{any_of('trusted person')})(?![^\W_])[ ]?(?:\([^()]{{0,40}}\))?[ ]?(?:est|:|=|\t|,|-|–)?[ ]*"
)
_NOBODY = re.compile(r"(?:non (?:designee?|renseignee?|connue?)|aucune?|neant|pas (?:de|designee?)|inconnue?|absente?)")
_TELEPHONE = re.compile(r"(?<![\d+])(?:\+33[ .]?(?:\(0\))?[ ]?[1-9]|0[1-9])(?:[ .\-]?\d\d){4}(?!\d)")
_RELATION = re.compile(rf"(?<![^\W_]){any_of('relation')}(?![^\W_])")
_NAME = re.compile(r"(?:(?:M\.|Mr|Mme|Mlle|Monsieur|Madame|Dr)[ ])?(?:[A-ZÉÈÀÂÊÎÔÛÇ][\w'’-]{0,30}[ ]?){1,4}")


def read(unit: Unit, text: str, taken: list[tuple[int, int]]) -> Iterator[Statement]:
    """What a unit says of the person; what lies in `taken` belongs to another fact."""
    for reader in (_pregnancy, _blood, _directives, _contacts):
        for said in reader(unit.flat, text):
            if not any(low <= said.start < high for low, high in taken):
                yield said


def _pregnancy(flat: str, text: str) -> Iterator[Statement]:
    found = _PREGNANT.search(flat)
    while found is not None and _NOT_NOW.search(flat[max(0, found.start() - 60) : found.start()]):
        found = _PREGNANT.search(flat, found.end())
    if found is None:
        return
    duration = _DURATION.match(flat, found.start())
    term = _TERM.search(flat)
    day = next(find_dates(text[term.end() : term.end() + 30]), None) if term is not None else None
    ends = [found.end()]
    details = []
    if duration is not None:
        details.append(("duration", text[duration.start(1) : duration.end(1)]))
        ends.append(duration.end())
    if term is not None and day is not None:
        details.append(("term_date", day.days[-1].isoformat()))
        ends.append(term.end() + day.end)
    begun = when(flat, text, found.end()) if term is None else None
    ends += [begun.end] if begun is not None else []
    yield Statement(
        FactKind.PREGNANCY, found.start(), found.end(), found.start(), max(ends),
        ECTOPIC if _ECTOPIC.search(found[0]) else "grossesse",
        when=begun.written if begun is not None else "", details=tuple(details),
    )  # fmt: skip


def _blood(flat: str, text: str) -> Iterator[Statement]:
    for found in _BLOOD.finditer(flat):
        abo = found["abo"].upper().replace("0", "O")
        rhesus = "négatif" if re.search(r"neg|-|−|–", found["rh"]) else "positif"
        value = Quantity(text[found.start("abo") : found.end("rh")])
        yield Statement(
            FactKind.BLOOD_GROUP, found.start("abo"), found.end("rh"), found.start(), found.end(),
            f"{abo} rhésus {rhesus}", value=value, assertion=Assertion.PRESENT,
        )  # fmt: skip


def _directives(flat: str, text: str) -> Iterator[Statement]:
    del text
    end = 0
    for found in _DIRECTIVE.finditer(flat):
        if found.start() < end:
            continue
        end = found.end()
        assertion = None if _ITSELF_A_REFUSAL.match(found[0]) is None else Assertion.PRESENT
        if _ANSWERED_NO.match(flat, found.end()):
            assertion = Assertion.ABSENT  # « NTBR : non »
        elif _LIFTED.match(flat, found.end()) or _LIFTING.search(flat[: found.start()]):
            assertion = Assertion.PAST  # it was in force, and is no longer
        if assertion is None and (
            _DIRECTIVE_ABSENT.match(flat, found.end()) or _DIRECTIVE_DENIED.search(flat[: found.start()])
        ):
            assertion = Assertion.ABSENT
        if assertion is None and _DIRECTIVE_ASKED.search(flat[: found.start()]):
            assertion = Assertion.HYPOTHETICAL
        clause = next((at for at in range(found.end(), len(flat)) if flat[at] in ".;\n"), len(flat))
        yield Statement(FactKind.DIRECTIVE, found.start(), found.end(), found.start(), clause, assertion=assertion)


def _contacts(flat: str, text: str) -> Iterator[Statement]:
    people = list(_TRUSTED.finditer(flat))
    for number, found in enumerate(people):
        limit = people[number + 1].start() if number + 1 < len(people) else len(flat)
        role = ("role", text[found.start("role") : found.end("role")])
        if _NOBODY.match(flat, found.end()):
            yield Statement(
                FactKind.CONTACT, found.start(), found.end("role"), found.start(), limit,
                assertion=Assertion.ABSENT, details=(role,),
            )  # fmt: skip
            continue
        telephone = _TELEPHONE.search(flat, found.end(), limit)
        relation = _RELATION.search(flat, found.end(), limit)
        name = _name(flat, text, found.end(), limit)
        if name is None and telephone is None and relation is None:
            continue
        label = name.span() if name is not None else relation.span() if relation is not None else found.span("role")
        end = max(part.end() for part in (name, telephone, relation) if part is not None)
        details = [role]
        if relation is not None:
            details.append(("relation", text[relation.start() : relation.end()]))
        if telephone is not None:
            details.append(("telephone", text[telephone.start() : telephone.end()]))
        shown = len(text[label[0] : label[1]].rstrip()) + label[0]
        yield Statement(
            FactKind.CONTACT, label[0], shown, found.start(), end, assertion=Assertion.PRESENT, details=tuple(details)
        )


def _name(flat: str, text: str, start: int, limit: int) -> re.Match[str] | None:
    """The first run of capitalised words that is no relation (« Fille »)."""
    for found in _NAME.finditer(text, start, limit):
        if not _RELATION.fullmatch(flat[found.start() : found.end()].strip()):
            return found
    return None
