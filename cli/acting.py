"""How the command line acts on a record: by the administration, journalled in the transaction of the act."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

import typer

from access.acts import Act
from access.identifiers import PatientId, is_rpps
from access.refusal import Refusal
from access.scope import CallerKind, Purpose
from cli.compose import Home, open_home, resolve_patient
from cli.console import out, print_json
from cli.settings import Settings, load_settings
from records import journal
from records.database import Tx
from search_api.bearers import Bearer

ADMINISTRATION = "administration"
Patient = Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")]
Professional = Annotated[str, typer.Option("--to", "--as", help="RPPS du professionnel.")]
Json = Annotated[bool, typer.Option("--json", help="Un objet JSON.")]


@contextmanager
def acting(
    patient: str, act: Act, *, detail: str = "", create: bool = False
) -> Iterator[tuple[Tx, PatientId, datetime]]:
    """The open record of a patient, the act journalled first; a Refusal in the block undoes both."""
    with open_home(load_settings()) as home:
        patient_id = resolve_patient(home, patient, create=create)
        now = home.clock()
        with home.services.records.write() as tx:
            journal.append(tx, entry(home, patient_id, act, detail, now))
            yield tx, patient_id, now


def told(json: bool, sentence: str, **values: object) -> None:
    """One JSON object, or one sentence."""
    if json:
        print_json(values)
    else:
        out.print(sentence, markup=False, highlight=False)


def professional(rpps: str) -> str:
    """An RPPS, or a Refusal."""
    if not is_rpps(rpps):
        raise Refusal("act", "bad-rpps", "Un numéro RPPS a 11 chiffres.", "Vérifiez le numéro.")
    return rpps


def speaking(settings: Settings, rpps: str) -> Bearer:
    """Who speaks by `--as`; a Refusal where an issuer says who is who: nobody then speaks for anybody."""
    refuse_made_up(settings)
    return Bearer(CallerKind.PRACTITIONER, professional(rpps), unregistered=settings.unregistered_profession)


def refuse_made_up(settings: Settings) -> None:
    """Refusal "issuer-configured" where identities come from an issuer."""
    if settings.oidc:
        raise Refusal(
            "token",
            "issuer-configured",
            "Un fournisseur d'identité est réglé : les jetons de développement et « --as » sont fermés.",
            "Connectez-vous par ce fournisseur, ou servez-vous d'un autre dossier ANAMNESE_HOME pour essayer.",
        )


def nothing_to_undo() -> Refusal:
    """For an act that undoes what is not there."""
    return Refusal("act", "nothing-to-undo", "Rien de tel n'est en vigueur.", "Vérifiez la commande.")


def entry(home: Home, patient_id: PatientId, act: Act, detail: str, now: datetime) -> journal.Entry:
    """An act of the administration, for the journal."""
    return journal.Entry(
        patient_id=patient_id,
        caller_kind=CallerKind.ADMINISTRATOR,
        caller=ADMINISTRATION,
        on_behalf="",
        role="",
        purpose=Purpose.ADMINISTRATION,
        action=act,
        outcome="granted",
        documents=(),
        query=None,
        policy_version=home.services.policy.version,
        request_id=secrets.token_hex(8),
        at=now,
        detail=detail,
    )
