"""`bulk`: importing a folder or a file of FHIR NDJSON, with progress, pause, resume and a report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from access.identifiers import PatientId
from access.refusal import Refusal
from cli.acting import ADMINISTRATION, Json, told
from cli.compose import Home, Stores, open_home, open_stores, resolve_patient
from cli.console import err, out, print_json, progress_bar
from cli.importing import taker
from cli.intake import wait
from cli.settings import load_settings
from ingest.batch import Deposit, readable
from ingest.bulk import Place, looked_at, run
from records import bulks, documents, service_acts
from records.bulks import Bulk
from records.database import Tx
from records.documents import DocumentState
from records.recovery import take_over
from search_api.services import utc_now

app = typer.Typer(help="Importer beaucoup de documents : un dossier, ou un fichier FHIR NDJSON.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="IMPORT", help="Identifiant, de « bulk status ».")]
Detach = Annotated[bool, typer.Option("--detach", help="Ne pas attendre : « anamnese serve » importe.")]


def register(main: typer.Typer) -> None:
    main.add_typer(app, name="bulk")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="DIR|FICHIER.ndjson", help="Dossier, ou fichier FHIR NDJSON.")],
    patient: Annotated[
        str | None, typer.Option("--patient", help="INS ou identifiant : tout est à ce patient.")
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Ouvrir le dossier d'un INS encore inconnu, identité provisoire.")
    ] = False,
    organization: Annotated[str, typer.Option(help="FINESS de l'établissement dont ce sont les documents.")] = "",
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Importer ; repris là où il en était par « bulk resume », ou par « anamnese serve »."""
    place = looked_at(path)
    if patient is not None and place.kind == "ndjson":
        raise Refusal("receive", "bad-request", "Chaque ligne dit de qui elle est.", "Retirez --patient.")
    with open_home(load_settings()) as home:
        whole = resolve_patient(home, patient, create=create) if patient is not None else None
        begun = _begin(home, place, whole, organization, create)
        _go_on(home, begun, detach=detach, json=json)


