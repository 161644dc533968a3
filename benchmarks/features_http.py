"""The time of a search over HTTP with every feature, with none, and with each added to those before; both engines.

One record, one service for each engine over the same records, every variant asked in random order in each round.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import httpx

from access.identifiers import PatientId
from benchmarks.report import milliseconds, table
from benchmarks.search_http import fill, headers, questions, served
from benchmarks.settings import say
from cli.compose import Home, open_home
from cli.local_services import cache_folder, opensearch
from cli.settings import load_settings
from index.generations import needed
from index.intent import Intent
from index.opensearch import OpenSearchGenerations
from index.port import IndexedDocument
from index.projection import Source
from index.thesaurus import NO_THESAURUS
from search_api.services import ServingIndex

TITLE = "Search over HTTP with its features and without"
ROUNDS = int(os.environ.get("ANAMNESE_BENCH_ROUNDS", "60"))
WARM = 3  # rounds that are not counted

LESS: Mapping[str, Mapping[str, object]] = {
    "vocabulary": {"search_api.finding.medical_thesaurus": lambda: NO_THESAURUS},
    "typos, beginnings, families of words": {
        "index.question.expand": lambda *_: (),
        "index.question.suggestion": lambda *_: None,
        "index.vocabulary.Vocabulary.family": lambda *_: (),
    },
    "titles": {"index.question.HEADS": 0.0},
    "intent, near or far": {
        "search_api.finding.intent_of": lambda _: Intent(),
        "search_api.finding.is_far": lambda *_: False,
    },
    "facets": {},  # asked for in the body
}
"""What stands in the place of each feature when it is off, in the order in which they are added."""


@contextmanager
def only(features: frozenset[str]) -> Iterator[None]:
    """The service of this process with these features alone."""
    with ExitStack() as held:
        for name, places in LESS.items():
            for place, other in places.items() if name not in features else ():
                held.enter_context(patch(place, other))
        yield


def measure() -> str:
    """p50 of each variant on each engine, and all over none."""
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory())
        home = held.enter_context(open_home(load_settings(home=Path(folder))))
        patient, documents, passages = fill(home)
        url = held.enter_context(opensearch(cache_folder()))
        cluster = OpenSearchGenerations(url, f"features-{os.getpid()}")
        held.callback(cluster.destroy)
        other = replace(home, services=replace(home.services, index=_copied(home, cluster)))
        clients = {}
        for engine, one in (("embedded", home), ("opensearch", other)):
            address = held.enter_context(served(one))
            clients[engine] = held.enter_context(httpx.Client(base_url=address, headers=headers(one), timeout=60))
        times = _interleaved(clients, patient)
    rows: list[list[object]] = [
        [label, *(f"{milliseconds(times[engine, label]):.1f}" for engine in clients)] for label in variants()
    ]
    first, *_, last = variants()
    ratios = {e: milliseconds(times[e, last]) / milliseconds(times[e, first]) for e in clients}
    return table(["features", *(f"{engine}, p50 ms" for engine in clients)], rows) + (
        f"\n\nAll over none: {', '.join(f'{ratio:.2f} times ({engine})' for engine, ratio in ratios.items())}."
        f" {passages} passages of {len(documents)} documents, both arms, journalled; {ROUNDS} rounds, the variants"
        " in random order in each."
    )


def variants() -> dict[str, frozenset[str]]:
    """label → features on, from none to all."""
    names = list(LESS)
    return {"none": frozenset(), **{f"+ {name}": frozenset(names[: n + 1]) for n, name in enumerate(names)}}


def _copied(home: Home, cluster: OpenSearchGenerations) -> ServingIndex:
    """The home's documents in another engine."""
    generation = needed(home.services.embedder)
    engine = cluster.open(generation)
    source = Source(home.services.records, home.services.blobs, home.services.embedder)
    found = (source.project(event, vectors=True) for event in source.expected())
    engine.put([each for each in found if isinstance(each, IndexedDocument)])
    cluster.serve(generation)
    return ServingIndex(cluster, lambda: generation)


def _interleaved(clients: Mapping[str, httpx.Client], patient: PatientId) -> dict[tuple[str, str], list[float]]:
    order, asked = random.Random(1), questions()
    times: dict[tuple[str, str], list[float]] = {(e, label): [] for e in clients for label in variants()}
    for number in range(ROUNDS + WARM):
        if number % 20 == 0:
            say(f"round {number}")
        for place, (engine, label) in enumerate(order.sample(sorted(times), len(times))):
            question = f"{asked[number % len(asked)]} {number}{place:02}"  # a vector that nothing remembers
            features = variants()[label]
            body = {"query": question, "facets": "facets" in features}
            with only(features):
                start = time.perf_counter()
                clients[engine].post(f"/v1/patients/{patient}/search", json=body).raise_for_status()
                seconds = time.perf_counter() - start
            if number >= WARM:
                times[engine, label].append(seconds)
    return times
