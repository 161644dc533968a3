"""Plain text in any common encoding. Form feeds end pages, long texts are paged."""

from __future__ import annotations

import dataclasses

from access.refusal import Refusal
from ingest.decode import decode
from ingest.exponents import marks_apart
from ingest.limits import Limits, check_characters, check_pages
from ingest.media_type import TEXT, readable_type
from ingest.paging import paginate
from ingest.parsers.port import Kept, Pages
from ocr.port import Ocr
from records.content import Metadata, Source


class TextParser:
    """Claims little, so that every parser which recognises a structure goes first."""

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.2 if readable_type(head) == TEXT else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:  # noqa: ARG002
        """Raises Refusal "not-text" when what follows the head is no text, "no-content" when there is none,
        "too-much-text" or "too-many-pages" before the first page."""
        decoded = decode(data)
        if decoded is None:
            raise Refusal(
                "parse",
                "not-text",
                "Le fichier commence comme du texte mais contient des données binaires.",
                "Vérifiez le fichier, ou déposez un PDF.",
            )
        note = f"{decoded.replaced} caractère(s) illisible(s) remplacé(s) par �." if decoded.replaced else ""
        reader = f"text {decoded.encoding}"
        check_characters(len(decoded.text), limits)
        pages = [
            page
            for sheet in decoded.text.split("\f")
            for page in paginate(marks_apart(sheet), Source.PLAIN, reader, note=note if "�" in sheet else "")
        ]
        check_pages(len(pages), limits)  # before any is looked into for facts: 2,000 pages take minutes
        for number, page in enumerate(pages, 1):
            yield dataclasses.replace(page, number=number)
        if not pages:
            raise Refusal("parse", "no-content", "Le fichier ne contient aucun texte.", "Vérifiez le fichier.")
        return Metadata()
