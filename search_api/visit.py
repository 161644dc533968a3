"""One look of one caller at one record: decide, read inside the Scope, journal, and only then answer.

with visit.record() as (tx, scope):     the door, or the Scope; a Refusal in the block is journalled as refused
    found = ...
visit.granted(documents=..., query=...) journalled, or nothing is answered
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from access.decide import POLICY_VERSION, decide
from access.identifiers import DocumentId, PatientId, is_opaque_id
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope
from records import journal
from records.database import Tx
from records.grants import access_facts
from search_api.services import Services

log = logging.getLogger("anamnese.api")

JOURNAL_AWAY = Refusal(
    "journal",
    "journal-unavailable",
    "L'accès n'a pas pu être inscrit au journal ; rien n'est montré.",
    "Réessayez dans un instant, puis prévenez l'administrateur.",
)
PURPOSES = {
    CallerKind.PRACTITIONER: Purpose.CARE,
    CallerKind.SYSTEM: Purpose.CARE,
    CallerKind.PATIENT: Purpose.SELF,
    CallerKind.AUDITOR: Purpose.AUDIT,
    CallerKind.ADMINISTRATOR: Purpose.ADMINISTRATION,
}


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks what about whom, when. `action` is the journal's word for it."""

    services: Services
    caller: Caller
    patient_id: PatientId
    action: str
    now: datetime
    request_id: str

    @property
    def purpose(self) -> Purpose:
        return PURPOSES[self.caller.kind]

    @contextmanager
    def record(self) -> Iterator[tuple[Tx, Scope]]:
        """The open record and the caller's Scope in it. Whatever Refusal ends the visit is journalled first."""
        try:
            with self.services.records.read() as tx:
                yield tx, self.right(tx)
        except Refusal as refusal:
            self.refused(refusal)
            raise

    def right(self, tx: Tx) -> Scope:
        """The caller's Scope; the decision's Refusal otherwise. One fixed sequence of reads, whoever the patient is."""
        facts = access_facts(tx, self.caller, self.patient_id, self.now)
        right = decide(self.caller, self.patient_id, self.purpose, self.now, facts)
        if isinstance(right, Refusal):
            raise right
        return right

    def granted(self, documents: Sequence[DocumentId] = (), query: str | None = None, detail: str = "") -> None:
        """Journal what is about to be shown; Refusal 503 when it cannot be written."""
        self._write("granted", documents=documents, query=query, detail=detail)

    def refused(self, refusal: Refusal) -> None:
        """Journal that the visit ends with `refusal`; Refusal 503 when it cannot be written."""
        self._write("refused", detail=refusal.code)

    def _write(
        self, outcome: journal.Outcome, documents: Sequence[DocumentId] = (), query: str | None = None, detail: str = ""
    ) -> None:
        caller = self.caller
        entry = journal.Entry(
            patient_id=self.patient_id,
            caller_kind=caller.kind,
            caller=caller.system or caller.id,
            on_behalf=caller.id if caller.system and caller.kind is CallerKind.PRACTITIONER else "",
            role=caller.profession,
            purpose=self.purpose,
            action=self.action,
            outcome=outcome,
            documents=tuple(documents),
            query=query,
            policy_version=POLICY_VERSION,
            request_id=self.request_id,
            at=self.now,
            detail=detail,
        )
        try:
            with self.services.records.write() as tx:
                journal.append(tx, entry)
        except Exception as error:  # whatever keeps the trace from being written keeps the answer from leaving
            log.error("journal: %s", type(error).__name__)
            raise JOURNAL_AWAY from None


def patient_id_of(text: str) -> PatientId:
    """A patient id from an address. A malformed one becomes a well-formed id of nobody: it meets the same door."""
    if is_opaque_id(text):
        return PatientId(text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return PatientId(base64.b32encode(digest).decode().lower()[:26])
