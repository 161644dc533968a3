"""Questions that no document of a record answers: is the answer empty, or are all its documents said to be far?"""

from __future__ import annotations

from benchmarks.relevance.ablations import filled

SPLITS = ("dev", "test")


def unanswered() -> tuple[int, list[str]]:
    """How many such questions samples/judgements has, and those whose answer holds a document not said to be far."""
    asked, missed = 0, []
    for split in SPLITS:
        with filled("samples/judgements", split) as held:
            queries = [query for query in held.collection.queries if query.no_answer]
            asked += len(queries)
            missed += [query.id for query in queries if not held.rank(query, "hybrid").far]
    return asked, missed


if __name__ == "__main__":
    number, taken = unanswered()
    print(number, "answered as if something did:", len(taken), *taken, sep="\n")
