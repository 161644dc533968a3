"""What a document says about its patient's health: kind, label, codes, assertion, date, and the words that say so.

A Fact is read either from a structured entry (CDA, HL7 v2, FHIR) or from text; `source` tells which. It never says
more than its quote: nothing is concluded, converted or corrected here. Its document's Scope decides who may see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class FactKind(StrEnum):
    """What a Fact is about."""

    ALLERGY = "allergy"
    INTOLERANCE = "intolerance"
    CONTRAINDICATION = "contraindication"  # what must not be given, for another reason than a reaction to it
    MEDICATION = "medication"
    CONDITION = "condition"
    PROCEDURE = "procedure"
    IMPLANT = "implant"
    IMMUNIZATION = "immunization"
    LAB_RESULT = "lab_result"
    VITAL_SIGN = "vital_sign"
    PREGNANCY = "pregnancy"
    BLOOD_GROUP = "blood_group"
    DIRECTIVE = "directive"  # advance directives and treatment limitations
    CONTACT = "contact"  # personne de confiance and people to notify
    DISPENSING = "dispensing"  # delivered or reimbursed: CIP codes, CCAM acts
    ENCOUNTER = "encounter"  # a stay, a visit


DANGERS = frozenset({FactKind.ALLERGY, FactKind.INTOLERANCE, FactKind.CONTRAINDICATION})
"""What must not be given to the patient, or not without thought."""
POINTED = "à vérifier : phrase non comprise"
"""The note of an allergy that is only a sentence to be read: its label is the sentence and nothing was understood."""


class Assertion(StrEnum):
    """How the document states it."""

    PRESENT = "present"
    ABSENT = "absent"
    SUSPECTED = "suspected"
    FAMILY = "family"
    PAST = "past"
    HYPOTHETICAL = "hypothetical"


class FactSource(StrEnum):
    """How it was read: from an entry that names its fields, from text, or from text that OCR read."""

    STRUCTURED = "structured"
    TEXT = "text"
    OCR = "ocr"


@dataclass(frozen=True, slots=True)
class Coding:
    """A code as written: `system` is an OID or URL, `display` the document's own words for it."""

    system: str
    code: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured value exactly as stated; `number` is None where it is not one ("positif"). Never converted here."""

    text: str  # the value as written: "1,5", "< 0,01", "positif"
    number: Decimal | None = None
    comparator: str = ""  # "", "<", "<=", ">", ">="
    unit: str = ""  # as written
    low: Decimal | None = None  # stated reference range, in `unit`
    high: Decimal | None = None
    range_text: str = ""  # the range as written
    flag: str = ""  # as stated: "H", "L", "HH", "*"…


@dataclass(frozen=True, slots=True)
class Period:
    """When it holds, each end as exactly as it is stated: "2019", "2019-02", "2019-02-24"; empty when not stated."""

    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """The words that say so: text[start:end] of the NFC text of page `page` (from 1)."""

    page: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement of one document."""

    kind: FactKind
    label: str  # as the document writes it
    quote: Quote
    source: FactSource
    assertion: Assertion = Assertion.PRESENT
    concept: str = ""  # preferred term of clinical/vocabulary, empty when it is not known there
    codes: tuple[Coding, ...] = ()
    value: Quantity | None = None
    when: Period = Period()  # of the fact itself; empty: the document's event date is all that is known
    details: tuple[tuple[str, str], ...] = ()
    """What else is stated, by name, as written. Names in use: substance, brand, dose, route, frequency, long_term,
    stopped, replaced_by, reaction, severity, cause, status, reason, disproved, specimen, method, site, side, device,
    rank, lot, quantity, performer, relation, telephone, role, term_date, duration, note, section."""
    confidence: float | None = None  # of OCR over the quote, 0 to 1

    @property
    def is_pointed(self) -> bool:
        """Whether it is only a sentence to be read, of which nothing was understood."""
        return self.detail("note") == POINTED

    def detail(self, name: str) -> str:
        """The value of a detail, empty when it is not stated."""
        return next((value for key, value in self.details if key == name), "")


@dataclass(frozen=True, slots=True)
class Told:
    """A Fact with the document that tells it: what readers of facts work on."""

    fact: Fact
    document_id: str
    event_date: date | None
    deposited: date | None = None
    """When the document was received: of one that bears no date it is all that is known of its age."""
