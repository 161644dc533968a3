"""CDA R2 documents: level 3 (sections with their narrative) and level 1 (an embedded PDF, text or picture).

No entity is resolved and no DTD is read: a document that declares one is refused (XXE, billion laughs).
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import CDA_ROOT, HEAD, has_doctype, xml_root
from ingest.paging import paginate
from ingest.parsers.cda_header import LOINC, NAMESPACES, metadata_of, people_of
from ingest.parsers.narrative import clean, name_of, narrative
from ingest.parsers.port import Kept, KeptPage, Pages
from ocr.port import Ocr
from records.content import Metadata, Page, Section, Source

READER = "cda"
_DEEPEST = 200  # elements in elements; real documents stay under 40
_LARGE = 9_000_000  # bytes from which lxml's own limit on a text node (10 MB, an embedded PDF) may be met

Inside = Callable[[bytes, str, Ocr, Limits, Kept], Pages]


class CdaParser:
    """`inside` reads what is embedded, whatever it is."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        root = xml_root(head)
        return 1.0 if root is not None and root.name == CDA_ROOT else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        root = _tree(data)
        metadata = metadata_of(root)
        body = _body(root)
        parts: Iterator[Page | KeptPage]
        if body is None:
            parts = self._level_three(root, metadata, ocr, limits, kept)
        else:
            parts = self._level_one(root, body, metadata, ocr, limits, kept)
        said = False
        numbers = count(1)
        for page in parts:
            said = said or isinstance(page, KeptPage) or bool(page.text) or page.unreadable
            yield dataclasses.replace(page, number=next(numbers))
        if not said:
            raise Refusal(
                "parse", "no-content", "Le document CDA ne contient aucun texte.", "Demandez-le à l'émetteur."
            )
        return metadata

    def _level_three(
        self, root: _Element, metadata: Metadata, ocr: Ocr, limits: Limits, kept: Kept
    ) -> Iterator[Page | KeptPage]:
        structured = _structured(root, metadata)
        yield from structured
        before = len(structured)
        for medium, place in _media(root):
            for page in self._attachment(medium, place, ocr, limits, _after(before, kept)):
                before += 1
                yield page

    def _level_one(
        self, root: _Element, body: _Element, metadata: Metadata, ocr: Ocr, limits: Limits, kept: Kept
    ) -> Iterator[Page | KeptPage]:
        """The body is the document: when it cannot be read, the whole is refused for that reason."""
        if body.find("h:reference", NAMESPACES) is not None and not (body.text or "").strip():
            raise Refusal(
                "parse",
                "external-body",
                "Le corps du document CDA est un lien vers un autre fichier.",
                "Déposez aussi ce fichier, ou demandez le document complet à l'émetteur.",
            )
        yield from self._read(body, ocr, limits, kept)
        yield from _header_page(root, metadata)

    def _attachment(
        self, medium: _Element, place: str, ocr: Ocr, limits: Limits, kept: Kept
    ) -> Iterator[Page | KeptPage]:
        """Pages of an embedded file; where it is not read on, an unreadable page says why."""
        try:
            for page in self._read(medium, ocr, limits, kept):
                yield page if isinstance(page, KeptPage) else _in_section(page, place)
        except Refusal as refusal:
            if refusal.stage == "read":
                raise
            yield Page(1, "", unreadable=True, note=f"Pièce jointe non lue : {refusal.message}")

    def _read(self, medium: _Element, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        if limits.depth < 1:
            raise Refusal(
                "parse", "too-deep", "Trop de documents sont emboîtés.", "Déposez le document intérieur seul."
            )
        deeper = dataclasses.replace(limits, depth=limits.depth - 1)
        return self._inside(_content(medium), "", ocr, deeper, kept)


def _body(root: _Element) -> _Element | None:
    """What stands for the whole document at level 1."""
    return root.find("h:component/h:nonXMLBody/h:text", NAMESPACES)


def _after(before: int, kept: Kept) -> Kept:
    """The same question asked by a file inside, whose pages follow `before` others."""
    return lambda number: kept(before + number)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The files inside a CDA document, in the order that their pages have in its reading; damaged ones left out."""
    root = _tree(data)
    body = _body(root)
    for medium in [body] if body is not None else [medium for medium, _ in _media(root)]:
        with suppress(Refusal):
            yield _content(medium)


def _tree(data: bytes) -> _Element:
    root = xml_root(data[:HEAD])
    if root is not None and root.has_doctype:
        raise Refusal(
            "parse",
            "xml-doctype",
            "Le fichier XML déclare un DTD ou des entités, ce qu'un document CDA ne fait pas.",
            "Demandez un document CDA conforme à l'émetteur.",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=len(data) > _LARGE,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _damaged() from error
    if has_doctype(tree) or _depth(tree) > _DEEPEST:
        raise _damaged()
    return tree


def _damaged() -> Refusal:
    return Refusal(
        "parse", "damaged-xml", "Le document CDA est mal formé ou incomplet.", "Demandez-le à nouveau à l'émetteur."
    )


def _depth(root: _Element) -> int:
    deepest = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _structured(root: _Element, metadata: Metadata) -> list[Page]:
    """The header's lines and every section, in document order."""
    writer = _Writer()
    for line in _header_lines(root, metadata):
        writer.line(line)
    body = root.find("h:component/h:structuredBody", NAMESPACES)
    for section in () if body is None else body.iterfind("h:component/h:section", NAMESPACES):
        writer.section(section)
    return paginate(writer.text, Source.STRUCTURED, READER, sorted(writer.sections, key=lambda one: one.start))


def _header_lines(root: _Element, metadata: Metadata) -> list[str]:
    by = " — ".join(one for one in (metadata.author, metadata.organization) if one)
    return [line for line in (metadata.title, by, *people_of(root)) if line]


def _header_page(root: _Element, metadata: Metadata) -> list[Page]:
    """What only the header of a level 1 document says (people to notify) is worth a page of its own."""
    people = "\n".join(people_of(root))
    return paginate(people, Source.STRUCTURED, READER) if people and metadata else []


class _Writer:
    """Lines one after the other, with the sections that they belong to."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._length = 0
        self.sections: list[Section] = []

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def line(self, line: str) -> None:
        self._lines.append(line)
        self._length += len(line) + 1

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
            elif name_of(child) == "component":
                for inner in child.iterfind("h:section", NAMESPACES):
                    self.section(inner)
        if self._length > start:
            self.sections.append(Section(start, self._length - 1, title, _loinc(section)))


def _title(section: _Element) -> str:
    stated = section.find("h:title", NAMESPACES)
    if stated is not None and (title := clean("".join(str(one) for one in stated.itertext()))):
        return title
    code = section.find("h:code", NAMESPACES)
    return clean(code.get("displayName", "")) if code is not None else ""


def _loinc(section: _Element) -> str:
    code = section.find("h:code", NAMESPACES)
    return code.get("code", "") if code is not None and code.get("codeSystem") == LOINC else ""


def _media(root: _Element) -> Iterator[tuple[_Element, str]]:
    """Every embedded file of the body with the title of its section; the same bytes are read once."""
    seen: set[str] = set()
    for one in root.iterfind(".//*[@mediaType]"):
        text = "".join((one.text or "").split())
        if one.get("representation") != "B64" or not text or text in seen:
            continue
        seen.add(text)
        section = next(one.iterancestors("{urn:hl7-org:v3}section"), None)
        yield one, _title(section) if section is not None else ""


def _content(medium: _Element) -> bytes:
    """The bytes of an ED value (HL7 data types). The stated media type is not believed: `inside` looks for itself."""
    if medium.get("compression"):
        raise Refusal(
            "parse", "compressed-attachment", "La pièce jointe est compressée.", "Joignez-la sans compression."
        )
    text = "".join(str(one) for one in medium.itertext())
    if medium.get("representation") != "B64":
        return text.encode("utf-8")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refusal(
            "parse", "damaged-attachment", "La pièce jointe est mal codée.", "Demandez le document à l'émetteur."
        ) from error


def _in_section(page: Page, title: str) -> Page:
    if page.sections or not title or not page.text:
        return page
    return dataclasses.replace(page, sections=(Section(0, len(page.text), title),))
