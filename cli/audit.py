"""`audit`: the journal, read by an auditor, proven whole, anchored, exported, and retired at the end of its time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.acting import ADMINISTRATION
from cli.compose import erased_before, open_home, open_stores, resolve_patient
from cli.console import out, print_json
from cli.outlets import shore
from cli.people import show_emergencies
from cli.settings import load_settings
from ingest.workbench import utc_now
from records import journal, retention, service_acts
from records.anchors import read_anchors
from search_api.audit_events import audit_event


def register(app: typer.Typer) -> None:
    audit = typer.Typer(help="Le journal des accès.", no_args_is_help=True)
    audit.command()(show)
    for command in (verify, anchor, export, retire):
        audit.command()(command)
    audit.command("break-glass")(show_emergencies)
    app.add_typer(audit, name="audit")


def show(
    patient: Annotated[str | None, typer.Option("--patient", help="INS ou identifiant ; tous sinon.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entrées, les plus récentes d'abord.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par entrée.")] = False,
) -> None:
    """Montrer qui a regardé quoi ; par INS, les dossiers effacés de la personne compris."""
    with open_home(load_settings()) as home:
        patient_id = resolve_patient(home, patient) if patient else None
        erased = erased_before(home, patient) if patient else ()
        with home.services.records.read() as tx:
            entries = journal.entries_for_audit_without_scope(tx, patient_id, limit, erased=erased)
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


def verify(
    anchors: Annotated[
        Path | None, typer.Option(help="Fichier des ancres ; celui de ANAMNESE_ANCHOR_FILE sinon.")
    ] = None,
) -> None:
    """Vérifier que rien n'a été retiré, changé, déplacé ou coupé, et que tout ce qui fut ancré est là."""
    settings = load_settings()
    file = anchors or settings.anchor_file
    kept = read_anchors(file) if file is not None and (anchors is not None or file.exists()) else []
    with open_home(settings) as home, home.services.records.read() as tx:
        problems = journal.verify(tx, *kept)
    for problem in problems:
        out.print(str(problem), markup=False)
    if problems:
        raise Refusal(
            "journal",
            "broken-chain",
            f"Le journal est altéré en {len(problems)} endroit(s).",
            "Isolez la base, comparez-la à la dernière sauvegarde et prévenez le délégué à la protection des données.",
        )
    out.print(f"Journal intact ; {len(kept)} ancre(s) comparée(s).")


def anchor(json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False) -> None:
    """Ancrer la fin du journal hors de la base, une fois (« serve » le fait de lui-même)."""
    settings = load_settings()
    places = shore(settings)
    if places is None:
        raise Refusal(
            "journal",
            "no-anchor-place",
            "Aucun lieu n'est réglé pour les ancres.",
            "Réglez ANAMNESE_ANCHOR_FILE ou ANAMNESE_ANCHOR_URL.",
        )
    with open_stores(settings) as stores:
        made = places.drop(stores.records, utc_now())
    if json:
        print_json({"length": made.length, "last": made.last})
    else:
        out.print(f"Ancré : {made.length} entrée(s).")


def export(
    to: Annotated[Path | None, typer.Option(help="Fichier NDJSON à écrire ; la sortie sinon.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Après cette position (la fin d'un export précédent).")] = 0,
    with_queries: Annotated[bool, typer.Option(help="Avec les textes des recherches : des données de santé.")] = False,
) -> None:
    """Le journal en AuditEvent FHIR R4 (IHE BALP), un par ligne."""
    with open_home(load_settings()) as home:
        with home.services.records.write() as tx:  # who takes the journal away stands in it
            detail = "with queries" if with_queries else ""
            service_acts.record(tx, "export-journal", home.clock(), by=ADMINISTRATION, detail=detail)
        with home.services.records.read() as tx, _target(to) as target:
            for position, entry in journal.all_for_audit_without_scope(tx, after):
                event = audit_event(entry, f"journal-{position}", with_queries=with_queries)
                target.write(dumps(event, ensure_ascii=False) + "\n")


def retire(
    yes: Annotated[bool, typer.Option("--yes", help="Le faire ; compter seulement sinon.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Retirer du journal ce qui a passé son temps : dix ans après la fermeture du dossier."""
    settings = load_settings()
    with open_stores(settings) as stores, stores.records.write() as tx:
        done = retention.retire(tx, utc_now(), years=settings.journal_years, by=ADMINISTRATION, dry=not yes)
    if json:
        print_json({"entries": done.entries, "records": done.records, "retired": yes})
    else:
        out.print(
            f"{done.entries} entrée(s) de {done.records} dossier(s) {'retirées' if yes else 'à retirer (--yes)'}."
        )


@contextmanager
def _target(to: Path | None) -> Iterator[TextIO]:
    if to is None:
        yield sys.stdout
        return
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as target:
        yield target
