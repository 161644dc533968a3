"""Patients: who they are, sealed under their key, and how they are looked up without being listed.

An identifier says nothing: with an INS it is a keyed hash of the matricule, so that looking up an INS that nobody has
gives an identifier of the same form, without a look at the database. It is the same one until a record under it is
erased: who is recorded anew gets another.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import insert, select

from access.identifiers import Ins, PatientId
from access.identitovigilance import StatusEvent, status_after
from access.refusal import Refusal
from access.scope import Scope
from records import tables
from records.chains import open_chain
from records.database import Tx
from records.keys import KeyStore
from records.opaque import opaque, random_id
from records.sealed import keyed_hash, seal_json, unseal_json


@dataclass(frozen=True, slots=True)
class Identity:
    """The INS and its status, and the five traits of the French identity referential (RNIV), with the name in use."""

    ins: Ins | None = field(repr=False)
    ins_status: str = field(repr=False)  # provisional | retrieved | validated | qualified; empty without an INS
    family_name: str = field(repr=False)
    given_names: str = field(repr=False)  # all of them, in order, separated by spaces
    birth_date: date | None = field(repr=False)
    sex: str = field(repr=False)  # M | F | U
    birth_place: str = field(repr=False)  # INSEE code of the commune or country
    used_name: str = field(default="", repr=False)
    ins_source: str = field(default="", repr=False)  # FINESS of who gave the INS its status
    local: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # (value, assigner): an IPP and its hospital


def patient_id_of_ins(keys: KeyStore, ins: Ins) -> PatientId:
    """The identifier of whoever has this INS, existing or not. The OID does not count: a typed INS has none.

    An erased identifier is not used again (the ledger would erase the second record like the first): the next one of
    the same INS takes its place.
    """
    return every_id_of_ins(keys, ins)[-1]


def every_id_of_ins(keys: KeyStore, ins: Ins) -> list[PatientId]:
    """The erased identifiers of an INS, first erased first, then the one it has now: for who reads the journal."""
    words = ["patient", ins.matricule]
    found = [_named(keys, words)]
    while keys.was_destroyed(found[-1]):
        words.append("again")
        found.append(_named(keys, words))
    return found


def _named(keys: KeyStore, words: list[str]) -> PatientId:
    return PatientId(opaque(keyed_hash(keys.service_key("lookup"), *words)))


def patient_id_of_traits(keys: KeyStore, traits: Identity) -> PatientId:
    """What a look-up by traits answers when it may not answer a real identifier: same form, the same for ever."""
    return PatientId(opaque(keyed_hash(keys.service_key("lookup"), "pseudonym", *_normal(traits))))


def patient_id_of_local(keys: KeyStore, value: str, assigner: str) -> PatientId:
    """What a look-up by a local number answers when it may not answer a real identifier."""
    key = keys.service_key("lookup")
    return PatientId(opaque(keyed_hash(key, "local pseudonym", value.strip().upper(), assigner.strip().upper())))


def create_patient(tx: Tx, identity: Identity, now: datetime) -> PatientId:
    """Record a patient. Refusal "patient-exists" when the INS is known already."""
    ins = identity.ins
    if ins is not None and find_by_ins_without_scope(tx, ins) is not None:
        raise _exists()
    patient_id = PatientId(random_id()) if ins is None else patient_id_of_ins(tx.keys, ins)
    if exists(tx, patient_id):
        raise _exists()
    tx.keys.create_patient_key(patient_id)
    sealed = seal_json(tx.patient_keys(patient_id).columns, _to_json(identity), f"patients/sealed/{patient_id}")
    tx.session.execute(
        insert(tables.Patient).values(
            patient_id=patient_id, merged_into=None, closed=False, sealed=sealed, created_at=now
        )
    )
    identifiers = [("traits", _traits_blind(tx, identity))] if _complete(identity) else []
    if ins is not None:
        identifiers.append(("ins", _ins_blind(tx, ins)))
    for kind, blind in identifiers:
        tx.session.execute(insert(tables.PatientIdentifier).values(patient_id=patient_id, kind=kind, value_blind=blind))
    open_chain(tx.session, tx.service_key("journal"), patient_id)
    return patient_id


def exists(tx: Tx, patient_id: PatientId) -> bool:
    """Whether there is such a patient. For the pipeline: an answer to a caller never depends on it alone."""
    return (
        tx.session.scalar(select(tables.Patient.patient_id).where(tables.Patient.patient_id == patient_id)) is not None
    )


def find_by_ins_without_scope(tx: Tx, ins: Ins) -> PatientId | None:
    """The patient who has this INS."""
    return _one(tx, "ins", _ins_blind(tx, ins))


def find_by_traits_without_scope(tx: Tx, traits: Identity) -> PatientId | None:
    """The one patient who has exactly these traits (case, accents and hyphens aside); None when nobody or several.

    Telling a caller without access this identifier tells that the patient exists, since it differs from
    `patient_id_of_traits` and equals `patient_id_of_ins`: answer it only to who has a Scope, else the pseudonym.
    """
    return _one(tx, "traits", _traits_blind(tx, traits))


def find_by_local_without_scope(tx: Tx, value: str, assigner: str) -> PatientId | None:
    """The patient to whom this assigner gave this number, as recorded."""
    return _one(tx, "local", _local_blind(tx, value, assigner))


def record_local(tx: Tx, patient_id: PatientId, value: str, assigner: str) -> bool:
    """Record a local number of a patient. False, and nothing recorded, when it is another patient's."""
    owner = find_by_local_without_scope(tx, value, assigner)
    if owner is not None:
        return owner == patient_id
    row = tx.session.get_one(tables.Patient, patient_id)
    key, place = tx.patient_keys(patient_id).columns, f"patients/sealed/{patient_id}"
    identity = _from_json(unseal_json(key, row.sealed, place))
    row.sealed = seal_json(key, _to_json(replace(identity, local=(*identity.local, (value, assigner)))), place)
    blind = _local_blind(tx, value, assigner)
    tx.session.execute(insert(tables.PatientIdentifier).values(patient_id=patient_id, kind="local", value_blind=blind))
    return True


