"""Which documents may speak for which: their senders, and a person's word on what says to change another sender's.

A document that says to replace or cancel another sender's changes nothing by itself (`access.senders`): both stand, and
the claim waits for a person (`records.contested`). Nobody who deposits learns whether it does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from access.senders import Sender, speak_for
from records import tables
from records.database import Tx

_C, _R, _T = tables.Claim, tables.Receipt, tables.Document
ACCEPTED, REFUSED = "accepted", "refused"


@dataclass(frozen=True, slots=True)
class Voices:
    """The senders of some documents, and those of them that a person let speak for others."""

    senders: dict[str, frozenset[Sender]]
    accepted: frozenset[str]

    def speaks(self, one: str, of: str) -> bool:
        """Whether document `one` may change document `of`."""
        return one == of or one in self.accepted or speak_for(self.senders[one], self.senders[of])


def voices(tx: Tx, document_ids: Iterable[str]) -> Voices:
    """Those of these documents. Each way by which the bytes came is a sender, whichever was first."""
    ids = set(document_ids)
    senders: defaultdict[str, set[Sender]] = defaultdict(set)
    for way in (_T, _R):
        rows = select(way.document_id, way.origin, way.deposited_by, way.deposited_for)
        for row in tx.session.execute(rows.where(way.document_id.in_(ids))):
            senders[row[0]].add(Sender(*row[1:]))
    accepted = tx.session.scalars(select(_C.document_id).where(_C.document_id.in_(ids), _C.verdict == ACCEPTED))
    return Voices({one: frozenset(senders[one]) for one in ids}, frozenset(accepted))


def note(tx: Tx, document_id: str) -> None:
    """Let a person decide on what a document claims; said twice it is one claim, and a decision on it stands."""
    if tx.session.get(_C, document_id) is None:
        row = tx.session.get_one(_T, document_id)
        tx.session.add(_C(document_id=document_id, patient_id=row.patient_id, noted_at=row.received_at))
        tx.session.flush()
