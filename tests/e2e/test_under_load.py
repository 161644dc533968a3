"""What a patient takes back is gone with the next request, while others read the same record as fast as they can.

On both profiles, the cluster with two APIs: the act is sent to one, and the next question to each. A request that began
after the act was answered, and ended before it was undone, must not show what was taken back.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from records.postgres import Server
from tests.e2e.running import Home, Service, bearer, serving

PATIENT, DOCTOR = "185037512345641", "10001234567"
LETTERS = {
    "garde.txt": "Lettre de liaison.\n\nTraitement par apixaban depuis hier.",
    "masque.txt": "Compte rendu.\n\nPoursuite de l'apixaban, à la demande du patient.",
}
LONG = os.environ.get("ANAMNESE_LONG") == "1"
READERS, ROUNDS, APART = 4, 50 if LONG else 3, 0.3  # threads; acts of each kind; seconds during which an act holds


@dataclass
class Reading:
    """Threads that ask one question again and again: when each began and ended, which documents it showed."""

    services: list[Service]
    ask: Callable[[httpx.Client], httpx.Response]
    seen: list[tuple[float, float, frozenset[str]]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()
        threads = [threading.Thread(target=self._read, args=(number, over)) for number in range(READERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _read(self, number: int, over: threading.Event) -> None:
        with httpx.Client(base_url=self.services[number % len(self.services)].http.base_url, timeout=60) as http:
            while not over.is_set():
                began = time.monotonic()
                answer = self.ask(http)
                self.seen.append((began, time.monotonic(), shown(answer)))
                if answer.status_code not in (200, 403):
                    self.wrong.append(answer.text)

    def within(self, start: float, end: float) -> list[frozenset[str]]:
        """What the requests that lie whole in a time showed."""
        return [documents for began, ended, documents in self.seen if start < began and ended < end]


def shown(answer: httpx.Response) -> frozenset[str]:
    return frozenset(hit["document"]["id"] for hit in answer.json().get("hits", ()))


@pytest.mark.services
@pytest.mark.timeout(600)
@pytest.mark.parametrize("profile", ["single", "cluster"])
def test_what_is_taken_back_is_gone_with_the_next_request(
    tmp_path: Path, profile: str, request: pytest.FixtureRequest
) -> None:
    home = home_of(tmp_path, profile, request)
    papers = {}
    with reader_of(home, profile):
        for name, text in LETTERS.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            (paper,) = home.json("ingest", str(tmp_path / name), "--patient", PATIENT)
            assert paper["state"] == "searchable"
            papers[name] = paper["document_id"]
    (grant,) = home.json("grant", "--patient", PATIENT, "--to", DOCTOR)
    doctor, patient = (bearer(home.run("token", *who).strip()) for who in (("--as", DOCTOR), ("--patient", PATIENT)))
    url = f"/v1/patients/{grant['patient_id']}"

    def ask(http: httpx.Client) -> httpx.Response:
        return http.post(f"{url}/search", json={"query": "apixaban"}, headers=doctor)

    with ExitStack() as held:
        services = [held.enter_context(serving(home)) for _ in range(2 if profile == "cluster" else 1)]
        acting, reading = services[0].http, Reading(services, ask)
        assert shown(ask(acting)) == frozenset(papers.values())
        both, masked = frozenset(papers.values()), papers["masque.txt"]
        held.enter_context(reading.going_on())
        spans: list[tuple[float, float, frozenset[str]]] = []

        def act(method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
            answer = acting.request(method, f"{url}{path}", json=body, headers=patient)
            assert answer.is_success, answer.text
            return answer

        def holds(expected: frozenset[str]) -> None:
            began = time.monotonic()
            for service in services:
                answer = ask(service.http)
                assert shown(answer) == expected, answer.text
            time.sleep(APART)
            spans.append((began, time.monotonic(), expected))

        grant_id = grant["grant_id"]
        for _ in range(ROUNDS):
            act("DELETE", f"/grants/{grant_id}")
            holds(frozenset())
            grant_id = act("POST", "/grants", {"grantee": DOCTOR}).json()["grant_id"]
            holds(both)
            act("POST", "/masks", {"document_id": masked})
            holds(both - {masked})
            act("DELETE", f"/masks/{masked}")
            holds(both)
    judged: Counter[frozenset[str]] = Counter()
    for start, end, expected in spans:
        for documents in reading.within(start, end):
            assert documents == expected
            judged[expected] += 1
    assert reading.wrong == []
    assert len(judged) == 3
    assert min(judged.values()) >= ROUNDS


def home_of(tmp_path: Path, profile: str, request: pytest.FixtureRequest) -> Home:
    environment = {"ANAMNESE_EMBEDDER": "none", "ANAMNESE_RESERVE": "0", "ANAMNESE_REQUESTS_A_MINUTE": "0"}
    if profile == "cluster":
        database: Server = request.getfixturevalue("new_database")
        environment |= {
            "ANAMNESE_PROFILE": "cluster",
            "ANAMNESE_RECORDS_URL": database.url,
            "ANAMNESE_REDIS_URL": request.getfixturevalue("redis_url"),
            "ANAMNESE_OPENSEARCH_URL": request.getfixturevalue("opensearch_url"),
            "ANAMNESE_INDEX_PREFIX": request.getfixturevalue("opensearch_prefix"),
        }
    return Home(tmp_path / "home", environment)


@contextmanager
def reader_of(home: Home, profile: str) -> Iterator[None]:
    """In the cluster profile, a worker; the command reads what it takes in itself otherwise."""
    if profile == "single":
        yield
        return
    with home.popen("worker", "--concurrency", "1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=60)
