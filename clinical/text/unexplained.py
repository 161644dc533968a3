"""What no rule explains: a reaction of hypersensitivity stated near a drug or allergen is left to be verified.

The rules of `reacted.py` and `accused.py` know shapes of sentences; a fresh hand writes others (« plaques bras et
ventre depuis 2e dose de Rocéphine »). Here nothing is understood but the neighbourhood, so that it is SUSPECTED and no
more, and the drug stays a treatment beside (`taken`). What treats the reaction, what is said to treat it, what is
warned of, denied or told of a relative is left alone: wrong alarms make people overlook the right ones
(docs/decisions/087).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from clinical.asserted import Asserted, asserted
from clinical.text.allergy_cues import cues
from clinical.text.allergy_words import Culprit, Sensitivity, reactions, told_of
from clinical.text.beside import is_named_beside
from clinical.text.misspelt import is_no_word
from clinical.text.plain import plain
from clinical.text.signs import any_of
from records.fact import Assertion, FactKind

_SKIN = re.compile(rf"(?<![^\W_]){any_of('skin reacts')}(?![^\W_])")
_WEAK = re.compile(any_of("weak reactions"))
"""Names of reactions that are as often something else: « choc » is septic, « rhinite » a season."""
NO_REACTION = re.compile(rf"[ ]?(?:{any_of('reaction of illness')}|{any_of('illness of its own')})(?![^\W_])")
_WARNED = re.compile(rf"(?<![^\W_]){any_of('reaction warned of')}(?![^\W_])")
_TREATS = re.compile(rf"(?<![^\W_]){any_of('between reaction and treatment')}")
_LINK = re.compile(rf"(?<![^\W_]){any_of('reaction near culprit')}|[(:=→>|\t]|[ ]{{2}}")
_SINCE = re.compile(rf"(?<![^\W_]){any_of('reaction since')}(?: ?{any_of('what was begun')})* ?\Z")
"""« Six semaines après le début d'un traitement par »: what follows is no treatment of what precedes."""
_NEW_NAME = re.compile(
    rf"(?<![^\W_]){any_of('reaction since')}(?: ?{any_of('what was begun')})* (?P<name>[^\W\d_]{{6,24}})(?![^\W_])"
)
_SPOKEN = re.compile(r"[ae]rg|anaphyl|sensib")
"""What every word of an allergy holds: without one, and without a name, nothing is looked for."""
_GIVEN = re.compile(
    r"antibioprophylaxie|(?<![^\W_])(?:apres|decours|suite|lors|depuis|suivant)"
    r"(?: (?:l[ae]|l'|d[eu]|au?|une?|d'une?))* vaccin"
    r"|(?<![^\W_])vaccin(?: [^\W\d_]+){1,4} (?:le |en |du )?(?=\d)"
)
"""Prevention that was given: to what is read here it is no supposition."""
_BLAME = re.compile(rf"[^.;\n]{{0,40}}?(?<![^\W_]){any_of('blamed')}")
_BLAME_BEFORE = re.compile(rf"(?<![^\W_]){any_of('blamed')}[^.;\n,:]{{0,25}}\Z")
_INDICATED = re.compile(r"(?<![^\W_])(?:pour|contre|si|for|anti)[ -]?(?:une? |les? |la |l'|an? )?\Z")
_NEVER_AGAIN = re.compile(r"(?<![^\W_])(?:jamais|plus) pu (?:re)?prendre (?:de |du |d'|la |le |l')?(?:la |l')?\Z")
_NAME = re.compile(r"(?<![^\W_])(?P<name>[^\W\d_]{6,24})(?![^\W_])")
_ALSO = re.compile(r"[ ]?(?:,|et|ou|/|\+|\bpuis)[ ]?(?:(?:l'|la|le|les|des|du|au|aux) ?){0,2}")
_AFTER, _BEFORE, _NAMED, _AT_ONCE, _WARNING = 70, 60, 30, 25, 200
"""Characters between a reaction and what is named after it, or before it, and between « allergie » and a name that is
new, or that needs no link; how far a warning reaches."""
_MOST_SIGNS = 12
"""Reactions of a unit that are looked at; a sentence of more is hostile."""
ALWAYS_TREATS = ("H02", "R06", "D", "C01CA", "R03", "L04", "V03AB", "B05")
"""ATC groups of what is given to somebody who reacts, besides the reaction's own; solutions (B05) carry the rest."""
_STATED = (Assertion.PRESENT, Assertion.PAST, Assertion.SUSPECTED)


