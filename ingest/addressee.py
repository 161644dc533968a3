"""Whose a deposit is that comes without saying where: by INS, or by a hospital's number and that hospital.

One that names nobody who is known, or two people, waits in the tray (decision 042) until a person says whose it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from access.identifiers import PatientId, parse_ins
from access.refusal import Refusal
from clinical.stated import spoken, stated_in
from ingest.evidence import Shown
from records import patients
from records.content import Metadata, Reading, StatedPatient
from records.database import Tx

UNKNOWN = Refusal(
    "understand",
    "unknown-patient",
    "Le patient de ce document n'est pas connu ici ; il n'est montré à personne.",
    "La cellule d'identitovigilance doit dire à qui il est.",
)


def addressee(tx: Tx, stated: Sequence[StatedPatient]) -> PatientId | None:
    """The one patient whom all that is stated names; None when it names nobody, or more than one."""
    found = {patient for one in stated for patient in _named(tx, one)}
    return found.pop() if len(found) == 1 else None


def _named(tx: Tx, one: StatedPatient) -> Iterable[PatientId]:
    """An INS goes before local numbers, which one person has many of and which are typed by hand."""
    numbers = [ins for matricule, oid in one.identifiers if (ins := parse_ins(matricule, oid)) is not None]
    by_ins = [found for ins in numbers if (found := patients.find_by_ins_without_scope(tx, ins)) is not None]
    by_local = [
        found
        for value, assigner in one.local
        if (found := patients.find_by_local_without_scope(tx, value, assigner)) is not None
    ]
    if numbers and not by_ins:  # somebody else than whoever has the local number here
        return () if not by_local else (*by_local, PatientId(""))
    return (*by_ins, *by_local)


def learn(tx: Tx, patient_id: PatientId, stated: Iterable[StatedPatient]) -> None:
    """Remember the local numbers that a message gives beside the patient's own INS; what contradicts is left alone."""
    identity = patients.identity_without_scope(tx, patient_id)
    own = None if identity is None or identity.ins is None else identity.ins.matricule[:13]
    for one in stated:
        if own is not None and any(matricule[:13] == own for matricule, _ in one.identifiers):
            for value, assigner in one.local:
                patients.record_local(tx, patient_id, value, assigner)


def said_of(reading: Reading) -> tuple[Shown, ...]:
    """What a waiting document states of an identity, for whoever decides."""
    return tuple(_shown(one) for one in _identities(reading.metadata))


def subject_of(submitted: str) -> tuple[str, ...]:
    """For whom a document was sent in an import (`Document.submitted`), by line or folder; () when not said."""
    found = json.loads(submitted).get("subject", ()) if submitted else ()
    return tuple(f"n° {value} ({system})" if system else str(value) for system, value in found)


def sent_as(submitted: str) -> tuple[Shown, ...]:
    """The same, for whoever decides: bytes that say of nobody were sent for somebody."""
    words = subject_of(submitted)
    return (_shown(words),) if words else ()


def _identities(metadata: Metadata) -> list[tuple[str, ...]]:
    said = [tuple(spoken(one)) for one in stated_in(metadata, ())]
    numbers = [tuple(f"n° {value} ({assigner})" for value, assigner in one.local) for one in metadata.patients]
    return [words for words in (*said, *numbers) if words]


def _shown(words: tuple[str, ...]) -> Shown:
    return Shown(key="unknown", page=None, found=words, reasons=("unknown",), quote="", boxes=())
