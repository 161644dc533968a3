"""Binary: the bytes of a document (ITI-68), whole or a range of them, never as something that a browser would run.

The bytes as they came, unless the client asks for the resource (`Accept: application/fhir+json`): then base64 in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from access.refusal import Refusal
from access.smart import Need
from ingest.receive import UNKNOWN_TYPE
from records.blobs import BlobReader
from records.documents import Document
from search_api.documents import EXTENSIONS, found, readable
from search_api.fhir.counter import ForBytes
from search_api.fhir.formats import MEDIA, Format, accepted, is_known, wanted
from search_api.fhir.words import document_part, parted

router = APIRouter(prefix="/fhir", include_in_schema=False)
CHUNK = 48 * 1024  # bytes, a multiple of 3: base64 of a chunk needs no padding
READ = Need("DocumentReference", "r")
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_RESOURCE = frozenset(
    {"application/fhir+json", "application/json+fhir", "application/fhir+xml", "application/xml+fhir"}
)
BAD_RANGE = Refusal(
    "show", "bad-range", "Le document n'a pas ces octets.", "Demandez une plage dans sa taille (`bytes=0-1023`)."
)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes start:end of `size`."""

    start: int
    end: int
    size: int


@router.get("/Binary/{identity}")
def read(request: Request, identity: str, counter: ForBytes) -> Response:
    """In pieces; journalled before the first."""
    as_resource = request.query_params.get("_format") is not None or _asks_resource(request)
    form = wanted(request) if as_resource else "json"  # refused before anything is opened, or journalled as shown
    visit = counter.visit(parted(identity)[0], "download", READ, counter.all_states)
    with visit.record() as (tx, scope):
        document = readable(found(tx, scope, document_part(identity)))
        tag = f'"{tag_of(document)}"'
        part = None if as_resource else part_of(request, document.size, tag)
        reader = counter.desk.services.blobs.open(document.upload)
    try:
        visit.granted([document.document_id])
    except Refusal:
        reader.close()
        raise
    if is_known(request, tag):
        reader.close()
        return Response(status_code=304, headers={"ETag": tag})
    if as_resource:
        return _as_resource(form, reader, document, identity, tag)
    return _as_bytes(reader, document, part, tag)


def _asks_resource(request: Request) -> bool:
    """Whether a FHIR media type comes before any other in what the client accepts."""
    ranked = sorted(accepted(request), key=lambda pair: -pair[0])
    return bool(ranked) and ranked[0][1] in _RESOURCE


def part_of(request: Request, size: int, tag: str) -> Part | None:
    """The range asked for (RFC 9110): None for the whole, as for several ranges, or when If-Range names another
    version. Refusal 416 for one that lies outside."""
    match = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None or match.groups() == ("", "") or request.headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if last and first and int(last) < int(first):
        return None
    if start >= size or end <= start:
        raise BAD_RANGE
    return Part(start, end, size)


def media_type_of(document: Document) -> str:
    """Its type if it is one that is given as what it is."""
    return document.media_type if document.media_type in EXTENSIONS else UNKNOWN_TYPE


def _as_bytes(reader: BlobReader, document: Document, part: Part | None, tag: str) -> Response:
    whole = Part(0, document.size, document.size)
    name = f"document-{document.document_id}.{EXTENSIONS.get(document.media_type, 'bin')}"
    shown = part or whole
    headers = {
        "Content-Type": media_type_of(document),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(shown.end - shown.start),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Accept-Ranges": "bytes",
        "ETag": tag,
    }
    if part is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{part.size}"
    return StreamingResponse(_pieces(reader, shown), 200 if part is None else 206, headers)


def _pieces(reader: BlobReader, part: Part) -> Iterator[bytes]:
    with reader:
        for start in range(part.start, part.end, CHUNK):
            yield reader.read_range(start, min(start + CHUNK, part.end))


def _as_resource(form: Format, reader: BlobReader, document: Document, identity: str, tag: str) -> Response:
    body = (json_pieces if form == "json" else _xml_pieces)(reader, document, identity)
    return StreamingResponse(body, 200, {"ETag": tag, "Content-Type": f"{MEDIA[form]}; charset=utf-8"})


def tag_of(document: Document) -> str:
    """The version of its bytes."""
    return document.content_hash[:32]


def json_pieces(reader: BlobReader, document: Document, identity: str) -> Iterator[bytes]:
    """The resource in JSON on one line, a piece at a time; what a reader needs to know comes before the bytes."""
    meta, kind = {"versionId": tag_of(document)}, media_type_of(document)
    head = json.dumps({"resourceType": "Binary", "id": identity, "meta": meta, "contentType": kind})
    yield head[:-1].encode() + b', "data": "'
    yield from _base64(reader, document)
    yield b'"}'


def _xml_pieces(reader: BlobReader, document: Document, identity: str) -> Iterator[bytes]:
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?><Binary xmlns="http://hl7.org/fhir"><id value="{identity}"/>'
        f'<meta><versionId value="{tag_of(document)}"/></meta><contentType value="{media_type_of(document)}"/>'
        '<data value="'
    ).encode()
    yield from _base64(reader, document)
    yield b'"/></Binary>'


def _base64(reader: BlobReader, document: Document) -> Iterator[bytes]:
    return (base64.b64encode(piece) for piece in _pieces(reader, Part(0, document.size, document.size)))
