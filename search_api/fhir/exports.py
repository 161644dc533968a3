"""`Patient/{id}/$export`: a person's own record as FHIR NDJSON, made beside the request (Bulk Data Access).

    GET    Patient/{id}/$export                      202, Content-Location: where to ask how far it is
    GET    Patient/{id}/$export/{name}               202 while it is made, then 200 and the manifest
    GET    Patient/{id}/$export/{name}/{Kind}        application/fhir+ndjson
    DELETE Patient/{id}/$export/{name}               202: forgotten

For whom /v1's export is: the patient and who exercises their rights, authenticated lately. Journalled with every
document that is in it before it is begun. The name alone opens nothing: each request is decided anew, for the same
caller and the same right, and a copy in which a document stands that is no longer theirs to see is gone.

The bytes of documents are the file of Binary, written while it is sent, out of the documents themselves: a second copy
of them lies nowhere. `bulk import` takes the files again, one after the other in one (decision 085).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from access.acts import Act, may
from access.identifiers import DocumentId
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Scope
from access.smart import Need
from records import documents, exports
from records.blobs import Blobs
from records.database import Tx
from records.documents import Document, DocumentState
from records.exports import Export
from search_api.documents import readable
from search_api.fhir.binaries import READ as READ_BYTES
from search_api.fhir.binaries import json_pieces
from search_api.fhir.clinical import PROVENANCE, Told, papers_of
from search_api.fhir.counter import AtCounter, Counter, ForBytes
from search_api.fhir.elements import Resource
from search_api.fhir.encounters import KIND as ENCOUNTER
from search_api.fhir.encounters import encounters_of
from search_api.fhir.history import NO_SUCH_RESOURCE
from search_api.fhir.outcome import bad_parameter
from search_api.fhir.patients import patient_of
from search_api.fhir.provenance import shown_sources
from search_api.fhir.references import reference_of
from search_api.fhir.statements import KINDS
from search_api.fhir.words import instant, joined
from search_api.multipart import BUSY
from search_api.visit import STALE, Visit

log = logging.getLogger("anamnese.export")
NDJSON = "application/fhir+ndjson"
BINARY = "Binary"
HELD = ("Patient", "DocumentReference", BINARY, ENCOUNTER, *sorted({kind.type for kind in KINDS.values()}), PROVENANCE)
"""Kinds, each a file; what a token's scopes must reach."""
_FORMATS = frozenset({NDJSON, "application/ndjson", "ndjson"})
_AT_ONCE = threading.BoundedSemaphore(2)  # copies made at a time by this process
RETRY = 2  # seconds
CHUNK = 64 * 1024
FAILED = Refusal("show", "export-failed", "La copie n'a pas pu être faite.", "Demandez-la de nouveau.")
router = APIRouter(prefix="/fhir", include_in_schema=False)


@router.get("/Patient/{identity}/$export")
def begin(request: Request, identity: str, counter: AtCounter) -> Response:
    """Decide, journal what will be in it, begin."""
    wanted = _kinds(request)
    visit = _visit(counter, identity, wanted)
    if not _AT_ONCE.acquire(blocking=False):
        visit.refused(BUSY)
        raise BUSY
    try:
        with visit.record() as (tx, scope):
            if not may(Act.EXPORT, scope):
                raise NOT_YOUR_ACT
            if not visit.fresh:
                raise STALE
            listed = [
                one.document_id for one in documents.list_documents(tx, scope) if one.state is DocumentState.SEARCHABLE
            ]
        visit.granted(listed)
        records = counter.desk.services.records
        with records.write() as tx:
            made = exports.begin(tx, scope, listed, str(request.url), records.presence.name(), visit.now)
        threading.Thread(target=_make, args=(counter, scope, made, wanted), name="export", daemon=True).start()
    except BaseException:
        _AT_ONCE.release()
        raise
    where = counter.url(f"Patient/{visit.patient_id}/$export/{made.export_id}")
    return Response(status_code=202, headers={"Content-Location": where})


@router.get("/Patient/{identity}/$export/{name}")
def status(identity: str, name: str, counter: AtCounter) -> Response:
    """202 while it is made; the manifest of the files that have anything in them."""
    visit, export = _found(counter, identity, name)
    visit.granted()
    if export.state == "making" and export.holder not in counter.desk.services.records.presence.dead():
        return Response(status_code=202, headers={"X-Progress": "en cours", "Retry-After": str(RETRY)})
    if export.state != "made":
        raise FAILED
    base = counter.url(f"Patient/{visit.patient_id}/$export/{export.export_id}")
    manifest = {
        "transactionTime": instant(export.started_at),
        "request": export.request,
        "requiresAccessToken": True,
        "output": [
            {"type": kind, "url": f"{base}/{kind}", "count": count} for kind, count in export.counts.items() if count
        ],
        "error": [],
    }
    expires = export.expires_at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Response(json.dumps(manifest), 200, {"Expires": expires}, "application/json")


@router.get("/Patient/{identity}/$export/{name}/{kind}")
def file(identity: str, name: str, kind: str, counter: ForBytes) -> Response:
    """The resources of a kind, one a line; the token's scopes must reach that kind."""
    visit, export = _found(counter, identity, name, kind)
    if export.state != "made" or not export.counts.get(kind):
        raise NO_SUCH_RESOURCE
    blobs = counter.desk.services.blobs
    if kind == BINARY:
        papers = _papers(counter, visit, export)
        visit.granted(sorted(export.documents), detail=kind)
        return StreamingResponse(_binaries(blobs, papers), media_type=NDJSON)
    reader = blobs.open(exports.file_of(blobs, export, kind))
    try:
        visit.granted(sorted(export.documents), detail=kind)
    except Refusal:
        reader.close()
        raise

    def pieces() -> Iterator[bytes]:
        with reader:
            while chunk := reader.read(CHUNK):
                yield chunk

    return StreamingResponse(pieces(), media_type=NDJSON)