@dataclass(frozen=True, slots=True)
class Sign:
    """A reaction at flat[start:end], or the word of an allergy (`cue`)."""

    start: int
    end: int
    treated_by: tuple[str, ...]
    cue: bool = False


def unexplained(flat: str, text: str, known: list[Culprit], told: list[Sensitivity]) -> Iterator[Sensitivity]:
    """The suspected allergies of a unit, `told` being those that the rules state."""
    if not known and _SPOKEN.search(flat) is None and _NEW_NAME.search(flat) is None:
        return
    open_signs = [each for each in signs(flat, text) if not _is_explained(each, told)]
    if not open_signs:
        return
    scopes = asserted(_GIVEN.sub(lambda found: "-" * len(found[0]), flat))
    said = {each.start for each in told}
    free = [each for each in known if each.start not in said and is_given(flat, each, scopes)]
    for sign in open_signs:
        if not is_stated(flat, sign, scopes):
            continue
        accused = list(_accused(flat, sign, free, told))
        if not accused and not told:
            accused = list(_unknown(flat, text, sign, known))
        for culprit in accused:
            if culprit.start in said:
                continue
            said.add(culprit.start)
            first, last = min(sign.start, culprit.start), max(sign.end, culprit.end)
            reaction = "" if sign.cue else text[sign.start : sign.end]
            one = told_of(flat, text, FactKind.ALLERGY, culprit, first, last, reaction=reaction)
            if one.assertion is not Assertion.ABSENT:
                old = not treats(sign, culprit) and is_named_beside(flat, sign.start, sign.end, culprit, given=False)
                yield replace(one, assertion=Assertion.SUSPECTED, taken=culprit.drug is None or old)


def signs(flat: str, text: str) -> Iterator[Sign]:
    """The reactions of hypersensitivity and the words of an allergy in a unit, the first of them."""
    return islice(_all_signs(flat, text), _MOST_SIGNS)


def _all_signs(flat: str, text: str) -> Iterator[Sign]:
    taken = [(0, 0)]
    for each in reactions().find(flat, text):
        weak = _WEAK.fullmatch(flat, each.start, each.end) or NO_REACTION.match(flat, each.end)
        if each.entry.allergic and not weak:
            taken.append((each.start, each.end))
            yield Sign(each.start, each.end, each.entry.treated_by)
    for skin in _SKIN.finditer(flat):
        if not any(a < skin.end() and skin.start() < b for a, b in taken):
            yield Sign(skin.start(), skin.end(), (), cue=skin[0].startswith("hypersens"))
    for cue in cues(flat):
        apart = not any(a < cue.end and cue.start < b for a, b in taken)
        if apart and cue.kind is FactKind.ALLERGY and cue.word != "all" and not cue.word.startswith("desensib"):
            yield Sign(cue.start, cue.end, (), cue=True)


def _is_explained(sign: Sign, told: Iterable[Sensitivity]) -> bool:
    """Whether the word of an allergy has what it is said of."""
    return sign.cue and any(each.quote_start <= sign.start < each.quote_end for each in told)


def is_stated(flat: str, sign: Sign, scopes: Asserted) -> bool:
    """Whether a reaction happened to the patient: neither denied, supposed, warned of nor of a relative."""
    if scopes.of(sign.start, sign.end) not in _STATED:
        return False
    return _WARNED.search(flat, max(0, sign.start - _WARNING), sign.start) is None


