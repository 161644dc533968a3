"""What says to replace or cancel another sender's document: the list of those that wait, and a person's decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from access.confidentiality import asked_by
from access.identifiers import DocumentId, PatientId
from access.identitovigilance import Vigilance
from access.refusal import Refusal
from access.senders import Sender
from records import claims, journal, names, tables, versions, vigilance
from records.database import Tx

_C, _T = tables.Claim, tables.Document
GONE = Refusal(
    "settle", "no-such-claim", "Aucun document de ce nom n'en conteste un autre.", "Reprenez la liste des documents."
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A document by who sent it: nothing that it says."""

    document_id: DocumentId
    received_at: datetime
    senders: frozenset[Sender]


@dataclass(frozen=True, slots=True)
class Contest:
    """A document that names others of other senders. `cancels`: those that it says are withdrawn, of `others`."""

    patient_id: PatientId
    claims: Sent
    others: tuple[Sent, ...]
    cancels: frozenset[DocumentId]


def show(tx: Tx, right: Vigilance, limit: int, now: datetime, request_id: str) -> list[Contest]:
    """Those that nobody decided on, oldest first. Each record concerned gets a journal entry in this transaction."""
    found = waiting(tx, limit)
    for one in found:
        journal.append(tx, _entry(one, right, "claim-list", now, request_id))
    return found


def settle(
    tx: Tx, right: Vigilance, document_id: str, now: datetime, request_id: str, *, accepted: bool, reason: str
) -> Contest:
    """A person's decision, journalled in this transaction; Refusal "no-such-claim"."""
    found = one(tx, document_id)
    action = "claim-accept" if accepted else "claim-refuse"
    journal.append(tx, _entry(found, right, action, now, request_id, reason))
    decide(tx, document_id, accepted=accepted, by=right.caller.id, now=now)
    return found


def _entry(
    one: Contest, right: Vigilance, action: str, now: datetime, request_id: str, reason: str = ""
) -> journal.Entry:
    named = (one.claims.document_id, *(other.document_id for other in one.others))
    return vigilance.entry(right, one.patient_id, action, now, request_id, shown=named, detail=reason)


def waiting(tx: Tx, limit: int) -> list[Contest]:
    """Those that nobody decided on, oldest first."""
    rows = select(_C).where(_C.verdict.is_(None)).order_by(_C.noted_at, _C.document_id).limit(limit)
    return [_contest(tx, tx.session.get_one(_T, row.document_id)) for row in tx.session.scalars(rows).all()]


def one(tx: Tx, document_id: str) -> Contest:
    """One by its document, decided on or not; Refusal "no-such-claim"."""
    return _contest(tx, tx.session.get_one(_T, _row(tx, document_id).document_id))


def decide(tx: Tx, document_id: str, *, accepted: bool, by: str, now: datetime) -> None:
    """Let a document do what it says, or not; the last word counts."""
    row = _row(tx, document_id)
    row.verdict, row.decided_by, row.decided_at = claims.ACCEPTED if accepted else claims.REFUSED, by, now
    tx.session.flush()
    document = tx.session.get_one(_T, document_id, populate_existing=True)
    versions.join(tx, document, asked_by(""))
    for each in (document_id, *_named(tx, document)):
        versions.settle(tx, tx.session.get_one(_T, each, populate_existing=True))


def _contest(tx: Tx, document: tables.Document) -> Contest:
    cancelled = set(names.named_by(tx, document.document_id))
    known = claims.voices(tx, {document.document_id, *_named(tx, document)})
    foreign = (o for o in sorted(known.senders) if not known.speaks(document.document_id, o))
    others = tuple(_sent(tx, other, known) for other in foreign)
    mine = _sent(tx, document.document_id, known)
    return Contest(PatientId(document.patient_id), mine, others, frozenset(cancelled & {o.document_id for o in others}))


def _named(tx: Tx, document: tables.Document) -> set[str]:
    return {*versions.claimed(tx, document), *names.named_by(tx, document.document_id)}


def _sent(tx: Tx, document_id: str, known: claims.Voices) -> Sent:
    received = tx.session.get_one(_T, document_id).received_at
    return Sent(DocumentId(document_id), received, known.senders[document_id])


def _row(tx: Tx, document_id: str) -> tables.Claim:
    row = tx.session.get(_C, document_id, populate_existing=True)
    if row is None:
        raise GONE
    return row
