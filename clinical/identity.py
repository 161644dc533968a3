"""Whose document this is: the national identifier (INS) it states, against its patient's own.

Only an INS decides here. In a text it counts when it stands near the word INS and its control key is right: a number
of a social security card is often a parent's, and is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from access.identifiers import INS_OIDS, Ins, parse_ins
from records.content import Metadata, Page

_LABEL = re.compile(
    r"(?<![A-Za-zÀ-ÿ])(?:I\.?N\.?S\.?|[Ii]dentit[ée]\s+[Nn]ationale\s+(?:de\s+)?[Ss]ant[ée])(?![A-Za-zÀ-ÿ])"
)
_REACH = 60  # characters between the label and its number: "Matricule INS (NIR), OID 1.2.250.1.213.1.4.8 : "
_NUMBER = re.compile(
    r"(?<![\w.])[1-478](?:[ .\u00a0\u202f]?\d){4}[ .\u00a0\u202f]?(?:\d[ .\u00a0\u202f]?\d|2[ .\u00a0\u202f]?[ABab])"
    r"(?:[ .\u00a0\u202f]?\d){8}(?!\w)"
)
_OID = re.compile(r"1\.2\.250\.1\.213\.1\.4\.\d{1,2}(?!\d)")


class HasIns(Protocol):
    """What is compared of an identity (`records.patients.Identity`)."""

    @property
    def ins(self) -> Ins | None:
        """The patient's INS, when one is known."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An INS that a document states: in its header (page None), or at text[start:end] of a page.

    `ins.oid` is empty when the text does not say which kind of matricule it is.
    """

    ins: Ins
    page: int | None = None
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The document states another patient's INS. `evidence` is never empty; it identifies a person: keep it sealed."""

    evidence: tuple[Stated, ...]


def find_ins(text: str) -> tuple[Stated, ...]:
    """Every INS with a right key that stands near a label, in order, as if `text` were page 1."""
    found: dict[int, Stated] = {}
    for label in _LABEL.finditer(text):
        after = text[label.end() : label.end() + _REACH + 21]
        blanked = _OID.sub(lambda oid: "_" * len(oid.group()), after)
        for number in _NUMBER.finditer(blanked):
            if number.start() > _REACH:
                break
            ins = parse_ins(number.group())
            if ins is not None:
                oid = _OID.search(text, label.start(), label.end() + number.end() + 60)
                stated = Ins(ins.matricule, oid.group() if oid else "")
                start = label.end() + number.start()
                found.setdefault(start, Stated(stated, 1, start, label.end() + number.end()))
    return tuple(found[start] for start in sorted(found))


def compare(identity: HasIns | None, metadata: Metadata, pages: Sequence[Page]) -> Mismatch | None:
    """A Mismatch when an INS of the document contradicts the patient's, else None.

    One contradicting INS is enough, even beside the right one: a batch scan may hold two patients' pages. Without an
    INS on either side, or with matricules of different kinds (NIR and NIA of one person differ), there is no mismatch.
    """
    if identity is None or identity.ins is None:
        return None
    own = identity.ins
    stated = [Stated(Ins(matricule, oid)) for matricule, oid in metadata.patient_ins if oid in INS_OIDS]
    for page in pages:
        stated += [Stated(one.ins, page.number, one.start, one.end) for one in find_ins(page.text)]
    others = tuple(one for one in stated if _same_kind(one.ins.oid, own.oid) and not _same_number(one.ins, own))
    return Mismatch(others) if others else None


def _same_kind(stated: str, own: str) -> bool:
    """Whether two OIDs name matricules that must be equal for one person; a text often states none."""
    return not stated or INS_OIDS.get(stated) == INS_OIDS.get(own)


def _same_number(stated: Ins, own: Ins) -> bool:
    """CDA headers give the matricule with or without its key: the 13 characters decide."""
    return stated.matricule.replace(" ", "").upper()[:13] == own.matricule[:13]
