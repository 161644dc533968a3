"""Provenance of a statement: the documents that make it, with the words and their page."""

from __future__ import annotations

from collections.abc import Mapping

from access.identifiers import DocumentId
from records.documents import Document
from records.fact import Told
from search_api.fact_show import MOST_SOURCES
from search_api.fhir.elements import Resource
from search_api.fhir.formats import versioned
from search_api.fhir.statements import Writer
from search_api.fhir.words import OURS, TERMINOLOGY, concept, filled, instant, is_blank, joined
from search_api.gathered import Gathered

QUOTE = f"{OURS}:quote"
"""Extension of an entity: `text` as written, `page` from 1."""


def provenance_of(writer: Writer, each: Gathered, target: Resource, papers: Mapping[DocumentId, Document]) -> Resource:
    """Its newest sources, as records have them now."""
    shown = shown_sources(each, papers)
    newest = papers[DocumentId(shown[0].document_id)]
    author = newest.author or newest.organization or "auteur non précisé"
    agents = [
        {"type": concept(f"{TERMINOLOGY}/provenance-participant-type", "author"), "who": {"display": author}},
        {
            "type": concept(f"{TERMINOLOGY}/provenance-participant-type", "assembler"),
            "who": {"display": "Anamnèse"},
        },
    ]
    resource = {
        "resourceType": "Provenance",
        "id": target["id"],
        "target": [{"reference": f"{target['resourceType']}/{target['id']}"}],
        "recorded": instant(newest.received_at),
        "agent": agents,
        "entity": [_entity(writer, one, papers[DocumentId(one.document_id)]) for one in shown],
    }
    return versioned(filled(resource))


def shown_sources(each: Gathered, papers: Mapping[DocumentId, Document]) -> list[Told]:
    """The newest sources of a statement among these documents; as many as /v1 shows."""
    return [one for one in each.sources if DocumentId(one.document_id) in papers][:MOST_SOURCES]


def _entity(writer: Writer, told: Told, document: Document) -> Resource:
    quote = told.fact.quote
    words = [{"url": "page", "valuePositiveInt": max(1, quote.page)}]
    words += [{"url": "text", "valueString": quote.text}] if not is_blank(quote.text) else []
    return {
        "extension": [{"url": QUOTE, "extension": words}],
        "role": "quotation",
        "what": {"reference": f"DocumentReference/{joined(writer.patient_id, document.document_id)}"},
    }
