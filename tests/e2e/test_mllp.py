"""kill -9 of `anamnese mllp` at random moments: what was acknowledged is ingested once, the rest can be sent again.

One in five is an admission, of which the episode is recorded once. In the ordinary tests 60 messages and 5 kills; with
ANAMNESE_LONG=1 a thousand messages and 40 kills.
"""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from cli.compose import open_home, resolve_patient
from cli.settings import load_settings
from ingest.mllp.frames import END, framed
from ingest.worker import drain
from records import episodes, jobs
from records.documents import DocumentState, documents_of_patient_without_scope
from tests.e2e.running import Home
from tests.records.building import ins, scope

LONG = os.environ.get("ANAMNESE_LONG") == "1"
MESSAGES, KILLS = (1000, 40) if LONG else (60, 5)
PATIENT = ins(1).matricule


def is_admission(number: int) -> bool:
    return number % 5 == 0


def message(number: int) -> bytes:
    """A result, or the admission that opens the visit V<number>."""
    pid = f"PID|||{PATIENT}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS\r"
    if is_admission(number):
        return (
            f"MSH|^~\\&|SIL|LABO|DPI|CHU|20240510083000||ADT^A01^ADT_A01|C{number}|P|2.5|||||FRA|UNICODE UTF-8\r"
            f"EVN||20240510083000\r{pid}PV1|1|I|CARDIO||||||||||||||||V{number}^^^CHU\r"
        ).encode()
    return (
        f"MSH|^~\\&|SIL|LABO|DPI|CHU|20240510083000||ORU^R01|C{number}|P|2.5|||||FRA|UNICODE UTF-8\r"
        f"{pid}"
        f"OBR|1||N{number}|718-7^NFS^LN|||||||||||||||||||||HM|F\r"
        f"OBX|1|TX|1^CR||Résultat numéro {number} de la série||||||F\r"
    ).encode()


class Server:
    """`anamnese mllp` as a process that can be killed and started again on its port."""

    def __init__(self, home: Home, port: int) -> None:
        self.home, self.port = home, port
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        process = self.home.popen("mllp", "--port", str(self.port), start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert process.poll() is None
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return process
        raise AssertionError("the listener does not get ready")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def again(self) -> None:
        self.process = self._start()


def send(port: int, numbers: list[int], acknowledged: Counter[int]) -> None:
    """Send messages on one connection, without waiting for each answer; count those that are accepted."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for number in numbers:
            connection.sendall(framed(message(number)))
        pending, left = b"", len(numbers)
        while left and (piece := connection.recv(65536)):
            *answers, pending = (pending + piece).split(END)
            for one in answers:
                verdict, _, control = one.decode().partition("\rMSA|")[2].partition("\r")[0].partition("|")
                assert verdict == "AA", one
                acknowledged[int(control[1:])] += 1
            left -= len(answers)


@pytest.mark.timeout(3600 if LONG else 300)
def test_every_acknowledged_message_is_ingested_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    choose = random.Random(seed)
    own = {"home": tmp_path / "home", "embedder": "none", "ocr": "none", "mllp_senders": {"LABO": "690020029"}}
    with open_home(load_settings(**own)) as home:
        resolve_patient(home, PATIENT, create=True)
    environment = {
        "ANAMNESE_EMBEDDER": "none",
        "ANAMNESE_OCR": "none",
        "ANAMNESE_MLLP_SENDERS": '{"LABO": "690020029"}',
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(Home(tmp_path / "home", environment), port)
    acknowledged: Counter[int] = Counter()
    kills = 0
    while len(acknowledged) < MESSAGES or kills < KILLS:
        owed = [number for number in range(MESSAGES) if number not in acknowledged]
        batch = owed[: max(1, MESSAGES // KILLS)] or choose.sample(range(MESSAGES), 3)
        if kills < KILLS:
            striker = threading.Timer(choose.uniform(0.0, 0.4), server.kill)
            striker.start()
            with suppress(ConnectionError):
                send(port, batch, acknowledged)
            striker.join()
            kills += 1
            server.again()
        else:
            send(port, batch, acknowledged)
    server.kill()
    with open_home(load_settings(**own)) as home:
        patient_id = resolve_patient(home, PATIENT)
        drain(home.bench)
        with home.bench.records.write() as tx:  # what three kills refused is asked for again, as a person would
            refused = [
                one for one in documents_of_patient_without_scope(tx, patient_id) if one.state is DocumentState.REFUSED
            ]
            assert {one.refusal.code for one in refused if one.refusal} <= {"poison-document"}
            jobs.retry_failed(tx, [one.document_id for one in refused], home.bench.clock())
        drain(home.bench)
        with home.bench.records.read() as tx:
            found = documents_of_patient_without_scope(tx, patient_id)
            owner = dataclasses.replace(scope(patient_id), oversees=True)
            visits = Counter(one.visit for one in episodes.episodes(tx, owner))
        kept = Counter(home.bench.blobs.read(one.upload) for one in found)
    assert {one.state for one in found} == {DocumentState.SEARCHABLE}
    assert kept == {message(number): 1 for number in range(MESSAGES) if not is_admission(number)}
    assert visits == {f"V{number}": 1 for number in range(MESSAGES) if is_admission(number)}