@app.command()
def resume(
    bulk: Id,
    retry: Annotated[bool, typer.Option("--retry", help="Reprendre aussi ce qui a été refusé au dépôt.")] = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Reprendre un import mis en pause, ou arrêté."""
    with open_home(load_settings()) as home:
        take_over(home.services.records)
        with home.services.records.write() as tx:
            bulks.resume(tx, bulk, retry=retry)
            service_acts.record(tx, "bulk-resume", home.clock(), by=ADMINISTRATION, detail=bulk)
            found = bulks.one(tx, bulk)
        _go_on(home, found, detach=detach, json=json)


@app.command()
def pause(bulk: Id, json: Json = False) -> None:
    """Mettre un import en pause : il s'arrête après le document en cours."""
    with _stores() as stores, stores.records.write() as tx:
        bulks.pause(tx, bulk)
        service_acts.record(tx, "bulk-pause", utc_now(), by=ADMINISTRATION, detail=bulk)
    told(json, f"{bulk} est en pause.", bulk_id=bulk, state="paused")


@app.command()
def status(
    bulk: Annotated[str | None, typer.Argument(metavar="IMPORT", help="Tous sinon.")] = None, json: Json = False
) -> None:
    """Où en sont les imports."""
    with _stores() as stores, stores.records.read() as tx:
        found = [bulks.one(tx, bulk)] if bulk is not None else bulks.every(tx)
        lines = [_status(tx, each) for each in found]
    if json:
        for line in lines:
            print_json(line)
        return
    names = ("total", "waiting", "reading", "searchable", "quarantined", "refused", "gone")
    heads = ("à déposer", "en lecture", "cherchables", "quarantaine", "refusés", "ailleurs")
    table = Table("identifiant", "source", "état", "total", *heads)
    for line in lines:
        table.add_row(str(line["bulk_id"]), str(line["source"]), str(line["state"]), *(str(line[n]) for n in names))
    out.print(table)


@app.command()
def report(
    bulk: Id,
    refused: Annotated[bool, typer.Option("--refused", help="Seulement ce qui n'est pas cherchable.")] = False,
    json: Json = False,
) -> None:
    """Ce qu'est devenu chaque fichier, ou chaque ligne."""
    with _stores() as stores, stores.records.read() as tx:
        bulks.one(tx, bulk)
        lines = [_line(tx, each) for each in bulks.lines_without_scope(tx, bulk)]
    shown = [each for each in lines if not refused or each["state"] != DocumentState.SEARCHABLE]
    if json:
        for each in shown:
            print_json(each)
        return
    table = Table("n°", "fichier ou ligne", "état", "étape", "raison", "que faire")
    for each in shown:
        why = each["refusal"]
        cells = (why["stage"], why["message"], why["remedy"]) if isinstance(why, dict) else ("", "", "")
        table.add_row(str(each["number"]), str(each["name"]), str(each["state"]), *cells)
    out.print(table)


def _begin(home: Home, place: Place, whole: PatientId | None, organization: str, creates: bool) -> Bulk:
    with home.services.records.write() as tx:
        begun = bulks.begin(
            tx,
            place.kind,
            place.items,
            path=str(place.path),
            size=place.size,
            modified=place.modified,
            whole=whole,
            organization=organization,
            creates=creates,
            now=home.clock(),
        )
        service_acts.record(tx, "bulk-import", home.clock(), by=ADMINISTRATION, detail=begun.bulk_id)
    return begun


def _go_on(home: Home, bulk: Bulk, *, detach: bool, json: bool) -> None:
    """Import here and wait until all is read; or leave it to the service."""
    if not detach:
        with home.services.records.read() as tx:
            counts = bulks.counts_without_scope(tx, bulk.bulk_id)
        with progress_bar() as bar:
            done = counts["total"] - counts["waiting"]
            task = bar.add_task("Dépôt", total=counts["total"], completed=done)
            moved = lambda: bar.advance(task)  # noqa: E731
            finished = run(home.bench, bulk.bulk_id, taker(home, bulk), moved=moved, stop=threading.Event().is_set)
        if finished:
            with home.services.records.read() as tx:
                lines = bulks.lines_without_scope(tx, bulk.bulk_id)
            wait(home, [Deposit(Path(each.name), each.document_id) for each in lines])
        home.wake()
    with home.services.records.read() as tx:
        line = _status(tx, bulks.one(tx, bulk.bulk_id))
    if json:
        print_json(line)
    else:
        err.print(f"Import {bulk.bulk_id} : {line['searchable']} document(s) cherchable(s) sur {line['total']}.")
    if not detach and line["searchable"] != line["total"]:
        raise typer.Exit(1)


def _status(tx: Tx, bulk: Bulk) -> dict[str, object]:
    about: dict[str, object] = {
        "bulk_id": bulk.bulk_id,
        "source": readable(Path(bulk.path)),
        "kind": bulk.kind,
        "state": bulk.state,
        "started_at": bulk.started_at.isoformat(),
        "ended_at": None if bulk.ended_at is None else bulk.ended_at.isoformat(),
    }
    return about | bulks.counts_without_scope(tx, bulk.bulk_id)


def _line(tx: Tx, line: bulks.Line) -> dict[str, object]:
    document = None if line.document_id is None else documents.document_without_scope(tx, line.document_id)
    refusal = line.refusal or (document.refusal if document is not None else None)
    state = document.state.value if document is not None else line.state
    return {
        "number": line.number,
        "name": readable(Path(line.name)),
        "document_id": line.document_id,
        "state": state,
        "known": line.known,
        "refusal": None if refusal is None else refusal.as_dict(),
    }


@contextmanager
def _stores() -> Iterator[Stores]:
    with open_stores(load_settings()) as stores:
        yield stores
