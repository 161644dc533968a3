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
from records import deliveries, given_up, service_acts, webhooks
from records.database import Tx
from records.webhooks import KINDS
from search_api.services import utc_now
from search_api.webhooks import Teller, tell
from search_api.webhooks import register as add_listener

app = typer.Typer(help="Avertir des systèmes de ce qui arrive : documents, accès, urgences.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Identifiant, de « webhooks list ».")]
Only = Annotated[
    list[int] | None,
    typer.Option("--only", metavar="ENVOI", help="Cet envoi seulement, de « webhooks dead »."),
]
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
        with telling.records.write() as tx:
            _journal(tx, "webhook-add", f"{made.webhook_id} {organization} {practitioner}")
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
    with _telling() as telling, telling.records.write() as tx:
        if not webhooks.remove(tx, webhook):
            raise UNKNOWN
        _journal(tx, "webhook-remove", webhook)
    told(json, f"{webhook} n'est plus averti.", removed=webhook)


@app.command()
def dead(webhook: Id, json: Json = False) -> None:
    """Ce qui a été abandonné pour un système : quoi, quand et pourquoi ; ni pour qui, ni quel document."""
    table = Table("envoi", "genre", "arrivé le", "abandonné le", "essais", "dernier échec", "gardé")
    with _telling() as telling, telling.records.read() as tx:
        _known(tx, webhook)
        for each in given_up.dead_without_scope(tx, webhook):
            if json:
                print_json(each.as_dict())
            else:
                days = (f"{day:%d/%m/%Y}" for day in (each.at, each.given_up))
                kept = "oui : retrait dû" if each.owed else ""
                table.add_row(str(each.delivery), each.kind, *days, str(each.attempts), each.failure, kept)
    if not json:
        out.print(table)


@app.command()
def redeliver(webhook: Id, only: Only = None, json: Json = False) -> None:
    """Renvoyer à un système ce qui avait été abandonné, avant ce qui l'attend."""
    with _telling() as telling, telling.records.write() as tx:
        _known(tx, webhook)
        again = given_up.redeliver(tx, webhook, utc_now(), only or ())
        _journal(tx, "webhook-redeliver", f"{webhook} {again}")
    told(json, f"{again} événement(s) à renvoyer.", webhook_id=webhook, again=again)


@app.command()
def forget(webhook: Id, only: Only = None, json: Json = False) -> None:
    """Oublier ce qui a été abandonné pour un système. Un retrait qui lui reste dû ne part que nommé par --only."""
    with _telling() as telling, telling.records.write() as tx:
        _known(tx, webhook)
        forgotten = given_up.forget(tx, webhook, only or ())
        kept = deliveries.backlog_without_scope(tx, webhook).dead
        _journal(tx, "webhook-forget", f"{webhook} {forgotten}")
    told(
        json,
        f"{forgotten} événement(s) oublié(s), {kept} encore abandonné(s).",
        webhook_id=webhook,
        forgotten=forgotten,
        dead=kept,
    )


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


def _known(tx: Tx, webhook: str) -> None:
    if webhook not in [each.webhook_id for each in webhooks.every(tx)]:
        raise UNKNOWN


def _journal(tx: Tx, action: str, detail: str) -> None:
    service_acts.record(tx, action, utc_now(), by=ADMINISTRATION, detail=detail)
