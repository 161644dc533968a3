"""Reading a picture, whatever engine does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from access.refusal import Refusal
from records.content import Box


@dataclass(frozen=True, slots=True)
class ReadWord:
    """A word on a picture: box in pixels of the picture as given (before any correction), confidence 0 to 1.

    `line` and `block` number the lines and blocks in reading order, so that a caller can rebuild lines and columns.
    """

    text: str
    box: Box
    confidence: float
    block: int
    line: int


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """Words in reading order. `rotation` is the multiple of 90 and `skew` the degrees that were corrected."""

    words: tuple[ReadWord, ...]
    rotation: int = 0
    skew: float = 0.0
    engine: str = ""


class Ocr(Protocol):
    """An OCR engine."""

    @property
    def name(self) -> str:
        """Engine and version, kept with every region it reads ("tesseract 5.3.0 fra+eng")."""

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
        """Read a picture; dpi when known. Raises Refusal (stage "read") when the engine fails or times out."""


def too_slow() -> Refusal:
    """The refusal of an engine that ran out of time on a page."""
    return Refusal(
        "read",
        "ocr-timeout",
        "La reconnaissance de texte a dépassé le temps permis sur cette page.",
        "Déposer le document en moins haute résolution ou page par page.",
    )
