"""Each part of a question left out in turn, on the dev splits; and the time of a question with and without them all."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import table
from benchmarks.settings import COLLECTIONS, VECTORS, cutter, embedder
from cli.local_services import cache_folder
from index import ideas, question, rank
from index.embedded import EmbeddedGenerations
from index.evaluation import runner
from index.evaluation.beir import read_collection
from index.evaluation.measures import per_query
from index.evaluation.runner import Filled, Mode
from index.thesaurus import NO_THESAURUS, Link, Thesaurus

SETS = ("samples/judgements", "quaero_fr")
ROUNDS = 3
_THESAURUS = runner.medical_thesaurus


def _none() -> Thesaurus:
    return NO_THESAURUS


@contextmanager
def without(*parts: str) -> Iterator[None]:
    """The ranking without some of its parts."""
    shares, family, heads = dict(ideas.SHARES), question.FAMILY_SHARE, question.HEADS
    powers = rank.COVER_POWER, rank.MEANING_POWER
    try:
        if "vocabulary" in parts:
            runner.medical_thesaurus = _none  # type: ignore[assignment]
        if "classes" in parts:
            ideas.SHARES.update({Link.NARROWER: 0.001, Link.BROADER: 0.001})
        if "families" in parts:
            question.FAMILY_SHARE = 0.001
        if "titles" in parts:
            question.HEADS = 0.0
        if "powers" in parts:
            rank.COVER_POWER = rank.MEANING_POWER = 1.0
        yield
    finally:
        runner.medical_thesaurus, question.FAMILY_SHARE, question.HEADS = _THESAURUS, family, heads
        rank.COVER_POWER, rank.MEANING_POWER = powers
        ideas.SHARES.update(shares)


@contextmanager
def filled(name: str, split: str = "dev") -> Iterator[Filled]:
    """A collection in an embedded engine."""
    model = embedder()
    with tempfile.TemporaryDirectory() as folder:
        where = EmbeddedGenerations(Path(folder), os.urandom(32))
        collection = read_collection(COLLECTIONS[name], split)
        with Filled(collection, where, model, cutter(model), cache_folder() / VECTORS) as held:
            yield held


def ablations() -> str:
    """nDCG@10 of each mode, and of the whole without each part."""
    runs: tuple[tuple[str, Mode, tuple[str, ...]], ...] = (
        ("words", "lexical", ()),
        ("meaning", "semantic", ()),
        ("fused", "hybrid", ()),
        ("fused, no vocabulary", "hybrid", ("vocabulary",)),
        ("fused, no classes of concepts", "hybrid", ("classes",)),
        ("fused, no families of words", "hybrid", ("families",)),
        ("fused, no titles", "hybrid", ("titles",)),
        ("fused, no powers", "hybrid", ("powers",)),
    )
    present = [name for name in SETS if COLLECTIONS[name].is_dir()]
    rows: dict[str, list[object]] = {label: [label] for label, _, _ in runs}
    for name in present:
        with filled(name) as held:
            for label, mode, parts in runs:
                with without(*parts):
                    rows[label].append(f"{_ndcg(held, mode):.3f}")
    return table(["ranking, nDCG@10 on dev", *present], list(rows.values()))


def _ndcg(held: Filled, mode: Mode) -> float:
    rankings = [ranking for ranking in held.rank_all(mode) if not ranking.query.no_answer]
    values = per_query(held.collection.judgements, {each.query.id: each.documents for each in rankings})["nDCG@10"]
    return statistics.fmean(values)


def time_of_features() -> str:
    """Median time of a dev question with every part and with none, interleaved in one run."""
    with filled("samples/judgements") as held:
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(ROUNDS):
            for query in held.collection.queries:
                for features in (True, False):
                    with without(*(() if features else ("vocabulary", "classes", "families", "titles"))):
                        start = time.perf_counter()
                        held.rank(query, "lexical")
                        seconds[features].append(time.perf_counter() - start)
    with_all, with_none = (statistics.median(seconds[each]) * 1000 for each in (True, False))
    return (
        f"Words arm of a question, median: {with_all:.1f} ms with every part, {with_none:.1f} without, "
        f"{with_all / with_none:.2f} times (in process, without embedding, which takes the same time in both)."
    )
