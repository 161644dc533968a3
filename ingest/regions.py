"""Which regions of a PDF page need OCR, and one page made of both readings.

How a parser calls it (helper E, ingest/parsers/pdf.py):

    1. read the text layer with pdfium or pdfminer into a `records.content.Page`: NFC text in reading order, `words`
       with boxes in page units (points, origin top left, as displayed: use `ingest.pdfium.frame_of(page).box(...)`),
       `regions` naming the reader. Lines are ended by "\n"; every visible character belongs to a Word.
       An empty page is Page(number, "", width, height).
    2. page = complete(page, pdf_page, ocr)
       returns the very same object when the text layer says everything (no OCR call is made); otherwise the page
       whose missing regions were read by OCR and merged in reading order. Words of the text layer that are garbage
       (no Unicode mapping, gibberish) or a bad invisible layer are replaced, never doubled.
       It takes ingest.pdfium.LOCK itself for its pdfium calls (reentrant) and lets it go during OCR.

For an image (PNG, JPEG, one TIFF frame):

       rendered = ingest.render.open_picture(data, frame)
       page = page_from_ocr(ocr.read(rendered.image, rendered.dpi), number, *rendered.image.size, scale=1.0)

A page from which no trustworthy text came has unreadable=True and a French note. Refusals of the engine (missing
Tesseract, timeout) come through unchanged: stage "read".
"""
from __future__ import annotations

from typing import Any

from ocr.port import Ocr, ReadPicture
from records.content import Page


def complete(page: Page, pdf_page: Any, ocr: Ocr) -> Page:
    """`page` with what its text layer lacks read by OCR; the same object when nothing lacks."""
    raise NotImplementedError


def page_from_ocr(read: ReadPicture, number: int, width: float, height: float, scale: float) -> Page:
    """A page made of OCR alone; `scale` is pixels of the picture per page unit, width and height are in page units."""
    raise NotImplementedError
