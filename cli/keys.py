"""`keys`: what the master key holds, rotating it, destroying an old version, erasing a patient."""

from __future__ import annotations

from typing import Annotated

import typer

from access.refusal import Refusal
from cli.compose import open_home, open_stores, resolve_patient
from cli.console import err, out, print_json
from cli.settings import load_settings
from ingest.workbench import utc_now
from ingest.worker import project
from records import rotation, service_acts
from records.erasure import erase as erase_patient
from records.rotation import KeysStatus

BY = "administration"
Json = Annotated[bool, typer.Option("--json", help="Un objet JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")]


def register(app: typer.Typer) -> None:
    keys = typer.Typer(help="Les clés : état, rotation, destruction, effacement d'un patient.", no_args_is_help=True)
    for command in (status, rotate, destroy, erase):
        keys.command()(command)
    app.add_typer(keys, name="keys")


def status(json: Json = False) -> None:
    """Montrer la version en service de la clé maîtresse, et celles qui n'ouvrent plus rien."""
    with open_stores(load_settings()) as stores:
        _show(rotation.status(stores.keys), json)


def rotate(json: Json = False) -> None:
    """Mettre toutes les clés sous une nouvelle version de la clé maîtresse, sans arrêt du service."""
    with open_stores(load_settings()) as stores:
        told = rotation.rotate(stores.keys)
        with stores.records.write() as tx:
            service_acts.record(tx, "rotate-keys", utc_now(), by=BY, detail=str(told.in_use))
    _show(told, json)


def destroy(
    version: Annotated[int, typer.Argument(min=1, help="Version de la clé maîtresse, selon « keys status ».")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Détruire une version de la clé maîtresse qui n'ouvre plus rien ici ; les sauvegardes de clés d'avant non plus."""
    with open_stores(load_settings()) as stores:
        _confirm(yes, f"Détruire la version {version} de la clé maîtresse ?")
        gone = rotation.destroy_version(stores.keys, version)
        with stores.records.write() as tx:
            service_acts.record(tx, "destroy-master-key", utc_now(), by=BY, detail=str(gone))
    if json:
        print_json({"destroyed": str(gone)})
    else:
        out.print(f"Détruite : {gone}. Détruisez aussi les copies que vous en gardez ailleurs.")


def erase(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Effacer un patient : sa clé, puis ses documents, ses droits et ses fichiers. Sans retour."""
    settings = load_settings()
    with open_home(settings) as home:
        patient_id = resolve_patient(home, patient)
        _confirm(yes, f"Effacer définitivement le dossier {patient_id} ?")
        services = home.services
        ledger = settings.erasure_ledger or services.keys.ledger
        done = erase_patient(services.records, services.blobs, services.keys, ledger, patient_id, home.clock(), BY)
        projected = project(home.bench)
    if json:
        print_json(done.as_dict() | {"index": projected})
        return
    out.print(f"Effacé : {done.documents} document(s), {done.files} fichier(s). Le journal des accès demeure.")
    if not projected:
        err.print("L'index ne répond pas ; ce qu'il en garde sera retiré à son retour, et n'est montré à personne.")
    err.print("Gardez hors d'ici le registre des effacements : une restauration doit le connaître.")


def _confirm(yes: bool, question: str) -> None:
    if not yes and not typer.confirm(question, err=True):
        raise Refusal("keys", "not-confirmed", "Rien n'a été fait.", "Confirmez, ou ajoutez --yes.")


def _show(told: KeysStatus, json: bool) -> None:
    if json:
        print_json(told.as_dict())
        return
    out.print(f"Clé maîtresse en service : {told.in_use} (magasin {told.store}).")
    out.print(f"{told.patient_keys} clé(s) de patient, {told.service_keys} de service, {told.destroyed} détruite(s).")
    if told.pending:
        out.print("Une version plus récente n'est pas encore en service : « anamnese keys rotate ».")
    for version in told.spare:
        out.print(f"N'ouvre plus rien ici : {version} (« anamnese keys destroy {version.number} »).")
