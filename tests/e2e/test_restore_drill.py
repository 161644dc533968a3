"""The drill: the master key rotated and a backup taken while documents come in and are read; nobody is turned away, and
restored, each document acknowledged before the backup is found, once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.running import Home, all_searchable, serving

PATIENT = "185037512345641"
DOCTOR = "10001234567"
SENDERS = 3
BEFORE, AFTER = 24, 6  # documents acknowledged before the backup starts, and after it ended


def word_of(number: int) -> str:
    """A word that stands in one document alone, far from the others for a tolerant search."""
    return "".join("aeioubcdfg"[int(digit)] + "rlntsz"[number % 6] for digit in f"{number * 7919:06d}") + "oxa"


class Senders:
    """Threads that upload until told to stop, and write down what was acknowledged, when."""

    def __init__(self, send: object, first: int = 0) -> None:
        self._send, self._next, self._lock, self._over = send, first, threading.Lock(), threading.Event()
        self.acknowledged: list[tuple[float, int, str]] = []
        self.turned_away: list[str] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            text = f"Lettre {number}.\n\nTraitement par {word_of(number)} depuis hier."
            answer = self._send(f"lettre-{number}.txt", text.encode())  # type: ignore[operator]
            with self._lock:
                if answer.status_code == 202:
                    self.acknowledged.append((time.time(), number, answer.json()["document_id"]))
                elif answer.json()["code"] != "busy":  # the service takes a few uploads at a time
                    self.turned_away.append(answer.text)
            self._over.wait(0.2)  # a clinic's pace: the machine must also read what comes in

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.timeout(900)  # eight starts of a process and some fifty documents, on a machine that may be loaded
def test_every_document_acknowledged_before_the_backup_is_found_once_after_the_restore(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", {"ANAMNESE_EMBEDDER": "none", "ANAMNESE_MASTER_KEY_FILE": str(tmp_path / "key")})
    (grant,) = home.json("grant", "--patient", PATIENT, "--to", DOCTOR)
    token, patient = home.run("token", "--as", DOCTOR).strip(), grant["patient_id"]
    with serving(home) as service:
        senders = Senders(lambda name, data: service.upload(patient, name, data, token))
        try:
            senders.wait_for(BEFORE // 3)
            home.json("keys", "rotate")
            home.json("keys", "destroy", "1", "--yes")
            senders.wait_for(BEFORE)
            started = time.time()
            (made,) = home.json("backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "apart"))
            senders.wait_for(len(senders.acknowledged) + AFTER)
        finally:
            senders.stop()
    before = {number: document for at, number, document in senders.acknowledged if at <= started}
    assert BEFORE <= len(before) < len(senders.acknowledged)
    assert made["missing"] == 0
    assert senders.turned_away == []
    assert made["documents"] >= len(before)

    restored = Home(tmp_path / "restored", home.environment)
    keys = ("--keys", made["keys"])
    (told,) = home.json("restore", made["data"], *keys, "--home", str(restored.path))
    assert told["documents"] == made["documents"]
    with serving(restored) as service:
        listed = all_searchable(service, patient, token)
        assert len(listed) == made["documents"]
        for number, document in before.items():
            answer = service.search(patient, word_of(number), token)
            found = [hit["document"]["id"] for hit in answer["hits"] if word_of(number) in hit["passages"][0]["text"]]
            assert found == [document], number
    titles = Counter(d["id"] for d in listed)
    assert set(titles.values()) == {1}
    assert set(before.values()) <= set(titles)
    (report,) = restored.json("verify")
    assert report["clean"]
    restored.run("audit", "verify")
