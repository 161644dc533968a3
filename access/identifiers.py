"""The identifiers that every package passes around, and the rules that make one well formed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

PatientId = NewType("PatientId", str)  # opaque, 26 characters of lower-case base32
DocumentId = NewType("DocumentId", str)  # opaque, 26 characters of lower-case base32
PassageId = NewType("PassageId", str)  # "<document id>.<sequence, five digits>": sorts as the document reads
JobId = NewType("JobId", str)
Rpps = NewType("Rpps", str)  # 11 digits, a practitioner in the French shared directory
Finess = NewType("Finess", str)  # 9 characters, an establishment

INS_OIDS = {
    "1.2.250.1.213.1.4.8": "NIR",
    "1.2.250.1.213.1.4.9": "NIA",
    "1.2.250.1.213.1.4.10": "test NIR",
    "1.2.250.1.213.1.4.11": "test NIR demonstration",
}
"""Assigning authorities of an INS matricule (ANS, Référentiel INS). ANS conformance examples use .10."""

_INS = re.compile(r"[1-478]\d{4}(\d\d|2A|2B)\d{6}\d\d")


@dataclass(frozen=True, slots=True)
class Ins:
    """A French national health identity number: 13 characters and a key of 2 digits, with its assigner's OID."""

    matricule: str
    oid: str = "1.2.250.1.213.1.4.8"


def ins_key(thirteen: str) -> int:
    """Control key of a 13-character NIR: 97 - (n mod 97), Corsica's 2A and 2B counting as 19 and 18 (INSEE)."""
    return 97 - int(thirteen.replace("2A", "19").replace("2B", "18")) % 97


def parse_ins(text: str, oid: str = "1.2.250.1.213.1.4.8") -> Ins | None:
    """The INS written in `text` (spaces and dots allowed), or None when its form or its key is wrong."""
    compact = re.sub(r"[\s.\u00a0\u202f]", "", text).upper()
    if not _INS.fullmatch(compact) or ins_key(compact[:13]) != int(compact[13:]):
        return None
    return Ins(compact, oid)


def is_rpps(text: str) -> bool:
    """Whether `text` has the form of an RPPS number (11 digits)."""
    return re.fullmatch(r"\d{11}", text) is not None


def is_opaque_id(text: str) -> bool:
    """Whether `text` has the form of our own patient and document identifiers."""
    return re.fullmatch(r"[a-z2-7]{26}", text) is not None


def passage_id(document_id: DocumentId, sequence: int) -> PassageId:
    """Identifier of a document's passage number `sequence` (from 0, at most 99,999)."""
    return PassageId(f"{document_id}.{sequence:05d}")


def document_of(passage: PassageId) -> DocumentId:
    """The document that a passage belongs to."""
    return DocumentId(passage.partition(".")[0])
