"""One statement against what is known of the patient: why it is somebody else's, or that it may be theirs.

The table of `clinical.identity` as code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from clinical.dates import find_dates, one_digit_apart
from clinical.known import Known, is_real_person, is_same_kind, is_well_formed, same_number
from clinical.names import Match, match_names, words
from clinical.people_words import COUPLE
from clinical.stated import Stated
from records.content import Page, Source

_TOP = 12  # lines of a page in which its own patient is named
_SURE_OF_A_DATE = 0.9  # confidence of OCR from which a date that differs by one digit is believed
_BABY = timedelta(days=400)


class Reason(StrEnum):
    """What in a statement is not the patient's."""

    INS = "ins"
    NAME = "name"
    FIRST_NAME = "first-name"
    BIRTH_DATE = "birth-date"
    SEX = "sex"
    BIRTH_PLACE = "birth-place"
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class Compared:
    """One statement against the patient. `same_birth` None: not stated, or not known."""

    stated: Stated
    same_ins: bool
    other_ins: bool
    name: Match
    same_birth: bool | None
    other_sex: bool
    other_place: bool

    @property
    def agrees(self) -> bool:
        """Whether it is the patient's beyond doubt."""
        named = self.name in (Match.SAME, Match.OTHER_FAMILY, Match.PARTIAL, Match.UNKNOWN)
        return not self.stated.child and (self.same_ins or (self.same_birth is True and named))


@dataclass(frozen=True, slots=True)
class Around:
    """Where a statement stands: its page (None: the header), and whether the patient's own identity does too."""

    page: Page | None
    said: frozenset[str]  # the words of the page, folded
    on_page: bool
    in_document: bool

    def is_top(self, stated: Stated) -> bool:
        if self.page is None or not stated.spans:
            return True
        return self.page.text.count("\n", 0, stated.spans[0][0]) < _TOP


def compared_with(one: Stated, known: Known) -> Compared:
    other_sex = bool(one.sex and known.sex in ("F", "M") and one.sex != known.sex)
    numbers = [] if known.ins is None else [ins for ins in one.ins if is_same_kind(ins, known)]
    others = [*numbers, *(ins for ins in one.ins if is_real_person(ins, known))]
    return Compared(
        stated=one,
        same_ins=known.ins is not None and any(same_number(ins, known.ins) for ins in numbers),
        other_ins=known.ins is not None
        and any(not same_number(ins, known.ins) and is_well_formed(ins) for ins in others),
        name=match_names(one.name, known.families, known.given, other_sex=other_sex),
        same_birth=bool(set(one.birth) & set(known.births)) if one.birth and known.births else None,
        other_sex=other_sex,
        other_place=bool(one.birth_place and known.place and one.birth_place.upper() != known.place.upper()),
    )


def reasons_of(one: Compared, known: Known, around: Around) -> tuple[Reason, ...]:
    """Why a statement is another patient's; empty when it may be the patient's."""
    if one.other_ins:
        return (Reason.INS, *_traits(one))
    if one.same_ins:
        whole = one.name is Match.OTHER and one.same_birth is False and not one.stated.child
        return (Reason.NAME, Reason.BIRTH_DATE) if whole else ()
    if one.stated.child:
        return _child(one, known, around)
    if one.same_birth is False:
        return () if _is_excused(one, known, around) else _traits(one)
    if one.same_birth:
        two_weak = one.other_sex and (one.other_place or one.name is Match.OTHER_FAMILY)
        return _traits(one) if one.name in (Match.OTHER, Match.OTHER_GIVEN) or two_weak else ()
    return _by_name_alone(one, known, around)


def _is_excused(one: Compared, known: Known, around: Around) -> bool:
    """Whether another birth date may still be the patient's: misread, mistyped beside the right one, or nobody's."""
    hers = one.name in (Match.SAME, Match.PARTIAL, Match.UNKNOWN)
    if hers and around.page is not None and _is_misread(one.stated, known, around.page):
        return True
    if one.name is Match.UNKNOWN:
        return around.in_document or not (one.stated.labelled or around.is_top(one.stated))
    if not around.on_page:
        return False
    couple = around.page is not None and COUPLE.search(around.page.text) is not None
    return hers or (couple and not one.stated.labelled)


def _child(one: Compared, known: Known, around: Around) -> tuple[Reason, ...]:
    """A child named as such: the patient, or part of the story of the mother's own document."""
    if one.same_birth:
        own = one.stated.newborn or one.name is not Match.OTHER_GIVEN
        return () if own else (Reason.CHILD, *_traits(one))
    told = around.on_page or (around.in_document and not around.is_top(one.stated))
    if told:
        return ()
    if one.same_birth is False:
        return (Reason.CHILD, *_traits(one))
    if not (one.stated.labelled or around.is_top(one.stated)) or not known.births or around.page is None:
        return ()
    if not one.stated.newborn:
        return _by_name_alone(one, known, around)
    day = known.births[0]
    dates = [each for found in find_dates(around.page.text) for each in found.days]
    return () if not dates or any(day <= each <= day + _BABY for each in dates) else (Reason.CHILD,)


def _by_name_alone(one: Compared, known: Known, around: Around) -> tuple[Reason, ...]:
    """Another name after the patient's label, and none of theirs anywhere on the page."""
    if one.name not in (Match.OTHER, Match.OTHER_GIVEN) or not (one.stated.labelled or one.stated.birth):
        return ()
    if around.on_page or (around.in_document and not one.stated.sure):
        return ()
    if around.page is not None:
        telling = [*words(known.given), *(words(" ".join(known.families)) if one.name is Match.OTHER else [])]
        if any(len(name) > 2 and name in around.said for name in telling):
            return ()
    return _traits(one)


def _traits(one: Compared) -> tuple[Reason, ...]:
    """Every trait that differs, for the person who decides."""
    name = {Match.OTHER: Reason.NAME, Match.OTHER_FAMILY: Reason.NAME, Match.OTHER_GIVEN: Reason.FIRST_NAME}
    found = [name[one.name]] if one.name in name else []
    found += [Reason.BIRTH_DATE] if one.same_birth is False else []
    found += [Reason.SEX] if one.other_sex else []
    return (*found, *([Reason.BIRTH_PLACE] if one.other_place else []))


def _is_misread(one: Stated, known: Known, page: Page) -> bool:
    """Whether OCR may have read one digit of the patient's birth date wrongly: it was not sure of what it read."""
    if not any(one_digit_apart(a, b) for a in one.birth for b in known.births):
        return False
    spans = one.spans
    read = [r for r in page.regions if r.source is Source.OCR and any(r.start < e and s < r.end for s, e in spans)]
    doubts = [
        w.confidence
        for w in page.words
        if w.confidence is not None
        and any(w.start < e and s < w.end for s, e in spans)
        and any(character.isdigit() for character in page.text[w.start : w.end])
    ]
    return bool(read) and (not doubts or min(doubts) < _SURE_OF_A_DATE)
