"""A master key inside a key-management service, in the shape of the transit engine of HashiCorp Vault and OpenBao.

    POST {url}/encrypt/{name}       {"plaintext", "associated_data"} -> {"data": {"ciphertext": "vault:v3:..."}}
    POST {url}/decrypt/{name}       {"ciphertext", "associated_data"} -> {"data": {"plaintext"}}
    GET  {url}/keys/{name}          -> {"data": {"latest_version", "min_decryption_version"}}
    POST {url}/keys/{name}/rotate, /config, /trim

`url` ends with the engine's mount ("https://vault:8200/v1/transit"). The token is read from its file at each call, so
that an agent may renew it. The key needs a type that takes associated data (aes256-gcm96, the default of transit).
An HSM stands behind the same shape, by the service that holds it.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from access.refusal import Refusal
from records.master import MasterVersion, Wrapped, wrong

TIMEOUT = 10.0  # seconds a call
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class TransitMaster:
    """Versions of one named key of a service. Refusal "master-key-unavailable" when it does not answer or refuses."""

    def __init__(self, url: str, name: str, token_file: Path | None) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise Refusal(
                "start",
                "bad-settings",
                "Le service de clés doit être joint en https, ou sur cette machine.",
                "Corrigez ANAMNESE_KMS_URL.",
            )
        self._url, self._name, self._token_file = url.rstrip("/"), quote(name, safe=""), token_file
        self._id = name

    def wrap(self, key: bytes, place: str) -> Wrapped:
        """See `records.master.MasterKey`."""
        given = {"plaintext": _coded(key), "associated_data": _coded(place.encode())}
        text = str(self._ask("encrypt", given)["ciphertext"])
        try:
            number = int(text.split(":")[1].removeprefix("v"))
        except (IndexError, ValueError):
            raise _unavailable() from None
        return Wrapped(MasterVersion("transit", self._id, number), text.encode())

    def unwrap(self, wrapped: Wrapped, place: str) -> bytes:
        """See `records.master.MasterKey`. Refusal "master-key-wrong" when the service knows neither key nor version."""
        if (wrapped.by.provider, wrapped.by.key_id) != ("transit", self._id):
            raise wrong()
        given = {"ciphertext": wrapped.ciphertext.decode(), "associated_data": _coded(place.encode())}
        key = base64.b64decode(str(self._ask("decrypt", given)["plaintext"]))
        if len(key) != 32:
            raise wrong()
        return key

    def versions(self) -> Sequence[MasterVersion]:
        """See `records.master.MasterKey`."""
        told = self._call("GET", f"keys/{self._name}")
        first, last = int(told.get("min_decryption_version") or 1), int(told["latest_version"])
        return [MasterVersion("transit", self._id, number) for number in range(max(1, first), last + 1)]

    def renew(self) -> MasterVersion:
        """See `records.master.MasterKey`. The service's policy may leave this to its own keepers."""
        self._call("POST", f"keys/{self._name}/rotate", {})
        return self.versions()[-1]

    def destroy(self, version: MasterVersion) -> None:
        """See `records.master.MasterKey`. Older versions go with it: the service keeps a lowest version, not a list."""
        least = version.number + 1
        floor = {"min_decryption_version": least, "min_encryption_version": least}
        self._call("POST", f"keys/{self._name}/config", floor)
        self._call("POST", f"keys/{self._name}/trim", {"min_available_version": least})

    def _ask(self, verb: str, given: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", f"{verb}/{self._name}", given)

    def _call(self, method: str, path: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **self._token()}
        body = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(f"{self._url}/{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            raise (wrong() if path.startswith("decrypt/") and error.code == 400 else _unavailable()) from None
        except OSError:
            raise _unavailable() from None
        try:
            data = json.loads(content or b"{}").get("data") or {}
        except ValueError:
            raise _unavailable() from None
        return dict(data)

    def _token(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            return {"X-Vault-Token": self._token_file.read_text(encoding="ascii").strip()}
        except (OSError, ValueError):
            raise _unavailable() from None


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unavailable() -> Refusal:
    return Refusal(
        "records",
        "master-key-unavailable",
        "Le service qui garde la clé maîtresse ne répond pas ou refuse.",
        "Vérifiez ANAMNESE_KMS_URL, ANAMNESE_KMS_KEY, le jeton de ANAMNESE_KMS_TOKEN_FILE et ses droits.",
    )
