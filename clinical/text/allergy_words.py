"""What is said of one allergy, intolerance or contra-indication: of what, how one reacts, disproved or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from clinical.text.signs import any_of
from clinical.text.terms import Found, Terms
from clinical.text.vocabulary import Drug, parts, rows
from records.fact import Assertion, FactKind

_DISPROVED = re.compile(rf"\b{any_of('disproved')}\b")
_SUSPECTED = re.compile(rf"\b{any_of('doubtful allergy')}\b|\?")
_SEVERITY = re.compile(rf"\b{any_of('severity')}\b")
_OF_ANOTHER = re.compile(
    r",[ ](?!(?:depuis|mais|desormais|re-?introdui\w*|repri\w+|actuellement|puis|bien|elle|il|apres|a ete|est)\b)"
    r"[^\W\d_][\w' -]{2,40} (?:bien )toleree?s?\Z"
)
"""« Allergie à l'amoxicilline, acide clavulanique bien toléré »: the good tolerance is of the second."""
_OF_SORT = re.compile(r" (?:de )?(?:type |marque )?")
_FINE = re.compile(r" ?[:=]? ?(?:ras|ok|bien toleree?s?)(?! (?:par ailleurs|sinon|autre))(?![^\W_])")
_YEAR = re.compile(r"(?<![\d/.])(?:19|20)\d\d(?![\d/])")
_ADVERSATIVE = re.compile(r"\b(?:mais|cependant|toutefois|en revanche|par contre|but|however)\b|;")


@dataclass(frozen=True, slots=True)
class Reaction:
    """A way to react; `allergic` when it is one of hypersensitivity; `treated_by`: beginnings of ATC codes."""

    name: str
    allergic: bool
    treated_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """An allergy, intolerance or contra-indication; offsets into the unit. Without a culprit it is « aucune allergie
    connue ». `taken`: the words are no statement of a treatment."""

    kind: FactKind
    start: int
    end: int
    quote_start: int
    quote_end: int
    drug: Drug | None
    allergen: str
    reaction: str
    severity: str
    assertion: Assertion | None
    disproved: str
    year: str
    taken: bool = True


@dataclass(frozen=True, slots=True)
class Culprit:
    """A name at flat[start:end]; neither drug nor allergen when the vocabulary does not know it."""

    start: int
    end: int
    drug: Drug | None
    allergen: str


@lru_cache(maxsize=1)
def reactions() -> Terms[Reaction]:
    """Every reaction by name."""
    names: list[tuple[str, Reaction]] = []
    for kind, preferred, others, treated_by in rows("reactions.txt", 4):
        reaction = Reaction(preferred, kind == "allergic", parts(treated_by))
        names.extend((name, reaction) for name in (preferred, *parts(others)))
    return Terms(names)


@lru_cache(maxsize=1)
def allergens() -> Terms[str]:
    """Every allergen that is no drug, by name."""
    return Terms(
        [(name, preferred) for preferred, others in rows("allergens.txt", 2) for name in (preferred, *parts(others))]
    )


def culprits(flat: str, text: str, named: list[Found[Drug]]) -> list[Culprit]:
    """Drugs and allergens named in a unit, in order, a drug before an allergen of the same place."""
    found = [Culprit(each.start, each.end, each.entry, each.entry.substance) for each in named]
    for each in allergens().find(flat, text):
        if all(each.end <= other.start or each.start >= other.end for other in found):
            found.append(Culprit(each.start, each.end, None, each.entry))
    found.sort(key=lambda each: each.start)
    return [each for each, after in zip(found, (*found[1:], None), strict=False) if not _is_the_sort(flat, each, after)]


def _is_the_sort(flat: str, each: Culprit, after: Culprit | None) -> bool:
    """« Pansement type Tegaderm » names one thing."""
    return (
        after is not None
        and each.drug is None
        and _OF_SORT.fullmatch(flat, each.end, after.start) is not None
        and (each.allergen == after.allergen or "type" in flat[each.end : after.start])
    )


_DISPROVED_NEXT = re.compile(
    rf"[ ]?(?:[(:=,-] ?)?(?:a ete |est |(?:peut|doit|va) etre |donc |"
    rf"finalement |desormais |now )?{any_of('disproved')}(?![^\W_])"
)


def disproved_at(flat: str, at: int) -> bool:
    """Whether what ends at flat[at] is disproved by the words that follow at once: « allergie écartée »."""
    return _DISPROVED_NEXT.match(flat, at) is not None


def none_stated(start: int, end: int, kind: FactKind) -> Sensitivity:
    """« Aucune allergie connue » at flat[start:end]."""
    return Sensitivity(kind, start, end, start, end, None, "", "", "", Assertion.ABSENT, "", "")


def told_of(
    flat: str,
    text: str,
    kind: FactKind,
    item: Culprit,
    quote_start: int,
    stop: int,
    *,
    forced: Assertion | None = None,
    reaction: str = "",
    as_cue: str = "",
    others: tuple[Culprit, ...] = (),
) -> Sensitivity:
    """What flat[quote_start:stop] says of a culprit. `others`: what else is named there, well tolerated perhaps."""
    said = (
        [text[each.start : each.end] for each in reactions().find(flat[:stop], text) if each.start >= item.end]
        if not reaction
        else [reaction]
    )
    said = [as_cue, *said] if as_cue else said  # « anaphylaxie aux curares »
    severity = _SEVERITY.search(flat, quote_start, stop)
    clause = max((each.end() for each in _ADVERSATIVE.finditer(flat, 0, item.start)), default=0)
    own_stop = min((each.start for each in others if item.end < each.start < stop), default=stop)
    disproved = _DISPROVED.search(flat, item.end, own_stop)
    if disproved is not None and _OF_ANOTHER.search(flat[item.end : disproved.end()]):
        disproved = None
    disproved = disproved or _FINE.match(flat, item.end, stop)
    if disproved is None:
        before = max((each.end for each in others if clause <= each.start < item.start), default=-1)
        disproved = _DISPROVED.search(flat, clause, item.start)
        disproved = None if disproved is not None and 0 <= before <= disproved.start() else disproved
    year = _YEAR.search(flat, item.end, stop)
    assertion = forced
    if disproved is not None:
        assertion = Assertion.ABSENT
    elif assertion is None and _SUSPECTED.search(flat, quote_start, stop):
        assertion = Assertion.SUSPECTED
    return Sensitivity(
        kind,
        item.start,
        item.end,
        min(quote_start, item.start),
        max(item.end, len(flat[:stop].rstrip(" ,;.\n\t"))),
        item.drug,
        item.allergen,
        ", ".join(dict.fromkeys(said)),
        text[severity.start() : severity.end()] if severity is not None else "",
        assertion,
        text[disproved.start() : disproved.end()] if disproved is not None else "",
        year[0] if year is not None else "",
    )
