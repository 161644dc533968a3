"""From arranged words to a page: one text, and the place of each word in it."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.parsers.pdf_layout import CELL
from ingest.parsers.pdf_segments import Ink, Line
from ingest.pdfium import Frame
from records.content import Box, Page, Region, Source, Word


def page_of(number: int, lines: Sequence[Line], frame: Frame, reader: str, notes: Sequence[Ink] = ()) -> Page:
    """The page as text: a line each, cells parted by tabs, a blank line before a paragraph; `notes` come last."""
    written = [(line.starts, line.cells) for line in lines]
    written += [
        (True, (tuple(note._replace(text=part) for part in note.text.split()),)) for note in notes if note.text.split()
    ]
    pieces: list[str] = []
    words: list[Word] = []
    at = 0
    for starts, cells in written:
        if pieces:
            pieces.append("\n\n" if starts else "\n")
            at += len(pieces[-1])
        for cell in cells:
            for word in cell:
                end = at + len(word.text)
                words.append(Word(at, end, word.box))
                at = end + 1  # a blank or a tab
        at -= 1
        pieces.append(CELL.join([" ".join([word.text for word in cell]) for cell in cells]))
    text = "".join(pieces)
    regions = (Region(0, len(text), Source.TEXT_LAYER, reader, _around(words)),) if text else ()
    return Page(number, text, frame.width, frame.height, tuple(words), regions)


def _around(words: Sequence[Word]) -> Box | None:
    boxes = [word.box for word in words if word.box is not None]
    if not boxes:
        return None
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
