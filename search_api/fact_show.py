"""From gathered facts to what leaves: sources with their documents, quotes and boxes, inside the Scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from access.identifiers import DocumentId
from access.scope import Scope
from index.port import Filters
from records import documents, facts
from records.coverage import covered
from records.database import Tx
from records.documents import Document, DocumentState
from records.fact import Fact, FactSource, Quantity, Told
from search_api.coverage import coverage_view
from search_api.desk import Desk
from search_api.documents import view_of
from search_api.fact_views import CodeView, FactView, SourceView, ValueView
from search_api.gathered import Gathered
from search_api.marks import marks_of
from search_api.show import page_url
from search_api.views import CoverageView, DocumentView

MOST_SOURCES = 5
"""Documents shown of one fact; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Shower:
    """One answer's documents, as records have them now: a fact of one that left the Scope is not shown."""

    desk: Desk
    tx: Tx
    scope: Scope
    papers: dict[DocumentId, Document]

    @classmethod
    def of(cls, desk: Desk, tx: Tx, scope: Scope, named: Iterable[DocumentId]) -> Shower:
        return cls(desk, tx, scope, documents.get_documents(tx, scope, set(named)))

    def fact(self, each: Gathered) -> FactView | None:
        """A fact with its newest sources; None when no document of it may be shown any more."""
        fact = each.fact
        sources = [one for one in each.sources if DocumentId(one.document_id) in self.papers]
        shown = [self._source(one) for one in sources[:MOST_SOURCES]]
        if not shown:
            return None
        return FactView(
            kind=fact.kind,
            label=fact.label,
            assertion=fact.assertion,
            concept=fact.concept,
            codes=[CodeView(system=one.system, code=one.code, display=one.display) for one in fact.codes],
            value=None if fact.value is None else _value(fact.value),
            start=fact.when.start,
            end=fact.when.end,
            date=each.day,
            details=dict(fact.details),
            sources=shown,
            documents=len({one.document_id for one in each.sources}),
        )

    def document(self, document: Document) -> DocumentView:
        """A document as its title names it."""
        return view_of(document, marks_of(self.desk.services, self.scope, document, self.desk.now))

    def _source(self, told: Told) -> SourceView:
        document, fact = self.papers[DocumentId(told.document_id)], told.fact
        boxes, url = self._place(document, fact)
        return SourceView(
            document=self.document(document),
            page=fact.quote.page,
            quote=fact.quote.text,
            start=fact.quote.start,
            end=fact.quote.end,
            source=fact.source,
            confidence=fact.confidence,
            boxes=boxes,
            page_url=url,
        )

    def _place(self, document: Document, fact: Fact) -> tuple[list[tuple[float, float, float, float]], str | None]:
        """Boxes of the quoted words. A structured document has neither words nor pictures: it is not opened."""
        services = self.desk.services
        if fact.source is FactSource.STRUCTURED or document.state is not DocumentState.SEARCHABLE:
            return [], None
        reading = services.shelf.take(services.blobs, self.tx, self.scope, document)
        sheet = None if reading is None else reading.sheets.get(fact.quote.page)
        if sheet is None:
            return [], None
        boxes = sheet.boxes_over([(fact.quote.start, fact.quote.end)])
        return boxes, page_url(self.scope.patient_id, document.document_id, sheet, boxes)


def named_in(shown: Sequence[FactView]) -> list[DocumentId]:
    """The documents of these facts' sources, each once, in order: what the journal says was shown."""
    return list(dict.fromkeys(DocumentId(one.document.id) for each in shown for one in each.sources))


def coverage_of(tx: Tx, scope: Scope) -> CoverageView:
    """What the facts rest on: documents read, not read, and those read before facts were."""
    return coverage_view(covered(tx, scope), Filters(), [], before_facts=facts.unread(tx, scope))


def _value(value: Quantity) -> ValueView:
    low, high = (None if one is None else f"{one:f}" for one in (value.low, value.high))
    return ValueView(
        text=value.text,
        comparator=value.comparator,
        unit=value.unit,
        range=value.range_text,
        low=low,
        high=high,
        flag=value.flag,
    )
