"""What must not be given, and why where it is said: « contre-indication aux produits iodés », « AINS interdits ».

An instruction for a time (« ne pas prendre le matin de l'intervention ») or on a condition is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clinical.text.allergy_words import Culprit, Sensitivity, told_of
from clinical.text.signs import any_of
from records.fact import Assertion, FactKind

_BEFORE = re.compile(rf"(?<![^\W_])(?:{any_of('contraindication before')})(?:tous? les )?$")
_AFTER = re.compile(rf"[^.;\n,]{{0,30}}?(?<![^\W_])(?P<said>{any_of('contraindicated')})(?![^\W_])")
_AFTER_NOUN = re.compile(
    r"[^.;\n]{0,60}?[,;] ?(?:ce |cet |cette |le )?(?:medicament|traitement|molecule|produit|antibiotique|substance)"
    rf"(?: est| a ete)? (?P<said>{any_of('contraindicated')})(?![^\W_])"
)
"""« Tégrétol : agranulocytose, médicament contre-indiqué à vie »."""
_DIET = re.compile(r"regime (?:strict )?sans (?:l[ae] |les |l')?\Z")
_OF_DIETS = frozenset(("gluten", "lactose"))
"""What a diet leaves out for an illness of the bowel, not against a reaction: no contra-indication."""
_SHORT = re.compile(r" ?(?:=|:)? ?CI(?![^\W_])")
_LISTED = re.compile(
    r"\s*(?:\(|(?:\)[ ]*)?(?:,|et|ou|ni|/|\+|;|[-–•]|and|or))[ ]*(?:et |ni |"
    r"ou )?(?:pas (?=d))?(?:aux? |a la |a l'|des |d'|de |la |les? |l')?"
)
_NOT = re.compile(r"\b(?:pas|aucune?s?|sans|absence|non|no|not|ni|levee|plus)(?: (?:de|d'|of|any))?[ ]?$")
_NOT_AFTER = re.compile(r"[^.;\n,]{0,20}\b(?:non|pas|plus|not)(?: (?:est|sont|formellement))?[ ]?$")
_ON_CONDITION = re.compile(r"\b(?:si|s'il|s'ils|en cas d[eu']|if|in case of)\b[^.;\n:]*$")
_FOR_A_TIME = re.compile(rf"[ ,(]*{any_of('only then')}")
_WITHOUT = re.compile(
    r"(?:^|[^\w])(?:(?:pas|plus|jamais|aucun) (?:de |d'|des )?(?:(?:atb|antibiotiques?|"
    r"medicaments?) (?:de la (?:famille|classe) |de type |type )(?:des |du |de )?)?|no )$"
)
_REASON = re.compile(rf"[ ,]*{any_of('reason after')}")
_STATED_ILL = re.compile(r"(?:^|\n)[^.;\n,:]{4,60}(?::|=>|->|→|, donc) ?$")
_ANTI_INFLAMMATORY = "M01A"
"""« Pas d'AINS » is an instruction: nobody notes that a patient takes none of what is bought without a prescription."""


def contraindications(flat: str, text: str, known: list[Culprit]) -> Iterator[Sensitivity]:
    """The contra-indications of a unit; `known`: the drugs and allergens that it names."""
    told: Culprit | None = None
    denied = False
    for number, each in enumerate(known):
        if told is not None and _LISTED.fullmatch(flat, told.end, each.start):
            is_next = True
        else:
            is_next, denied = False, False
        start = each.start if is_next else _forbidden_before(flat, text, each)
        if start is not None and not is_next:
            denied = _NOT.search(flat[max(0, start - 30) : start]) is not None
        end = each.end
        if start is None:
            run = _run_end(known, flat, number)
            beyond = min((one.start for one in known if one.start >= run), default=len(flat))
            after = _AFTER.match(flat, run, beyond) or _AFTER_NOUN.match(flat, run, beyond)
            short = _SHORT.match(text, each.end)
            if after is not None:
                start, end = each.start, after.end()
                denied = _NOT_AFTER.match(flat[each.end : after.start("said")]) is not None
            elif short is not None and not text.isupper():
                start, end = each.start, short.end()
            else:
                told = None
                continue
        if _ON_CONDITION.search(flat[: each.start]) or _FOR_A_TIME.match(flat, end):
            told = None
            continue
        stop = min(len(flat), max(end, each.end) + 80)
        found = told_of(
            flat, text, FactKind.CONTRAINDICATION, each, start, stop,
            forced=Assertion.ABSENT if denied else Assertion.PRESENT, others=tuple(known),
        )  # fmt: skip
        told = each
        yield found


def _forbidden_before(flat: str, text: str, each: Culprit) -> int | None:
    """Where the words that forbid what follows begin."""
    window = max(0, each.start - 70)
    before = flat[window : each.start]
    found = _BEFORE.search(before)
    if found is not None and each.allergen in _OF_DIETS and _DIET.search(before):
        return None
    if found is not None:
        at = window + found.start()
        short = flat[at : at + 2] == "ci" and not flat[at : at + 3].isalpha()
        return None if short and text[at : at + 2] != "CI" else at  # « ci-joint » forbids nothing
    without = _WITHOUT.search(before)
    if without is None:
        return None
    instructed = (
        (each.drug is not None and each.drug.atc.startswith(_ANTI_INFLAMMATORY))
        or each.allergen.startswith("anti-inflammatoires")
        or _REASON.match(flat, each.end) is not None
        or _STATED_ILL.search(flat[: window + without.start() + 1]) is not None
    )
    return (
        window + without.start()
        if instructed and (each.drug is not None or each.allergen.startswith(("iode", "anti-")))
        else None
    )


def _run_end(known: list[Culprit], flat: str, number: int) -> int:
    """The end of the enumeration that a name stands in: « aminosides et quinolones proscrits »."""
    end = known[number].end
    for following in known[number + 1 :]:
        if _LISTED.fullmatch(flat, end, following.start) is None:
            break
        end = following.end
    return end
