"""`export`: a patient's own copy of their record, for who asks at the desk instead of over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from access.acts import Act
from access.decide import decide
from access.refusal import Refusal
from access.scope import Caller, CallerKind, Purpose
from cli.acting import Json, Patient, acting, told
from cli.compose import open_home, resolve_patient
from cli.settings import load_settings
from records import documents
from records.rights import access_facts
from search_api.export import archive
from search_api.functions import refuse_off


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    patient: Patient,
    to: Annotated[Path, typer.Option(help="Archive ZIP à écrire ; elle ne doit pas exister.")],
    json: Json = False,
) -> None:
    """Remettre au patient la copie de son dossier : ce qu'il verrait, et qui a regardé. Inscrit au journal."""
    settings = load_settings()
    refuse_off(settings.off, Act.EXPORT, regulation=False)
    with open_home(settings) as home:
        patient_id, now, policy = resolve_patient(home, patient), home.clock(), home.services.policy
        caller = Caller(CallerKind.PATIENT, patient_id)
        with home.services.records.read() as tx:
            facts = access_facts(tx, caller, patient_id, now, policy)
            scope = decide(caller, patient_id, Purpose.SELF, now, facts, policy, all_states=True)
            listed = [] if isinstance(scope, Refusal) else documents.list_documents(tx, scope)
    if isinstance(scope, Refusal):
        raise Refusal("act", "no-such-patient", "Ce patient n'est pas enregistré.", "Vérifiez l'identité.")
    with acting(patient, Act.EXPORT):
        pass
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open_home(settings) as home, os.fdopen(handle, "wb") as target:
        size = sum(target.write(piece) for piece in archive(home.services, scope, listed, now))
    told(json, f"Copie écrite : {size} octets. Remettez-la au patient en main propre.", file=str(to), bytes=size)
