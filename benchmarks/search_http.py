"""A search over HTTP against the sum of its parts, interleaved in one run.

The parts: a bare journalled request over HTTP (the state of one document), the raw engine calls for the same question
(its vocabulary, and the match), and the question's embedding. What search adds to them is reading and showing hits.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import httpx
import uvicorn

from access.identifiers import DocumentId, Ins, PatientId, Rpps, ins_key
from benchmarks.report import milliseconds, table
from benchmarks.settings import PROJECT, UNREGISTERED, embedder, say
from cli.compose import Home, open_home
from cli.settings import load_settings
from index.evaluation.corpus import scope_of
from index.port import Index, Question
from index.question import build_question, query_vector
from ingest.receive import receive
from ingest.worker import drain
from records import grants, patients, practitioners
from search_api.app import create_app
from search_api.tokens import issue_token

TITLE = "Search over HTTP against its parts, one patient with 2,000 passages"
PASSAGES = int(os.environ.get("ANAMNESE_BENCH_PASSAGES", "2000"))
ROUNDS = 120
RPPS = "10001234567"
INS = f"1850375123456{ins_key('1850375123456'):02d}"
JUDGEMENTS = PROJECT / "samples" / "judgements"


@dataclass(frozen=True, slots=True)
class Parts:
    """The four things that are timed, each for one question, and what must be ready before."""

    prepare: Callable[[str], object]
    bare: Callable[[str], object]
    engine: Callable[[str], object]
    embedding: Callable[[str], object]
    search: Callable[[str], object]


def measure() -> str:
    """p50 of each part and of the whole, and their ratio."""
    with tempfile.TemporaryDirectory() as folder, open_home(load_settings(home=Path(folder))) as home:
        patient, documents, passages = fill(home)
        with served(home) as address, httpx.Client(base_url=address, headers=headers(home)) as http:
            times = _interleaved(_parts(home, http, patient, documents[0]), questions())
    p50 = {name: milliseconds(values) for name, values in times.items()}
    parts = p50["bare"] + p50["engine"] + p50["embedding"]
    rows = [[label, f"{p50[name]:.1f}", f"{milliseconds(times[name], 0.95):.1f}"] for name, label in _LABELS.items()]
    return table(["part", "p50, ms", "p95, ms"], rows) + (
        f"\n\nSum of the parts {parts:.1f} ms; search is {p50['search'] / parts:.2f} times that."
        f" {passages} passages of {len(documents)} documents, both arms, journalled; {ROUNDS} rounds, the four in"
        " random order in each, embedded engine."
    )


_LABELS = {
    "bare": "bare journalled request",
    "engine": "raw engine calls",
    "embedding": "embedding the question",
    "search": "whole search",
}


def _interleaved(parts: Parts, questions: list[str]) -> dict[str, list[float]]:
    order = random.Random(1)
    times: dict[str, list[float]] = {name: [] for name in _LABELS}
    for number in range(ROUNDS + 5):
        question = f"{questions[number % len(questions)]} {number}"  # never seen before: nothing remembers its vector
        parts.prepare(question)
        for name in order.sample(list(_LABELS), len(_LABELS)):
            start = time.perf_counter()
            getattr(parts, name)(question)
            if number >= 5:
                times[name].append(time.perf_counter() - start)
    return times


def _parts(home: Home, http: httpx.Client, patient: PatientId, document: DocumentId) -> Parts:
    apart = embedder()  # a second one: the service's remembers the questions that search embeds
    index: Index = home.services.index.current()
    scope = dataclasses.replace(scope_of(""), patient_id=patient, identities=frozenset({patient}))
    prepared: dict[str, Question] = {}

    def prepare(text: str) -> None:
        prepared[text] = build_question(text, index.forms(scope), query_vector(apart, text)).question

    def engine(text: str) -> None:
        index.forms(scope)
        index.match(scope, prepared[text])

    def search(text: str) -> None:
        answer = http.post(f"/v1/patients/{patient}/search", json={"query": text}).raise_for_status().json()
        assert answer["mode"] == "hybrid"

    return Parts(
        prepare=prepare,
        bare=lambda _: http.get(f"/v1/patients/{patient}/documents/{document}").raise_for_status(),
        engine=engine,
        embedding=lambda text: apart.embed_query("essai " + text),
        search=search,
    )


def questions() -> list[str]:
    """The judged questions, in their order."""
    lines = (JUDGEMENTS / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def person(home: Home, ins: Ins = Ins(INS)) -> PatientId:
    """A patient, and a doctor allowed to read everything there is of them."""
    now = home.clock()
    identity = patients.Identity(ins, "qualified", "ESSAI", "Mesure", date(1985, 3, 1), "M", "75123")
    with home.services.records.write() as tx:
        patient = patients.create_patient(tx, identity, now)
        practitioners.put_practitioner(
            tx, practitioners.Practitioner(Rpps(RPPS), "Dr Mesure", "médecin", "Médecine générale")
        )
        grants.add_grant(
            tx,
            patient_id=patient,
            grantee_kind="practitioner",
            grantee=RPPS,
            kind="consent",
            categories=None,
            valid_from=now - timedelta(days=1),
            valid_until=None,
            recorded_by="benchmark",
            now=now,
        )
    return patient


def texts() -> list[str]:
    """The judged documents of the samples, then each once more: records repeat themselves."""
    lines = (JUDGEMENTS / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    once = [json.loads(line)["text"] for line in lines]
    return [*once, *(f"{text}\n\nDuplicata." for text in once)]


def fill(home: Home, passages: int = PASSAGES) -> tuple[PatientId, list[DocumentId], int]:
    """One patient, a doctor allowed to read everything, and sample texts until the passages are there."""
    patient = person(home)
    documents: list[DocumentId] = []
    for text in texts():
        documents.append(deposit(home, patient, text, len(documents)))
        if len(documents) % 50 == 0:
            drain(home.bench)
            say(f"{len(documents)} documents, {_passages(home)} passages")
            if _passages(home) >= passages:
                break
    drain(home.bench)
    return patient, documents, _passages(home)


def deposit(home: Home, patient: PatientId, text: str, number: int) -> DocumentId:
    receipt = receive(
        io.BytesIO(text.encode()),
        patient_id=patient,
        file_name=f"document-{number}.txt",
        origin="upload",
        deposited_by="benchmark",
        deposited_for="",
        blobs=home.services.blobs,
        records=home.services.records,
        now=home.clock(),
        limit=10**6,
    )
    return receipt.document_id


def _passages(home: Home) -> int:
    return sum(line.passages for line in home.services.index.current().inventory_without_scope())


def headers(home: Home) -> dict[str, str]:
    token = issue_token(
        home.services,
        rpps=RPPS,
        unregistered=UNREGISTERED,
        lifetime=timedelta(hours=1),
        now=home.clock(),
    )
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def served(home: Home) -> Iterator[str]:
    """The real application behind uvicorn on a free port of this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(home.services), port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
