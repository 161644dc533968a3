"""The units of a page, each with the title that it stands under."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from clinical.text.allergy_words import culprits, reactions
from clinical.text.boxes import merged
from clinical.text.sections import Context, context_of, title_of
from clinical.text.signs import any_of
from clinical.text.units import Unit, units
from clinical.text.vocabulary import drugs
from records.content import Page

_PATIENT = re.compile(rf"\W*{any_of('the patient')}(?![^\W_])")
_ALLERGIC = re.compile(rf"\W*(?:(?:pas|aucune?|absence) (?:d'|de )?)?{any_of('allergy')}")
_TREATED = re.compile(rf"\W*(?:{any_of('the patient')} )?{any_of('treated')}(?![^\W_])")
_OTHER_KEY = re.compile(r"\s*(?P<key>[^\W\d_]{2,16}(?: [^\W\d_]{2,12}){0,2}) ?:")
"""« Allergies : aucune. Meds : … »: what has a name of its own stands no longer under the first."""
_ANSWERED = re.compile(r"[ :]*(?:oui|non|yes|no)(?![^\W_])")
_SORT = re.compile(r"medic|alim|respir|cutane|contact|environ|autres?|allerg|intoler|react")


def placed(page: Page, section_before: str) -> Iterator[tuple[Unit, str]]:
    """Each unit with the title it stands under.

    A title alone on its line holds until the next; one with words after it holds for its line. The page's own titled
    parts (CDA) come first.
    """
    standing, parts = section_before, sorted((part.start, part.end, part.title) for part in page.sections)
    starts = [part[0] for part in parts]
    line_title, line_end = "", -1
    for unit in merged(units(page.text)):
        at = bisect_right(starts, unit.start) - 1
        titled = parts[at][2] if at >= 0 and unit.start < parts[at][1] and context_of(parts[at][2]) else ""
        found = title_of(unit.flat)
        if found is not None and context_of(standing) is Context.ALLERGY and _ANSWERED.match(unit.flat, found[1]):
            found = None  # « Allergies ⏎ - Médicaments : oui (Josacine) »
        if found is not None:
            title, length = page.text[unit.start : unit.start + found[1]].strip(" \t\n:•#*-–"), found[1]
            if unit.flat[length:].strip():
                line_title = title
                newline = page.text.find("\n", unit.end - 1)
                line_end = newline if newline >= 0 else len(page.text)
            else:
                standing, line_end = title, -1
        title = line_title if unit.start < line_end else titled or standing
        if found is None and unit.start < line_end and context_of(title) is Context.ALLERGY and _has_key(unit):
            title, line_end = "", -1
        yield unit, "" if found is None and _is_beside(unit, context_of(title)) else title


def _has_key(unit: Unit) -> bool:
    """Whether a sentence begins with a name and a colon, and the name is of no allergen: « Pénicilline : choc »."""
    key = _OTHER_KEY.match(unit.flat)
    return (
        key is not None
        and _SORT.search(key["key"]) is None
        and not culprits(key[0], key[0], list(drugs().find(key[0], key[0])))
    )


def _is_beside(unit: Unit, context: Context) -> bool:
    """Whether a sentence speaks of something else than its title: « Allergies : aucune. Sous Eliquis. » is a treatment,
    « Antécédents familiaux : … Patient porteur d'un pacemaker » is the patient."""
    if context is Context.FAMILY:
        return _PATIENT.match(unit.flat) is not None or _ALLERGIC.match(unit.flat) is not None
    if context is not Context.ALLERGY or _TREATED.match(unit.flat) is None:
        return False
    return next(reactions().find(unit.flat, unit.flat), None) is None  # « sous amoxicilline : urticaire »
