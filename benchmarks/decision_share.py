"""What the decision costs: loading its facts and compiling the Scope, against the search that they are part of."""

from __future__ import annotations

import secrets
import tempfile
import time
from pathlib import Path

from access.decide import decide
from access.scope import CallerKind, Purpose, Scope
from benchmarks.report import milliseconds, table
from benchmarks.search_http import RPPS, fill
from cli.compose import open_home
from cli.settings import load_settings
from records.rights import access_facts
from search_api.ask import answer
from search_api.finding import SearchRequest
from search_api.tokens import Bearer, caller_of

TITLE = "The decision's share of a search"
ROUNDS = 200


def measure() -> str:
    """p50 of facts, of the decision, and of a whole search, one after the other in each round."""
    facts_s: list[float] = []
    decide_s: list[float] = []
    search_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder, open_home(load_settings(home=Path(folder))) as home:
        patient, documents, passages = fill(home)
        services, now = home.services, home.clock()
        with services.records.read() as tx:
            caller = caller_of(tx, Bearer(CallerKind.PRACTITIONER, RPPS))
        for number in range(ROUNDS + 10):
            with services.records.read() as tx:
                first = time.perf_counter()
                facts = access_facts(tx, caller, patient, now, services.policy)
                second = time.perf_counter()
                right = decide(caller, patient, Purpose.CARE, now, facts, services.policy)
                third = time.perf_counter()
            assert isinstance(right, Scope)
            request = SearchRequest(f"allergie pénicilline {number}")
            fourth = time.perf_counter()
            answer(services, caller, patient, request, now, secrets.token_hex(8))
            if number >= 10:
                facts_s.append(second - first)
                decide_s.append(third - second)
                search_s.append(time.perf_counter() - fourth)
    p50 = [milliseconds(each) for each in (facts_s, decide_s, search_s)]
    rows = [[label, f"{value:.2f}"] for label, value in zip(("facts", "decision", "search"), p50, strict=True)]
    return table(["part", "p50, ms"], rows) + (
        f"\n\nFacts and decision are {(p50[0] + p50[1]) / p50[2]:.1%} of a search ({passages} passages of"
        f" {len(documents)} documents, both arms, journalled; {ROUNDS} rounds). The bar is 5 %."
    )
