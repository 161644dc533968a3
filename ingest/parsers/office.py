"""Word (DOCX) and OpenDocument (ODT) letters: the text of every part, and the scanned pages pasted into them.

Read from their XML (docs/decisions/032): python-docx leaves out text boxes, notes and what was inserted with tracking,
and opens a package without any limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from lxml.etree import _Element

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import DOCX, HEAD, ODT, is_type, picture_type
from ingest.parsers.members import Inside, Member, Part, bytes_of, read_parts
from ingest.parsers.odf_xml import odf_text
from ingest.parsers.pasted import holds_a_page
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ingest.parsers.word_xml import lines_of
from ingest.parsers.xml_tree import tree_of
from ingest.parsers.zip_file import ZipFile
from ocr.port import Ocr
from records.content import Metadata

_WORD_PARTS = (
    re.compile(r"word/header\d*\.xml"),
    re.compile(r"word/document\d*\.xml"),
    re.compile(r"word/(?:footnotes|endnotes|comments)\d*\.xml"),
    re.compile(r"word/footer\d*\.xml"),
)
_ODF_PARTS = (re.compile(r"content\.xml"), re.compile(r"styles\.xml"))
_PICTURES = re.compile(r"(?:word/media|Pictures)/[^/]+")
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_TRANSITIONAL = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
"""Names of the same elements (ISO 29500-1 and -4)."""
_DC = "{http://purl.org/dc/elements/1.1/}"


class OfficeParser:
    """`inside` reads the pictures in a letter."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, DOCX, ODT) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        archive = ZipFile(data, limits)
        parts = list(_parts(archive))
        if not parts:
            raise Refusal(
                "parse", "no-content", "Le document ne contient aucun texte.", "Vérifiez le fichier, ou déposez un PDF."
            )
        return read_parts(parts, _properties(archive), self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The scanned pages pasted into a letter, in the order of their pages."""
    yield from bytes_of(_parts(ZipFile(data, Limits())))


def _parts(archive: ZipFile) -> Iterator[Part]:
    sheet = Sheet()
    is_word = any(one.startswith("word/") for one in archive.names)
    said: set[str] = set()
    for pattern in _WORD_PARTS if is_word else _ODF_PARTS:
        for name in sorted(one for one in archive.names if pattern.fullmatch(one)):
            root = tree_of(archive.read(name).replace(_STRICT, _TRANSITIONAL), "document")
            lines = list(lines_of(root) if is_word else odf_text(root))
            margin = "header" in name or "footer" in name or name == "styles.xml"
            if not margin or "\n".join(lines) not in said:  # each section of a letter repeats its header
                sheet.lines(lines)
            said.add("\n".join(lines))
    yield from sheet.pages("word" if is_word else "opendocument")
    if is_word:
        yield from _chunks(archive)
    for name in archive.names:
        if _PICTURES.fullmatch(name):
            picture = archive.read(name)
            if picture_type(picture[:HEAD]) and holds_a_page(picture):
                yield Member(picture)


def _chunks(archive: ZipFile) -> Iterator[Member]:
    """Whole documents (HTML, RTF, DOCX) that the program which made the letter put into it for Word to import."""
    name = "word/_rels/document.xml.rels"
    if name not in archive.names:
        return
    for one in tree_of(archive.read(name), "document"):
        target = one.get("Target", "").replace("\\", "/")
        path = target.lstrip("/") if target.startswith("/") else f"word/{target}"
        if one.get("Type", "").endswith("/aFChunk") and path in archive.names:
            yield Member(archive.read(path))


def _properties(archive: ZipFile) -> Metadata:
    """Title, author and date of the file's own properties."""
    name = next((one for one in ("docProps/core.xml", "meta.xml") if one in archive.names), None)
    if name is None:
        return Metadata()
    root = tree_of(archive.read(name), "document")
    return Metadata(title=_first(root, "title"), author=_first(root, "creator"), event_date=_day(root))


def _first(root: _Element, name: str) -> str:
    found = next(root.iter(f"{_DC}{name}"), None)
    return " ".join((found.text or "").split())[:300] if found is not None else ""


def _day(root: _Element) -> date | None:
    for one in root.iter("{*}created", "{*}creation-date", f"{_DC}date"):
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)", one.text or "")
        try:
            return date(*map(int, found.groups())) if found else None
        except ValueError:
            return None
    return None
