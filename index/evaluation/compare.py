"""Two runs on the same questions: the mean difference with its paired interval, and the questions that moved most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access.refusal import Refusal
from index.evaluation.measures import Estimate, difference
from index.evaluation.runner import Evaluation

FORMAT = 1
MOST_TOLD = 10
"""Questions told on each side; the file holds them all."""
LEAST = 1e-6
"""Differences under it are rounding."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is kept of a run: `per_query` maps a question's id to its measures, `rankings` to its first documents."""

    collection: str
    split: str
    mode: str
    per_query: Mapping[str, Mapping[str, float]]
    rankings: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Moved:
    """One question: how much its nDCG@10 rose (or fell), and its first documents then and now."""

    query: str
    difference: float
    before: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """This run minus the one before, by measure; the questions that fell and rose most, most first."""

    measures: Mapping[str, Estimate]
    fell: tuple[Moved, ...]
    rose: tuple[Moved, ...]
    unchanged: int

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        found: dict[str, object] = {}
        for name, value in self.measures.items():
            found[name] = round(value.mean, 4)
            found[f"{name}_95"] = [round(value.low, 4), round(value.high, 4)]
        return found | {
            "fell": [_moved_out(each) for each in self.fell[:MOST_TOLD]],
            "rose": [_moved_out(each) for each in self.rose[:MOST_TOLD]],
            "questions_that_fell": len(self.fell),
            "questions_that_rose": len(self.rose),
            "questions_unchanged": self.unchanged,
        }


def save_run(path: Path, evaluation: Evaluation) -> None:
    """Write what `load_run` reads: JSON, one object."""
    value = {
        "format": FORMAT,
        "collection": evaluation.collection,
        "split": evaluation.split,
        "mode": evaluation.mode,
        "per_query": evaluation.per_query,
        "rankings": evaluation.rankings,
    }
    path.write_text(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def load_run(path: Path) -> Run:
    """A run kept by `save_run`. Refusal (stage "evaluate", code "bad-run") for any other file."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value["format"] != FORMAT:
            raise ValueError(value["format"])
        per_query = {
            str(query): {str(k): float(v) for k, v in each.items()} for query, each in value["per_query"].items()
        }
        rankings = {str(query): tuple(map(str, each)) for query, each in value["rankings"].items()}
        return Run(str(value["collection"]), str(value["split"]), str(value["mode"]), per_query, rankings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Refusal(
            "evaluate",
            "bad-run",
            "Ce fichier n'est pas une mesure gardée.",
            "Donnez à --against un fichier écrit par --save.",
        ) from None


def compare(now: Evaluation, before: Run) -> Comparison:
    """`now` minus `before`. Refusal (stage "evaluate", code "other-questions") when they judged other questions."""
    if (now.collection, now.split) != (before.collection, before.split) or set(now.per_query) != set(before.per_query):
        raise Refusal(
            "evaluate",
            "other-questions",
            "Les deux mesures ne portent pas sur les mêmes questions.",
            "Comparez deux mesures du même dossier et du même fichier de jugements.",
        )
    queries = sorted(now.per_query)
    names = sorted({name for query in queries for name in now.per_query[query]})
    measures = {
        name: difference(
            [now.per_query[query][name] for query in queries], [before.per_query[query][name] for query in queries]
        )
        for name in names
    }
    moved = sorted((_moved(now, before, query) for query in queries), key=lambda each: (each.difference, each.query))
    fell = tuple(each for each in moved if each.difference < -LEAST)
    rose = tuple(each for each in reversed(moved) if each.difference > LEAST)
    return Comparison(measures, fell, rose, len(queries) - len(fell) - len(rose))


def _moved(now: Evaluation, before: Run, query: str) -> Moved:
    gain = now.per_query[query]["ndcg@10"] - before.per_query[query]["ndcg@10"]
    return Moved(query, gain, before.rankings.get(query, ()), now.rankings.get(query, ()))


def _moved_out(moved: Moved) -> dict[str, object]:
    return {
        "query": moved.query,
        "ndcg@10": round(moved.difference, 4),
        "before": list(moved.before),
        "now": list(moved.now),
    }
