"""Who decides on documents in quarantine: the identity vigilance of the establishment (instruction RNIV).

The role sees what a document states of an identity and the identity of the record; it opens no document. Depends on
the caller alone, so its refusal says nothing of any patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from access.refusal import Refusal
from access.scope import Caller, CallerKind

QUALIFIED = "qualified"
"""The one status under which an INS leaves the establishment that has it (Référentiel INS; RNIV)."""

ROLE = "identitovigilance"


class StatusEvent(StrEnum):
    """What happens to an identity (RNIV 1, "statuts de l'identité")."""

    RETRIEVED = "retrieved"  # the INSi service answered with these traits
    CHECKED = "checked"  # an identity document of high trust was seen, or its equivalent
    CHANGED = "changed"  # the INSi service no longer answers with these: the number is to be retrieved again
    DOUBT = "doubt"  # identity in doubt or made up: everything is to be done again


_RETRIEVED, _CHECKED = frozenset({"retrieved", QUALIFIED}), frozenset({"validated", QUALIFIED})
_STATUS = {
    (False, False): "provisional",
    (True, False): "retrieved",
    (False, True): "validated",
    (True, True): QUALIFIED,
}

NO_SUCH_STATUS = Refusal(
    "identity",
    "no-such-status",
    "Le statut de cette identité n'est pas l'un des quatre du RNIV.",
    "Reprenez l'identité : provisoire, récupérée, validée ou qualifiée.",
)


def status_after(status: str, event: StatusEvent) -> str:
    """The status after an event. A status is two facts: retrieved from the INSi service, and checked on a document;
    only both together qualify, in either order. Refusal "no-such-status" for one that is none of the four."""
    if status not in _STATUS.values():
        raise NO_SUCH_STATUS
    retrieved, checked = status in _RETRIEVED, status in _CHECKED
    if event is StatusEvent.DOUBT:
        return _STATUS[False, False]
    if event is StatusEvent.CHECKED:
        return _STATUS[retrieved, True]
    return _STATUS[event is StatusEvent.RETRIEVED, checked]


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
