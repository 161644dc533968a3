"""The compiled right of one caller to one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from access.categories import Category
from access.identifiers import DocumentId, PatientId


class CallerKind(StrEnum):
    PRACTITIONER = "practitioner"
    PATIENT = "patient"
    SYSTEM = "system"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Purpose(StrEnum):
    """Why the caller looks; journalled with every access."""

    CARE = "care"
    SELF = "self"  # a patient reading their own record
    EMERGENCY = "emergency"  # break-glass
    REGULATION = "regulation"  # the regulating physician of Centre 15
    REPRESENTATION = "representation"  # for a minor, under guardianship, or after a death
    AUDIT = "audit"
    ADMINISTRATION = "administration"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `id` is an RPPS for a practitioner, a PatientId for a patient, a client id for a system."""

    kind: CallerKind
    id: str
    name: str = ""
    profession: str = ""
    specialty: str = ""
    organizations: frozenset[str] = frozenset()  # FINESS numbers the caller works for
    teams: frozenset[str] = frozenset()  # care team identifiers
    system: str = ""  # client id of the system that speaks for this practitioner
    regulates: bool = False  # a regulating physician of Centre 15, as the directory says


class Basis(StrEnum):
    """The rule that opened a record to somebody; the strongest when several did."""

    SELF = "self"
    LEGAL_REPRESENTATIVE = "legal_representative"
    GUARDIAN = "guardian"
    CURATOR = "curator"
    SUCCESSION = "succession"  # heirs and partner
    TRAITANT = "traitant"  # the médecin traitant and those with his rights
    GRANT = "grant"
    BREAK_GLASS = "break_glass"
    REGULATION = "regulation"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one caller may match in one patient's record during one request, and nothing more.

    An empty Scope (no identity or no category) matches nothing. A Scope says nothing of documents outside it: no
    count, no name.
    """

    caller: Caller
    patient_id: PatientId
    purpose: Purpose
    identities: frozenset[PatientId] = frozenset()  # patient_id and the identities merged into it
    categories: frozenset[Category] = frozenset()
    excluded: frozenset[DocumentId] = field(default=frozenset(), repr=False)
    oversees: bool = False  # may read the journal and every authorisation: the patient, the médecin traitant
    basis: Basis | None = None
    until: datetime | None = None  # when an emergency access ends; a banner says so
    policy_version: str = ""
    grant_version: str = ""  # changes whenever the right does; cursors and caches are bound to it

    @property
    def is_empty(self) -> bool:
        return not self.identities or not self.categories

    def admits(self, patient_id: PatientId, document_id: DocumentId, category: Category) -> bool:
        """Whether a document may be shown under this Scope: the recheck made on every hit."""
        return patient_id in self.identities and category in self.categories and document_id not in self.excluded
