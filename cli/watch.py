"""`watch`: unattended intake from a folder, for a scanner or another system that only knows how to write files."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from access.refusal import Refusal
from cli.compose import Home, open_home, resolve_patient
from cli.console import err, print_json
from cli.importing import owner_of
from cli.settings import load_settings
from ingest.batch import Outcome
from ingest.landing import Landing
from ingest.watch import Watch
from records.disk import storage_refusal

POLL = 1.0  # seconds between two looks at the folder
LONGEST_POLL = 60.0  # seconds between two looks at one that is away
PATIENCE = 300.0  # seconds without a file moving before `--once` leaves what remains


def register(app: typer.Typer) -> None:
    app.command()(watch)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Dossier surveillé.")],
    patient: Annotated[
        str | None, typer.Option("--patient", help="INS ou identifiant : tout le dossier est à ce patient.")
    ] = None,
    create: Annotated[
        bool, typer.Option("--create", help="Ouvrir le dossier d'un INS encore inconnu, identité provisoire.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Traiter ce qui est là, puis sortir (cron).")] = False,
    settle: Annotated[
        float, typer.Option("--settle", min=0, help="Secondes sans changement avant de prendre un fichier.")
    ] = 5.0,
    delete: Annotated[
        bool, typer.Option("--delete", help="Supprimer les fichiers devenus cherchables au lieu de les garder.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par fichier déplacé.")] = False,
) -> None:
    """Surveiller un dossier : DIR/<INS>/fichier est déposé, lu, puis déplacé vers .done/ ou .refused/ avec une note."""
    landing = Landing(folder, settle)
    with landing.alone(), open_home(load_settings(), serving=True) as home:
        whole = resolve_patient(home, patient, create=True) if patient is not None else None
        watching = Watch(
            landing, home.bench, lambda name: owner_of(home, name, create=create), whole=whole, keep=not delete
        )
        if once:
            raise typer.Exit(_once(watching, home, json=json))
        _always(watching, home, json=json)


def _always(watching: Watch, home: Home, *, json: bool) -> None:
    """Look until the process ends. A folder or records that are away are waited for."""
    wait, pause = POLL, threading.Event()
    while True:
        try:
            moved, _ = watching.round(home.wake)
            _tell(moved, json=json)
            wait = POLL
        except (OSError, Refusal) as error:
            refusal = error if isinstance(error, Refusal) else storage_refusal(error)
            err.print(f"En attente : {refusal.message}", markup=False, highlight=False)
            wait = min(LONGEST_POLL, wait * 2)
        pause.wait(wait)


def _once(watching: Watch, home: Home, *, json: bool) -> int:
    """Look until nothing is left or nothing moves; the exit code: 0 when all that was there is searchable."""
    refused, still, pause = 0, 0.0, threading.Event()
    while True:
        moved, left = watching.round(home.wake)
        _tell(moved, json=json)
        refused += sum(not outcome.searchable for outcome in moved)
        still = 0.0 if moved else still + POLL / 4
        if not left or (watching.idle and still > watching.settle + POLL) or still > PATIENCE:
            if left:
                err.print(f"{left} fichier(s) restent en place : voyez les notes de .refused.", highlight=False)
            return 1 if refused or left else 0
        pause.wait(POLL / 4)


def _tell(moved: list[Outcome], *, json: bool) -> None:
    for outcome in moved:
        if json:
            print_json(outcome.as_dict())
            continue
        said = "cherchable" if outcome.searchable else f"refusé ({outcome.refusal.code if outcome.refusal else ''})"
        err.print(f"{outcome.as_dict()['file']} : {said}", markup=False, highlight=False)
