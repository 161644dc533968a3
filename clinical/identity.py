"""Whose document this is: the identities that it states, weighed against its patient's.

    stated                          record of Marie MARTIN, née DUPONT, 12/03/1950          verdict
    another INS of the same kind    whatever the names                                      another patient
    the same INS                    a new name, a new first name, a mistyped date           hers
                                    first name, family name and date all others             another patient
    another birth date              the same names (homonyms), others, or none              another patient
    the same birth date             first name agrees (a married name, a typing error)      hers
                                    another first name (twins), or another whole name       another patient
    no birth date                   "Patient : Paul DURAND", none of her names on the page  another patient
    one weak trait (sex, birthplace), an initial, a title alone                             hers

One statement is enough, even beside the right ones: a batch scan may hold two patients' pages. A child's identity in a
document that also states the patient's own is part of the story of a birth; alone, it is another patient's document.
What a statement with the patient's INS says of her names counts as hers too: that is how a changed name is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from access.identifiers import INS_OIDS, Ins, parse_ins
from clinical.dates import find_dates, one_digit_apart
from clinical.names import Match, alike, match_names, words
from clinical.people_words import COUPLE
from clinical.stated import Stated, spoken, stated_in
from records.content import Metadata, Page, Source

_TOP = 12  # lines of a page in which its own patient is named
_SURE_OF_A_DATE = 0.9  # confidence of OCR from which a date that differs by one digit is believed
_BABY = timedelta(days=400)
_REAL = frozenset({"NIR", "NIA"})


class Reason(StrEnum):
    """What in a statement is not the patient's."""

    INS = "ins"
    NAME = "name"
    FIRST_NAME = "first-name"
    BIRTH_DATE = "birth-date"
    SEX = "sex"
    BIRTH_PLACE = "birth-place"
    CHILD = "child"


class HasIdentity(Protocol):
    """What is compared of an identity (`records.patients.Identity`). A trait that is not known is empty."""

    @property
    def ins(self) -> Ins | None: ...
    @property
    def ins_status(self) -> str: ...
    @property
    def family_name(self) -> str: ...
    @property
    def used_name(self) -> str: ...
    @property
    def given_names(self) -> str: ...
    @property
    def birth_date(self) -> date | None: ...
    @property
    def sex(self) -> str: ...
    @property
    def birth_place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """A statement that is somebody else's, and why. It identifies a person: keep it sealed."""

    stated: Stated
    reasons: tuple[Reason, ...]

    @property
    def key(self) -> str:
        """The same for the same statement wherever it stands: what a release is remembered by."""
        one = self.stated
        name = " ".join(sorted(words(str(one.name))))
        numbers = ",".join(sorted(ins.matricule[:13] for ins in one.ins))
        return "|".join((numbers, name, ",".join(day.isoformat() for day in one.birth), ",".join(sorted(self.reasons))))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The document states another patient's identity. `evidence` is never empty."""

    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """The patient's identity, with what the document says of them under their INS."""

    ins: Ins | None
    kind: str  # a value of INS_OIDS; empty when a typed number has no known kind
    families: tuple[str, ...]
    given: str
    births: tuple[date, ...]
    sex: str
    place: str


@dataclass(frozen=True, slots=True)
class _Compared:
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


def compare(identity: HasIdentity | None, metadata: Metadata, pages: Sequence[Page]) -> Mismatch | None:
    """A Mismatch when the document states another patient's identity, else None."""
    if identity is None:
        return None
    statements = stated_in(metadata, pages)
    known = _known(identity, statements)
    compared = [_compare(one, known) for one in statements if not _is_illustration(one, known)]
    by_number = {page.number: page for page in pages}
    found = []
    for one in compared:
        page = by_number.get(one.stated.page) if one.stated.page is not None else None
        around = _Around(
            page,
            on_page=any(other.agrees for other in compared if other.stated.page == one.stated.page),
            in_document=any(other.agrees for other in compared),
        )
        reasons = _reasons(one, known, around)
        if reasons:
            found.append(Evidence(one.stated, reasons))
    return Mismatch(tuple(found)) if found else None


@dataclass(frozen=True, slots=True)
class _Around:
    """Where a statement stands: its page (None: the header), and whether the patient's own identity stands there too."""

    page: Page | None
    on_page: bool
    in_document: bool

    def is_top(self, stated: Stated) -> bool:
        if self.page is None or not stated.spans:
            return True
        return self.page.text.count("\n", 0, stated.spans[0][0]) < _TOP


def _known(identity: HasIdentity, statements: Sequence[Stated]) -> _Known:
    """What is known of the patient. A number that was typed (status provisional) has the kind that a header gives it."""
    own = identity.ins
    typed = identity.ins_status == "provisional"
    kind = "" if own is None or typed else INS_OIDS.get(own.oid, "")
    hers = [] if own is None else [one for one in statements if any(_same_number(ins, own) for ins in one.ins)]
    if typed and own is not None:
        kinds = [INS_OIDS.get(ins.oid, "") for one in hers for ins in one.ins if _same_number(ins, own)]
        kind = next((each for each in kinds if each), "")
    hers = [one for one in hers if not one.newborn and _is_comparable(one, own, kind)]
    aliases = tuple(name for one in hers for name in (*one.name.family, *_family_of(one, identity)))
    given = " ".join(filter(None, (identity.given_names, *(one.name.given for one in hers))))
    families = tuple(filter(None, (identity.family_name, identity.used_name, *aliases)))
    births = tuple(filter(None, (identity.birth_date,))) or next((one.birth for one in hers if one.birth), ())
    if not families and not given:  # known by number alone: the whole name beside that number
        whole = next((one.name.whole for one in hers if one.name.whole), "")
        families, given = ((whole,), whole) if whole else ((), "")
    return _Known(own, kind, families, given, births, identity.sex, identity.birth_place)


