"""`demo`: invented patients, what four people find in them, then the service."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from access.identifiers import PatientId
from access.refusal import Refusal
from access.scope import CallerKind
from cli.acting import refuse_made_up
from cli.compose import Home, open_home
from cli.console import err, out
from cli.intake import report, wait
from cli.local_services import cache_folder
from cli.sample_home import Sample, load_sample, record_people
from cli.search import ask_as
from cli.settings import Settings, load_settings
from search_api.bearers import Bearer
from search_api.server import run
from search_api.tokens import issue_token
from search_api.web.front import Front, Persona

QUERIES = ("allergie pénicilline", "anticoagulant", "dernière hémoglobine glyquée")
WORKER_CONCURRENCY = 2


@dataclass(frozen=True, slots=True)
class Visitor:
    """One of the four who ask."""

    title: str
    bearer: Bearer


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    engine: Annotated[Literal["embedded", "opensearch"], typer.Option(help="Moteur de recherche.")] = "embedded",
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Servir l'API à la fin.")] = True,
) -> None:
    """Construire un dossier de démonstration, montrer ce que quatre personnes y trouvent, puis servir."""
    started = time.monotonic()
    folder = Path(os.environ.get("ANAMNESE_HOME", ".home")) / f"demo-{engine}"
    sample = load_sample(cache_folder() / "samples")
    with ExitStack() as held:
        settings = held.enter_context(_settings(engine, folder))
        home = held.enter_context(open_home(settings, serving=serve))
        if settings.profile == "cluster":
            held.enter_context(_celery(settings))
        patients = record_people(home, sample)
        outcomes = wait(home, sample.deposits(home, patients))
        report(outcomes)
        if not all(outcome.searchable for outcome in outcomes):
            raise Refusal(
                "demo",
                "sample-not-searchable",
                "Un document d'exemple n'est pas cherchable : voyez le tableau ci-dessus.",
                "Relancez la commande ; si cela persiste, « make clean » repart de zéro.",
            )
        home.bench.projector.catch_up(home.clock())
        _tell(home, sample, patients)
        seconds = time.monotonic() - started
        if not serve:
            out.print(f"Prêt (ready) en {seconds:.0f} s.")
            return
        _invite(home, settings, sample, patients, seconds)
        front = Front(personas(home, sample, patients), idle_minutes=settings.idle_minutes)
        run(replace(home.services, front=front), host=settings.host, port=settings.port, threads=settings.threads)


@contextmanager
def _settings(engine: str, folder: Path) -> Iterator[Settings]:
    """Settings of the demo's home; for OpenSearch, with the services of this machine started around it."""
    if engine == "embedded":
        yield _made_up(load_settings(home=folder, profile="single"))
        return
    from cli.local_services import opensearch, postgresql, redis

    err.print("Démarrage d'OpenSearch, de PostgreSQL et de Redis…")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The services' user may not reach a home under /root: what they hold, and so the home, lives as long as the demo.
    with ExitStack() as held:
        settings = load_settings(
            home=Path(held.enter_context(tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent))),
            profile="cluster",
            opensearch_url=held.enter_context(opensearch(cache_folder())),
            redis_url=held.enter_context(redis()),
            records_url=held.enter_context(postgresql()),
        )
        yield _made_up(settings)


def _made_up(settings: Settings) -> Settings:
    """The demo's people speak by development tokens: not beside a real issuer."""
    refuse_made_up(settings)
    return settings


