"""Telling hospital systems what happened: whom, what of it, and sending it.

    spread     each event is looked at with each listener's right: who may not know of it is never told
    deliver    what waits is judged again, journalled, signed and posted; in order by patient, until it is taken

A listener's right is what its system could read for its professional (ACCESS.md, rule 9): `decide` answers, with the
establishment alone as organisation, without what that person opened in an emergency, and never a masked document. A
body holds identifiers of ours and a kind: no word of a document, no name, no number of anybody.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from standardwebhooks.webhooks import Webhook as Signer

from access.decide import decide
from access.identifiers import DocumentId, PatientId, is_rpps
from access.policy import Policy
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose, Scope
from records import deliveries, documents, events, journal, rights, webhooks
from records.database import Records, Tx
from records.deliveries import Delivery
from records.documents import DocumentState
from records.events import Event
from records.webhooks import KINDS, Webhook
from search_api.bearers import Bearer, Stated
from search_api.egress import Egress
from search_api.periodic import Periodic
from search_api.tokens import caller_of

log = logging.getLogger("anamnese.events")
EVERY = 5.0  # seconds between two looks
AT_ONCE = 20  # events or deliveries a transaction
ACTION = "event"
UNREACHABLE = frozenset({"unreachable", "timeout", "tls", "address-refused"})
"""The receiver is not there at all: this look leaves it alone, so that a dead one costs the others little."""


@dataclass(frozen=True, slots=True)
class Teller:
    """What telling needs."""

    records: Records
    policy: Policy
    egress: Egress = field(default_factory=Egress)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look did."""

    delivered: int = 0
    failed: int = 0
    withheld: int = 0
    dead: int = 0

    def as_dict(self) -> dict[str, int]:
        """JSON values."""
        return dataclasses.asdict(self)


def register(
    teller: Teller, *, url: str, practitioner: str, organization: str, kinds: Collection[str], now: datetime
) -> Webhook:
    """Register a listener, and look at its right to each record that is open to it. Refusals: "bad-webhook" for the
    address, "bad-kind", "bad-rpps", and those of a professional whom the directory does not know in this place."""
    teller.egress.check(url)
    if not kinds or not set(kinds) <= set(KINDS):
        known = ", ".join(KINDS)
        raise Refusal("event", "bad-kind", "Genre d'événement inconnu.", f"Choisissez parmi {known}.")
    if not is_rpps(practitioner) or not organization:
        raise Refusal("event", "bad-rpps", "Il faut un RPPS et un FINESS.", "Vérifiez les numéros.")
    with teller.records.write() as tx:
        made = webhooks.add(tx, url=url, practitioner=practitioner, organization=organization, kinds=kinds, now=now)
        caller = caller_of(tx, _bearer(made), teller.policy.matrix)
        for patient_id in rights.patients_of(tx, caller, now):
            webhooks.see(tx, made.webhook_id, patient_id, _version(_right(tx, teller, made, patient_id, now)))
    return made


def tell(teller: Teller, now: datetime, stop: Callable[[], bool] = lambda: False) -> Look:
    """Decide on what happened, then send what is due, once. A failure leaves it for later."""
    while not stop() and _spread(teller, now):
        pass
    counts = dict.fromkeys(("delivered", "failed", "withheld", "dead"), 0)
    away: set[str] = set()
    while not stop():
        with teller.records.read() as tx:
            due = deliveries.due(tx, now, AT_ONCE, away)
            listeners = {each.webhook_id: each for each in webhooks.every(tx)}
        if not due:
            break
        for one in due:
            if one.webhook_id not in away:
                outcome, failure = _attempt(teller, listeners[one.webhook_id], one, now)
                counts[outcome] = counts.get(outcome, 0) + 1
                away |= {one.webhook_id} if failure in UNREACHABLE else set()
    return Look(**{name: count for name, count in counts.items() if name})


def teller_thread(teller: Teller, clock: Callable[[], datetime]) -> Periodic:
    """Tells as long as the service runs."""
    return Periodic("events", EVERY, lambda: tell(teller, clock()))


def _spread(teller: Teller, now: datetime) -> bool:
    """Decide whom some events are told; False when there are no more."""
    with teller.records.write() as tx:
        found = events.unspread(tx, AT_ONCE)
        listeners = webhooks.every(tx) if found else []
        for event in found:
            for webhook in listeners:
                if event.seq >= webhook.first_seq and (told := _told(tx, teller, webhook, event, now)) is not None:
                    kind, document_id = told
                    if kind in webhook.kinds:
                        deliveries.add(tx, webhook.webhook_id, event, kind, document_id, now)
            events.spread(tx, event, now)
    return bool(found)


def _told(
    tx: Tx, teller: Teller, webhook: Webhook, event: Event, now: datetime
) -> tuple[str, DocumentId | None] | None:
    """As what a listener is told of an event, and the document that may be named; None when it may not know of it."""
    scope = _right(tx, teller, webhook, event.patient_id, now)
    if event.what == "access":
        version = _version(scope)
        if webhooks.version_seen(tx, webhook.webhook_id, event.patient_id) == version:
            return None
        webhooks.see(tx, webhook.webhook_id, event.patient_id, version)
        return "access.changed", None
    if event.what == "emergency":
        its_own = webhook.organization in event.organizations or scope.oversees
        return ("emergency.opened", None) if its_own else None
    if event.document_id is None:
        return None
    if event.what == "masked":  # who could see it sees that it is gone, as a list would show
        before = _right(tx, teller, webhook, event.patient_id, now, unmasked=event.document_id)
        seen = documents.get_document(tx, before, event.document_id) is not None
        return ("access.changed", None) if seen else None
    document = documents.get_document(tx, scope, event.document_id)
    if event.what == "gone":
        told = document is not None and deliveries.told_of(tx, webhook.webhook_id, event.document_id)
        return ("document.withdrawn", event.document_id) if told else None
    if document is None or document.state is not DocumentState.SEARCHABLE:
        return None
    kind = "access.changed" if event.what == "unmasked" else f"document.{event.what}"
    return kind, event.document_id


