"""Can a stranger tell a patient who exists from one who does not by the time of the answer?

Two thousand requests for each of four endpoints, interleaved in random order, half to records that exist (rich ones,
blocked, closed, granted to others), half to identifiers of nobody. A classifier that calls slow answers "exists" is as
good as the area under its ROC curve says: 0.5 is a guess. Measured twice: with every refusal sent as soon as it is
known, and on the beat of the settings (docs/decisions/045), which is how the product answers.
"""

from __future__ import annotations

import dataclasses
import random
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from starlette.testclient import TestClient

from access.identifiers import Ins, PatientId, Rpps, ins_key
from benchmarks.report import milliseconds, table
from benchmarks.search_http import deposit
from benchmarks.settings import UNREGISTERED
from cli.compose import Home, open_home
from cli.settings import load_settings
from ingest.worker import drain
from records import grants, patients, practitioners, will
from records.database import Tx
from records.opaque import random_id
from search_api.app import create_app
from search_api.services import Services
from search_api.tokens import issue_token

TITLE = "The door: who exists cannot be told from the time of the answer"
REQUESTS = 2_000
KNOWN = 20  # patients of each kind
RICH = 200  # documents
STRANGER, OTHER = "10009876543", "10001234567"

ENDPOINTS: dict[str, Callable[[TestClient, str, dict[str, str]], int]] = {
    "list": lambda http, url, headers: http.get(f"{url}/documents", headers=headers).status_code,
    "search": lambda http, url, headers: (
        http.post(f"{url}/search", json={"query": "allergie"}, headers=headers).status_code
    ),
    "document": lambda http, url, headers: http.get(f"{url}/documents/{'a' * 26}", headers=headers).status_code,
    "block": lambda http, url, headers: (
        http.post(f"{url}/blocks", json={"practitioner": OTHER}, headers=headers).status_code
    ),
}


def measure() -> str:
    """Medians and areas under the curve, by endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder), embedder="none", ocr="none", requests_a_minute=0)
        with open_home(settings) as home:
            existing = _fill(home)
            token = issue_token(
                home.services,
                rpps=STRANGER,
                unregistered=UNREGISTERED,
                lifetime=timedelta(hours=12),
                now=home.clock(),
            )
            headers = {"Authorization": f"Bearer {token}"}
            beat = home.services.refusal_beat
            rows = [
                [
                    name,
                    *_timed(home.services, 0, headers, ask, existing),
                    *_timed(home.services, beat, headers, ask, existing),
                ]
                for name, ask in ENDPOINTS.items()
            ]
    heads = [
        f"{what}, {when}" for when in ("at once", "on the beat") for what in ("exists, p50 ms", "nobody, p50 ms", "AUC")
    ]
    return table(["endpoint", *heads], rows) + (
        f"\n\n{REQUESTS} requests an endpoint and column, interleaved at random; {len(existing)} patients, most with 0"
        f" to 12 documents and {sum(map(_is_rich, range(len(existing))))} with {RICH}, some granted to others, some"
        f" that blocked the stranger, some closed; a beat of {beat * 1000:.0f} ms. The bar is 0.45 to 0.55."
    )


def area(positive: list[float], negative: list[float]) -> float:
    """Area under the ROC curve: the chance that one of `positive` is larger than one of `negative` (Mann-Whitney)."""
    ranked = sorted([(value, 1) for value in positive] + [(value, 0) for value in negative])
    total = sum(rank for rank, (_, kind) in enumerate(ranked, 1) if kind)
    return (total - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative))


def _timed(
    services: Services,
    beat: float,
    headers: dict[str, str],
    ask: Callable[[TestClient, str, dict[str, str]], int],
    existing: list[PatientId],
) -> list[str]:
    order = random.Random(1)
    kinds = [True, False] * (REQUESTS // 2)
    order.shuffle(kinds)
    nobody = [random_id() for _ in existing]
    times: dict[bool, list[float]] = {True: [], False: []}
    with TestClient(create_app(dataclasses.replace(services, refusal_beat=beat))) as http:
        for exists in [True, False] * 20 + kinds:
            who = order.choice(existing if exists else nobody)
            started = time.perf_counter()
            status = ask(http, f"/v1/patients/{who}", headers)
            times[exists].append(time.perf_counter() - started)
            assert status == 403
    warm = {exists: values[20:] for exists, values in times.items()}
    p50 = [f"{milliseconds(warm[exists]):.2f}" for exists in (True, False)]
    return [*p50, f"{area(warm[True], warm[False]):.3f}"]


def _fill(home: Home) -> list[PatientId]:
    """Patients with all that could slow an answer down: documents, grants, a block, a closure."""
    now, order, made = home.clock(), random.Random(2), []
    for number in range(4 * KNOWN):
        thirteen = f"18503751{number:05d}"
        identity = patients.Identity(
            Ins(f"{thirteen}{ins_key(thirteen):02d}"),
            "qualified",
            "ESSAI",
            f"N{number}",
            date(1985, 3, 1),
            "M",
            "75123",
        )
        with home.services.records.write() as tx:
            if not number:
                for rpps in (STRANGER, OTHER):
                    one = practitioners.Practitioner(Rpps(rpps), "Dr", "médecin", "Médecine générale")
                    practitioners.put_practitioner(tx, one)
            patient = patients.create_patient(tx, identity, now)
            _decide(tx, patient, number, now)
        made.append(patient)
        for each in range(RICH if _is_rich(number) else order.randrange(13)):
            deposit(home, patient, f"Compte rendu {each}. Allergie à la pénicilline, dossier {number}.", each)
    drain(home.bench)
    return made


def _is_rich(number: int) -> bool:
    """One patient of twenty; of those, one of each kind of decision."""
    return number % 20 == number // 20


def _decide(tx: Tx, patient: PatientId, number: int, now: datetime) -> None:
    """What the patient decided, by turns: nothing, grants to others, a block of the stranger, a closure."""
    if number % 4 == 1:
        for _ in range(5):
            grants.add_grant(
                tx,
                patient_id=patient,
                grantee_kind="practitioner",
                grantee=OTHER,
                kind="consent",
                categories=None,
                valid_from=now,
                valid_until=None,
                recorded_by="benchmark",
                now=now,
            )
    elif number % 4 == 2:
        grants.block(tx, patient, STRANGER, now, "benchmark")
    elif number % 4 == 3:
        will.close_record(tx, patient, closed=True)
