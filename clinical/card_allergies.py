"""Allergies and intolerances on the card: severe ones first, denials beside what they deny, nothing left out.

A denial never hides an allergy, whatever its date. An allergy in a relative, supposed or to be ruled out is shown with
that word: a reader who errs must err on this side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from clinical.card_lines import CONTRADICTED, Line, french, grouped, line_of, mentioned, others_of, reading_notes
from clinical.drugs import CRITICAL, medicines_of, shared_class
from clinical.folding import holds, plain
from clinical.tables import listed, rows
from records.fact import POINTED, Assertion, Fact, FactKind, Told

SEVERE, GENERAL = "grave", "toute allergie"
_ALLERGY_TO = re.compile(
    r"^(?:(?:notion d )?(?:allergies?|allergique|intolerances?|intolerant|hypersensibilite|allergy|reaction)"
    r"(?: medicamenteuses?| severe| grave| connues?)*(?: (?:a la|a l|aux|au|a|to))?)\s*"
)
_NOBODY = re.compile(r"^(?:pas d |absence d |aucune? |no (?:known )?|sans )?(?:allergies?|allergy|atcd allergiques?)\b")
_STATED = frozenset({Assertion.PRESENT, Assertion.SUSPECTED, Assertion.PAST})


def allergy_lines(facts: Sequence[Told]) -> list[Line]:
    """One block a substance: what is stated of it and what denies it, side by side; then the sentences to be read."""
    unread = [each for each in facts if each.fact.is_pointed]
    facts = [each for each in facts if not each.fact.is_pointed]
    allergies = [each for each in facts if each.fact.kind in (FactKind.ALLERGY, FactKind.INTOLERANCE)]
    forbidden = [each for each in facts if each.fact.kind is FactKind.CONTRAINDICATION]
    kinds = (FactKind.MEDICATION, FactKind.DISPENSING)
    medicines = {
        name: each
        for each in reversed(facts)
        if each.fact.kind in kinds and each.fact.assertion in _STATED
        for name in medicines_of(each.fact)
    }
    blocks = grouped(allergies, lambda told: _subject(told.fact))
    denials = blocks.pop(GENERAL, [])
    stated = any(each.fact.assertion in _STATED for block in blocks.values() for each in block)
    lines: list[tuple[tuple[bool, bool, str], list[Line]]] = []
    for subject, block in blocks.items():
        own = _block(block, medicines, denied=bool(denials), opposed=_opposed(subject, blocks))
        severe = any(SEVERE in line.remarks for line in own)
        held = any(each.fact.assertion in _STATED for each in block)
        lines.append(((not (severe and held), not held, str(subject)), own))
    ordered = [line for _, own in sorted(lines, key=lambda each: each[0]) for line in own]
    barred = grouped(
        forbidden, lambda told: _subject(told.fact)
    ).values()  # no denial of allergies says anything of them
    ordered += [line for block in barred for line in _block(block, medicines, denied=False, opposed=False)]
    ordered += [_to_read(same) for same in grouped(unread, lambda told: plain(told.fact.label)).values()]
    return ordered + _states(denials, _nothing, contradicted=stated and bool(denials))


def _to_read(same: Sequence[Told]) -> Line:
    """A sentence that no rule understood, quoted: it is of no medicine and contradicts no denial."""
    shown = same[0]
    line = line_of(shown, f"« {' '.join(shown.fact.quote.text.split())} »")
    return replace(line, remarks=(POINTED,), also=others_of(same, shown))


def _nothing(_: Told) -> tuple[str, ...]:
    return ()


def is_severe(fact: Fact) -> bool:
    """Whether severity, reaction or label hold a word of the severe lists."""
    said = plain(" ".join((fact.detail("severity"), *(code.code for code in fact.codes))))
    words = plain(" ".join((fact.detail("reaction"), fact.label, fact.detail("severity"))))
    return any(holds(said, word) for word in _severities()) or any(f" {word}" in f" {words}" for word in _reactions())


def _opposed(subject: Hashable, blocks: Mapping[Hashable, Sequence[Told]]) -> bool:
    """Whether a document says the opposite of a substance of the same class, of the class itself, or of what documents
    speak of for it (iodine for contrast media)."""
    own = blocks[subject]
    held, denied = any(map(_states_one, own)), any(map(_denies, own))
    return any(
        (held and any(map(_denies, block))) or (denied and any(map(_states_one, block)))
        for other, block in blocks.items()
        if other != subject and _related((str(subject), own), (str(other), block))
    )


def _related(one: tuple[str, Sequence[Told]], other: tuple[str, Sequence[Told]]) -> bool:
    if _families(one[0]) & _families(other[0]):
        return True
    names = [{name for told in block for name in medicines_of(told.fact)} for _, block in (one, other)]
    return any(shared_class(first, second) for first in names[0] for second in names[1])


def _states_one(told: Told) -> bool:
    return told.fact.assertion in _STATED


def _denies(told: Told) -> bool:
    return told.fact.assertion is Assertion.ABSENT


@lru_cache(maxsize=4_096)
def _families(subject: str) -> frozenset[str]:
    table = rows(CRITICAL / "allergen_groups.txt", 2)
    words = plain(subject)
    return frozenset(name for name, members in table if any(holds(words, plain(each)) for each in listed(members)))


def _block(block: Sequence[Told], medicines: Mapping[str, Told], *, denied: bool, opposed: bool) -> list[Line]:
    """The lines of one substance. `denied`: some document says that there is no allergy at all."""
    assertions = {each.fact.assertion for each in block}
    stated = bool(assertions & _STATED)
    contradicted = opposed or (stated and (Assertion.ABSENT in assertions or denied))

    def remarks(told: Told) -> tuple[str, ...]:
        held = told.fact.assertion in _STATED
        grave = (SEVERE,) if held and is_severe(told.fact) else ()
        return (*grave, *_alike(told, medicines), *reading_notes(told.fact)) if held else reading_notes(told.fact)

    return _states(block, remarks, contradicted=contradicted)


def _states(block: Sequence[Told], remarks: Callable[[Told], Sequence[str]], *, contradicted: bool) -> list[Line]:
    """A line for each way in which the block states it: kind, assertion, reaction and severity."""
    found: list[Line] = []
    for same in grouped(block, _state).values():
        shown = same[0]
        line = line_of(shown, _text(shown.fact), remarks=remarks(shown))
        found.append(replace(line, contradicted=contradicted, also=others_of(same, shown)))
    ranks = [Assertion.PRESENT, Assertion.PAST, Assertion.SUSPECTED]
    found.sort(key=lambda line: ranks.index(Assertion(line.assertion)) if line.assertion in ranks else len(ranks))
    return [replace(line, remarks=(*line.remarks, CONTRADICTED)) if contradicted else line for line in found]


def _state(told: Told) -> tuple[str, ...]:
    fact = told.fact
    return (fact.kind, fact.assertion, plain(fact.detail("reaction")), plain(fact.detail("severity")))


def _text(fact: Fact) -> str:
    if fact.assertion is Assertion.ABSENT:
        return f"« {fact.quote.text or fact.label} » : niée ou infirmée par ce document"
    kind = _KINDS[fact.kind]
    substance = fact.detail("substance") or fact.label
    head = (
        substance
        if _NOBODY.match(plain(substance)) or plain(substance).startswith("intol")
        else f"{kind} : {substance}"
    )
    concept = f" ({fact.concept})" if fact.concept and plain(fact.concept) not in plain(head) else ""
    reaction = f" ; réaction : {fact.detail('reaction')}" if fact.detail("reaction") else _UNSAID.get(fact.kind, "")
    severity = f" ; gravité : {fact.detail('severity')}" if fact.detail("severity") else ""
    return head + concept + reaction + severity


_KINDS = {
    FactKind.ALLERGY: "Allergie",
    FactKind.INTOLERANCE: "Intolérance",
    FactKind.CONTRAINDICATION: "Contre-indication",
}
_UNSAID = dict.fromkeys((FactKind.ALLERGY, FactKind.INTOLERANCE), " ; réaction non précisée")


def _alike(told: Told, medicines: Mapping[str, Told]) -> list[str]:
    """Medicines on record (their last mention) that are the allergen, or of its class: said as such, and no more."""
    said: dict[str, str] = {}
    for allergen in medicines_of(told.fact):
        for name in sorted(medicines):
            shared = "" if name == allergen else shared_class(allergen, name)
            if name == allergen or shared:
                label = f"même classe ({shared})" if shared else "même substance"
                said.setdefault(name, f"{label} : {name}, cité le {french(mentioned(medicines[name]))}")
    return list(said.values())


def _subject(fact: Fact) -> str:
    """What the allergy is to, as compared; GENERAL for « pas d'allergie connue »."""
    medicines = medicines_of(fact)
    if medicines:
        return " + ".join(medicines)
    words = plain(fact.detail("substance") or fact.concept or fact.label)
    bare = _ALLERGY_TO.sub("", words).strip()
    if fact.assertion is Assertion.ABSENT and (not bare or _NOBODY.match(words)) and not _names_one(words):
        return GENERAL
    return bare or words


def denies_all(fact: Fact) -> bool:
    """Whether it says that there is no allergy at all (« pas d'allergie connue »), not that one is denied."""
    return fact.assertion is Assertion.ABSENT and _subject(fact) == GENERAL


def _names_one(words: str) -> bool:
    return any(holds(words, preposition) for preposition in ("a la", "a l", "aux", "au", "to"))


@lru_cache(maxsize=1)
def _reactions() -> tuple[str, ...]:
    return tuple(plain(word) for word, _ in rows(CRITICAL / "severe_reactions.txt", 2))


@lru_cache(maxsize=1)
def _severities() -> tuple[str, ...]:
    return tuple(plain(word) for word, _ in rows(CRITICAL / "severities.txt", 2))
