"""`webhooks`: which hospital systems are told what happened, and what did not reach them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.acting import ADMINISTRATION, Json, told
from cli.compose import open_stores
from cli.console import out, print_json
from cli.outlets import teller
from cli.settings import load_settings
from records import deliveries, service_acts, webhooks
from records.webhooks import KINDS
from search_api.services import utc_now
from search_api.webhooks import Teller, tell
from search_api.webhooks import register as add_listener

app = typer.Typer(help="Avertir des systèmes de ce qui arrive : documents, accès, urgences.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Identifiant, de « webhooks list ».")]
UNKNOWN = Refusal(
    "event", "no-such-webhook", "Aucun système à l'écoute n'a cet identifiant.", "Voyez « anamnese webhooks list »."
)


def register(main: typer.Typer) -> None:
    main.add_typer(app, name="webhooks")


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="Adresse en https qui recevra les événements.")],
    practitioner: Annotated[str, typer.Option("--as", help="RPPS du professionnel pour qui ce système demande.")],
    organization: Annotated[str, typer.Option("--organization", help="FINESS de l'établissement.")],
    kind: Annotated[list[str] | None, typer.Option("--kind", help=f"Genre : {', '.join(KINDS)} ; tous sinon.")] = None,
    json: Json = False,
) -> None:
    """Mettre un système à l'écoute. Son secret de signature n'est montré qu'ici."""
    with _telling() as telling:
        made = add_listener(
            telling,
            url=url,
            practitioner=practitioner,
            organization=organization,
            kinds=kind or KINDS,
            now=utc_now(),
        )
        _journal(telling, "webhook-add", f"{made.webhook_id} {organization} {practitioner}")
    told(
        json,
        f"{made.webhook_id} est à l'écoute. Secret : {made.secret}",
        webhook_id=made.webhook_id,
        secret=made.secret,
    )


@app.command("list")
def list_webhooks(json: Json = False) -> None:
    """Qui écoute, ce qui attend et ce qui a été abandonné."""
    with _telling() as telling, telling.records.read() as tx:
        found = [(each, deliveries.backlog_without_scope(tx, each.webhook_id)) for each in webhooks.every(tx)]
    table = Table(
        "identifiant", "adresse", "établissement", "pour", "attendent", "abandonnés", "reçus", "dernier échec"
    )
    for each, backlog in found:
        who = {"organization": each.organization, "practitioner": each.practitioner}
        if json:
            shown = {"webhook_id": each.webhook_id, "url": each.url, **who, "kinds": sorted(each.kinds)}
            print_json(shown | backlog.as_dict())
        numbers = (str(number) for number in (backlog.waiting, backlog.dead, backlog.delivered))
        table.add_row(each.webhook_id, each.url, *who.values(), *numbers, backlog.failure)
    if not json:
        out.print(table)


@app.command()
def remove(webhook: Id, json: Json = False) -> None:
    """Ne plus avertir un système ; ce qui l'attendait est oublié."""
    with _telling() as telling:
        with telling.records.write() as tx:
            if not webhooks.remove(tx, webhook):
                raise UNKNOWN
        _journal(telling, "webhook-remove", webhook)
    told(json, f"{webhook} n'est plus averti.", removed=webhook)


@app.command()
def redeliver(webhook: Id, json: Json = False) -> None:
    """Renvoyer à un système ce qui avait été abandonné, avant ce qui l'attend."""
    with _telling() as telling:
        with telling.records.write() as tx:
            if webhook not in [each.webhook_id for each in webhooks.every(tx)]:
                raise UNKNOWN
            again = deliveries.redeliver(tx, webhook, utc_now())
        _journal(telling, "webhook-redeliver", f"{webhook} {again}")
    told(json, f"{again} événement(s) à renvoyer.", webhook_id=webhook, again=again)


@app.command()
def send(json: Json = False) -> None:
    """Envoyer une fois ce qui est dû ; « anamnese serve » le fait sans cesse."""
    with _telling() as telling:
        done = tell(telling, utc_now())
    sentence = f"{done.delivered} reçu(s), {done.failed} échec(s), {done.withheld} retenu(s), {done.dead} abandonné(s)."
    told(json, sentence, **done.as_dict())


@contextmanager
def _telling() -> Iterator[Teller]:
    settings = load_settings()
    with open_stores(settings) as stores:
        yield teller(settings, stores.records)


def _journal(telling: Teller, action: str, detail: str) -> None:
    with telling.records.write() as tx:
        service_acts.record(tx, action, utc_now(), by=ADMINISTRATION, detail=detail)
