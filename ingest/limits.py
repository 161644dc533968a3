"""How much of a document is read before it is refused. Nothing over a limit is cut in silence: it is a Refusal."""

from __future__ import annotations

from dataclasses import dataclass

from access.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one reading. The defaults are far above real medical files and far below what harms a small machine."""

    bytes: int = 200 * 1024 * 1024  # of the upload, and of each file embedded in it
    pages: int = 2_000  # a whole paper record scanned at once has some hundreds
    pixels: int = 100_000_000  # a page; A3 at 600 dpi is 70 million
    characters: int = 20_000_000  # of text, all pages together: what compressed streams may expand to
    depth: int = 4  # documents inside documents: a mail with a zip with a CDA in which stands a PDF is 3
    members: int = 1_000  # files of an archive
    ratio: int = 200  # what a file of an archive expands to, against its compressed size; real XML reaches 60


def check_pages(count: int, limits: Limits) -> None:
    """Raises Refusal (stage "parse", code "too-many-pages") over the limit."""
    if count > limits.pages:
        raise Refusal(
            "parse",
            "too-many-pages",
            f"Le document a plus de {limits.pages} pages, la limite.",
            "Déposez-le en plusieurs parties.",
        )


def check_characters(count: int, limits: Limits) -> None:
    """Raises Refusal (stage "parse", code "too-much-text") over the limit."""
    if count > limits.characters:
        raise Refusal(
            "parse",
            "too-much-text",
            "Le document contient plus de texte que la limite ne le permet.",
            "Déposez-le en plusieurs parties.",
        )