def note_status(tx: Tx, patient_id: PatientId, event: StatusEvent, source: str) -> str:
    """Change the status of a patient's INS by what happened; returns the new one. `source`: FINESS of who did it.

    Refusals "no-such-patient", "no-ins" and those of `access.identitovigilance.status_after`.
    """
    row = tx.session.get(tables.Patient, patient_id)
    if row is None:
        raise Refusal("identity", "no-such-patient", "Aucun dossier n'a cet identifiant.", "Vérifiez l'identifiant.")
    key, place = tx.patient_keys(patient_id).columns, f"patients/sealed/{patient_id}"
    identity = _from_json(unseal_json(key, row.sealed, place))
    if identity.ins is None:
        raise Refusal("identity", "no-ins", "Ce dossier n'a pas d'INS.", "Enregistrez d'abord son INS.")
    status = status_after(identity.ins_status, event)
    row.sealed = seal_json(key, _to_json(replace(identity, ins_status=status, ins_source=source)), place)
    tx.session.flush()
    return status


def tray_id(keys: KeyStore) -> PatientId:
    """The record of deposits whose patient is not known yet: nobody's, so nobody has a right in it."""
    return PatientId(opaque(keyed_hash(keys.service_key("lookup"), "tray")))


def open_tray(tx: Tx, now: datetime) -> PatientId:
    """That record, made when it is first needed. Closed, without INS or traits: no look-up finds it."""
    tray = tray_id(tx.keys)
    if not exists(tx, tray):
        tx.keys.create_patient_key(tray)
        key, nobody = tx.patient_keys(tray).columns, Identity(None, "", "", "", None, "", "")
        sealed = seal_json(key, _to_json(nobody), f"patients/sealed/{tray}")
        tx.session.execute(
            insert(tables.Patient).values(patient_id=tray, merged_into=None, closed=True, sealed=sealed, created_at=now)
        )
        open_chain(tx.session, tx.service_key("journal"), tray)
    return tray


