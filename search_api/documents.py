"""Documents of one record: list, one, its bytes. A document outside the Scope and one that never was answer alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from access.document_types import label_of
from access.identifiers import DocumentId, is_opaque_id
from access.refusal import Refusal
from access.scope import Scope
from ingest.media_type import (
    CDA,
    CMS,
    DICOM,
    DOCX,
    FHIR_JSON,
    FHIR_XML,
    HEIC,
    HL7,
    JPEG,
    MAIL,
    ODT,
    PDF,
    PNG,
    RTF,
    TEXT,
    TIFF,
    ZIP,
)
from ingest.quarantine import REFUSED as IDENTITY_REFUSAL
from ingest.receive import UNKNOWN_TYPE
from records import documents
from records.appendices import appendices
from records.blobs import BlobReader
from records.content import Signature
from records.database import Tx
from records.documents import Document, DocumentState
from records.receipts import receipts
from records.visitors import last_visit
from search_api.cursors import BAD_CURSOR
from search_api.desk import NOT_FOUND, PROBLEM, AtDesk
from search_api.marks import Marks, banner_of, marks_of
from search_api.views import (
    DocumentCard,
    DocumentItem,
    DocumentList,
    DocumentView,
    ReadingNote,
    ReceiptView,
    RefusalView,
    SignatureView,
)

router = APIRouter(prefix="/v1", tags=["documents"])
CHUNK = 64 * 1024  # bytes, the blobs' own chunk

NO_SUCH_DOCUMENT = Refusal(
    "show",
    "no-such-document",
    "Aucun document de ce nom parmi ceux qui vous sont accessibles.",
    "Reprenez la liste des documents.",
)
NOT_FINISHED = Refusal("show", "not-finished", "Ce document est en cours de lecture.", "Réessayez dans un instant.")
QUARANTINED = Refusal(
    "show",
    "document-quarantined",
    "Ce document est en quarantaine : il pourrait concerner un autre patient.",
    "Une personne habilitée doit trancher avant qu'il soit montré.",
)
REFUSED = Refusal(
    "show", "document-refused", "Ce document n'a pas pu être lu.", "Sa fiche dit pourquoi et ce qu'il faut faire."
)
EXTENSIONS = {
    PDF: "pdf",
    PNG: "png",
    JPEG: "jpg",
    TIFF: "tif",
    HEIC: "heic",
    TEXT: "txt",
    CDA: "xml",
    HL7: "hl7",
    FHIR_JSON: "json",
    FHIR_XML: "xml",
    ZIP: "zip",
    MAIL: "eml",
    CMS: "p7m",
    DOCX: "docx",
    ODT: "odt",
    RTF: "rtf",
    DICOM: "dcm",
}
"""Types that are given as what they are; HTML is not among them, nothing of it may run in a browser."""


@router.get(
    "/patients/{patient_id}/documents",
    summary="Lister les documents accessibles",
    responses={400: {**PROBLEM, "description": "repère de pagination d'un autre, ou périmé"}},
)
def list_documents(
    patient_id: str,
    desk: AtDesk,
    limit: Annotated[int, Query(ge=1, le=200, description="documents par page")] = 50,
    cursor: Annotated[str | None, Query(max_length=400, description="suite d'une liste : `next`")] = None,
    state: Annotated[list[DocumentState] | None, Query(description="états voulus ; tous sinon")] = None,
) -> DocumentList:
    """Du plus récent au plus ancien, dans les limites de vos autorisations."""
    visit = desk.visit(patient_id, "list-documents")
    with visit.record() as (tx, scope):
        listing = "documents:" + ",".join(sorted(state or ()))
        after = DocumentId(desk.cursors.read(scope, listing, cursor)) if cursor else None
        if after is not None and documents.get_document(tx, scope, after) is None:
            raise BAD_CURSOR  # it left the Scope meanwhile: better to start again than to seem to end
        found = documents.list_documents(tx, scope, states=state, limit=limit + 1, after=after)
        shown = found[:limit]
        last = last_visit(tx, scope, desk.now)
        items = [item_of(each, patient_id, marks_of(desk.services, scope, each, desk.now, last)) for each in shown]
        following = desk.cursors.sign(scope, listing, shown[-1].document_id) if len(found) > limit else None
    visit.granted([document.document_id for document in shown])
    return DocumentList(
        patient_id=visit.patient_id,
        banner=banner_of(scope),
        documents=items,
        next=following,
    )


@router.get("/patients/{patient_id}/documents/{document_id}", summary="La fiche d'un document", responses=NOT_FOUND)
def read_document(patient_id: str, document_id: str, desk: AtDesk) -> DocumentCard:
    """Son état, ce qu'il dit de lui-même, par où il est venu et ce qui le complète."""
    visit = desk.visit(patient_id, "read-document")
    with visit.record() as (tx, scope):
        document = found(tx, scope, document_id)
        marks = marks_of(desk.services, scope, document, desk.now, last_visit(tx, scope, desk.now))
        ways = receipts(tx, scope, document.document_id)
        bound = appendices(tx, scope, document.document_id)
    visit.granted([document.document_id])
    return DocumentCard(
        **item_of(document, patient_id, marks).model_dump(),
        receipts=[ReceiptView(origin=one.origin, received_at=one.received_at) for one in ways],
        appends=bound.completes,
        appended_by=list(bound.completed_by),
    )


