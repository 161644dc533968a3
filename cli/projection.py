"""`reindex` and `verify`: building the index again, and comparing it with the records it follows."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cli.compose import open_home
from cli.console import out, print_json
from cli.settings import load_settings
from ingest.reconcile import reconcile


def register(app: typer.Typer) -> None:
    app.command()(reindex)
    app.command()(verify)


def reindex(json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False) -> None:
    """Reconstruire l'index à côté de celui qui sert, compter, puis échanger."""
    with open_home(load_settings()) as home:
        report = home.bench.projector.reindex(home.clock())
    if json:
        print_json(report.as_dict())
    else:
        out.print(f"Génération {report.generation} en service : {report.documents} document(s).")


def verify(
    repair: Annotated[bool, typer.Option(help="Réparer ce qui peut l'être d'après les enregistrements.")] = True,
    everything: Annotated[bool, typer.Option("--all", help="Relire et authentifier tous les fichiers.")] = False,
    orphans: Annotated[
        Literal["keep", "adopt", "delete"],
        typer.Option(
            help="Fichiers déposés que la base ne connaît pas : garder, reprendre comme documents, supprimer."
        ),
    ] = "keep",
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Rapprocher enregistrements, fichiers et index ; sortie 1 si un écart demeure."""
    with open_home(load_settings()) as home:
        report = reconcile(home.bench, repair=repair, everything=everything, orphans=orphans)
    if json:
        print_json(report.as_dict())
    else:
        for line in report.lines():
            out.print(line, markup=False)
    raise typer.Exit(0 if report.clean else 1)
