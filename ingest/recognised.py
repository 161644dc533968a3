"""A page made of OCR alone."""

from __future__ import annotations

from ingest.legible import UNREAD, UNREADABLE, trustworthy
from ingest.place import Writer, lines_of, segments_of
from ocr.port import ReadPicture
from ocr.words import mean_confidence
from records.content import Page, Region, Source


def page_from_ocr(read: ReadPicture, number: int, width: float, height: float, scale: float) -> Page:
    """The words of `read` as a page, rows kept whole and columns of prose apart.

    `scale` is pixels of the picture per page unit; width and height are in page units. Words of low confidence stay,
    so that they can be found; a page without a trustworthy text is marked unreadable and says so.
    """
    writer = Writer()
    for line in lines_of(segments_of(read, scale)):
        writer.line(line)
    sound = trustworthy([w.text for w in read.words], [w.confidence for w in read.words])
    regions: tuple[Region, ...] = ()
    if writer.text:
        confidence = mean_confidence(read.words)
        regions = (Region(0, len(writer.text), Source.OCR, read.engine, (0.0, 0.0, width, height), confidence),)
    note = "" if sound else (UNREAD if read.engine == "none" else UNREADABLE)
    return Page(number, writer.text, width, height, tuple(writer.words), regions, unreadable=not sound, note=note)
