"""What an answer rests on, said in French: what was searched, what was not, and that there may be more elsewhere."""

from __future__ import annotations

from access.document_types import label_of
from index.port import Filters
from records.coverage import Coverage
from search_api.views import CoverageView

LAST_WORD = "D'autres documents peuvent exister."
"""Ends every notice: not finding is never shown as there being nothing."""

NOTHING_FOUND = "Rien trouvé dans les documents accessibles ; cela ne prouve pas que l'information n'existe pas."
ONLY_FAR = "Aucun passage ne répond clairement à la question : ce qui est montré en est éloigné."
WORDS_ONLY = "words only"
SHORTENED = "question shortened"

_DEGRADED = {
    WORDS_ONLY: "La recherche s'est faite par mots seulement : des formulations différentes ont pu échapper.",
    SHORTENED: "La question était longue : seuls ses mots les plus rares ont été cherchés.",
}


def coverage_view(
    counted: Coverage,
    filters: Filters,
    degraded: list[str],
    *,
    unshown: int | None = None,
    far: bool = False,
    before_facts: int = 0,
) -> CoverageView:
    """Counts, filters in force, degraded modes, and the notice. Everything in it is inside the caller's Scope.

    unshown   for an answer without hits, how many documents hold a word of the question all the same
    far       whether all that is shown is far from the question
    before_facts  for an answer of facts, how many documents were read before facts were
    """
    return CoverageView(
        searched=counted.searched,
        pending=counted.pending,
        unreadable_pages=counted.unreadable_pages,
        refused=counted.refused,
        quarantined=counted.quarantined,
        first_date=counted.first_date,
        last_date=counted.last_date,
        filters=_filters(filters),
        degraded=degraded,
        before_facts=before_facts,
        notice=_notice(counted, filters, degraded, unshown, far, before_facts),
    )


def _filters(filters: Filters) -> list[str]:
    said = [f"type : {label_of(code)} ({code})" for code in sorted(filters.type_codes)]
    if filters.date_from is not None:
        said.append(f"à partir du {filters.date_from:%d/%m/%Y}")
    if filters.date_to is not None:
        said.append(f"jusqu'au {filters.date_to:%d/%m/%Y}")
    return said


def _notice(
    counted: Coverage, filters: Filters, degraded: list[str], unshown: int | None, far: bool, before_facts: int
) -> str:
    sentences = [] if unshown is None else [NOTHING_FOUND]
    if far:
        sentences.append(ONLY_FAR)
    for number, one, many in (
        (
            unshown,
            "1 document contient pourtant un mot de la question ; précisez-la",
            "{} documents contiennent pourtant un mot de la question ; précisez-la",
        ),
        (counted.pending, "1 document reçu n'est pas encore lu", "{} documents reçus ne sont pas encore lus"),
        (counted.unreadable_pages, "1 page n'a pas pu être lue", "{} pages n'ont pas pu être lues"),
        (counted.refused, "1 document a été refusé", "{} documents ont été refusés"),
        (
            before_facts,
            "1 document a été lu avant l'extraction des faits",
            "{} documents ont été lus avant l'extraction des faits",
        ),
        (counted.quarantined, "1 document attend en quarantaine", "{} documents attendent en quarantaine"),
    ):
        if number:
            sentences.append((one if number == 1 else many).format(number) + ".")
    if filters != Filters():
        sentences.append("Un filtre est en vigueur : " + " ; ".join(_filters(filters)) + ".")
    if filters.date_from is not None or filters.date_to is not None:
        sentences.append("Les documents sans date sont écartés par le filtre de dates.")
    sentences += [_DEGRADED[mode] for mode in degraded]
    return " ".join([*sentences, LAST_WORD])
