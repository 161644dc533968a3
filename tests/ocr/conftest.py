"""The real engine, one for the session."""

from __future__ import annotations

import pytest
from PIL import Image

from ocr.build import build_ocr
from ocr.port import Ocr, ReadPicture


class Counting:
    """The engine it is given, and the sizes of the pictures that it was asked to read."""

    def __init__(self, engine: Ocr) -> None:
        self.engine = engine
        self.name = engine.name
        self.asked: list[tuple[int, int]] = []

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
        self.asked.append(picture.size)
        return self.engine.read(picture, dpi)


@pytest.fixture(scope="session")
def tesseract() -> Ocr:
    return build_ocr("tesseract")


@pytest.fixture
def counting(tesseract: Ocr) -> Counting:
    return Counting(tesseract)
