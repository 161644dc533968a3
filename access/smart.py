"""SMART on FHIR scopes: what a token's bearer may be asked for. They narrow what the rules open and never widen it.

    level / resource . permissions     "user/DocumentReference.rs", "patient/*.read", "system/AuditEvent.s"
    level         patient: the one patient of the token's context; user, system: whom the rules open
    permissions   version 1: read, write, *;  version 2: some of c r u d s, in that order
                                       (SMART App Launch 2.2.0, "Scopes for requesting FHIR Resources")

A scope that is not understood, or that carries a search restriction ("?category=…"), grants nothing. A token without
any SMART scope is not narrowed: Pro Santé Connect gives none. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.(read|write|\*|c?r?u?d?s?)")
_V1 = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}


@dataclass(frozen=True, slots=True)
class Need:
    """What a request asks for: a FHIR resource and one of c, r, u, d, s. "*" is every resource."""

    resource: str
    permission: str


@dataclass(frozen=True, slots=True)
class Scopes:
    """The SMART scopes of a token: (level, resource, permissions)."""

    held: frozenset[tuple[str, str, frozenset[str]]]

    def allow(self, need: Need, *, own: bool) -> bool:
        """Whether a request is within them; `own`: it is about the patient of the token's context."""
        return any(
            need.permission in permissions and resource in ("*", need.resource) and (level != "patient" or own)
            for level, resource, permissions in self.held
        )


def parse_scopes(text: str) -> Scopes | None:
    """The SMART scopes among a token's scopes; None when it has none, which narrows nothing.

    One that only looks like a SMART scope (it has a "/") counts as one that grants nothing.
    """
    words = [word for word in text.split() if "/" in word and "://" not in word]
    if not words:
        return None
    found = [_SCOPE.fullmatch(word) for word in words]
    return Scopes(
        frozenset(
            (match[1], match[2], _V1.get(match[3]) or frozenset(match[3])) for match in found if match and match[3]
        )
    )
