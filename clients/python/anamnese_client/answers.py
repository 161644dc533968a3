"""The answer to a search, and what it is made of."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from anamnese_client.model import Model


class Correction(Model):
    """A word of the question that was also read as another, present in the documents."""

    from_: str = Field(alias="from")
    to: str


class Expansion(Model):
    """Another way to write a part of the question, searched beside it and weighing less."""

    from_: str = Field(alias="from")
    to: str
    relation: str


class Signature(Model):
    """An electronic signature of a mail, as checked when it was read: `verdict` is intact, broken or unchecked.

    None of them says that an authority confirmed `signer`.
    """

    verdict: str
    signer: str
    message: str
    whole: bool


class ReadingNote(Model):
    """What could not be read of these pages, or was read otherwise than it stands."""

    pages: tuple[int, ...]
    message: str


class DocumentInfo(Model):
    """What names a document on a list of results."""

    id: str
    title: str
    type_code: str
    type: str
    category: str
    event_date: date | None
    author: str
    organization: str
    origin: str
    version: int
    status: str
    masked: bool | None
    hidden_from_representatives: bool | None
    by_patient: bool
    warning: str
    new: bool = False
    signatures: tuple[Signature, ...] = ()
    notes: tuple[ReadingNote, ...] = ()


class Passage(Model):
    """A matched passage. Highlights are code point ranges of `text`; boxes are page units, origin top left."""

    passage_id: str
    text: str
    section: str
    page: int
    highlights: tuple[tuple[int, int], ...]
    section_highlights: tuple[tuple[int, int], ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...]
    page_url: str | None
    page_size: tuple[float, float] | None = None
    assertion: str | None = None
    corrected_by: str | None = None


class Hit(Model):
    """A document and its best passages."""

    rank: int
    document: DocumentInfo
    passages: tuple[Passage, ...]
    far: bool = False
    copies: tuple[str, ...] = ()
    title_highlights: tuple[tuple[int, int], ...] = ()


class Coverage(Model):
    """What was searched and what was not, within what the caller may know of."""

    searched: int
    pending: int
    unreadable_pages: int
    refused: int
    quarantined: int
    first_date: date | None
    last_date: date | None
    filters: tuple[str, ...]
    degraded: tuple[str, ...]
    before_facts: int = 0
    notice: str


class FacetValue(Model):
    value: str
    label: str
    count: int


class Facets(Model):
    """Documents found, counted within the caller's authorisations, the most frequent first."""

    type: tuple[FacetValue, ...]
    year: tuple[FacetValue, ...]
    author: tuple[FacetValue, ...]
    specialty: tuple[FacetValue, ...]
    organization: tuple[FacetValue, ...]
    origin: tuple[FacetValue, ...]
    state: tuple[FacetValue, ...]


class Source(Model):
    """The words that say so, and where they stand. `page_url`: the page's picture with these words boxed."""

    document_id: str
    document: str
    event_date: date | None
    author: str
    page: int
    start: int
    end: int
    quote: str
    page_url: str


class Point(Model):
    """A result: as written, and in the series' unit where a reviewed rule leads there. Numbers are decimal strings."""

    date: str
    original: str
    original_unit: str
    original_range: str
    flag: str
    comparator: str
    value: str | None
    low: str | None
    high: str | None
    remarks: tuple[str, ...]
    certainty: str
    source: Source
    also: tuple[str, ...]


class Values(Model):
    """The results of one analyte that answer a question about values, newest first."""

    analyte: str
    unit: str
    understood: str
    total: int
    points: tuple[Point, ...]


class Answer(Model):
    """What a search returns. `total` counts the documents that hold a word of the question."""

    patient_id: str
    query: str
    mode: str
    banner: str
    hits: tuple[Hit, ...]
    total: int
    corrections: tuple[Correction, ...]
    coverage: Coverage
    understood: tuple[str, ...] = ()
    expansions: tuple[Expansion, ...] = ()
    suggestions: tuple[Correction, ...] = ()
    facets: Facets | None = None
    values: tuple[Values, ...] = ()
    next: str | None = None
