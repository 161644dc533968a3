"""`identities list|merge|refuse|split|status`: what a hospital merged, and how sure an identity is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from access.identifiers import PatientId
from access.identitovigilance import StatusEvent
from access.refusal import Refusal
from cli.compose import Home, open_home, resolve_patient
from cli.console import out, print_json
from cli.quarantine import By, Json, Reason, decided, right_of
from cli.settings import load_settings
from records import journal, merges, patients
from records.database import Tx
from search_api.quarantine import said

STATUS = {"provisional": "provisoire", "retrieved": "récupérée", "validated": "validée", "qualified": "qualifiée"}
Name = Annotated[str, typer.Argument(help="Identifiant de la fusion (« identities list » le donne).")]


def register(app: typer.Typer) -> None:
    family = typer.Typer(help="Les identités : fusions à décider, statut de l'INS.", no_args_is_help=True)
    family.command("list")(list_waiting)
    for command in (merge, refuse, split, status):
        family.command()(command)
    app.add_typer(family, name="identities")


def list_waiting(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Fusions, les plus anciennes d'abord.")] = 50,
    by: By = "",
    json: Json = False,
) -> None:
    """Montrer les fusions proposées, avec les deux identités."""
    with open_home(load_settings()) as home, home.services.records.write() as tx:
        found = merges.waiting(tx, limit)
        for person in dict.fromkeys(person for one in found for person in (one.kept, one.other)):
            journal.append(tx, decided(person, "merge-list", "", by, home.clock()))
        shown = [(one, _said(tx, one.kept), _said(tx, one.other)) for one in found]
    table = Table("fusion", "proposée par", "gardée", "fusionnée")
    for one, kept, other in shown:
        if json:
            print_json({"merge": one.merge_id, "by": one.proposed_by, "kept": one.kept, "other": one.other})
        table.add_row(one.merge_id, one.proposed_by, kept, other)
    if not json:
        out.print(table)


def merge(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """C'est la même personne : ses deux dossiers se lisent ensemble. Se défait par « split »."""
    _decide(name, reason, by, "merge", merges.merge, json=json)


def refuse(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """Ce sont deux personnes : la proposition est écartée."""
    _decide(name, reason, by, "merge-refuse", merges.refuse, json=json)


def split(name: Name, reason: Reason, by: By = "", json: Json = False) -> None:
    """Défaire une fusion : les deux dossiers sont de nouveau séparés."""
    _decide(name, reason, by, "merge-split", merges.split, json=json)


def status(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    event: Annotated[
        StatusEvent,
        typer.Option(help="retrieved (INSi interrogé), checked (pièce d'identité vue), changed, doubt."),
    ],
    source: Annotated[str, typer.Option("--source", help="FINESS de l'établissement qui le constate.")],
    reason: Reason,
    by: By = "",
    json: Json = False,
) -> None:
    """Faire suivre à l'INS ce qui vient d'être constaté : provisoire, récupérée, validée, qualifiée."""
    said = _reason(reason)
    with open_home(load_settings()) as home:
        patient_id = resolve_patient(home, patient)
        with home.services.records.write() as tx:
            now = patients.note_status(tx, patient_id, event, source)
            journal.append(tx, decided(patient_id, f"ins-{event}", said, by, home.clock()))
    if json:
        print_json({"patient_id": patient_id, "ins_status": now})
    else:
        out.print(f"L'identité est maintenant : {STATUS[now]}.")


def _reason(reason: str) -> str:
    if len(reason.strip()) < 3:
        raise Refusal("settle", "no-reason", "Une décision se motive.", "Dites pourquoi par --reason.")
    return reason.strip()


def _decide(
    name: str, reason: str, by: str, action: str, act: Callable[[Tx, str, str, datetime], None], *, json: bool
) -> None:
    said = _reason(reason)
    with open_home(load_settings()) as home:
        one = decide(home, name, said, by, action, act)
    if json:
        print_json({"merge": name, "kept": one.kept, "other": one.other, "action": action})
    else:
        out.print("Fait.")


def decide(
    home: Home, name: str, reason: str, by: str, action: str, act: Callable[[Tx, str, str, datetime], None]
) -> merges.Merge:
    """Carry out a decision, journalled in both records in the transaction that makes it."""
    now = home.clock()
    with home.services.records.write() as tx:
        one = merges.one(tx, name)
        for person in (one.kept, one.other):
            journal.append(tx, decided(person, action, reason, by, now))
        act(tx, name, right_of(by).caller.id, now)
    return one


def _said(tx: Tx, patient_id: PatientId) -> str:
    return ", ".join(said(patients.identity_without_scope(tx, patient_id)))
