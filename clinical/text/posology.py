"""Dose, route and frequency after the name of a medicine, as they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from clinical.text.numbers import NUMBER
from clinical.text.signs import any_of, words_of

_MEASURE = (
    r"(?:mg|µg|μg|ug|mcg|microgrammes?|milligrammes?|grammes?|g|ml|l|mui|ui|iu|unites?|u|meq|mmol|gy|ampoules?|%)"
)
_PER = (
    r"(?:[ ]?/[ ]?(?:kg|jour|jours|j|24[ ]?h|h|heures?|min|ml|m2|m²|dose|prise|semaine|sem|mois|\d{1,2}[ ]?(?:h|j|ml)))"
)
DOSE = rf"{NUMBER}(?:[ ]?(?:[/+]|-|a)[ ]?{NUMBER}){{0,2}}[ ]?{_MEASURE}(?![^\W\d_]){_PER}{{0,3}}"
_DOSE = re.compile(DOSE)
_DOSE_BEFORE = re.compile(rf"({DOSE})[ ](?:de |d'|of |par jour de |par jour d')(?:la |l')?$")
_BARE_STRENGTH = re.compile(
    r"[ ](\d{1,4}(?:[.,]\d{1,3})?(?:[ ]?/[ ]?\d{1,3}(?:[.,]\d{1,3})?)?)(?=[ ]?(?:[:,;.\t\n()]|$))"
)
_ROUTE = re.compile(rf"(?<!\w){any_of('route')}(?!\w)")
_AGE = re.compile(r" ?ans\b")
_PIECE = re.compile(r"[½¼¾]|\d+(?:[.,/]\d+)?|[^\W\d_]+\.?|[-–x×/+:,()½']|\s+")
_SCHEME = re.compile(
    r"[ ]?:?[ ](?:(?:0|[1-9]\d?)(?:[.,]5)?(?:[ ]?-[ ]?(?:0|[1-9]\d?)(?:[.,]5)?){2,3}|[x×][ ]?\d)(?![\d/-]|[.,]\d)"
)
"""« 1-0-1 », « 8-6-8 », « x3 »: what is taken, by moment or in a day."""
_PASSED = re.compile(
    r"(?:depuis|il y a|ce|cette|cet)[ ](?:environ |plus de |moins de )?"
    r"(?:(?:\d{1,3}|un|une|deux|trois|quatre|six)[ ]?)?"
    r"(?:heures?|h|jours?|j|semaines?|mois|annees?|ans?)\b"
)
"""How long ago is no frequency: « arrêté depuis 6 mois », « interrompu ce jour »."""
_TAKEN, _MOMENT, _LINK = words_of("taken"), words_of("moment"), words_of("link")
_STRENGTH = re.compile(rf"{NUMBER}[ ]?(?:mg|µg|μg|ug|mcg|microgrammes?|milligrammes?|grammes?|g|meq|mmol)(?![^\W\d_])")
_NEXT_DOSE = re.compile(
    rf"[ ]?(?:,|;|et|puis|\+|/)[ ]?{DOSE}[ ](?:le |a |au )?(?:{'|'.join(sorted(_MOMENT))})(?![^\W_])"
)
_WINDOW = 140


@dataclass(frozen=True, slots=True)
class Posology:
    """Offsets into the unit of what is stated; None where it is not."""

    dose: tuple[int, int] | None = None
    route: tuple[int, int] | None = None
    frequency: tuple[int, int] | None = None

    @property
    def end(self) -> int:
        return max((part[1] for part in (self.dose, self.route, self.frequency) if part is not None), default=0)


def posology(flat: str, start: int, end: int, limit: int, brand: bool) -> Posology:
    """What flat[end:limit] states of the medicine named at flat[start:end]; a dose may also stand just before it."""
    limit = min(limit, end + _WINDOW)
    before = _DOSE_BEFORE.search(flat, max(0, start - 40), start)
    dose = before.span(1) if before is not None else None
    if dose is None:
        after = _DOSE.search(flat, end, limit)
        if after is not None and not _far(flat[end : after.start()]):
            dose = after.span()
    if dose is None and brand:
        bare = _BARE_STRENGTH.match(flat, end, limit)
        dose = bare.span(1) if bare is not None else None
    begin = dose[1] if dose is not None and dose[0] >= end else end
    route = _ROUTE.search(flat, end, limit)
    return Posology(dose, route.span() if route is not None else None, _taken_at(flat, begin, limit))


def _taken_at(flat: str, begin: int, limit: int) -> tuple[int, int] | None:
    """A scheme, or words of posology with the other doses of the day: « matin, 5 mg midi »."""
    run = _frequency(flat, begin, limit)
    scheme = _SCHEME.match(flat, begin, limit)
    if scheme is not None and (run is None or run[0] >= scheme.end() or run[1] <= scheme.end()):
        return scheme.end() - len(scheme[0].lstrip(" :")), scheme.end()
    while run is not None and (more := _NEXT_DOSE.match(flat, run[1], limit)) is not None:
        run = run[0], more.end()
    return run


def _far(between: str) -> bool:
    """Whether too many words stand between a name and a dose for the dose to be its own."""
    return len(between) > 45 or len(between.split()) > 4 or "." in between or ";" in between


def _frequency(flat: str, begin: int, limit: int) -> tuple[int, int] | None:
    """The run of words of posology nearest after `begin` that holds a moment or a number of intakes."""
    at, skipped = begin, 0
    while at < limit and skipped < 4:
        passed = _PASSED.match(flat, at, limit)
        if passed is not None:
            at = passed.end()
            continue
        run = _run(flat, at, limit)
        if run is not None:
            return run
        piece = _PIECE.match(flat, at, limit)
        if piece is None or piece[0] in ".;\n":
            return None
        skipped += piece[0][0].isalpha()
        at = piece.end()
    return None


def _during(flat: str, at: int) -> bool:
    """Whether a number of years before which this stands is how long, not how old."""
    return flat[:at].endswith(("pendant ", "pdt ", "pour ", "durant "))


def _run(flat: str, at: int, limit: int) -> tuple[int, int] | None:
    first = last = None
    moments = numbers = taken = False
    while at < limit and (piece := _PIECE.match(flat, at, limit)) is not None:
        word = piece[0]
        core = word.rstrip(".")
        if _PASSED.match(flat, at, limit) or (word[0].isdigit() and _STRENGTH.match(flat, at, limit)):
            break
        if core in _MOMENT:
            moments = True
        elif core in _TAKEN:
            taken = True
        elif word[0].isdigit() or word in "½¼¾" or core in ("un", "une", "deux", "trois", "quatre"):
            numbers = True
        elif not (core in _LINK or word.isspace() or word in "-–x×/+,:()'"):
            break
        if "\n" in word or (word[0].isdigit() and _AGE.match(flat, piece.end(), limit) and not _during(flat, at)):
            break
        if core in _MOMENT or core in _TAKEN or (word[0].isdigit() and (moments or taken or "-" in flat[at : at + 3])):
            first = at if first is None else first
            last = piece.end()
        elif first is None and (word[0].isdigit() or word in "½¼¾" or core in _LINK):
            first = at
        elif first is not None and last is None and not word.isspace() and word not in "-–x×/,:(":
            pass
        at = piece.end()
    if first is None or last is None or not (moments or (taken and numbers)):
        return None
    while first < last and not (flat[first].isalnum() or flat[first] in "½¼¾"):
        first += 1
    while last > first and flat[last - 1] in ".,:( ":
        last -= 1
    if flat.count("(", first, last) > flat.count(")", first, last):
        last = len(flat[: flat.rindex("(", first, last)].rstrip())
    return (first, last) if first < last else None
