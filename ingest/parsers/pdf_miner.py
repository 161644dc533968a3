"""The words of a PDF page as pdfminer.six gathers them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LAParams, LTAnno, LTChar, LTContainer, LTTextLine
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage

from ingest.parsers.pdf_segments import Ink
from ingest.parsers.pdf_words import SPACES, Letters, close, without_doubles
from ingest.pdfium import Frame
from records.content import Box


def pdfminer_words(page: PDFPage, frame: Frame, media: Box) -> list[Ink]:
    """The same words as pdfminer's layout analysis gathers them. `media` is the page's MediaBox in PDF space."""
    manager = PDFResourceManager()
    device = PDFPageAggregator(manager, laparams=LAParams(boxes_flow=None))
    page.rotate, page.mediabox = frame.rotation, media
    PDFPageInterpreter(manager, device).process_page(page)
    # pdfminer turns the page itself and measures from the lower left corner of the turned MediaBox.
    sheet = Frame(*media, frame.rotation)
    dx, dy, _, _ = sheet.box(frame.left, frame.bottom, frame.right, frame.top)
    shown = Frame(dx, sheet.height - dy - frame.height, dx + frame.width, sheet.height - dy, 0)
    words: list[Ink] = []
    for line in _text_lines(device.get_result()):
        word = Letters()
        for one in line:
            if isinstance(one, LTChar) and one.get_text() not in SPACES:
                if not word.text:
                    a, b, _, _, x, y = one.matrix
                    word.first = (x, y, one.size, -math.atan2(b, a))
                text = one.get_text()
                word.add("\ufffd" if text.startswith("(cid:") else text, (one.x0, one.y0, one.x1, one.y1))
            elif isinstance(one, LTAnno | LTChar):
                close(words, word, shown)
                word = Letters()
        close(words, word, shown)
    return without_doubles(words)


def _text_lines(item: Any) -> Iterator[Any]:
    if isinstance(item, LTTextLine):
        yield item
    elif isinstance(item, LTContainer):
        for one in item:
            yield from _text_lines(one)


def agree(one: Sequence[Ink], other: Sequence[Ink]) -> bool:
    """Whether two readings of a page hold the same characters, but for 1 in 200, in about as many words.

    pdfminer takes text turned by 90 degrees letter by letter, and leaves out fonts that it cannot map.
    """
    first, second = (Counter("".join(word.text for word in words)) for words in (one, other))
    differing = sum(((first - second) + (second - first)).values())
    return differing <= sum(first.values()) / 200 and abs(len(one) - len(other)) <= len(one) / 10
