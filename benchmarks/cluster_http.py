"""Searches over HTTP on an index of a hospital's size, by several clients at once, against the sum of their parts.

    python -m benchmarks.cluster_http [--passages 500000]

The cluster profile, whole: OpenSearch, Redis, PostgreSQL, and `anamnese serve` in a process of its own. Each client
keeps its patient and its connection. The parts, asked by as many clients at once: a bare journalled request over HTTP
(the state of one document); the two `_msearch` requests of the same question (its vocabulary, and both arms), the very
bytes that the product sends, sent again; the question's embedding. Then one question over 500 patients, by one client.

Patients that are asked about have real documents, read and embedded; the rest of the index is invented passages with
random vectors, of patients whom no record knows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlencode

import httpx

from access.identifiers import DocumentId, PatientId
from benchmarks.report import milliseconds, publish, table
from benchmarks.scale_index import batches
from benchmarks.search_http import deposit, headers, person, questions, texts
from benchmarks.settings import embedder, say
from cli.compose import Home, open_home
from cli.local_services import cache_folder, opensearch, postgresql, redis
from cli.settings import Settings, load_settings
from index.evaluation.corpus import scope_of
from index.opensearch_index import OpenSearchIndex
from ingest.worker import drain
from search_api.finding import SearchRequest, find, understand
from tests.records.building import ins

TITLE = "Search over HTTP on the cluster profile, several clients at once"
CLIENTS = 8
DOCUMENTS = 160  # of each client's patient: 200 passages
PATIENTS = 500  # the most that one question may be about
EACH = 2  # documents of those that no client keeps
BLOCKS, BLOCK = 6, 15  # questions a client: in each block every part is asked in turn, in random order
ROUNDS = 20  # questions over all patients
LABELS = {
    "bare": "bare journalled request",
    "raw": "the same `_msearch`, raw",
    "embedding": "embedding the question",
    "search": "whole search",
}
Part = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Client:
    """Its patient and connections; what of each question is sent to the engine, as bytes."""

    patient: PatientId
    document: DocumentId
    http: httpx.Client
    engine: httpx.Client
    asked: dict[str, list[tuple[str, bytes]]]

    def bare(self, _: str) -> object:
        return self.http.get(f"/v1/patients/{self.patient}/documents/{self.document}").raise_for_status()

    def raw(self, text: str) -> object:
        kind = {"Content-Type": "application/x-ndjson"}
        return [self.engine.post(url, content=body, headers=kind).raise_for_status() for url, body in self.asked[text]]

    def search(self, text: str) -> object:
        answer = self.http.post(f"/v1/patients/{self.patient}/search", json={"query": text}).raise_for_status().json()
        assert answer["mode"] == "hybrid"
        return answer


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """`anamnese serve` on this home, in its own process."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    assert settings.opensearch_url is not None
    assert settings.redis_url is not None
    assert settings.records_url is not None
    environment = os.environ | {
        "ANAMNESE_HOME": str(settings.home),
        "ANAMNESE_PROFILE": "cluster",
        "ANAMNESE_OPENSEARCH_URL": settings.opensearch_url.get_secret_value(),
        "ANAMNESE_REDIS_URL": settings.redis_url.get_secret_value(),
        "ANAMNESE_RECORDS_URL": settings.records_url,
        "ANAMNESE_REQUESTS_A_MINUTE": "0",
    }
    command = [sys.executable, "-m", "cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not _ready(address):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def fill(home: Home, passages: int) -> tuple[list[tuple[PatientId, DocumentId]], int]:
    """The clients' patients with a document of each, and the passages in the index."""
    shelf, known = texts(), []
    for number in range(PATIENTS):
        patient = person(home, ins(number))
        start = number * 37
        several = [shelf[(start + n) % len(shelf)] for n in range(DOCUMENTS if number < CLIENTS else EACH)]
        documents = [deposit(home, patient, text, n) for n, text in enumerate(several)]
        if number < CLIENTS:
            known.append((patient, documents[0]))
        if number % 50 == 0 or number < CLIENTS:
            drain(home.bench)
            say(f"{number + 1} patients")
    drain(home.bench)
    engine = home.services.index.current()
    held = sum(line.passages for line in engine.inventory_without_scope())
    for some in batches(max(0, passages - held), 1):
        engine.put(some)
        held += sum(len(one.passages) for one in some)
    return known, held


def _bytes_of(home: Home, url: str, patient: PatientId, text: str) -> list[tuple[str, bytes]]:
    """What the product sends to the engine for this question: addresses and bodies."""
    engine = home.services.index.current()
    assert isinstance(engine, OpenSearchIndex)
    client, sent = engine._client, []
    send = client.msearch

    def recorded(body: Sequence[object], params: Mapping[str, str]) -> object:
        lines = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in body)
        sent.append((f"{url}/_msearch?{urlencode(params)}", lines.encode()))
        return send(body=body, params=params)

    scope = replace(scope_of(""), patient_id=patient, identities=frozenset({patient}))
    with patch.object(client, "msearch", recorded), home.services.records.read() as tx:
        find(understand(home.services, SearchRequest(text)), tx, scope)
    assert len(sent) == 2, f"{len(sent)} requests for one question"
    return sent