@router.get(
    "/patients/{patient_id}/documents/{document_id}/content",
    summary="Les octets reçus",
    response_class=StreamingResponse,
    responses={
        **NOT_FOUND,
        200: {
            "description": "le document tel qu'il a été reçu",
            "content": {media_type: {} for media_type in (*EXTENSIONS, UNKNOWN_TYPE)},
        },
    },
)
def read_content(patient_id: str, document_id: str, desk: AtDesk) -> StreamingResponse:
    """Toujours en pièce jointe : un navigateur ne doit rien exécuter d'un document reçu."""
    visit = desk.visit(patient_id, "download")
    with visit.record() as (tx, scope):
        document = readable(found(tx, scope, document_id))
        reader = desk.services.blobs.open(document.upload)
    try:
        visit.granted([document.document_id])
    except Refusal:
        reader.close()
        raise
    name = f"document-{document.document_id}.{EXTENSIONS.get(document.media_type, 'bin')}"
    return StreamingResponse(
        _chunks(reader),
        headers={
            # Given whole, so that the framework does not add a charset: a text keeps the encoding it came in.
            "Content-Type": document.media_type if document.media_type in EXTENSIONS else UNKNOWN_TYPE,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(document.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


def found(tx: Tx, scope: Scope, document_id: str) -> Document:
    """The document named in an address, inside the Scope; otherwise the same Refusal whatever the reason."""
    name = DocumentId(document_id if is_opaque_id(document_id) else "a" * 26)
    document = documents.get_document(tx, scope, name)
    if document is None:
        raise NO_SUCH_DOCUMENT
    return document


def readable(document: Document) -> Document:
    """A document whose content may be shown: one that was read and belongs to this patient without doubt."""
    if document.state is DocumentState.QUARANTINED:
        raise QUARANTINED
    if document.state is DocumentState.REFUSED:
        raise REFUSED
    if document.state is not DocumentState.SEARCHABLE:
        raise NOT_FINISHED
    return document


def view_of(document: Document, marks: Marks) -> DocumentView:
    """What names a document in an answer."""
    return DocumentView(
        id=document.document_id,
        title=document.title or label_of(document.type_code),
        type_code=document.type_code,
        type=label_of(document.type_code),
        category=document.category,
        event_date=document.event_date,
        author=document.author,
        organization=document.organization,
        origin=document.origin,
        version=document.version,
        status=marks.status,
        masked=marks.masked,
        hidden_from_representatives=marks.secret,
        by_patient=marks.by_patient,
        warning=marks.warning,
        new=marks.new,
        signatures=[_signature(one) for one in document.signatures],
        notes=[ReadingNote(pages=list(pages), message=message) for message, pages in document.notes],
    )


def _signature(one: Signature) -> SignatureView:
    partly = "" if one.whole else " Elle ne couvre qu'une partie du document."
    return SignatureView(
        verdict=one.verdict.value, signer=one.signer, message=f"{one.message}{partly}", whole=one.whole
    )


def item_of(document: Document, patient_id: str, marks: Marks) -> DocumentItem:
    """A document's card. One whose patient is in doubt may be somebody else's: its state is shown and nothing more."""
    doubtful = document.state is DocumentState.QUARANTINED
    refusal = document.refusal
    named = view_of(document, marks)
    if doubtful or (refusal is not None and refusal.code == IDENTITY_REFUSAL.code):
        blank: dict[str, Any] = {
            "type_code": "",
            "type": label_of(""),
            "author": "",
            "organization": "",
            "event_date": None,
            "signatures": [],
            "notes": [],
        }
        title = "Document en quarantaine" if doubtful else "Document écarté"
        named = named.model_copy(update={"title": title, "version": 1, **blank})
        document = dataclasses.replace(document, pages=0, unreadable_pages=(), media_type=UNKNOWN_TYPE, size=0)
    return DocumentItem(
        **named.model_dump(),
        state=document.state.value,
        pages=document.pages,
        unreadable_pages=list(document.unreadable_pages),
        media_type=document.media_type,
        size=document.size,
        received_at=document.received_at,
        searchable_at=document.searchable_at,
        refusal=RefusalView(**refusal.as_dict()) if refusal is not None else None,
        url=f"/v1/patients/{patient_id}/documents/{document.document_id}",
    )


def _chunks(reader: BlobReader) -> Iterator[bytes]:
    with reader:
        while chunk := reader.read(CHUNK):
            yield chunk
