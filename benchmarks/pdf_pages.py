"""Pages a second of our reader of PDFs, of pypdfium2 alone and of pdfminer.six alone, on 1,000 born-digital pages.

| way | what it does |
|---|---|
| ours | `PdfParser` as the product calls it, OCR off: words with boxes in reading order, notes, what needs OCR |
| pypdfium2, boxes | text and a box for each character, by pypdfium2's own methods; no words, no order |
| pypdfium2, text | text alone |
| pdfminer.six | `extract_pages` with `LAParams()`: lines and characters with boxes, its order |

File by file, the four ways one after the other, begun by another one in each round, in processor seconds (another
process on the machine matters little); a file's time is the median of the rounds. `ANAMNESE_BENCH_EVERY` takes every
Nth file, `ANAMNESE_BENCH_ROUNDS` says how many rounds (3).
"""

from __future__ import annotations

import gc
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from io import BytesIO
from statistics import median

import pypdfium2 as pdfium
from pdfminer.high_level import extract_pages
from pdfminer.layout import LAParams

from benchmarks.pdf_drawn import TURNED, UNCOMMON, File, files
from benchmarks.report import table
from benchmarks.settings import say
from ingest.limits import Limits
from ingest.parsers.pdf import PdfParser
from ocr.null import NullOcr

TITLE = "Born-digital PDF: pages a second"
ROUNDS = int(os.environ.get("ANAMNESE_BENCH_ROUNDS", "3"))
EVERY = int(os.environ.get("ANAMNESE_BENCH_EVERY", "1"))


def _ours(data: bytes) -> int:
    """How many pages went to pdfminer.six."""
    pages = list(PdfParser().pages(data, NullOcr(), Limits(), lambda _: False))
    return sum(any(region.reader == "pdfminer" for region in page.regions) for page in pages)


def _boxes(data: bytes) -> int:
    return _pdfium(data, lambda text: [text.get_charbox(at) for at in range(text.count_chars())])


def _text(data: bytes) -> int:
    return _pdfium(data, lambda _: None)


def _pdfium(data: bytes, more: Callable[[pdfium.PdfTextPage], object]) -> int:
    document = pdfium.PdfDocument(data)
    for page in document:
        text = page.get_textpage()
        text.get_text_range()
        more(text)
        text.close()
        page.close()
    document.close()
    return 0


def _pdfminer(data: bytes) -> int:
    return len(list(extract_pages(BytesIO(data), laparams=LAParams())))


WAYS = {"ours": _ours, "pypdfium2, boxes": _boxes, "pypdfium2, text": _text, "pdfminer.six": _pdfminer}


def measure() -> str:
    """A row a layout, then common pages, then all."""
    drawn = list(files())[::EVERY]
    say(f"{sum(file.pages for file in drawn)} pages in {len(drawn)} files")
    for way in WAYS.values():
        way(drawn[0].data)  # what is loaded once: word lists, font tables
    gc.freeze()
    seconds: dict[str, Counter[str]] = defaultdict(Counter)
    mined: Counter[str] = Counter()
    for number, file in enumerate(drawn):
        taken: dict[str, list[float]] = defaultdict(list)
        for turn in range(ROUNDS):
            names = list(WAYS)
            for name in names[(number + turn) % len(names) :] + names[: (number + turn) % len(names)]:
                gc.collect()
                before = time.process_time()
                found = WAYS[name](file.data)
                taken[name].append(time.process_time() - before)
                if name == "ours" and turn == 0:
                    mined[file.layout] += found
        for name, times in taken.items():
            seconds[file.layout][name] += median(times)
    return _report(drawn, seconds, mined)


def _report(drawn: list[File], seconds: dict[str, Counter[str]], mined: Counter[str]) -> str:
    pages: Counter[str] = Counter()
    for file in drawn:
        pages[file.layout] += file.pages
    common = [layout for layout in seconds if layout not in (TURNED, UNCOMMON)]
    groups = {layout: [layout] for layout in seconds} | {"**common pages**": common, "all": list(seconds)}
    rows = []
    for name, layouts in groups.items():
        count = sum(pages[one] for one in layouts)
        own = Counter[str]()
        for one in layouts:
            own.update(seconds[one])
        rows.append(
            (
                f"{name}, {count}",
                *(f"{count / own[way]:.0f}" for way in WAYS),
                f"{own['pdfminer.six'] / own['ours']:.1f}",
                f"{own['pypdfium2, boxes'] / own['ours']:.2f}",
                sum(mined[one] for one in layouts),
            )
        )
    head = ("layout, pages", *WAYS, "ours / pdfminer.six", "ours / pypdfium2, boxes", "by pdfminer")
    return f"{table(head, rows)}\n\nPages a second of a processor; rounds: {ROUNDS}."
