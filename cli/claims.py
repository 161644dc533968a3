"""`claims list|accept|refuse`: what says to replace or cancel another sender's document, for a person to decide."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.compose import open_home
from cli.console import out, print_json
from cli.quarantine import By, Json, Reason, right_of
from cli.settings import load_settings
from records import contested
from search_api.claims import sent_by, view_of

Name = Annotated[str, typer.Argument(help="Identifiant du document qui conteste (« claims list » le donne).")]


def register(app: typer.Typer) -> None:
    family = typer.Typer(
        help="Les documents qui disent remplacer ou annuler celui d'un autre émetteur.", no_args_is_help=True
    )
    family.command("list")(list_waiting)
    for command in (accept, refuse):
        family.command()(command)
    app.add_typer(family, name="claims")


def list_waiting(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Documents, les plus anciens d'abord.")] = 50,
    by: By = "",
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par document.")] = False,
) -> None:
    """Montrer ce qui attend : qui a envoyé le document qui conteste, et qui celui qu'il nomme. Rien de leur contenu."""
    with open_home(load_settings()) as home, home.services.records.write() as tx:
        found = contested.show(tx, right_of(by), limit, home.clock(), secrets.token_hex(8))
    table = Table("document", "envoyé par", "dit", "document nommé", "envoyé par")
    for one in found:
        if json:
            print_json(view_of(one).model_dump())
        for number, other in enumerate(one.others):
            head = (one.claims.document_id, sent_by(one.claims.senders)) if number == 0 else ("", "")
            does = "annuler" if other.document_id in one.cancels else "remplacer"
            table.add_row(*head, does, other.document_id, sent_by(other.senders))
    if not json:
        out.print(table)


def accept(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """L'émetteur nommé confirme : le document fait ce qu'il dit."""
    _decide(name, reason, by, accepted=True, json=json)


def refuse(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """Ce n'est pas à lui de le dire : rien ne change."""
    _decide(name, reason, by, accepted=False, json=json)


def _decide(name: str, reason: str, by: str, *, accepted: bool, json: bool) -> None:
    if len(reason.strip()) < 3:
        raise Refusal("settle", "no-reason", "Une décision se motive.", "Dites pourquoi par --reason.")
    with open_home(load_settings()) as home, home.services.records.write() as tx:
        now, number = home.clock(), secrets.token_hex(8)
        contested.settle(tx, right_of(by), name, now, number, accepted=accepted, reason=reason.strip())
    if json:
        print_json({"document_id": name, "accepted": accepted})
    else:
        out.print("Fait.")
