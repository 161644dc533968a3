"""What may be set about the rules, and where the sources leave doubt: one named setting each, its default the answer
that protects the patient (docs/decisions/011-access-doubts.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from access.habilitation import Matrix

POLICY_VERSION = "2026.3"
"""Version of the rules of this package; stands in every journal entry. Grows with every change of a rule."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The matrix in force and the settings of the doubtful points."""

    matrix: Matrix
    patient_release: timedelta = timedelta(days=31)
    """How long a document may stay hidden from its patient: afterwards it shows by itself."""
    attested_longest: timedelta = timedelta(hours=24)
    """How long the consent of a present patient, recorded by the professional, holds at most."""
    break_glass_for: timedelta = timedelta(hours=1)
    """How long one opening, or one extension, of an emergency access lasts."""
    break_glass_longest: timedelta = timedelta(hours=6)
    """How long an emergency access may last in all with its extensions; a longer one is opened anew."""
    break_glass_opens_masked: bool = False
    """The CNIL criticised a pilot in which it did; European rules may want it."""
    break_glass_ignores_blocks: bool = False
    """Whether an emergency opens to a professional whom the patient blocked."""
    restricted_masks: bool = True
    """Whether a document that arrives "restricted" or "very restricted" (HL7 R, V) is masked from professionals."""
    sees_unlisted_types: bool = False
    """Whether a type that the matrix does not list shows to professions that see every listed one."""

    @property
    def version(self) -> str:
        """Of the rules and the matrix together, for the journal."""
        return f"{POLICY_VERSION}/{self.matrix.version}"
