"""What a cluster holds of each document, for `verify`: counted from its passages, not from what was said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from opensearchpy import OpenSearch

from access.identifiers import DocumentId, PatientId
from index.opensearch_client import asked, check_whole
from index.opensearch_query import Body
from index.port import InventoryLine

_PAGE = 5_000
_KEPT = "30m"  # the longest between two pages: `verify` reads 5,000 passages again meanwhile, and may embed some


def inventory_without_scope(client: OpenSearch, name: str) -> Iterator[InventoryLine]:
    """A line a document in order of id, all of one moment."""
    for document_id, entries in groupby(_entries_without_scope(client, name), key=itemgetter("document_id")):
        line = _line(DocumentId(document_id), list(entries))
        if line is not None:
            yield line


def _entries_without_scope(client: OpenSearch, name: str) -> Iterator[dict[str, Any]]:
    """Every entry of the index by document, the fence before the passages, as flat values."""
    fields = ["document_id", "patient_id", "fence", "held.patient_id", "held.removed", "held.passages"]
    body: Body = {
        "size": _PAGE,
        "sort": [{"document_id": "asc"}, {"passage_id": {"order": "asc", "missing": "_first"}}],
        "docvalue_fields": [*fields, "held.digest"],
        "track_total_hits": False,
    }
    point = asked(lambda: client.create_pit(index=name, params={"keep_alive": _KEPT}))["pit_id"]
    try:
        while True:
            body["pit"] = {"id": point, "keep_alive": _KEPT}
            page = asked(lambda: client.search(body=body))
            check_whole(page)
            hits = page["hits"]["hits"]
            yield from ({name: values[0] for name, values in hit["fields"].items()} for hit in hits)
            if len(hits) < _PAGE:
                return
            body["search_after"] = hits[-1]["sort"]
    finally:
        asked(lambda: client.delete_pit(body={"pit_id": [point]}))


def _line(document_id: DocumentId, entries: Sequence[dict[str, Any]]) -> InventoryLine | None:
    """What is held of a document; None for a tombstone that holds as little as it should."""
    fences = [entry for entry in entries if "held.passages" in entry]
    passages = [entry for entry in entries if "held.passages" not in entry]
    if not fences:
        return InventoryLine(PatientId(passages[0]["patient_id"]), document_id, -1, len(passages), "")
    fence = fences[0]
    removed = fence["held.removed"] in (True, 1, "true")
    if removed and not passages:
        return None
    agrees = {(entry["fence"], entry["patient_id"]) for entry in passages} <= {
        (fence["fence"], fence["held.patient_id"])
    }
    whole = agrees and len(passages) == int(fence["held.passages"]) and not removed
    digest = fence.get("held.digest", "") if whole else ""
    return InventoryLine(PatientId(fence["held.patient_id"]), document_id, fence["fence"], len(passages), digest)
