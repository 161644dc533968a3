"""Abbreviations, lay terms, brands (first relevant at rank 1) and denials (present above absent)."""

from __future__ import annotations

from collections import Counter

from benchmarks.relevance.record import lines, record
from benchmarks.settings import embedder


def vocabulary_misses() -> tuple[Counter[str], list[str]]:
    """How many pairs of each kind there are, and the questions whose passage is not first, with what was."""
    pairs = lines("vocabulary_pairs.tsv")
    texts = [cells[2] for cells in pairs]
    place_of = {cells[1]: place for place, cells in enumerate(pairs)}
    missed = []
    with record(texts, embedder()) as asked:
        for place, (kind, question, text, *also) in enumerate(pairs):
            found = asked.ask(question)
            relevant = {place, *(place_of[other.strip()] for cell in also for other in cell.split(","))}
            if not relevant & set(found[:1]):
                rank = found.index(place) + 1 if place in found else 0
                first = texts[found[0]] if found else "—"
                missed.append(f"{kind}: {question} → {text} (rank {rank}; first: {first})")
    return Counter(cells[0] for cells in pairs), missed


def negation_misses() -> tuple[int, list[str]]:
    """The number of pairs, and those whose absent text is above the present one; all in one record."""
    pairs = lines("negation_pairs.tsv")
    texts = [text for _, present, absent in pairs for text in (present, absent)]
    missed = []
    with record(texts, embedder()) as asked:
        for place, (question, present, absent) in enumerate(pairs):
            found = asked.ask(question)
            ranks = [found.index(each) if each in found else len(texts) for each in (2 * place, 2 * place + 1)]
            if ranks[0] >= ranks[1]:
                missed.append(f"{question}: {absent} ({ranks[1] + 1}) over {present} ({ranks[0] + 1})")
    return len(pairs), missed


if __name__ == "__main__":
    counted, missed = vocabulary_misses()
    print(dict(counted), "missed:", len(missed), *missed, sep="\n")
    number, missed = negation_misses()
    print(number, "missed:", len(missed), *missed, sep="\n")
