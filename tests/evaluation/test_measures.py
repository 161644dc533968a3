"""The measures against their formulas, written out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.evaluation.measures import NAMES, difference, estimate, per_query, percentiles

DOCUMENTS = [f"d{n:02}" for n in range(15)]


def written_out(judged: dict[str, int], ranked: list[str]) -> list[float]:
    """nDCG@10 with linear gains, Recall@100 and MRR@10 over grades of 1 and more."""
    relevant = {document for document, grade in judged.items() if grade > 0}
    best = sorted(judged.values(), reverse=True)[:10]
    ideal = sum(grade / math.log2(place + 2) for place, grade in enumerate(best))
    gain = sum(judged.get(document, 0) / math.log2(place + 2) for place, document in enumerate(ranked[:10]))
    first = next((1 / (place + 1) for place, document in enumerate(ranked[:10]) if document in relevant), 0.0)
    return [gain / ideal, len(relevant & set(ranked[:100])) / len(relevant), first]


@given(
    judged=st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1).filter(lambda j: any(j.values())),
    ranked=st.lists(st.sampled_from(DOCUMENTS), unique=True),
)
@settings(deadline=None)  # the first call imports ir-measures
def test_measures_are_their_formulas(judged: dict[str, int], ranked: list[str]) -> None:
    found = per_query({"q": judged}, {"q": ranked})
    assert [found[name][0] for name in NAMES] == pytest.approx(written_out(judged, ranked))


def test_our_order_wins_over_ids() -> None:
    found = per_query({"q": {"a": 1}}, {"q": ["z", "a"]})
    assert found["RR@10"] == [0.5]


def test_a_query_without_hits_counts_as_zero() -> None:
    found = per_query({"q1": {"a": 1}, "q2": {"a": 1}}, {"q1": ["a"], "q2": []})
    assert [found[name] for name in NAMES] == [[1.0, 0.0]] * 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_intervals_hold_the_mean_and_repeat(values: list[float]) -> None:
    found = estimate(values)
    assert found == estimate(values)
    assert found.low <= found.mean + 1e-9
    assert found.mean <= found.high + 1e-9
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_intervals_narrow_with_more_queries() -> None:
    few, many = estimate([0.0, 1.0] * 10), estimate([0.0, 1.0] * 1000)
    assert many.high - many.low < (few.high - few.low) / 5
    assert 0.3 < few.high - few.low < 0.5, "2 x 1.96 x 0.5 / sqrt(20) is 0.44"


def test_percentiles_are_milliseconds() -> None:
    assert percentiles([n / 1000 for n in range(1, 101)]) == {"p50": 50.5, "p95": 95.05, "p99": 99.01}
    assert percentiles([]) == {"p50": 0.0, "p95": 0.0, "p99": 0.0}


def test_a_paired_difference_is_surer_than_two_intervals() -> None:
    hard = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7] * 5
    gained = difference([value + 0.05 for value in hard], hard)
    assert gained.mean == pytest.approx(0.05)
    assert gained.low > 0.04
    with pytest.raises(ValueError, match="zip"):
        difference([0.1], [0.1, 0.2])
