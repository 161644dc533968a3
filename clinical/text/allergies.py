"""Allergies and intolerances out of a unit: to what, which reaction, how severe, since when, disproved or denied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.allergy_section import NOT_A_SUBSTANCE, NOT_FILLED_IN, section_items
from clinical.text.allergy_words import Culprit, Sensitivity, culprits, none_stated, reactions, told_of
from clinical.text.contraindications import contraindications
from clinical.text.lookalike import cue_lookalikes
from clinical.text.reacted import reactions_to
from clinical.text.sections import Context
from clinical.text.signs import any_of
from clinical.text.terms import Found
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug
from records.fact import Assertion, FactKind

_TO = any_of("to")
_CUE = re.compile(rf"\b(?:(?P<allergy>{any_of('allergy')})|(?P<intolerance>{any_of('intolerance')}))")
_ADJECTIVES = re.compile(rf"(?: {any_of('allergy adjectives')}(?![^\W_]))*[ ]*")
_NONE_AFTER = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*(?:[:=\-–\t]|: *,)?[ ]*"
    r"(?:(?:medicamenteuses?|connues?|alimentaires?) )*[:=\-–\t]?[ ]*"
    rf"{any_of('none')}(?![^\W_])"
)
_ANSWERED_YES = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*[:=?\t]?[ ]*(?:[☒☑✓✔][ ]?)?(?:oui|yes)(?![^\W_])"
    r"[ ]*(?:[☐□][ ]?non(?![^\W_])[ ,;]*)?(?:,?[ ]?(?:a )?(?:preciser|lesquelles?|laquelle|quoi)[ ]?)?"
    r"(?:[-–:=,→>\t]+[ ]*|(?=\()|(?<=[ ,;])(?=\w))\(?"
)
"""« Allergie : oui - pénicilline », « allergie : oui (pénicilline) »: the answer is no substance."""
_OTHER_SORT = re.compile(
    r"\b(?:medicamenteuses?|alimentaires?|respiratoires?|cutanees?|de contact|environnementales?|autres?)"
    r"[ ]?[:=][ ]?(?!(?:non|neant|aucune?|ras|0|absence|/|-)(?![^\W_]))"
)
_NONE_KNOWN = re.compile(rf"\b{any_of('no known allergy')}\b")
_EXCEPT = re.compile(rf"[^.;\n]{{0,50}}\b{any_of('except')}\b[ ]?(?:d'une |de |une )?")
_KIND_OF = r"(?:medic|med|alim|contact|resp|autre)\w*\.?[ ]?:[ ]?"
_ITEM = re.compile(
    rf"(?:[ ]*[:=][ ]*,(?=[ ]*\w))?[^\w(,;.?!\n]{{0,6}}(?:allergie |intolerance |{_KIND_OF})?(?P<to>{_TO})?"
    r"(?:: ?)?(?:[«\"“][ ]?(?:l[aes]+ |l')?)?"
)
_ITEM_END = re.compile(rf"[»\"”.;\n\t(:?!→]|,| (?:et|ou|puis|and|or) | [-–—] | {any_of('after culprit')}\b")
_JOINER = re.compile(r"[ ]*(?:,|et|ou|puis|and|or|/|\+|&|\.(?=[^\W\d_])|(?P<loose>;|[-–—•·*|]))[ ]*(?:et |ou )?")
_NEXT = re.compile(rf"[ ]{{0,3}}(?:{_KIND_OF})?")
_DOSED = re.compile(r"[ ]*(?:\d|:[ ]*\d|cp|gel|mg|x ?\d)")
"""After a dash a name with a dose is a medicine of the next column, no allergen."""
_BRACKETS = re.compile(r"[ ]*(?:\([^()]{0,120}\))?")
_OTHER_DRUG = re.compile(r"\b(?:sous|mise?|remplacee?|relais|switch|passage|traitee?|recoit|prend|tolere|donc)\b")
"""« Ne supporte pas le Kardégic, mis sous Plavix »: the second is what is taken."""
_LISTED = re.compile(r"[ ]*[(,/+]?[ ]*(?:et |ou |notamment |dont |surtout )?")
_ABOUT = re.compile(r"[ ]*(?:[:=,(–-][ ]*)?(?:[(]?(?:drug |severe |grave )?)?")
"""Between a name and the « allergie » or "allergy" that is said of it."""
_OF_WHAT_PRECEDES = re.compile(r"(?:mal|non|pas|peu) (?:ete )?(?:toler|support)ee?s?\Z")
"""« VNI mal tolérée sous morphine » is said of what stands before."""
_WHO_BEARS = re.compile(r"\b(?:a|ai|ont|avait|ayant) (?:tres )?\Z")
_SAID_LATER = re.compile(r"(?:[^\W\d_]{2,14} ){1,2}[:=][ ]*")
_SHORT_CUE = 4
"""« All. péni », « ALL = Bactrim »: too short a word to call an allergen what the vocabulary does not know."""
_DENIED = re.compile(
    r"\b(?:pas d'|pas de |aucune?s? |sans |ni d'|ni |absence d'|jamais d'|no |no known |denies )(?:\w{1,20} )?$"
)


@dataclass(frozen=True, slots=True)
class _Cue:
    """The word of an allergy or intolerance at flat[start:end]."""

    start: int
    end: int
    kind: FactKind
    word: str


def sensitivities(
    unit: Unit, text: str, named: list[Found[Drug]], context: Context, *, chosen: bool = False
) -> Iterator[Sensitivity]:
    """The allergies, intolerances and contra-indications that a unit states; `text` is the unit as written, `named` its
    drugs. `chosen`: a ticked box or an answer stands for it, so that it is one even where nothing known is named."""
    flat = unit.flat
    known = culprits(flat, text, named)
    told = list(contraindications(flat, text, known))
    told += [each for each in reactions_to(flat, text, known) if all(each.start != other.start for other in told)]
    yield from told  # « pas allergique, mais choc après une injection de… »
    at = {each.start for each in told}
    cues = list(_cues(flat))
    rest = [each for each in known if each.start not in at]
    if not cues:
        none = _NONE_KNOWN.search(flat)
        if none is not None and not _EXCEPT.search(flat):
            yield none_stated(none.start(), none.end(), FactKind.ALLERGY)
        elif context is Context.ALLERGY:
            yield from section_items(flat, text, rest, chosen=chosen)
        return
    none = _NONE_KNOWN.search(flat)
    if none is not None and not _EXCEPT.search(flat):
        yield none_stated(none.start(), none.end(), FactKind.ALLERGY)
        return
    reacted = any(each.kind is not FactKind.CONTRAINDICATION for each in told)
    found, said = False, set[int]()
    for number, cue in enumerate(cues):
        limit = cues[number + 1].start if number + 1 < len(cues) else len(flat)
        for each in _after_cue(flat, text, cue, limit, known, context):
            found = True
            said.add(each.start)
            if each.start not in at and not (reacted and _is_reaction(flat, text, each)):
                yield each
    if chosen and not found and not told:
        yield from _named_by_box(flat, text, rest, cues[-1])
    elif chosen and found:
        yield from (
            told_of(flat, text, cues[-1].kind, each, each.start, len(flat), others=tuple(known))
            for each in rest
            if each.start not in said and _OTHER_DRUG.search(flat, cues[-1].end, each.start) is None
        )


def _cues(flat: str) -> Iterator[_Cue]:
    found = [
        _Cue(*cue.span(), FactKind.ALLERGY if cue["allergy"] is not None else FactKind.INTOLERANCE, cue[0])
        for cue in _CUE.finditer(flat)
    ]
    found += [
        _Cue(start, end, FactKind.ALLERGY, flat[start:end])
        for start, end in cue_lookalikes(flat)
        if not any(cue.start < end and start < cue.end for cue in found)
    ]
    yield from sorted(found, key=lambda cue: cue.start)


def _named_by_box(flat: str, text: str, known: list[Culprit], cue: _Cue) -> Iterator[Sensitivity]:
    """A ticked « Allergie » that names nothing known: what it names, or the question itself."""
    if known:
        yield told_of(flat, text, cue.kind, known[0], known[0].start, len(flat))
        return
    end = len(flat.rstrip(" \n\t:?,;."))
    item = Culprit(cue.start, max(cue.end, min(end, cue.start + 60)), None, "")
    yield told_of(flat, text, cue.kind, item, cue.start, len(flat))


def _after_cue(
    flat: str, text: str, cue: _Cue, limit: int, known: list[Culprit], context: Context
) -> Iterator[Sensitivity]:
    at, cue_start = cue.end, cue.start
    adjectives = _ADJECTIVES.match(flat, at, limit)
    at = adjectives.end() if adjectives is not None else at
    if NOT_FILLED_IN.match(flat, at, limit) and not any(at <= each.start < limit for each in known):
        return
    yes = _ANSWERED_YES.match(flat, at, limit)
    at = yes.end() if yes is not None and flat[yes.end() : limit].strip(" .)") else at
    exception = _EXCEPT.match(flat, cue.end, limit)
    none = _NONE_AFTER.match(flat, cue.end, limit)
    if none is not None and exception is None:
        yield none_stated(cue.start, none.end(), cue.kind)
        other = _OTHER_SORT.search(flat, none.end(), limit)
        if other is None or _denied(flat, other.start()):
            return
        at, cue_start = other.end(), other.start()  # « médicamenteuses : néant ; alimentaires : crustacés »
    forced: Assertion | None = None
    if exception is not None:
        at, forced = exception.end(), Assertion.PRESENT
    passive = _OF_WHAT_PRECEDES.match(cue.word) and _WHO_BEARS.search(flat[: cue.start]) is None
    if passive and flat[at:limit].lstrip(" ")[:1] != ":":
        yield from (
            told_of(flat, text, cue.kind, each, each.start, limit, others=tuple(known))
            for each in _before(flat, cue, known)
        )
        return
    later = _SAID_LATER.match(flat, at, limit)
    if later is not None and any(later.end() <= each.start <= later.end() + 2 for each in known):
        at = later.end()  # « carte d'allergie remise : rocuronium »
    short = cue.word.startswith("all") and len(cue.word) <= _SHORT_CUE
    items = list(_items(flat, text, at, limit, known, context, free=not short, named=cue.word.endswith(".")))
    if not items:
        if none is not None:
            return
        if _denied(flat, cue.start) and exception is None:
            yield none_stated(cue.start, max(at, cue.end), cue.kind)
        else:
            yield from (
                told_of(flat, text, cue.kind, each, each.start, limit, others=tuple(known))
                for each in _before(flat, cue, known)
            )
        return
    for number, item in enumerate(items):
        stop = items[number + 1].start if number + 1 < len(items) else limit
        yield told_of(
            flat,
            text,
            cue.kind,
            item,
            _doubt_start(flat, min(cue_start, item.start)),
            _detail_end(flat, item.end, stop, limit, number, len(items)),
            forced=forced,
            as_cue=text[cue.start : cue.end] if cue.word.startswith("anaphyla") else "",
            others=tuple(known),
        )


def _doubt_start(flat: str, start: int) -> int:
    """Where the words about an allergy begin: « ? allergie à l'iode » doubts it."""
    return start - 2 if flat[max(0, start - 2) : start] == "? " else start


