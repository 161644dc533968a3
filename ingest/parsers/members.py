"""Files inside a document: each is read by its own parser, and its pages follow in the document's order.

A file that cannot be read leaves an unreadable page that says why. When nothing at all was read, the document is
refused for the reason of its first file. What all files expand to together stays under the limits of one document.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from access.refusal import Refusal
from ingest.limits import Limits
from ocr.port import Ocr
from records.content import Metadata, Page, Reading, Section

Inside = Callable[[bytes, str, Ocr, Limits], Reading]
"""Reads a file that stands inside another, whatever it is: `ingest.parse.parse`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside: its bytes, or why they could not be had.

    `section` is the title that its pages get, if any; without a `vital` file the document is refused.
    """

    data: bytes | Refusal
    section: str = ""
    vital: bool = False


Part = Page | Member


def read_parts(parts: Iterable[Part], envelope: Metadata, inside: Inside, ocr: Ocr, limits: Limits) -> Reading:
    """The pages of `parts` in order, numbered from 1, and what the envelope and the files in it say.

    Raises Refusal: of a part that went over the document's limits, of OCR, or of the first file when nothing was read.
    """
    pages: list[Page] = []
    stated: list[Metadata] = []
    refused: Refusal | None = None
    left = limits
    for part in parts:
        if isinstance(part, Page):
            pages.append(part)
            continue
        try:
            reading, left = _read(part, inside, ocr, left)
        except Refusal as refusal:
            if refusal.stage == "read" or part.vital:
                raise
            refused = refused or refusal
            pages.append(Page(1, "", unreadable=True, note=f"Pièce jointe non lue : {refusal.message}"))
            continue
        stated.append(reading.metadata)
        pages += [in_section(page, part.section) for page in reading.pages]
    if refused is not None and not any(page.text or page.width for page in pages):
        raise refused
    return Reading(numbered(pages), combined(envelope, stated))


def _read(member: Member, inside: Inside, ocr: Ocr, limits: Limits) -> tuple[Reading, Limits]:
    """The member's reading, and what is left of the limits after it."""
    if isinstance(member.data, Refusal):
        raise member.data
    if limits.depth < 1:
        raise Refusal("parse", "too-deep", "Trop de documents sont emboîtés.", "Déposez le document intérieur seul.")
    reading = inside(member.data, "", ocr, dataclasses.replace(limits, depth=limits.depth - 1))
    left = dataclasses.replace(
        limits,
        bytes=limits.bytes - len(member.data),
        pages=limits.pages - len(reading.pages),
        characters=limits.characters - sum(len(page.text) for page in reading.pages),
    )
    return reading, left


def in_section(page: Page, title: str) -> Page:
    """`page` inside a section of this title; a section that the page states itself stands inside it."""
    if not title or not page.text:
        return page
    return dataclasses.replace(page, sections=(Section(0, len(page.text), title), *page.sections))


def numbered(pages: Iterable[Page]) -> tuple[Page, ...]:
    """`pages` numbered from 1."""
    return tuple(dataclasses.replace(page, number=number) for number, page in enumerate(pages, 1))


def combined(envelope: Metadata, stated: Iterable[Metadata]) -> Metadata:
    """What a document says of itself, when it came in an envelope (a message, a mail, an archive).

    A file that names itself (a CDA document in a message) goes before its envelope, unless two such files disagree;
    any other (the title of a PDF) only fills what the envelope leaves empty. Identities and confidentiality are never
    dropped: all that are stated are kept.
    """
    inner = list(stated)
    named = _agreed(one for one in inner if one.unique_id)
    said = _agreed(inner) | _said(envelope) | named
    every = [envelope, *inner]
    said["confidentiality"] = " ".join(dict.fromkeys(code for one in every for code in one.confidentiality.split()))
    said["patient_ins"] = tuple(dict.fromkeys(pair for one in every for pair in one.patient_ins))
    said["patients"] = tuple(dict.fromkeys(who for one in every for who in one.patients))
    return Metadata(**said)


def _agreed(stated: Iterable[Metadata]) -> dict[str, Any]:
    """The fields on which those that fill them agree."""
    said: dict[str, Any] = {}
    for one in stated:
        for name, value in _said(one).items():
            said[name] = value if said.setdefault(name, value) == value else None
    return {name: value for name, value in said.items() if value is not None}


def _said(one: Metadata) -> dict[str, Any]:
    pairs = ((field.name, getattr(one, field.name), field.default) for field in dataclasses.fields(one))
    return {name: value for name, value, default in pairs if value != default}


def from_base64(text: str, limit: int) -> bytes:
    """The bytes of `text`, white space left out, padding completed.

    Raises Refusal "too-large" (over `limit` bytes) or "damaged-attachment".
    """
    compact = "".join(text.split())
    if len(compact) * 3 // 4 > limit:
        raise too_large()
    compact = compact.rstrip("=")
    try:
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise damaged_attachment() from error


def too_large() -> Refusal:
    """The Refusal of an attachment that expands over the limit."""
    return Refusal("parse", "too-large", "La pièce jointe dépasse la taille permise.", "Déposez-la seule.")


def damaged_attachment() -> Refusal:
    """The Refusal of an attachment whose coding is wrong."""
    return Refusal(
        "parse", "damaged-attachment", "La pièce jointe est mal codée.", "Demandez le document à l'émetteur."
    )


def elsewhere(*, vital: bool = False) -> Member:
    """A file that the document only points to: it is not fetched."""
    return Member(
        Refusal(
            "parse",
            "external-body",
            "Le document renvoie à un fichier qui est ailleurs.",
            "Déposez aussi ce fichier, ou demandez le document complet à l'émetteur.",
        ),
        vital=vital,
    )


def bytes_of(parts: Iterable[Part]) -> Iterator[bytes]:
    """The files among `parts`, in order, damaged ones left out."""
    for part in parts:
        if isinstance(part, Member) and isinstance(part.data, bytes):
            yield part.data
