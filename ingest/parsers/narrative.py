"""The narrative of a CDA section (HL7 CDA R2, StrucDocText) as lines of plain text. Comments are gone already.

A paragraph, a list item and a table row are a line each; the cells of a row are separated by " | ". Every character
is kept. What the markup alone says is written out: exponents (10⁹, not 109) and deleted text ("[supprimé : ...]").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from lxml.etree import _Element

from ingest.decode import windows
from ingest.exponents import marks_apart, shifted

NS = "{urn:hl7-org:v3}"
CELL = " | "
_IN_CELL = " ; "  # between the paragraphs, lines and items of one cell

_SPACE = re.compile(r"\s+")
_XHTML = "{http://www.w3.org/1999/xhtml}"
_INLINE_NAMES = """
content linkHtml sup sub footnote footnoteRef td th
a abbr b big cite code del em font i ins q s small span strike strong tt u var
"""
_INLINE = frozenset(_INLINE_NAMES.split())
"""StrucDocText's own and, of senders that write HTML there, HTML's. All the rest are blocks: their words stay apart."""
_ITEMS = frozenset({"item", "li"})
_HOLDERS = frozenset({"tr", "item", "paragraph", "caption"})
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def narrative(text: _Element) -> list[str]:
    """The lines of a section's `text` element."""
    return [line for line in _blocks(text) if line]


def block_lines(element: _Element) -> list[str]:
    """The lines that `narrative` makes of the row, item, paragraph or caption that an element stands in, not indented;
    none when it stands in no such block."""
    block = element
    while name_of(block) not in _HOLDERS:
        above = block.getparent()
        if above is None or name_of(above) in ("text", "section"):
            return []
        block = above
    return [line.strip() for line in _block(block, "") if line]


def clean(text: str) -> str:
    """`text` on one line, NFC."""
    return unicodedata.normalize("NFC", _SPACE.sub(" ", _CONTROL.sub("\ufffd", windows(text))).strip())


def name_of(element: _Element) -> str:
    """Local name of an element in the namespace of CDA, of XHTML or in none (careless senders), else its full name."""
    return str(element.tag).removeprefix(NS).removeprefix(_XHTML)


def _blocks(element: _Element, indent: str = "") -> Iterator[str]:
    """Lines of a block element: runs of inline content, and what the blocks inside it give."""
    run: list[str] = []
    for piece in _pieces(element):
        if isinstance(piece, str):
            run.append(piece)
            continue
        yield from _flush(run)
        yield from _block(piece, indent)
    yield from _flush(run)


def _block(element: _Element, indent: str) -> Iterator[str]:
    name = name_of(element)
    if name == "tr":
        yield from _row(element)
    elif name in _ITEMS:
        lines = list(_blocks(element, indent + "  "))
        if lines:
            yield f"{indent}- {lines[0]}"
            yield from (one if one.startswith(indent + "  ") else f"{indent}  {one}" for one in lines[1:])
    else:
        lines = list(_blocks(element, indent))
        if name == "paragraph" and element.get("revised") == "delete" and lines:
            lines[0], lines[-1] = "[supprimé : " + lines[0], lines[-1] + "]"
        yield from lines


def _pieces(element: _Element) -> Iterator[str | _Element]:
    """Inline text and block elements in document order; inline elements are opened. "\\n" is a line break."""
    keeps_lines = name_of(element) == "text"
    yield _spaces(element.text, keeps_lines)
    for child in element:
        name = name_of(child)
        if name == "br":
            yield "\n"
        elif name in _INLINE:
            yield from _inline(child, name)
        else:
            yield child
        yield _spaces(child.tail, keeps_lines)


def _inline(element: _Element, name: str) -> Iterator[str | _Element]:
    if name in ("sup", "sub"):
        yield shifted(clean("".join(_strings(element))), name)
        return
    before, after = "", ""
    if name == "footnote":
        before, after = " [", "] "
    elif element.get("revised") == "delete":
        before, after = "[supprimé : ", "]"
    elif name in ("td", "th"):
        after = CELL
    yield before
    yield from _pieces(element)
    yield after


def _strings(element: _Element) -> Iterable[str]:
    return (str(one) for one in element.itertext())


def _spaces(text: str | None, keeps_lines: bool) -> str:
    """Layout spaces of XML are one space; plain text put straight into `text`, over three lines or more, keeps them."""
    if not text:
        return ""
    text = windows(text)
    written = [line.strip() for line in text.split("\n") if line.strip()]
    if not keeps_lines or len(written) < 3:
        return _SPACE.sub(" ", text)
    return "\n" + "\n".join(written) + "\n"


def _flush(run: list[str]) -> Iterator[str]:
    for line in "".join(run).split("\n"):
        if cleaned := clean(line).removesuffix(CELL.rstrip()).strip():
            yield marks_apart(cleaned)
    run.clear()


def _row(row: _Element) -> Iterator[str]:
    """One line of cells, whatever element they are; a row that only lays out whole tables or sections gives their lines
    instead."""
    cells = list(row)
    stray = [str(row.text or ""), *(str(cell.tail or "") for cell in row)]
    if any(name_of(one) == "table" for cell in cells for one in cell.iter()):
        for cell in cells:
            yield from _blocks(cell)
    else:
        texts = [_IN_CELL.join(_blocks(cell)) for cell in cells]
        while texts and not texts[-1]:
            texts.pop()
        if any(texts):
            yield CELL.join(texts)
    if outside := clean(" ".join(stray)):
        yield outside
