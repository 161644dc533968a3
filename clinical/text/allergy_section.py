"""What stands under the title « Allergies » without repeating the word: lists, rows, what boxes stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from clinical.text.allergy_words import Culprit, Sensitivity, none_stated, reactions, told_of
from clinical.text.signs import any_of
from clinical.text.statements import names
from clinical.text.unexplained import ALWAYS_TREATS
from records.fact import FactKind

NOT_FILLED_IN = re.compile(rf"[ ]*(?:\([^()]{{0,20}}\))?[ ]*[:=\-–\t]?[ ]*{any_of('not filled in')}[ )]*(?=[.,;(\n]|$)")
NOT_A_SUBSTANCE = re.compile(rf"{any_of('no substance')}\b")
_LISTED_ITEM = re.compile(r"[ \t]*(?:[-–•*·◦▪■□>]|\d{1,2}[.)])[ \t]*(?=[^\W\d_])")
_ITEM_NAME = re.compile(r"[^\W\d_](?:[^:;,.(\n\t=–-]|(?<=\w)-(?=\w)){2,60}")
_ALLOWED = re.compile(
    rf"[^:;.\n]{{0,40}}?(?<![^\W_]){any_of('allowed')}(?![^\W_])[^:;.\n]{{0,50}}[:=]"
    rf"|\W*{any_of('may be given')}(?![^\W_])"
)
_NOT_ALLOWED = re.compile(
    r"(?<![^\W_])(?:non|pas|plus|jamais|mal|peu|ni|aucune?s?|sans|not?|never|poorly|allerg\w*|intoler\w*|reactions?)(?![^\W_])"
)
_WHAT_TO_DO = re.compile(rf"\W*{any_of('what to do')}")
_NOTHING_LISTED = re.compile(rf"[\s•*\-–]*{any_of('nothing listed')}(?![^\W_])")


def section_items(flat: str, text: str, known: list[Culprit], *, chosen: bool) -> Iterator[Sensitivity]:
    """What stands under the title « Allergies » without repeating the word. The item of a list, what a box stands for
    and what a reaction is said of count even where the vocabulary does not know them. Left out: what may be given all
    the same (« Autorisés après tests : … »), and what treats a reaction where the line says what to do about one."""
    if allows(flat, known):
        return
    if _WHAT_TO_DO.match(flat):
        known = [each for each in known if each.drug is None or not each.drug.atc.startswith(ALWAYS_TREATS)]
        if not known:
            return
    nothing = None if NOT_FILLED_IN.match(flat.lstrip(" \t•*-–")) else _NOTHING_LISTED.match(flat)
    if nothing is not None and not known:
        yield none_stated(nothing.start(), len(flat.rstrip()), FactKind.ALLERGY)
        return
    if not known:
        yield from _unknown_item(flat, text, chosen=chosen)
    for number, item in enumerate(known):
        stop = known[number + 1].start if number + 1 < len(known) else len(flat)
        yield told_of(flat, text, FactKind.ALLERGY, item, item.start, stop, others=tuple(known))


def allows(flat: str, known: Sequence[Culprit]) -> bool:
    """Whether a line says of what it names that it may be given: not where its label denies (« n'est plus autorisé : »)
    or names something itself (« Amoxicilline possible : éruption »)."""
    label = _ALLOWED.match(flat)
    if label is None or _NOT_ALLOWED.search(label[0]) is not None:
        return False
    named = (each for each in known if not flat.startswith("antibiotique", each.start))  # « Antibiotiques possibles : »
    return all(each.start >= label.end() for each in named)


def _unknown_item(flat: str, text: str, *, chosen: bool) -> Iterator[Sensitivity]:
    bullet = _LISTED_ITEM.match(flat)
    begin = bullet.end() if bullet is not None else len(flat) - len(flat.lstrip())
    name = _ITEM_NAME.match(flat, begin)
    if any(each.entry.kind is FactKind.CONDITION for each in names().find(flat, text)) and bullet is None:
        return  # « ☑ HTA » beside « ☑ allergies »
    if name is None or NOT_FILLED_IN.match(flat, begin) or NOT_A_SUBSTANCE.match(flat, begin):
        return
    reacted = any(each.start >= name.end() for each in reactions().find(flat, text))
    end = begin + len(name[0].rstrip())
    if (chosen or bullet is not None or reacted) and len(name[0].split()) <= 4:
        yield told_of(flat, text, FactKind.ALLERGY, Culprit(begin, end, None, ""), begin, len(flat))
