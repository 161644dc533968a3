"""What a file is, from its content; its name is never believed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from lxml import etree

from access.refusal import Refusal
from ingest.decode import decode
from ingest.unread import binary_name, guess, text_name

HEAD = 64 * 1024
"""How many first bytes decide. A CDA's root stands within the first thousand, after its stylesheet instructions."""

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
HEIC = "image/heic"
TEXT = "text/plain"
CDA = "application/cda+xml"
HL7 = "application/hl7-v2"
FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
ZIP = "application/zip"
MAIL = "message/rfc822"
CMS = "application/pkcs7-mime"
"""A signed, compressed or encrypted message (smime.p7m) without its mail."""
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
RTF = "application/rtf"
HTML = "text/html"
DICOM = "application/dicom"
TNEF = "application/vnd.ms-tnef"

CDA_ROOT = "{urn:hl7-org:v3}ClinicalDocument"
FHIR_NS = "{http://hl7.org/fhir}"
_STYLESHEETS = frozenset(f"{{http://www.w3.org/1999/XSL/Transform}}{name}" for name in ("stylesheet", "transform"))
_XHTML_ROOT = "{http://www.w3.org/1999/xhtml}html"

_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),  # BigTIFF
    (b"MM\x00+", TIFF),
)
_CMS = re.compile(
    rb"0(?:[\x00-\x80]|\x81.|\x82..|\x83...|\x84....)"
    rb"\x06(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07[\x01-\x06]|\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01.)",
    re.DOTALL,
)
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"heif"})
_HL7 = re.compile(r"\s*(?:MSH|[FB]HS)([^\w\s])[^\w\s]{1,5}\1")
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--(?s:.{0,2000}?)-->\s*)*(?:<!doctype\s+html|<(?:html|head|body|meta|div|table|p|span"
    r"|h[1-6]|[uod]l|pre|center|font|b|i|u|em|strong|small|br|hr|img|style|script|blockquote)\b)",
    re.IGNORECASE,
)
_MAIL = re.compile(
    r"\s*(?=[A-Za-z][\w-]*:[ \t])(?=(?s:.{0,8000}?)^(?:From|Date|Received|Subject):)(?s:.{0,8000}?)"
    r"^(?:MIME-Version: *1|Message-ID: *<|Content-Type: *[a-z]+/|Content-Transfer-Encoding: *\w)",
    re.MULTILINE | re.IGNORECASE,
)
_FHIR = re.compile(r'\s*[{\[](?s:.*?)(?:"resourceType"\s*:\s*"|"div"\s*:\s*"<div)')
_BEGINS = {
    CDA: b"<",
    FHIR_XML: b"<",
    HTML: b"<",
    FHIR_JSON: b"{[",
    HL7: b"MFB",
    ZIP: b"P",
    DOCX: b"P",
    ODT: b"P",
    RTF: b"{",
    DICOM: b"",
    TNEF: b"x",
    CMS: b"0",
}
"""First characters of the types that have few; a mail begins with any letter."""
_REMEDY = "Déposez un PDF, une image, un texte, un document Word ou un document médical structuré (CDA, HL7, FHIR)."


@dataclass(frozen=True, slots=True)
class XmlRoot:
    """The first element of an XML file. `name` is "{namespace}local"."""

    name: str
    has_doctype: bool


def media_type_of(head: bytes) -> str:
    """One of the types above, from a file's first bytes.

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
    if binary_name(head):
        return None
    if binary := _binary_type(head):
        return binary
    if is_pdf(head):
        return PDF
    decoded = decode(head, cut=len(head) >= HEAD)
    text = decoded.text if decoded is not None else ""
    if (written := _written_type(text)) is not None:
        return written
    if _is_markup(head):
        return _xml_type(head)
    return TEXT if decoded is not None and text_name(text) is None else None


def is_type(head: bytes, *kinds: str) -> bool:
    """Whether the head is of one of these types. Most heads are ruled out by their first character alone: reading a
    head's encoding takes up to 15 ms, and every parser is asked."""
    first = _first(head)[:1]
    fits = any(first in _BEGINS[kind] if kind in _BEGINS else first.isalpha() for kind in kinds)
    return (fits or (DICOM in kinds and head[128:132] == b"DICM")) and readable_type(head) in kinds


def picture_type(head: bytes) -> str | None:
    """PNG, JPEG, TIFF or HEIC by its signature."""
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(64, int.from_bytes(head[:4], "big")), 4))}
        return HEIC if brands & _HEIF_BRANDS and b"avif" not in brands else None
    return next((kind for magic, kind in _PICTURES if head.startswith(magic)), None)


