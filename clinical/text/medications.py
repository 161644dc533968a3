"""Medicines out of a unit: name, posology; stopped, replaced, long term; what names one without treating anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.dated import when
from clinical.text.posology import DOSE, Posology, posology
from clinical.text.sections import Context
from clinical.text.signs import any_of
from clinical.text.terms import Found
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug
from records.fact import Assertion

_NO_TREATMENT_BEFORE = re.compile(rf"{any_of('no treatment before')}$")
_STOPPED_BEFORE = re.compile(rf"\b({any_of('stop before')}(?: {any_of('stop how')})?) ?{any_of('of')}? ?$")
_STOPPED_AFTER = re.compile(rf"[^.;\n,]{{0,40}}?\b({any_of('stop after')})\b")
_STOP_NOTED = re.compile(rf"[^.;\n,]{{0,25}}?[ ]?[,:=(–-][ ]?({any_of('stop noted')})(?![^\W_])")
"""« Eliquis : arrêt le 12/03 », « Eliquis, arrêt définitif »."""
_STOPPED_NEXT = re.compile(
    r"[ ]?,[ ](?:traitement |alors |donc |depuis |secondairement )?"
    r"((?:arrete|stoppe|interrompu|suspendu)e?s?)(?=[ ]*(?:[.,;)\n]|$|depuis|definitiv|le \d|en (?:19|20)))"
)
"""« Bradycardie sous Sotalex, arrêté. »"""
PAUSED = "arrêt et reprise mentionnés"
"""Of a medicine stopped and taken again, or to be: it is not shown as stopped."""
TAPERED = "arrêt progressif mentionné"
_TAPERED = re.compile(r"[^.;\n,]{0,25}?\b(?:arret progressif|sevrage progressif|decroissance)\b")
"""A corticoid that is being stopped by steps is taken: its end has no date."""
_NOT_TO_STOP = re.compile(r"\b(?:pas|jamais|ni|sans|not|never|don't) (?:\w{1,20} )?$")
_ON = re.compile(rf"\b{any_of('taken on')}(?: {any_of('of')}| ?[:=]? ?)$")
_DOSE_MISSED = re.compile(r"\b(?:pas|oublie de) (?:pris|prendre) (?:son|sa|ses|le|la|l') ?$")
"""« N'a pas pris son Xarelto ce matin » is said of somebody who takes it."""
_NOT_TAKEN = re.compile(rf"\b(?:pas|aucune|sans|absence) (?:de |d')?prises? {any_of('of')}$")
_NOT_NOW = re.compile(
    rf"\bne (?:pas |plus |surtout )+(?:prendre|donner|administrer|faire|injecter|re\w+) {any_of('of')}?$"
)
_FOR_A_TIME = re.compile(rf"[ ,(]*(?:\d+ ?mg )?{any_of('only then')}")
"""« Ne pas prendre Eliquis le matin du bloc » is said to somebody who takes it."""
_OF_NEXT = re.compile(rf" ?{any_of('of')}? ?")
_ONLY_IF = re.compile(r"\b(?:si|s'il|en cas d[e'u]|if)\b[^.;\n:]{0,50}$")
_RESUMED = re.compile(rf"\b{any_of('resumed')}(?![^\W_])")
_REPLACED = re.compile(rf"\b{any_of('replaced')}\b[^.;\n]{{0,40}}?(?:\bpar\b|\bvers\b|\bpour\b|$)?")
_TOWARDS = re.compile(r"\b(?:par|vers|pour)\b[ ](?:le |la |l'|du |de la |de l'|un |une )?$")
_RELAIS_BEFORE = re.compile(
    r"\b(?:relais|remplacement|switch|relaye)(?: \w{1,20})? (?:du |de la |de l'|de |d'|des )?(?:la |le )?$"
)
_RELAYS = re.compile(r"\brelais (?:par |vers |pour |\w{2,20} ?(?:[-/–→]|->) ?)?$")
"""« Xarelto stop, relais Lovenox », « relais AVK-HBPM »: this one is taken."""
_REPLACES = re.compile(
    rf"[ ](?:{DOSE} )?(?:remplace|remplacera|en remplacement|a la place)[ ]?"
    r"(?:le |la |l'|du |de |d'|de la |de l'|son )?[ ]?"
)
"""« Previscan remplace Eliquis », « Eliquis à la place du Previscan »: the second was stopped."""
_CONTRAINDICATED = re.compile(rf"[^.;\n,]{{0,25}}\b{any_of('contraindicated')}\b")
_CONTRAINDICATED_BEFORE = re.compile(rf"\b{any_of('contraindication before')}$")
_NOT_RETAINED = re.compile(
    r"[^.;\n]{0,40}?\b(?:non|pas) (?:ete )?(?:retenue?s?|introduite?s?|debutee?s?|instauree?s?|commencee?s?)(?![^\W_])"
)
"""« Anticoagulation discutée, non retenue »."""
_TO_BEGIN_IF = re.compile(
    r"[^.;\n]{0,25}?\ba (?:debuter|introduire|instaurer|commencer|mettre en route)\b[^.;\n]{0,20}?"
    r"\b(?:si|en cas|en l'absence|selon)\b"
)
_SAVE = re.compile(
    r"\b(?:pas|aucune?s?|sans|absence|ni)\b[^.;\n]{0,55}\b(?:sauf|hormis|excepte|a part|autres? que|en dehors d[eu'])"
    r"[ ]?(?:le |la |l'|du |de |de la |un |une )?$"
)
"""« Pas d'anticoagulant sauf Eliquis »."""
_UNTIL = re.compile(r"[^.;\n]{0,60}?\bjusqu'(?:en|aux?|a)(?![^\W_])")
_LONG_TERM = re.compile(rf"\b{any_of('long term')}\b")
_TREATS = re.compile(rf"\b{any_of('treats')}\b[^.;\n]{{0,40}}$")
_ANTIBIOGRAM = re.compile(
    r"\b(?:souches?|germes?|bacteries?|isolats?|antibiogrammes?|bacilles?|cocci|coque|coli)\b[^.;\n]{0,80}?"
    r"\b(?:sensibles?|resistante?s?|intermediaires?) (?:a|aux?)\b"
)
_TREATED = re.compile(rf"\btrait|therapie|\b(?:{any_of('treats')})\b")
_SERUM = re.compile(
    r"\s*[:=]?\s*(?:a |de )?\d[^.;\n]{0,12}(?:mmol|mg/l|mg/dl|µmol|g/l|g/dl|ng/ml|pg/ml|meq/l|ug/l|µg/l)"
)


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine as a unit states it: offsets into the unit."""

    start: int
    end: int  # of the name
    quote_end: int
    quote_start: int
    drug: Drug
    brand: str
    posology: Posology
    assertion: Assertion | None  # what the words around decide; None: as the sentence states it
    details: tuple[tuple[str, str], ...]
    until: str = ""  # « jusqu'en mars 2026 », in the form of `records.fact.Period`


def medicines(unit: Unit, text: str, drugs: list[Found[Drug]], context: Context) -> Iterator[Medicine]:
    """The medicines among the drugs named in a unit; `text` is the unit as written."""
    pairs = list(_pairs(unit.flat, drugs))
    for number, (first, second) in enumerate(pairs):
        end = (second or first).end
        limit = pairs[number + 1][0].start if number + 1 < len(pairs) else len(unit.flat)
        said = posology(unit.flat, first.start, end, limit, bool(first.entry.brand))
        if second is not None and said.dose is None:
            said = Posology(
                posology(unit.flat, first.start, first.end, second.start, True).dose, said.route, said.frequency
            )
        if not _is_treatment(unit.flat, first, end, said, context):
            continue
        assertion, details = _course(unit.flat, text, first, end, limit, pairs, number)
        both = [first.entry, *([second.entry] if second else [])]
        brand = next((text[f.start : f.end] for f in (first, second) if f is not None and f.entry.brand), "")
        if _LONG_TERM.search(unit.flat, end, min(limit + 1, len(unit.flat))):
            details += (("long_term", "oui"),)
        starts = [first.start, *([said.dose[0]] if said.dose else [])]
        yield Medicine(
            first.start,
            first.end,
            max(end, said.end),
            min(starts),
            next((drug for drug in both if not drug.brand), first.entry),
            brand,
            said,
            Assertion.PAST if context is Context.STOPPED and assertion is None else assertion,
            details,
            _until(unit.flat, text, end, limit),
        )


def _until(flat: str, text: str, end: int, limit: int) -> str:
    """The day until which a medicine is or was taken, if one stands right after « jusqu'au »."""
    found = _UNTIL.match(flat, end, limit)
    dated = when(flat, text, found.end()) if found is not None else None
    return dated.written if found is not None and dated is not None and dated.end <= found.end() + 25 else ""