def is_given(flat: str, culprit: Culprit, scopes: Asserted) -> bool:
    """Whether the patient was given what is named."""
    return scopes.of(culprit.start, culprit.end) in _STATED or _NEVER_AGAIN.search(flat, 0, culprit.start) is not None


def _accused(flat: str, sign: Sign, free: list[Culprit], told: list[Sensitivity]) -> Iterator[Culprit]:
    """The nearest name after a reaction, else before it, with those that stand in one list with it. Past a name that a
    rule accuses nothing is looked for."""
    after = next((number for number, each in enumerate(free) if each.start >= sign.end), len(free))
    if after < len(free):
        explained = any(sign.end <= each.start < free[after].start for each in told)
        if not explained and _is_blamed_after(flat, sign, free[after]):
            yield free[after]
            yield from _listed(flat, sign, free[after:])
            return
    if after and not sign.cue:
        explained = any(free[after - 1].end <= each.start < sign.start for each in told)
        if not explained and _is_blamed_before(flat, sign, free[after - 1]):
            yield free[after - 1]


def _is_blamed_after(flat: str, sign: Sign, culprit: Culprit) -> bool:
    between = flat[sign.end : culprit.start]
    since = _SINCE.search(between)
    between = between[: since.start()] if since is not None else between
    linked = (
        since is not None
        or _LINK.search(between, between.rfind(",") + 1)
        or _BLAME.match(flat, culprit.end)
        or (sign.cue and len(between) <= _AT_ONCE)
    )
    if is_named_beside(flat, sign.start, sign.end, culprit, given=treats(sign, culprit)):
        return _TREATS.search(between) is None
    return bool(linked) and len(between) <= _AFTER and not treats(sign, culprit) and _TREATS.search(between) is None


def _is_blamed_before(flat: str, sign: Sign, culprit: Culprit) -> bool:
    between = flat[culprit.end : sign.start]
    linked = (
        _LINK.search(flat, culprit.end, sign.end)
        or _SINCE.search(flat, 0, culprit.start)
        or _BLAME_BEFORE.search(flat, 0, culprit.start)
    )
    return (
        bool(linked)
        and len(between) <= _BEFORE
        and not treats(sign, culprit)
        and not any(pattern.search(between) for pattern in (_TREATS, _INDICATED))
    )


def _listed(flat: str, sign: Sign, rest: list[Culprit]) -> Iterator[Culprit]:
    for before, each in pairwise(rest):
        if _ALSO.fullmatch(flat, before.end, each.start) is None or treats(sign, each):
            return
        yield each


def treats(sign: Sign, culprit: Culprit) -> bool:
    """Whether what is named is given against the reaction."""
    return culprit.drug is not None and culprit.drug.atc.startswith((*sign.treated_by, *ALWAYS_TREATS))


def _unknown(flat: str, text: str, sign: Sign, known: list[Culprit]) -> Iterator[Culprit]:
    """A word with a capital that no French text attests, right after « allergie », or after a reaction's « après »."""
    for shape, begin, end in (
        ((_NAME, sign.end, sign.end + _NAMED),)
        if sign.cue
        else ((_NEW_NAME, sign.end, sign.end + _AFTER), (_NEW_NAME, max(0, sign.start - _AFTER), sign.start))
    ):
        for name in shape.finditer(flat, begin, min(len(flat), end)):
            at = name.start("name")
            written = text[at : name.end("name")]
            vouched = written[0].isupper() and is_no_word(written) and not cues(plain(written))
            if any(each.start <= at < each.end or (sign.cue and each.start < at) for each in known):
                continue
            if vouched and _TREATS.search(flat, begin, name.start()) is None:
                yield Culprit(at, name.end("name"), None, "")
                return
