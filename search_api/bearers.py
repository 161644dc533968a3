"""What a verified token says of its bearer, whoever issued it. Names, and nothing that is a right by itself."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from access.scope import CallerKind
from access.smart import Scopes


@dataclass(frozen=True, slots=True)
class Stated:
    """What an issuer says of a practitioner. `practices` are professions with specialties; `organizations` FINESS.

    It narrows what the directory says, and stands for it only where it is `trusted` and the directory is mute.
    """

    practices: tuple[tuple[str, str], ...] = ()
    organizations: frozenset[str] = frozenset()
    regulates: bool | None = None  # physician of Centre 15; None: not said
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Authentication:
    """How the bearer of an issuer's token came by it. None of this widens a right."""

    scopes: Scopes | None = None  # SMART; None: not narrowed
    smart_required: bool = False
    context: str = ""  # the patient of a "patient/" scope
    at: datetime | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a verified token says: `id` is an RPPS, a PatientId or an account name by `kind`; `system` who spoke.

    `authentication` is None for a development token. `asserted` by a system; `finess`: where it may do so.
    """

    kind: CallerKind
    id: str
    system: str = ""
    role: str = ""
    stated: Stated | None = None
    authentication: Authentication | None = None
    issuer: str = ""  # empty: development
    asserted: bool = False
    finess: str = ""
    unregistered: str = ""  # what a development token says of an RPPS that no directory knows

    def with_authentication(self, authentication: Authentication) -> Self:
        return dataclasses.replace(self, authentication=authentication)


class Verifier(Protocol):
    """Tells who bears a token: the development issuer, or the configured ones (search_api/oidc)."""

    def verify(self, token: str, now: datetime) -> Bearer: ...

    def establishment(self, bearer: Bearer) -> str | None:
        """The FINESS where a system runs, "" when it is not bound to one; None for a system that is not known here."""

    def asserted(self, bearer: Bearer, assertion: str, now: datetime) -> Asserted:
        """For whom a system says that it asks. Refusal 401 when it may not, or not so."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """A verified assertion: the practitioner's bearer, and what makes it good for one time only."""

    bearer: Bearer
    name: str  # client and jti
    until: datetime
