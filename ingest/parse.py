"""From bytes to pages: the parser with the highest claim reads the document."""

from __future__ import annotations

from access.refusal import Refusal
from ingest.limits import Limits
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
from ingest.parsers.port import Parser
from ingest.parsers.rtf import RtfParser
from ingest.parsers.text import TextParser
from ocr.port import Ocr
from records.content import Reading


def parse(data: bytes, file_name: str, ocr: Ocr, limits: Limits) -> Reading:
    """Every page of a document, with metadata when it states some; passages come later, from `split`.

    Raises Refusal: stage "receive" for a type that no parser reads ("empty-file", "unsupported-type"), stage "parse"
    for a document that cannot be read whole or is over a limit, stage "read" when OCR fails.
    """
    if len(data) > limits.bytes:
        raise Refusal("parse", "too-large", "Le fichier dépasse la taille permise.", "Déposez-le en plusieurs parties.")
    head = data[:HEAD]
    media_type_of(head)
    parser = max(PARSERS, key=lambda one: one.claims(head, file_name))
    reading = parser.parse(data, ocr, limits)
    if len(reading.pages) > limits.pages:
        raise Refusal(
            "parse",
            "too-many-pages",
            f"Le document a {len(reading.pages)} pages ; la limite est de {limits.pages}.",
            "Déposez-le en plusieurs parties.",
        )
    if sum(len(page.text) for page in reading.pages) > limits.characters:
        raise Refusal(
            "parse",
            "too-much-text",
            "Le document contient plus de texte que la limite ne le permet.",
            "Déposez-le en plusieurs parties.",
        )
    return reading


PARSERS: tuple[Parser, ...] = (
    PdfParser(),
    ImageParser(),
    CdaParser(parse),
    Hl7Parser(parse),
    FhirParser(parse),
    HtmlParser(parse),
    ArchiveParser(parse),
    MailParser(parse),
    OfficeParser(parse),
    RtfParser(parse),
    DicomParser(parse),
    TextParser(),
)
