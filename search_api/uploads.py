"""Depositing a document: streamed from the socket into an encrypted blob, stored durably, then answered 202.

Only who may read something of a record may add to it: for everybody else the way in is the door, so that depositing
tells nothing of who exists.
"""

from __future__ import annotations

import threading
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from access.acts import Act, may
from access.document_types import TYPES
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, CallerKind, Scope
from ingest.receive import receive
from records.content import Metadata
from records.documents import Document
from records.jobs import URGENT, USUAL
from search_api.desk import AtDesk, Desk
from search_api.multipart import BAD_UPLOAD, FORM_PROBLEMS, FilePart, chunks_of, form, place_in
from search_api.views import Deposited


def uploads_router(limit: int, places: int) -> APIRouter:
    """The one endpoint. `limit`: bytes of a file. `places`: uploads at a time, so that slow ones leave threads free."""
    router = APIRouter(prefix="/v1", tags=["documents"])
    slots = threading.BoundedSemaphore(places)

    @router.post(
        "/patients/{patient_id}/documents",
        summary="Déposer un document",
        status_code=202,
        responses=FORM_PROBLEMS,
        openapi_extra=form(
            {
                "type_code": "code du type, avant le fichier",
                "title": "avant le fichier",
                "event_date": "AAAA-MM-JJ, avant le fichier",
            }
        ),
    )
    def deposit(
        patient_id: str,
        request: Request,
        response: Response,
        desk: AtDesk,
        key: Annotated[
            str,
            Header(
                alias="Idempotency-Key",
                max_length=255,
                description="Propre au déposant. La même clé avec les mêmes octets est le même dépôt ; avec d'autres"
                " octets ou un autre dossier elle est refusée (idempotency-key-reused).",
            ),
        ] = "",
    ) -> Deposited:
        """Répond dès que le document est à l'abri ; `Location` donne son état. Un doublon reçoit la même réponse."""
        with place_in(slots):
            deposited = take(desk, patient_id, request, limit, key)
        response.headers["Location"] = deposited.url
        return deposited

    return router


def take(desk: Desk, patient_id: str, request: Request, limit: int, key: str) -> Deposited:
    """Decide, stream, store, journal, wake a worker. The read transaction is over before the first byte is awaited."""
    services, caller = desk.services, desk.caller
    visit = desk.visit(patient_id, "deposit")
    with visit.record() as (_, scope):
        if not may(Act.DEPOSIT, scope):
            raise NOT_YOUR_ACT
        mine = scope
    try:
        part = FilePart(request.headers.get("content-type", ""), chunks_of(request), limit).open()
        receipt = receive(
            part,
            patient_id=visit.patient_id,
            file_name=part.file_name,
            origin="own" if caller.kind is CallerKind.PATIENT else "upload",
            deposited_by=caller.id,
            deposited_for=organization_of(desk),
            blobs=services.blobs,
            records=services.records,
            now=desk.now,
            limit=limit,
            declared=declared(part.fields),
            admit=lambda twin: may_know(mine, twin, organization_of(desk)),
            key=key,
            priority=URGENT if mine.basis in (Basis.BREAK_GLASS, Basis.REGULATION) else USUAL,
        )
    except Refusal as refusal:
        visit.refused(refusal)
        raise
    visit.granted([receipt.document_id])
    services.wake()
    url = f"/v1/patients/{visit.patient_id}/documents/{receipt.document_id}"
    return Deposited(document_id=receipt.document_id, url=url)


def may_know(scope: Scope, twin: Document, organization: str) -> bool:
    """Whether a depositor may be answered with a document that is there already: one they see, sent, or whose
    establishment sent it. Anything else would tell that it exists."""
    if twin.deposited_by == scope.caller.id or (organization and twin.deposited_for == organization):
        return True
    return scope.admits(twin.patient_id, twin.document_id, twin.category)


def declared(fields: dict[str, str]) -> Metadata:
    """What a sender says of a document; Refusal (400) for a date or a type that is none."""
    type_code, day = fields.get("type_code", ""), fields.get("event_date", "")
    try:
        event_date = date.fromisoformat(day) if day else None
    except ValueError:
        raise BAD_UPLOAD from None
    if type_code and type_code not in TYPES:
        raise BAD_UPLOAD
    return Metadata(type_code=type_code, title=fields.get("title", ""), event_date=event_date)


def organization_of(desk: Desk) -> str:
    """For which establishment a caller deposits: theirs when they have one; with several, none can be assumed."""
    (only,) = desk.caller.organizations if len(desk.caller.organizations) == 1 else ("",)
    return only
