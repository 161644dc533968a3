"""Allergies and intolerances out of a unit: to what, which reaction, how severe, since when, disproved or denied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from clinical.text.plain import plain
from clinical.text.sections import Context
from clinical.text.signs import any_of
from clinical.text.terms import Found, Terms
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug, drugs, parts, rows
from records.fact import Assertion, FactKind

_TO = any_of("to")
_CUE = re.compile(rf"\b(?:(?P<allergy>{any_of('allergy')})|(?P<intolerance>{any_of('intolerance')}))")
_ADJECTIVES = re.compile(rf"(?: {any_of('allergy adjectives')}(?![^\W_]))*[ ]*")
_NONE_AFTER = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*[:=\-–\t]?[ ]*(?:(?:medicamenteuses?|connues?|alimentaires?) )*[:=\-–\t]?[ ]*"
    rf"{any_of('none')}(?![^\W_])"
)
_ANSWERED_YES = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*[:=?\t]?[ ]*(?:[☒☑✓✔][ ]?)?(?:oui|yes)(?![^\W_])"
    r"[ ]*(?:[☐□][ ]?non(?![^\W_])[ ,;]*)?(?:,?[ ]?(?:a )?(?:preciser|lesquelles?|laquelle|quoi)[ ]?)?"
    r"(?:[-–:=,→>\t]+[ ]*|(?=\()|(?<=[ ,;])(?=\w))\(?"
)
"""« Allergie : oui - pénicilline », « allergie : oui (pénicilline) »: the answer is no substance."""
_NOT_FILLED_IN = re.compile(rf"[ ]*(?:\([^()]{{0,20}}\))?[ ]*[:=\-–\t]?[ ]*{any_of('not filled in')}[ )]*(?=[.,;\n]|$)")
_OTHER_SORT = re.compile(
    r"\b(?:medicamenteuses?|alimentaires?|respiratoires?|cutanees?|de contact|environnementales?|autres?)"
    r"[ ]?[:=][ ]?(?!(?:non|neant|aucune?|ras|0|absence|/|-)(?![^\W_]))"
)
_NONE_KNOWN = re.compile(rf"\b{any_of('no known allergy')}\b")
_EXCEPT = re.compile(rf"[^.;\n]{{0,50}}\b{any_of('except')}\b[ ]?(?:d'une |de |une )?")
_ITEM = re.compile(rf"[ ]*(?::|=|\t|-|–|•)?[ ]*(?:allergie |intolerance )?(?P<to>{_TO})?")
_ITEM_END = re.compile(rf"[.;\n\t(:?!→]|,| (?:et|ou|puis|and|or) | [-–—] | {any_of('after culprit')}\b")
_JOINER = re.compile(r"[ ]*(?:,|et|ou|puis|and|or|/|\+)[ ]*(?:et |ou )?")
_BRACKETS = re.compile(r"[ ]*(?:\([^()]{0,120}\))?")
_OTHER_DRUG = re.compile(r"\b(?:sous|mise?|remplacee?|relais|switch|passage|traitee?|recoit|prend|tolere|donc)\b")
"""« Ne supporte pas le Kardégic, mis sous Plavix »: the second is what is taken."""
_LISTED = re.compile(r"[ ]*[(,/+]?[ ]*(?:et |ou |notamment |dont |surtout )?")
_DISPROVED = re.compile(rf"\b{any_of('disproved')}\b")
_SUSPECTED = re.compile(rf"\b{any_of('doubtful allergy')}\b|\?")
_SEVERITY = re.compile(rf"\b{any_of('severity')}\b")
_NOT_A_SUBSTANCE = re.compile(rf"{any_of('no substance')}\b")
_NOTHING_LISTED = re.compile(rf"[\s•*\-–]*{any_of('nothing listed')}(?![^\W_])")
_DENIED = re.compile(
    r"\b(?:pas d'|pas de |aucune?s? |sans |ni d'|ni |absence d'|jamais d'|no |no known |denies )(?:\w{1,20} )?$"
)
_YEAR = re.compile(r"(?<![\d/.])(?:19|20)\d\d(?![\d/])")
_ADVERSATIVE = re.compile(r"\b(?:mais|cependant|toutefois|en revanche|par contre|but|however)\b|;")
_UNDER = re.compile(rf"[^.;\n,()]{{0,40}}?(?<![^\W_])(?:{_TO}|{any_of('caused by')})(?:la |le |l'|les )?")


@dataclass(frozen=True, slots=True)
class Reaction:
    """A way to react; `allergic` when it is one of hypersensitivity."""

    name: str
    allergic: bool


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """An allergy or intolerance; offsets into the unit. Without a culprit it is « aucune allergie connue »."""

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


@lru_cache(maxsize=1)
def reactions() -> Terms[Reaction]:
    """Every reaction by name."""
    names: list[tuple[str, Reaction]] = []
    for kind, preferred, others in rows("reactions.txt", 3):
        reaction = Reaction(preferred, kind == "allergic")
        names.extend((name, reaction) for name in (preferred, *parts(others)))
    return Terms(names)


@lru_cache(maxsize=1)
def allergens() -> Terms[str]:
    """Every allergen that is no drug, by name."""
    return Terms(
        [(name, preferred) for preferred, others in rows("allergens.txt", 2) for name in (preferred, *parts(others))]
    )


@dataclass(frozen=True, slots=True)
class _Culprit:
    start: int
    end: int
    drug: Drug | None
    allergen: str


def sensitivities(unit: Unit, text: str, named: list[Found[Drug]], context: Context) -> Iterator[Sensitivity]:
    """The allergies and intolerances that a unit states; `text` is the unit as written, `named` its drugs."""
    flat = unit.flat
    cues = list(_CUE.finditer(flat))
    if not cues and context is not Context.ALLERGY:
        yield from _reactions_to(flat, text, named)
        return
    caused = list(_reactions_to(flat, text, named))  # « pas allergique, mais choc après une injection de… »
    yield from caused
    at = {each.start for each in caused}
    known = _culprits(flat, text, named)
    if not cues:
        yield from _section_items(flat, text, [each for each in known if each.start not in at])
        return
    if _NONE_KNOWN.search(flat) and not _EXCEPT.search(flat):
        found = _NONE_KNOWN.search(flat)
        assert found is not None
        yield _none(found.start(), found.end(), FactKind.ALLERGY)
        return
    for number, cue in enumerate(cues):
        limit = cues[number + 1].start() if number + 1 < len(cues) else len(flat)
        kind = FactKind.ALLERGY if cue["allergy"] is not None else FactKind.INTOLERANCE
        for told in _after_cue(flat, text, cue, limit, kind, known, context):
            if told.start not in at and not (caused and _is_reaction(flat, text, told)):
                yield told


def _after_cue(
    flat: str, text: str, cue: re.Match[str], limit: int, kind: FactKind, known: list[_Culprit], context: Context
) -> Iterator[Sensitivity]:
    at, cue_start = cue.end(), cue.start()
    adjectives = _ADJECTIVES.match(flat, at, limit)
    at = adjectives.end() if adjectives is not None else at
    if _NOT_FILLED_IN.match(flat, at, limit) and not any(at <= each.start < limit for each in known):
        return
    yes = _ANSWERED_YES.match(flat, at, limit)
    at = yes.end() if yes is not None and flat[yes.end() : limit].strip(" .)") else at
    exception = _EXCEPT.match(flat, cue.end(), limit)
    none = _NONE_AFTER.match(flat, cue.end(), limit)
    if none is not None and exception is None:
        yield _none(cue.start(), none.end(), kind)
        other = _OTHER_SORT.search(flat, none.end(), limit)
        if other is None or _denied(flat, other.start()):
            return
        at, cue_start = other.end(), other.start()  # « médicamenteuses : néant ; alimentaires : crustacés »
    forced: Assertion | None = None
    if exception is not None:
        at, forced = exception.end(), Assertion.PRESENT
    items = list(_items(flat, text, at, limit, known, context, free=exception is None or True))
    if not items:
        if none is not None:
            return
        if _denied(flat, cue.start()) and exception is None:
            yield _none(cue.start(), max(at, cue.end()), kind)
        else:
            before = [each for each in known if 0 <= cue.start() - each.end <= 25 and cue["intolerance"] is not None]
            yield from (_told(flat, text, kind, each, each.start, limit, None) for each in before[-1:])
        return
    for number, item in enumerate(items):
        stop = items[number + 1].start if number + 1 < len(items) else limit
        told = _told(
            flat,
            text,
            kind,
            item,
            min(cue_start, item.start),
            _detail_end(flat, item.end, stop, limit, number, len(items)),
            forced,
            as_cue=text[cue.start() : cue.end()] if cue[0].startswith("anaphyla") else "",
        )
        yield told


def _detail_end(flat: str, start: int, stop: int, limit: int, number: int, count: int) -> int:
    """Details in brackets belong to their item; what follows the last item of a list belongs to it and its clause."""
    if number + 1 < count:
        return stop
    semicolon = flat.find(";", start, limit)
    return limit if semicolon < 0 else semicolon


def _denied(flat: str, start: int) -> bool:
    return (
        re.search(
            r"\b(?:pas d'|pas de |aucune?s? |sans |ni d'|ni |absence d'|jamais d'|no |no known |denies )(?:\w+ )?$",
            flat[max(0, start - 30) : start],
        )
        is not None
    )


def _is_reaction(flat: str, text: str, told: Sensitivity) -> bool:
    """Whether what is named is how one reacts: « allergies : choc anaphylactique à l'amoxicilline »."""
    if told.drug is not None or told.allergen:
        return False
    return any(each.start == told.start for each in reactions().find(flat, text)) or flat.startswith("choc", told.start)


