"""The text of WordprocessingML (ECMA-376): paragraphs, tables, text boxes, insertions; deletions are marked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.etree import _Element

from ingest.exponents import marks_apart, shifted
from ingest.parsers.narrative import CELL, clean
from ingest.parsers.symbol_fonts import symbol, without_private

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_OTHER_TEXTS = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}t",
    "{http://schemas.openxmlformats.org/drawingml/2006/main}t",
)
"""Of formulas and of shapes."""
_BREAKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}


def lines_of(root: _Element) -> Iterator[str]:
    """A line a paragraph; a table row is a line with its cells separated by " | "."""
    for child in root:
        if child.tag == f"{W}tbl":
            yield from _table(child)
        elif child.tag == f"{W}p":
            yield from _paragraph(child)
        elif child.tag != _FALLBACK and isinstance(child.tag, str):
            yield from lines_of(child)


def _table(table: _Element) -> Iterator[str]:
    for row in table.iter(f"{W}tr"):
        if next(row.iterancestors(f"{W}tbl"), None) is not table:
            continue  # of a table inside a cell
        cells = [" ; ".join(lines_of(cell)) for cell in row.iter(f"{W}tc") if _row_of(cell) is row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield CELL.join(cells)


def _row_of(cell: _Element) -> _Element | None:
    return next(cell.iterancestors(f"{W}tr"), None)


def _paragraph(paragraph: _Element) -> Iterator[str]:
    pieces: list[str] = []
    boxes: list[str] = []
    _collect(paragraph, pieces, boxes)
    for line in "".join(pieces).split("\n"):
        if shown := clean(line):
            yield marks_apart(shown)
    yield from boxes


def _collect(element: _Element, pieces: list[str], boxes: list[str]) -> None:
    """The runs of a paragraph in order; the text boxes anchored in it come after."""
    for child in element:
        tag = child.tag
        if tag == f"{W}t":
            pieces.append(_raised(child))
        elif tag == f"{W}sym":
            pieces.append(_symbol(child))
        elif tag in _OTHER_TEXTS:
            pieces.append(child.text or "")
        elif tag in _BREAKS:
            pieces.append(_BREAKS[str(tag)])
        elif tag == f"{W}delText":
            pieces.append(f"[supprimé : {child.text or ''}]")
        elif tag == f"{W}txbxContent":
            boxes.extend(lines_of(child))
        elif tag != _FALLBACK and isinstance(tag, str):
            _collect(child, pieces, boxes)


def _raised(text: _Element) -> str:
    run = text.getparent()
    written = without_private(text.text or "", _font(run))
    align = run.find(f"{W}rPr/{W}vertAlign") if run is not None else None
    kind = {"superscript": "sup", "subscript": "sub"}.get(align.get(f"{W}val", "") if align is not None else "")
    return shifted(written, kind) if kind else written


def _font(run: _Element | None) -> str:
    fonts = run.find(f"{W}rPr/{W}rFonts") if run is not None else None
    return fonts.get(f"{W}ascii", "") if fonts is not None else ""


def _symbol(sign: _Element) -> str:
    code = sign.get(f"{W}char", "")
    return symbol(int(code, 16) & 0xFF, sign.get(f"{W}font", "")) if re.fullmatch(r"[0-9A-Fa-f]{4}", code) else ""
