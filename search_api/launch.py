"""A launch link: hospital software names a patient and a practitioner, whose browser opens the record here, once.

    {"r": RPPS, "p": pseudonym of what was presented, "k": the record's own id or "p" again, "e": expiry, "j": random}

sealed (AES-256-GCM) under a service key, so that a link says nothing to whoever holds it and cannot be made elsewhere.
It holds no INS, and what a link says is kept nowhere: only that it was used, until it expires (records/assertions.py).
It is no right and no authentication: it stands for typing an identity at the door, and the door's rules follow.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from access.identifiers import PatientId
from access.refusal import Refusal
from records import assertions
from records.database import Tx
from records.keys import KeyStore
from records.sealed import seal, unseal

LIFE = timedelta(minutes=5)
LONGEST = 600  # characters; ours have about 300
FRAGMENT = "/#launch="
"""The link stands in the fragment: a browser sends that to nobody, so no log and no referrer holds it."""

NO_SUCH_LINK = Refusal(
    "ask",
    "no-such-link",
    "Ce lien n'ouvre rien pour vous.",
    "Un lien sert une fois, quelques minutes, au seul professionnel pour qui il est fait : demandez-en un nouveau.",
)
_AAD = "launch-links/1"


@dataclass(frozen=True, slots=True)
class Launch:
    """Who may open whom until when. `known` is the record's own id, `pseudonym` what anybody else may be told."""

    rpps: str
    pseudonym: PatientId
    known: PatientId
    until: datetime
    name: str


class LaunchLinks:
    """Makes and reads links with one key of the home."""

    def __init__(self, keys: KeyStore) -> None:
        self._key = keys.service_key("launch-links")

    def make(self, rpps: str, pseudonym: PatientId, known: PatientId | None, now: datetime) -> tuple[str, datetime]:
        """A new link of the same length whoever is known here, and until when it is good."""
        until = int((now + LIFE).timestamp())
        said = {"r": rpps, "p": pseudonym, "k": known or pseudonym, "e": until, "j": secrets.token_hex(16)}
        sealed = seal(self._key, json.dumps(said).encode(), _AAD)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("="), datetime.fromtimestamp(until, UTC)

    def read(self, link: str, now: datetime) -> Launch | None:
        """What a link of ours says; None for a false or an expired one."""
        try:
            said = json.loads(unseal(self._key, base64.urlsafe_b64decode(link + "=" * (-len(link) % 4)), _AAD))
        except (ValueError, binascii.Error, Refusal):
            return None
        until = datetime.fromtimestamp(said["e"], UTC)
        launch = Launch(said["r"], PatientId(said["p"]), PatientId(said["k"]), until, said["j"])
        return launch if now < until else None


def spend(tx: Tx, launch: Launch, now: datetime) -> bool:
    """Use a link; False when it was used before."""
    return assertions.spend(tx, f"launch\x1f{launch.name}", launch.until, now)
