"""Allergies and intolerances out of a unit: to what, which reaction, how severe, since when, disproved or denied."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from clinical.asserted import asserted
from clinical.text.allergy_cues import Cue, compounds, cues, denied, doubt_start, is_other, named_before, none_but
from clinical.text.allergy_items import DOSED, OTHER_DRUG, listed
from clinical.text.allergy_section import NOT_FILLED_IN, section_items
from clinical.text.allergy_tests import tested
from clinical.text.allergy_words import Culprit, Sensitivity, culprits, none_stated, reactions, told_of
from clinical.text.contraindications import contraindications
from clinical.text.plain import plain
from clinical.text.reacted import reactions_to
from clinical.text.sections import Context
from clinical.text.signs import any_of
from clinical.text.terms import Found
from clinical.text.unexplained import unexplained
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug
from records.fact import Assertion, FactKind

_ADJECTIVES = re.compile(rf"(?: {any_of('allergy adjectives')}(?![^\W_]))*[ ]*(?:\(?\?\)?[ ](?=a |aux? |to ))?")
_NONE_AFTER = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*(?:[:=\-–\t]|: *,)?[ ]*"
    r"(?:(?:medicamenteuses?|connues?|alimentaires?) )*[:=\-–\t]?[ ]*"
    rf"{any_of('none')}(?![^\W_])"
)
_ANSWERED_YES = re.compile(
    r"[ ]*(?:\([^()]{0,20}\))?[ ]*[:=?\t]?[ ]*(?:[☒☑✓✔][ ]?)?(?:oui|yes)(?![^\W_])"
    r"[ ]*(?:[☐□][ ]?non(?![^\W_])[ ,;]*)?(?:[,;/–-]?[ ]?(?:a )?(?:preciser|"
    r"lesquel(?:le)?s?|laquelle|lequel|quoi)[ ]?)?"
    r"(?:[-–:=,→>\t]+[ ]*|(?=\()|(?<=[ ,;])(?=\w))\(?"
)
"""« Allergie : oui - pénicilline », « allergie : oui (pénicilline) »: the answer is no substance."""
_OTHER_SORT = re.compile(
    r"\b(?:medicamenteuses?|alimentaires?|respiratoires?|cutanees?|de contact|environnementales?|autres?)"
    r"[ ]?[:=][ ]?(?!(?:non|neant|aucune?|ras|0|absence|/|-)(?![^\W_]))"
)
_NONE_KNOWN = re.compile(rf"\b{any_of('no known allergy')}\b")
_EXCEPT = re.compile(rf"[^.;\n]{{0,50}}\b{any_of('except')}\b[ ]?(?:d'une |de |une )?")
_GIVEN = re.compile(rf"{DOSED.pattern}|[ ]+(?:iv|im|sc|io|per os|en aerosol|aerosol)[a-z]{{0,2}}(?![^\W_])")
_OF_WHAT_PRECEDES = re.compile(r"(?:mal|non|pas|peu) (?:ete )?(?:toler|support)ee?s?\Z")
"""« VNI mal tolérée sous morphine » is said of what stands before."""
_WHO_BEARS = re.compile(r"\b(?:a|ai|ont|avait|ayant) (?:tres )?\Z")
_SAID_LATER = re.compile(r"(?:[^\W\d_]{2,14} ){1,2}[:=][ ]*")
_NONE_BORNE = re.compile(r"(?:tol|support)\w* (?:aucun|ni)")
"""« Ne tolère aucun macrolide »: the word of none is part of the cue."""
_BUT = re.compile(r"(?<![^\W_])(?:mais|but|cependant|sauf|except|en revanche|par contre|si ce n'est|hormis)(?![^\W_])")
_SHORT_CUE = 4
"""« All. péni », « ALL = Bactrim »: too short a word to call an allergen what the vocabulary does not know."""


def sensitivities(
    unit: Unit, text: str, named: list[Found[Drug]], context: Context, *, chosen: bool = False
) -> Iterator[Sensitivity]:
    """The allergies, intolerances and contra-indications that a unit states; `text` is the unit as written, `named` its
    drugs. `chosen`: a ticked box or an answer stands for it, so that it is one even where nothing known is named."""
    known = sorted([*culprits(unit.flat, text, named), *compounds(unit.flat)], key=lambda each: each.start)
    told = list(_stated(unit.flat, text, known, context, chosen=chosen))
    yield from told
    if context is not Context.FAMILY:
        yield from unexplained(unit.flat, text, known, told)


def _stated(flat: str, text: str, known: list[Culprit], context: Context, *, chosen: bool) -> Iterator[Sensitivity]:
    spoken = cues(flat)
    told = list(contraindications(flat, text, known))
    first = spoken[0].start if spoken else len(flat)
    for more in (reactions_to(flat, text, known, first), tested(flat, text, known)):
        at = {each.start for each in told}
        told += [each for each in more if each.start not in at]
    yield from told  # « pas allergique, mais choc après une injection de… »
    at = {each.start for each in told}
    rest = [each for each in known if each.start not in at]
    none = _NONE_KNOWN.search(flat)
    if none is not None and not _EXCEPT.search(flat):
        yield none_stated(none.start(), none.end(), FactKind.ALLERGY)
        # « Mère allergique à la pénicilline, lui-même : aucune »: what was said before stands.
        spoken = [each for each in spoken if each.end <= none.start() and known]
        if not spoken:
            return
    if not spoken:
        if context is Context.ALLERGY and (rest or not told):
            yield from section_items(flat, text, rest, chosen=chosen)
        return
    reacted = any(each.kind is not FactKind.CONTRAINDICATION for each in told)
    found, said = False, set[int]()
    for number, cue in enumerate(spoken):
        limit = spoken[number + 1].start if number + 1 < len(spoken) else len(flat)
        for each in _after_cue(flat, text, cue, limit, known, context):
            found = True
            again = each.start in said and each.assertion is not Assertion.ABSENT
            said.add(each.start)
            if not again and each.start not in at and not (reacted and _is_reaction(flat, text, each)):
                yield each
    if chosen and not found and not told:
        yield from _named_by_box(flat, text, rest, spoken[-1])
    elif chosen and found:
        yield from (
            told_of(flat, text, spoken[-1].kind, each, each.start, len(flat), others=tuple(known))
            for each in rest
            if each.start not in said and OTHER_DRUG.search(flat, spoken[-1].end, each.start) is None
        )


def _is_given_against(flat: str, text: str, cue: Cue, item: Culprit) -> bool:
    """« Choc anaphylactique : adrénaline 0,5 mg »: after a colon, with its dose or route, what treats the reaction was
    given against it. Said otherwise (« anaphylaxie à la méthylprednisolone ») it caused it, as any drug may."""
    return (
        item.drug is not None
        and ":" in flat[cue.end : item.start]
        and _GIVEN.match(flat, item.end) is not None
        and any(
            each.start <= cue.start < each.end and item.drug.atc.startswith(each.entry.treated_by or ("?",))
            for each in reactions().find(flat, text)
        )
    )


def _named_by_box(flat: str, text: str, known: list[Culprit], cue: Cue) -> Iterator[Sensitivity]:
    """A ticked « Allergie » that names nothing known: what it names, or the question itself."""
    if known:
        yield told_of(flat, text, cue.kind, known[0], known[0].start, len(flat))
        return
    end = len(flat.rstrip(" \n\t:?,;."))
    item = Culprit(cue.start, max(cue.end, min(end, cue.start + 60)), None, "")
    yield told_of(flat, text, cue.kind, item, cue.start, len(flat))


def _after_cue(
    flat: str, text: str, cue: Cue, limit: int, known: list[Culprit], context: Context
) -> Iterator[Sensitivity]:
    at, cue_start = cue.end, cue.start
    adjectives = _ADJECTIVES.match(flat, at, limit)
    at = adjectives.end() if adjectives is not None else at
    if NOT_FILLED_IN.match(flat, at, limit) and not any(at <= each.start < limit for each in known):
        return
    yes = _ANSWERED_YES.match(flat, at, limit)
    at = yes.end() if yes is not None and flat[yes.end() : limit].strip(" .)") else at
    exception = _EXCEPT.match(flat, cue.end, limit)
    excepted = exception.end() if exception is not None else none_but(flat, cue)
    none = _NONE_AFTER.match(flat, cue.end, limit)
    if none is not None and excepted is None:
        yield none_stated(cue.start, none.end(), cue.kind)
        other = _OTHER_SORT.search(flat, none.end(), limit)
        if other is None or denied(flat, other.start()):
            return
        at, cue_start = other.end(), other.start()  # « médicamenteuses : néant ; alimentaires : crustacés »
    forced: Assertion | None = None
    refused = -1
    if excepted is not None:
        at, forced = excepted, Assertion.PRESENT
    passive = _OF_WHAT_PRECEDES.match(cue.word) and _WHO_BEARS.search(flat[: cue.start]) is None
    if passive and flat[at:limit].lstrip(" ")[:1] != ":":
        yield from _told_before(flat, text, cue, limit, known)
        return
    later = _SAID_LATER.match(flat, at, limit)
    if later is not None and any(later.end() <= each.start <= later.end() + 2 for each in known):
        at = later.end()  # « carte d'allergie remise : rocuronium »
    short = cue.word.startswith("all") and len(cue.word) <= _SHORT_CUE
    free = not short and not cue.heading and not cue.word.startswith("desensib")
    items = list(listed(flat, text, at, limit, known, context, free=free, named=cue.word.endswith(".")))
    if not items:
        if none is not None:
            return
        if denied(flat, cue.start) and excepted is None and not is_other(flat, cue):
            yield none_stated(cue.start, max(at, cue.end), cue.kind)
        else:
            yield from _told_before(flat, text, cue, limit, known)
        return
    if excepted is None and denied(flat, cue.start) and asserted(flat).of(cue.start, cue.end) is Assertion.ABSENT:
        but = _BUT.search(
            flat, cue.end, limit
        )  # « ni à l'iode, au latex ni aux anesthésiques »: all of them are denied
        refused = but.start() if but is not None else limit
    if _NONE_BORNE.search(cue.word):
        stated = asserted(flat[: cue.start] + cue.word[:2].ljust(cue.end - cue.start) + flat[cue.end :])
        forced = stated.of(cue.start, cue.end)
    for number, item in enumerate(items):
        if _is_given_against(flat, text, cue, item):
            continue
        own = Assertion.ABSENT if item.start < refused else forced
        stop = items[number + 1].start if number + 1 < len(items) else limit
        begin, doubted = doubt_start(flat, min(cue_start, item.start))
        one = told_of(
            flat,
            text,
            cue.kind,
            item,
            begin,
            _detail_end(flat, item.end, stop, limit, number, len(items)),
            forced=own,
            as_cue=text[cue.start : cue.end] if cue.word.startswith("anaphyla") else "",
            others=tuple(known),
        )
        if cue.heading and _is_allergic(one.reaction):
            one = replace(one, kind=FactKind.ALLERGY)
        yield replace(one, assertion=Assertion.SUSPECTED) if doubted and one.assertion is None else one


def _told_before(flat: str, text: str, cue: Cue, limit: int, known: list[Culprit]) -> Iterator[Sensitivity]:
    for each, stated in named_before(flat, cue, known):
        told = told_of(flat, text, cue.kind, each, each.start, limit, others=tuple(known))
        yield replace(told, assertion=told.assertion or stated)


def _is_allergic(said: str) -> bool:
    return any(each.entry.allergic for each in reactions().find(plain(said), said))


def _detail_end(flat: str, start: int, stop: int, limit: int, number: int, count: int) -> int:
    """Details in brackets belong to their item; what follows the last item of a list belongs to it and its clause."""
    if number + 1 < count:
        return stop
    semicolon = flat.find(";", start, limit)
    return limit if semicolon < 0 else semicolon


def _is_reaction(flat: str, text: str, told: Sensitivity) -> bool:
    """Whether what is named is how one reacts: « allergies : choc anaphylactique à l'amoxicilline »."""
    if told.drug is not None or told.allergen:
        return False
    return any(each.start == told.start for each in reactions().find(flat, text)) or flat.startswith("choc", told.start)
