"""`audit show` and `audit verify`: the journal, read by an auditor and proven whole."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.compose import open_home, resolve_patient
from cli.console import out, print_json
from cli.people import show_emergencies
from cli.settings import load_settings
from records import journal


def register(app: typer.Typer) -> None:
    audit = typer.Typer(help="Le journal des accès.", no_args_is_help=True)
    audit.command()(show)
    audit.command()(verify)
    audit.command("break-glass")(show_emergencies)
    app.add_typer(audit, name="audit")


def show(
    patient: Annotated[str | None, typer.Option("--patient", help="INS ou identifiant ; tous sinon.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entrées, les plus récentes d'abord.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par entrée.")] = False,
) -> None:
    """Montrer qui a regardé quoi."""
    with open_home(load_settings()) as home:
        patient_id = resolve_patient(home, patient) if patient else None
        with home.services.records.read() as tx:
            entries = journal.entries_for_audit_without_scope(tx, patient_id, limit)
    if json:
        for entry in entries:
            print_json(journal.as_dict(entry))
        return
    table = Table("quand", "qui", "au nom de", "patient", "action", "issue", "documents")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        who = f"{entry.caller_kind} {entry.caller}"
        table.add_row(
            when, who, entry.on_behalf, entry.patient_id, entry.action, entry.outcome, str(len(entry.documents))
        )
    out.print(table)


def verify() -> None:
    """Vérifier que rien n'a été retiré, changé, déplacé ou coupé."""
    with open_home(load_settings()) as home, home.services.records.read() as tx:
        problems = journal.verify(tx)
    for problem in problems:
        out.print(str(problem), markup=False)
    if problems:
        raise Refusal(
            "journal",
            "broken-chain",
            f"Le journal est altéré en {len(problems)} endroit(s).",
            "Isolez la base, comparez-la à la dernière sauvegarde et prévenez le délégué à la protection des données.",
        )
    out.print("Journal intact.")