def _timed(clients: Sequence[Client], asked: Sequence[Sequence[str]]) -> dict[str, list[float]]:
    """Seconds of every part, each asked by all clients at once while no other part is."""
    apart = embedder()
    apart.embed_query("essai")
    order, seconds = random.Random(1), {name: list[float]() for name in LABELS}
    parts: dict[str, Callable[[Client], Part]] = {
        "bare": lambda client: client.bare,
        "raw": lambda client: client.raw,
        "embedding": lambda _: lambda text: apart.embed_query(f"essai {text}"),
        "search": lambda client: client.search,
    }
    for block in range(BLOCKS):
        now = [mine[block * BLOCK : (block + 1) * BLOCK] for mine in asked]
        for name in order.sample(list(LABELS), len(LABELS)):
            with ThreadPoolExecutor(len(clients)) as pool:
                start = threading.Barrier(len(clients))
                done = pool.map(_asked, [parts[name](client) for client in clients], now, [start] * len(clients))
                seconds[name] += chain.from_iterable(done)
    return seconds


def _asked(part: Part, texts: Sequence[str], start: threading.Barrier) -> list[float]:
    """Seconds of each, one after the other, from the moment that all clients are there."""
    start.wait()
    seconds = []
    for text in texts:
        began = time.perf_counter()
        part(text)
        seconds.append(time.perf_counter() - began)
    return seconds


def measure(passages: int) -> str:
    """p50, p95 and p99 of each part and of the whole, by one client and by eight, and the ratio of p50s."""
    with ExitStack() as held:
        url = held.enter_context(opensearch(cache_folder(), quick=False))
        settings = load_settings(
            home=Path(held.enter_context(tempfile.TemporaryDirectory())),
            profile="cluster",
            opensearch_url=url,
            redis_url=held.enter_context(redis()),
            records_url=held.enter_context(postgresql()),
        )
        home = held.enter_context(open_home(settings))
        began = time.perf_counter()
        known, count = fill(home, passages)
        say(f"{count} passages after {time.perf_counter() - began:.0f} s")
        address = held.enter_context(served(settings))
        bearer = headers(home)

        def connection(base: str = "", **more: object) -> httpx.Client:
            return held.enter_context(httpx.Client(base_url=base, timeout=120, **more))  # type: ignore[arg-type]

        clients = [
            Client(patient, document, connection(address, headers=bearer), connection(), {})
            for patient, document in known
        ]
        sections = []
        for several in (1, CLIENTS):
            asking = clients[:several]
            asked = [_questions(f"{several} {place}") for place in range(several)]
            for client, mine in zip(asking, asked, strict=True):
                client.asked.update((text, _bytes_of(home, url, client.patient, text)) for text in mine)
                client.search(f"{mine[0]} encore")
            say(f"{several} clients")
            sections.append(_told(several, _timed(asking, asked)))
        over_all = _over_all(clients[0].http)
    body = "\n\n".join(sections)
    return (
        f"{body}\n\nOne question over {PATIENTS} patients, one client: p50 {milliseconds(over_all):.0f} ms, p95"
        f" {milliseconds(over_all, 0.95):.0f}, the longest {milliseconds(over_all, 1):.0f} ({ROUNDS} questions).\n\n"
        f"{count:,} passages; {CLIENTS} patients with {DOCUMENTS} documents and {PATIENTS - CLIENTS} with {EACH};"
        f" hybrid, every question for the first time, journalled. {BLOCKS * BLOCK} questions a client and part."
    )


def _questions(mark: str) -> list[str]:
    """As many as a client asks, none of them asked before: nothing remembers its vector."""
    judged = questions()
    return [f"{judged[n % len(judged)]} {mark} {n}" for n in range(BLOCKS * BLOCK)]


def _told(several: int, seconds: dict[str, list[float]]) -> str:
    rows = [
        [LABELS[name], *(f"{milliseconds(values, share):.1f}" for share in (0.5, 0.95, 0.99))]
        for name, values in seconds.items()
    ]
    parts = sum(milliseconds(seconds[name]) for name in ("bare", "raw", "embedding"))
    head = f"{several} client{'s at once' if several > 1 else ''}"
    return table([head, "p50, ms", "p95, ms", "p99, ms"], rows) + (
        f"\n\nSum of the parts {parts:.1f} ms; search is {milliseconds(seconds['search']) / parts:.2f} times that."
    )


def _over_all(http: httpx.Client) -> list[float]:
    seconds = []
    for number, text in enumerate(_questions("tous")[:ROUNDS]):
        began = time.perf_counter()
        answer = http.post("/v1/search", json={"query": text}).raise_for_status().json()
        seconds.append(time.perf_counter() - began)
        assert answer["searched_patients"] == PATIENTS, number
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=500_000)
    passages = parser.parse_args().passages
    body = measure(passages)
    print(body)
    publish("cluster_http", TITLE, body, f"python -m benchmarks.cluster_http --passages {passages}")


if __name__ == "__main__":
    main()
