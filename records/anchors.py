"""Anchors: what the journal's end was, told where the database's keepers cannot write. They show a journal put back.

A file takes one JSON line an anchor (append only: `chattr +a`, or a mount of another machine); an address gets the same
object by POST. What is received there is trusted, what is here is compared with it by `journal.verify`.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from access.refusal import Refusal
from records import journal
from records.database import Records
from records.journal import Anchor

TIMEOUT = 10.0  # seconds
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Shore:
    """Where anchors go: a file, an address, or both. Refusal "bad-settings" for an address that is neither https nor
    on this machine."""

    file: Path | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url or "https://")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise Refusal(
                "start",
                "bad-settings",
                "Les ancres du journal partent en https, ou vers cette machine.",
                "Corrigez ANAMNESE_ANCHOR_URL.",
            )

    def drop(self, records: Records, now: datetime) -> Anchor:
        """Send the journal's end. Refusal "anchor-not-kept" when one of the places does not take it."""
        with records.read() as tx:
            made = journal.anchor(tx)
        line = json.dumps({"at": now.isoformat(), "length": made.length, "last": made.last}, sort_keys=True)
        try:
            if self.file is not None:
                _append(self.file, line)
            if self.url is not None:
                headers = {"Content-Type": "application/json"}
                request = urllib.request.Request(self.url, line.encode(), headers, method="POST")
                urllib.request.urlopen(request, timeout=TIMEOUT).close()
        except OSError:
            raise Refusal(
                "journal",
                "anchor-not-kept",
                "L'ancre du journal n'a pas été gardée.",
                "Vérifiez ANAMNESE_ANCHOR_FILE et ANAMNESE_ANCHOR_URL.",
            ) from None
        return made


def read_anchors(file: Path) -> list[Anchor]:
    """The anchors of a file. Refusal "bad-anchors" when a line is none: a file in doubt proves nothing."""
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        return [Anchor(int(line["length"]), str(line["last"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refusal(
            "journal",
            "bad-anchors",
            "Le fichier des ancres ne se lit pas, ou n'en est pas un.",
            "Prenez la copie que garde l'autre machine.",
        ) from None


def _append(file: Path, line: str) -> None:
    """One write of one line, on the disk before it returns."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
