"""The engine of a home without OCR: it reads nothing, and pages that needed it are marked unreadable."""

from __future__ import annotations

from PIL import Image

from ocr.port import ReadPicture


class NullOcr:
    """Reads nothing and never fails."""

    name = "none"

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:  # noqa: ARG002
        """No word, whatever the picture."""
        return ReadPicture((), engine=self.name)
