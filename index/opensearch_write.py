"""Putting documents into an OpenSearch generation and taking them out, in an order that no late writer can undo.

Each document has one entry that holds its fence, written under an external version (2 x fence, plus one for a removal)
and never deleted: a deleted entry's version is forgotten after `index.gc_deletes`, a tombstone's is not.

    look      versions of the fence entries; a write behind one of them is dropped
    claim     the fence entries, all under their version; a conflict means that someone newer passed: dropped
    write     old passages out, new ones in, under the same version; a conflict on a passage: overtaken there
    confirm   the fences again: whoever was overtaken since takes back exactly what it wrote
    refresh   only now does a search see any of it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from opensearchpy import OpenSearch
from opensearchpy.helpers import streaming_bulk

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from index.digest import digest_of
from index.opensearch_client import WRITE_SECONDS, UnexpectedAnswerError, asked, check_whole, of_status, translated
from index.port import IndexedDocument, IndexedPassage

CONFLICT = 409
BUSY_PAUSE = 1  # seconds before the first of three further tries when a bulk is turned away; doubled each time
_CHUNK = 500  # passages a request, about 1.5 MB with 384-dimension vectors
Action = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """What is to be held of a document: its content, or nothing for a removal."""

    patient_id: PatientId
    document_id: DocumentId
    fence: int
    document: IndexedDocument | None

    @property
    def version(self) -> int:
        """Grows with the fence; a removal stands over a put of the same fence."""
        return 2 * self.fence + (self.document is None)


def apply(client: OpenSearch, name: str, writes: Iterable[Write]) -> None:
    """Carry out `writes` on index `name`. On return the next search sees them; on a Refusal none is to be trusted."""
    newest: dict[DocumentId, Write] = {}
    for write in writes:
        if write.document_id not in newest or newest[write.document_id].version <= write.version:
            newest[write.document_id] = write
    held = _versions(client, name, newest)
    ahead = [w for w in newest.values() if held.get(w.document_id, -1) <= w.version]
    old = _passages_of(client, name, [w.document_id for w in ahead if w.document_id in held])
    refused = _send(client, (_fence_entry(name, write) for write in ahead))
    claimed = [write for write in ahead if write.document_id not in refused]
    _send(client, _content(name, claimed, old))
    _withdraw(client, name, claimed)
    check_whole(asked(lambda: client.indices.refresh(index=name, params={"request_timeout": WRITE_SECONDS})))


def _versions(client: OpenSearch, name: str, ids: Iterable[DocumentId]) -> dict[DocumentId, int]:
    """Versions of the fence entries that exist, as of now, seen by searches or not."""
    entries = [{"_id": document_id, "routing": document_id} for document_id in ids]
    if not entries:
        return {}
    answer = asked(lambda: client.mget(index=name, body={"docs": entries}))
    for entry in answer["docs"]:
        check_whole(entry)
    return {DocumentId(entry["_id"]): entry["_version"] for entry in answer["docs"] if entry["found"]}


def _passages_of(client: OpenSearch, name: str, ids: Sequence[DocumentId]) -> dict[DocumentId, list[tuple[str, str]]]:
    """(id, routing) of every passage held of these documents, those of an interrupted write included."""
    found: dict[DocumentId, list[tuple[str, str]]] = {document_id: [] for document_id in ids}
    if not ids:
        return found
    check_whole(asked(lambda: client.indices.refresh(index=name, params={"request_timeout": WRITE_SECONDS})))
    query = {"bool": {"filter": [{"terms": {"document_id": sorted(ids)}}, {"exists": {"field": "passage_id"}}]}}
    body: Action = {"query": query, "sort": [{"passage_id": "asc"}, {"patient_id": "asc"}], "size": 5_000}
    body |= {"docvalue_fields": ["document_id"], "track_total_hits": False}
    while True:
        page = asked(partial(client.search, index=name, body=body))
        check_whole(page)
        hits = page["hits"]["hits"]
        for hit in hits:
            found[hit["fields"]["document_id"][0]].append((hit["_id"], hit["_routing"]))
        if len(hits) < body["size"]:
            return found
        body = body | {"search_after": hits[-1]["sort"]}


def _fence_entry(name: str, write: Write) -> Action:
    """Routed by document, so that it stays in its place when the document moves to its right patient."""
    document = write.document
    held = {
        "patient_id": write.patient_id,
        "removed": document is None,
        "passages": len(document.passages) if document else 0,
        "digest": digest_of(document) if document else "",
    }
    place = _place(name, write.document_id, write.document_id, write.version)
    return place | {"_op_type": "index", "document_id": write.document_id, "fence": write.fence, "held": held}


def _content(name: str, writes: Iterable[Write], old: Mapping[DocumentId, list[tuple[str, str]]]) -> Iterator[Action]:
    """Deletions first: two routings of one passage may lie in one shard, where the last word counts."""
    for write in writes:
        passages = write.document.passages if write.document else ()
        stay = {(passage.passage_id, write.patient_id) for passage in passages}
        for passage_id, routing in old.get(write.document_id, ()):
            if (passage_id, routing) not in stay:
                yield _place(name, passage_id, routing, write.version) | {"_op_type": "delete"}
        for passage in passages:
            assert write.document is not None
            yield _passage(name, write.document, passage, write.version)


def _passage(name: str, document: IndexedDocument, passage: IndexedPassage, version: int) -> Action:
    action = _place(name, passage.passage_id, document.patient_id, version) | {
        "_op_type": "index",
        "patient_id": document.patient_id,
        "document_id": document.document_id,
        "passage_id": passage.passage_id,
        "category": document.category.value,
        "type_code": document.type_code,
        "tokens": passage.tokens,
        "heads": passage.heads,
        "forms": passage.forms,
        "fence": document.fence,
    }
    if document.event_date is not None:
        action["event_date"] = document.event_date.isoformat()
    if passage.vector is not None:
        action["vector"] = np.frombuffer(passage.vector, np.int8).tolist()
    return action


def _place(name: str, entry: str, routing: str, version: int) -> Action:
    return {"_index": name, "_id": entry, "routing": routing, "version": version, "version_type": "external_gte"}


def _withdraw(client: OpenSearch, name: str, writes: Sequence[Write]) -> None:
    """Take back what was written of documents that someone newer claimed meanwhile: what they wrote stands over it."""
    now = _versions(client, name, [write.document_id for write in writes])
    overtaken = [write for write in writes if now.get(write.document_id, -1) > write.version]
    _send(
        client,
        (
            _place(name, passage.passage_id, write.patient_id, write.version) | {"_op_type": "delete"}
            for write in overtaken
            for passage in (write.document.passages if write.document else ())
        ),
    )


def _send(client: OpenSearch, actions: Iterable[Action]) -> set[str]:
    """Ids refused because something newer stands there. Every item is checked; one other failure fails the whole."""
    conflicts: set[str] = set()
    failures: list[tuple[int | str, object]] = []
    with translated():
        answers = streaming_bulk(
            client, actions, chunk_size=_CHUNK, raise_on_error=False,
            max_retries=3, initial_backoff=BUSY_PAUSE, max_backoff=4, params={"request_timeout": WRITE_SECONDS},
        )  # fmt: skip
        for good, answer in answers:
            ((operation, item),) = answer.items()
            if good or (operation == "delete" and item.get("status") == 404):
                continue
            if item.get("status") == CONFLICT:
                conflicts.add(item["_id"])
            else:
                failures.append((item.get("status", 0), item.get("error")))
    if failures:
        raise _failure(failures)
    return conflicts


def _failure(failures: Sequence[tuple[int | str, object]]) -> Exception:
    """An unavailable engine explains itself; an entry that the engine will never take is told by number alone."""
    for status, error in failures:
        kind = error.get("type") if isinstance(error, Mapping) else error
        translated_error = of_status(status, kind, error)
        if not isinstance(translated_error, UnexpectedAnswerError):
            return translated_error
    return Refusal(
        "store",
        "index-write-refused",
        f"Le moteur de recherche a refusé {len(failures)} passage(s) ; rien de ce lot n'est tenu pour indexé.",
        "Vérifiez que l'index a été construit avec ce modèle (« anamnese verify »), ou reconstruisez-le "
        "(« anamnese reindex »).",
    )
