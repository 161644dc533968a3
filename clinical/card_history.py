"""Conditions that change emergency care, implants, pregnancy, directives, contacts, vaccinations, blood group."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from clinical.card_lines import CONTRADICTED, Line, french, grouped, line_of, older_than, others_of
from clinical.drugs import CRITICAL
from clinical.folding import holds, plain
from clinical.series import when_of
from clinical.tables import listed, rows
from clinical.text.personal import ECTOPIC
from records.fact import Assertion, Fact, FactKind, Told

NOT_FOR_TRANSFUSION = "non utilisable pour transfuser"
TO_CHECK = "à vérifier"
PREGNANCY_DAYS = 300
"""A pregnancy without a term is to be checked when it was told longer ago than one lasts."""
_HELD = (Assertion.PRESENT, Assertion.SUSPECTED, Assertion.PAST)


@dataclass(frozen=True, slots=True)
class Watched:
    """A line of `conditions.txt` or `implants.txt`."""

    name: str
    words: tuple[str, ...]
    codes: tuple[str, ...]  # beginnings of CIM-10 codes, without dots
    runs_in_families: bool = False  # a relative's changes this patient's emergency care: anaesthesia, bleeding, rhythm

    def names(self, said: str, codes: tuple[str, ...]) -> bool:
        """Whether plain words, or codes without dots, are of these."""
        return any(holds(said, word) for word in self.words) or any(code.startswith(self.codes) for code in codes)


def condition_lines(facts: Iterable[Told]) -> list[Line]:
    """Critical conditions, in the order of the file; a denial only beside what it denies. A relative's is shown, as
    that, where the file says that it runs in families."""
    kinds = (FactKind.CONDITION, FactKind.PROCEDURE)
    return _watched(facts, kinds, "conditions.txt", everything_of=None)


def implant_lines(facts: Iterable[Told]) -> list[Line]:
    """Every implant, and procedures or conditions that say of one; with its dates."""
    kinds = (FactKind.IMPLANT, FactKind.PROCEDURE, FactKind.CONDITION)
    return _watched(facts, kinds, "implants.txt", everything_of=FactKind.IMPLANT)


def pregnancy_lines(facts: Iterable[Told], now: date) -> list[Line]:
    """What is told of a pregnancy; past its term it is to be checked, never taken off. One that a document places in
    the past is counted only."""
    told = _of(facts, FactKind.PREGNANCY)
    current = [each for each in told if not _is_over(each, now)]
    lines = []
    for same in grouped(current, _statement).values():
        shown = same[0]
        term = shown.fact.detail("term_date") or shown.fact.when.end
        remarks = [f"terme prévu le {french(term)}"] if term else []
        if term and older_than(term, now, 0):
            remarks.append(f"{TO_CHECK} : terme dépassé")
        elif not term and older_than(when_of(shown), now, PREGNANCY_DAYS):
            remarks.append(f"{TO_CHECK} : mention ancienne, terme non précisé")
        lines.append(replace(line_of(shown, _words(shown.fact), remarks=remarks), also=others_of(same, shown)))
    over = len(told) - len(current)
    return [*_against(lines), *([Line(f"{over} mention(s) de grossesse passée, non montrée(s) ici")] if over else [])]


def _is_over(told: Told, now: date) -> bool:
    """Whether it is of the past: dated longer ago than a pregnancy lasts, or ectopic and told as past."""
    fact = told.fact
    ectopic = plain(fact.concept) == plain(ECTOPIC)
    if fact.assertion is not Assertion.PAST and not ectopic:
        return False
    return (ectopic and fact.assertion is Assertion.PAST) or (
        bool(when_of(told)) and older_than(when_of(told), now, PREGNANCY_DAYS)
    )


def directive_lines(facts: Iterable[Told]) -> list[Line]:
    """Advance directives and treatment limitations, newest first."""
    return _against(_plain_lines(_of(facts, FactKind.DIRECTIVE)))


def contact_lines(facts: Iterable[Told]) -> list[Line]:
    """The personne de confiance first, then who is to be told."""
    lines = _plain_lines(_of(facts, FactKind.CONTACT), extra=("role", "relation", "telephone"))
    return sorted(lines, key=lambda line: "confiance" not in plain(line.text))


def vaccine_lines(facts: Iterable[Told], name_of: Callable[[Fact], str], now: date) -> list[Line]:
    """The last known dose of each vaccine; `name_of` gives its name. A dose of a day to come is none."""
    known = (each for each in _of(facts, FactKind.IMMUNIZATION) if each.fact.assertion in _HELD)
    given = [each for each in known if each.fact.when.start[:10] <= now.isoformat()]
    lines = []
    for name, same in grouped(given, lambda told: name_of(told.fact)).items():
        latest = max(same, key=when_of)
        days = len({when_of(each) for each in same})
        remarks = [f"{days} doses citées"] if days > 1 else []
        lines.append(replace(line_of(latest, str(name), remarks=remarks), also=others_of(same, latest)))
    return lines


def blood_group_lines(facts: Iterable[Told]) -> list[Line]:
    """What documents say; they do not suffice to transfuse."""
    lines = []
    for same in grouped(_of(facts, FactKind.BLOOD_GROUP), lambda told: _group(told.fact)).values():
        line = line_of(same[0], _group(same[0].fact), remarks=[NOT_FOR_TRANSFUSION])
        lines.append(replace(line, also=others_of(same, same[0])))
    differ = len({plain(line.text) for line in lines}) > 1
    return (
        [replace(line, contradicted=True, remarks=(*line.remarks, CONTRADICTED)) for line in lines] if differ else lines
    )


def _watched(
    facts: Iterable[Told],
    kinds: tuple[FactKind, ...],
    name: str,
    *,
    everything_of: FactKind | None,
) -> list[Line]:
    kept = [each for each in facts if each.fact.kind in kinds and each.fact.assertion is not Assertion.HYPOTHETICAL]
    blocks = grouped(kept, lambda told: _line_of(name, told.fact))
    dated = everything_of is FactKind.IMPLANT  # when a stent was put in decides
    lines: list[Line] = []
    for number, watched in enumerate(_table(name)):
        block = blocks.get(number, [])
        if not watched.runs_in_families:
            block = [each for each in block if each.fact.assertion is not Assertion.FAMILY]
        if any(each.fact.assertion in _HELD for each in block):
            lines += _against(_plain_lines(block, group=watched.name, dated=dated))
        else:
            relatives = [each for each in block if each.fact.assertion is Assertion.FAMILY]
            lines += _plain_lines(relatives, group=watched.name, dated=dated)
    rest = (each for each in blocks.get(-1, []) if each.fact.kind is everything_of)
    return lines + _plain_lines([each for each in rest if each.fact.assertion in _HELD], dated=dated)


def _line_of(name: str, fact: Fact) -> int:
    """The first line of a table that names the fact; -1 when none does."""
    codes = tuple(code.code.upper().replace(".", "") for code in fact.codes if _is_cim(code.system))
    return _first_line(name, f"{fact.label} {fact.concept}", codes)


@lru_cache(maxsize=16_384)
def _first_line(name: str, words: str, codes: tuple[str, ...]) -> int:
    said = plain(words)
    return next((number for number, watched in enumerate(_table(name)) if watched.names(said, codes)), -1)


def _plain_lines(
    facts: Sequence[Told],
    *,
    group: str = "",
    extra: tuple[str, ...] = ("side", "site", "device"),
    dated: bool = False,
) -> list[Line]:
    """One line a statement, its newest source first; `dated`: the same at two dates is two."""

    def key(told: Told) -> Hashable:
        day = told.fact.when.start if dated else ""
        return (_statement(told), day, *(told.fact.detail(name) for name in extra))

    lines = []
    for same in grouped(facts, key).values():
        line = line_of(same[0], _words(same[0].fact, extra), group=group)
        lines.append(replace(line, also=others_of(same, same[0])))
    return lines


def _against(lines: list[Line]) -> list[Line]:
    """Mark lines of one subject that affirm and deny."""
    said = {line.assertion for line in lines}
    if Assertion.ABSENT not in said or not said & set(_HELD):
        return lines
    return [replace(line, contradicted=True, remarks=(*line.remarks, CONTRADICTED)) for line in lines]


def _statement(told: Told) -> tuple[str, ...]:
    fact = told.fact
    return (plain(fact.concept or fact.label), fact.assertion)


def _words(fact: Fact, extra: tuple[str, ...] = ()) -> str:
    told = [fact.label]
    if fact.concept and plain(fact.concept) not in plain(fact.label):
        told.append(f"({fact.concept})")
    value = "" if fact.value is None else f"{fact.value.text} {fact.value.unit}".strip()
    told += [
        more
        for more in (value, *(fact.detail(name) for name in extra))
        if more and plain(more) not in plain(fact.label)
    ]
    return " ; ".join(dict.fromkeys(told)) if len(told) > 1 else told[0]


def _group(fact: Fact) -> str:
    value = "" if fact.value is None else fact.value.text.strip()
    return value if value else fact.label


def _of(facts: Iterable[Told], kind: FactKind) -> list[Told]:
    kept = (Assertion.FAMILY, Assertion.HYPOTHETICAL)
    return [each for each in facts if each.fact.kind is kind and each.fact.assertion not in kept]


def _is_cim(system: str) -> bool:
    said = system.casefold()
    return "icd" in said or "cim" in said or said == "i10" or "2.16.840.1.113883.6.3" in said


@lru_cache(maxsize=2)
def _table(name: str) -> tuple[Watched, ...]:
    """`conditions.txt` or `implants.txt`: only the first says what runs in families."""
    conditions = name == "conditions.txt"
    return tuple(
        Watched(
            called,
            tuple(map(plain, listed(words))),
            tuple(code.replace(".", "") for code in listed(codes)),
            more == ["famille"],
        )
        for called, words, codes, _, *more in rows(CRITICAL / name, 5 if conditions else 4)
    )
