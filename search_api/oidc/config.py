"""The settings of identity providers, and of the systems that may speak for a practitioner."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Kind = Literal["practitioner", "patient", "system", "auditor", "administrator"]


class ClaimNames(BaseModel):
    """Which claim of a generic issuer says what. `roles` lists words of ROLES; `ins` is a whole matricule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpps: str = "rpps"
    patient_id: str = "patient_id"
    ins: str = "ins"
    roles: str = "roles"
    patient_context: str = "patient"  # SMART: the patient in context
    organizations: str = "finess"
    profession: str = "profession"
    specialty: str = "specialty"


class System(BaseModel):
    """A client that may ask for practitioners: its own public keys sign what it asserts; `finess` is where it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=200)
    finess: str = Field(
        "", max_length=9, description="Only practitioners registered there may be asserted; empty: any."
    )
    keys: list[dict[str, Any]] = Field(min_length=1, description="Public keys (JWK).")


class EhrLaunch(BaseModel):
    """Software that may launch the page at this issuer (SMART EHR launch): only an `iss` that stands here is heeded.

    patient     what the token response's `patient` is
      fhir      a Patient of that software, read there with the person's own token for its INS
      ins       an INS
      id        a patient of ours: `iss` is then our own `/fhir`
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    iss: str = Field(max_length=500, description="Its FHIR address, exactly as it launches with.")
    patient: Literal["fhir", "ins", "id"] = "fhir"

    @model_validator(mode="after")
    def _reached_safely(self) -> Self:
        if not plain_address(self.iss):
            raise ValueError("a FHIR address is https without query, or on this machine")
        return self


class PageClient(BaseModel):
    """How the page signs people in at an issuer, by the code flow with PKCE. Registered there with the redirect address
    `https://…/web/signed-in.html`, and `https://…/` to launch. Without a secret it is a public client."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client_id: str = Field(min_length=1, max_length=200)
    secret_file: Path | None = Field(None, description="File of the client's secret, read when needed.")
    title: str = Field("", max_length=100, description="Name on the button; the issuer's host when empty.")
    scope: str = Field("openid", max_length=1000)
    acr_values: str = Field("", max_length=200)
    resource: str = Field("", max_length=500, description="RFC 8707: for whom the token is, where a provider asks.")
    launches: tuple[EhrLaunch, ...] = Field((), description="Software that may launch the page.")


class IssuerSettings(BaseModel):
    """One OpenID Connect provider. `names` is whom it may name: a professional's issuer names no patient."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    audience: str = Field(min_length=1)
    profile: Literal["generic", "psc"] = "generic"
    names: frozenset[Kind] = frozenset({"practitioner"})
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "ES384", "Ed25519"], ...] = ("RS256", "PS256", "ES256")
    claims: ClaimNames = ClaimNames()
    userinfo: bool = Field(False, description="Ask the provider who the bearer of an access token is, when it is mute.")
    trusts_professions: bool = Field(
        False,
        description="Its professions stand for practitioners whom no directory here knows; else they see nothing.",
    )
    smart_required: bool = Field(False, description="A token without SMART scopes opens nothing.")
    acr: tuple[str, ...] = Field((), description="Levels of authentication that sensitive acts ask for; empty: any.")
    systems: tuple[System, ...] = ()
    page: PageClient | None = Field(None, description="The page offers to sign in there.")

    @model_validator(mode="after")
    def _reached_safely(self) -> Self:
        if not plain_address(self.issuer):
            raise ValueError("an issuer is an https address without query, or one of this machine")
        if self.profile == "psc" and self.names != {"practitioner"}:
            raise ValueError("Pro Santé Connect names practitioners and nobody else")
        return self


def plain_address(url: str) -> bool:
    """A safe address without query and fragment."""
    parts = urlsplit(url)
    return safe_address(url) and not parts.query and not parts.fragment


def safe_address(url: str) -> bool:
    """https, or http on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
