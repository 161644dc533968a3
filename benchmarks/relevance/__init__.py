"""What the ranking must show, on lists written by the project before tuning, and what each part of it is worth."""

from __future__ import annotations

TITLE = "Relevance: judged pairs, misspellings, ablations, time"


def measure() -> str:
    """Tables in Markdown. The embedded engine; `benchmarks.run evaluation` compares the two engines."""
    from benchmarks.relevance.ablations import ablations, time_of_features
    from benchmarks.relevance.pairs import negation_misses, vocabulary_misses
    from benchmarks.relevance.typos import misspelt
    from benchmarks.report import table

    counted, missed = vocabulary_misses()
    pairs, below = negation_misses()
    share, lost = misspelt()
    rows: list[list[object]] = [
        ["abbreviations, lay terms, brands: relevant at rank 1", sum(counted.values()) - len(missed), len(missed)],
        ["stated above denied", pairs - len(below), len(below)],
        ["one error in each word of an exact question: Recall@5", f"{share:.3f}", len(lost)],
    ]
    listed = "\n".join(f"- {each}" for each in (*missed, *below))
    return "\n\n".join((table(["list", "met", "missed"], rows), ablations(), time_of_features(), listed)).strip()