def _pairs(flat: str, drugs: list[Found[Drug]]) -> Iterator[tuple[Found[Drug], Found[Drug] | None]]:
    """Each drug, with its brand or substance in brackets after it: one medicine, not two."""
    number = 0
    while number < len(drugs):
        first = drugs[number]
        second = drugs[number + 1] if number + 1 < len(drugs) else None
        if second is not None and second.entry.atc == first.entry.atc and "(" in flat[first.end : second.start]:
            between = flat[first.end : second.start]
            if len(between) <= 25 and ")" not in between:
                yield first, second
                number += 2
                continue
        yield first, None
        number += 1


def _is_treatment(flat: str, first: Found[Drug], end: int, said: Posology, context: Context) -> bool:
    before = flat[max(0, first.start - 60) : first.start]
    if _NO_TREATMENT_BEFORE.search(before) or _is_tested(flat[: first.start]):
        return False
    if not first.entry.needs_dose:
        return True
    if _SERUM.match(flat, end) or context is Context.LABORATORY:
        return False
    if said.dose is not None or said.route is not None or context in (Context.TREATMENT, Context.STOPPED):
        return True
    return _TREATS.search(before) is not None


def _is_tested(before: str) -> bool:
    """Whether a germ's sensitivity is told: « souche sensible aux antibiotiques suivants : amoxicilline »."""
    tested = [found.end() for found in _ANTIBIOGRAM.finditer(before)]
    return bool(tested) and _TREATED.search(before, tested[-1]) is None


