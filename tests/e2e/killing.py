"""Killing the product while it takes documents in, and judging afterwards what it kept."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text as sql

from cli.compose import Home, open_home, resolve_patient
from cli.settings import Settings, load_settings
from ingest.batch import FINAL
from ingest.receive import receive
from ingest.worker import drain
from records import documents, grants, jobs, journal, readings
from records.documents import Document, DocumentState
from search_api.tokens import issue_token
from tests.ingest.pdfs import simple
from tests.ocr.pictures import letter
from tests.records.building import ins

ROOT = Path(__file__).resolve().parents[2]
DOCTOR = "10001234567"
UNREGISTERED = Settings.model_fields["development_profession"].default
"""What the command takes a professional for whom no directory knows."""
WORDS = ("allergie", "pénicilline", "dyspnée", "effort", "tension", "créatinine", "apixaban", "diabète", "souffle")


class Zygote:
    """Starts commands of the product quickly. See `zygote.py`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")},
        )

    def start(self, settings: dict[str, str], *argv: str) -> Command:
        self._count += 1
        files = [str(self._folder / f"{self._count:05d}.{name}") for name in ("out", "err")]
        answer = self._ask({"argv": argv, "env": settings, "out": files[0], "err": files[1]})
        return Command(self, answer["pid"], Path(files[0]), Path(files[1]))

    def wait(self, pid: int, seconds: float) -> int | None:
        status: int | None = self._ask({"wait": pid, "seconds": seconds})["status"]
        return status

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=300)  # a niced process among twenty others took more than 30
        self._process.stdout.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@dataclass