def _family_of(one: Stated, identity: HasIdentity) -> tuple[str, ...]:
    """The family name in a name whose parts are not told, when a first name of the patient is in it."""
    firsts = words(identity.given_names)
    left = [word for word in words(one.name.whole) if not any(alike(word, first, given=True) for first in firsts)]
    return (" ".join(left),) if firsts and left and len(left) < len(words(one.name.whole)) else ()


def _compare(one: Stated, known: _Known) -> _Compared:
    other_sex = bool(one.sex and known.sex in ("F", "M") and one.sex != known.sex)
    numbers = [] if known.ins is None else [ins for ins in one.ins if _is_same_kind(ins, known)]
    return _Compared(
        stated=one,
        same_ins=known.ins is not None and any(_same_number(ins, known.ins) for ins in numbers),
        other_ins=known.ins is not None
        and any(not _same_number(ins, known.ins) and _is_well_formed(ins) for ins in numbers),
        name=match_names(one.name, known.families, known.given, other_sex=other_sex),
        same_birth=bool(set(one.birth) & set(known.births)) if one.birth and known.births else None,
        other_sex=other_sex,
        other_place=bool(one.birth_place and known.place and one.birth_place.upper() != known.place.upper()),
    )


def _reasons(one: _Compared, known: _Known, around: _Around) -> tuple[Reason, ...]:
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
        two_weak = one.other_sex and one.other_place
        return _traits(one) if one.name in (Match.OTHER, Match.OTHER_GIVEN) or two_weak else ()
    return _by_name_alone(one, known, around)


def _is_excused(one: _Compared, known: _Known, around: _Around) -> bool:
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


def _child(one: _Compared, known: _Known, around: _Around) -> tuple[Reason, ...]:
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


def _by_name_alone(one: _Compared, known: _Known, around: _Around) -> tuple[Reason, ...]:
    """Another name after the patient's label, and none of theirs anywhere on the page."""
    if one.name not in (Match.OTHER, Match.OTHER_GIVEN) or not one.stated.labelled or one.stated.ins:
        return ()
    if around.on_page or (around.in_document and not one.stated.sure):
        return ()
    if around.page is not None:
        said = words(around.page.text)
        telling = [*words(known.given), *(words(" ".join(known.families)) if one.name is Match.OTHER else [])]
        if any(len(name) > 2 and name in said for name in telling):
            return ()
    return _traits(one)


def _traits(one: _Compared) -> tuple[Reason, ...]:
    """Every trait that differs, for the person who decides."""
    name = {Match.OTHER: Reason.NAME, Match.OTHER_FAMILY: Reason.NAME, Match.OTHER_GIVEN: Reason.FIRST_NAME}
    found = [name[one.name]] if one.name in name else []
    found += [Reason.BIRTH_DATE] if one.same_birth is False else []
    found += [Reason.SEX] if one.other_sex else []
    return (*found, *([Reason.BIRTH_PLACE] if one.other_place else []))


def _is_misread(one: Stated, known: _Known, page: Page) -> bool:
    """Whether OCR may have read one digit of the patient's birth date wrongly: it was not sure of what it read."""
    if not any(one_digit_apart(a, b) for a in one.birth for b in known.births):
        return False
    spans = one.spans
    read = [r for r in page.regions if r.source is Source.OCR and any(r.start < e and s < r.end for s, e in spans)]
    doubts = [
        w.confidence
        for w in page.words
        if w.confidence is not None and any(w.start < e and s < w.end for s, e in spans)
        and any(character.isdigit() for character in page.text[w.start : w.end])
    ]
    return bool(read) and (not doubts or min(doubts) < _SURE_OF_A_DATE)


def _is_illustration(one: Stated, known: _Known) -> bool:
    """In the record of a test identity, which is nobody's, a page under a real number is a sample's picture."""
    if one.page is None or not one.ins or not known.kind.startswith("test"):
        return False
    real = {ins.matricule for ins in one.ins if INS_OIDS.get(ins.oid) in _REAL}
    return all(ins.matricule in real for ins in one.ins)


def _is_comparable(one: Stated, own: Ins | None, kind: str) -> bool:
    return own is not None and any(
        _same_number(ins, own) and (not kind or not ins.oid or INS_OIDS.get(ins.oid) == kind) for ins in one.ins
    )


def _is_same_kind(stated: Ins, known: _Known) -> bool:
    """Whether two matricules must be equal for one person. A text often states no kind, a typed number has none.

    NIR and NIA of one person differ. A test matricule proves nothing of a real one, even with the same 15 characters.
    """
    if not stated.oid:
        return True
    kind = INS_OIDS.get(stated.oid)
    if kind is None:
        return False
    return kind == known.kind if known.kind else kind != "NIA"


def _same_number(stated: Ins, own: Ins) -> bool:
    """CDA headers give the matricule with or without its key: the 13 characters decide."""
    return stated.matricule.replace(" ", "").upper()[:13] == own.matricule[:13]


def _is_well_formed(ins: Ins) -> bool:
    """A number with a wrong key is nobody's: it contradicts nothing. Without a key it is taken as it is."""
    compact = ins.matricule.replace(" ", "")
    return len(compact) == 13 or parse_ins(compact) is not None


def unreleased(doubt: Mismatch | None, released: frozenset[str]) -> Mismatch | None:
    """What is left of a Mismatch when a person has already judged some of its evidence to be the patient's."""
    left = () if doubt is None else tuple(one for one in doubt.evidence if one.key not in released)
    return replace(doubt, evidence=left) if doubt is not None and left else None


__all__ = ["Evidence", "HasIdentity", "Mismatch", "Reason", "compare", "spoken", "unreleased"]
