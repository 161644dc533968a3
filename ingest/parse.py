"""From bytes to pages: the parser with the highest claim reads the document."""

from __future__ import annotations

from access.refusal import Refusal
from ingest.limits import Limits, check_characters, check_pages
from ingest.media_type import HEAD, media_type_of
from ingest.parsers.archive import ArchiveParser
from ingest.parsers.cda import CdaParser
from ingest.parsers.dicom import DicomParser
from ingest.parsers.fhir import FhirParser
from ingest.parsers.hl7 import Hl7Parser
from ingest.parsers.html import HtmlParser
from ingest.parsers.image import ImageParser
from ingest.parsers.mail import MailParser
from ingest.parsers.office import OfficeParser
from ingest.parsers.pdf import PdfParser
from ingest.parsers.port import Kept, Pages, Parser, none_kept
from ingest.parsers.rtf import RtfParser
from ingest.parsers.text import TextParser
from ingest.parsers.tnef import TnefParser
from ingest.told import Joiner
from ocr.port import Ocr
from records.content import Page, Reading
from records.fact_format import quoted


def pages_of(data: bytes, file_name: str, ocr: Ocr, limits: Limits, kept: Kept = none_kept) -> Pages:
    """Every page of a document in order; those already `kept` are passed over.

    Raises Refusal: stage "receive" for a type that no parser reads ("empty-file", "unsupported-type"), stage "parse"
    for a document that cannot be read whole or is over a limit, stage "read" when OCR fails. Hostile bytes may do
    worse: the recipe calls this in the sandbox's child.
    """
    if len(data) > limits.bytes:
        raise Refusal("parse", "too-large", "Le fichier dépasse la taille permise.", "Déposez-le en plusieurs parties.")
    head = data[:HEAD]
    media_type_of(head)
    parser = max(PARSERS, key=lambda one: one.claims(head, file_name))
    pages = parser.pages(data, ocr, limits, kept)
    count = characters = 0
    while True:
        try:
            page = next(pages)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        count += 1
        characters += len(page.text) if isinstance(page, Page) else 0
        check_pages(count, limits)
        check_characters(characters, limits)
        yield quoted(page) if isinstance(page, Page) else page


def told_pages_of(data: bytes, file_name: str, ocr: Ocr, limits: Limits, kept: Kept = none_kept) -> Pages:
    """`pages_of` a whole document, each page with what its text tells beside its entries."""
    pages, joiner = pages_of(data, file_name, ocr, limits, kept), Joiner()
    while True:
        try:
            page = next(pages)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield joiner.joined(page) if isinstance(page, Page) else page


def parse(data: bytes, file_name: str, ocr: Ocr, limits: Limits) -> Reading:
    """All of `told_pages_of` at once, in this process: for tests and for bytes that are trusted."""
    stream = told_pages_of(data, file_name, ocr, limits)
    pages: list[Page] = []
    while True:
        try:
            page = next(stream)
        except StopIteration as end:
            return Reading(tuple(pages), end.value)
        assert isinstance(page, Page)
        pages.append(page)


PARSERS: tuple[Parser, ...] = (
    PdfParser(),
    ImageParser(),
    CdaParser(pages_of),
    Hl7Parser(pages_of),
    FhirParser(pages_of),
    HtmlParser(pages_of),
    ArchiveParser(pages_of),
    MailParser(pages_of),
    OfficeParser(pages_of),
    RtfParser(pages_of),
    DicomParser(pages_of),
    TnefParser(pages_of),
    TextParser(),
)
