"""The versions that a document replaced, as far as they are kept: each is a document of its own in the same set."""

from __future__ import annotations

from access.identifiers import DocumentId
from access.scope import Scope
from records import tables, versions
from records.database import Tx
from records.documents import Document, DocumentState, get_document, get_documents


def former_documents(tx: Tx, scope: Scope, document_id: DocumentId) -> list[Document]:
    """The older versions of a document that were read and are inside the Scope, newest first; none for one outside.

    What is masked, of another category or withdrawn from this caller is left out as if it were not there.
    """
    if get_document(tx, scope, document_id) is None:
        return []
    row = tx.session.get_one(tables.Document, document_id)
    older = [DocumentId(one.document_id) for one in versions.before(tx, row)]
    known = get_documents(tx, scope, older)
    return [known[one] for one in older if one in known and known[one].state is DocumentState.SEARCHABLE]
