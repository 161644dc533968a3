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

from clinical.known import HasIdentity, known_of
from clinical.names import words
from clinical.stated import Stated, stated_in
from clinical.weighing import Around, Reason, compared_with, reasons_of
from records.content import Metadata, Page


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


def compare(identity: HasIdentity | None, metadata: Metadata, pages: Sequence[Page]) -> Mismatch | None:
    """A Mismatch when the document states another patient's identity, else None."""
    if identity is None:
        return None
    statements = stated_in(metadata, pages)
    known = known_of(identity, statements)
    compared = [compared_with(one, known) for one in statements]
    by_number = {page.number: page for page in pages}
    agreeing = {one.stated.page for one in compared if one.agrees}
    said = {one.stated.page: frozenset[str]() for one in compared}
    said |= {number: frozenset(words(page.text)) for number, page in by_number.items() if number in said}
    found = []
    for one in compared:
        number = one.stated.page
        page = None if number is None else by_number.get(number)
        around = Around(page, said[number], on_page=number in agreeing, in_document=bool(agreeing))
        reasons = reasons_of(one, known, around)
        if reasons:
            found.append(Evidence(one.stated, reasons))
    return Mismatch(tuple(found)) if found else None


def unreleased(doubt: Mismatch | None, released: frozenset[str]) -> Mismatch | None:
    """What is left of a Mismatch when a person has already judged some of its evidence to be the patient's."""
    left = () if doubt is None else tuple(one for one in doubt.evidence if one.key not in released)
    return replace(doubt, evidence=left) if doubt is not None and left else None


__all__ = ["Evidence", "HasIdentity", "Mismatch", "Reason", "compare", "unreleased"]
