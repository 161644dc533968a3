"""A search in FHIR against the same question under /v1, interleaved in one run; and a list of documents likewise."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import httpx

from access.identifiers import PatientId
from benchmarks.report import milliseconds, table
from benchmarks.search_http import fill, headers, questions, served
from cli.compose import open_home
from cli.settings import load_settings

TITLE = "FHIR against the native endpoint, one patient with 2,000 passages"
ROUNDS = 120
LABELS = {
    "native search": "`POST /v1/…/search`, 10 documents",
    "fhir search": "`POST /fhir/DocumentReference/_search`, `_content`, `_count=10`",
    "native list": "`GET /v1/…/documents?limit=50`",
    "fhir list": "`GET /fhir/DocumentReference?_count=50`",
}


def measure() -> str:
    """p50 of each, and the ratios."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_home(load_settings(home=Path(folder), requests_a_minute=0)) as home,
    ):
        patient, documents, passages = fill(home)
        with served(home) as address, httpx.Client(base_url=address, headers=headers(home), timeout=60) as http:
            times = _interleaved(http, patient)
    p50 = {name: milliseconds(values) for name, values in times.items()}
    rows = [[label, f"{p50[name]:.1f}", f"{milliseconds(times[name], 0.95):.1f}"] for name, label in LABELS.items()]
    return table(["request", "p50, ms", "p95, ms"], rows) + (
        f"\n\nFHIR takes {p50['fhir search'] / p50['native search']:.2f} times the native search and"
        f" {p50['fhir list'] / p50['native list']:.2f} times the native list. {passages} passages of {len(documents)}"
        f" documents; {ROUNDS} rounds, the four in random order in each, each question asked by both for the first time"
        " in turn, embedded engine."
    )


def _interleaved(http: httpx.Client, patient: PatientId) -> dict[str, list[float]]:
    order, asked = random.Random(1), questions()
    times: dict[str, list[float]] = {name: [] for name in LABELS}
    for number in range(ROUNDS + 5):
        for name in order.sample(list(LABELS), len(LABELS)):
            # Two spellings that no cache has seen: who asks second must not find the first one's vector.
            text = f"{asked[number % len(asked)]} {number}{name[0]}"
            start = time.perf_counter()
            _ask(http, patient, name, text)
            if number >= 5:
                times[name].append(time.perf_counter() - start)
    return times


def _ask(http: httpx.Client, patient: PatientId, name: str, text: str) -> None:
    if name == "native search":
        http.post(f"/v1/patients/{patient}/search", json={"query": text, "limit": 10}).raise_for_status()
    elif name == "fhir search":
        form = {"patient": patient, "_content": text, "_count": "10"}
        http.post("/fhir/DocumentReference/_search", data=form).raise_for_status()
    elif name == "native list":
        http.get(f"/v1/patients/{patient}/documents", params={"limit": 50}).raise_for_status()
    else:
        http.get("/fhir/DocumentReference", params={"patient": patient, "_count": 50}).raise_for_status()
