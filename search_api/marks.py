"""What a document's card says of its states, to each only what they may know; and the banner of an emergency access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from access.scope import Basis, CallerKind, Scope
from access.states import is_hidden_from_patient
from records.documents import Document
from search_api.services import Services

PARIS = ZoneInfo("Europe/Paris")
NOT_ANNOUNCED = "Le patient ne voit pas encore ce document : il attend d'être annoncé."
"""EX_3.2-1025."""


@dataclass(frozen=True, slots=True)
class Marks:
    """`masked` and `secret` are None for who may not know. `warning` is a sentence, or empty."""

    status: str
    masked: bool | None
    secret: bool | None
    by_patient: bool  # EX_3.1-1040
    warning: str
    new: bool = False  # since the caller's visit before this one


def marks_of(
    services: Services, scope: Scope, document: Document, now: datetime, last: datetime | None = None
) -> Marks:
    """A mask is told to the patient and the médecin traitant, who see masked documents anyway, and to its author when
    it was put by an act: one inherited from a twin would tell its author that the twin exists. `last`: what
    `records.visitors.last_visit` answers."""
    since = document.hidden_since
    waiting = since is not None and is_hidden_from_patient(since, now, services.policy)
    professional = scope.caller.kind is CallerKind.PRACTITIONER
    knows_masks = scope.oversees or document.masked_by is not None
    knows_secrets = professional or scope.basis is Basis.SELF
    return Marks(
        status="cancelled" if document.withdrawn else document.status,
        masked=document.masked if knows_masks else None,
        secret=document.hidden_from_representatives if knows_secrets else None,
        by_patient=document.deposited_by in scope.identities,
        warning=NOT_ANNOUNCED if waiting and professional else "",
        new=is_new(document, last),
    )


def is_new(document: Document, last: datetime | None) -> bool:
    """Whether it could be found only after that instant; never without an earlier visit to compare with."""
    return last is not None and document.searchable_at is not None and document.searchable_at > last


def banner_of(scope: Scope) -> str:
    """What stays in sight as long as an emergency access lasts; empty otherwise."""
    if scope.basis is Basis.BREAK_GLASS and scope.until is not None:
        until = f"{scope.until.astimezone(PARIS):%H:%M}"
        return f"Accès d'urgence (bris de glace) jusqu'à {until} ; le patient en est informé."
    return "Accès du Centre 15." if scope.basis is Basis.REGULATION else ""
