"""CDA R2 documents: level 3 (sections with their narrative) and level 1 (an embedded PDF, text or picture).

No entity is resolved and no DTD is read: a document that declares one is refused (XXE, billion laughs).
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator

from lxml.etree import _Element

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import CDA, CDA_ROOT, is_type
from ingest.paging import paginate
from ingest.parsers.cda_facts import facts_of
from ingest.parsers.cda_header import LOINC, NAMESPACES, metadata_of, people_of
from ingest.parsers.cda_quotes import Narrated
from ingest.parsers.members import (
    Inside,
    Member,
    Part,
    bytes_of,
    combined,
    damaged_attachment,
    elsewhere,
    from_base64,
    is_read,
    read_parts,
    too_large,
    unstated_base64,
)
from ingest.parsers.narrative import clean, name_of, narrative
from ingest.parsers.port import Kept, Pages
from ingest.parsers.quotes import in_lines, line_for, placed
from ingest.parsers.xml_tree import tree_of
from ocr.port import Ocr
from records.content import Metadata, Page, Section, Source
from records.fact import Fact

READER = "cda"
_WINDOWS = {"DF": -15, "GZ": 31, "ZL": 15}  # zlib's window bits of HL7's CompressionAlgorithm
_ANY_HEADER = 47  # zlib or gzip, whichever it is
_SECTION = "{urn:hl7-org:v3}section"
_WORDS = tuple(f"{{urn:hl7-org:v3}}{name}" for name in ("text", "value"))
WHAT = "document CDA"


class CdaParser:
    """`inside` reads what is embedded, whatever it is."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, CDA) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        root = _document(data)
        metadata = metadata_of(root)
        pages = [] if _body(root) is not None else _structured(root, metadata)
        parts: list[Part] = [*pages, *_members(root, limits.bytes), *([] if pages else _header_page(root, metadata))]
        inner = yield from _not_empty(read_parts(parts, Metadata(), self._inside, ocr, limits, kept))
        patients = combined(metadata, [Metadata(patients=inner.patients)]).patients
        return dataclasses.replace(metadata, patients=patients)


def _not_empty(pages: Pages) -> Pages:
    """`pages`, which are a Refusal when none of them says anything."""
    said = False
    while True:
        try:
            page = next(pages)
        except StopIteration as end:
            if not said:
                raise Refusal(
                    "parse", "no-content", "Le document CDA ne contient aucun texte.", "Demandez-le à l'émetteur."
                ) from None
            return end.value  # type: ignore[no-any-return]
        said = said or is_read(page) or (isinstance(page, Page) and page.unreadable)
        yield page


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The files inside a CDA document, in the order that their pages have in its reading; damaged ones left out."""
    yield from bytes_of(_members(_document(data), Limits().bytes))


def _document(data: bytes) -> _Element:
    """The ClinicalDocument: the root, or inside a stylesheet ("auto-présentable", CI-SIS) or a signature around it."""
    root = tree_of(data, WHAT)
    document = root if root.tag == CDA_ROOT else next(root.iter(CDA_ROOT), None)
    if document is None:
        raise Refusal(
            "receive",
            "unsupported-type",
            "Ce type de fichier n'est pas lu : c'est une feuille de style sans document CDA.",
            "Déposez le document qu'elle sert à présenter.",
        )
    return document


def _body(root: _Element) -> _Element | None:
    """What stands for the whole document at level 1."""
    return root.find("h:component/h:nonXMLBody/h:text", NAMESPACES)


def _members(root: _Element, limit: int) -> Iterator[Member]:
    """The body of level 1, or every embedded file with the title of its section; the same bytes are read once."""
    body = _body(root)
    if body is not None:
        link = body.find("h:reference", NAMESPACES) is not None and not (body.text or "").strip()
        yield elsewhere(vital=True) if link else Member(_content(body, limit), vital=True)
        return
    seen: set[str] = set()
    for one in root.iterfind(".//*"):
        if one.get("mediaType") is None and one.get("representation") is None:
            continue
        section = next(one.iterancestors(_SECTION), None)
        title = _title(section) if section is not None else ""
        text = "".join(_own_text(one).split())
        if name_of(one).endswith("signatureText"):
            continue  # what a computer checks
        is_medium = name_of(one.getparent()) == "observationMedia"  # type: ignore[arg-type]
        if text and (_is_base64(one) or is_medium) and text not in seen:
            seen.add(text)
            yield Member(_content(one, limit), title)
        elif not text and is_medium and _link(one):
            yield elsewhere()


def _link(value: _Element) -> bool:
    """Whether an ED points outside of the document."""
    link = value.find("h:reference", NAMESPACES)
    return link is not None and bool(link.get("value")) and not link.get("value", "").startswith("#")


def _structured(root: _Element, metadata: Metadata) -> list[Page]:
    """The header's lines and every section, in document order."""
    writer = _Writer(Narrated(root))
    for line in _header_lines(metadata):
        writer.line(line)
    writer.people(root)
    for section in root.iter(_SECTION):
        if next(section.iterancestors(_SECTION), None) is None:
            writer.section(section)
    sections = sorted(writer.sections, key=lambda one: one.start)
    return paginate(writer.text, Source.STRUCTURED, READER, sections, facts=writer.facts)


