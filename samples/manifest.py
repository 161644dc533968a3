"""What `manifest.json` says: patients, practitioners, organizations, grants, the demo's identities and documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from samples.cda import Identity
from samples.forms import Drawn
from samples.heading import context_of
from samples.people import CARERS, PATIENTS, PLACES, rights
from samples.story import Draft

CATEGORIES: dict[str, str] = {
    **dict.fromkeys(
        ("11488-4", "11490-0", "11505-5", "11506-3", "15507-7", "15508-5", "34112-3", "34120-6", "34749-2", "34794-8",
         "34874-8", "47420-5", "60280-5", "70004-7", "78513-9", "85208-7", "96349-6"), "report"),
    **dict.fromkeys(("34133-9", "60591-5", "74207-2"), "summary"),
    **dict.fromkeys(("11502-2", "51969-4", "60568-3"), "biology"),
    "18748-4": "imaging",
    **dict.fromkeys(("56445-0", "57833-6", "80565-5", "93024-8", "PRESC-KINE"), "treatment"),
    **dict.fromkeys(("11369-6", "87273-9"), "prevention"),
    **dict.fromkeys(("18776-5", "80788-3", "PROT_ALD"), "care_plan"),
    **dict.fromkeys(("89601-9", "CERT_DECL"), "certificate"),
    **dict.fromkeys(("EXPPAT_1", "EXPPAT_3"), "directive"),
    "REMB": "reimbursement",
    **dict.fromkeys(("EXPPAT_2", "DOCPAT01"), "patient_note"),
}  # fmt: skip
"""type code → category of a grant, for the types that occur here (a test compares it with access.document_types)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One document that was written: where, and how many of its pages are pictures."""

    draft: Draft
    drawn: Drawn
    identity: Identity
    file: str
    truths: Mapping[int, str]  # page number → path of its exact text, for the pages that need OCR


def identities(drafts: tuple[Draft, ...]) -> dict[str, Identity]:
    """The identifiers of every document: a chain of versions shares the set id of its first."""
    found: dict[str, Identity] = {}
    for draft in drafts:  # a version comes after the one it replaces
        before = found.get(draft.replaces)
        unique = f"anamnese-{draft.document_id}"
        found[draft.document_id] = (
            Identity(unique, before.set_id, before.version + 1, before.unique_id)
            if before
            else Identity(unique, f"{unique}-set", 1)
        )
    return found


def manifest(part: str, entries: list[Entry]) -> dict[str, Any]:
    """The manifest as plain values, in a fixed order."""
    return {
        "part": part,
        "patients": [_patient(key) for key in PATIENTS],
        "practitioners": [_carer(key) for key, carer in CARERS.items() if carer.rpps],
        "organizations": [
            {"finess": place.finess, "name": place.name, "address": place.address} for place in PLACES.values()
        ],
        "grants": [
            asdict(right)
            | {
                "patient": PATIENTS[right.patient].ins,
                "valid_from": right.valid_from.isoformat(),
                "valid_until": right.valid_until and right.valid_until.isoformat(),
                "revoked_at": right.revoked_at and right.revoked_at.isoformat(),
                "recorded_by": CARERS["mt"].rpps,
            }
            for right in rights()
        ],
        "demo_identities": {
            "medecin_traitant": CARERS["mt"].rpps,
            "emergency": CARERS["urg"].rpps,
            "stranger": CARERS["stranger"].rpps,
            "patient": PATIENTS["moreau"].ins,
        },
        "documents": [_document(entry) for entry in entries],
    }


def _patient(key: str) -> dict[str, Any]:
    person = PATIENTS[key]
    traits = {name: value for name, value in asdict(person).items() if name not in ("thirteen", "birth_date")}
    return traits | {"ins": person.ins, "birth_date": person.birth_date.isoformat()}


def _carer(key: str) -> dict[str, Any]:
    carer = CARERS[key]
    return {
        "key": key,
        "rpps": carer.rpps,
        "name": carer.name,
        "profession": carer.profession,
        "specialty": carer.specialty,
        "organization": PLACES[carer.place].finess,
        "teams": list(carer.teams),
    }


def _document(entry: Entry) -> dict[str, Any]:
    draft, about = entry.draft, context_of(entry.draft)
    return {
        "id": draft.document_id,
        "file": entry.file,
        "media_type": entry.drawn.media_type,
        "form": draft.form,
        "patient": about.person.ins,
        "type_code": draft.type_code,
        "category": CATEGORIES[draft.type_code],
        "title": draft.title,
        "event_date": draft.day.isoformat(),
        "author": about.carer.name if about.carer else about.person.family_name,
        "author_rpps": about.carer.rpps if about.carer else "",
        "organization": about.place.finess if about.place else "",
        "origin": _origin(entry),
        "unique_id": entry.identity.unique_id,
        "set_id": entry.identity.set_id,
        "version": entry.identity.version,
        "replaces": entry.identity.replaces,
        "in_demo": draft.in_demo,
        "pages": len(entry.drawn.truths),
        "scanned_pages": len(entry.drawn.pictured),
        "truth": {str(number): path for number, path in sorted(entry.truths.items())},
    }


def _origin(entry: Entry) -> str:
    if entry.draft.author == "patient":
        return "own"
    if entry.draft.author == "cpam":
        return "dmp"
    return "mssante" if entry.draft.type_code in ("11490-0", "11488-4") else "upload"
