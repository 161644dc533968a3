"""What one patient's requests cost as the rows of other patients grow, on the embedded profile's SQLite.

The others are copies of the patient's own rows under new ids, so that a table read from end to end shows: it would take
the times the rows take. Their passages are not indexed: each patient's vocabulary and vectors are apart already.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from sqlalchemy import insert, select

from access.identifiers import PatientId
from benchmarks.report import milliseconds, table
from benchmarks.search_http import fill, headers, questions, served
from benchmarks.settings import say
from cli.compose import Home, open_home
from cli.settings import Settings, load_settings
from records import tables

TITLE = "One patient's requests among the documents of others"
OTHERS = (0, 10_000, 100_000)
A_PATIENT = 50
"""Documents of each other patient."""
ROUNDS = 60
BEFORE = """On commit e2624d5, before sets of ids used their index on SQLite, the same run (2026-11-28, on a loaded
machine) gave 5.14, 4.15, 15.69 and 5.42 times: every list read everybody's documents."""


def measure() -> str:
    """p50 of four requests at each number of others' documents, and the last as a multiple of the first."""
    with tempfile.TemporaryDirectory() as folder, open_home(_settings(folder)) as home:
        patient, documents, _ = fill(home, 60)
        p50: dict[str, list[float]] = {}
        with served(home) as address, httpx.Client(base_url=address, headers=headers(home), timeout=60) as http:
            asked = _requests(http, f"/v1/patients/{patient}", documents[0])
            there = 0
            for others in OTHERS:
                _copy(home, patient, there, others)
                there = others
                say(f"{others} documents of others")
                for name, request in asked.items():
                    p50.setdefault(name, []).append(_median(request))
    rows = [
        [name, *(f"{value:.1f}" for value in values), f"{values[-1] / values[0]:.2f}"] for name, values in p50.items()
    ]
    return table(["request", *(f"{count:,} of others, ms" for count in OTHERS), "last to first"], rows) + (
        f"\n\np50 over HTTP, {ROUNDS} of each, a patient of {len(documents)} documents, {A_PATIENT} documents for each"
        f" other patient, embedded profile (SQLite).\n\n{BEFORE}"
    )


def _settings(folder: str) -> Settings:
    return load_settings(home=Path(folder), requests_a_minute=0)


def _requests(http: httpx.Client, patient: str, document: str) -> dict[str, Callable[[int], object]]:
    asked = questions()

    def search(number: int) -> object:
        body = {"query": f"{asked[number % len(asked)]} {number}"}
        return http.post(f"{patient}/search", json=body).raise_for_status()

    return {
        "one document": lambda _: http.get(f"{patient}/documents/{document}").raise_for_status(),
        "list of documents": lambda _: http.get(f"{patient}/documents").raise_for_status(),
        "emergency card": lambda _: http.get(f"{patient}/emergency").raise_for_status(),
        "search": search,
    }


def _median(request: Callable[[int], object]) -> float:
    seconds = []
    for number in range(ROUNDS + 5):
        start = time.perf_counter()
        request(number)
        if number >= 5:
            seconds.append(time.perf_counter() - start)
    return milliseconds(seconds)


def _copy(home: Home, patient: PatientId, there: int, wanted: int) -> None:
    """Rows of others, from the number that is there to the one wanted."""
    people, documents = tables.Patient.__table__, tables.Document.__table__
    with home.services.records.write() as tx:
        person = tx.session.execute(select(people).where(people.c.patient_id == patient)).mappings().one()
        paper = tx.session.execute(select(documents).where(documents.c.patient_id == patient)).mappings().first()
        assert paper is not None
        for first in range(there, wanted, A_PATIENT):
            other = f"other{first:021d}"
            tx.session.execute(insert(people), [{**person, "patient_id": other}])
            copies = [
                {**paper, "document_id": f"copy{number:022d}", "patient_id": other}
                for number in range(first, first + A_PATIENT)
            ]
            tx.session.execute(insert(documents), copies)
