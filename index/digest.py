"""What an engine holds of a document, in 32 hex digits: the same document gives the same digest on every engine."""

from __future__ import annotations

import hashlib

from index.port import IndexedDocument


def digest_of(document: IndexedDocument) -> str:
    """Digest over all that is searched or filtered by. The fence is left out: it is compared on its own."""
    hashed = hashlib.sha256()
    date = document.event_date.isoformat() if document.event_date else ""
    head = (document.patient_id, document.document_id, document.category.value, document.type_code, date)
    _add(hashed, *(part.encode() for part in head))
    for passage in sorted(document.passages, key=lambda p: p.passage_id):
        _add(hashed, passage.passage_id.encode(), str(passage.length).encode(), passage.vector or b"")
        _add(hashed, "\n".join(passage.tokens).encode(), "\n".join(passage.forms).encode())
        _add(hashed, "\n".join(passage.heads).encode())
    return hashed.hexdigest()[:32]


def _add(hashed: hashlib._Hash, *parts: bytes) -> None:
    """Each part with its length, so that no two sequences of parts run together."""
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
