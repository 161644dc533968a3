"""Imports over HTTP, for a hospital's system: a file of FHIR NDJSON or a ZIP archive of documents, sealed before the
answer, then deposited line by line or file by file beside the service (`ingest.bulk`), paused, resumed, told of.

Who deposits does not read: an import never says whether a patient is known here. What was kept is "kept" whether it is
searchable, waits for identity vigilance or went to another record since.
"""

from __future__ import annotations

import io
import secrets
import threading
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field

from access.acts import audits
from access.identifiers import is_opaque_id
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import CallerKind
from ingest.bulk import EMPTY, looked_into
from ingest.bulk_archive import MOST, is_archive
from ingest.quarantine import REFUSED as SET_ASIDE
from ingest.receive import BUSY as RECORD_BUSY
from records import bulk_files, bulks, documents, patients
from records.blobs import Blobs
from records.bulks import Bulk, Kind, Sent
from records.database import Tx
from records.documents import DocumentState
from records.shelf import BlobRef
from search_api.bearers import Bearer
from search_api.desk import PROBLEM, Desk, desk_of_bearer
from search_api.multipart import BAD_UPLOAD, FORM_PROBLEMS, TOO_LARGE, FilePart, chunks_of, form, place_in
from search_api.view_base import View
from search_api.views import RefusalView

_CHUNK = 64 * 1024
KEY_REUSED = Refusal(
    "receive",
    "idempotency-key-reused",
    "Cette clé d'idempotence a déjà servi à un autre import.",
    "Envoyez chaque fichier sous une clé neuve.",
)
NO_BULK: dict[int | str, dict[str, Any]] = {
    404: {**PROBLEM, "description": "aucun import de ce nom parmi ceux que vous avez envoyés"}
}
NOT_NOW: dict[int | str, dict[str, Any]] = {**NO_BULK, 409: {**PROBLEM, "description": "l'import n'est pas en cours"}}


class BulkView(View):
    """Où en est un import. Ce qui est gardé est un dépôt ; à qui il est, et si on le trouve, n'est pas dit ici."""

    bulk_id: str
    state: str = Field(description="running, paused ou done : tout a été pris ou refusé")
    started_at: datetime
    ended_at: datetime | None
    total: int = Field(description="lignes ou fichiers ; 1, l'archive, tant qu'elle n'a pas été parcourue en entier")
    waiting: int = Field(description="à déposer")
    reading: int = Field(description="déposées, en cours de lecture")
    kept: int = Field(description="déposées et lues")
    refused: int = Field(description="refusées : le rapport dit pourquoi")
    url: str


class BulkLine(View):
    """Ce qu'est devenue une ligne, ou un fichier d'une archive ; ou l'archive elle-même, quand elle est refusée."""

    number: int = Field(description="rang dans l'import")
    name: str = Field(description="nom du fichier, par son chemin dans l'archive ; d'une ligne, « : » et son numéro")
    state: str = Field(description="waiting, reading, kept ou refused")
    refusal: RefusalView | None


class BulkReport(View):
    """Les lignes dans l'ordre. `next` : la suite, à donner comme `after`."""

    bulk_id: str
    lines: list[BulkLine]
    next: int | None


AtDeskOfBearer = Annotated[tuple[Desk, Bearer], Depends(desk_of_bearer)]


