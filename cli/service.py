"""`serve`, `worker`, `token`, `config`: running the service and talking to it."""

from __future__ import annotations

from datetime import timedelta
from logging.config import dictConfig
from typing import Annotated, Literal

import typer
from rich.table import Table

from access.identifiers import is_rpps
from access.refusal import Refusal
from cli.acting import refuse_made_up
from cli.compose import open_bench, open_home, resolve_patient
from cli.console import err, out, print_json
from cli.importing import importing
from cli.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(worker)
    app.command()(token)
    app.command()(config)


def serve(
    host: Annotated[str | None, typer.Option(help="Adresse d'écoute.")] = None,
    port: Annotated[int | None, typer.Option(help="Port d'écoute ; 0 en choisit un libre.")] = None,
) -> None:
    """Servir l'API et, dans le profil single, lire les documents reçus."""
    from search_api.server import run

    settings = load_settings(host=host, port=port)
    with open_home(settings, serving=True) as home, importing(home):
        if settings.port:
            err.print(f"Page : http://{settings.host}:{settings.port}/")
        run(home.services, host=settings.host, port=settings.port, threads=settings.threads, logs=settings.log_format)


def worker(
    concurrency: Annotated[int, typer.Option(help="Documents lus en même temps.")] = 2,
    lane: Annotated[
        Literal["all", "quick"], typer.Option(help="quick : laisser aux autres la suite des longs documents numérisés.")
    ] = "all",
) -> None:
    """Lire les documents en attente (profil cluster : une instance de Celery)."""
    from ingest.tasks import run_worker
    from search_api.logs import configuration

    settings = load_settings()
    dictConfig(configuration(settings.log_format))
    if settings.profile != "cluster" or settings.redis_url is None:
        raise Refusal(
            "start",
            "no-queue",
            "Le profil single lit les documents dans `anamnese serve` et `anamnese ingest`, sans Celery.",
            "Lancez `anamnese serve`, ou réglez ANAMNESE_PROFILE=cluster.",
        )
    run_worker(
        settings.redis_url.get_secret_value(),
        concurrency,
        lambda: open_bench(settings),
        lane,
        settings.worker_metrics_port,
    )


def token(
    practitioner: Annotated[str | None, typer.Option("--as", help="RPPS du professionnel.")] = None,
    patient: Annotated[str | None, typer.Option("--patient", help="INS ou identifiant du patient.")] = None,
    system: Annotated[str | None, typer.Option("--system", help="Système, au nom du professionnel de --as.")] = None,
    vigilance: Annotated[
        str | None, typer.Option("--identitovigilance", help="Compte de la cellule d'identitovigilance.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24, help="Durée de validité.")] = 8,
) -> None:
    """Délivrer un jeton de développement."""
    from search_api.tokens import issue_token

    if sum(each is not None for each in (practitioner, patient, vigilance)) != 1:
        raise Refusal(
            "token",
            "bad-request",
            "Il faut --as, --patient ou --identitovigilance, et un seul.",
            "Corrigez la commande.",
        )
    if practitioner is not None and not is_rpps(practitioner):
        raise Refusal("token", "bad-rpps", "Un numéro RPPS a 11 chiffres.", "Vérifiez le numéro.")
    settings = load_settings()
    refuse_made_up(settings)
    with open_home(settings) as home:
        subject = resolve_patient(home, patient) if patient else None
        typer.echo(
            issue_token(
                home.services,
                rpps=practitioner,
                patient_id=subject,
                system=system or "",
                identity_vigilance=vigilance or "",
                unregistered=settings.unregistered_profession,
                lifetime=timedelta(hours=hours),
                now=home.clock(),
            )
        )


def config(json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False) -> None:
    """Afficher les réglages en vigueur, secrets masqués, et ce qui isole la lecture des documents ici."""
    effective = {f"ANAMNESE_{name.upper()}": _shown(value) for name, value in load_settings().model_dump().items()}
    isolation = _isolation()
    if json:
        print_json(effective | {"isolation": isolation})
        return
    table = Table("réglage", "valeur", "sens")
    for (name, value), field in zip(effective.items(), Settings.model_fields.values(), strict=True):
        table.add_row(name, "" if value is None else str(value), field.description or "")
    table.add_row("(cette machine)", isolation, "Ce qui isole la lecture d'un document, outre les limites.")
    out.print(table)


def _isolation() -> str:
    """Tried here and now: another machine may offer less."""
    from ingest.sandbox.client import Sandbox

    sandbox = Sandbox()
    try:
        return sandbox.isolation().sentence()
    except Refusal as refusal:
        return refusal.message
    finally:
        sandbox.close()


def _shown(value: object) -> object:
    return value if isinstance(value, int | float | str) or value is None else str(value)
