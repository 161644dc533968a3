"""A file of FHIR NDJSON, looked at once from end to end: where its lines begin, and what other lines may refer to.

No line is held whole: only its head is looked at. There are the id of a Binary and the id and name of a
DocumentReference, since R4 puts them before the bytes; a Patient is shorter than that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

HEAD = 64 * 1024
"""Bytes of a line that are looked at: a Patient takes one or two thousand."""
_NEXT = re.compile(r"[\s,:]*")


@dataclass(slots=True)
class Index:
    """What the lines of a file can be referred to as, by their ids.

    `patients`: (assigner, value) identifiers, OIDs bare. `binaries`: the line's first byte.
    `names`: the makers' name of a DocumentReference. An id of two lines is None: it says nothing. Two lines that say
    the same of a patient are one.
    """

    patients: dict[str, tuple[tuple[str, str], ...] | None] = field(default_factory=dict)
    binaries: dict[str, int | None] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)


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


def index_of(stream: Lines) -> Index:
    """What the lines of a file can be referred to as."""
    index = Index()
    for _, place, head in lines_in(stream):
        if not any(kind in head for kind in (b'"Patient"', b'"Binary"', b'"DocumentReference"')):
            continue
        found = _top(head)
        name = found.get("id")
        if not isinstance(name, str):
            continue
        match found.get("resourceType"):
            case "Patient":
                said = _identifiers(found)
                index.patients[name] = said if index.patients.get(name, said) == said else None
            case "Binary":
                index.binaries[name] = None if name in index.binaries else place
            case "DocumentReference":
                own = found.get("masterIdentifier")
                called = str(own.get("value") or "") if isinstance(own, dict) else ""
                index.names[name] = None if name in index.names else called
    return index


def _identifiers(patient: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    listed = patient.get("identifier")
    named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    pairs = [(_assigner(one), one.get("value")) for one in named]
    return tuple((system, value) for system, value in pairs if isinstance(value, str) and value)


def _assigner(identifier: dict[str, Any]) -> str:
    """Who gave a number: its system, else the name of whoever did."""
    by = identifier.get("assigner")
    named = by.get("display", "") if isinstance(by, dict) else ""
    return str(identifier.get("system") or named).removeprefix("urn:oid:")


def _top(head: bytes) -> dict[str, Any]:
    """The members of an object, as far as its head goes."""
    found: dict[str, Any] = {}
    text, decoder = head.decode("utf-8", "ignore").lstrip(), json.JSONDecoder()
    place = 1 if text.startswith("{") else len(text)
    try:
        while place < len(text) and text[place] != "}":
            name, place = decoder.raw_decode(text, _after(text, place))
            found[str(name)], place = decoder.raw_decode(text, _after(text, place))
            place = _after(text, place)
    except (ValueError, RecursionError):  # the head ends inside a member; a line that is no JSON is refused as one
        pass
    return found


def _after(text: str, place: int) -> int:
    match = _NEXT.match(text, place)
    return place if match is None else match.end()
