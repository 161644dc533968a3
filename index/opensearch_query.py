"""A Scope and a Question to the bodies of searches. Pure: nothing here talks to a cluster.

The filter stands inside each arm, never after it. No analyser, fuzzy, prefix, suggester or highlighter of the engine
is used: the terms are those of `index/analysis.py`, expanded over the Scope's own vocabulary before they come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from access.scope import Scope
from index.port import Alternative, Clause, Filters, Part, Question
from index.scoring import head_score, head_tokens

MOST_TERMS = 65_536  # index.max_terms_count: a longer terms filter is refused by the engine
MOST_BUCKETS = 65_535  # search.max_buckets
PAGE_OF_BUCKETS = 10_000
Body = dict[str, Any]

_CANDIDATES: Body = {
    "sort": [{"_score": "desc"}, {"passage_id": "asc"}],
    "stored_fields": "_none_",  # the sort values say it all; unpacking 200 stored ids took twice the time of the search
    "track_total_hits": False,
}


def words_body(scope: Scope, question: Question) -> Body:
    """The words arm: each clause counts for its best term, clauses add up; and the number of documents matched.

    Scores are integers: half a point of `min_score` leaves out what rounds to nothing, as the embedded engine does.
    """
    return {
        "size": question.limit,
        "query": {
            "bool": {
                "filter": [*scope_filter(scope, question.filters), *_conditions(question)],
                "should": _clauses(question.clauses, question.heads),
                "minimum_should_match": 1,
            }
        },
        "min_score": 0.5,
        **_CANDIDATES,
        "aggs": {
            "documents": {"terms": {"field": "document_id", "size": MOST_BUCKETS, "execution_hint": "map"}},
            "matched": {"stats_bucket": {"buckets_path": "documents>_count"}},
        },
    }


def meaning_body(scope: Scope, question: Question) -> Body:
    """The meaning arm: the script answers dot + 1 for a positive dot product; the others are left out."""
    values = np.frombuffer(question.vector or b"", np.int8).tolist()
    inside = [*scope_filter(scope, question.filters), *_conditions(question), {"exists": {"field": "vector"}}]
    parameters = {"field": "vector", "query_value": values, "space_type": "innerproduct"}
    return {
        "size": question.limit,
        "query": {
            "script_score": {
                "query": {"bool": {"filter": inside}},
                "script": {"lang": "knn", "source": "knn_score", "params": parameters},
            }
        },
        "min_score": 1.5,
        **_CANDIDATES,
    }


def documents_body(scope: Scope, question: Question, after: Body | None) -> Body:
    """A page of the documents matched by words, for a Scope of more documents than one answer counts."""
    body = words_body(scope, question)
    return {
        "size": 0,
        "query": body["query"],
        "min_score": body["min_score"],
        "aggs": {"documents": _composite("document_id", after)},
    }


def forms_body(scope: Scope) -> Body:
    """Every exact form of the Scope's passages; `sum_other_doc_count` above zero says that there are more."""
    forms = {"terms": {"field": "forms", "size": MOST_BUCKETS, "execution_hint": "map"}}
    return {"size": 0, "query": _inside(scope), "track_total_hits": False, "aggs": {"forms": forms}}


def more_forms_body(scope: Scope, after: Body | None) -> Body:
    """The same, page by page."""
    return {
        "size": 0,
        "query": _inside(scope),
        "track_total_hits": False,
        "aggs": {"forms": _composite("forms", after)},
    }


def scope_filter(scope: Scope, filters: Filters) -> list[Body]:
    """What a passage must fulfil. Only passages carry a category, so fences and tombstones never match."""
    if scope.is_empty:
        raise ValueError("an empty Scope asks nothing")
    must: list[Body] = [
        _any_of("patient_id", scope.identities),
        _any_of("category", (category.value for category in scope.categories)),
    ]
    if scope.excluded:
        must.append({"bool": {"must_not": _terms("document_id", scope.excluded)}})
    if filters.type_codes:
        must.append(_any_of("type_code", filters.type_codes))
    bounds = {"gte": filters.date_from, "lte": filters.date_to}
    if given := {bound: day.isoformat() for bound, day in bounds.items() if day is not None}:
        must.append({"range": {"event_date": given}})
    return must


def routing(scope: Scope) -> str:
    """The shards of the Scope's patients."""
    return ",".join(sorted(scope.identities))


def _inside(scope: Scope) -> Body:
    return {"bool": {"filter": scope_filter(scope, Filters())}}


def _composite(field: str, after: Body | None) -> Body:
    page: Body = {"size": PAGE_OF_BUCKETS, "sources": [{"key": {"terms": {"field": field}}}]}
    return {"composite": page if after is None else page | {"after": after}}


def _any_of(field: str, values: Iterable[str]) -> Body:
    parts = _terms(field, values)
    return parts[0] if len(parts) == 1 else {"bool": {"should": parts, "minimum_should_match": 1}}


def _terms(field: str, values: Iterable[str]) -> list[Body]:
    ordered = sorted(values)
    chunks = [ordered[start : start + MOST_TERMS] for start in range(0, len(ordered), MOST_TERMS)]
    return [{"terms": {field: chunk}} for chunk in chunks]


def _clauses(parts: Sequence[Part], heads: float = 0.0) -> list[Body]:
    """Lucene merges two clauses over the same terms into one of twice the boost, and rounding a doubled score is not
    doubling a rounded one: each repetition gets a term of its own that no passage holds."""
    seen: dict[frozenset[str], int] = {}
    return [_part(part, seen, heads) for part in parts]


def _part(part: Part, seen: dict[frozenset[str], int], heads: float) -> Body:
    if isinstance(part, Clause):
        return _clause(part, seen, heads)
    return _best([_alternative(way, seen, heads) for way in part.alternatives])


def _alternative(way: Alternative, seen: dict[frozenset[str], int], heads: float) -> Body:
    clauses = [_clause(clause, seen, heads) for clause in way.clauses]
    if len(clauses) == 1:
        return clauses[0]
    if way.whole:
        return {"bool": {"must": clauses}}
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _clause(clause: Clause, seen: dict[frozenset[str], int], heads: float) -> Body:
    tokens = frozenset(term.token for term in clause.terms)
    seen[tokens] = seen.get(tokens, 0) + 1
    terms: list[Body] = [{"term": {"tokens": {"value": t.token, "boost": t.weight}}} for t in clause.terms]
    if seen[tokens] > 1:
        terms.append({"term": {"tokens": {"value": f"!{seen[tokens]}"}}})
    above = head_tokens(clause)
    if not heads or not above:
        return _best(terms)
    headed = {"constant_score": {"filter": {"terms": {"heads": above}}, "boost": head_score(clause, heads)}}
    return {"bool": {"should": [_best(terms), headed], "minimum_should_match": 1}}


def _best(bodies: list[Body]) -> Body:
    return {"dis_max": {"queries": bodies, "tie_breaker": 0.0}}


def _conditions(question: Question) -> list[Body]:
    """What a passage must hold, and what it must not, whichever the arm."""
    conditions = _clauses(question.required)
    if question.without:
        conditions.append({"bool": {"must_not": _terms("tokens", question.without)}})
    return conditions
