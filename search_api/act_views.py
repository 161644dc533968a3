"""The JSON of the acts on a record and of its journal: what was allowed, refused, asked for, and who looked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from records.grants import Grant
from search_api.view_base import View


class GrantView(View):
    """An authorisation. `categories` null means all."""

    grant_id: str
    kind: str
    grantee_kind: str
    grantee: str
    grantee_name: str = Field("", description="d'après l'annuaire ; vide s'il ne le connaît pas")
    categories: list[str] | None
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, grant: Grant, name: str = "") -> GrantView:
        """The view of a recorded grant; `name` is the grantee's."""
        return cls(
            grantee_name=name,
            grant_id=grant.grant_id,
            kind=grant.kind,
            grantee_kind=grant.grantee_kind,
            grantee=grant.grantee,
            categories=None if grant.categories is None else sorted(grant.categories),
            valid_from=grant.valid_from,
            valid_until=grant.valid_until,
            revoked_at=grant.revoked_at,
        )


class BlockList(View):
    patient_id: str
    practitioners: list[str]


class OppositionView(View):
    kind: str
    recorded_at: datetime


class OppositionList(View):
    patient_id: str
    oppositions: list[OppositionView]


class RecordState(View):
    """`has_contact` and `reminders` are null for who has not to know."""

    patient_id: str
    state: Literal["open", "closed"]
    has_contact: bool | None
    reminders: bool | None


class EmergencyView(View):
    """An emergency access is open until then; the same request extends it."""

    patient_id: str
    until: datetime


class EmergencyLine(View):
    """One opening by break-glass, for the auditor."""

    emergency_id: str
    patient_id: str
    practitioner: str
    reason: str
    opened_at: datetime
    valid_until: datetime
    extensions: int
    reviewed_at: datetime | None
    verdict: str | None


class EmergencyList(View):
    emergencies: list[EmergencyLine]


class RelationView(View):
    """Somebody who may look for the patient."""

    relation_id: str
    kind: str
    person: str
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    consented: bool


class RelationList(View):
    patient_id: str
    relations: list[RelationView]


class RequestLine(View):
    """A succession request under review."""

    relation_id: str
    patient_id: str
    person: str
    kind: str
    purpose: str
    requested_at: datetime


class RequestList(View):
    requests: list[RequestLine]


class Recorded(View):
    """An act is recorded. `id` names it; it says nothing of who exists."""

    id: str


class MaskList(View):
    """Documents of the record that are kept from somebody."""

    patient_id: str
    masked: list[str]
    hidden_from_representatives: list[str]


class GrantList(View):
    patient_id: str
    grants: list[GrantView]


class JournalLine(View):
    """One access. Query texts are for the auditor only."""

    at: datetime
    caller_kind: str
    caller: str
    name: str = Field("", description="du professionnel, d'après l'annuaire ; vide s'il ne le connaît pas")
    on_behalf: str
    role: str
    purpose: str
    action: str
    outcome: str
    basis: str = Field(description="la règle qui a ouvert le dossier")
    reason: str = Field(description="motif d'un accès d'urgence")
    documents: list[str]
    sentence: str = Field(description="l'accès en une phrase, en français ou en anglais")


class JournalPage(View):
    patient_id: str
    entries: list[JournalLine]


class AuditLine(JournalLine):
    """One access, for who audits. `query` is null unless the auditor asked for it, and once its patient is erased."""

    patient_id: str = Field(description="le dossier ; vide quand l'acte ne porte sur aucun")
    query: str | None


class AuditPage(View):
    """A page of the journal, newest first. `next` goes on as `before`; null: nothing is left."""

    entries: list[AuditLine]
    next: int | None
    reached: datetime | None = Field(
        description="l'instant jusqu'où il a été cherché, quand la page n'est pas pleine et que `next` continue"
    )
