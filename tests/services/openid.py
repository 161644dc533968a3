"""A real OpenID provider (oidc-provider on node) for the tests, and a client that logs people in by the code flow."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from cli.local_services import cache_folder

HERE = Path(__file__).parent / "oidc"
Key = RSAKey | ECKey | OKPKey
AUDIENCE = "https://anamnese.example/api"
REDIRECT = "https://app.example/back"
SCOPES = [
    "scope_all",
    "patient/DocumentReference.read",
    "patient/*.read",
    "user/*.cruds",
    "user/DocumentReference.rs",
    "user/Patient.r",
    "user/Encounter.rs",
    "user/AllergyIntolerance.rs",
    "user/Provenance.r",
    "user/Composition.r",
    "user/Consent.c",
    "user/Consent.cruds?category=x",
]


def installed() -> Path:
    """The folder of the pinned provider, installed once for its lock file. Fails, saying why, without it."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed: apt-get install nodejs npm")
    lock = HERE / "package-lock.json"
    folder = cache_folder() / f"oidc-provider-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        made = folder.with_name(f"{folder.name}-{os.getpid()}")
        made.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, made)
        done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=made, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"npm ci of the identity provider failed: {done.stderr[-500:]}")
        (made / "installed").touch()
        try:
            made.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return folder


def new_key(kind: str = "RSA", **parameters: Any) -> Key:
    """A signing key with an id of its own."""
    options = {"kid": secrets.token_hex(4), "use": "sig"} | parameters
    if kind == "RSA":
        return RSAKey.generate_key(2048, options)
    return ECKey.generate_key("P-256", options) if kind == "EC" else OKPKey.generate_key("Ed25519", options)


@dataclass
class OpenId:
    """The provider's configuration; `run` starts it on its port, again with other keys if wished."""

    accounts: dict[str, dict[str, Any]]
    port: int = 0
    key: Key = field(default_factory=lambda: new_key(alg="RS256"))
    alg: str = "RS256"
    ttl: int = 600
    acr: list[str] = field(default_factory=lambda: ["eidas1"])
    mute: bool = False  # access tokens say no more than who their subject is: userinfo does
    liar: str | None = None  # of whom userinfo then speaks instead
    dumb: bool = False  # userinfo gives no answer
    back: str = ""  # where the page's client is sent back to; no such client without
    secret: str = ""  # of that client; a public one without
    launches: dict[str, str] = field(default_factory=dict)  # an EHR's patients in view, by the launch
    charts: dict[str, dict[str, Any]] = field(default_factory=dict)  # its Patients, at /fhir

    def __post_init__(self) -> None:
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def run(self) -> Iterator[OpenId]:
        folder = installed()
        script = folder / f"provider-{os.getpid()}-{self.port}.mjs"  # beside node_modules, where imports are looked up
        shutil.copy(HERE / "provider.mjs", script)
        child = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            child.stdin.write(json.dumps(self._configuration()))
            child.stdin.close()
            if child.stdout.readline().strip() != self.issuer:
                pytest.fail(f"the identity provider did not start: {child.stderr.read()[-800:]}")
            yield self
        finally:
            child.terminate()
            child.wait(20)
            child.stdout.close()
            child.stderr.close()
            script.unlink()

    def fetched(self) -> dict[str, int]:
        """How often discovery, keys, tokens and userinfo were asked for."""
        counts: dict[str, int] = httpx.get(f"{self.issuer}/fetched").json()
        return counts

    def login(self, account: str, scope: str = "scope_all", *, ago: int = 0) -> str:
        """An access token of a person who logged in `ago` seconds ago, by code and PKCE."""
        return self._tokens(account, scope, ago)["access_token"]

    def id_token(self, account: str) -> str:
        return self._tokens(account, "scope_all", 0)["id_token"]

    def client_token(self, client: str, scope: str = "scope_all") -> str:
        """An access token of a system, by client credentials."""
        form = {"grant_type": "client_credentials", "scope": scope, "resource": AUDIENCE}
        answer = httpx.post(f"{self.issuer}/token", data=form, auth=(client, f"{client}-secret-of-the-tests"))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @property
    def fhir(self) -> str:
        """The FHIR address of the EHR that this provider plays."""
        return f"{self.issuer}/fhir"

    def code(self, account: str, scope: str = "scope_all", *, ago: int = 0, **more: str) -> tuple[str, str]:
        """A code of a person who logged in for the client "app", and its verifier; `more` parameters are asked with."""
        verifier = secrets.token_urlsafe(40)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": "app",
            "response_type": "code",
            "scope": f"openid {scope}",
            "redirect_uri": REDIRECT,
            "login_hint": account,
            "state": str(ago),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": AUDIENCE,
            **more,
        }
        with httpx.Client(base_url=self.issuer) as browser:
            answer = browser.get("/auth", params=asked)
            for _ in range(6):
                where = answer.headers.get("location", "")
                if where.startswith(REDIRECT):
                    break
                assert where, answer.text
                answer = browser.get(urljoin(self.issuer, where))
            assert "code=" in where, where
            (code,) = parse_qs(urlsplit(where).query)["code"]
            return code, verifier

    def _tokens(self, account: str, scope: str, ago: int) -> dict[str, str]:
        code, verifier = self.code(account, scope, ago=ago)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": verifier,
            "resource": AUDIENCE,
            "client_id": "app",
        }
        answer = httpx.post(f"{self.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, str] = answer.json()
        return tokens

    def _page(self) -> list[dict[str, Any]]:
        secret = {"client_secret": self.secret} if self.secret else {}
        method = "client_secret_basic" if self.secret else "none"
        client = {
            "client_id": "page",
            "token_endpoint_auth_method": method,
            "redirect_uris": [self.back],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "id_token_signed_response_alg": self.alg,
        }
        return [client | secret] if self.back else []

    def _configuration(self) -> dict[str, Any]:
        systems = [
            {
                "client_id": name,
                "client_secret": f"{name}-secret-of-the-tests",
                "grant_types": ["client_credentials"],
                "redirect_uris": [],
                "response_types": [],
                "token_endpoint_auth_method": "client_secret_basic",
                "id_token_signed_response_alg": self.alg,
            }
            for name in ("dpi", "other-system")
        ]
        app = {
            "client_id": "app",
            "token_endpoint_auth_method": "none",
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "id_token_signed_response_alg": self.alg,
        }
        return {
            "port": self.port,
            "jwks": {"keys": [{**self.key.as_dict(private=True), "kid": self.key.kid, "alg": self.alg}]},
            "audience": AUDIENCE,
            "accounts": self.accounts,
            "clients": [app, *systems, *self._page()],
            "scopes": SCOPES,
            "acr": self.acr,
            "ttl": self.ttl,
            "alg": self.alg,
            "mute": self.mute,
            "liar": self.liar,
            "dumb": self.dumb,
            "launches": self.launches,
            "charts": self.charts,
        }
