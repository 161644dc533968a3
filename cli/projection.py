"""`reindex` and `verify`: building the index again, and comparing it with the records it follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import typer

from cli.compose import Home, open_home
from cli.console import out, print_json
from cli.intake import READERS
from cli.settings import load_settings
from ingest.batch import Outcome
from ingest.reconcile import reconcile
from ingest.reread import reread_for_facts
from ingest.retell import Retelling


def register(app: typer.Typer) -> None:
    app.command()(reindex)
    app.command()(verify)


def reindex(
    again: Annotated[
        bool,
        typer.Option(
            "--facts",
            help="Relire d'abord les documents lus avant l'extraction des faits, et reprendre le texte de ceux que des "
            "règles antérieures ont interprétés.",
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Reconstruire l'index à côté de celui qui sert, compter, puis échanger."""
    with open_home(load_settings()) as home:
        read = list(_reread(home)) if again else []
        told = sum(map(len, iter(Retelling(home.bench).batch, []))) if again else 0
        report = home.bench.projector.reindex(home.clock())
    unread = sum(not outcome.searchable for outcome in read)
    if json:
        print_json(
            report.as_dict()
            | ({"read_again": len(read), "not_searchable": unread, "told_again": told} if again else {})
        )
    else:
        if again:
            out.print(f"{len(read)} document(s) relu(s), dont {unread} non cherchable(s).")
            out.print(f"{told} document(s) interprété(s) à nouveau par les règles de cette version.")
        out.print(f"Génération {report.generation} en service : {report.documents} document(s).")
    raise typer.Exit(1 if unread else 0)


def _reread(home: Home) -> Iterator[Outcome]:
    readers = READERS if home.settings.profile == "single" else 0
    for batch in reread_for_facts(home.bench, readers=readers, wake=home.wake):
        yield from batch


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