def identity_of(tx: Tx, scope: Scope) -> Identity:
    """The identity of the Scope's patient. Refusal (stage "grant", "no-access") under an empty Scope."""
    found = None if scope.is_empty else identity_without_scope(tx, scope.patient_id)
    if found is None:
        raise Refusal(
            "grant", "no-access", "Aucune identité à montrer.", "Demandez l'accès au dossier avant de le consulter."
        )
    return found


def identity_without_scope(tx: Tx, patient_id: PatientId) -> Identity | None:
    """A patient's identity, for the wrong-patient check of the pipeline; None when there is no such patient."""
    sealed = tx.session.scalar(select(tables.Patient.sealed).where(tables.Patient.patient_id == patient_id))
    if sealed is None:
        return None
    return _from_json(unseal_json(tx.patient_keys(patient_id).columns, sealed, f"patients/sealed/{patient_id}"))


def _one(tx: Tx, kind: str, blind: bytes) -> PatientId | None:
    found = tx.session.scalars(
        select(tables.PatientIdentifier.patient_id)
        .where(tables.PatientIdentifier.kind == kind, tables.PatientIdentifier.value_blind == blind)
        .limit(2)
    ).all()
    return PatientId(found[0]) if len(found) == 1 else None


def _ins_blind(tx: Tx, ins: Ins) -> bytes:
    return keyed_hash(tx.service_key("lookup"), "ins", ins.matricule)


def _local_blind(tx: Tx, value: str, assigner: str) -> bytes:
    return keyed_hash(tx.service_key("lookup"), "local", value.strip().upper(), assigner.strip().upper())


def _traits_blind(tx: Tx, traits: Identity) -> bytes:
    return keyed_hash(tx.service_key("lookup"), "traits", *_normal(traits))


def _complete(traits: Identity) -> bool:
    """Whether they may be looked up: somebody known by INS alone has no name, and shares that with others."""
    family, given, birth, *_ = _normal(traits)
    return bool(family and given and birth)


def _normal(traits: Identity) -> tuple[str, ...]:
    """The traits as compared: A-Z words, ISO date, and the first given name alone: others are often left out."""
    given = _folded(traits.given_names).split()
    birth = "" if traits.birth_date is None else traits.birth_date.isoformat()
    return (
        _folded(traits.family_name),
        given[0] if given else "",
        birth,
        traits.sex.upper(),
        traits.birth_place.upper(),
    )


def _folded(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).upper().split())


def _exists() -> Refusal:
    return Refusal("receive", "patient-exists", "Ce patient est déjà enregistré.", "Utilisez le dossier existant.")


def _to_json(identity: Identity) -> dict[str, object]:
    ins = identity.ins
    return {
        "ins": None if ins is None else [ins.matricule, ins.oid],
        "ins_status": identity.ins_status,
        "family_name": identity.family_name,
        "given_names": identity.given_names,
        "birth_date": None if identity.birth_date is None else identity.birth_date.isoformat(),
        "sex": identity.sex,
        "birth_place": identity.birth_place,
        "used_name": identity.used_name,
        "ins_source": identity.ins_source,
        "local": [list(pair) for pair in identity.local],
    }


def _from_json(value: dict[str, object]) -> Identity:
    ins, birth, local = value.pop("ins"), value.pop("birth_date"), value.pop("local", [])
    return Identity(
        local=tuple((number, assigner) for number, assigner in local) if isinstance(local, list) else (),
        ins=Ins(*ins) if isinstance(ins, list) else None,
        birth_date=date.fromisoformat(birth) if isinstance(birth, str) else None,
        **{name: str(text) for name, text in value.items()},
    )