def is_pdf(head: bytes) -> bool:
    """A PDF header within the first 1,024 bytes, as readers accept it, followed by objects when it is not first."""
    at = re.search(rb"%PDF-\d", head[:1029])
    if at is None or binary_name(head) or _binary_type(head):
        return False
    return at.start() == 0 or head.find(b" obj", at.end()) >= 0


def is_cms(head: bytes) -> bool:
    """The Cryptographic Message Syntax (RFC 5652) by its outermost element and the name of its content's type."""
    return _CMS.match(head) is not None


def _binary_type(head: bytes) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        if b"mimetype" + ODT.encode() in head[:200]:
            return ODT
        return DOCX if b"word/" in head else ZIP
    if head[128:132] == b"DICM":
        return DICOM
    if head.startswith(b"\x78\x9f\x3e\x22"):
        return TNEF
    if is_cms(head):
        return CMS
    return RTF if re.match(rb"(?:\xef\xbb\xbf)?\s*\{\\rtf", head[:100]) else None


def _written_type(text: str) -> str | None:
    """Formats that are recognised by their first characters, whatever their encoding."""
    first = text.lstrip("\ufffd \t\r\n")[:8]
    if first.startswith(("MSH", "FHS", "BHS")) and _HL7.match(text.lstrip("\ufffd")):
        return HL7
    if first[:1] in ("{", "[") and _FHIR.match(text):
        return FHIR_JSON
    if first.startswith("<") and _HTML.match(text):
        return HTML
    return MAIL if first[:1].isalpha() and _MAIL.match(text) else None


def _xml_type(head: bytes) -> str | None:
    """CDA, alone or wrapped (a stylesheet or a signature around it), or FHIR; None for other XML."""
    root = xml_root(head)
    if root is None:
        return None
    if root.name == CDA_ROOT or any(str(one.tag) == CDA_ROOT for one in _starts(head)) or _may_wrap(root, head):
        return CDA
    if root.name == _XHTML_ROOT:
        return HTML
    return FHIR_XML if root.name.startswith(FHIR_NS) else None


def _may_wrap(root: XmlRoot, head: bytes) -> bool:
    """Whether a stylesheet that speaks of CDA is longer than the head: the document may stand after it (CI-SIS,
    "auto-présentable"). Its parser says so when none does."""
    return root.name in _STYLESHEETS and len(head) >= HEAD and b"urn:hl7-org:v3" in head.replace(b"\x00", b"")


def xml_root(head: bytes) -> XmlRoot | None:
    """The root element of an XML document in any encoding, or None when this is not XML. Entities are not resolved."""
    for element in _starts(head):
        return XmlRoot(str(element.tag), has_doctype(element))
    return None


def _starts(head: bytes) -> Iterator[etree._Element]:
    """The elements that begin in `head`, as far as it is well formed."""
    if not _is_markup(head):
        return
    head = bare_xml(head)
    parser = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for at in range(0, len(head), 4096):
        try:
            parser.feed(head[at : at + 4096])
            fed = True
        except etree.XMLSyntaxError:
            fed = False  # what is wrong may stand after the element
        for _, element in parser.read_events():
            yield cast("etree._Element", element)
        if not fed:
            return


def bare_xml(data: bytes) -> bytes:
    """XML without the blanks before its declaration, which XML forbids and senders write, and the NULs after it."""
    if data[:4].startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4]:
        return data  # UTF-16 and UTF-32, whose characters have NULs of their own
    start = re.match(rb"[ \t\r\n]*(\xef\xbb\xbf)?[ \t\r\n]*", data)
    assert start is not None
    return (start[1] or b"") + data[start.end() :].rstrip(b"\x00\x1a\x1c \t\r\n")


def has_doctype(root: etree._Element) -> bool:
    """Whether the document of `root` declares a DTD, inside or outside."""
    info: Any = root.getroottree().docinfo  # the stubs leave `doctype` out
    return bool(info.doctype)


def _is_markup(head: bytes) -> bool:
    """Whether the first character is `<` followed by what begins a declaration, a comment or an element."""
    return re.match(rb"<[?!A-Za-z_]", _first(head)) is not None


def _first(head: bytes) -> bytes:
    """The first characters without byte order mark, blanks and the NULs of wide encodings."""
    first = head[:200].removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    return first.replace(b"\x00", b"").lstrip(b" \t\r\n\x0b\x0c")


def _name_of(head: bytes) -> str:
    if name := binary_name(head):
        return name
    decoded = decode(head, cut=len(head) >= HEAD)
    if decoded is not None and (name := text_name(decoded.text)):
        return name
    if _is_markup(head):
        return "du XML qui n'est pas un document CDA R2 entier" if xml_root(head) else "du XML mal formé"
    return guess(head)
