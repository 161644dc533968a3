"""The words that speak of an allergy or intolerance, and what stands before them: denials, doubts, the name itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.asserted import asserted
from clinical.text.allergy_words import Culprit, allergens, disproved_at
from clinical.text.lookalike import cue_lookalikes
from clinical.text.signs import any_of
from clinical.text.vocabulary import drugs
from records.fact import Assertion, FactKind

_CUE = re.compile(
    rf"\b(?:(?P<heading>{any_of('reaction heading')})|"
    rf"(?P<allergy>{any_of('allergy')})|(?P<intolerance>{any_of('intolerance')}))"
)
_COMPOUND = re.compile(
    r"(?<![^\W_])(?P<name>[^\W\d_]{4,20}?)-?(?P<cue>allergie|unvertraglichkeit|intolerantie)(?![^\W_])"
)
"""« Penicillinallergie », « latexallergie »: German and Dutch write the name and the word in one."""
_DENIED = re.compile(
    r"\b(?:pas d'|pas de |aucune?s? |sans |ni d'|ni |absence d'|"
    r"absence de |jamais (?:eu |fait |presente |connu |note )?(?:d'|de )|"
    r"no |no known |denie[sd] (?:any )?|keine? |geen |sin |senza |nessuna |ninguna |without (?:any )?|not |"
    r"(?:non|pas|nullement|jamais) (?:connue? )?(?:comme )?)"
    r"(?:(?:antecedents?|atcds?|notion|histoire|history|terrain|trace|"
    r"argument|known|connus?|personnels?) ?(?:d'|de |of |pour )?){0,2}"
    r"(?:(?!(?:autres?|other|andere|seul\w*) )\w{1,20} )?$"
)
_OTHER = re.compile(r"(?<![^\W_])(?:autres?|other|andere|altre|otras?|seules?|only) (?:\w{1,16} )?$")
_THAN = re.compile(
    r"(?: (?:connue?|notee?|signalee?|declaree?|rapportee?|known|medicamenteuse|"
    r"alimentaire)s?){0,3} qu(?:e |')(?:a )?(?:la |le |les |l'|aux? )?"
)
_ABOUT = re.compile(
    r"[ \t|]*(?:[:=,(–-][ ]*)?(?:[(]?(?:drug |severe |grave |car |cf |"
    r"because |patiente? |malade |est |deja |connue? |tres |free ){0,3})?"
)
"""Between a name and the « allergie » or "allergy" that is said of it."""
_IN_BRACKETS = re.compile(
    r"[^()]{0,40}\([^()]{0,20}\Z|[ ][–-][ ]|[^().;,]{0,12}(?:[,:] ?)?(?:car|because)\b[^().;,]{0,20}\Z"
)
_DOUBTED = re.compile(rf"(?<![^\W_]){any_of('doubted by')} ?(?:une? |d')?\Z")
_CLAUSE = re.compile(r"[.;\n]|\b(?:mais|but|cependant)\b")
_TO_THE_LEFT, _OF_CLAUSE = 25, 110


@dataclass(frozen=True, slots=True)
class Cue:
    """The word of an allergy or intolerance at flat[start:end]. `heading`: it opens a list of reactions to drugs."""

    start: int
    end: int
    kind: FactKind
    word: str
    heading: bool = False


def cues(flat: str) -> list[Cue]:
    """Every cue of a unit, in order."""
    found = [
        Cue(*cue.span(), FactKind.ALLERGY if cue["allergy"] is not None else FactKind.INTOLERANCE, cue[0],
            cue["heading"] is not None)
        for cue in _CUE.finditer(flat)
    ]  # fmt: skip
    more = [(*cue.span("cue"), FactKind.ALLERGY if cue["cue"] == "allergie" else FactKind.INTOLERANCE)
            for cue in _COMPOUND.finditer(flat)]  # fmt: skip
    more += [(start, end, FactKind.ALLERGY) for start, end in cue_lookalikes(flat)]
    for start, end, kind in more:
        if not any(cue.start < end and start < cue.end for cue in found):
            found.append(Cue(start, end, kind, flat[start:end]))
    found.sort(key=lambda cue: cue.start)
    return [cue for cue in found if not (cue.word.startswith("anaphyla") and _is_detail(flat, found[0], cue))]


def _is_detail(flat: str, first: Cue, cue: Cue) -> bool:
    """« Allergies: penicillin (anaphylaxis), shellfish »: how one reacts, in brackets, opens no list of its own."""
    return first.start < flat.rfind("(", 0, cue.start) > flat.rfind(")", 0, cue.start)


def compounds(flat: str) -> Iterator[Culprit]:
    """The names that German and Dutch write in one word with the allergy, where the vocabulary knows them."""
    for found in _COMPOUND.finditer(flat):
        start, end = found.span("name")
        for name in (found["name"], found["name"].removesuffix("s"), found["name"] + "e"):
            drug = next((each for each in drugs().find(name, name) if each.end == len(name)), None)
            other = next((each for each in allergens().find(name, name) if each.end == len(name)), None)
            if drug is not None or other is not None:
                allergen = drug.entry.substance if drug is not None else other.entry if other is not None else ""
                yield Culprit(start, end, drug.entry if drug is not None else None, allergen)
                break


def denied(flat: str, start: int) -> bool:
    """Whether the words before flat[start] deny what begins there: « aucun antécédent d' », « pas de »."""
    return _DENIED.search(flat[max(0, start - 60) : start]) is not None


