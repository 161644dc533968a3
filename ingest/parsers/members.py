"""Files inside a document: each is read by its own parser, and its pages follow in the document's order.

A file that cannot be read leaves an unreadable page that says why. When nothing at all was read, the document is
refused for the reason of its first file. What all files expand to together stays under the limits of one document.

A page has the same number in every turn of a long reading, whatever was kept meanwhile: else a page kept of one file
would stand for that of another. So what decides on going on looks at no text of earlier pages, and a file that gave
pages gets none more when it is refused.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import HEAD, TEXT, readable_type
from ingest.parsers.port import Kept, KeptPage, Pages
from ocr.port import Ocr
from records.content import Metadata, Page, Section

_CODED = re.compile(r"[A-Za-z0-9+/\s]{200,}={0,2}\s*")
Inside = Callable[[bytes, str, Ocr, Limits, Kept], Pages]
"""Reads a file that stands inside another, whatever it is: `ingest.parse.pages_of`."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside: its bytes, or why they could not be had.

    `section` is the title that its pages get, if any; without a `vital` file the document is refused.
    """

    data: bytes | Refusal
    section: str = ""
    vital: bool = False


Part = Page | Member


def read_parts(
    parts: Iterable[Part], envelope: Metadata, inside: Inside, ocr: Ocr, limits: Limits, kept: Kept
) -> Pages:
    """The pages of `parts` in order, numbered from 1, as they are read; what the envelope and the files in it say.

    Raises Refusal: of a file that goes over the document's limits, of OCR, or of the first file when nothing was read.
    """
    stated: list[Metadata] = []
    refused: Refusal | None = None
    count, left, said = 0, limits.bytes, False
    for part in parts:
        if isinstance(part, Page):
            count += 1
            said = said or is_read(part)
            yield dataclasses.replace(part, number=count)
            continue
        given, readable = 0, False
        rest = dataclasses.replace(limits, bytes=left, pages=limits.pages - count)
        if isinstance(part.data, bytes):
            left -= len(part.data)
        pages = _read(part, inside, ocr, rest, _after(count, kept))
        try:
            while True:
                page = next(pages)
                given += 1
                readable = readable or is_read(page)
                yield _placed(page, count + given, part.section)
        except StopIteration as end:
            stated.append(end.value)
        except Refusal as refusal:
            if refusal.stage == "read" or refusal.code == "too-much-text" or part.vital or readable:
                raise
            refused = refused or refusal
            if not given:
                given = 1
                yield Page(count + 1, "", unreadable=True, note=f"Pièce jointe non lue : {refusal.message}")
        count, said = count + given, said or readable
    if refused is not None and not said:
        raise refused
    return combined(envelope, stated)


def noted(pages: Pages, note: str) -> Pages:
    """`pages`, the first of which tells `note`, if any; one that was kept tells it already."""
    try:
        first = next(pages)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    if note and isinstance(first, Page):
        first = dataclasses.replace(first, note=f"{first.note} {note}".strip())
    yield first
    return (yield from pages)


def is_read(page: Page | KeptPage) -> bool:
    """Whether a page shows something: what was kept did."""
    return isinstance(page, KeptPage) or bool(page.text) or page.width > 0


def _read(member: Member, inside: Inside, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
    """The member's pages within what is left of the limits."""
    if isinstance(member.data, Refusal):
        raise member.data
    if limits.depth < 1:
        raise Refusal("parse", "too-deep", "Trop de documents sont emboîtés.", "Déposez le document intérieur seul.")
    return (yield from inside(member.data, "", ocr, dataclasses.replace(limits, depth=limits.depth - 1), kept))


def _after(before: int, kept: Kept) -> Kept:
    """The same question asked by a file inside, whose pages follow `before` others."""
    return lambda number: kept(before + number)


def _placed(page: Page | KeptPage, number: int, section: str) -> Page | KeptPage:
    return dataclasses.replace(page if isinstance(page, KeptPage) else in_section(page, section), number=number)


def in_section(page: Page, title: str) -> Page:
    """`page` inside a section of this title; a section that the page states itself stands inside it."""
    if not title or not page.text:
        return page
    return dataclasses.replace(page, sections=(Section(0, len(page.text), title), *page.sections))


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
    said["cancels"] = tuple(dict.fromkeys(name for one in every for name in one.cancels))
    said["aliases"] = _names(envelope, inner, said.get("unique_id", ""))
    inside = (dataclasses.replace(signature, whole=False) for one in inner for signature in one.signatures)
    said["signatures"] = (*envelope.signatures, *inside)
    said["patients"] = tuple(dict.fromkeys(who for one in every for who in one.patients))
    return Metadata(**said)


def _names(envelope: Metadata, inner: list[Metadata], unique_id: str) -> tuple[str, ...]:
    """The envelope's names, and those of the one document in it: a later message may only know the first. What names
    one of several documents must not speak for all."""
    own = (envelope.unique_id,) if envelope.unique_id != unique_id else ()
    speakers = [one for one in inner if len(inner) == 1 or (unique_id and one.unique_id == unique_id)]
    return tuple(dict.fromkeys(filter(None, (*envelope.aliases, *own, *(x for one in speakers for x in one.aliases)))))


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


def unstated_base64(text: str, limit: int) -> bytes | None:
    """The file in a text of which nobody says that it is base64; None for words, however long."""
    if not _CODED.fullmatch(text):
        return None
    try:
        data = from_base64(text, limit)
    except Refusal:
        return None
    return data if readable_type(data[:HEAD]) not in (None, TEXT) else None


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
