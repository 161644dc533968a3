"""Ways of reading a picture that `benchmarks/ocr.py` compares."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from pdfminer.high_level import extract_pages
from pdfminer.layout import LAParams, LTChar, LTContainer, LTTextLine
from PIL import Image

from ingest.recognised import page_from_ocr
from ocr.build import build_ocr
from ocr.port import Ocr, ReadPicture, ReadWord
from records.content import Box

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


def ocrmypdf(picture: Image.Image, dpi: float | None) -> Reading:
    """OCRmyPDF (Debian's package) with `--deskew`; its words out of its PDF by pdfminer.six."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "page.png"), Path(folder, "page.pdf")
        resolution = dpi or UNSTATED
        # Without the profile of the colour picture that it was: OCRmyPDF takes grey for colours, and reads nothing.
        picture.convert("L").save(given, dpi=(resolution, resolution), icc_profile=None)
        command = ["ocrmypdf", "--quiet", "--deskew", "--jobs", "1", "--output-type", "pdf", "-l", "fra+eng"]
        environment = {"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8"}
        subprocess.run([*command, str(given), str(made)], check=True, capture_output=True, env=environment)
        (page,) = extract_pages(made, laparams=LAParams(all_texts=True))
        grow, height = resolution / 72, page.height
        words = [
            ReadWord(text, (x0 * grow, (height - y1) * grow, x1 * grow, (height - y0) * grow), 1.0, number, number)
            for number, line in enumerate(_pdf_lines(page))
            for text, (x0, y0, x1, y1) in _pdf_words(line)
        ]
    return of(ReadPicture(tuple(words)), picture.size)


UNSTATED = 200.0
"""Pixels an inch of a picture that states none: OCRmyPDF refuses to guess."""


def _pdf_lines(part: LTContainer[Any]) -> Iterator[LTTextLine]:
    """The lines of a page; its text lies in a form."""
    for each in part:
        if isinstance(each, LTTextLine):
            yield each
        elif isinstance(each, LTContainer):
            yield from _pdf_lines(each)


def _pdf_words(line: LTTextLine) -> Iterator[tuple[str, Box]]:
    """Words of a line with their boxes, in points from the lower left corner."""
    for blank, several in groupby(line, lambda each: not isinstance(each, LTChar) or each.get_text().isspace()):
        if not blank:
            chars = list(several)
            box = (
                min(c.x0 for c in chars),
                min(c.y0 for c in chars),
                max(c.x1 for c in chars),
                max(c.y1 for c in chars),
            )
            yield "".join(c.get_text() for c in chars), box


WAYS: dict[str, Way] = {"bare": bare, "ocrmypdf": ocrmypdf, "tesseract": ours("tesseract"), "ppocr": ours("ppocr")}
