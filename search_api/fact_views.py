"""The JSON of facts and of the timeline."""

from __future__ import annotations

from pydantic import Field

from records.fact import Assertion, FactKind, FactSource
from search_api.view_base import View
from search_api.views import CoverageView, DocumentView


class CodeView(View):
    """A code as its document states it."""

    system: str = Field(description="OID ou adresse")
    code: str
    display: str


class ValueView(View):
    """A measured value exactly as stated: nothing is converted."""

    text: str
    comparator: str
    unit: str
    range: str
    low: str | None
    high: str | None
    flag: str


class SourceView(View):
    """Where a document says it: the quoted words, their page, their boxes in page units (origin top left)."""

    document: DocumentView
    page: int
    quote: str
    start: int
    end: int
    source: FactSource = Field(description="entrée structurée, texte, ou texte lu par OCR")
    confidence: float | None
    boxes: list[tuple[float, float, float, float]]
    page_url: str | None = Field(description="image de la page, les mots encadrés ; null quand il n'y a pas d'image")


class FactView(View):
    """One statement, with the documents that make it: copied text counts once."""

    kind: FactKind
    label: str
    assertion: Assertion
    concept: str
    codes: list[CodeView]
    value: ValueView | None
    start: str = Field(description="AAAA, AAAA-MM ou AAAA-MM-JJ, aussi précis que le document ; vide sinon")
    end: str
    date: str = Field(description="celle du fait, sinon celle du document le plus récent qui le dit")
    details: dict[str, str]
    sources: list[SourceView]
    documents: int = Field(description="combien de documents le disent ; les plus récents sont montrés")


class FactList(View):
    """Newest first. `next` continues the list, for this caller only."""

    patient_id: str
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    facts: list[FactView]
    total: int
    coverage: CoverageView
    next: str | None


class Moment(View):
    """A dated line of the timeline: a document, or what one tells."""

    date: str
    kind: str = Field(description="document, ou le genre du fait")
    label: str
    document: DocumentView | None
    fact: FactView | None


class Timeline(View):
    """Stays, acts, results, treatments and documents, newest first."""

    patient_id: str
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    moments: list[Moment]
    total: int
    coverage: CoverageView
    next: str | None
