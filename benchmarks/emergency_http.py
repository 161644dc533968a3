"""The emergency card of a patient with 2,000 documents over HTTP, against a bare journalled request, in one run.

The server is a process of its own on one half of the cores, eight clients a thread each on the other. Blocks of bare
requests (the state of one document) and of cards alternate, so that both meet the machine in the same state; the first
block of each is not counted. The first card after the start is told apart: nothing is remembered of the patient then.
Cards are also asked of a second server on the same home, whose index is OpenSearch at an address where nobody answers.
"""

from __future__ import annotations

import dataclasses
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import uvicorn

from access.categories import Category
from access.identifiers import DocumentId, Ins, PatientId, Rpps, ins_key
from benchmarks.report import milliseconds, table
from benchmarks.settings import PROJECT, UNREGISTERED, say
from cli.compose import Home, open_home
from cli.settings import load_settings
from clinical.analyte import analytes
from clinical.lexicon import entries
from index.embedders.none import NoEmbedder
from index.generations import needed
from index.opensearch import OpenSearchGenerations
from records import documents, facts, grants, patients, practitioners
from records.content import Metadata, Page
from records.database import Tx
from records.documents import DocumentState
from records.fact import Fact, FactKind, FactSource, Quantity, Quote
from search_api.app import create_app
from search_api.services import ServingIndex
from search_api.tokens import issue_token

TITLE = "The emergency card over HTTP, one patient with 2,000 documents, 8 clients"
DOCUMENTS = int(os.environ.get("ANAMNESE_BENCH_DOCUMENTS", "2000"))
CLIENTS = 8
BLOCKS = int(os.environ.get("ANAMNESE_BENCH_BLOCKS", "11"))
EACH = 20  # requests of a client in a block
RPPS = "10001234567"
BAR = 3.0


def measure() -> str:
    """p50 and p99 of both, the ratio of the p99s, and the first card."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder), embedder="none", ocr="none")
        with open_home(settings) as home:
            patient, document, told = fill(home)
            token = issue_token(
                home.services,
                rpps=RPPS,
                unregistered=UNREGISTERED,
                lifetime=timedelta(hours=2),
                now=home.clock(),
            )
        with (
            _served(Path(folder)) as whole,
            _served(Path(folder), index="http://127.0.0.1:9") as maimed,
            ExitStack() as held,
        ):
            headers = {"Authorization": f"Bearer {token}"}
            clients, cut = (
                [held.enter_context(httpx.Client(base_url=at, headers=headers, timeout=60)) for _ in range(CLIENTS)]
                for at in (whole, maimed)
            )
            card = f"/v1/patients/{patient}/emergency"
            first, _ = _timed(clients[0], card), _timed(cut[0], card)
            assert cut[0].get("/readyz").status_code == 503
            bare = f"/v1/patients/{patient}/documents/{document}"
            times = _blocks({"bare": (clients, bare), "card": (clients, card), "card, index stopped": (cut, card)})
    p99 = {name: milliseconds(values, 0.99) for name, values in times.items()}
    rows = [
        [name, f"{milliseconds(values):.1f}", f"{milliseconds(values, 0.95):.1f}", f"{p99[name]:.1f}", len(values)]
        for name, values in times.items()
    ]
    return table(["request", "p50, ms", "p95, ms", "p99, ms", "requests"], rows) + (
        f"\n\nThe card's p99 is {p99['card'] / p99['bare']:.2f} times the bare request's; the bar is {BAR:.0f};"
        f" with the index stopped {p99['card, index stopped'] / p99['bare']:.2f} times."
        f" The first card after the start took {first * 1000:.0f} ms. {DOCUMENTS} documents that tell {told} facts;"
        f" {CLIENTS} clients, {BLOCKS - 1} blocks of {EACH} requests each, server and clients on different cores."
    )


def fill(home: Home) -> tuple[PatientId, DocumentId, int]:
    """One patient, a doctor who may read everything, and documents that tell what such documents tell. The facts are
    given to the documents directly: a card reads neither files nor passages."""
    chance = random.Random(1)
    now = home.clock()
    ins = Ins(f"1500375123456{ins_key('1500375123456'):02d}")
    identity = patients.Identity(ins, "qualified", "ESSAI", "Mesure", date(1950, 3, 1), "M", "75123")
    told = 0
    with home.services.records.write() as tx:
        patient = patients.create_patient(tx, identity, now)
        doctor = practitioners.Practitioner(Rpps(RPPS), "Dr Mesure", "médecin", "Médecine générale")
        practitioners.put_practitioner(tx, doctor)
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
    say_of = _Sayings(chance)
    document = DocumentId("")
    for start in range(0, DOCUMENTS, 100):
        with home.services.records.write() as tx:
            for number in range(start, min(start + 100, DOCUMENTS)):
                document = _document(home, tx, patient, number)
                said = say_of.document()
                facts.keep(tx, document, [Page(1, "", facts=tuple(said))])
                told += len(said)
    say(f"{DOCUMENTS} documents, {told} facts")
    return patient, document, told


class _Sayings:
    """What the documents of one life say: a few dozen medicines, panels, conditions, and now and then an allergy."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        medicines = [each.preferred for each in entries() if each.source.startswith("medicaments") and each.broader]
        illnesses = [each.preferred for each in entries() if each.source.startswith("maladies")]
        self._medicines = chance.sample(medicines, 40)
        self._illnesses = chance.sample(illnesses, 60)
        self._analytes = chance.sample(sorted(analytes()), 30)

    def document(self) -> list[Fact]:
        """A panel, a prescription or a letter: 4 to 20 facts."""
        chance = self._chance
        kind = chance.choice(["panel", "prescription", "letter", "letter"])
        if kind == "panel":
            return [self._result(name) for name in chance.sample(self._analytes, chance.randint(6, 20))]
        if kind == "prescription":
            return [
                self._fact(FactKind.MEDICATION, name) for name in chance.sample(self._medicines, chance.randint(4, 10))
            ]
        found = [self._fact(FactKind.CONDITION, name) for name in chance.sample(self._illnesses, 6)]
        found += [self._fact(FactKind.MEDICATION, name) for name in chance.sample(self._medicines, 5)]
        if chance.random() < 0.1:
            found.append(self._fact(FactKind.ALLERGY, chance.choice(self._medicines)))
        if chance.random() < 0.1:
            found.append(self._fact(FactKind.IMMUNIZATION, chance.choice(["Revaxis", "Prevenar 20", "Vaxigrip"])))
        return found

    def _fact(self, kind: FactKind, label: str) -> Fact:
        words = f"{label}, {self._chance.randint(1, 3)} fois par jour"
        details = (("dose", f"{self._chance.randint(1, 9)} mg"), ("route", "orale"), ("section", "TRAITEMENT"))
        return Fact(kind, label, Quote(1, 0, len(words), words), FactSource.TEXT, details=details)

    def _result(self, name: str) -> Fact:
        analyte = analytes()[name]
        number = round(Decimal(self._chance.uniform(float(analyte.low) + 1, float(analyte.low) + 9)), 1)
        text = f"{name} : {number} {analyte.unit.code}"
        value = Quantity(str(number), number, unit=analyte.unit.code, range_text="3 – 8")
        return Fact(FactKind.LAB_RESULT, name, Quote(1, 0, len(text), text), FactSource.STRUCTURED, value=value)