@contextmanager
def _celery(settings: Settings) -> Iterator[None]:
    """A Celery worker of this home, in a process of its own."""
    assert settings.opensearch_url is not None
    assert settings.redis_url is not None
    assert settings.records_url is not None
    environment = os.environ | {
        "ANAMNESE_HOME": str(settings.home),
        "ANAMNESE_PROFILE": "cluster",
        "ANAMNESE_OPENSEARCH_URL": settings.opensearch_url.get_secret_value(),
        "ANAMNESE_REDIS_URL": settings.redis_url.get_secret_value(),
        "ANAMNESE_RECORDS_URL": settings.records_url,
    }
    command = [sys.executable, "-m", "cli", "worker", "--concurrency", str(WORKER_CONCURRENCY)]
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def visitors(sample: Sample, patient_id: PatientId) -> list[Visitor]:
    """The four, in the order that they are shown."""
    people = sample.demo_identities
    return [
        Visitor("médecin traitant", Bearer(CallerKind.PRACTITIONER, people["medecin_traitant"])),
        Visitor("urgentiste", Bearer(CallerKind.PRACTITIONER, people["emergency"])),
        Visitor("inconnu du patient", Bearer(CallerKind.PRACTITIONER, people["stranger"])),
        Visitor("le patient", Bearer(CallerKind.PATIENT, patient_id)),
    ]


def personas(home: Home, sample: Sample, patients: dict[str, PatientId]) -> tuple[Persona, ...]:
    """Who may sign in on the demo's page: the four, an auditor, an administrator, identity vigilance. Tokens are made
    when asked."""
    ins = sample.flagship_ins
    names = {each["rpps"]: each["name"] for each in sample.manifest["practitioners"]}

    def signed(lifetime: timedelta = timedelta(hours=8), **who: Any) -> Callable[[], str]:
        return lambda: issue_token(home.services, lifetime=lifetime, now=home.clock(), **who)

    def of(visitor: Visitor) -> Persona:
        bearer = visitor.bearer
        if bearer.kind is CallerKind.PATIENT:
            return Persona(visitor.title, "", signed(patient_id=patients[ins]))
        return Persona(visitor.title, names.get(bearer.id, bearer.id), signed(rpps=bearer.id), hint=ins)

    return (
        *map(of, visitors(sample, patients[ins])),
        Persona("auditeur", "", signed(role=CallerKind.AUDITOR)),
        Persona("administrateur", "", signed(role=CallerKind.ADMINISTRATOR)),
        Persona("identitovigilance", "", signed(identity_vigilance="demo")),
    )


def _tell(home: Home, sample: Sample, patients: dict[str, PatientId]) -> None:
    """A table: who asks what, and the first passage that they find, or what the door says."""
    ins = sample.flagship_ins
    table = Table("question", "qui demande", "documents", "premier passage trouvé", title=f"Patient {ins}")
    for query in QUERIES:
        for visitor in visitors(sample, patients[ins]):
            try:
                found = ask_as(home, visitor.bearer, patients[ins], query)
            except Refusal as refusal:
                table.add_row(query, visitor.title, "—", refusal.message)
                continue
            first = found.hits[0] if found.hits else None
            words = " ".join(first.passages[0].text.split())[:110] if first else found.coverage.notice
            shown = first.document if first else None
            where = f"{shown.title or shown.type}, {shown.event_date} : " if shown else ""
            table.add_row(query, visitor.title, str(len(found.hits)), where + words)
    out.print(table)


def _invite(home: Home, settings: Settings, sample: Sample, patients: dict[str, PatientId], seconds: float) -> None:
    """Where to go, and with which tokens."""
    patient_id = patients[sample.flagship_ins]
    address = f"http://{settings.host}:{settings.port}"
    out.print(f"\n[bold]Prêt (ready) en {seconds:.0f} s[/] : [bold]{address}/[/] (l'API : {address}/docs)")
    out.print(f"Sur la page, l'INS du patient de démonstration : {sample.flagship_ins}")
    out.print(f"Patient de démonstration : /v1/patients/{patient_id}")
    for visitor in visitors(sample, patient_id):
        bearer = visitor.bearer
        practitioner = bearer.kind is CallerKind.PRACTITIONER
        token = issue_token(
            home.services,
            rpps=bearer.id if practitioner else None,
            patient_id=None if practitioner else patient_id,
            lifetime=timedelta(hours=8),
            now=home.clock(),
        )
        out.print(f"\nJeton de développement, {visitor.title} (8 h) :", highlight=False)
        out.print(token, soft_wrap=True, highlight=False, markup=False)
