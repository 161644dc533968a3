"""Plain text in any common encoding. Form feeds end pages, long texts are paged."""

from __future__ import annotations

import dataclasses

from access.refusal import Refusal
from ingest.decode import decode
from ingest.limits import Limits
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
        """Raises Refusal "not-text" when what follows the head is no text, "no-content" when there is none."""
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
        count = 0
        for sheet in decoded.text.split("\f"):
            for page in paginate(sheet, Source.PLAIN, reader, note=note if "�" in sheet else ""):
                count += 1
                yield dataclasses.replace(page, number=count)
        if not count:
            raise Refusal("parse", "no-content", "Le fichier ne contient aucun texte.", "Vérifiez le fichier.")
        return Metadata()
