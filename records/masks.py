"""Acts on the states of one document: masked, hidden from the patient, hidden from representatives.

An act covers the document's versions, its duplicates and the copies that came after it: the strictest state is that of
all of them. What the patient keeps from others is kept in every copy, also in those that came before.
"""

from __future__ import annotations

from datetime import datetime

from access.identifiers import DocumentId
from access.policy import Policy
from access.refusal import Refusal
from access.states import is_hidden_from_patient
from records import events, tables
from records.database import Tx
from records.versions import copies, relatives, settle

MASKED_AND_HIDDEN = Refusal(
    "act",
    "masked-and-hidden",
    "Un document ne peut pas être à la fois masqué aux professionnels et caché au patient.",
    "Levez d'abord l'un des deux.",
)
"""EX_2.1-1050. Said of what was done by an act on this document, never of what it inherited unseen."""

OPENED_FOR_EVER = Refusal(
    "act",
    "already-opened",
    "Ce document a été ouvert aux représentants : cela ne se reprend pas.",
    "Il reste visible pour eux.",
)
"""EX_3.3-1045."""


def mask(tx: Tx, document_id: DocumentId, by: str, now: datetime, policy: Policy) -> None:
    """Keep a document from professionals. `by`: who does it. One that time has released is hidden no more."""
    row = _row(tx, document_id)
    waits = row.hidden_from_patient and is_hidden_from_patient(row.hidden_at or row.received_at, now, policy)
    if waits and row.deposited_by != by:
        raise MASKED_AND_HIDDEN
    for each in {one.document_id: one for one in (*relatives(tx, row), *copies(tx, row))}.values():
        if not each.masked and each.state == "searchable":
            events.note(tx, "masked", each.patient_id, each.document_id, at=now)
        each.masked = True
    row.masked_by = by
    settle(tx, row)


def unmask(tx: Tx, document_id: DocumentId) -> None:
    """Show it to professionals again, within their grants."""
    row = _row(tx, document_id)
    for each in relatives(tx, row):
        if each.masked:
            events.note(tx, "unmasked", each.patient_id, each.document_id)
        each.masked, each.masked_by = False, None
    settle(tx, row)


def hide_from_patient(tx: Tx, document_id: DocumentId, now: datetime) -> None:
    """Keep a document from its patient until a carer has announced it, or time releases it."""
    row = _row(tx, document_id)
    if row.masked_by is not None:
        raise MASKED_AND_HIDDEN
    for each in relatives(tx, row):
        each.hidden_from_patient, each.hidden_at = True, now
    settle(tx, row)


def wait_anew(tx: Tx, document_id: DocumentId, now: datetime) -> None:
    """Count from now the time after which a document that waits for a carer is released to its patient: until now no
    carer could have seen it. One that is not hidden from the patient stays so."""
    row = _row(tx, document_id)
    if row.hidden_from_patient:
        for each in relatives(tx, row):
            each.hidden_at = now
        tx.session.flush()


def announce(tx: Tx, document_id: DocumentId) -> None:
    """A carer told the patient: they see it from now on."""
    row = _row(tx, document_id)
    for each in relatives(tx, row):
        each.hidden_from_patient, each.hidden_at = False, None
    settle(tx, row)


def hide_from_representatives(tx: Tx, document_id: DocumentId) -> None:
    """The minor's secret (connexion secrète). Refused once it was opened to them."""
    row = _row(tx, document_id)
    if row.opened_to_representatives:
        raise OPENED_FOR_EVER
    for each in (*relatives(tx, row), *copies(tx, row)):
        each.hidden_from_representatives = True
    settle(tx, row)


def open_to_representatives(tx: Tx, document_id: DocumentId) -> None:
    """Show it to representatives, for ever."""
    row = _row(tx, document_id)
    for each in relatives(tx, row):
        each.hidden_from_representatives, each.opened_to_representatives = False, True
    settle(tx, row)


def _row(tx: Tx, document_id: DocumentId) -> tables.Document:
    return tx.session.get_one(tables.Document, document_id, populate_existing=True)
