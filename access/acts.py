"""Who may do which act. An act needs a Scope first (`decide`); its basis then says whose act it is.

Two acts need none, since they stand at the door: attesting the consent of a present patient, and break-glass.
"""

from __future__ import annotations

from enum import StrEnum

from access.identitovigilance import ROLE
from access.scope import Basis, Caller, CallerKind, Scope


class Act(StrEnum):
    """The acts, in the journal's words."""

    GRANT = "grant"
    REVOKE = "revoke"
    NAME_TRAITANT = "name-traitant"
    BLOCK = "block"
    UNBLOCK = "unblock"
    MASK = "mask"
    UNMASK = "unmask"
    HIDE = "hide-from-patient"
    ANNOUNCE = "announce"
    SECRET = "hide-from-representatives"
    OPEN_SECRET = "open-to-representatives"
    CLOSE = "close"
    REOPEN = "reopen"
    OPPOSE = "oppose"
    WITHDRAW = "withdraw-opposition"
    CONTACT = "contact"
    DEPOSIT = "deposit"
    CORRECT = "correct-page"
    CONSENT_CURATOR = "consent-curator"
    ATTEST = "attest-consent"
    BREAK_GLASS = "break-glass"
    END_BREAK_GLASS = "end-break-glass"
    REPRESENT = "record-representative"
    END_REPRESENT = "end-representative"
    ASK_SUCCESSION = "request-succession"
    REVIEW = "review"
    EXPORT = "export"


_PERSON = frozenset({Basis.SELF, Basis.LEGAL_REPRESENTATIVE, Basis.GUARDIAN})
"""The patient and who exercises their rights. A curator assists and an heir reads: neither acts."""
_CARERS = frozenset({Basis.TRAITANT, Basis.GRANT})
"""Professionals whom the patient let in. Urgency reads; it changes nothing."""

_WHO: dict[Act, frozenset[Basis]] = {
    Act.GRANT: _PERSON,
    Act.REVOKE: _PERSON,
    Act.NAME_TRAITANT: _PERSON,
    Act.BLOCK: _PERSON,
    Act.UNBLOCK: _PERSON,
    Act.MASK: _PERSON,
    Act.UNMASK: _PERSON,
    Act.HIDE: _CARERS,
    Act.ANNOUNCE: _CARERS,
    Act.SECRET: _CARERS | {Basis.SELF},
    Act.OPEN_SECRET: frozenset({Basis.SELF}),
    Act.CLOSE: _PERSON,
    Act.REOPEN: _PERSON,
    Act.OPPOSE: _PERSON,
    Act.WITHDRAW: _PERSON,
    Act.CONTACT: _PERSON,
    Act.CORRECT: _CARERS,
    Act.DEPOSIT: frozenset(Basis) - {Basis.CURATOR, Basis.SUCCESSION},
    Act.CONSENT_CURATOR: frozenset({Basis.SELF}),
    Act.END_BREAK_GLASS: frozenset({Basis.BREAK_GLASS}),
    Act.EXPORT: _PERSON,
}

FRESH = frozenset({Act.CLOSE, Act.OPEN_SECRET, Act.CONTACT, Act.NAME_TRAITANT, Act.EXPORT})
"""Acts that ask to have authenticated recently: those that cannot be taken back, divert what the patient is told, or
take everything away. Not break-glass, nor prolonging it: nobody types a code beside a dying patient."""


def may(act: Act, scope: Scope) -> bool:
    """Whether who holds this Scope may do this act; False for an act that no Scope opens."""
    return scope.basis in _WHO.get(act, frozenset())


def administers(act: Act, kind: CallerKind) -> bool:
    """The acts of an administrator."""
    return kind is CallerKind.ADMINISTRATOR and act in (Act.REPRESENT, Act.END_REPRESENT, Act.REVIEW)


def audits(caller: Caller) -> bool:
    """Whether a caller reads the journals of all records: the auditor and the service's administrator. Who decides
    about identities is an administrator for that alone."""
    return caller.kind is CallerKind.AUDITOR or (caller.kind is CallerKind.ADMINISTRATOR and caller.profession != ROLE)
