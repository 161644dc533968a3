"""Every judged collection, each mode, both engines."""

from __future__ import annotations

from benchmarks.report import table
from benchmarks.settings import VECTORS, collections, cutter, embedder, engines, say
from cli.local_services import cache_folder
from index.evaluation.beir import Collection
from index.evaluation.runner import Evaluation, Filled, Mode, summarise
from index.port import Generations

TITLE = "Ranking: judged collections, modes, engines"
MODES: tuple[Mode, ...] = ("lexical", "semantic", "hybrid")
HEAD = [
    "collection",
    "mode",
    "engine",
    "nDCG@10",
    "95 %",
    "Recall@100",
    "MRR@10",
    "empty, no answer",
    "empty or far, no answer",
    "empty, answer",
    "empty or far, answer",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "documents/s",
]


def measure() -> str:
    """One line a collection, mode and engine. Passages are embedded once; a question is embedded anew each time."""
    rows: list[list[object]] = []
    with engines() as opened:
        for name, collection in collections():
            for engine, generations in opened.items():
                for evaluation in evaluate_all(collection, generations):
                    rows.append(_row(name, engine, evaluation))
                    say(" ".join(str(cell) for cell in rows[-1]))
    return table(HEAD, rows) + (
        "\n\nnDCG@10 with its 95 % bootstrap interval over queries. Latency: embedding the question, matching, ranking."
        " Documents/s: analysis and writing, embedding apart. Empty: share of empty answers, where nothing answers and"
        " where something does; far: those whose documents are all said to be far."
    )


def evaluate_all(collection: Collection, generations: Generations) -> list[Evaluation]:
    """All modes on one filling of an engine."""
    model = embedder()
    found = []
    with Filled(collection, generations, model, cutter(model), cache_folder() / VECTORS, say) as filled:
        for mode in MODES:
            filled.embedder = embedder()  # one that remembers no question of the mode before
            rankings = filled.rank_all(mode)
            found.append(summarise(collection, mode, model, rankings, filled.indexing))
    return found


def _row(name: str, engine: str, evaluation: Evaluation) -> list[object]:
    ndcg, recall, mrr = (evaluation.measures[each] for each in ("nDCG@10", "R@100", "RR@10"))
    return [
        name,
        evaluation.mode,
        engine,
        f"{ndcg.mean:.3f}",
        f"{ndcg.low:.3f}–{ndcg.high:.3f}",
        f"{recall.mean:.3f}",
        f"{mrr.mean:.3f}",
        _shown(evaluation.empty_when_no_answer),
        _shown(evaluation.far_when_no_answer),
        _shown(evaluation.empty_when_answer),
        _shown(evaluation.far_when_answer),
        *(f"{evaluation.latency_ms[each]:.1f}" for each in ("p50", "p95", "p99")),
        f"{evaluation.indexing.documents / evaluation.indexing.seconds:.0f}",
    ]


def _shown(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"
