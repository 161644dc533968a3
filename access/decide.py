"""The decision: who asks, for whom, why, when and what is recorded come in; a Scope or a Refusal goes out.

    role      an auditor, an administrator and a system without a practitioner read no document
    patient   a patient reads their own record, save what is hidden from them
    closed    a closed record is invisible to every professional
    block     a professional whom the patient blocked gets nothing, whatever grants they hold
    grant     otherwise a live grant to the professional, their organisation or their care team says which categories
    states    and masked, archived and deprecated documents stay out (ACCESS.md, "Who may look", 1 to 10)

Default deny: each rule can only refuse or narrow. Pure: no I/O, no clock. Time limits are half-open, a grant lives
for valid_from <= now < valid_until; a revoked grant is dead whatever the date of its revocation, so that clocks that
disagree by a second cannot keep it alive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope

POLICY_VERSION = "2026.1"
"""Version of the rules below; stands in every journal entry. Grows with every change of a rule."""

DOOR = Refusal(
    "grant",
    "no-access",
    "Aucun document accessible pour vous ; cela ne prouve pas qu'il n'en existe pas.",
    "Si le patient est présent et d'accord, enregistrez son consentement ; en cas d'urgence vitale, "
    "demandez un accès d'urgence.",
)
"""The one answer to whoever has no access: unknown patient, no grant, expired, revoked, blocked, closed."""

NO_READING_ROLE = Refusal(
    "grant",
    "role-reads-no-document",
    "Ce rôle ne donne accès à aucun document.",
    "Connectez-vous comme professionnel de santé ou comme patient.",
)
"""Depends on the caller alone, so it says nothing of the patient."""

SYSTEM_ALONE = Refusal(
    "grant",
    "system-needs-practitioner",
    "Un système n'accède à un dossier que pour le compte d'un professionnel identifié.",
    "Transmettez l'identité du professionnel dans le jeton du système.",
)
"""EX_AIR-085: a system's own identity adds no right."""


class GranteeKind(StrEnum):
    """To whom a grant is given."""

    PRACTITIONER = "practitioner"
    ORGANIZATION = "organization"
    TEAM = "team"


class GrantKind(StrEnum):
    """What kind of act a grant records. A kind that is not listed here gives no right."""

    CONSENT = "consent"
    MEDECIN_TRAITANT = "medecin_traitant"


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
class AccessFacts:
    """What is recorded about one caller and one patient; `AccessFacts(patient_id)` is a patient who does not exist.

    The sets of documents cover every identity merged into the patient. `authored` are the documents that the caller
    wrote or deposited: these stay visible to them when masked, or hidden from the patient that they are.
    """

    patient_id: PatientId
    exists: bool = False
    closed: bool = False
    blocked: bool = False  # the patient blocked this caller
    identities: frozenset[PatientId] = frozenset()  # the patient and the identities merged into it; empty if unknown
    grants: tuple[GrantFact, ...] = ()
    hidden_from_professionals: frozenset[DocumentId] = frozenset()  # masked
    hidden_from_patient: frozenset[DocumentId] = frozenset()
    not_default: frozenset[DocumentId] = frozenset()  # archived or deprecated
    authored: frozenset[DocumentId] = frozenset()


def decide(
    caller: Caller, patient_id: PatientId, purpose: Purpose, now: datetime, facts: AccessFacts
) -> Scope | Refusal:
    """The right of `caller` in the record of `patient_id` at `now` (aware), or the Refusal to answer with.

    `facts` are those of this caller and this patient; facts of another patient give the door.
    """
    if (refusal := _role_refusal(caller)) is not None:
        return refusal
    if facts.patient_id != patient_id or not facts.exists or patient_id not in facts.identities:
        return DOOR
    if caller.kind is CallerKind.PATIENT:
        return _own_record(caller, purpose, facts)
    if facts.closed or facts.blocked or purpose is not Purpose.CARE:
        return DOOR
    return _granted(caller, purpose, [grant for grant in facts.grants if _gives(grant, caller, now)], facts)


def _role_refusal(caller: Caller) -> Refusal | None:
    """Roles that read no document, before anything about the patient is looked at."""
    if caller.kind in (CallerKind.AUDITOR, CallerKind.ADMINISTRATOR):
        return NO_READING_ROLE
    if caller.kind is CallerKind.SYSTEM:
        return SYSTEM_ALONE  # with a practitioner asserted, the caller is that practitioner and `system` says who spoke
    return None


def _own_record(caller: Caller, purpose: Purpose, facts: AccessFacts) -> Scope | Refusal:
    """A patient sees all of their own record, closed or not, except what a carer has yet to announce to them.

    What they deposited themselves stays theirs, so that depositing a paper does not tell that a carer hid its twin.
    """
    if purpose is not Purpose.SELF or caller.id not in facts.identities:
        return DOOR
    excluded = (facts.hidden_from_patient - facts.authored) | facts.not_default
    return _scope(caller, purpose, facts, frozenset(Category), excluded, ("self",), oversees=True)


def _granted(caller: Caller, purpose: Purpose, grants: list[GrantFact], facts: AccessFacts) -> Scope | Refusal:
    """The union of the categories of live grants; nothing granted is the door, like nobody there."""
    categories = frozenset[Category]().union(*(_categories(grant) for grant in grants))
    if not categories:
        return DOOR
    traitant = any(_is_traitant(grant) for grant in grants)
    masked = frozenset[DocumentId]() if traitant else facts.hidden_from_professionals - facts.authored
    right = (*sorted(grant.grant_id for grant in grants), "traitant" if traitant else "")
    return _scope(caller, purpose, facts, categories, masked | facts.not_default, right, oversees=traitant)


def _gives(grant: GrantFact, caller: Caller, now: datetime) -> bool:
    """Whether a grant is of a known kind, lives at `now`, and is given to this caller."""
    if grant.kind not in frozenset(GrantKind) or grant.revoked_at is not None:
        return False
    if now < grant.valid_from or (grant.valid_until is not None and now >= grant.valid_until):
        return False
    holders = {
        GranteeKind.PRACTITIONER: frozenset({caller.id}),
        GranteeKind.ORGANIZATION: caller.organizations,
        GranteeKind.TEAM: caller.teams,
    }
    return any(grant.to_kind == kind and grant.to in names for kind, names in holders.items())


def _categories(grant: GrantFact) -> frozenset[Category]:
    return frozenset(Category) if grant.categories is None else grant.categories


def _is_traitant(grant: GrantFact) -> bool:
    """Médecin traitant, named in person and for the whole record: sees masked documents and reads the journal.

    A narrower or shared grant of that kind counts as a plain one: the sources leave it in doubt.
    """
    personal = grant.to_kind == GranteeKind.PRACTITIONER
    return grant.kind == GrantKind.MEDECIN_TRAITANT and personal and grant.categories is None


def _scope(
    caller: Caller,
    purpose: Purpose,
    facts: AccessFacts,
    categories: frozenset[Category],
    excluded: frozenset[DocumentId],
    right: Iterable[str],
    *,
    oversees: bool,
) -> Scope:
    """Compile. The version follows what the caller may know: an excluded document that arrives must not change it."""
    known = (POLICY_VERSION, caller.kind, caller.id, facts.patient_id, purpose, *sorted(categories), *right)
    version = hashlib.sha256("\x1f".join(known).encode()).hexdigest()[:16]
    return Scope(
        caller=caller,
        patient_id=facts.patient_id,
        purpose=purpose,
        identities=facts.identities,
        categories=categories,
        excluded=excluded,
        oversees=oversees,
        policy_version=POLICY_VERSION,
        grant_version=version,
    )