def bulks_router(limit: int, places: int) -> APIRouter:
    """`limit`: bytes of a file. `places`: files received at a time."""
    router = APIRouter(prefix="/v1", tags=["bulks"])
    slots = threading.BoundedSemaphore(places)

    @router.post(
        "/bulks",
        summary="Envoyer un fichier de documents à importer",
        status_code=202,
        responses=FORM_PROBLEMS,
        openapi_extra=form(
            {"organization": "FINESS, avant le fichier ; d'un système, le sien et aucun autre"},
            "FHIR NDJSON, ou une archive ZIP",
        ),
    )
    def send(
        request: Request,
        response: Response,
        stood: AtDeskOfBearer,
        key: Annotated[
            str,
            Header(
                alias="Idempotency-Key",
                max_length=255,
                description="Propre à l'expéditeur. La même clé avec les mêmes octets est le même import.",
            ),
        ] = "",
    ) -> BulkView:
        """Pour un système, avec son propre jeton, et l'administration. Répond dès que le fichier est à l'abri ; chaque
        ligne est ensuite un dépôt : un DocumentReference avec ses octets, ou un Bundle document. Les octets sont
        dans la ligne, ou dans une ligne Binary du fichier que nomme leur adresse : aucune adresse n'est suivie. Une
        ligne Patient donne les identifiants de ceux que d'autres lignes citent.

        D'une archive ZIP, chaque fichier est un dépôt : au patient dont l'INS nomme un dossier de son chemin, sinon à
        celui qu'il nomme lui-même, sinon à personne encore. Les fichiers .ndjson sont lus ligne par ligne, comme un
        seul. L'archive est parcourue en entier avant le premier dépôt ; abîmée, elle est refusée en entier, dans le
        rapport. Les fichiers cachés sont laissés de côté ; un lien, un nom en double ou qui sort de l'archive est
        refusé."""
        desk, own = _depositor(stood, "bulk-import")
        with place_in(slots):
            try:
                view = _received(desk, own, request, limit, key)
            except Refusal as refusal:
                desk.visit("", "bulk-import").refused(refusal)
                raise
        response.headers["Location"] = view.url
        return view

    @router.get("/bulks/{bulk_id}", summary="Où en est un import", responses=NO_BULK)
    def read_bulk(bulk_id: str, stood: AtDeskOfBearer) -> BulkView:
        """Pour qui l'a envoyé, et personne d'autre."""
        desk, _ = _depositor(stood, "read-bulk")
        with desk.services.records.read() as tx:
            view = _view(tx, _mine(desk, tx, bulk_id))
        desk.visit("", "read-bulk").granted(detail=bulk_id)
        return view

    @router.get("/bulks/{bulk_id}/report", summary="Ce qu'est devenue chaque ligne", responses=NO_BULK)
    def read_report(
        bulk_id: str,
        stood: AtDeskOfBearer,
        after: Annotated[int, Query(ge=0, le=2**31, description="suite : `next`")] = 0,
        limit: Annotated[int, Query(ge=1, le=1000, description="lignes")] = 200,
    ) -> BulkReport:
        """Avec la raison d'un refus et quoi faire, sans rien de ce que disent les documents."""
        desk, _ = _depositor(stood, "read-bulk")
        with desk.services.records.read() as tx:
            _mine(desk, tx, bulk_id)
            found = bulks.lines_without_scope(tx, bulk_id, after=after, limit=limit + 1)
            lines = [_line(tx, each) for each in found[:limit]]
        desk.visit("", "read-bulk").granted(detail=bulk_id)
        following = lines[-1].number if len(found) > limit else None
        return BulkReport(bulk_id=bulk_id, lines=lines, next=following)

    @router.post("/bulks/{bulk_id}/pause", summary="Mettre un import en pause", responses=NOT_NOW)
    def pause(bulk_id: str, stood: AtDeskOfBearer) -> BulkView:
        """Il s'arrête après la ligne ou le fichier en main."""
        return _changed(stood, "bulk-pause", bulk_id)

    @router.post("/bulks/{bulk_id}/resume", summary="Reprendre un import", responses=NOT_NOW)
    def resume(bulk_id: str, stood: AtDeskOfBearer) -> BulkView:
        """Là où il en était. Un import achevé ne se reprend pas : ce qui est refusé se renvoie dans un autre."""
        return _changed(stood, "bulk-resume", bulk_id)

    return router


def _depositor(stood: tuple[Desk, Bearer], action: str) -> tuple[Desk, str]:
    """The desk of who may send, and the establishment that they send for: of a system, that of the settings."""
    desk, bearer = stood
    visit = desk.visit("", action)
    try:
        visit.refuse_off()
        verifier = desk.services.verifier
        own = verifier.establishment(bearer) if verifier is not None and bearer.kind is CallerKind.SYSTEM else ""
        administers = bearer.kind is CallerKind.ADMINISTRATOR and audits(desk.caller)
        unbound = bearer.kind is CallerKind.SYSTEM and verifier is not None and not own
        if unbound or not (administers or bearer.kind is CallerKind.SYSTEM):
            raise NOT_YOUR_ACT
    except Refusal as refusal:
        visit.refused(refusal)
        raise
    return desk, own or ""


def _mine(desk: Desk, tx: Tx, bulk_id: str) -> Bulk:
    return bulks.sent_by(tx, bulk_id if is_opaque_id(bulk_id) else "a" * 26, desk.caller)


