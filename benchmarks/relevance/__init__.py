"""What the ranking must show, on lists written by the project before tuning, and what each part of it is worth."""

from __future__ import annotations

TITLE = "Relevance: judged pairs, misspellings, ablations, time"


def measure() -> str:
    """Tables in Markdown. The embedded engine; `benchmarks.run evaluation` compares the two engines."""
    from benchmarks.relevance.ablations import ablations, time_of_features
    from benchmarks.relevance.pairs import negation_misses, vocabulary_misses
    from benchmarks.relevance.typos import misspelt
    from benchmarks.relevance.unanswered import unanswered
    from benchmarks.report import table

    counted, missed = vocabulary_misses()
    pairs, below = negation_misses()
    share, lost = misspelt()
    asked, taken = unanswered()
    rows: list[list[object]] = [
        ["abbreviations, lay terms, brands: relevant at rank 1", sum(counted.values()) - len(missed), len(missed)],
        ["stated above denied", pairs - len(below), len(below)],
        ["one error in each word of an exact question: Recall@5", f"{share:.3f}", len(lost)],
        ["nothing answers: empty, or only documents said to be far", asked - len(taken), len(taken)],
    ]
    listed = "\n".join(f"- {each}" for each in (*missed, *below, *taken))
    return "\n\n".join((table(["list", "met", "missed"], rows), ablations(), time_of_features(), listed)).strip()
