"""Who decides on documents in quarantine: the identity vigilance of the establishment (instruction RNIV).

The role sees what a document states of an identity and the identity of the record; it opens no document. Depends on
the caller alone, so its refusal says nothing of any patient.
"""

from __future__ import annotations

from dataclasses import dataclass

from access.refusal import Refusal
from access.scope import Caller, CallerKind

QUALIFIED = "qualified"
"""The one status under which an INS leaves the establishment that has it (Référentiel INS; RNIV)."""

ROLE = "identitovigilance"

NOT_YOURS = Refusal(
    "grant",
    "not-identity-vigilance",
    "La quarantaine se traite par la cellule d'identitovigilance.",
    "Adressez-vous à elle, ou connectez-vous sous ce rôle.",
)


@dataclass(frozen=True, slots=True)
class Vigilance:
    """The right to the quarantine, held by `caller`. Made by `permit` only."""

    caller: Caller


def permit(caller: Caller) -> Vigilance | Refusal:
    """The right to see and settle quarantined documents, or why not."""
    if caller.kind is CallerKind.ADMINISTRATOR and caller.profession == ROLE:
        return Vigilance(caller)
    return NOT_YOURS


def may_read_ins(caller: Caller, status: str, source: str) -> bool:
    """Whether a caller who has access may read the matricule: anybody a qualified one; another one only the person, who
    acts for them, and the professionals of the establishment that gave it its status."""
    if status == QUALIFIED or caller.kind is CallerKind.PATIENT:
        return True
    return bool(source) and source in caller.organizations