def _papers(counter: Counter, visit: Visit, export: Export) -> list[Document]:
    """The documents of a copy, each with its bytes in place: nothing is begun that could not be ended. Refusals of
    blobs."""
    with visit.record() as (tx, scope):
        found = documents.get_documents(tx, scope, export.documents)
    papers = [readable(found[name]) for name in sorted(found)]
    if len(papers) != len(export.documents):
        raise NO_SUCH_RESOURCE
    for document in papers:
        counter.desk.services.blobs.open(document.upload).close()
    return papers


def _binaries(blobs: Blobs, papers: list[Document]) -> Iterator[bytes]:
    for document in papers:
        with blobs.open(document.upload) as reader:
            yield from json_pieces(reader, document, joined(document.patient_id, document.document_id))
        yield b"\n"


@router.delete("/Patient/{identity}/$export/{name}")
def cancel(identity: str, name: str, counter: AtCounter) -> Response:
    """Forget it, made or not."""
    visit, export = _found(counter, identity, name)
    visit.granted()
    exports.forget(counter.desk.services.records, counter.desk.services.blobs, export)
    return Response(status_code=202)


def _visit(counter: Counter, identity: str, kinds: tuple[str, ...] = HELD) -> Visit:
    for kind in kinds:
        counter.demand(READ_BYTES if kind == BINARY else Need(kind, "r"), identity)
    return counter.visit(identity, Act.EXPORT, Need("Patient", "r"), counter.all_states)


def _found(counter: Counter, identity: str, name: str, kind: str = "") -> tuple[Visit, Export]:
    """The copy, for whom it was made, as long as all that is in it is theirs to see. 404 for any other."""
    visit = _visit(counter, identity, ("Patient", *({kind} & {*HELD})))
    with visit.record() as (tx, scope):
        export = exports.find(tx, scope, name, visit.now) if may(Act.EXPORT, scope) else None
        if export is None or set(documents.get_documents(tx, scope, export.documents)) != export.documents:
            raise NO_SUCH_RESOURCE
    return visit, export


def _kinds(request: Request) -> tuple[str, ...]:
    """`_type` and `_outputFormat`; any other parameter is refused: what it would leave out must not be sent."""
    for name in request.query_params:
        if name not in ("_type", "_outputFormat"):
            raise bad_parameter(name, "not supported by this export")
    if request.query_params.get("_outputFormat", NDJSON) not in _FORMATS:
        raise bad_parameter("_outputFormat", f"only {NDJSON}")
    asked = [one for text in request.query_params.getlist("_type") for one in text.split(",") if one]
    if unknown := sorted(set(asked) - set(HELD)):
        raise bad_parameter("_type", f"not exported here: {', '.join(unknown)[:200]}")
    return tuple(kind for kind in HELD if not asked or kind in asked)


def _make(counter: Counter, scope: Scope, export: Export, kinds: tuple[str, ...]) -> None:
    services = counter.desk.services
    try:
        with services.records.read() as tx:
            counts = dict.fromkeys(kinds, 0)
            for kind in kinds:
                if kind == BINARY:
                    counts[kind] = len(export.documents)
                    continue
                with services.blobs.create(scope.patient_id, exports.BLOB, exports.key_of(export, kind)) as writer:
                    for resource in _resources(counter, tx, scope, export, kind):
                        writer.write(json.dumps(resource, ensure_ascii=False).encode() + b"\n")
                        counts[kind] += 1
                    writer.commit()
        with services.records.write() as tx:
            kept = exports.made(tx, export, counts)
        if not kept:  # forgotten while it was made
            for kind in kinds:
                services.blobs.delete(exports.file_of(services.blobs, export, kind))
    except Exception as error:  # nobody waits for this thread: what it could not do is told by the status
        log.error("export: %s", type(error).__name__)
        with services.records.write() as tx:
            exports.failed(tx, export)
    finally:
        _AT_ONCE.release()


def _resources(counter: Counter, tx: Tx, scope: Scope, export: Export, kind: str) -> Iterator[Resource]:
    """Of a kind; what is of documents, from those that were journalled and no other."""
    if kind == "Patient":
        yield patient_of(tx, scope)
    elif kind == "DocumentReference":
        for document in documents.get_documents(tx, scope, export.documents).values():
            yield _taken_away(counter, reference_of(tx, counter.desk, scope, document), document)
    elif kind == ENCOUNTER:
        yield from encounters_of(tx, scope, counter.desk.now)
    else:
        told = Told.of(counter, tx, scope, KINDS)
        written = list(told.written())
        papers = {
            name: one
            for name, one in papers_of(tx, scope, (each for each, _ in written)).items()
            if DocumentId(name) in export.documents
        }
        written = [pair for pair in written if shown_sources(pair[0], papers)]
        if kind == PROVENANCE:
            yield from told.provenances(written, papers)
        else:
            yield from (one for _, one in written if one["resourceType"] == kind)


def _taken_away(counter: Counter, reference: Resource, document: Document) -> Resource:
    """With the whole address of its bytes, since it is read elsewhere (Bulk Data Access); and without the title that
    is shown here for want of one: whoever takes it in would take that for the document's own."""
    (content,) = reference["content"]
    attachment = content["attachment"] | {"url": counter.url(content["attachment"]["url"])}
    taken = reference | {"content": [content | {"attachment": attachment}]}
    if not document.title:
        attachment.pop("title", None)
        taken.pop("description", None)
    return taken
