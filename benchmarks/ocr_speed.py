"""OCR's speed against bare `tesseract` on the identical prepared pictures, and what preparing them costs.

Pages in turn, each read in three ways, in processor seconds of this process and its children (a busy machine matters
little): prepared alone; bare `tesseract` on what was prepared, by a pipe and with the same options; and as the product
reads it (preparation, the same program, its table parsed, words brought back to the picture as given).
"""

from __future__ import annotations

import io
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator

from benchmarks.ocr import Sheet, _sheets
from benchmarks.ocr_typewritten import spent
from benchmarks.report import table
from ocr.build import build_ocr
from ocr.prepare import Prepared, evened, turned
from ocr.tesseract import LANGUAGES

TITLE = "Speed of reading paper, against bare Tesseract"
MOST = int(os.environ.get("ANAMNESE_BENCH_PAGES", "12"))  # of a kind


def measure() -> str:
    """A row a kind of pages."""
    engines = {name: build_ocr(name) for name in ("tesseract", "ppocr")}
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    pages: dict[str, int] = defaultdict(int)
    for sheet in _chosen():
        picture, dpi = sheet.picture()
        own, pages[sheet.kind] = seconds[sheet.kind], pages[sheet.kind] + 1
        before = spent()
        prepared = turned(evened(picture, dpi), picture.size, 0)
        own["prepared"] += spent() - before
        before = spent()
        _bare(prepared)
        own["bare"] += spent() - before
        for name, engine in engines.items():
            before = spent()
            engine.read(picture, dpi)
            own[name] += spent() - before
    rows = []
    for kind, own in seconds.items():
        bare, prepared_in = own["bare"], own["prepared"]
        rows.append(
            (
                f"{kind}, {pages[kind]}",
                *(f"{own[name] / pages[kind]:.2f}" for name in ("bare", "prepared", "tesseract", "ppocr")),
                f"{bare / (own['tesseract'] - prepared_in):.2f}",
                f"{100 * prepared_in / bare:.0f} %",
                f"{bare / (own['ppocr'] - prepared_in):.2f}",
            )
        )
    head = ("pages", "bare", "preparation", "ours, Tesseract", "ours, PP-OCR")
    return table(
        (
            *(f"{name}, s" if at else name for at, name in enumerate(head)),
            "rate, Tesseract",
            "prepared",
            "rate, PP-OCR",
        ),
        rows,
    )


def _chosen() -> Iterator[Sheet]:
    """The first of each kind: typewritten pages and forms where they are present, drawn ones always."""
    taken: dict[str, int] = defaultdict(int)
    for sheet in _sheets():
        if taken[sheet.kind] < MOST:
            taken[sheet.kind] += 1
            yield sheet


def _bare(prepared: Prepared) -> None:
    given = io.BytesIO()
    prepared.image.save(given, "PPM")
    options = ["-l", LANGUAGES, "--psm", "3", "--dpi", str(prepared.dpi), "-c", "tessedit_create_tsv=1"]
    environment = {"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"}
    command = ["tesseract", "stdin", "stdout", *options]
    subprocess.run(command, input=given.getbuffer(), check=True, capture_output=True, env=environment)