def _document(home: Home, tx: Tx, patient: PatientId, number: int) -> DocumentId:
    with home.services.blobs.create(patient, "upload") as writer:
        writer.write(f"document {number}".encode())
        upload = writer.commit()
    document = documents.new_document(
        tx,
        patient_id=patient,
        upload=upload,
        content_hash=writer.content_hash,
        size=writer.size,
        media_type="text/plain",
        file_name=f"document-{number}.txt",
        origin="upload",
        deposited_by="benchmark",
        deposited_for="",
        now=home.clock(),
    )
    day = date(2005, 1, 1) + timedelta(days=number * 3)
    metadata = Metadata(type_code="11488-4", event_date=day, title=f"Compte rendu {number}", author="Dr Mesure")
    documents.set_metadata(tx, document.document_id, metadata, Category.REPORT)
    documents.set_state(tx, document.document_id, DocumentState.SEARCHABLE, now=home.clock())
    return document.document_id


def _blocks(asked: dict[str, tuple[list[httpx.Client], str]]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in asked}
    for number in range(BLOCKS):
        for name, (clients, url) in asked.items():
            found: list[float] = []
            threads = [threading.Thread(target=_ask, args=(client, url, found)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if number:
                times[name] += found
    return times


def _ask(client: httpx.Client, url: str, found: list[float]) -> None:
    for _ in range(EACH):
        found.append(_timed(client, url))


def _timed(client: httpx.Client, url: str) -> float:
    start = time.perf_counter()
    client.get(url).raise_for_status()
    return time.perf_counter() - start


@contextmanager
def _served(home: Path, index: str = "") -> Iterator[str]:
    """The real application in a process of its own, on the first half of the cores; this one keeps to the second."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    cores = sorted(os.sched_getaffinity(0))
    half = max(1, len(cores) // 2)
    command = [sys.executable, "-m", "benchmarks.emergency_http", str(home), str(port), index]
    server = subprocess.Popen(command, cwd=PROJECT)
    try:
        os.sched_setaffinity(server.pid, cores[:half])
        os.sched_setaffinity(0, cores[half:] or cores)
        _wait(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.sched_setaffinity(0, cores)
        server.terminate()
        server.wait()


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def _serve(home: Path, port: int, index: str) -> None:
    with open_home(load_settings(home=home, embedder="none", ocr="none", requests_a_minute=0)) as opened:
        services = opened.services
        if index:
            away = OpenSearchGenerations(index, "away")
            services = dataclasses.replace(services, index=ServingIndex(away, lambda: needed(NoEmbedder(), "away")))
        uvicorn.run(create_app(services), port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
