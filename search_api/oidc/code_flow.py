"""The page's way in at an issuer: the authorization code flow with PKCE (RFC 6749, RFC 7636), for one client of ours.

The browser makes the verifier and keeps it in the memory of its tab; the provider's answer comes back in a window of
its own. The code is exchanged here, not in the browser, so that a client with a secret (Pro Santé Connect asks for one)
signs in the same way, and so that the page's policy allows no connection elsewhere. Nothing is kept: the access token
goes to the page, refresh and identity tokens to nobody.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from access.refusal import Refusal
from search_api.oidc.config import EhrLaunch, PageClient
from search_api.oidc.provider import AWAY, Provider, fetch_json

NOT_SIGNED_IN = Refusal(
    "token",
    "sign-in-refused",
    "Le fournisseur d'identité n'a pas confirmé cette connexion.",
    "Recommencez la connexion.",
)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a code was exchanged for; `patient`: the patient in context, in the words of who launched (SMART)."""

    token: str
    patient: str = ""


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """One client of the page at one provider."""

    provider: Provider
    client: PageClient

    @property
    def issuer(self) -> str:
        return self.provider.issuer

    @property
    def title(self) -> str:
        """What the button says."""
        return self.client.title or (urlsplit(self.issuer).hostname or self.issuer)

    def authorize(self) -> str:
        """Where people sign in, "" while the provider is away."""
        try:
            return self.provider.endpoint("authorization_endpoint")
        except Refusal:
            return ""

    def launched_by(self, iss: str) -> EhrLaunch | None:
        """The software of the settings that has exactly this address."""
        return next((each for each in self.client.launches if each.iss == iss), None)

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> Granted:
        """The access token of a code. Refusal "sign-in-refused" (401) when the provider takes it for none of its own,
        or the verifier for another's; "issuer-unavailable" (503) when it does not answer."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
            "client_id": self.client.client_id,
        }
        if self.client.resource:
            form["resource"] = self.client.resource
        address = self.provider.endpoint("token_endpoint")
        told = fetch_json(address, self._authentication(), form, no=NOT_SIGNED_IN)
        token = told.get("access_token")
        if not isinstance(token, str) or str(told.get("token_type")).lower() != "bearer":
            raise NOT_SIGNED_IN
        patient = told.get("patient")
        return Granted(token, patient if isinstance(patient, str) else "")

    def _authentication(self) -> dict[str, str]:
        """HTTP Basic as RFC 6749 2.3.1 wants it: both parts form-encoded first."""
        if self.client.secret_file is None:
            return {}
        try:
            secret = self.client.secret_file.read_text(encoding="utf-8").strip()
        except OSError:
            raise AWAY from None
        pair = f"{quote(self.client.client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
