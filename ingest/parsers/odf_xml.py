"""The text of an OpenDocument part (ODF 1.3): paragraphs, headings, lists, tables, notes; deletions are marked."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from ingest.exponents import marks_apart, shifted
from ingest.parsers.narrative import CELL, clean

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_ANNOTATION = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}annotation"
_LINES = frozenset({f"{_TEXT}p", f"{_TEXT}h"})
_MOST_SPACES = 100


def odf_text(root: _Element) -> Iterator[str]:
    """The lines of a part, exponents and indices as such: in OpenDocument a style alone says that 10⁹ is not 109."""
    raised = dict(_raised_styles(root))
    for span in root.iter(f"{_TEXT}span"):
        kind = raised.get(span.get(f"{_TEXT}style-name", ""))
        if kind and span.text:
            span.text = shifted(span.text, kind)
    return odf_lines(root)


def _raised_styles(root: _Element) -> Iterator[tuple[str, str]]:
    for style in root.iter(f"{_STYLE}style"):
        for one in style.iterfind(f"{_STYLE}text-properties"):
            place = one.get(f"{_STYLE}text-position", "").split(" ")[0]
            if place not in ("", "0%"):
                yield style.get(f"{_STYLE}name", ""), "sub" if place.startswith(("sub", "-")) else "sup"


def odf_lines(root: _Element) -> Iterator[str]:
    """A line a paragraph; a table row is a line with its cells separated by " | "."""
    for child in root:
        if child.tag == f"{_TABLE}table-row":
            yield from _row(child)
        elif child.tag in _LINES:
            yield from _paragraph(child)
        elif child.tag == f"{_TEXT}tracked-changes":
            yield from (f"[supprimé : {line}]" for line in _deleted(child))
        elif isinstance(child.tag, str):
            yield from odf_lines(child)


def _deleted(changes: _Element) -> Iterator[str]:
    for deletion in changes.iter(f"{_TEXT}deletion"):
        yield from odf_lines(deletion)


def _row(row: _Element) -> Iterator[str]:
    cells = [" ; ".join(odf_lines(cell)) for cell in row if str(cell.tag).endswith("table-cell")]
    while cells and not cells[-1]:
        cells.pop()
    if cells:
        yield CELL.join(cells)


def _paragraph(paragraph: _Element) -> Iterator[str]:
    pieces: list[str] = []
    framed: list[str] = []
    _collect(paragraph, pieces, framed)
    for line in "".join(pieces).split("\n"):
        if shown := clean(line):
            yield marks_apart(shown)
    yield from framed


def _collect(element: _Element, pieces: list[str], framed: list[str]) -> None:
    """Characters in order; paragraphs inside (of a text box, a note) come after."""
    pieces.append(element.text or "")
    for child in element:
        tag = child.tag
        if tag == f"{_TEXT}s":
            count = child.get(f"{_TEXT}c", "1")
            pieces.append(" " * min(int(count) if count.isdigit() else 1, _MOST_SPACES))
        elif tag == f"{_TEXT}tab":
            pieces.append("\t")
        elif tag == f"{_TEXT}line-break":
            pieces.append("\n")
        elif tag == _ANNOTATION:
            framed.extend(odf_lines(child))
        elif tag in _LINES or tag == f"{_TABLE}table":
            framed.extend(odf_lines(child) if tag not in _LINES else _paragraph(child))
        elif isinstance(tag, str):
            _collect(child, pieces, framed)
        pieces.append(child.tail or "")
