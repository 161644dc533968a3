"""`vocabulary`: official files (BDPM, CIM-10, LOINC) into the home, listed, and taken out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from access.refusal import Refusal
from cli.console import out, print_json
from cli.settings import load_settings
from clinical import official
from ingest.official_files import read_official, source_of
from ingest.workbench import utc_now
from records.disk import on_disk
from records.home import make_private_directory, replace_durably, sync_directory

Kind = Annotated[Literal["bdpm", "cim10", "loinc"], typer.Argument(help="bdpm, cim10 ou loinc.")]
Json = Annotated[bool, typer.Option("--json", help="Un objet JSON.")]
LATER = "Redémarrez « serve » et « worker » ; « reindex --facts » relit les documents déjà lus."


def register(app: typer.Typer) -> None:
    vocabulary = typer.Typer(help="Les nomenclatures officielles de ce dossier de données.", no_args_is_help=True)
    vocabulary.command("import")(import_files)
    vocabulary.command("list")(show)
    vocabulary.command("remove")(remove)
    app.add_typer(vocabulary, name="vocabulary")


def import_files(
    kind: Kind,
    files: Annotated[list[Path], typer.Argument(help="Les fichiers, tels qu'ils sont publiés.")],
    json: Json = False,
) -> None:
    """Importer des fichiers officiels ; un import remplace celui d'avant, entier ou pas du tout."""
    given = {path.name: _bytes(path) for path in files}
    if len(given) < len(files):
        raise Refusal("vocabulary", "same-names", "Deux fichiers ont le même nom.", "Donnez-leur des noms différents.")
    rows = read_official(kind, given)
    source = source_of(kind, given, len(rows), utc_now().date().isoformat())
    folder = folder_of(load_settings().home)
    make_private_directory(folder)
    with on_disk():
        replace_durably(official.file_of(folder, kind), official.written(source, rows))
    if json:
        print_json(source)
    else:
        out.print(f"{len(rows)} entrées importées ({kind}). {LATER}")


def show(json: Json = False) -> None:
    """Ce qui est importé : de quels fichiers, quand, combien d'entrées."""
    sources = official.use(folder_of(load_settings().home)).sources
    if json:
        for source in sources:
            print_json(source)
        return
    table = Table("nomenclature", "entrées", "importée le", "fichiers")
    for source in sources:
        table.add_row(source["kind"], str(source["entries"]), source["imported"], ", ".join(source["files"]))
    out.print(table)


def remove(kind: Kind) -> None:
    """Ne plus se servir d'un import."""
    folder = folder_of(load_settings().home)
    path = official.file_of(folder, kind)
    if not path.exists():
        raise Refusal("vocabulary", "nothing-imported", "Rien de tel n'est importé.", "Voyez « vocabulary list ».")
    with on_disk():
        path.unlink()
        sync_directory(folder)
    out.print(f"Retiré ({kind}). {LATER}")


def folder_of(home: Path) -> Path:
    """Where a home keeps what it imported."""
    return home / "vocabulary"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Refusal("vocabulary", "unreadable-file", f"« {path.name} » ne se lit pas.", "Vérifiez le nom.") from None