def _before(flat: str, cue: _Cue, known: list[Culprit]) -> list[Culprit]:
    """The name that stands before its cue: « aspirine : intolérance », « latex allergy », « tests négatifs pour
    l'amoxicilline : allergie infirmée »."""
    near = [each for each in known if 0 <= cue.start - each.end <= 25]
    if not near:
        return []
    between = flat[near[-1].end : cue.start]
    if _ABOUT.fullmatch(between) or (cue.kind is FactKind.INTOLERANCE and re.search(r"[,;.]", between) is None):
        return near[-1:]
    return []


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


def _items(
    flat: str,
    text: str,
    at: int,
    limit: int,
    known: list[Culprit],
    context: Context,
    *,
    free: bool,
    named: bool = False,
) -> Iterator[Culprit]:
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
            words = text[begin:end].strip(" -–'’\t") if flat[begin:end].strip() else ""
            stated = opening is not None and (
                named or opening["to"] is not None or ":" in opening[0] or "\t" in opening[0]
            )
            if not (free and stated and words and len(words.split()) <= 5 and words[0].isalpha()):
                return
            if (
                NOT_A_SUBSTANCE.match(flat, begin)
                or any(reactions().find(flat[begin:end], words))
                or (
                    first
                    and context is Context.NONE
                    and opening is not None
                    and opening["to"] is None
                    and ":" not in opening[0]
                )
            ):
                return
            start = begin + text[begin:end].index(words[0])
            at = start + len(words)
            yield Culprit(start, at, None, "")
        first = False
        skipped = _BRACKETS.match(flat, at, limit)
        if skipped is not None:
            yield from _in_brackets(flat, at, skipped.end(), known)
            at = skipped.end()
        joiner = _JOINER.match(flat, at, limit)
        if joiner is None or joiner.end() == at:
            return
        if joiner["loose"] and not any(
            _NEXT.fullmatch(flat, joiner.end(), each.start) and not _DOSED.match(flat, each.end) for each in known
        ):
            return
        at = joiner.end()


def _in_brackets(flat: str, at: int, end: int, known: list[Culprit]) -> Iterator[Culprit]:
    """The names that brackets list after a culprit: « curares (rocuronium) », « bêtalactamines (Augmentin, C3G) »."""
    for each in known:
        if at <= each.start and each.end <= end and _LISTED.fullmatch(flat, at, each.start):
            at = each.end
            yield each
