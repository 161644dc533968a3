"""HTML pages, and the XHTML of FHIR narratives and mails, as lines. Nothing is fetched and no script is run."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from ingest.decode import decode, windows
from ingest.exponents import marks_apart, shifted
from ingest.limits import Limits
from ingest.media_type import HTML, is_type
from ingest.parsers.members import Inside, Member, Part, bytes_of, read_parts
from ingest.parsers.narrative import CELL, clean
from ingest.parsers.pasted import holds_a_page
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ocr.port import Ocr
from records.content import Metadata

READER = "html"
_SKIPPED = frozenset({"script", "style", "head", "template", "title"})
_LINE_NAMES = """
address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure
footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody tfoot
thead tr ul option
"""
_LINES = frozenset(_LINE_NAMES.split())
_SPACE = re.compile(r"\s+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_PICTURE = re.compile(r"\s*data:image/[\w.+-]{1,40};base64,(.*)", re.IGNORECASE | re.DOTALL)


class HtmlParser:
    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.9 if is_type(head, HTML) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        root = html_tree(_characters(data))
        parts = list(_parts(root))
        if not parts:
            raise Refusal(
                "parse", "no-content", "La page HTML ne contient aucun texte.", "Enregistrez-la en PDF et déposez-le."
            )
        title = root.find(".//title")
        stated = Metadata(title=clean("".join(map(str, title.itertext()))) if title is not None else "")
        return read_parts(parts, stated, self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The pictures of a page that stand in it, in the order of their pages."""
    yield from bytes_of(_parts(html_tree(_characters(data))))


def html_tree(text: str) -> _Element:
    """The tree of any HTML, however careless. Raises Refusal "damaged-html" when there is none."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(windows(text.replace("\x00", "")).encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None:
        raise Refusal("parse", "damaged-html", "La page HTML est vide ou abîmée.", "Enregistrez-la en PDF.")
    return root


def html_lines(root: _Element) -> list[str]:
    """The text of an element and all inside it: a line a block, the cells of a row separated by " | "."""
    written = "".join(_pieces(root))
    lines = (clean(line).removesuffix(CELL.rstrip()).strip() for line in written.split("\n"))
    return [marks_apart(line) for line in lines if line]


def _pieces(root: _Element) -> Iterator[str]:
    skipped = rows = 0  # how many skipped elements and data cells are open
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = _name(element)
        if event == "start":
            skipped += name in _SKIPPED
            rows += _is_data_cell(element, name)
            if not skipped:
                yield _before(name, rows)
                yield _text(element, name)
        else:
            if not skipped:
                yield _after(element, name, rows)
            skipped -= name in _SKIPPED
            rows -= _is_data_cell(element, name)
            if element is not root and not skipped:
                yield _SPACE.sub(" ", element.tail or "")


def _text(element: _Element, name: str) -> str:
    text = element.text or ""
    if name in ("sup", "sub"):
        return shifted(text.strip(), name)
    if name == "img":
        return f" {element.get('alt', '')} "
    if name == "input" and element.get("type", "text") in ("text", "number", "date"):
        return f" {element.get('value', '')} "
    return text if name == "pre" else _SPACE.sub(" ", text)


def _before(name: str, rows: int) -> str:
    if name == "br":
        return " ; " if rows else "\n"
    if name == "li":
        return " - " if rows else "\n- "
    return _edge(name, rows)


def _after(element: _Element, name: str, rows: int) -> str:
    if name in ("td", "th"):
        return CELL if _is_data_cell(element, name) else "\n"
    return _edge(name, rows)


def _edge(name: str, rows: int) -> str:
    if name not in _LINES:
        return ""
    return "\n" if not rows or name == "tr" else " "


def _is_data_cell(element: _Element, name: str) -> bool:
    """A cell whose row is a line of data; one with tables in it only lays out."""
    return name in ("td", "th") and next(element.iter("table", "{*}table"), None) is None


def _name(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _parts(root: _Element) -> Iterator[Part]:
    sheet = Sheet()
    sheet.lines(html_lines(root))
    yield from sheet.pages(READER)
    for image in root.iter("img"):
        found = _PICTURE.match(image.get("src", ""))
        if found is None:
            continue
        try:
            data = base64.b64decode("".join(found[1].split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        if holds_a_page(data):
            yield Member(data)


def _characters(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    declared = _CHARSET.search(data[:4000])
    if declared is not None:
        try:
            return data.decode(declared[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass
    decoded = decode(data)
    return decoded.text if decoded is not None else data.decode("cp1252", "replace")
