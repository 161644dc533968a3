"""What records know and the index does not, laid over a ranking: authors and services, exact phrases, dates, counts.

Everything here reads documents inside the caller's Scope and narrows what the index gave; nothing is added.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from access.document_types import label_of
from access.identifiers import DocumentId
from access.scope import Scope
from clinical.specialties import specialties_in, specialty_of
from index.analysis import WORD, fold
from index.intent import Facts
from index.query import Query
from index.rank import RankedDocument
from records import documents
from records.database import Tx
from records.documents import Document, DocumentState
from search_api.marks import is_new
from search_api.views import Facets, FacetValue

MOST_VALUES = 50
_STATUS = {"approved": "validé", "archived": "archivé", "deprecated": "remplacé"}


def narrowed(tx: Tx, scope: Scope, query: Query) -> Scope:
    """The Scope without the documents whose author, service or organisation is not the one asked for."""
    if not (query.authors or query.organizations or query.specialties):
        return scope
    others = {
        document.document_id
        for document in documents.list_documents(tx, scope, states=[DocumentState.SEARCHABLE])
        if not _is_by(document, query)
    }
    return dataclasses.replace(scope, excluded=scope.excluded | others)


def only_new(tx: Tx, scope: Scope, last: datetime) -> Scope:
    """The Scope without the documents that could already be found at an instant."""
    known = {
        document.document_id
        for document in documents.list_documents(tx, scope, states=[DocumentState.SEARCHABLE])
        if not is_new(document, last)
    }
    return dataclasses.replace(scope, excluded=scope.excluded | known)


def facts_of(tx: Tx, scope: Scope) -> Callable[[Collection[DocumentId]], Mapping[DocumentId, Facts]]:
    """Date and type of some of the Scope's documents."""

    def facts(wanted: Collection[DocumentId]) -> Mapping[DocumentId, Facts]:
        found = documents.get_documents(tx, scope, wanted)
        return {name: Facts(each.type_code, each.event_date) for name, each in found.items()}

    return facts


def newest_first(ranked: Sequence[RankedDocument], found: Mapping[DocumentId, Document]) -> list[RankedDocument]:
    """By falling date, undated last; those of one day stay in order of relevance."""
    return sorted(ranked, key=lambda each: _age(found.get(each.document_id)))


def facets_of(found: Iterable[Document]) -> Facets:
    """Counts over documents that are all inside the Scope."""
    kept = list(found)
    years = (str(each.event_date.year) if each.event_date else "" for each in kept)
    return Facets(
        type=_values((each.type_code for each in kept), label_of),
        year=_values(years, lambda year: year or "sans date"),
        author=_values((each.author for each in kept), str),
        specialty=_values((_specialty(each) for each in kept), lambda name: name or "non précisée"),
        organization=_values((each.organization for each in kept), str),
        origin=_values((each.origin for each in kept), str),
        state=_values((each.status for each in kept), lambda status: _STATUS[status]),
    )


def holds_phrases(text: str, phrases: Sequence[str]) -> bool:
    """Whether each phrase stands in the text, word after word; case, accents and signs left out."""
    if not phrases:
        return True
    words = f" {_words(text)} "
    return all(f" {_words(phrase)} " in words for phrase in phrases)


def _words(text: str) -> str:
    return " ".join(fold(found.group()) for found in WORD.finditer(text))


def _is_by(document: Document, query: Query) -> bool:
    return (
        _any_in(query.authors, document.author)
        and _any_in(query.organizations, document.organization)
        and _of_specialty(document, query.specialties)
    )


def _specialty(document: Document) -> str:
    return specialty_of(document.type_code, document.title, document.author, document.organization)


def _of_specialty(document: Document, wanted: Sequence[str]) -> bool:
    """By its words, or by what they say: « cardiologie » is of Dr X, cardiologue."""
    text = f"{document.title} {document.author} {document.organization}"
    named = {name for each in wanted for name in specialties_in(each)}
    return _any_in(wanted, text) or not named.isdisjoint((_specialty(document), *specialties_in(text)))


def _any_in(wanted: Sequence[str], text: str) -> bool:
    """Whether one of the names stands in a text; true when none is asked for."""
    folded = _words(text)
    return not wanted or any(_words(name) in folded for name in wanted)


def _age(document: Document | None) -> tuple[bool, int]:
    day: date | None = document.event_date if document else None
    return day is None, -(day.toordinal() if day else 0)


def _values(values: Iterable[str], label: Callable[[str], str]) -> list[FacetValue]:
    counted = sorted(Counter(values).items(), key=lambda each: (-each[1], each[0]))
    return [FacetValue(value=value, label=label(value), count=count) for value, count in counted[:MOST_VALUES]]
