"""From arranged words to a page: one text, and the place of each word in it."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.parsers.pdf_layout import CELL
from ingest.parsers.pdf_segments import Ink, Line
from ingest.pdfium import Frame
from records.content import Box, Page, Region, Source, Word


def page_of(number: int, lines: Sequence[Line], frame: Frame, reader: str, notes: Sequence[Ink] = ()) -> Page:
    """The page as text: a line each, cells parted by tabs, a blank line before a paragraph; `notes` come last."""
    pieces: list[str] = []
    words: list[Word] = []
    length = 0

    def write(text: str, box: Box | None = None) -> None:
        nonlocal length
        pieces.append(text)
        if box is not None:
            words.append(Word(length, length + len(text), box))
        length += len(text)

    for line in lines:
        if pieces:
            write("\n\n" if line.starts else "\n")
        for place, cell in enumerate(line.cells):
            for at, word in enumerate(cell):
                if place or at:
                    write(" " if at else CELL)
                write(word.text, word.box)
    for note in notes:
        write("\n\n" if pieces else "")
        for at, part in enumerate(note.text.split()):
            write(" " if at else "")
            write(part, note.box)
    text = "".join(pieces)
    regions = (Region(0, length, Source.TEXT_LAYER, reader, _around(words)),) if text else ()
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
