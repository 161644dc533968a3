"""Who speaks for a document: only its sender, or their establishment, replaces or withdraws it by a message.

Anybody with the right to deposit can write a message that names another's document; without this rule an allergy
would leave every search by such a file. Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_FOR_WHO_RECEIVES = frozenset({"mssante"})
"""Origins whose establishment is the one that received, not the one that sent: it vouches for nobody."""
_NOBODY = frozenset({"", "verify"})
"""Depositors who are no sender: bytes that were found without a record."""


@dataclass(frozen=True, slots=True)
class Sender:
    """From whose hands a document comes: an RPPS, a patient, MSH-3 and MSH-4, the address of a mail. `organization`:
    the FINESS that they deposit for, as our directory or settings know it, never as the document states it."""

    origin: str
    depositor: str
    organization: str


def are_one(first: Sender, second: Sender) -> bool:
    """Whether two senders are the same, or send for the same establishment."""
    if first.depositor == second.depositor:
        return first.depositor not in _NOBODY
    vouched = _FOR_WHO_RECEIVES.isdisjoint({first.origin, second.origin})
    return vouched and bool(first.organization) and first.organization == second.organization


def speak_for(who: Collection[Sender], of: Collection[Sender]) -> bool:
    """Whether the senders of a message may change a document that these sent: each of them must be among those. So a
    document that two sent leaves by the word of neither alone."""
    return bool(of) and all(any(are_one(each, sender) for each in who) for sender in of)
