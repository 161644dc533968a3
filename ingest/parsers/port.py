"""What a parser is: a score for some first bytes, and a reading of the whole."""

from __future__ import annotations

from typing import Protocol

from ingest.limits import Limits
from ocr.port import Ocr
from records.content import Reading


class Parser(Protocol):
    """One kind of document."""

    def claims(self, head: bytes, name: str) -> float:
        """How sure this parser is that it reads such a document, 0 (not at all) to 1, from its first bytes.

        `head` holds the first `media_type.HEAD` bytes; `name` (the file's, possibly empty) may only break a tie.
        """

    def parse(self, data: bytes, ocr: Ocr, limits: Limits) -> Reading:
        """Everything the document shows, without passages. Raises Refusal (stage "parse", or "read" from OCR)."""
