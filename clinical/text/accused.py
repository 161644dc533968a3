"""Reactions said after what they are put down to: « Pénicilline = œdème de Quincke », « le Bactrim donne des boutons ».

A sign (= → :), a verb that makes the substance its subject, a form's key (« manifestation : ») or the reason of a stop
(« arrêté pour toux ») accuses. Brackets alone leave it to be verified: « Xolair (urticaire) » names what is treated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from clinical.text.allergy_words import Culprit, Reaction
from clinical.text.signs import any_of
from clinical.text.terms import Found
from records.fact import Assertion

_ARTICLE = r"(?:une? |des |de la |de l'|du |d'|la |le |les |l'|an? |some )?(?:\d ?)?(?:[a-z]{4,12} ){0,1}"
_SIGN = re.compile(rf"(?: \(?(?:en )?(?:19|20)\d\d\)?)?[ ]?(?P<sign>=>?|-+>|→|⇒|=|:|\bdonc\b)[ ]?{_ARTICLE}")
_MADE = re.compile(
    rf"(?:,| qui)?(?: (?:lui|me|le|la|l'|nous|a|ont|avait|avaient|ayant|has|had)){{0,2}} ?(?<![^\W_])"
    rf"{any_of('provoked')}(?: [a-z]{{4,16}}ment)?(?: (?:chez (?:elle|lui|"
    rf"ce patient|cette patiente)|(?:him|her|me|the patient)|comme reaction))? ?"
    rf"{_ARTICLE}(?:reactions? (?:a type )?(?:de |d'))?"
)
_ALONE = re.compile(
    rf"(?: qui)?(?:,)? (?:l[ae] |l'|lui |me |the patient |(?:a |ont |"
    rf"avait )?(?:l[ae] |l'|lui ))?{any_of('made ill')}(?![^\W_])"
)
STOPPED = (
    r"(?:arretee?s?|stoppee?s?|interrompue?s?|suspendue?s?|retiree?s?|cessee?s?|stopped|discontinued|switchee?s?|"
    r"remplacee?s?|d/c'?e?d|dc'd|held)"
)
"""What is said of a drug that was stopped; `STOP_OF`: what is said before its name."""
_STOPPED = re.compile(
    rf"[^.;\n,:]{{0,20}}?(?<![^\W_]){STOPPED}"
    rf"(?:[^.;\n,:]{{0,25}}?(?<![^\W_]){any_of('because')}|(?: [^.;\n,:]{{1,25}})?[ ]?[:(][ ]?){_ARTICLE}"
)
STOP_OF = re.compile(
    r"(?<![^\W_])(?:arrets?|arret(?:er?|ons)|interrompre|interrompu|suspendre|suspendu|stop|stopper?|"
    r"suspension|interruption|retrait)(?: [a-z]{5,12})? (?:de la |de l'|du |des |de |d'|la |le |les |l')?\Z"
)
_WHY = re.compile(rf"[^.;\n,:]{{0,25}}? {any_of('because')}{_ARTICLE}")
_KEYED = re.compile(
    r"[^.\n]{0,50}?(?<![^\W_])(?:reactions?|manifestations?|symptomes?|signes?|type de reaction|effets?)"
    rf"(?: [^\W\d_]{{3,14}}){{0,2}} ?[:=] ?{_ARTICLE}"
)
_BRACKET = re.compile(rf"(?: (?!all|intol)[a-z]{{4,12}})?[ ]?\([ ]?{_ARTICLE}")


@dataclass(frozen=True, slots=True)
class Accused:
    """The reaction at flat[start:end] of the substance before it; `assertion` None: as the sentence states it."""

    start: int
    end: int
    allergic: bool
    assertion: Assertion | None = None


def accused(
    flat: str, culprit: Culprit, found: Iterable[Found[Reaction]], beyond: int, *, cued: bool
) -> Accused | None:
    """What a culprit is said to have done, in the words that follow its name. `beyond`: the next name, not looked past;
    `cued`: the word of an allergy stands before, which says by itself what is in brackets."""
    made_ill = _ALONE.match(flat, culprit.end, beyond)
    if made_ill is not None:
        return Accused(culprit.end, made_ill.end(), False)
    for each in found:
        if each.start < culprit.end or each.start > beyond:
            continue
        reaction = each.entry
        if any(shape.fullmatch(flat, culprit.end, each.start) for shape in ((_MADE,) if cued else (_MADE, _KEYED))):
            return Accused(each.start, each.end, reaction.allergic)
        treats = cued or (culprit.drug is not None and culprit.drug.atc.startswith(reaction.treated_by or ("?",)))
        if treats:
            continue
        sign = _SIGN.fullmatch(flat, culprit.end, each.start)
        if sign is not None and (reaction.allergic or sign["sign"] not in (":", "donc")):
            return Accused(each.start, each.end, reaction.allergic)
        if culprit.drug is not None and _is_stopped(flat, culprit, each.start):
            doubt = None if reaction.allergic else Assertion.SUSPECTED
            return Accused(each.start, each.end, reaction.allergic, doubt)
        if reaction.allergic and _BRACKET.fullmatch(flat, culprit.end, each.start):
            return Accused(each.start, each.end, True, Assertion.SUSPECTED)
    return None


def _is_stopped(flat: str, culprit: Culprit, reaction: int) -> bool:
    """Whether it was stopped for the reaction: « Ramipril arrêté pour toux », « arrêt du Ramipril devant une toux »."""
    if _STOPPED.fullmatch(flat, culprit.end, reaction):
        return True
    stop = STOP_OF.search(flat, max(0, culprit.start - 40), culprit.start)
    return stop is not None and _WHY.fullmatch(flat, culprit.end, reaction) is not None
