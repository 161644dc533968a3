"""`quarantine list|release|reassign|refuse|reopen`: documents that may be another's, and a person's decision."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from access.identifiers import DocumentId, PatientId, is_opaque_id
from access.identitovigilance import ROLE, Vigilance
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from cli.compose import open_home, resolve_patient
from cli.console import out, print_json
from cli.settings import load_settings
from ingest.quarantine import Decision, Kind, Which, queue, settle
from ingest.worker import project
from records import journal, vigilance
from search_api.quarantine import HeldView, SettledView, stores_of, view_of

Document = Annotated[str, typer.Argument(help="Identifiant du document (« quarantine list » le donne).")]
Reason = Annotated[str, typer.Option("--reason", help="Pourquoi ; inscrit au journal.")]
By = Annotated[str, typer.Option("--by", help="Qui décide ; le compte de la machine sinon.")]
Json = Annotated[bool, typer.Option("--json", help="Un objet JSON.")]


def register(app: typer.Typer) -> None:
    family = typer.Typer(help="Les documents qui semblent concerner un autre patient.", no_args_is_help=True)
    family.command("list")(list_held)
    for command in (release, reassign, refuse, reopen):
        family.command()(command)
    app.add_typer(family, name="quarantine")


def list_held(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Documents, les plus anciens d'abord.")] = 50,
    refused: Annotated[bool, typer.Option("--refused", help="Ceux qu'une personne a écartés.")] = False,
    by: By = "",
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par document.")] = False,
) -> None:
    """Montrer la quarantaine : ce que chaque document dit d'une identité, et celle du dossier."""
    which: Which = "refused" if refused else "quarantined"
    with open_home(load_settings()) as home:
        right, request = right_of(by), secrets.token_hex(8)
        held = queue(stores_of(home.services), right, limit=limit, now=home.clock(), request_id=request, which=which)
    views = [view_of(one) for one in held]
    if json:
        for view in views:
            print_json(view.model_dump())
        return
    more = ("écarté par", "le", "pourquoi") if refused else ()
    table = Table("document", "dossier", "page", "trouvé", "différent", "identité du dossier", *more)
    for view in views:
        for row in _rows(view):
            table.add_row(*row[: len(table.columns)])
    out.print(table)


def _rows(view: HeldView) -> Iterator[tuple[str, ...]]:
    """A document and its evidence, a statement a row; one row when there is none."""
    aside = ("", "", "") if view.set_aside is None else (view.set_aside.by, view.set_aside.at, view.set_aside.reason)
    against = ", ".join(view.against)
    if not view.evidence:
        yield (view.document_id, view.patient_id, "", "", "", against, *aside)
    for number, one in enumerate(view.evidence):
        said = ("en-tête" if one.page is None else str(one.page), ", ".join(one.found), ", ".join(one.reasons))
        if number == 0:
            yield (view.document_id, view.patient_id, *said, against, *aside)
        else:
            yield ("", "", *said, "", "", "", "")


def release(document: Document, reason: Reason, by: By = "", json: Json = False) -> None:
    """C'est bien ce patient : le document devient cherchable."""
    _settle("release", document, reason, by, json=json)


def reassign(
    document: Document,
    to: Annotated[str, typer.Option("--to", help="INS ou identifiant du bon patient.")],
    reason: Reason,
    confirm: Annotated[bool, typer.Option("--confirm", help="Même si le document le contredit aussi.")] = False,
    by: By = "",
    json: Json = False,
) -> None:
    """C'est un autre patient : le document quitte ce dossier pour le sien."""
    _settle("reassign", document, reason, by, json=json, to=to, confirm=confirm)


def refuse(document: Document, reason: Reason, by: By = "", json: Json = False) -> None:
    """Ce n'est le document de personne ici : il est écarté."""
    _settle("refuse", document, reason, by, json=json)


def reopen(document: Document, reason: Reason, by: By = "", json: Json = False) -> None:
    """Il a été écarté à tort : il revient en quarantaine, pour une autre décision."""
    _settle("reopen", document, reason, by, json=json)


def _settle(
    kind: Kind, document: str, reason: str, by: str, *, json: bool, to: str = "", confirm: bool = False
) -> None:
    if not is_opaque_id(document):
        raise Refusal("settle", "bad-document", "Ce n'est pas un identifiant de document.", "Vérifiez l'identifiant.")
    if len(reason.strip()) < 3:
        raise Refusal("settle", "no-reason", "Une décision se motive.", "Dites pourquoi par --reason.")
    with open_home(load_settings()) as home:
        target: PatientId | None = resolve_patient(home, to) if to else None
        decision = Decision(kind, reason.strip(), target, confirm)
        settled = settle(
            stores_of(home.services), right_of(by), DocumentId(document), decision, home.clock(), secrets.token_hex(8)
        )
        home.wake()
        if home.settings.profile == "single":
            project(home.bench)
    view = SettledView(document_id=settled.document_id, patient_id=settled.patient_id, state=settled.state.value)
    if json:
        print_json(view.model_dump())
    else:
        out.print(f"Document {view.document_id} : {_DONE[kind]}.")


_DONE = {"release": "libéré", "reassign": "réattribué", "refuse": "écarté", "reopen": "repris en quarantaine"}


def right_of(by: str) -> Vigilance:
    """Whoever may open the home on this machine; the journal names the account."""
    return Vigilance(Caller(CallerKind.ADMINISTRATOR, by.strip() or getpass.getuser(), profession=ROLE))


def decided(
    patient_id: PatientId, action: str, reason: str, by: str, now: datetime, documents: tuple[DocumentId, ...] = ()
) -> journal.Entry:
    """The journal's entry of what the identity vigilance saw or decided here."""
    return vigilance.entry(right_of(by), patient_id, action, now, secrets.token_hex(8), shown=documents, detail=reason)
