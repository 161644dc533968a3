"""The names that follow the word of an allergy: known ones, and after « à la », « aux » whatever is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clinical.text.allergy_section import NOT_A_SUBSTANCE
from clinical.text.allergy_words import Culprit, reactions
from clinical.text.misspelt import is_no_word
from clinical.text.sections import Context
from clinical.text.signs import any_of

_TO = any_of("to")
_KIND_OF = r"(?:medic|med|alim|contact|resp|autre)\w*\.?[ ]?:[ ]?"
_ITEM = re.compile(
    rf"(?:[ ]*[:=][ ]*,(?=[ ]*\w))?(?:\([a-z]\)|"
    rf"[ ]?\([^()]{{0,40}}\)(?=[ ]?:))?[ !]{{0,4}}[^\w(,;.?!\n]{{0,6}}(?:\d{{1,2}}[).] ?)?(?:allergie |"
    rf"intolerance |{_KIND_OF})?(?P<to>{_TO})?"
    r"(?:(?:la |les? |l')?(?:pansements?|produits?|medicaments?|gants?|antibiotiques?) (?:type |a base de ))?"
    r"(?:: ?)?(?:[«\"“][ ]?(?:l[aes]+ |l')?)?"
)
_ITEM_END = re.compile(rf"[»\"”.;\n\t(:?!→]|,| / | (?:et|ni|ou|puis|and|or) | [-–—] | {any_of('after culprit')}\b")
_JOINER = re.compile(
    r"[ ]*(?:,|et|ou|puis|and|or|ni|y|und|oder|ed|e|/|\+|&|\.(?=[^\W\d_])|(?P<loose>;|[-–—•·*|]))[ ]*(?:et |ou )?"
    r"|[ ]*(?=\d{1,2}[).][ ]?[^\W\d_])"
)
_NAME_ENDS = re.compile(r"[ ]?(?:[,;.()/!\n]|$|(?:et|ou)\b)")
_TO_DO = re.compile(r"\w+(?:er|ir)(?![^\W_])")
_HOW_BAD = re.compile(rf"[ \t]*{any_of('severity')}[ \t]*")
_SKIPPED = re.compile(r"[ ]?(?:et )?[^\W\d_][\w' -]{2,24}[ ]?[,/+][ ]?")
"""« Aspirine et apparentés, iode »: what is no name in a list does not end it."""
_NEXT = re.compile(rf"[ ]{{0,3}}(?:{_KIND_OF})?")
DOSED = re.compile(r"[ ]*(?:\d|:[ ]*\d|cp|gel|mg|x ?\d)")
"""After a dash a name with a dose is a medicine of the next column, no allergen."""
_BRACKETS = re.compile(r"[ ]*(?:\([^()]{0,120}\))?")
OTHER_DRUG = re.compile(
    r"\b(?:sous|mise?|remplacee?|relais|switch|passage|traitee?|recoit|prend|tolere|donc|"
    r"son|sa|his|her|toujours|porte\w*|dispose|trousse|carries|a sur|"
    r"muni\w*|possede|equipee?|premedi\w+|utiliser|preferer|mettre)\b"
)
"""« Ne supporte pas le Kardégic, mis sous Plavix »: the second is what is taken."""
_LISTED = re.compile(r"[ ]*[(,/+]?[ ]*(?:et |ou |notamment |dont |surtout )?")


def listed(
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
                and each.start < limit
                and _ITEM_END.search(flat, begin, each.start) is None
                and (first or OTHER_DRUG.search(flat, begin, each.start) is None)
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
            if not first and OTHER_DRUG.search(flat, begin, end):
                return
            nameless = (
                free and is_no_word(words) and _NAME_ENDS.match(flat, end) is not None and _TO_DO.match(words) is None
            )
            if not (free and (stated or nameless) and words and len(words.split()) <= 5 and words[0].isalpha()):
                skipped = None if first else _SKIPPED.match(flat, at, limit)
                if skipped is None or not any(skipped.end() <= each.start <= skipped.end() + 3 for each in known):
                    return
                at = skipped.end()
                continue
            if not first and any(reactions().find(flat[begin:end], words)):
                at = end  # « Clamoxyl / urticaire ; Nifluril / Quincke »
                joiner = _JOINER.match(flat, at, limit)
                if joiner is None or joiner.end() == at or not any(joiner.end() <= each.start for each in known):
                    return
                at = joiner.end()
                continue
            if (
                NOT_A_SUBSTANCE.match(flat, begin)
                or _HOW_BAD.fullmatch(flat, begin, end)
                or (opening is not None and opening["to"] == "a " and _TO_DO.match(words))
                or any(reactions().find(flat[begin:end], words))
                or (
                    first
                    and not nameless
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
            _NEXT.fullmatch(flat, joiner.end(), each.start) and not DOSED.match(flat, each.end) for each in known
        ):
            return
        at = joiner.end()


def _in_brackets(flat: str, at: int, end: int, known: list[Culprit]) -> Iterator[Culprit]:
    """The names that brackets list after a culprit: « curares (rocuronium) », « bêtalactamines (Augmentin, C3G) »."""
    for each in known:
        if at <= each.start and each.end <= end and _LISTED.fullmatch(flat, at, each.start):
            at = each.end
            yield each
