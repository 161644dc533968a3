"""Ways of reading a picture that `benchmarks/ocr.py` compares."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from PIL import Image

from ingest.recognised import page_from_ocr
from ocr.build import build_ocr
from ocr.port import Ocr, ReadPicture

Way = Callable[[Image.Image, float | None], "Reading"]


@dataclass(slots=False)
class Reading:
    """Words in place, and the text of the page as it would be kept."""

    words: list[str]
    boxes: list[tuple[float, float, float, float]]
    text: str
    confidences: list[float] = field(default_factory=list)
    seconds: float = 0.0


def of(read: ReadPicture, size: tuple[int, int]) -> Reading:
    page = page_from_ocr(read, 1, *size, scale=1.0)
    return Reading(
        [w.text for w in read.words], [w.box for w in read.words], page.text, [w.confidence for w in read.words]
    )


@lru_cache(maxsize=4)
def engine(name: str) -> Ocr:
    return build_ocr(name)


def ours(name: str) -> Way:
    return lambda picture, dpi: of(engine(name).read(picture, dpi), picture.size)


def bare(picture: Image.Image, dpi: float | None) -> Reading:
    """Tesseract as installed, with our languages and nothing else."""
    from ocr.tesseract import _parsed

    data = io.BytesIO()
    picture.save(data, "PNG", **({"dpi": (dpi, dpi)} if dpi else {}))
    environment = {"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"}
    command = ["tesseract", "stdin", "stdout", "-l", "fra+eng", "tsv"]
    done = subprocess.run(command, input=data.getvalue(), check=True, capture_output=True, env=environment)
    return of(ReadPicture(tuple(_parsed(done.stdout.decode()))), picture.size)


WAYS: dict[str, Way] = {"bare": bare, "tesseract": ours("tesseract"), "ppocr": ours("ppocr")}
