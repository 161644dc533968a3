"""A reaction told in the sentence after that of its cause: « Prise d'amoxicilline en 2019. Urticaire une heure après. »

What is looked for is narrow, as two sentences that stand together need not belong together: something is begun or given
once (« prise de », « débuté »), then, in the next sentence or clause, a reaction of hypersensitivity that begins at a
time counted from there (« le lendemain », « 1 h après », « depuis »). SUSPECTED, as all that no rule states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from clinical.asserted import asserted
from clinical.text.allergy_words import Culprit, Sensitivity, culprits, told_of
from clinical.text.signs import any_of
from clinical.text.terms import Found
from clinical.text.unexplained import is_given, is_stated, signs, treats
from clinical.text.vocabulary import Drug
from records.fact import Assertion, FactKind

_BEGUN_BEFORE = re.compile(rf"(?<![^\W_]){any_of('begun before')}(?![^\W_])[^.;\n:]{{0,30}}\Z")
_BEGUN_AFTER = re.compile(rf"[^.;\n]{{0,20}}?(?<![^\W_]){any_of('begun after')}(?![^\W_])")
_FOR_LONG = re.compile(rf"[^.;\n]{{0,30}}?(?<![^\W_]){any_of('taken for long')}")
_ONSET = re.compile(rf"(?<![^\W_]){any_of('onset')}(?![^\W_])")
_OTHER_CAUSE = re.compile(rf"(?<![^\W_]){any_of('between reaction and treatment')}")
_SINCE = re.compile(r"[^.;\n]{0,20}?(?<![^\W_])(?:depuis|since)(?![^\W_])")
_TODAY = re.compile(r"[^.;\n]{0,30}?(?<![^\W_])(?:ce jour|aujourd'hui|ce matin|ce soir|a l'instant|today)(?![^\W_])")
_CAUSED = re.compile(r"(?<![^\W_])(?:sous|apres|post)[ -](?!qu)(?!\d)[^\W\d_]{4,}")
_SOON, _WITHIN = 60, 60
"""Characters before the reaction in its sentence, and after it to the time that it began at."""


def reacts(flat: str) -> bool:
    """Whether a unit may tell a reaction and when it began; quick, as it is asked of every sentence."""
    return _ONSET.search(flat) is not None and next(signs(flat, flat), None) is not None


def follows(before: str) -> bool:
    """Whether the sentence that stands at once after `before` goes on with it, on the next line or the same."""
    return before.rstrip(" \t\n").endswith((".", "!", "?", "…"))


def told_in_the_next(flat: str, text: str, at: int, named: list[Found[Drug]]) -> Iterator[Sensitivity]:
    """The suspected allergy of two sentences or clauses, the second from flat[at]; `named`: the drugs of both."""
    after = flat[at:]
    sign = next((each for each in signs(after, text[at:]) if not each.cue or "reac" in after), None)
    if sign is None or sign.start > _SOON or not is_stated(after, sign, asserted(after)):
        return
    lead = after[: sign.start]
    if (
        _ONSET.search(after, 0, sign.end + _WITHIN) is None
        or _OTHER_CAUSE.search(lead)
        or _CAUSED.search(after, sign.end)
    ):
        return
    known = culprits(flat, text, named)
    if any(at <= each.start and not treats(sign, each) for each in known):
        return  # the sentence may have a cause of its own
    before = [each for each in known if each.end <= at]
    scopes = asserted(flat[:at])
    for culprit in reversed(before[-2:]):
        if _SINCE.match(lead) and _TODAY.match(flat, culprit.end, at):
            return  # « Injection faite ce jour. Depuis deux mois, prurit »: the reaction is the older
        if is_given(flat[:at], culprit, scopes) and _is_begun(flat[:at], culprit) and not treats(sign, culprit):
            end = at + sign.end
            told = told_of(
                flat, text, FactKind.ALLERGY, culprit, culprit.start, end, reaction=text[at + sign.start : end]
            )
            if told.assertion is not Assertion.ABSENT:
                yield replace(told, assertion=Assertion.SUSPECTED, taken=False)
            return


def _is_begun(before: str, culprit: Culprit) -> bool:
    """Whether a name's sentence says that it was begun or given once, not that it is taken for long."""
    if _FOR_LONG.match(before, culprit.end):
        return False
    return (
        _BEGUN_BEFORE.search(before, 0, culprit.start) is not None
        or _BEGUN_AFTER.match(before, culprit.end) is not None
    )
