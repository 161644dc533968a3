"""« créatinine > 150 depuis 2023 », « dernière HbA1c »: the results that answer, beside the passages of a search.

Read from the facts that the search's own Scope tells, so an answer holds no value of a document that it could not show.
"""

from __future__ import annotations

from dataclasses import replace

from access.identifiers import DocumentId
from access.scope import Scope
from clinical.card_labs import plain_number
from clinical.series import series_of
from clinical.value_question import ValueAnswer, ValueQuestion, answer_value_question, parse_value_question
from records import facts, patients
from records.database import Tx
from records.fact import FactKind
from records.patients import Identity
from search_api.card import Papers, point_view
from search_api.card_views import ValuesView

MOST = 50
"""Results of one series shown with a search; `/observations` gives all of them."""
_MEASURES = (FactKind.LAB_RESULT, FactKind.VITAL_SIGN)


def values_in(tx: Tx, scope: Scope, query: str) -> tuple[list[ValuesView], list[DocumentId]]:
    """What answers a question about values, and the documents shown for it; nothing for any other question."""
    question = parse_value_question(query)
    if question is None:
        return [], []
    answers = answer_value_question(question, series_of(facts.told(tx, scope, _MEASURES)))
    shown = [replace(each, points=each.points[:MOST]) for each in answers]
    papers = Papers.of(tx, scope, [point.told for each in shown for point in each.points])
    identity = patients.identity_of(tx, scope)
    views = [
        _view(question, each, len(whole.points), papers, identity) for each, whole in zip(shown, answers, strict=True)
    ]
    return views, papers.with_copies(one.document_id for each in shown for point in each.points for one in point.also)


def _view(question: ValueQuestion, answer: ValueAnswer, total: int, papers: Papers, identity: Identity) -> ValuesView:
    return ValuesView(
        analyte=answer.series.name,
        unit=answer.series.unit,
        understood=_understood(question, answer),
        total=total,
        points=[point_view(point, answer.series, papers, identity) for point in answer.points],
    )


def _understood(question: ValueQuestion, answer: ValueAnswer) -> str:
    """The question as it was read, its number with the unit that it was meant in."""
    parts = [("dernier résultat : " if question.last else "") + answer.series.name]
    if question.comparator:
        unit = f" {answer.unit}" if answer.unit else " (unité inconnue de cette série : rien n'est comparé)"
        parts.append(f"{question.comparator} {plain_number(question.value)}{unit}")
    if question.since:
        parts.append(f"depuis {question.since}")
    return " ".join(parts)