def _none(start: int, end: int, kind: FactKind) -> Sensitivity:
    return Sensitivity(kind, start, end, start, end, None, "", "", "", Assertion.ABSENT, "", "")


def _items(
    flat: str, text: str, at: int, limit: int, known: list[_Culprit], context: Context, *, free: bool
) -> Iterator[_Culprit]:
    """The culprits from `at`: known names, and after « à la », « aux » whatever is written."""
    first = True
    while at < limit:
        opening = _ITEM.match(flat, at, limit)
        begin = opening.end() if opening is not None else at
        here = next(
            (
                each
                for each in known
                if begin <= each.start <= begin + 22
                and _ITEM_END.search(flat, begin, each.start) is None
                and (first or _OTHER_DRUG.search(flat, begin, each.start) is None)
            ),
            None,
        )
        if here is not None:
            at = here.end
            yield here
        else:
            stop = _ITEM_END.search(flat, begin, min(limit, begin + 60))
            end = stop.start() if stop is not None else min(limit, begin + 60)
            words = text[begin:end].strip(" -–'’\t")
            stated = opening is not None and (opening["to"] is not None or ":" in opening[0] or "\t" in opening[0])
            if not (free and stated and words and len(words.split()) <= 5 and words[0].isalpha()):
                return
            if _NOT_A_SUBSTANCE.match(flat, begin) or (
                first
                and context is Context.NONE
                and opening is not None
                and opening["to"] is None
                and ":" not in opening[0]
            ):
                return
            start = begin + text[begin:end].index(words[0])
            at = start + len(words)
            yield _Culprit(start, at, None, "")
        first = False
        skipped = _BRACKETS.match(flat, at, limit)
        if skipped is not None:
            yield from _in_brackets(flat, at, skipped.end(), known)
            at = skipped.end()
        joiner = _JOINER.match(flat, at, limit)
        if joiner is None or joiner.end() == at:
            return
        at = joiner.end()


