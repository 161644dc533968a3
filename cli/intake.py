"""`ingest`: files and folders of one patient, from the disk to searchable."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.compose import Home, open_home, resolve_patient
from cli.console import err, print_json, progress_bar
from cli.settings import load_settings
from ingest.batch import Deposit, Outcome, deposit, files_of, finish, readable
from records import documents, jobs
from records.content import Metadata
from records.documents import DocumentState

READERS = 2  # documents read at the same time; Tesseract runs in a process of its own


def register(app: typer.Typer) -> None:
    app.command()(ingest)


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Fichiers ou dossiers.")] = None,
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")] = ...,  # type: ignore[assignment]
    retry: Annotated[
        bool, typer.Option("--retry", help="Reprendre aussi les documents refusés de ce patient.")
    ] = False,
    type_code: Annotated[
        str, typer.Option("--type", help="Type (LOINC) de ces documents, s'ils ne le disent pas.")
    ] = "",
    event_date: Annotated[str, typer.Option("--date", help="Leur date (AAAA-MM-JJ), s'ils ne la disent pas.")] = "",
    title: Annotated[str, typer.Option("--title", help="Leur titre, s'ils n'en ont pas.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par document.")] = False,
) -> None:
    """Déposer des documents et attendre qu'ils soient cherchables."""
    declared = Metadata(type_code=type_code, title=title, event_date=day(event_date) if event_date else None)
    with open_home(load_settings()) as home:
        patient_id = resolve_patient(home, patient, create=True)
        deposits = [
            deposit(file, patient_id, home.bench, by="administration", declared=declared)
            for file in files_of(paths or [])
        ]
        if retry:
            deposits += _again(home, patient_id, {d.document_id for d in deposits})
        outcomes = wait(home, deposits)
    if json:
        for outcome in outcomes:
            print_json(outcome.as_dict())
    else:
        report(outcomes)
    raise typer.Exit(0 if outcomes and all(o.searchable for o in outcomes) else 1)


def wait(home: Home, deposits: list[Deposit]) -> list[Outcome]:
    """Wake the workers, wait with a progress bar, and return what became of each."""
    home.wake()
    with progress_bar() as bar:
        task = bar.add_task("Lecture des documents", total=len([d for d in deposits if d.document_id]))
        readers = READERS if home.settings.profile == "single" else 0
        return finish(deposits, home.bench, readers=readers, moved=lambda n: bar.update(task, completed=n))


def report(outcomes: list[Outcome]) -> None:
    """How many are searchable, and a table of those that are not."""
    searchable = sum(o.searchable for o in outcomes)
    err.print(f"{searchable} document(s) cherchable(s) sur {len(outcomes)}.")
    if searchable == len(outcomes):
        return
    table = Table("fichier", "état", "étape", "raison", "que faire")
    for outcome in (o for o in outcomes if not o.searchable):
        state = outcome.document.state.value if outcome.document else DocumentState.REFUSED.value
        refusal = outcome.refusal
        cells = (
            (refusal.stage, refusal.message, refusal.remedy) if refusal else ("", "en attente", "relancez la commande")
        )
        table.add_row(readable(Path(outcome.deposit.file.name)), state, *cells)
    err.print(table)


def day(text: str) -> date:
    """A date typed as AAAA-MM-JJ; a Refusal otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("receive", "bad-date", f"Date illisible : {text}.", "Écrivez AAAA-MM-JJ.") from None


def _again(home: Home, patient_id: object, known: set[object]) -> list[Deposit]:
    with home.services.records.write() as tx:
        refused = [
            d
            for d in documents.documents_of_patient_without_scope(tx, patient_id)  # type: ignore[arg-type]
            if d.state is DocumentState.REFUSED and d.document_id not in known
        ]
        jobs.retry_failed(tx, [d.document_id for d in refused], home.clock())
    return [Deposit(Path(d.file_name), d.document_id) for d in refused]
