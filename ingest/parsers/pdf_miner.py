"""The words of a PDF page as pdfminer.six gathers them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pdfminer.converter import PDFPageAggregator
from pdfminer.layout import LAParams, LTAnno, LTChar, LTContainer, LTTextLine
from pdfminer.pdfinterp import PDFPageInterpreter, PDFResourceManager
from pdfminer.pdfpage import PDFPage

from ingest.parsers.pdf_raised import Letter, parts_of
from ingest.parsers.pdf_segments import Ink
from ingest.parsers.pdf_words import SPACES, inks_of, tidy
from ingest.pdfium import Frame
from records.content import Box

_DESCENT = 0.2
"""Of most fonts, in em: pdfminer tells a letter's box, and its baseline only without what `Ts` raises it by."""


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
    words = [part for word in _words(device.get_result()) for part in _parts(word) if part[0]]
    if not words:
        return []
    boxes = [[(one.x0, one.y0, one.x1, one.y1) for one in word] for _, word, _ in words]
    places = np.array([(*np.min(box, axis=0)[:2], *np.max(box, axis=0)[2:]) for box in boxes])
    firsts = [first for _, _, first in words]
    return inks_of(
        [text for text, _, _ in words],
        places,
        np.array([one.matrix[4:] for one in firsts]),
        np.array([one.size for one in firsts]),
        np.array([-math.atan2(one.matrix[1], one.matrix[0]) for one in firsts]),
        shown,
    )


def _words(page: Any) -> Iterator[list[LTChar]]:
    for line in _text_lines(page):
        word: list[LTChar] = []
        for one in line:
            if isinstance(one, LTChar) and one.get_text() not in SPACES:
                word.append(one)
            elif isinstance(one, LTAnno | LTChar):
                if word:
                    yield word
                word = []
        if word:
            yield word


def _parts(word: list[LTChar]) -> list[tuple[str, list[LTChar], LTChar]]:
    """A word, or what its exponents make of it: text, letters, and the letter whose baseline it is on."""
    if len({round(one.size, 1) for one in word}) == 1 or not all(one.upright for one in word):
        return [(tidy("".join(map(_text, word))), word, word[0])]
    letters = [Letter(_text(one), one.size, one.y0 + _DESCENT * one.size) for one in word]
    return [(tidy(part.text), word[part.start : part.end], word[0]) for part in parts_of(letters)]


def _text(letter: LTChar) -> str:
    text = letter.get_text()
    return "\ufffd" if text.startswith("(cid:") else text


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