def _course(
    flat: str,
    text: str,
    first: Found[Drug],
    end: int,
    limit: int,
    pairs: list[tuple[Found[Drug], Found[Drug] | None]],
    number: int,
) -> tuple[Assertion | None, tuple[tuple[str, str], ...]]:
    """Whether the words around stop, replace or forbid the medicine, and what they say."""
    before, after = flat[max(0, first.start - 70) : first.start], flat[end:limit]
    if _CONTRAINDICATED.match(after) or _CONTRAINDICATED_BEFORE.search(before):
        return Assertion.HYPOTHETICAL, ()
    if _NOT_NOW.search(before) and _FOR_A_TIME.match(after):
        return Assertion.PRESENT, (("note", PAUSED),)
    if _NOT_TAKEN.search(before):
        return Assertion.ABSENT, ()
    if _NOT_RETAINED.match(after):
        return Assertion.ABSENT, ()
    if _TO_BEGIN_IF.match(after):
        return Assertion.HYPOTHETICAL, ()
    if _SAVE.search(before):
        return Assertion.PRESENT, ()
    if number and _REPLACES.fullmatch(flat, (pairs[number - 1][1] or pairs[number - 1][0]).end, first.start):
        return Assertion.PAST, (("stopped", "remplacé"),)
    following = pairs[number + 1][0] if number + 1 < len(pairs) else None
    if following is not None and _REPLACES.fullmatch(after):
        return Assertion.PRESENT, ()
    replaced = (
        following is not None and _TOWARDS.search(after) and (_REPLACED.search(after) or _RELAIS_BEFORE.search(before))
    )
    details: tuple[tuple[str, str], ...] = ()
    if replaced and following is not None:
        details += (("replaced_by", text[following.start : following.end]),)
    stopped = _STOPPED_BEFORE.search(before)
    if stopped is not None and (_NOT_TO_STOP.search(clause := before[: stopped.start()]) or _ONLY_IF.search(clause)):
        return Assertion.PRESENT, ()  # « ne jamais arrêter l'hydrocortisone », « si saignement, arrêter l'Eliquis »
    if _TAPERED.search(stopped[0] if stopped is not None else "") or _TAPERED.match(after):
        return Assertion.PRESENT, (("note", TAPERED),)
    if stopped is not None:
        at = max(0, first.start - 70) + stopped.start(1)
        details += (("stopped", text[at : at + len(stopped[1])]),)
    elif (ended := _ended(after, following is not None)) is not None:
        details += (("stopped", text[end + ended.start(1) : end + ended.end(1)]),)
    if _ON.search(before) or _DOSE_MISSED.search(before) or (_RELAYS.search(before) and not replaced):
        return Assertion.PRESENT, ()
    resumed = _RESUMED.search(after)
    if resumed is not None and not replaced and (following is None or not _OF_NEXT.fullmatch(after, resumed.end())):
        return Assertion.PRESENT, (("note", PAUSED),) if details else ()
    if details:
        return Assertion.PAST, details
    if _TOWARDS.search(before) and _REPLACED.search(before):
        return Assertion.PRESENT, ()
    return None, ()


def _ended(after: str, before_another: bool) -> re.Match[str] | None:
    """Where the words after a medicine stop it. A stop that stands right before the next medicine is that one's."""
    found = _STOPPED_AFTER.match(after) or _STOP_NOTED.match(after) or _STOPPED_NEXT.match(after)
    if found is None or _NOT_TO_STOP.search(after[: found.start(1)]):
        return None
    return None if before_another and _OF_NEXT.fullmatch(after, found.end()) else found
