"""What a parser is: a score for some first bytes, and pages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from ingest.limits import Limits
from ocr.port import Ocr
from records.content import Metadata, Page


@dataclass(frozen=True, slots=True)
class KeptPage:
    """Stands for a page that an earlier attempt read and kept."""

    number: int


Kept = Callable[[int], bool]
"""Whether the page of this number was kept: it is passed over, a KeptPage in its place."""

Pages = Generator[Page | KeptPage, None, Metadata]
"""Pages in order, numbered from 1; the generator returns what the document says of itself."""


def none_kept(number: int) -> bool:  # noqa: ARG001
    """Of a document that nobody began to read."""
    return False


class Parser(Protocol):
    """One kind of document."""

    def claims(self, head: bytes, name: str) -> float:
        """How sure this parser is that it reads such a document, 0 (not at all) to 1, from its first bytes.

        `head` holds the first `media_type.HEAD` bytes; `name` (the file's, possibly empty) may only break a tie.
        """

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        """Everything the document shows, a page at a time: a long document is never whole in memory.

        Raises Refusal (stage "parse", or "read" from OCR), perhaps after some pages: they then count for nothing.
        """
