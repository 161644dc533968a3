"""One generation on a cluster, open: its questions, its vocabulary, and the doors to its writes and its inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opensearchpy import OpenSearch
from opensearchpy.exceptions import TransportError

from access.identifiers import PassageId, document_of
from access.refusal import Refusal
from access.scope import Scope
from index.opensearch_client import BUSY, asked, check_whole
from index.opensearch_inventory import inventory_without_scope
from index.opensearch_query import (
    Body,
    documents_body,
    forms_body,
    meaning_body,
    more_forms_body,
    routing,
    words_body,
)
from index.opensearch_write import Write, apply
from index.port import (
    Candidate,
    Candidates,
    Generation,
    IndexedDocument,
    InventoryLine,
    Question,
    Removal,
    clauses_of,
)

_KEPT = "took,responses.error,responses.status,responses.timed_out,responses._shards.failed,"
_KEPT += "responses.hits.hits.sort,responses.aggregations.matched.count,"
_KEPT += "responses.aggregations.documents.sum_other_doc_count"
_KEPT_FORMS = "responses.error,responses.status,responses.timed_out,responses._shards.failed,"
_KEPT_FORMS += "responses.aggregations.forms.sum_other_doc_count,responses.aggregations.forms.buckets.key"


class OpenSearchIndex:
    """One generation, open. Thread-safe; several processes may read and write it."""

    def __init__(self, client: OpenSearch, name: str, generation: Generation) -> None:
        self._client = client
        self._name = name
        self._generation = generation
        self._dimensions = 0  # of the vectors held; 0 while none is known of

    @property
    def generation(self) -> Generation:
        return self._generation

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """See the port. Not one transaction: on a Refusal some of it may be seen, and putting it again mends that."""
        for document in documents:
            for width in {len(passage.vector) for passage in document.passages if passage.vector is not None}:
                self._expect_vectors(width)
        apply(self._client, self._name, [Write(d.patient_id, d.document_id, d.fence, d) for d in documents])

    def remove(self, removals: Sequence[Removal]) -> None:
        """See the port."""
        apply(self._client, self._name, [Write(r.patient_id, r.document_id, r.fence, None) for r in removals])

    def match(self, scope: Scope, question: Question) -> Candidates:
        """See the port. The two arms may see two moments if a write is refreshed between them."""
        (found,) = self.match_each([(scope, question)])
        return found

    def match_each(self, questions: Sequence[tuple[Scope, Question]]) -> list[Candidates]:
        """See the port. Every arm of every question in one request."""
        arms = [self._arms(scope, question) for scope, question in questions]
        searches = [(scope, body) for (scope, _), each in zip(questions, arms, strict=True) for body in each.values()]
        answers = iter(self._searches(searches, _KEPT))
        return [
            self._candidates_of(scope, question, {arm: next(answers) for arm in each})
            for (scope, question), each in zip(questions, arms, strict=True)
        ]

    def forms(self, scope: Scope) -> frozenset[str]:
        """See the port."""
        (found,) = self.forms_each([scope])
        return found

    def forms_each(self, scopes: Sequence[Scope]) -> list[frozenset[str]]:
        """See the port. One request."""
        searches = [(scope, forms_body(scope)) for scope in scopes if not scope.is_empty]
        answers = iter(self._searches(searches, _KEPT_FORMS))
        return [frozenset() if scope.is_empty else self._forms_of(scope, next(answers)) for scope in scopes]

    def inventory_without_scope(self) -> Iterator[InventoryLine]:
        """See the port. All lines show one moment. A document whose passages disagree with its fence has no digest."""
        return inventory_without_scope(self._client, self._name)

    def _arms(self, scope: Scope, question: Question) -> dict[str, Body]:
        """The searches that a question is; none when nothing can match."""
        arms: dict[str, Body] = {}
        if scope.is_empty or question.limit <= 0:
            return arms
        if any(clause.terms for clause in clauses_of(question.clauses)):
            arms["words"] = words_body(scope, question)
        if question.vector is not None and self._holds_vectors(len(question.vector)):
            arms["meaning"] = meaning_body(scope, question)
        return arms

    def _candidates_of(self, scope: Scope, question: Question, answers: dict[str, Body]) -> Candidates:
        words, meaning = answers.get("words", {}), answers.get("meaning", {})
        counted = words.get("aggregations", {})
        matched = int(counted.get("matched", {}).get("count", 0))
        if counted.get("documents", {}).get("sum_other_doc_count", 0):
            matched = sum(1 for _ in self._pages(scope, "documents", lambda a: documents_body(scope, question, a)))
        return Candidates(_candidates(words, 0), _candidates(meaning, 1), matched)

    def _forms_of(self, scope: Scope, answer: Body) -> frozenset[str]:
        forms = answer["aggregations"]["forms"]
        if forms["sum_other_doc_count"]:
            return frozenset(self._pages(scope, "forms", lambda after: more_forms_body(scope, after)))
        return frozenset(bucket["key"] for bucket in forms.get("buckets", ()))

    def _searches(self, searches: Sequence[tuple[Scope, Body]], kept: str | None = None) -> list[Body]:
        """Answers of several searches, each over its Scope's shards, in one request; each whole or a Refusal."""
        if not searches:
            return []
        lines: list[Body] = []
        for scope, body in searches:
            where = {"index": self._name, "routing": routing(scope), "allow_partial_search_results": False}
            lines += (where, body)
        parameters = {"filter_path": kept} if kept else {}
        responses: list[Body] = asked(lambda: _answers(self._client.msearch(body=lines, params=parameters)))
        return responses

    def _pages(self, scope: Scope, name: str, body: Callable[[Body | None], Body]) -> Iterator[str]:
        """Every key of a composite aggregation."""
        after: Body | None = None
        while True:
            (answer,) = self._searches([(scope, body(after))])
            page = answer["aggregations"][name]
            yield from (bucket["key"]["key"] for bucket in page["buckets"])
            if (after := page.get("after_key")) is None:
                return

    def _holds_vectors(self, asked_for: int) -> bool:
        """Whether the index holds vectors; a Refusal when they are of another length, so of another model."""
        if not self._dimensions:
            answer = asked(lambda: self._client.indices.get_mapping(index=self._name))
            fields = answer[self._name]["mappings"]["properties"]
            self._dimensions = fields.get("vector", {}).get("dimension", 0)
        if self._dimensions and self._dimensions != asked_for:
            raise Refusal(
                "match",
                "vector-mismatch",
                "La recherche par le sens utilise un autre modèle que celui de l'index.",
                "Reconstruisez l'index avec « anamnese reindex ».",
            )
        return self._dimensions > 0

    def _expect_vectors(self, dimensions: int) -> None:
        """Give the index its vector field with the first vector: only then is the dimension known."""
        if not self._holds_vectors(dimensions):
            field = {"type": "knn_vector", "dimension": dimensions, "data_type": "byte"}
            body = {"properties": {"vector": field}}
            asked(lambda: self._client.indices.put_mapping(index=self._name, body=body))


def _answers(answer: Body) -> list[Body]:
    """The parts of a multi-search, each whole. One that was turned away for load is raised as its request would be."""
    parts: list[Body] = answer["responses"]
    for part in parts:
        if part.get("status") == BUSY:
            raise TransportError(BUSY, "rejected", None)
        check_whole(part)
    return parts


def _candidates(answer: Body, offset: int) -> tuple[Candidate, ...]:
    """Hits as candidates; `offset` is what the engine added to the score."""
    hits = answer.get("hits", {}).get("hits", ())
    return tuple(
        Candidate(PassageId(name), document_of(PassageId(name)), int(score) - offset)
        for score, name in (hit["sort"] for hit in hits)
    )
