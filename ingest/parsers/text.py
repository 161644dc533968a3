"""Plain text in any common encoding. Form feeds end pages, long texts are paged."""

from __future__ import annotations

import dataclasses

from access.refusal import Refusal
from ingest.decode import decode
from ingest.limits import Limits
from ingest.media_type import TEXT, readable_type
from ingest.paging import paginate
from ocr.port import Ocr
from records.content import Page, Reading, Source


class TextParser:
    """Claims little, so that every parser which recognises a structure goes first."""

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.2 if readable_type(head) == TEXT else 0.0

    def parse(self, data: bytes, ocr: Ocr, limits: Limits) -> Reading:  # noqa: ARG002
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
        pages: list[Page] = []
        for sheet in decoded.text.split("\f"):
            for page in paginate(sheet, Source.PLAIN, reader, note=note if "�" in sheet else ""):
                pages.append(dataclasses.replace(page, number=len(pages) + 1))
        if not pages:
            raise Refusal("parse", "no-content", "Le fichier ne contient aucun texte.", "Vérifiez le fichier.")
        return Reading(tuple(pages))
