"""For who keeps the service and who audits it: use in practice, work in hand, the state of the index. Counts alone."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from access.refusals import NOT_YOUR_ACT
from access.scope import CallerKind
from clinical.text.edition import rules_edition
from index.port import Generation
from records import deliveries, facts, jobs, outbox, usage, webhooks
from records.database import Tx
from search_api.desk import AtDesk, Desk
from search_api.marks import PARIS
from search_api.view_base import View

router = APIRouter(prefix="/v1", tags=["service"])
KEEPERS = frozenset({CallerKind.ADMINISTRATOR, CallerKind.AUDITOR})


class UsageView(View):
    """Dossiers et recherches d'un mois, comptés sans identités."""

    month: str
    records: int = Field(description="dossiers")
    opened: int = Field(description="ouverts ce mois")
    closed: int
    empty: int = Field(description="sans aucun document")
    fed: int = Field(description="ont reçu un document ce mois")
    consulted: int = Field(description="un professionnel y a vu un document ce mois")
    consulted_by_patient: int = Field(description="leur patient, ou qui le représente, y a vu un document ce mois")
    searches: int
    found_nothing: int = Field(description="recherches qui n'ont rien montré")


class RefusedView(View):
    stage: str
    code: str
    count: int


class GenerationView(View):
    """Une génération de l'index : ce qu'elle a suivi des changements, et combien il y en a."""

    name: str
    serving: bool
    followed: int
    total: int


class WorkView(View):
    """Documents par état, lectures en attente, refus par raison, index."""

    documents: dict[str, int]
    jobs: dict[str, int]
    oldest_waiting: datetime | None
    told_by_earlier_rules: int = Field(
        description="documents dont le texte a été interprété par des règles antérieures ; repris en tâche de fond"
    )
    refused: list[RefusedView]
    index: list[GenerationView]


@router.get("/service/usage", summary="L'usage réel, sans identités (administration, auditeur)")
def read_usage(
    desk: AtDesk,
    month: Annotated[
        str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", description="AAAA-MM ; le mois en cours sinon")
    ] = None,
) -> UsageView:
    """Combien de dossiers sont ouverts, vides, alimentés, consultés ; combien de recherches n'ont rien montré."""
    _only_keepers(desk, "read-usage")
    start, end = bounds(month or f"{desk.now.astimezone(PARIS):%Y-%m}")
    with desk.services.records.read() as tx:
        found = usage.usage_without_scope(tx, start, end)
    desk.visit("", "read-usage").granted()
    return UsageView(month=f"{start:%Y-%m}", **dataclasses.asdict(found))


@router.get("/service/work", summary="Le travail en cours et l'index (administration, auditeur)")
def read_work(desk: AtDesk) -> WorkView:
    """Ce qui attend d'être lu, ce qui a été refusé et pourquoi, où en est une reconstruction de l'index."""
    _only_keepers(desk, "read-work")
    serving, others = desk.services.index.generations()
    with desk.services.records.read() as tx:
        total = outbox.last(tx)
        view = WorkView(
            documents=usage.by_state_without_scope(tx),
            jobs=jobs.progress(tx),
            oldest_waiting=jobs.oldest(tx),
            told_by_earlier_rules=facts.count_behind_without_scope(tx, rules_edition()),
            refused=[RefusedView(**dataclasses.asdict(each)) for each in usage.refused_without_scope(tx)],
            index=[_generation(tx, each, total, serving=each == serving) for each in others],
        )
    desk.visit("", "read-work").granted()
    return view


class WebhookView(View):
    """Un système à l'écoute, et ce qui l'attend : des nombres, sans adresse ni patient."""

    webhook_id: str
    organization: str = Field(description="FINESS")
    practitioner: str = Field(description="RPPS pour qui il demande")
    kinds: list[str]
    waiting: int
    dead: int = Field(description="abandonnés ; « anamnese webhooks redeliver » les renvoie")
    delivered: int
    oldest: datetime | None = Field(description="depuis quand le plus ancien n'est pas reçu")
    failure: str = Field(description="pourquoi")


class WebhooksView(View):
    webhooks: list[WebhookView]


@router.get("/service/webhooks", summary="Les systèmes avertis des événements (administration, auditeur)")
def read_webhooks(desk: AtDesk) -> WebhooksView:
    """Qui est averti de quoi, ce qui attend d'être reçu et ce qui a été abandonné."""
    _only_keepers(desk, "read-webhooks")
    with desk.services.records.read() as tx:
        view = WebhooksView(webhooks=[_webhook(tx, each) for each in webhooks.every(tx)])
    desk.visit("", "read-webhooks").granted()
    return view


def _webhook(tx: Tx, one: webhooks.Webhook) -> WebhookView:
    backlog = deliveries.backlog_without_scope(tx, one.webhook_id)
    return WebhookView(
        webhook_id=one.webhook_id,
        organization=one.organization,
        practitioner=one.practitioner,
        kinds=sorted(one.kinds),
        **dataclasses.asdict(backlog),
    )


def bounds(month: str) -> tuple[datetime, datetime]:
    """The first instants of a month "YYYY-MM" and of the next, in Paris."""
    year, number = map(int, month.split("-"))
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=PARIS), datetime(*following, 1, tzinfo=PARIS)


def _generation(tx: Tx, each: Generation, total: int, *, serving: bool) -> GenerationView:
    return GenerationView(name=each.name, serving=serving, followed=outbox.cursor(tx, each.name), total=total)


def _only_keepers(desk: Desk, action: str) -> None:
    if desk.caller.kind not in KEEPERS:
        desk.visit("", action).refused(NOT_YOUR_ACT)
        raise NOT_YOUR_ACT