class Command:
    """A running command."""

    zygote: Zygote
    pid: int
    out: Path
    err: Path

    def finish(self, seconds: float = 200) -> int:
        """Its exit code."""
        status = self.zygote.wait(self.pid, seconds)
        assert status is not None, f"hangs: {self.err.read_text(errors='replace')[-2000:]}"
        return os.waitstatus_to_exitcode(status)

    def kill(self, way: str, choose: random.Random) -> bool:
        """Kill it, or a part of it, outright. False when it had ended by itself."""
        if self.zygote.wait(self.pid, 0) is not None:
            return False
        children = []
        with suppress(psutil.Error):
            children = psutil.Process(self.pid).children(recursive=True)
        if way == "child" and children:
            with suppress(ProcessLookupError):
                os.kill(choose.choice(children).pid, signal.SIGKILL)
            return True
        try:
            if way == "parent":
                os.kill(self.pid, signal.SIGKILL)
            else:
                os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended since it was asked
            return False
        self.finish(30)
        return True

    def end(self) -> None:
        """Kill what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.zygote.wait(self.pid, 30)

    def lines(self) -> list[dict[str, Any]]:
        """What it printed, whole lines only."""
        if not self.out.exists():
            return []
        whole = self.out.read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


@dataclass(frozen=True)
class Paper:
    """A document to be taken in: its bytes and a word that it alone holds."""

    patient: str
    name: str
    content: bytes
    word: str

    @property
    def key(self) -> tuple[str, str]:
        return self.patient, hashlib.sha256(self.content).hexdigest()


def papers(seed: int) -> Iterator[Paper]:
    """Papers without end, of three patients: most of them texts, a third PDFs, one in twelve a picture to be read."""
    choose, number = random.Random(seed), 0
    while True:
        number += 1
        word = f"kw{seed % 1000:03d}x{number:05d}"
        story = " ".join(choose.choices(WORDS, k=25))
        body = f"COMPTE RENDU {word}\n\nAntécédents : {story}.\n"
        kind = choose.choices(("txt", "pdf", "png"), (8, 3, 1))[0]
        if kind == "txt":
            content = body.encode()
        elif kind == "pdf":
            content = simple(body)
        else:
            stream = io.BytesIO()
            letter(100, f"Compte rendu numéro {number}\n{' '.join(choose.choices(WORDS, k=6))}").image.save(
                stream, "PNG"
            )
            content = stream.getvalue() + word.encode()  # what is behind the picture makes it another file
        yield Paper(ins(choose.randint(1, 3)).matricule, f"{word}.{kind}", content, "" if kind == "png" else word)


@dataclass
class Ordeal:
    """One home, killed again and again. `owed`: papers not acknowledged yet; `acknowledged`: those promised, by key."""

    folder: Path
    seed: int
    settings: Settings
    environment: dict[str, str]
    zygote: Zygote
    owed: list[Paper] = field(default_factory=list)
    given: dict[tuple[str, str], Paper] = field(default_factory=dict)
    acknowledged: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    usual: dict[str, float] = field(default_factory=dict)
    posted: int = 0  # documents that the API acknowledged

    def __post_init__(self) -> None:
        self.choose = random.Random(self.seed)
        self._papers = papers(self.seed)
        self._lock = threading.Lock()
        (self.folder / "watched").mkdir(parents=True, exist_ok=True)
        with open_home(self.settings) as home:
            now = home.clock()
            for number in (1, 2, 3):
                patient_id = resolve_patient(home, ins(number).matricule, create=True)
                with home.services.records.write() as tx:
                    grants.add_grant(
                        tx,
                        patient_id=patient_id,
                        grantee_kind="practitioner",
                        grantee=DOCTOR,
                        kind="consent",
                        categories=None,
                        valid_from=now,
                        valid_until=None,
                        recorded_by="test",
                        now=now,
                    )
            self._token = issue_token(
                home.services, rpps=DOCTOR, unregistered=UNREGISTERED, lifetime=timedelta(hours=24), now=now
            )
            self._ids = {ins(n).matricule: resolve_patient(home, ins(n).matricule) for n in (1, 2, 3)}

    def new(self, count: int) -> None:
        """Owe `count` more papers."""
        for paper, _ in zip(self._papers, range(count), strict=False):
            self.owed.append(paper)
            self.given[paper.key] = paper

    def acknowledge(self, paper: Paper, document_id: str) -> None:
        with self._lock:
            self.acknowledged.setdefault(paper.key, set()).add(document_id)
            self.owed = [one for one in self.owed if one.key != paper.key]

    def start(self, *argv: str) -> Command:
        return self.zygote.start(self.environment, *argv)

    def strike(self, command: Command, what: str) -> None:
        """Kill it at a random moment of its usual life, by a random way; count it if it lived."""
        usual = self.usual.get(what, 0.6)
        began, moment = time.monotonic(), self.choose.uniform(0, usual * 1.15)
        status = self.zygote.wait(command.pid, moment)
        if status is not None:
            self.usual[what] = min(usual, time.monotonic() - began)
            return
        way = self.choose.choices(("group", "parent", "child"), (4, 1, 3))[0]
        if command.kill(way, self.choose):
            self.kills[f"{what}, {way}"] += 1

    def by_hand(self, home: Home) -> Iterator[str]:
        """Receive what is owed in this process; ids of documents, one by one, and nobody is woken."""
        for paper in list(self.owed):
            receipt = receive(
                io.BytesIO(paper.content),
                patient_id=self._ids[paper.patient],
                file_name=paper.name,
                origin="upload",
                deposited_by="test",
                deposited_for="",
                blobs=home.bench.blobs,
                records=home.bench.records,
                now=home.clock(),
                limit=10**7,
            )
            self.acknowledge(paper, receipt.document_id)
            yield receipt.document_id

    # The ways in ---------------------------------------------------------------------------------------------------

    def by_command(self, *, kill: bool = True) -> None:
        """`anamnese ingest` on all that is owed to one patient. What it prints is acknowledged."""
        patient = self.choose.choice(self.owed).patient
        mine = {paper.name: paper for paper in self.owed if paper.patient == patient}
        inbox = self.folder / "inbox"
        inbox.mkdir(exist_ok=True)
        for old in inbox.iterdir():
            old.unlink()
        for paper in mine.values():
            (inbox / paper.name).write_bytes(paper.content)
        began = time.monotonic()
        command = self.start("ingest", str(inbox), "--patient", patient, "--json")
        if kill:
            self.strike(command, "ingest")
        command.finish(200 if kill else 1800)  # what nobody kills reads hundreds of papers
        command.end()
        if not kill:
            self.usual["ingest"] = time.monotonic() - began
        for line in command.lines():
            if line["document_id"]:
                self.acknowledge(mine[Path(line["file"]).name], line["document_id"])

    def by_watch(self) -> None:
        """`anamnese watch`, while files are moved into its folder. What it moves away is acknowledged."""
        watched = self.folder / "watched"
        command = self.start("watch", str(watched), "--settle", "0", "--json")
        for paper in list(self.owed):
            folder = watched / paper.patient
            folder.mkdir(exist_ok=True)
            (folder / f".{paper.name}").write_bytes(paper.content)
            os.replace(folder / f".{paper.name}", folder / paper.name)
        self.usual["watch"] = 2.0
        self.strike(command, "watch")
        command.end()
        for paper in list(self.owed):
            if (watched / ".done" / paper.patient / paper.name).exists():
                self.acknowledge(paper, "")

    def by_http(self) -> None:
        """The API, with two senders that do not wait for each other. A 202 is an acknowledgement."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = self.start("serve", "--port", str(port))
        over = threading.Event()
        senders = [threading.Thread(target=self._send, args=(port, half, over)) for half in (0, 1)]
        for sender in senders:
            sender.start()
        usual, before = self.usual.setdefault("serve", 2.0), self.posted
        if self.choose.random() < 0.7:  # the others are struck while they start, however slow the machine is
            self._wait_for(port, command)
            self.strike(command, "serve")
            took = self.posted > before  # a slow machine is given longer, until it takes something in
            self.usual["serve"] = max(2.0, usual / 2) if took else min(60.0, usual * 2)
        else:
            self.strike(command, "serve")
        command.end()
        over.set()
        for sender in senders:
            sender.join()

    def _wait_for(self, port: int, command: Command) -> None:
        """Until it listens or has ended."""
        for _ in range(600):
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", port)) == 0 or self.zygote.wait(command.pid, 0.1) is not None:
                    return

    def _send(self, port: int, half: int, over: threading.Event) -> None:
        for paper in self.owed[half::2]:
            document_id = ""
            while not document_id and not over.is_set():
                try:
                    document_id = self._post(port, paper)
                except ConnectionRefusedError:  # not listening yet, or no more
                    over.wait(0.02)
                except (OSError, http.client.HTTPException, ValueError):
                    return
            if document_id:
                self.posted += 1
                self.acknowledge(paper, document_id)

    def _post(self, port: int, paper: Paper) -> str:
        limit = "x9f27c1limite"
        head = f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="{paper.name}"\r\n\r\n'
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(
                "POST",
                f"/v1/patients/{self._ids[paper.patient]}/documents",
                head.encode() + paper.content + f"\r\n--{limit}--\r\n".encode(),
                {"Authorization": f"Bearer {self._token}", "Content-Type": f"multipart/form-data; boundary={limit}"},
            )
            answer = connection.getresponse()
            body = json.loads(answer.read())
            return str(body["document_id"]) if answer.status == 202 else ""
        finally:
            connection.close()

    # The judgement -------------------------------------------------------------------------------------------------

    def judge(self) -> dict[str, int]:
        """Give what is still owed, let everything be read, and compare all that is kept with all that was given."""
        with open_home(self.settings) as home:
            drain(home.bench)  # frees what the dead held
        while self.owed:
            before = len(self.owed)
            self.by_command(kill=False)
            assert len(self.owed) < before
        with open_home(self.settings) as home:
            poisoned = self._read_all(home)
            counts = self._judge_home(home) | {"refused for three kills, then read": poisoned}
        for argv in (("verify", "--json"), ("audit", "verify")):
            command = self.start(*argv)
            assert command.finish() == 0, command.err.read_text() + command.out.read_text()
        return counts

    def _read_all(self, home: Home) -> int:
        """Let everything be read, here and by workers that run. What three kills refused is asked for again, as a
        person would."""
        self._until_final(home)
        with home.services.records.write() as tx:
            refused = jobs.retry_failed(tx, None, home.clock())
        self._until_final(home)
        return refused

    def _until_final(self, home: Home) -> None:
        deadline = time.monotonic() + 200
        while True:
            drain(home.bench)
            with home.services.records.read() as tx:
                moving = sum(documents.count_without_scope(tx, state) for state in set(DocumentState) - FINAL)
            if not moving:
                return
            assert time.monotonic() < deadline, f"{moving} documents that nobody moves"
            time.sleep(0.2)

    def _judge_home(self, home: Home) -> dict[str, int]:
        records, blobs = home.services.records, home.services.blobs
        kept: list[tuple[str, Document]] = []
        with records.read() as tx:
            for matricule, patient_id in self._ids.items():
                kept += [(matricule, d) for d in documents.documents_of_patient_without_scope(tx, patient_id)]
            job_rows = [tuple(row) for row in tx.session.execute(sql("SELECT document_id, state FROM jobs"))]
            shown = [e for e in journal.entries_for_audit_without_scope(tx, None, 10**6) if e.action == "deposit"]
            assert journal.verify(tx) == []
        states = Counter(document.state for _, document in kept)
        assert set(states) <= FINAL, states
        assert states == {DocumentState.SEARCHABLE: len(kept)}, states
        found = Counter(
            (matricule, hashlib.sha256(blobs.read(document.upload)).hexdigest()) for matricule, document in kept
        )
        lost = self.given.keys() - found.keys()
        assert not lost, f"lost: {[self.given[key].name for key in lost]}"
        assert set(found.values()) == {1}, "doubled documents"
        assert found.keys() == self.given.keys(), "documents that nobody gave"
        assert Counter(row[0] for row in job_rows) == Counter(d.document_id for _, d in kept), "jobs lost or doubled"
        assert {row[1] for row in job_rows} == {"done"}
        self._judge_promises(home, kept)
        self._judge_index(home, {d.document_id for _, d in kept})
        told = Counter(document for entry in shown if entry.outcome == "granted" for document in entry.documents)
        assert not list((self.settings.home / "blobs" / "partial").iterdir())
        return {"documents": len(kept), "acknowledged": len(self.acknowledged), "deposits in the journal": len(told)}

    def _judge_promises(self, home: Home, kept: list[tuple[str, Document]]) -> None:
        by_id = {document.document_id: (matricule, document) for matricule, document in kept}
        for key, promised in self.acknowledged.items():
            for document_id in promised - {""}:
                matricule, document = by_id[document_id]  # type: ignore[index]
                content = home.services.blobs.read(document.upload)
                assert (matricule, hashlib.sha256(content).hexdigest()) == key, "acknowledged as another document"
        words = {paper.key: paper.word for paper in self.given.values()}
        with home.services.records.read() as tx:
            for matricule, document in kept:
                content = home.services.blobs.read(document.upload)
                reading = readings.reading_without_scope(home.services.blobs, tx, document.document_id)
                assert reading is not None
                said = " ".join(page.text for page in reading.pages)
                assert words[matricule, hashlib.sha256(content).hexdigest()] in said, "not its true text"

    def _judge_index(self, home: Home, kept: set[Any]) -> None:
        report = home.bench.projector.verify(home.clock(), repair=False)
        assert (report.missing, report.different, report.extra, report.broken) == ((), (), (), ())
        lines = list(home.services.index.current().inventory_without_scope())
        assert Counter(line.document_id for line in lines) == Counter(kept), "documents doubled in the index"


@contextmanager
def ordeal(folder: Path, seed: int, **more: str) -> Iterator[Ordeal]:
    """A fresh home under `folder`. `more`: settings beside the home, the embedder and the reserve."""
    chosen: dict[str, str] = {"home": str(folder / "home"), "embedder": "none", "reserve": "0", **more}
    environment = {f"ANAMNESE_{name.upper()}": value for name, value in chosen.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "output").mkdir(exist_ok=True)
    zygote = Zygote(folder / "output")
    try:
        yield Ordeal(folder, seed, load_settings(**chosen), environment, zygote)
    finally:
        zygote.close()
