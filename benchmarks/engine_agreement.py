"""Both engines on every judged question: the same candidates, scores and counts, and the same ranked documents."""

from __future__ import annotations

from benchmarks.evaluation import MODES
from benchmarks.report import table
from benchmarks.settings import VECTORS, collections, cutter, embedder, engines, say
from cli.local_services import cache_folder
from index.evaluation.beir import Collection
from index.evaluation.runner import Filled
from index.port import Generations

TITLE = "Agreement of the engines on every judged question"


def measure() -> str:
    """Questions compared and disagreements, by collection and mode."""
    rows: list[list[object]] = []
    with engines() as opened:
        for name, collection in collections():
            for mode, (asked, differing) in compare(collection, opened).items():
                rows.append([name, mode, asked, differing])
                say(" ".join(str(cell) for cell in rows[-1]))
    total = sum(int(str(row[-1])) for row in rows)
    return table(["collection", "mode", "questions", "disagreements"], rows) + (
        f"\n\n{total} disagreements. Compared: ids, order and integer scores of both arms, documents matched, and the"
        " fused order of passages and documents."
    )


def compare(collection: Collection, opened: dict[str, Generations]) -> dict[str, tuple[int, int]]:
    """(questions, disagreements) by mode."""
    model = embedder()
    one, other = (
        Filled(collection, generations, model, cutter(model), cache_folder() / VECTORS, say)
        for generations in opened.values()
    )
    with one, other:
        return {
            mode: (
                len(collection.queries),
                sum(one.found(query, mode) != other.found(query, mode) for query in collection.queries),
            )
            for mode in MODES
        }
