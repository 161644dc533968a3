"""A fork server whose OCR engine reads one word on each picture, at once: for tests of turns, not of reading.

GREED in its environment: MiB that the engine holds for half a second at each picture.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from PIL import Image

from ingest.sandbox import child, server
from ocr.port import ReadPicture, ReadWord

GREED = int(os.environ.get("GREED", "0"))


class QuickOcr:
    """Its word is the height of the picture."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:  # noqa: ARG002
        held = bytearray(b"x") * (GREED << 20)
        time.sleep(0.5 if held else 0)
        word = ReadWord(f"hauteur{picture.height}", (1.0, 1.0, 60.0, 20.0), 0.99, 1, 1)
        return ReadPicture((word,), engine=self.name)


if __name__ == "__main__":
    child.ocr_named = lambda name, folder: QuickOcr(name)  # type: ignore[assignment]  # noqa: ARG005
    server.main(int(sys.argv[1]), Path(sys.argv[2]))
