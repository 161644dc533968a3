"""`block`, `mask`, `hide`, `close`, `oppose` and what undoes them: what a patient decides, for the administration."""

from __future__ import annotations

from typing import Annotated

import typer

from access.acts import Act
from access.facts import OppositionKind
from access.identifiers import DocumentId, PatientId, is_opaque_id
from access.refusal import Refusal
from cli.acting import ADMINISTRATION, Json, Patient, Professional, acting, nothing_to_undo, professional, told
from records import documents, grants, masks, will
from records.database import Tx
from records.policy import load_policy

Document = Annotated[str, typer.Option("--document", help="Identifiant du document.")]
Opposition = Annotated[OppositionKind, typer.Option("--to", help="Ce à quoi le patient s'oppose.")]
Representatives = Annotated[bool, typer.Option("--from-representatives", help="Aux représentants d'un mineur.")]


def register(app: typer.Typer) -> None:
    for command in (block, unblock, mask, unmask, hide, announce, close, reopen, oppose):
        app.command()(command)
    app.command("withdraw")(withdraw)


def block(patient: Patient, practitioner: Professional, json: Json = False) -> None:
    """Bloquer un professionnel : il n'obtient plus rien, même en urgence."""
    with acting(patient, Act.BLOCK, detail=professional(practitioner)) as (tx, patient_id, now):
        grants.block(tx, patient_id, practitioner, now, ADMINISTRATION)
    told(json, f"{practitioner} est bloqué.", patient_id=patient_id, blocked=practitioner)


def unblock(patient: Patient, practitioner: Professional, json: Json = False) -> None:
    """Lever un blocage."""
    with acting(patient, Act.UNBLOCK, detail=professional(practitioner)) as (tx, patient_id, _):
        if not grants.unblock(tx, patient_id, practitioner):
            raise nothing_to_undo()
    told(json, f"{practitioner} n'est plus bloqué.", patient_id=patient_id, unblocked=practitioner)


def mask(patient: Patient, document: Document, json: Json = False) -> None:
    """Masquer un document aux professionnels."""
    with acting(patient, Act.MASK, detail=document) as (tx, patient_id, now):
        masks.mask(tx, _named(tx, patient_id, document), ADMINISTRATION, now, load_policy())
    told(json, "Document masqué.", patient_id=patient_id, masked=document)


def unmask(patient: Patient, document: Document, json: Json = False) -> None:
    """Démasquer un document."""
    with acting(patient, Act.UNMASK, detail=document) as (tx, patient_id, _):
        masks.unmask(tx, _named(tx, patient_id, document))
    told(json, "Document démasqué.", patient_id=patient_id, unmasked=document)


def hide(patient: Patient, document: Document, representatives: Representatives = False, json: Json = False) -> None:
    """Cacher un document au patient jusqu'à son annonce, ou aux représentants d'un mineur."""
    with acting(patient, Act.SECRET if representatives else Act.HIDE, detail=document) as (tx, patient_id, now):
        name = _named(tx, patient_id, document)
        if representatives:
            masks.hide_from_representatives(tx, name)
        else:
            masks.hide_from_patient(tx, name, now)
    told(json, "Document caché.", patient_id=patient_id, hidden=document)


def announce(
    patient: Patient, document: Document, representatives: Representatives = False, json: Json = False
) -> None:
    """Montrer au patient ce qui lui a été annoncé, ou ouvrir aux représentants (sans retour)."""
    with acting(patient, Act.OPEN_SECRET if representatives else Act.ANNOUNCE, detail=document) as (tx, patient_id, _):
        name = _named(tx, patient_id, document)
        if representatives:
            masks.open_to_representatives(tx, name)
        else:
            masks.announce(tx, name)
    told(json, "Document montré.", patient_id=patient_id, shown=document)


def close(patient: Patient, json: Json = False) -> None:
    """Fermer le dossier : invisible à tout professionnel ; conservé."""
    with acting(patient, Act.CLOSE) as (tx, patient_id, _):
        will.close_record(tx, patient_id, closed=True)
    told(json, "Dossier clos.", patient_id=patient_id, closed=True)


def reopen(patient: Patient, json: Json = False) -> None:
    """Rouvrir le dossier."""
    with acting(patient, Act.REOPEN) as (tx, patient_id, _):
        will.close_record(tx, patient_id, closed=False)
    told(json, "Dossier rouvert.", patient_id=patient_id, closed=False)


def oppose(patient: Patient, kind: Opposition = OppositionKind.BREAK_GLASS, json: Json = False) -> None:
    """S'opposer d'avance à l'accès d'urgence, au Centre 15 ou aux ayants droit."""
    with acting(patient, Act.OPPOSE, detail=kind) as (tx, patient_id, now):
        will.oppose(tx, patient_id, kind, now, ADMINISTRATION)
    told(json, "Opposition enregistrée.", patient_id=patient_id, opposed=kind)


def withdraw(patient: Patient, kind: Opposition = OppositionKind.BREAK_GLASS, json: Json = False) -> None:
    """Lever une opposition."""
    with acting(patient, Act.WITHDRAW, detail=kind) as (tx, patient_id, now):
        if not will.withdraw(tx, patient_id, kind, now):
            raise nothing_to_undo()
    told(json, "Opposition levée.", patient_id=patient_id, withdrawn=kind)


def _named(tx: Tx, patient_id: PatientId, document: str) -> DocumentId:
    """A document of this patient; a Refusal otherwise."""
    found = documents.document_without_scope(tx, DocumentId(document)) if is_opaque_id(document) else None
    if found is None or found.patient_id != patient_id:
        raise Refusal("act", "no-such-document", "Ce patient n'a pas ce document.", "Reprenez la liste des documents.")
    return found.document_id