def _in_brackets(flat: str, at: int, end: int, known: list[_Culprit]) -> Iterator[_Culprit]:
    """The names that brackets list after a culprit: « curares (rocuronium) », « bêtalactamines (Augmentin, C3G) »."""
    for each in known:
        if at <= each.start and each.end <= end and _LISTED.fullmatch(flat, at, each.start):
            at = each.end
            yield each


def _culprits(flat: str, text: str, named: list[Found[Drug]]) -> list[_Culprit]:
    """Drugs and allergens named in a unit, in order, a drug before an allergen of the same place."""
    found = [_Culprit(each.start, each.end, each.entry, each.entry.substance) for each in named]
    for each in allergens().find(flat, text):
        if all(each.end <= other.start or each.start >= other.end for other in found):
            found.append(_Culprit(each.start, each.end, None, each.entry))
    return sorted(found, key=lambda each: each.start)


def _section_items(flat: str, text: str, known: list[_Culprit]) -> Iterator[Sensitivity]:
    """What stands under the title « Allergies » without repeating the word."""
    nothing = None if _NOT_FILLED_IN.match(flat.lstrip(" \t•*-–")) else _NOTHING_LISTED.match(flat)
    if nothing is not None and not known:
        yield _none(nothing.start(), len(flat.rstrip()), FactKind.ALLERGY)
        return
    for number, item in enumerate(known):
        stop = known[number + 1].start if number + 1 < len(known) else len(flat)
        yield _told(flat, text, FactKind.ALLERGY, item, item.start, stop, None)


def _reactions_to(flat: str, text: str, named: list[Found[Drug]]) -> Iterator[Sensitivity]:
    """« Urticaire sous amoxicilline », « toxidermie au Bactrim »: a reaction and the drug that it is put down to."""
    if not named:
        return
    found = list(reactions().find(flat, text))
    for each in named:
        cause = next(
            (r for r in reversed(found) if r.end <= each.start and _UNDER.fullmatch(flat, r.end, each.start)), None
        )
        if cause is None or not cause.entry.allergic:
            continue
        culprit = _Culprit(each.start, each.end, each.entry, each.entry.substance)
        yield _told(
            flat,
            text,
            FactKind.ALLERGY,
            culprit,
            cause.start,
            min(len(flat), each.end + 80),
            None,
            text[cause.start : cause.end],
        )


def _told(
    flat: str,
    text: str,
    kind: FactKind,
    item: _Culprit,
    quote_start: int,
    stop: int,
    forced: Assertion | None,
    reaction: str = "",
    as_cue: str = "",
) -> Sensitivity:
    said = (
        [text[each.start : each.end] for each in reactions().find(flat[:stop], text) if each.start >= item.end]
        if not reaction
        else [reaction]
    )
    said = [as_cue, *said] if as_cue else said  # « anaphylaxie aux curares »
    severity = _SEVERITY.search(flat, quote_start, stop)
    clause = max((each.end() for each in _ADVERSATIVE.finditer(flat, 0, item.start)), default=0)
    disproved = _DISPROVED.search(flat, item.end, stop) or _DISPROVED.search(flat, clause, item.start)
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


def drug_of(name: str) -> Drug | None:
    """The drug that a whole name is, if any."""
    found = next(drugs().find(plain(name), name), None)
    return found.entry if found is not None else None