def none_but(flat: str, cue: Cue) -> int | None:
    """Where the exception begins in « pas d'autre allergie connue que l'iode »."""
    than = _THAN.match(flat, cue.end) if _OTHER.search(flat[: cue.start]) else None
    return than.end() if than is not None else None


def is_other(flat: str, cue: Cue) -> bool:
    """« Pas d'autre allergie » denies nothing that was named before."""
    return _OTHER.search(flat[: cue.start]) is not None


def doubt_start(flat: str, start: int) -> tuple[int, bool]:
    """Where the words about an allergy begin, and whether they doubt it: « ? allergie à l'iode », « se croit … »."""
    if flat[max(0, start - 2) : start] == "? ":
        return start - 2, True
    by = _DOUBTED.search(flat, max(0, start - 45), start)
    return (by.start(), True) if by is not None else (start, False)


def named_before(flat: str, cue: Cue, known: list[Culprit]) -> list[tuple[Culprit, Assertion | None]]:
    """The name that stands before its cue, and how it is stated where the name's own words do not say: « aspirine :
    intolérance », "latex allergy", « sans poisson (allergie) », « tests à l'iode négatifs, allergie infirmée »."""
    if cue.heading:
        return []
    before = [each for each in known if each.end <= cue.start]
    if not before:
        return []
    last, between = before[-1], flat[before[-1].end : cue.start]
    if disproved_at(flat, cue.end) and len(between) <= _OF_CLAUSE and _CLAUSE.search(between) is None:
        return [(each, None) for each in before if cue.start - each.end <= _OF_CLAUSE]
    if _IN_BRACKETS.fullmatch(between) and not denied(flat, cue.start):
        if asserted(flat).is_of_family(last.start):
            return [(last, Assertion.FAMILY)]
        opens = max(last.end, flat.rfind("(", 0, cue.start))  # « sans poisson (allergie) »: « sans » denies no allergy
        stated = asserted(flat[opens:]).of(cue.start - opens, cue.end - opens)
        return [(last, stated if stated is not Assertion.PAST else Assertion.PRESENT)]
    if len(between) <= _TO_THE_LEFT and (
        _ABOUT.fullmatch(between) or (cue.kind is FactKind.INTOLERANCE and re.search(r"[,;.]", between) is None)
    ):
        return [(last, None)]
    return []