def _attempt(teller: Teller, webhook: Webhook, one: Delivery, now: datetime) -> tuple[str, str]:
    """Judge once more, journal at the first attempt, send. What became of it, and the failure's code."""
    with teller.records.write() as tx:
        if not deliveries.claim(tx, one, now):
            return "", ""  # another sender has it
        event = events.event_without_scope(tx, one.seq)
        scope = _right(tx, teller, webhook, one.patient_id, now)
        said = _said(tx, webhook, one, event, scope)
        if said is None or deliveries.overtaken(tx, one):
            deliveries.settle(tx, one, "withheld", now)
            return "withheld", ""
        if one.attempts == 0:
            named = said.get("document")
            journal.append(tx, _entry(teller, webhook, one, scope, [DocumentId(named)] if named else [], now))
    body = json.dumps({"type": one.kind, "timestamp": event.at.isoformat(), "data": said}, sort_keys=True)
    failure = teller.egress.post(webhook.url, _headers(webhook, event.event_id, body, now), body.encode())
    with teller.records.write() as tx:
        if not failure:
            deliveries.settle(tx, one, "delivered", now)
            return "delivered", ""
        over = deliveries.fail(tx, one, failure, now)
    log.warning("event: delivery %d, attempt %d: %s", one.delivery_id, one.attempts + 1, failure)
    return ("dead" if over else "failed"), failure


def _said(tx: Tx, webhook: Webhook, one: Delivery, event: Event, scope: Scope) -> dict[str, str] | None:
    """What a body says, judged at the moment it leaves; None when the listener may no longer know of it."""
    document = None if one.document_id is None else documents.get_document(tx, scope, one.document_id)
    if one.kind == "emergency.opened":
        return {} if scope.is_empty else {"patient": one.patient_id}
    if one.kind == "access.changed":
        return {"patient": one.patient_id} | ({} if document is None else {"document": document.document_id})
    if document is None:
        return None
    if event.what == "gone":
        if not deliveries.told_of(tx, webhook.webhook_id, document.document_id, arrived=True):
            return None
    elif document.state is not DocumentState.SEARCHABLE:
        return None
    return {"patient": one.patient_id, "document": document.document_id}


def _headers(webhook: Webhook, event_id: str, body: str, now: datetime) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(webhook.secret).sign(event_id, now, body),
    }


def _right(
    tx: Tx,
    teller: Teller,
    webhook: Webhook,
    patient_id: PatientId,
    now: datetime,
    *,
    unmasked: DocumentId | None = None,
) -> Scope:
    """A listener's Scope in a record, empty for none: every state, no masked document. `unmasked`: as if this one
    were not masked."""
    try:
        caller = caller_of(tx, _bearer(webhook), teller.policy.matrix)
    except Refusal:  # suspended, or left the establishment
        return Scope(Caller(CallerKind.PRACTITIONER, webhook.practitioner), patient_id, Purpose.CARE)
    facts = rights.access_facts(tx, caller, patient_id, now, teller.policy)
    masked = facts.hidden_from_professionals - {unmasked}
    facts = dataclasses.replace(facts, emergencies=(), hidden_from_professionals=masked)
    scope = decide(caller, patient_id, Purpose.CARE, now, facts, teller.policy, all_states=True)
    if isinstance(scope, Refusal):
        return Scope(caller, patient_id, Purpose.CARE)
    return dataclasses.replace(scope, excluded=scope.excluded | masked)


def _version(scope: Scope) -> str:
    return "" if scope.is_empty else scope.grant_version


def _bearer(webhook: Webhook) -> Bearer:
    """Who a listener is at the desk: a system that asserts its professional, of one establishment."""
    return Bearer(
        CallerKind.PRACTITIONER,
        webhook.practitioner,
        system=webhook.webhook_id,
        asserted=True,
        finess=webhook.organization,
        stated=Stated(organizations=frozenset({webhook.organization})),
    )


def _entry(
    teller: Teller,
    webhook: Webhook,
    one: Delivery,
    scope: Scope,
    shown: list[DocumentId],
    now: datetime,
) -> journal.Entry:
    """That a system is told of an event, for the journal, which is written before the event leaves."""
    return journal.Entry(
        patient_id=one.patient_id,
        caller_kind=CallerKind.PRACTITIONER,
        caller=webhook.webhook_id,
        on_behalf=webhook.practitioner,
        role=scope.caller.profession,
        purpose=Purpose.CARE,
        action=ACTION,
        outcome="granted",
        documents=tuple(shown),
        query=None,
        policy_version=teller.policy.version,
        request_id=secrets.token_hex(8),
        at=now,
        detail=one.kind,
        basis="" if scope.basis is None else scope.basis,
    )
