"""Positive tests of allergy: « prick-tests + pour acariens », « IgE latex positives », « patch tests : nickel ++ ».

A negative test says nothing here: whether it disproves an allergy is told where the allergy is named. The intradermal
test of tuberculin is one of immunity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clinical.text.allergy_words import Culprit, Sensitivity, told_of
from clinical.text.signs import any_of
from records.fact import FactKind

_TEST = re.compile(rf"(?<![^\W_]){any_of('allergy test')}(?![^\W_])")
_SIGN = re.compile(
    r"(?<![\w+])\+{1,4}(?![\w+])|(?<![^\W_])(?:non )?(?:reactivite|sensibilis\w{1,6}|positi\w{1,4}|"
    r"pos|negati\w{1,4}|neg|douteu\w{1,2})(?![^\W_])|(?<=[ :(])[-–](?=[ ]*(?:[,;)/]|$))"
)
_POSITIVE = re.compile(r"\+|posi?|reactiv|sensibil")
_OWN = re.compile(r"[ ]?[:=(]?[ ]?(?:sont |est |etaient |etait |tres |fortement |revenue?s? )?")
_LIST = re.compile(
    r"[ ]?(?:[:,(/]|a la|a l'|aux?|pour|contre|vis-a-vis d\w{1,2}|to|for|et|ou|and|les?|la|l'|des|du|de)?[ ]?"
)
_TUBERCULIN = "V04CF"


def tested(flat: str, text: str, known: list[Culprit]) -> Iterator[Sensitivity]:
    """The substances of a unit that a test was positive to. `known`: the drugs and allergens that it names."""
    test = _TEST.search(flat)
    if test is None or not known:
        return
    signs = list(_SIGN.finditer(flat))
    for number, each in enumerate(known):
        if each.drug is not None and each.drug.atc.startswith(_TUBERCULIN):
            continue
        beyond = known[number + 1].start if number + 1 < len(known) else len(flat)
        sign = next(
            (one for one in signs if each.end <= one.start() < beyond and _OWN.fullmatch(flat, each.end, one.start())),
            None,
        )
        if sign is None:
            sign = _before(flat, known, number, signs)
        if sign is None:
            sign = next((one for one in signs if one.start() >= known[-1].end and each.start >= test.start()
                         and _OWN.fullmatch(flat, known[-1].end, one.start())), None)  # fmt: skip
        if sign is not None and _POSITIVE.match(sign[0]):
            yield told_of(
                flat,
                text,
                FactKind.ALLERGY,
                each,
                each.start,
                max(each.end, min(beyond, sign.end())),
                others=tuple(known),
            )


def _before(flat: str, known: list[Culprit], number: int, signs: list[re.Match[str]]) -> re.Match[str] | None:
    """The sign that rules the enumeration a name stands in: « positifs aux acariens, au chat »."""
    at = known[number].start
    for one in reversed(signs):
        if one.end() > at:
            continue
        begin = one.end()
        for each in (*known[: number + 1],):
            if each.start < begin:
                continue
            if _LIST.fullmatch(flat, begin, each.start) is None and not re.fullmatch(
                r"[ ]?(?:,|et)[ ](?:aux?|a la|a l'|les?|la|l')[ ]?|[ ](?:pour|a|to) (?:les? |la |l')?",
                flat[begin : each.start],
            ):
                return None
            begin = each.end
        return one
    return None
