"""`claims list|accept|refuse`: what says to replace or cancel another sender's document, for a person to decide."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from access.refusal import Refusal
from access.senders import Sender
from cli.compose import Home, open_home
from cli.console import out, print_json
from cli.quarantine import By, Json, Reason, decided, right_of
from cli.settings import load_settings
from records import contested, journal
from records.contested import Contest

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
        found = contested.waiting(tx, limit)
        for one in found:
            journal.append(tx, _decided(one, "claim-list", "", by, home.clock()))
    table = Table("document", "envoyé par", "dit", "document nommé", "envoyé par")
    for one in found:
        if json:
            print_json(as_dict(one))
        for number, other in enumerate(one.others):
            head = (one.claims.document_id, _said(one.claims.senders)) if number == 0 else ("", "")
            does = "annuler" if other.document_id in one.cancels else "remplacer"
            table.add_row(*head, does, other.document_id, _said(other.senders))
    if not json:
        out.print(table)


def accept(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """L'émetteur nommé confirme : le document fait ce qu'il dit."""
    _decide(name, reason, by, accepted=True, json=json)


def refuse(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """Ce n'est pas à lui de le dire : rien ne change."""
    _decide(name, reason, by, accepted=False, json=json)


def as_dict(one: Contest) -> dict[str, object]:
    """What identity vigilance sees of one."""
    return {
        "document_id": one.claims.document_id,
        "patient_id": one.patient_id,
        "senders": _said(one.claims.senders),
        "others": [
            {"document_id": o.document_id, "senders": _said(o.senders), "cancelled": o.document_id in one.cancels}
            for o in one.others
        ],
    }


def _decide(name: str, reason: str, by: str, *, accepted: bool, json: bool) -> None:
    if len(reason.strip()) < 3:
        raise Refusal("settle", "no-reason", "Une décision se motive.", "Dites pourquoi par --reason.")
    with open_home(load_settings()) as home:
        decide(home, name, reason.strip(), by, accepted=accepted)
    if json:
        print_json({"document_id": name, "accepted": accepted})
    else:
        out.print("Fait.")


def decide(home: Home, name: str, reason: str, by: str, *, accepted: bool) -> None:
    """Carry out a decision, journalled in the transaction that makes it."""
    now = home.clock()
    with home.services.records.write() as tx:
        one = contested.one(tx, name)
        journal.append(tx, _decided(one, "claim-accept" if accepted else "claim-refuse", reason, by, now))
        contested.decide(tx, name, accepted=accepted, by=right_of(by).caller.id, now=now)


def _said(senders: frozenset[Sender]) -> str:
    return ", ".join(sorted(" ".join(filter(None, (one.depositor, one.organization))) for one in senders))


def _decided(one: Contest, action: str, reason: str, by: str, now: datetime) -> journal.Entry:
    named = (one.claims.document_id, *(other.document_id for other in one.others))
    return decided(one.patient_id, action, reason, by, now, named)
