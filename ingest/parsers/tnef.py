"""Outlook's winmail.dat (MS-OXTNEF): the text and the attachments that Exchange wraps for itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from access.refusal import Refusal
from ingest.decode import decode
from ingest.limits import Limits
from ingest.media_type import TNEF, is_type
from ingest.parsers.members import Inside, Member, bytes_of, read_parts
from ingest.parsers.narrative import clean
from ingest.parsers.port import Kept, Pages
from ocr.port import Ocr
from records.content import Metadata

_ATTRIBUTE = struct.Struct("<BII")
_START = 6  # bytes of the signature and the key
_CHECKSUM = 2
_BODY, _SUBJECT = 0x2800C, 0x18004
_NEXT_ATTACHMENT, _TITLE, _DATA = 0x69002, 0x18010, 0x6800F


class TnefParser:
    """`inside` reads the attachments."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, TNEF) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        members = list(_members(data))
        if not members:
            raise Refusal(
                "parse",
                "no-content",
                "Ce fichier d'Outlook (winmail.dat) ne contient ni texte ni pièce jointe.",
                "Demandez à l'émetteur d'envoyer son message en HTML ou en texte.",
            )
        subject = next((one for name, one in _attributes(data) if name == _SUBJECT), b"")
        return read_parts(members, Metadata(title=_words(subject)), self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The text and the attachments, in the order of their pages."""
    yield from bytes_of(_members(data))


def _members(data: bytes) -> Iterator[Member]:
    """The text, then each attachment, with several in a section of its name."""
    found: list[tuple[bytes, bytes]] = []  # name, content
    for name, value in _attributes(data):
        if name == _BODY and value.strip(b"\x00\r\n\t "):
            yield Member(value.rstrip(b"\x00"))
        elif name == _NEXT_ATTACHMENT:
            found.append((b"", b""))
        elif name == _TITLE and found:
            found[-1] = (value, found[-1][1])
        elif name == _DATA and found:
            found[-1] = (found[-1][0], value)
    for title, content in found:
        if content:
            yield Member(content, _words(title) if len(found) > 1 else "")


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(name, value) of each attribute. Raises Refusal "damaged-tnef" for a file that is cut."""
    at = _START
    while at < len(data):
        if at + _ATTRIBUTE.size > len(data):
            raise _damaged()
        _, name, length = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if at + length > len(data):
            raise _damaged()
        yield name, data[at : at + length]
        at += length + _CHECKSUM


def _words(value: bytes) -> str:
    decoded = decode(value.rstrip(b"\x00"))
    return clean(decoded.text)[:200] if decoded is not None else ""


def _damaged() -> Refusal:
    return Refusal(
        "parse",
        "damaged-tnef",
        "Le fichier d'Outlook (winmail.dat) est abîmé ou incomplet.",
        "Demandez à l'émetteur d'envoyer son message en HTML ou en texte.",
    )
