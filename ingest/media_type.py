"""What a file is, from its content; its name is never believed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import puremagic
from lxml import etree

from access.refusal import Refusal
from ingest.decode import decode

HEAD = 64 * 1024
"""How many first bytes decide. A CDA's root stands within the first thousand, after its stylesheet instructions."""

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
TEXT = "text/plain"
CDA = "application/cda+xml"
CDA_ROOT = "{urn:hl7-org:v3}ClinicalDocument"

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),  # BigTIFF
    (b"MM\x00+", TIFF),
)
_OFFICE = (
    (b"word/", "un document Word (DOCX)"),
    (b"xl/", "un classeur Excel (XLSX)"),
    (b"ppt/", "une présentation PowerPoint (PPTX)"),
    (b"opendocument.text", "un document OpenDocument (ODT)"),
    (b"opendocument.spreadsheet", "un classeur OpenDocument (ODS)"),
)
_OTHERS = (
    (b"PK\x03\x04", "une archive ZIP"),
    (b"PK\x05\x06", "une archive ZIP vide"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "un ancien document Office (DOC, XLS) ou un message Outlook"),
    (b"{\\rtf", "un document RTF"),
    (b"\x1f\x8b", "une archive GZIP"),
    (b"7z\xbc\xaf\x27\x1c", "une archive 7-Zip"),
    (b"Rar!\x1a\x07", "une archive RAR"),
    (b"BZh", "une archive BZIP2"),
    (b"\xfd7zXZ\x00", "une archive XZ"),
    (b"GIF87a", "une image GIF"),
    (b"GIF89a", "une image GIF"),
    (b"BM", "une image BMP"),
    (b"RIFF", "un fichier audio, vidéo ou une image WebP"),
    (b"%!PS", "un document PostScript"),
    (b"MZ", "un programme Windows"),
    (b"\x7fELF", "un programme Linux"),
    (b"SQLite format 3\x00", "une base SQLite"),
    (b"\x00\x00\x00\x0cjP  ", "une image JPEG 2000"),
)
_TEXT_KINDS = (
    (re.compile(r"\s*%PDF|(?s:.*?)\bstartxref\s+\d"), "un PDF abîmé"),
    (re.compile(r"\s*(<!doctype html|<html\b)", re.I), "une page HTML"),
    (re.compile(r"\s*MSH\|\^~\\&"), "un message HL7 v2"),
    (re.compile(r"\s*\{\\rtf"), "un document RTF"),
    (re.compile(r'\s*(\{\s*"[^"\n]{1,80}"\s*:|\[\s*[{\[])'), "des données JSON"),
    (re.compile(r"(?=[A-Z][\w-]+: )(?s:.{0,4000}?)^MIME-Version: 1", re.M | re.I), "un message électronique"),
)
_REMEDY = "Déposez un PDF, une image PNG, JPEG ou TIFF, un texte ou un document CDA R2."


@dataclass(frozen=True, slots=True)
class XmlRoot:
    """The first element of an XML file. `name` is "{namespace}local"."""

    name: str
    has_doctype: bool


def media_type_of(head: bytes) -> str:
    """One of PDF, PNG, JPEG, TIFF, TEXT, CDA, from a file's first bytes.

    Raises Refusal (stage "receive", code "empty-file" or "unsupported-type"); the sentence names what was seen.
    """
    if not head:
        raise Refusal("receive", "empty-file", "Le fichier est vide.", "Vérifiez le fichier et déposez-le à nouveau.")
    if known := readable_type(head):
        return known
    seen = _name_of(head)
    raise Refusal("receive", "unsupported-type", f"Ce type de fichier n'est pas lu : c'est {seen}.", _REMEDY)


def readable_type(head: bytes) -> str | None:
    """The type of what a parser reads, or None for all the rest."""
    if picture := picture_type(head):
        return picture
    if _magic_name(head):
        return None
    if is_pdf(head):
        return PDF
    root = xml_root(head)
    if root is not None:
        return CDA if root.name == CDA_ROOT else None
    return TEXT if is_text(head) else None


def picture_type(head: bytes) -> str | None:
    """PNG, JPEG or TIFF by its signature."""
    return next((kind for magic, kind in _PICTURES if head.startswith(magic)), None)


def is_pdf(head: bytes) -> bool:
    """A PDF header within the first 1,024 bytes, as readers accept it, followed by objects when it is not first."""
    at = re.search(rb"%PDF-\d", head[:1029])
    if at is None or _magic_name(head):
        return False
    return at.start() == 0 or head.find(b" obj", at.end()) >= 0


def is_text(head: bytes) -> bool:
    """Characters of some encoding, and not the source of something that is not meant to be read as it stands."""
    decoded = decode(head, cut=len(head) >= HEAD)
    return decoded is not None and not any(kind.match(decoded.text) for kind, _ in _TEXT_KINDS) and not _is_markup(head)


def xml_root(head: bytes) -> XmlRoot | None:
    """The root element of an XML document in any encoding, or None when this is not XML. Entities are not resolved."""
    if not _is_markup(head):
        return None
    parser = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for at in range(0, len(head), 4096):
        try:
            parser.feed(head[at : at + 4096])
            fed = True
        except etree.XMLSyntaxError:
            fed = False  # what is wrong may stand after the root
        for _, element in parser.read_events():
            root = cast("etree._Element", element)
            return XmlRoot(str(root.tag), has_doctype(root))
        if not fed:
            return None
    return None


def has_doctype(root: etree._Element) -> bool:
    """Whether the document of `root` declares a DTD, inside or outside."""
    info: Any = root.getroottree().docinfo  # the stubs leave `doctype` out
    return bool(info.doctype)


def _is_markup(head: bytes) -> bool:
    """Whether the first character is `<` followed by what begins a declaration, a comment or an element."""
    first = head[:200].removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    first = first.replace(b"\x00", b"").lstrip()
    return re.match(rb"<[?!A-Za-z_]", first) is not None


def _magic_name(head: bytes) -> str | None:
    for magic, name in _OTHERS:
        if head.startswith(magic) and (len(magic) > 2 or decode(head, cut=len(head) >= HEAD) is None):
            return next((office for mark, office in _OFFICE if mark in head), name) if magic[:2] == b"PK" else name
    return "une image DICOM" if head[128:132] == b"DICM" else None


def _name_of(head: bytes) -> str:
    if name := _magic_name(head):
        return name
    decoded = decode(head, cut=len(head) >= HEAD)
    if decoded is not None:
        for kind, name in _TEXT_KINDS:
            if kind.match(decoded.text):
                return name
    if _is_markup(head):
        root = xml_root(head)
        return "du XML qui n'est pas un document CDA R2 entier" if root else "du XML mal formé"
    return _guess(head)


def _guess(head: bytes) -> str:
    """puremagic's guess, in its own words, for the formats that are too rare for a French name here."""
    try:
        extension = puremagic.from_string(head)
    except (puremagic.PureError, ValueError):
        return "un contenu binaire inconnu"
    return f"un fichier binaire, sans doute « {extension.lstrip('.')} »"