def _header_lines(metadata: Metadata) -> list[str]:
    by = " — ".join(one for one in (metadata.author, metadata.organization) if one)
    return [line for line in (metadata.title, by) if line]


def _header_page(root: _Element, metadata: Metadata) -> list[Page]:
    """What only the header of a level 1 document says (people to notify) is worth a page of its own."""
    writer = _Writer(Narrated(root))
    writer.people(root)
    return paginate(writer.text, Source.STRUCTURED, READER, facts=writer.facts) if writer.text and metadata else []


class _Writer:
    """Lines one after the other, with the sections that they belong to and the facts that they tell."""

    def __init__(self, narrated: Narrated) -> None:
        self._narrated = narrated
        self._lines: list[str] = []
        self._length = 0
        self.sections: list[Section] = []
        self.facts: list[Fact] = []

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def line(self, line: str) -> None:
        self._lines.append(line)
        self._length += len(line) + 1

    def people(self, root: _Element) -> None:
        """The people to notify, a line each."""
        for line, contact in people_of(root):
            self._tell(contact, line)

    def section(self, section: _Element) -> None:
        """Title, narrative and the sections inside, which may stand before or after the narrative."""
        if self._lines:
            self.line("")
        start, title = self._length, _title(section)
        stated = section.find("h:title", NAMESPACES)
        if stated is not None and title:
            self.line(title)
        for child in section:
            if name_of(child) == "text":
                for line in narrative(child):
                    self.line(line)
            elif name_of(child) in ("component", "section"):
                for inner in [child] if child.tag == _SECTION else child.iterfind("h:section", NAMESPACES):
                    self.section(inner)
        self._facts(section, start, title)
        self._said_by_entries(section, start)
        if self._length > start:
            self.sections.append(Section(start, self._length - 1, title, _loinc(section)))

    def _facts(self, section: _Element, start: int, title: str) -> None:
        """What the section's own entries say: quoted from the lines since `start`, or written on a line more."""
        said = self.text[start:]
        for one in facts_of(section, _loinc(section), title, self._narrated.words):
            found = in_lines(said, 0, len(said), one.fact, self._narrated.blocks(one.anchors))
            if found is None:
                self._tell(one.fact, clean(line_for(one.fact)))
            else:
                self.facts.append(placed(found, start + found.quote.start, start + found.quote.end))

    def _said_by_entries(self, section: _Element, start: int) -> None:
        """Free text of an entry, where the narrative since `start` does not have it; what is denied stays denied."""
        said, added = self.text[start:], set[str]()
        for entry in section.iterfind("h:entry", NAMESPACES):
            for one in entry.iter(*_WORDS):
                words = "" if one.get("representation") else clean(_own_text(one))
                if words and words not in added and words not in said:
                    denied = any(around.get("negationInd") == "true" for around in one.iterancestors())
                    self.line(f"absence de {words}" if denied else words)
                    added.add(words)

    def _tell(self, fact: Fact, line: str) -> None:
        self.facts.append(placed(fact, self._length, self._length + len(line)))
        self.line(line)


def _title(section: _Element) -> str:
    stated = section.find("h:title", NAMESPACES)
    if stated is not None and (title := clean("".join(str(one) for one in stated.itertext()))):
        return title
    code = section.find("h:code", NAMESPACES)
    return clean(code.get("displayName", "")) if code is not None else ""


def _loinc(section: _Element) -> str:
    code = section.find("h:code", NAMESPACES)
    return code.get("code", "") if code is not None and code.get("codeSystem") == LOINC else ""


def _content(medium: _Element, limit: int) -> bytes | Refusal:
    """The bytes of an ED value (HL7 data types). The stated media type is not believed: `inside` looks for itself."""
    text = _own_text(medium)
    try:
        data = from_base64(text, limit) if _is_base64(medium) else unstated_base64(text, limit) or text.encode()
        return _expanded(data, medium.get("compression", ""), limit)
    except Refusal as refusal:
        return refusal


def _is_base64(medium: _Element) -> bool:
    return medium.get("representation", "").upper() == "B64"


def _own_text(medium: _Element) -> str:
    """The characters of an ED value without its thumbnail and its reference."""
    inner = ("" if name_of(one) in ("thumbnail", "reference") else "".join(map(str, one.itertext())) for one in medium)
    tails = (one.tail or "" for one in medium)
    return (medium.text or "") + "".join(f"{a}{b}" for a, b in zip(inner, tails, strict=True))


def _expanded(data: bytes, compression: str, limit: int) -> bytes:
    """`data` as it was before its stated compression: DF (deflate), GZ or ZL, never over `limit` bytes."""
    if not compression:
        return data
    if compression not in _WINDOWS:
        raise Refusal(
            "parse", "compressed-attachment", "La pièce jointe est compressée.", "Joignez-la sans compression."
        )
    expander = zlib.decompressobj(_WINDOWS[compression])
    try:
        expanded = expander.decompress(data, limit)
    except zlib.error:
        # Senders name one format and write another.
        expander = zlib.decompressobj(_ANY_HEADER if data[:1] in (b"\x78", b"\x1f") else _WINDOWS["DF"])
        try:
            expanded = expander.decompress(data, limit)
        except zlib.error as error:
            raise damaged_attachment() from error
    if not expander.eof:
        raise damaged_attachment() if len(expanded) < limit else too_large()
    return expanded
