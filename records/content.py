"""What a document shows: pages, regions, words, passages. Plain values, stored as encrypted blobs.

Offsets count code points of the page's NFC text. Boxes are (x0, y0, x1, y1) in page units with the origin at the top
left; a page of a PDF is measured in points (1/72 inch), an image in pixels, a page without a picture (text, CDA) has
width and height 0 and no boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from records.fact import Fact

Box = tuple[float, float, float, float]


class Source(StrEnum):
    """Where a region's text came from."""

    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    STRUCTURED = "structured"
    PLAIN = "plain"
    PERSON = "person"  # typed by a person in place of what was read; `reader` is who


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a page: text[start:end] of the page, its box when there is a picture, OCR confidence 0 to 1."""

    start: int
    end: int
    box: Box | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A run of a page read in one way. `reader` names the tool ("pdfium", "pdfminer", "tesseract 5.3.0")."""

    start: int
    end: int
    source: Source
    reader: str
    box: Box | None = None
    confidence: float | None = None  # mean word confidence of OCR, 0 to 1


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page's text; `code` is the LOINC section code when the document states one."""

    start: int
    end: int
    title: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, numbered from 1, NFC text in reading order."""

    number: int
    text: str
    width: float = 0.0
    height: float = 0.0
    words: tuple[Word, ...] = ()
    regions: tuple[Region, ...] = ()
    sections: tuple[Section, ...] = ()
    unreadable: bool = False  # a picture from which no trustworthy text came; Coverage counts it
    note: str = ""  # why it is unreadable, or what was left unread, in one sentence
    facts: tuple[Fact, ...] = ()  # told by this page; quotes are offsets into its text


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: some sentences of one section of one page."""

    sequence: int
    page: int
    start: int
    end: int
    text: str  # page.text[start:end]
    section: str = ""


@dataclass(frozen=True, slots=True)
class StatedPatient:
    """Who a structured header says its patient is: recordTarget of CDA, PID of HL7 v2, Patient of FHIR.

    What it does not say stays empty. A parser fills this and nothing else for `clinical.identity` to compare.
    """

    identifiers: tuple[tuple[str, str], ...] = ()  # (INS matricule, OID) pairs
    birth_names: tuple[str, ...] = ()  # family names of birth
    used_names: tuple[str, ...] = ()  # family names in use, or of an unknown kind
    given_names: str = ""  # every first name stated, separated by spaces
    birth_date: date | None = None
    sex: str = ""  # M | F, anything else is unknown
    birth_place: str = ""  # INSEE code of the commune or country
    local: tuple[tuple[str, str], ...] = ()  # (value, assigner) pairs of other identifiers: an IPP of a hospital


class Verdict(StrEnum):
    """What a check of a signature found. None of them says that an authority confirmed who signed."""

    INTACT = "intact"  # what it covers is what was signed, with the key of the certificate that came with it
    BROKEN = "broken"
    UNCHECKED = "unchecked"  # could not be checked: `message` says why


@dataclass(frozen=True, slots=True)
class Signature:
    """An electronic signature in what was received, as checked when it was read."""

    verdict: Verdict
    signer: str  # name and address as the certificate states them; nobody here vouches for it
    message: str  # French sentences: what was found, and what was not checked
    whole: bool = True  # over all of the document but a mail's headers


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a document says of itself (CDA header, PDF information). Empty when it does not say."""

    unique_id: str = ""
    set_id: str = ""
    version: int = 1
    replaces: str = ""  # unique_id of the document that this one replaces
    type_code: str = ""  # LOINC
    title: str = ""
    author: str = ""
    organization: str = ""
    event_date: date | None = None
    confidentiality: str = ""
    language: str = ""
    patient_ins: tuple[tuple[str, str], ...] = ()  # (matricule, OID) pairs stated for the patient
    patients: tuple[StatedPatient, ...] = ()  # several only when the header names several
    appends: str = ""  # unique_id of the document that this one completes
    issued_at: datetime | None = None  # when this version was made or sent; orders versions, bounds a cancellation
    aliases: tuple[str, ...] = ()  # other names that a later message may replace, complete or cancel it by
    cancels: tuple[str, ...] = ()  # names of documents that this one withdraws
    signatures: tuple[Signature, ...] = ()  # of a mail; they decide nothing: neither whose it is nor who sees it


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read from a document. `recipe` names the version of the reading that made it."""

    pages: tuple[Page, ...]
    metadata: Metadata = Metadata()
    passages: tuple[Passage, ...] = ()
    recipe: str = ""
