"""`backup` and `restore`: a copy of a home that serves, and a home from such a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from access.refusal import Refusal
from cli.compose import master_of, open_home, open_stores, records_server
from cli.console import err, out, print_json, progress_bar
from cli.settings import Settings, load_settings
from ingest.workbench import utc_now
from records import backup as copies
from records import restore as restoring
from records import service_acts
from records.backup import KEYS, Source
from records.restore import Restored, Target, ledgers_beside

Json = Annotated[bool, typer.Option("--json", help="Un objet JSON.")]


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Dossier qui reçoit la sauvegarde.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Dossier, de préférence ailleurs, qui reçoit celle des clés.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Tout copier, sans lien vers la sauvegarde d'avant.")] = False,
    json: Json = False,
) -> None:
    """Sauvegarder sans arrêter le service : données d'un côté, clés enveloppées de l'autre."""
    with open_stores(load_settings()) as stores, progress_bar() as bar:
        task = bar.add_task("Copie des fichiers", total=None)
        source = Source(stores.records, stores.blobs, stores.keys, stores.ledger)
        made = copies.backup(
            source,
            destination.absolute(),
            (keys or destination).absolute(),
            utc_now(),
            full=full,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        with stores.records.write() as tx:
            service_acts.record(tx, "backup", utc_now(), by="administration", detail=made.data.name)
    if json:
        print_json(made.as_dict())
    else:
        out.print(f"{made.documents} document(s), {made.files} fichier(s) dont {made.linked} lié(s).")
        out.print(f"Données : {made.data}\nClés enveloppées : {made.keys}", markup=False, soft_wrap=True)
    if keys is None:
        err.print("Rangez les clés ailleurs que les données (--keys), et la clé maîtresse ailleurs encore.")
    if made.missing:
        err.print(f"{made.missing} fichier(s) nommé(s) par les dossiers manquent ici : lancez « anamnese verify ».")
    raise typer.Exit(1 if made.missing else 0)


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Sauvegarde des données (dossier anamnese-…).")],
    home: Annotated[Path, typer.Option("--home", help="Dossier de données à créer.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Sauvegarde des clés, du même jour ou plus récente.")
    ] = None,
    ledger: Annotated[
        list[Path] | None, typer.Option("--ledger", help="Registre d'effacements à respecter aussi.")
    ] = None,
    revoke_grants: Annotated[
        bool, typer.Option("--revoke-grants", help="Révoquer toutes les autorisations : certaines l'étaient peut-être.")
    ] = False,
    json: Json = False,
) -> None:
    """Refaire un dossier de données d'après une sauvegarde, puis son index. Tout, ou rien."""
    settings = load_settings(home=home.absolute())
    source = source.absolute()
    keys = keys.absolute() if keys else source.with_name(source.name + KEYS)
    for path in (source, keys, *(ledger or ())):
        if not path.exists():
            raise Refusal("restore", "no-backup", f"Introuvable : {path.name}.", "Vérifiez le chemin, et --keys.")
    with progress_bar() as bar:
        task = bar.add_task("Copie des fichiers", total=None)
        done = restoring.restore(
            source,
            keys,
            _target(settings),
            utc_now(),
            ledgers=ledger or (),
            beside=ledgers_beside(source, keys),
            revoke=revoke_grants,
            copied=lambda count: bar.update(task, completed=count),
        )
    _say(done, settings)
    index = _rebuild(settings)
    if json:
        print_json(done.as_dict() | {"home": str(settings.home), "index": index})
    else:
        out.print(f"{done.documents} document(s) du {done.made} restauré(s) ; index : {index} document(s).")


def _target(settings: Settings) -> Target:
    return Target(
        settings.home,
        master_of(settings),
        settings.keys_dir,
        settings.erasure_ledger,
        records_server(settings),
        settings.blobs_place,
    )


def _rebuild(settings: Settings) -> int:
    """Build the index of a restored home. It stands without: an index that cannot be built is said, with the remedy."""
    with open_home(settings) as opened:
        try:
            return opened.bench.projector.reindex(opened.clock()).documents
        except Refusal as refusal:
            raise Refusal(
                "restore",
                "index-not-rebuilt",
                f"Les données sont restaurées, l'index non : {refusal.message}",
                "Lancez « anamnese reindex » quand le moteur répond.",
            ) from None


def _say(done: Restored, settings: Settings) -> None:
    """What the person who restores must know, on stderr."""
    if done.grants_revoked:
        err.print(f"{done.grants_revoked} autorisation(s) révoquée(s) : chaque patient doit les redonner.")
    elif done.grants_in_force:
        err.print(
            f"{done.grants_in_force} autorisation(s) en vigueur à la date de la sauvegarde le sont de nouveau, même "
            "révoquées depuis. Révoquez-les (« anamnese revoke »), ou restaurez avec --revoke-grants."
        )
    if done.erased_again:
        err.print(f"{len(done.erased_again)} dossier(s) effacé(s) depuis la sauvegarde le demeurent.")
    if done.ledgers_unread:
        err.print(
            f"{done.ledgers_unread} registre(s) d'effacements voisin(s) illisible(s) ; indiquez le bon par --ledger."
        )
    if done.missing or done.journal_problems:
        err.print("Cette sauvegarde a été faite d'un dossier déjà abîmé : lancez « verify » et « audit verify ».")
    if settings.master_key_file is None and settings.kms_url is None:
        err.print("La clé maîtresse est sous le dossier de données ; gardez-la plutôt ailleurs.")
