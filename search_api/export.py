"""A person's own copy of a record (GDPR 15 and 20, L1111-7), as a ZIP that is made while it is sent.

    LISEZMOI.txt              what this is and what is not in it
    documents/001-….pdf       each document as it was received; then textes/001-….txt, what was read from it
    faits.json                what the documents state, each with its words
    sejours.json              stays and visits that hospitals announced, with their care teams
    documents.json            their cards: titles, dates, types, states
    autorisations.json        grants, blocks, oppositions and representatives
    journal.txt, journal.json every access in plain words, and as the service shows it
    manifeste.json            SHA-256 and size of each file, and why a document is missing

Everything is inside the Scope: what is hidden from who exports is not in it, nor told. Archived and replaced versions
are. A document in quarantine may be another person's: it is left out, and so is one that could not be read. EXTRAS is
where later parts of a record join.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, cast

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from access.acts import Act, may
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, Scope
from records import documents, episodes, facts, grants, readings, relations, will
from records.database import Tx
from records.documents import Document, DocumentState
from search_api.act_views import GrantView
from search_api.desk import AtDesk
from search_api.documents import CHUNK, EXTENSIONS, item_of, readable
from search_api.marks import marks_of
from search_api.oversight import journal_lines
from search_api.services import Services
from search_api.visit import STALE, Look

router = APIRouter(prefix="/v1", tags=["export"])
ZIP = "application/zip"
MOST_ACCESSES = 1_000_000


def _facts(tx: Tx, scope: Scope) -> list[dict[str, Any]]:
    return [dataclasses.asdict(each) for each in facts.told(tx, scope)]


def _episodes(tx: Tx, scope: Scope) -> list[dict[str, Any]]:
    return [dataclasses.asdict(each) for each in episodes.episodes(tx, scope)]


EXTRAS: list[tuple[str, Callable[[Tx, Scope], Any]]] = [("faits.json", _facts), ("sejours.json", _episodes)]
"""Name of a JSON file, and what gives its content inside a Scope."""

README = """Copie du dossier, faite le {when}.

documents/       les documents tels qu'ils ont été reçus
textes/          ce qui a été lu de chacun
documents.json, faits.json   la fiche de chacun, et ce qu'ils énoncent
sejours.json     les séjours et venues annoncés par les établissements
autorisations.json, journal.txt, journal.json   qui peut regarder, et qui a regardé
manifeste.json   l'empreinte SHA-256 de chaque fichier, et les documents qui manquent

N'y sont pas : les documents qui attendent qu'un soignant vous les annonce, ceux dont on doute qu'ils vous concernent.
Cette copie n'est plus protégée par le service : gardez-la en lieu sûr.
"""


@router.get(
    "/patients/{patient_id}/export",
    summary="Emporter une copie du dossier",
    response_class=StreamingResponse,
    responses={200: {"description": "une archive ZIP", "content": {ZIP: {}}}},
)
def export(patient_id: str, desk: AtDesk) -> StreamingResponse:
    """Pour le patient et qui exerce ses droits, authentifié depuis peu : documents, textes, autorisations, journal."""
    visit = desk.visit(patient_id, Act.EXPORT, Look(all_states=True))
    with visit.record() as (tx, scope):
        if not may(Act.EXPORT, scope):
            raise NOT_YOUR_ACT
        if not visit.fresh:
            raise STALE
        listed = documents.list_documents(tx, scope)
    visit.granted([each.document_id for each in listed if each.state is DocumentState.SEARCHABLE])
    headers = {
        "Content-Disposition": 'attachment; filename="dossier.zip"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(archive(desk.services, scope, listed, desk.now), media_type=ZIP, headers=headers)


@dataclass(slots=True)
class _Outlet:
    """What zipfile writes to, taken away piece by piece. Not seekable: sizes follow each file."""

    pieces: list[bytes] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self.pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        data, self.pieces = b"".join(self.pieces), []
        return data


def archive(services: Services, scope: Scope, listed: list[Document], now: datetime) -> Iterator[bytes]:
    """The ZIP of the Scope's record, piece by piece; one document's bytes are in memory a chunk at a time."""
    outlet = _Outlet()
    manifest: dict[str, Any] = {"made_at": now.isoformat(), "files": [], "missing": []}
    with zipfile.ZipFile(cast(BinaryIO, outlet), "w", zipfile.ZIP_DEFLATED) as bundle:

        def put(name: str, content: Iterator[bytes]) -> Iterator[bytes]:
            digest, size = hashlib.sha256(), 0
            with bundle.open(zipfile.ZipInfo(name, now.timetuple()[:6]), "w", force_zip64=True) as member:
                for piece in content:
                    digest.update(piece)
                    size += len(piece)
                    member.write(piece)
                    if outlet.pieces:
                        yield outlet.taken()
            manifest["files"].append({"name": name, "sha256": digest.hexdigest(), "bytes": size})
            yield outlet.taken()

        yield from put("LISEZMOI.txt", iter([README.format(when=f"{now:%d/%m/%Y}").encode()]))
        for number, document in enumerate(listed, 1):
            try:
                content = _content(services, document)
            except Refusal as refusal:
                manifest["missing"].append({"number": number, "code": refusal.code, "reason": refusal.message})
                continue
            stem = f"{number:03d}-{document.document_id}"
            yield from put(f"documents/{stem}.{EXTENSIONS.get(document.media_type, 'bin')}", content)
            if (text := _text(services, scope, document)) is not None:
                yield from put(f"textes/{stem}.txt", iter([text.encode()]))
        for name, table in _tables(services, scope, listed, now):
            yield from put(name, iter([table]))
        yield from put("manifeste.json", iter([_json(manifest)]))
    yield outlet.taken()


def _content(services: Services, document: Document) -> Iterator[bytes]:
    """A document's bytes; Refusal when it is not one that may be shown, or its file is not there."""
    reader = services.blobs.open(readable(document).upload)

    def pieces() -> Iterator[bytes]:
        with reader:
            while chunk := reader.read(CHUNK):
                yield chunk

    return pieces()


def _text(services: Services, scope: Scope, document: Document) -> str | None:
    with services.records.read() as tx:
        reading = readings.load_reading(services.blobs, tx, scope, document.document_id)
    if reading is None:
        return None
    return "\n\n".join(f"[page {page.number}]\n{page.text}" for page in reading.pages) + "\n"


def _tables(services: Services, scope: Scope, listed: list[Document], now: datetime) -> Iterator[tuple[str, bytes]]:
    """The JSON and text files, in one reading of records."""
    with services.records.read() as tx:
        cards = [item_of(each, scope.patient_id, marks_of(services, scope, each, now)) for each in listed]
        yield "documents.json", _json([card.model_dump(mode="json") for card in cards])
        if scope.basis is Basis.SELF:
            yield "autorisations.json", _json(_rights(tx, scope))
            lines = journal_lines(tx, scope, MOST_ACCESSES, "fr")
            yield "journal.txt", "".join(f"{line.sentence}\n" for line in lines).encode()
            yield "journal.json", _json([line.model_dump(mode="json") for line in lines])
        for name, gives in EXTRAS:
            yield name, _json(gives(tx, scope))


def _rights(tx: Tx, scope: Scope) -> dict[str, Any]:
    return {
        "grants": [GrantView.of(each).model_dump(mode="json") for each in grants.list_grants(tx, scope)],
        "blocks": grants.list_blocks(tx, scope),
        "oppositions": [{"kind": each.kind, "at": each.recorded_at} for each in will.list_oppositions(tx, scope)],
        "representatives": [dataclasses.asdict(each) for each in relations.list_relations(tx, scope)],
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=str).encode()
