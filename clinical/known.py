"""What is known of a patient when a document is read: the record's identity, and what the document says under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from access.identifiers import INS_OIDS, Ins, parse_ins
from clinical.names import alike, words
from clinical.stated import Stated

_REAL = frozenset({"NIR", "NIA"})


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
class Known:
    """The patient's identity, with what the document says of them under their INS."""

    ins: Ins | None
    kind: str  # a value of INS_OIDS; empty when a typed number has no known kind
    families: tuple[str, ...]
    given: str
    births: tuple[date, ...]
    sex: str
    place: str


def known_of(identity: HasIdentity, statements: Sequence[Stated]) -> Known:
    """What is known of the patient. A typed number (status provisional) has the kind that a header gives it."""
    own = identity.ins
    typed = identity.ins_status == "provisional"
    kind = "" if own is None or typed else INS_OIDS.get(own.oid, "")
    hers = [] if own is None else [one for one in statements if any(same_number(ins, own) for ins in one.ins)]
    if typed and own is not None:
        kinds = [INS_OIDS.get(ins.oid, "") for one in hers for ins in one.ins if same_number(ins, own)]
        kind = next((each for each in kinds if each), "")
    hers = [one for one in hers if not one.newborn and _is_comparable(one, own, kind)]
    aliases = tuple(name for one in hers for name in (*one.name.family, *_family_of(one, identity)))
    given = " ".join(filter(None, (identity.given_names, *(one.name.given for one in hers))))
    families = tuple(filter(None, (identity.family_name, identity.used_name, *aliases)))
    births = tuple(filter(None, (identity.birth_date,))) or next((one.birth for one in hers if one.birth), ())
    if not families and not given:  # known by number alone: the whole name beside that number
        whole = next((one.name.whole for one in hers if one.name.whole), "")
        families, given = ((whole,), whole) if whole else ((), "")
    return Known(own, kind, families, given, births, identity.sex, identity.birth_place)


def _family_of(one: Stated, identity: HasIdentity) -> tuple[str, ...]:
    """The family name in a name whose parts are not told, when a first name of the patient is in it."""
    firsts = words(identity.given_names)
    left = [word for word in words(one.name.whole) if not any(alike(word, first, given=True) for first in firsts)]
    return (" ".join(left),) if firsts and left and len(left) < len(words(one.name.whole)) else ()


def _is_comparable(one: Stated, own: Ins | None, kind: str) -> bool:
    return own is not None and any(
        same_number(ins, own) and (not kind or not ins.oid or INS_OIDS.get(ins.oid) == kind) for ins in one.ins
    )


def is_same_kind(stated: Ins, known: Known) -> bool:
    """Whether two matricules must be equal for one person. A text often states no kind, a typed number has none.

    NIR and NIA of one person differ. A test matricule proves nothing of a real one, even with the same 15 characters.
    """
    if not stated.oid:
        return True
    kind = INS_OIDS.get(stated.oid)
    if kind is None:
        return False
    return kind == known.kind if known.kind else kind != "NIA"


def is_real_person(stated: Ins, known: Known) -> bool:
    """Whether a number is a real person's in the record of a test identity, which is nobody: then it is not theirs."""
    return known.kind.startswith("test") and INS_OIDS.get(stated.oid) in _REAL


def same_number(stated: Ins, own: Ins) -> bool:
    """CDA headers give the matricule with or without its key: the 13 characters decide."""
    return stated.matricule.replace(" ", "").upper()[:13] == own.matricule[:13]


def is_well_formed(ins: Ins) -> bool:
    """A number with a wrong key is nobody's: it contradicts nothing. Without a key it is taken as it is."""
    compact = ins.matricule.replace(" ", "")
    return len(compact) == 13 or parse_ins(compact) is not None
