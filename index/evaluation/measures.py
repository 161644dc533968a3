"""Measures of a ranking and how sure they are.

nDCG@10, Recall@100 and MRR@10 are ir-measures' (trec_eval's definitions: linear gain, log2 discount); the intervals
are percentile bootstraps over queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from index.evaluation.beir import Judgements

RESAMPLES = 2000
SEED = 20260101
NAMES = ("nDCG@10", "R@100", "RR@10")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries and its 95 % interval."""

    mean: float
    low: float
    high: float


def per_query(judgements: Judgements, rankings: Mapping[str, Sequence[str]]) -> dict[str, list[float]]:
    """The value of each measure for each judged query, in the order of `judgements`; a query without hits counts 0."""
    import ir_measures  # 0.5 s

    measures = {name: ir_measures.parse_measure(name) for name in NAMES}
    # trec_eval orders by score and breaks ties by document id: falling integers keep our order exactly.
    run = {query: {document: -place for place, document in enumerate(ranked)} for query, ranked in rankings.items()}
    found = {name: dict.fromkeys(judgements, 0.0) for name in NAMES}
    for metric in ir_measures.iter_calc(list(measures.values()), judgements, run):
        found[str(metric.measure)][metric.query_id] = metric.value
    return {name: list(values.values()) for name, values in found.items()}


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and percentile interval over `RESAMPLES` seeded resamples of the queries; zeros when there is none."""
    if not values:
        return Estimate(0.0, 0.0, 0.0)
    sample = np.asarray(values, np.float64)
    draws = np.random.default_rng(SEED).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), (0.025, 0.975))
    return Estimate(float(sample.mean()), float(low), float(high))


def difference(better: Sequence[float], worse: Sequence[float]) -> Estimate:
    """Mean gain of one run on another over the same queries in the same order, and its paired interval."""
    return estimate([one - other for one, other in zip(better, worse, strict=True)])


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0}
    values = np.quantile(np.asarray(seconds), (0.5, 0.95, 0.99)) * 1000
    return {name: round(float(value), 2) for name, value in zip(("p50", "p95", "p99"), values, strict=True)}
