"""One look of one caller at one record: decide, read inside the Scope, journal, and only then answer.

with visit.record() as (tx, scope):     the door, or the Scope; a Refusal in the block is journalled as refused
    found = ...
visit.granted(documents=..., query=...) journalled, or nothing is answered

with visit.act(Act.BLOCK) as (tx, scope): an act that is this caller's; journalled in its own transaction, before it
    grants.block(tx, ...)               takes effect, so that neither is there without the other
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from access.acts import FRESH, Act, may
from access.decide import decide
from access.identifiers import DocumentId, PatientId, is_opaque_id
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Caller, CallerKind, Purpose, Scope
from records import journal
from records.database import Tx
from records.rights import access_facts
from records.spool import LATE
from records.visitors import note_visit
from search_api.functions import refuse_off
from search_api.services import Services

log = logging.getLogger("anamnese.api")

EMERGENCY_CARD = "emergency"
"""The action of an emergency card, in HTTP and on the command line."""
JOURNAL_AWAY = Refusal(
    "journal",
    "journal-unavailable",
    "L'accès n'a pas pu être inscrit au journal ; rien n'est montré.",
    "Réessayez dans un instant, puis prévenez l'administrateur.",
)
STALE = Refusal(
    "token",
    "authentication-too-old",
    "Cet acte demande de vous être authentifié récemment.",
    "Authentifiez-vous de nouveau, puis recommencez.",
)
PURPOSES = {
    CallerKind.PRACTITIONER: Purpose.CARE,
    CallerKind.SYSTEM: Purpose.CARE,
    CallerKind.PATIENT: Purpose.SELF,
    CallerKind.AUDITOR: Purpose.AUDIT,
    CallerKind.ADMINISTRATOR: Purpose.ADMINISTRATION,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a caller wants to look. `all_states`: archived and deprecated documents too. `regulation`: as Centre 15."""

    all_states: bool = False
    regulation: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks what about whom, when. `action` is the journal's word for it."""

    services: Services
    caller: Caller
    patient_id: PatientId
    action: str
    now: datetime
    request_id: str
    look: Look = Look()
    fresh: bool = True  # the caller authenticated recently enough for the acts of access.acts.FRESH
    _opened: list[Scope] = field(default_factory=list, repr=False)

    @property
    def purpose(self) -> Purpose:
        if self.look.regulation and self.caller.kind is CallerKind.PRACTITIONER:
            return Purpose.REGULATION
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
        self.refuse_off()
        policy = self.services.policy
        facts = access_facts(tx, self.caller, self.patient_id, self.now, policy)
        asked = (self.caller, self.patient_id, self.purpose, self.now)
        right = decide(*asked, facts, policy, all_states=self.look.all_states)
        if isinstance(right, Refusal):
            raise right
        self._opened.append(right)
        return right

    def refuse_off(self) -> None:
        """Refusal when this visit's function is switched off here."""
        refuse_off(self.services.off, self.action, regulation=self.look.regulation)

    @contextmanager
    def act(self, act: Act, *, detail: str = "") -> Iterator[tuple[Tx, Scope]]:
        """A writing transaction in which the act is already journalled. Any Refusal undoes both, and is journalled.

        The body may still refuse (no such document, a state that forbids it): then nothing was done.
        """
        try:
            with self.services.records.write() as tx:
                scope = self.right(tx)
                if not may(act, scope):
                    raise NOT_YOUR_ACT
                if act in FRESH and not self.fresh:
                    raise STALE
                self.append(tx, "granted", detail=detail)
                yield tx, scope
        except Refusal as refusal:
            self.refused(refusal)
            raise

    def granted(self, documents: Sequence[DocumentId] = (), query: str | None = None, detail: str = "") -> None:
        """Journal what is about to be shown; Refusal 503 when it cannot be written."""
        self._write("granted", documents=documents, query=query, detail=detail)

    def refused(self, refusal: Refusal) -> None:
        """Journal that the visit ends with `refusal`; Refusal 503 when it cannot be written."""
        self._write("refused", detail=refusal.code)

    def _write(
        self, outcome: journal.Outcome, documents: Sequence[DocumentId] = (), query: str | None = None, detail: str = ""
    ) -> None:
        try:
            with self.services.records.write() as tx:
                self.append(tx, outcome, documents=documents, query=query, detail=detail)
                if outcome == "granted" and self.caller.kind is CallerKind.PRACTITIONER:
                    note_visit(tx, self.patient_id, self.caller.id, self.now)
        except Exception as error:  # whatever keeps the trace from being written keeps the answer from leaving
            log.error("journal: %s", type(error).__name__)
            if outcome == "refused" or not self._spooled(documents):
                raise JOURNAL_AWAY from None

    def _spooled(self, documents: Sequence[DocumentId]) -> bool:
        """Whether this visit is an emergency card's and stands in the spool, on the disk: the one exception."""
        if self.action != EMERGENCY_CARD or self.services.spool is None:
            return False
        try:
            self.services.spool.keep(self._entry("granted", documents=documents, detail=LATE))
        except Exception as error:  # as above: no trace, no answer
            log.error("spool: %s", type(error).__name__)
            return False
        log.warning("journal away: an emergency card was journalled in the spool")
        return True

    def append(
        self,
        tx: Tx,
        outcome: journal.Outcome,
        *,
        documents: Sequence[DocumentId] = (),
        query: str | None = None,
        detail: str = "",
        reason: str = "",
        purpose: Purpose | None = None,
    ) -> None:
        """Write the journal's entry of this visit in a transaction that is open."""
        entry = self._entry(outcome, documents=documents, query=query, detail=detail, reason=reason, purpose=purpose)
        try:
            journal.append(tx, entry)
        except Exception as error:  # whatever keeps the trace from being written keeps the act from being done
            log.error("journal: %s", type(error).__name__)
            raise JOURNAL_AWAY from None

    def _entry(
        self,
        outcome: journal.Outcome,
        *,
        documents: Sequence[DocumentId] = (),
        query: str | None = None,
        detail: str = "",
        reason: str = "",
        purpose: Purpose | None = None,
    ) -> journal.Entry:
        caller = self.caller
        scope = self._opened[-1] if self._opened and outcome == "granted" else None
        return journal.Entry(
            patient_id=self.patient_id,
            caller_kind=caller.kind,
            caller=caller.system or caller.id,
            on_behalf=caller.id if caller.system and caller.kind is CallerKind.PRACTITIONER else "",
            role=caller.profession,
            purpose=purpose or (self.purpose if scope is None else scope.purpose),
            action=self.action,
            outcome=outcome,
            documents=tuple(documents),
            query=query,
            policy_version=self.services.policy.version,
            request_id=self.request_id,
            at=self.now,
            detail=detail,
            basis="" if scope is None or scope.basis is None else scope.basis,
            reason=reason,
        )


def granted_together(shown: Sequence[tuple[Visit, Sequence[DocumentId]]], query: str) -> None:
    """Journal looks at several records in one transaction: all of them, or Refusal 503 and nothing is shown."""
    if not shown:
        return
    try:
        with shown[0][0].services.records.write() as tx:
            journal.append_all(
                tx, [visit._entry("granted", documents=documents, query=query) for visit, documents in shown]
            )
            for visit, documents in shown:
                if documents:
                    note_visit(tx, visit.patient_id, visit.caller.id, visit.now, in_passing=True)
    except Exception as error:  # as in Visit._write
        log.error("journal: %s", type(error).__name__)
        raise JOURNAL_AWAY from None


def patient_id_of(text: str) -> PatientId:
    """A patient id from an address. A malformed one becomes a well-formed id of nobody: it meets the same door."""
    if is_opaque_id(text):
        return PatientId(text)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return PatientId(base64.b32encode(digest).decode().lower()[:26])
