"""Listeners: an establishment's system, speaking for one professional, and what its right to each record was."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import delete, insert, select

from access.identifiers import PatientId
from records import events, tables
from records.database import Tx
from records.opaque import random_id
from records.sealed import seal_json, unseal_json

Kind = Literal["document.searchable", "document.replaced", "document.withdrawn", "access.changed", "emergency.opened"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_W, _V, _D = tables.Webhook, tables.WebhookView, tables.Delivery


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where one system is told what, and for whom it asks: RPPS `practitioner` of the establishment `organization`."""

    webhook_id: str
    practitioner: str
    organization: str
    kinds: frozenset[str]
    url: str = field(repr=False)
    secret: str = field(repr=False)  # "whsec_" and base64, as Standard Webhooks writes it
    added_at: datetime
    first_seq: int


def add(tx: Tx, *, url: str, practitioner: str, organization: str, kinds: Collection[str], now: datetime) -> Webhook:
    """Register a listener with a secret of its own, which is shown once; it is told of what happens from now on."""
    made = Webhook(
        webhook_id=random_id(),
        practitioner=practitioner,
        organization=organization,
        kinds=frozenset(kinds),
        url=url,
        secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        added_at=now,
        first_seq=events.last(tx) + 1,
    )
    words = {"url": made.url, "secret": made.secret}
    tx.session.execute(
        insert(_W).values(
            webhook_id=made.webhook_id,
            practitioner=practitioner,
            organization=organization,
            kinds=json.dumps(sorted(made.kinds)),
            sealed=seal_json(tx.service_key("webhooks"), words, _aad(made.webhook_id)),
            added_at=now,
            first_seq=made.first_seq,
        )
    )
    return made


def every(tx: Tx) -> list[Webhook]:
    """Every listener, oldest first."""
    return [_webhook(tx, row) for row in tx.session.scalars(select(_W).order_by(_W.added_at, _W.webhook_id))]


def remove(tx: Tx, webhook_id: str) -> bool:
    """Forget a listener and what it was not told yet; False when there is none."""
    if tx.session.get(_W, webhook_id) is None:
        return False
    for table in (_D, _V, _W):
        tx.session.execute(delete(table).where(table.webhook_id == webhook_id))
    return True


def version_seen(tx: Tx, webhook_id: str, patient_id: PatientId) -> str:
    """The version of this listener's Scope when it was last looked at; "" for none."""
    row = tx.session.get(_V, (webhook_id, patient_id))
    return "" if row is None else row.version


def see(tx: Tx, webhook_id: str, patient_id: PatientId, version: str) -> None:
    """Remember the version of this listener's Scope; "" when nothing is open to it."""
    tx.session.execute(delete(_V).where(_V.webhook_id == webhook_id, _V.patient_id == patient_id))
    if version:
        tx.session.execute(insert(_V).values(webhook_id=webhook_id, patient_id=patient_id, version=version))


def _webhook(tx: Tx, row: tables.Webhook) -> Webhook:
    words = unseal_json(tx.service_key("webhooks"), row.sealed, _aad(row.webhook_id))
    return Webhook(
        webhook_id=row.webhook_id,
        practitioner=row.practitioner,
        organization=row.organization,
        kinds=frozenset(json.loads(row.kinds)),
        url=words["url"],
        secret=words["secret"],
        added_at=row.added_at,
        first_seq=row.first_seq,
    )


def _aad(webhook_id: str) -> str:
    return f"webhooks/sealed/{webhook_id}"