def _changed(stood: tuple[Desk, Bearer], action: str, bulk_id: str) -> BulkView:
    desk, _ = _depositor(stood, action)
    visit = desk.visit("", action)
    try:
        with desk.services.records.write() as tx:
            _mine(desk, tx, bulk_id)
            (bulks.pause if action == "bulk-pause" else bulks.resume)(tx, bulk_id)
            visit.append(tx, "granted", detail=bulk_id)
            return _view(tx, bulks.one(tx, bulk_id))
    except Refusal as refusal:
        visit.refused(refusal)
        raise


def _received(desk: Desk, own: str, request: Request, limit: int, key: str) -> BulkView:
    """Seal the file, find its lines, write the import down with its trace: in this order, so that a kill in between
    leaves a blob that no import names, which `verify` deletes. An archive is looked through afterwards: that takes
    as long as expanding it."""
    services, caller = desk.services, desk.caller
    part = FilePart(request.headers.get("content-type", ""), chunks_of(request), limit).open()
    said = part.fields.get("organization", "")
    if caller.kind is CallerKind.SYSTEM and said and own and said != own:
        raise NOT_YOUR_ACT
    if said and not (len(said) == 9 and said.isalnum()):
        raise BAD_UPLOAD
    with services.records.write() as tx:
        tray = patients.open_tray(tx, desk.now)
    name = secrets.token_hex(16)
    with services.blobs.create(tray, bulk_files.BLOB, name) as writer:
        while chunk := part.read(_CHUNK):
            if writer.size + len(chunk) > limit:
                raise TOO_LARGE
            writer.write(chunk)
        ref = writer.commit()
    taken = False
    try:
        kind, path, items = _holds(services.blobs, ref, part.file_name)
        if not items:
            raise EMPTY
        sent = Sent(caller.kind, caller.id, name, writer.content_hash)
        with services.records.write() as tx:
            bulk_id = bulks.id_of_key(tx, caller, key) if key else ""
            known = bulks.find(tx, bulk_id) if key else None
            if known is not None and (known.sent is None or known.sent.content_hash != sent.content_hash):
                raise KEY_REUSED
            if known is None and not services.blobs.exists(ref):
                raise RECORD_BUSY
            begun = known or bulks.begin(
                tx,
                kind,
                items,
                path=path,
                size=writer.size,
                modified=0,
                whole=None,
                organization=own or said,
                creates=False,
                now=desk.now,
                sent=sent,
                bulk_id=bulk_id,
            )
            desk.visit("", "bulk-import").append(tx, "granted", detail=begun.bulk_id)
            view = _view(tx, begun)
        taken = known is None
    finally:
        if not taken:
            services.blobs.delete(ref)
    services.wake()
    return view


def _holds(blobs: Blobs, ref: BlobRef, name: str) -> tuple[Kind, str, list[tuple[str, int]]]:
    """What a file is by its content, what it is called, and its items. Refusal "too-many-lines"."""
    with io.BufferedReader(blobs.open(ref), _CHUNK) as stream:
        if is_archive(stream.peek(4)[:4]):
            path = name or "import.zip"
            return "zip", path, [(path, 0)]
        path = name or "import.ndjson"
        return "ndjson", path, looked_into(stream, path, MOST)


def _view(tx: Tx, bulk: Bulk) -> BulkView:
    counts = bulks.counts_without_scope(tx, bulk.bulk_id)
    aside = bulks.refused_as_without_scope(tx, bulk.bulk_id, SET_ASIDE.code)
    return BulkView(
        bulk_id=bulk.bulk_id,
        state=bulk.state,
        started_at=bulk.started_at,
        ended_at=bulk.ended_at,
        total=counts["total"],
        waiting=counts["waiting"],
        reading=counts["reading"],
        kept=counts["searchable"] + counts["quarantined"] + counts["gone"] + aside,
        refused=counts["refused"] - aside,
        url=f"/v1/bulks/{bulk.bulk_id}",
    )


def _line(tx: Tx, line: bulks.Line) -> BulkLine:
    """A reading's refusal is the document's own fault and is told; what a person decided about an identity is not."""
    document = None if line.document_id is None else documents.document_without_scope(tx, line.document_id)
    refusal, state = line.refusal, line.state
    if state == "deposited":
        state = "kept"
        if document is not None and document.state in (DocumentState.RECEIVED, DocumentState.READING):
            state = "reading"
        elif document is not None and document.state is DocumentState.REFUSED:
            refusal = document.refusal
            if refusal is None or refusal.code == SET_ASIDE.code:
                refusal = None
            else:
                state = "refused"
    shown = None if refusal is None else RefusalView(**refusal.as_dict())
    return BulkLine(number=line.number, name=line.name, state=state, refusal=shown)
