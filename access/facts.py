"""What is recorded about one caller and one patient, as values that `decide` judges. Recorded is not yet in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from access.categories import Category
from access.identifiers import DocumentId, PatientId


class GranteeKind(StrEnum):
    """To whom a grant is given."""

    PRACTITIONER = "practitioner"
    ORGANIZATION = "organization"
    TEAM = "team"


class GrantKind(StrEnum):
    """What kind of act a grant records. A kind that is not listed here gives no right."""

    CONSENT = "consent"  # by the patient
    ATTESTED = "attested"  # by the professional, of a patient who is present and agrees: bounded
    CARE_TEAM = "care_team"  # to the team of an episode of care
    MEDECIN_TRAITANT = "medecin_traitant"  # named by the patient
    AS_TRAITANT = "as_traitant"  # the patient gives another professional the rights of the médecin traitant


class RelationKind(StrEnum):
    """As whom a person looks at another's record."""

    LEGAL_REPRESENTATIVE = "legal_representative"  # of a minor; ends at 18
    GUARDIAN = "guardian"  # tutelle with representation for the person
    CURATOR = "curator"  # curatelle: only with the person's consent
    HEIR = "heir"
    PARTNER = "partner"  # spouse, civil partner or companion of a person who died


HEIR_PURPOSES = frozenset({"cause_of_death", "memory", "rights"})
"""L1110-4 V: to know the causes of death, to defend the memory of the dead, to assert one's rights."""


class OppositionKind(StrEnum):
    """What a patient may oppose beforehand."""

    BREAK_GLASS = "break_glass"
    CENTRE_15 = "centre_15"
    HEIRS = "heirs"


@dataclass(frozen=True, slots=True)
class GrantFact:
    """One recorded grant, live or not. `to` is an RPPS, a FINESS or a team id by `to_kind`; categories None is all."""

    grant_id: str
    kind: str  # a GrantKind
    to_kind: str  # a GranteeKind
    to: str
    categories: frozenset[Category] | None
    valid_from: datetime
    valid_until: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RelationFact:
    """One recorded relation of `person` to the patient, in force or not. `approved`: by who reviews heirs' requests."""

    relation_id: str
    kind: str  # a RelationKind
    person: str
    valid_from: datetime
    valid_until: datetime | None = None
    ended_at: datetime | None = None
    consented: bool = False
    approved: bool = False
    purpose: str = ""
    categories: frozenset[Category] | None = None


@dataclass(frozen=True, slots=True)
class EmergencyFact:
    """One opening by break-glass."""

    emergency_id: str
    practitioner: str
    opened_at: datetime
    valid_until: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What is recorded about one caller and one patient; `AccessFacts(patient_id)` is a patient who does not exist.

    Everything covers all identities merged into the patient. `authored` are the documents that the caller deposited:
    these stay visible to them when masked, or hidden from the patient that they are. `types` gives the type of every
    document whose type the matrix may not show to this professional; others need not be in it, nor any for a caller
    whom the matrix does not judge.
    """

    patient_id: PatientId
    exists: bool = False
    closed: bool = False
    blocked: bool = False  # the patient blocked this caller
    identities: frozenset[PatientId] = frozenset()  # the patient and the identities merged into it; empty if unknown
    grants: tuple[GrantFact, ...] = ()
    relations: tuple[RelationFact, ...] = ()  # of this caller
    emergencies: tuple[EmergencyFact, ...] = ()  # of this caller
    oppositions: frozenset[str] = frozenset()  # OppositionKinds in force
    hidden_from_professionals: frozenset[DocumentId] = frozenset()  # masked
    hidden_from_patient: Mapping[DocumentId, datetime] = field(default_factory=dict)  # since when
    hidden_from_representatives: frozenset[DocumentId] = frozenset()
    not_default: frozenset[DocumentId] = frozenset()  # archived or deprecated
    types: Mapping[DocumentId, str] = field(default_factory=dict)
    authored: frozenset[DocumentId] = frozenset()
