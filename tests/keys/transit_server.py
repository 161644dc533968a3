"""A small key-management service in the shape of Vault's transit engine, as a process of its own.

    python transit_server.py TOKEN        prints its port, then serves on the loopback until killed

It keeps its keys in memory and gives none away. Only the tests use it.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = sys.argv[1]
KEYS: dict[int, bytes] = {1: os.urandom(32)}
FLOOR = {"min_decryption_version": 1, "min_encryption_version": 0}


class Transit(BaseHTTPRequestHandler):
    """The five calls of one key named "anamnese"."""

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}"))

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, given: dict[str, Any]) -> None:
        if self.headers.get("X-Vault-Token") != TOKEN:
            self._answer(403, {"errors": ["permission denied"]})
            return
        try:
            self._answer(200, {"data": self._done(self.command, self.path.removeprefix("/v1/transit/"), given)})
        except (InvalidTag, KeyError, ValueError) as error:
            self._answer(400, {"errors": [type(error).__name__]})

    def _done(self, method: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
        place = base64.b64decode(given.get("associated_data", ""))
        match method, path:
            case "GET", "keys/anamnese":
                return {"latest_version": max(KEYS), "type": "aes256-gcm96", **FLOOR}
            case "POST", "keys/anamnese/rotate":
                KEYS[max(KEYS) + 1] = os.urandom(32)
                return {}
            case "POST", "keys/anamnese/config":
                FLOOR.update({name: int(given[name]) for name in FLOOR if name in given})
                return {}
            case "POST", "keys/anamnese/trim":
                if given["min_available_version"] > min(FLOOR.values()):
                    raise ValueError
                for number in [n for n in KEYS if n < given["min_available_version"]]:
                    del KEYS[number]
                return {}
            case "POST", "encrypt/anamnese":
                nonce, number = os.urandom(12), max(KEYS)
                sealed = nonce + AESGCM(KEYS[number]).encrypt(nonce, base64.b64decode(given["plaintext"]), place)
                return {"ciphertext": f"vault:v{number}:{base64.b64encode(sealed).decode()}"}
            case "POST", "decrypt/anamnese":
                _, version, text = given["ciphertext"].split(":")
                number, sealed = int(version[1:]), base64.b64decode(text)
                if number < FLOOR["min_decryption_version"]:
                    raise ValueError
                return {
                    "plaintext": base64.b64encode(
                        AESGCM(KEYS[number]).decrypt(sealed[:12], sealed[12:], place)
                    ).decode()
                }
        raise ValueError

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Transit)
    print(server.server_address[1], flush=True)
    server.serve_forever()
