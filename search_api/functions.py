"""What the service does, function by function, and switching one off (`ANAMNESE_OFF`).

docs/compliance.md states the intended purpose and the regulatory status of each. One that is off is refused before
anything about a patient is looked at, over HTTP and on the command line alike, since both go through a Visit.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

from access.refusal import Refusal

Function = Literal[
    "search",
    "documents",
    "deposit",
    "break-glass",
    "centre-15",
    "attested-consent",
    "succession",
    "export",
    "facts",
    "timeline",
    "observations",
    "emergency",
]
FUNCTIONS: tuple[Function, ...] = get_args(Function)

OFF = Refusal(
    "ask",
    "function-off",
    "Cette fonction est fermée sur ce service.",
    "Adressez-vous à l'administrateur du service.",
)

_ACTIONS: dict[str, Function] = {
    "search": "search",
    "search-patients": "search",
    "saved-searches": "search",
    "read-document": "documents",
    "download": "documents",
    "view-page": "documents",
    "read-page-text": "documents",
    "deposit": "deposit",
    "bulk-import": "deposit",
    "break-glass": "break-glass",
    "attest-consent": "attested-consent",
    "request-succession": "succession",
    "export": "export",
    "read-facts": "facts",
    "read-immunizations": "facts",
    "read-summary": "facts",
    "read-timeline": "timeline",
    "read-observations": "observations",
    "emergency": "emergency",
}
"""The journal's words for what each function does; what is not here cannot be switched off: rights, journal, acts."""


def function_of(action: str) -> Function | None:
    """The function that an action of the journal belongs to; None for one that is always there."""
    return _ACTIONS.get(action)


def refuse_off(off: Collection[str], action: str, *, regulation: bool) -> None:
    """Refusal "function-off" when the action belongs to a function that is off."""
    if function_of(action) in off or (regulation and "centre-15" in off):
        raise OFF
