"""Files made to break readers, through the whole pipeline: what became of each, and what it cost."""

from __future__ import annotations

import dataclasses
import http.client
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import uvicorn

from benchmarks.observed import Child, Memory, Observed
from benchmarks.report import table
from benchmarks.settings import say
from cli.compose import Home, open_home, resolve_patient
from cli.settings import load_settings
from ingest.batch import Outcome, deposit, finish
from samples.hostile import HOSTILE
from search_api.app import create_app
from search_api.tokens import issue_token

TITLE = "Hostile files"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "pdf_hostile"
PATIENT = "185037512345641"
READERS = 2
HUGE = 2 * 2**30  # bytes of the upload that is one too many
MIB = 2**20
_HOUR = timedelta(hours=1)


def measure() -> str:
    """A line a set, then every refusal by file, then the huge upload."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        settings = load_settings(home=Path(folder) / "home", embedder="none")
        home = held.enter_context(open_home(settings))
        sandbox = Observed()
        held.callback(sandbox.close)
        home = dataclasses.replace(home, bench=dataclasses.replace(home.bench, sandbox=sandbox))
        sets = {**_real(), **_made(Path(folder))}
        rows, details = [], []
        for name, files in sets.items():
            row, refused = _measured(home, sandbox, name, files)
            rows.append(row)
            details += refused
            say(str(row))
        isolation = sandbox.isolation().sentence()
        huge = _huge(home, Path(folder))
    head = [
        *("set", "files", "searchable", "quarantined", "refused by code", "not final", "children lost"),
        *("peak of a child (MiB)", "peak of all (MiB)", "slowest (s)"),
    ]
    return (
        f"OCR {settings.ocr}, {READERS} readers. Isolation: {isolation}. The parent lived through all of it. « Peak of "
        "all » is the worker's too, what processes share counted once; its children may use 1024 MiB together.\n\n"
        + table(head, rows)
        + "\n\n"
        + huge
        + "\n\n### What was refused of our own bombs\n\n"
        + table(["file", "code", "reason"], details)
    )


def _real() -> dict[str, list[Path]]:
    sets = sorted(path for path in DATA.iterdir() if path.is_dir())
    return {f"pdf_hostile/{path.name}": sorted(p for p in path.rglob("*") if p.is_file()) for path in sets}


def _made(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for kind, files in HOSTILE.items():
        place = folder / kind
        place.mkdir()
        for name, make in files.items():
            (place / name).write_bytes(make())
        found[f"our {kind}"] = sorted(place.iterdir())
    return found


def _measured(home: Home, sandbox: Observed, name: str, files: list[Path]) -> tuple[list[object], list[list[object]]]:
    patient = resolve_patient(home, PATIENT, create=True)
    before = len(sandbox.children)
    with Memory() as memory:
        deposits = [deposit(file, patient, home.bench, by="benchmark") for file in files]
        outcomes = finish(deposits, home.bench, readers=READERS)
    children = sandbox.children[before:]
    states = Counter(_state(one) for one in outcomes)
    codes = Counter(one.refusal.code for one in outcomes if one.refusal and _state(one) == "refused")
    final = states["searchable"] + states["quarantined"] + states["refused"]
    row = [
        *(name, len(files), states["searchable"], states["quarantined"]),
        ", ".join(f"{code} {count}" for code, count in codes.most_common()) or "none",
        *(len(files) - final, sum(bool(one.lost) for one in children)),
        *(
            f"{max((one.peak for one in children), default=0) / MIB:.0f}",
            f"{memory.peak / MIB:.0f}",
            _slowest(children),
        ),
    ]
    refused = [
        [one.deposit.file.name, one.refusal.code, one.refusal.message]
        for one in outcomes
        if one.refusal and name.startswith("our ")
    ]
    return row, refused


def _state(outcome: Outcome) -> str:
    return outcome.document.state.value if outcome.document else "refused"


def _slowest(children: list[Child]) -> str:
    worst = max(children, key=lambda one: one.seconds, default=None)
    return "" if worst is None else f"{worst.seconds:.1f} ({worst.name})"


def _huge(home: Home, folder: Path) -> str:
    """2 GiB sent to the API and given to the command: refused while it comes in, in flat memory."""
    status, grown = _sent(home)
    sparse = folder / "huge.pdf"
    with sparse.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(HUGE)
    environment = os.environ | {"ANAMNESE_HOME": str(folder / "home-of-command"), "ANAMNESE_EMBEDDER": "none"}
    command = [sys.executable, "-m", "cli", "ingest", str(sparse), "--patient", PATIENT, "--json"]
    done = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert done.stdout is not None
    said = done.stdout.read().decode()
    _, code, usage = os.wait4(done.pid, 0)
    reason = "too-large" if '"too-large"' in said else said[:200]
    return (
        f"A 2 GiB upload over HTTP: {status}, the service's memory grew by {grown / MIB:.0f} MiB. By the command: "
        f"{reason}, exit {os.waitstatus_to_exitcode(code)}, {usage.ru_maxrss / 1024:.0f} MiB resident at most."
    )


def _sent(home: Home) -> tuple[str, int]:
    patient = resolve_patient(home, PATIENT, create=True)
    server = uvicorn.Server(uvicorn.Config(create_app(home.services), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    token = issue_token(home.services, patient_id=patient, lifetime=_HOUR, now=home.clock())
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    with Memory() as memory:
        try:
            line.request(
                "POST",
                f"/v1/patients/{patient}/documents",
                body=_body(),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=b"},
                encode_chunked=True,
            )
            answer = line.getresponse()
            status = f"{answer.status} {answer.read()[:300].decode()}"
        except (BrokenPipeError, ConnectionResetError):
            answer = line.getresponse() if line.sock else None  # type: ignore[assignment]
            status = f"{answer.status}" if answer is not None else "connection closed by the service"
    server.should_exit = True
    thread.join()
    return status, memory.peak - (memory.samples[0][1] if memory.samples else 0)


def _body() -> Iterator[bytes]:
    yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="huge.pdf"\r\n\r\n%PDF-1.7\n'
    block = bytes(MIB)
    for _ in range(HUGE // MIB):
        yield block
    yield b"\r\n--b--\r\n"
