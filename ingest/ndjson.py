"""A file of FHIR NDJSON, looked at once from end to end: where its lines begin, and whom its Patient lines name.

No line is held whole: of each only its head is kept, and a Patient longer than that is not looked into.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Protocol

HEAD = 64 * 1024
"""Bytes of a line that are looked at: a Patient takes one or two thousand."""
Patients = dict[str, tuple[tuple[str, str], ...]]
"""id of a Patient line → its (system, value) identifiers, systems without "urn:oid:"."""


class Lines(Protocol):
    """A file opened for reading in binary, buffered."""

    def readline(self, size: int, /) -> bytes:
        """At most `size` bytes of the next line; b"" at the end."""


def lines_in(stream: Lines) -> Iterator[tuple[int, int, bytes]]:
    """Every line that is not blank: its number from 1, its first byte, its first HEAD bytes."""
    number, place, start = 1, 0, 0
    head, blank = b"", True
    while piece := stream.readline(HEAD):
        head = head or piece
        blank = blank and not piece.strip()
        place += len(piece)
        if piece.endswith(b"\n"):
            if not blank:
                yield number, start, head
            number, start, head, blank = number + 1, place, b"", True
    if not blank:
        yield number, start, head


def patient_in(head: bytes) -> Patients:
    """Whom a line names, when it is a Patient; nothing for any other."""
    if b'"Patient"' not in head:
        return {}
    try:
        found = json.loads(head)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or found.get("resourceType") != "Patient" or not isinstance(found.get("id"), str):
        return {}
    listed = found.get("identifier")
    named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    pairs = [(str(one.get("system", "")).removeprefix("urn:oid:"), one.get("value")) for one in named]
    return {found["id"]: tuple((system, value) for system, value in pairs if isinstance(value, str) and value)}
