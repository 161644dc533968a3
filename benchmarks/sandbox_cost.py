"""What a child for each document costs: 500 small PDFs in the sandbox and in this process, batches by turns."""

from __future__ import annotations

import io
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from fpdf import FPDF

from benchmarks.report import table
from benchmarks.settings import say
from cli.compose import Home, open_home, resolve_patient
from cli.settings import load_settings
from ingest.limits import Limits
from ingest.parse import pages_of
from ingest.receive import receive
from ingest.sandbox.client import Ended, PageRead, Said, Sandbox
from ingest.sandbox.watch import use_of
from ingest.worker import drain
from ocr.null import NullOcr
from records.content import Page

TITLE = "Cost of the sandbox"
DOCUMENTS, BATCH, READERS = 500, 20, 2
PATIENT = "185037512345641"
BAR = 1.25
_WORDS = (
    *("patient", "douleur", "thoracique", "toux", "fièvre", "traitement", "examen", "clinique", "normal", "tension"),
    *("artérielle", "bilan", "biologique", "radiographie", "consultation", "suivi", "antécédent", "allergie"),
    *("pénicilline", "médecin", "service", "hospitalisation", "sortie", "ordonnance"),
)


class InProcess(Sandbox):
    """The same work without a child."""

    def read(
        self,
        chunks: Iterable[bytes],
        name: str,
        *,
        ocr: str,  # noqa: ARG002
        limits: Limits,
        kept: Iterable[int] = (),  # noqa: ARG002
    ) -> Iterator[Said]:
        stream = pages_of(b"".join(chunks), name, NullOcr(), limits)
        while True:
            try:
                page = next(stream)
            except StopIteration as end:
                yield Ended(end.value)
                return
            assert isinstance(page, Page)
            yield PageRead(page, False)


def measure() -> str:
    """Medians of ratios of batches that follow one another."""
    documents = [_pdf(number) for number in range(DOCUMENTS)]
    batches = [documents[at : at + BATCH] for at in range(0, DOCUMENTS, BATCH)]
    size = sum(map(len, documents)) / DOCUMENTS / 1024
    sandbox, inside = Sandbox(), InProcess()
    rows = []
    try:
        _read_all(sandbox, documents[:BATCH])
        _read_all(inside, documents[:BATCH])
        one = [(_timed(_read_all, sandbox, batch), _timed(_read_all, inside, batch)) for batch in batches]
        rows.append(_row("reading alone, one at a time", one))
        spent = [(_spent(sandbox, sandbox, batch), _spent(inside, sandbox, batch)) for batch in batches]
        rows.append(_row("reading alone, processor time", spent))
        two = [(_timed(_read_by_two, sandbox, batch), _timed(_read_by_two, inside, batch)) for batch in batches]
        rows.append(_row(f"reading alone, {READERS} at a time", two))
        rows.append(_row("whole ingestion, words only", _ingested(sandbox, inside, batches, "none")))
        rows.append(_row("whole ingestion, with the default embedder", _ingested(sandbox, inside, batches, "onnx")))
    finally:
        sandbox.close()
    return (
        f"{DOCUMENTS} PDFs of 1 to 3 pages, {size:.1f} KiB in the mean, no OCR; batches of {BATCH}, in the sandbox "
        f"and in this process by turns; ingestion by {READERS} readers. The bar is {BAR} for ingestion as the product "
        "does it by default, the last line. Processor time counts this process, the fork server and its children.\n\n"
        + table(["work", "sandbox (ms a document)", "in process (ms a document)", "median ratio of batches"], rows)
    )


def _row(name: str, pairs: list[tuple[float, float]]) -> list[object]:
    ratio = statistics.median(a / b for a, b in pairs)
    each = [statistics.median(times) * 1000 / BATCH for times in zip(*pairs, strict=True)]
    say(f"{name}: {ratio:.2f}")
    return [name, f"{each[0]:.1f}", f"{each[1]:.1f}", f"{ratio:.2f}"]


def _timed(work: object, sandbox: Sandbox, batch: list[bytes]) -> float:
    start = time.perf_counter()
    work(sandbox, batch)  # type: ignore[operator]
    return time.perf_counter() - start


def _spent(chosen: Sandbox, sandbox: Sandbox, batch: list[bytes]) -> float:
    """Seconds of processor: a busy machine changes them little."""

    def now() -> float:
        return time.process_time() + use_of(sandbox.server.pid()).cpu

    start = now()
    _read_all(chosen, batch)
    return now() - start


def _read_all(sandbox: Sandbox, batch: list[bytes]) -> None:
    for data in batch:
        _read(sandbox, data)


def _read_by_two(sandbox: Sandbox, batch: list[bytes]) -> None:
    with ThreadPoolExecutor(READERS) as pool:
        list(pool.map(lambda data: _read(sandbox, data), batch))


def _read(sandbox: Sandbox, data: bytes) -> None:
    said = list(sandbox.read([data], "a.pdf", ocr="none", limits=Limits()))
    assert isinstance(said[-1], Ended)
    assert len(said) >= 2


def _ingested(
    sandbox: Sandbox, inside: Sandbox, batches: list[list[bytes]], embedder: str
) -> list[tuple[float, float]]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        homes = [
            held.enter_context(open_home(load_settings(home=Path(folder) / name, embedder=embedder, ocr="none")))
            for name in ("sandbox", "inside")
        ]
        pair = [
            replace(home, bench=replace(home.bench, sandbox=one))
            for home, one in zip(homes, (sandbox, inside), strict=True)
        ]
        for home in pair:
            _ingest(home, [_pdf(DOCUMENTS + 1)])
        return [(_ingest(pair[0], batch), _ingest(pair[1], batch)) for batch in batches]


def _ingest(home: Home, batch: list[bytes]) -> float:
    """Seconds from the first claim to the last document in the index."""
    patient = resolve_patient(home, PATIENT, create=True)
    for data in batch:
        receive(
            io.BytesIO(data),
            patient_id=patient,
            file_name="a.pdf",
            origin="upload",
            deposited_by="benchmark",
            deposited_for="",
            blobs=home.bench.blobs,
            records=home.bench.records,
            now=home.clock(),
            limit=10**8,
        )
    readers = [threading.Thread(target=drain, args=(home.bench,)) for _ in range(READERS)]
    start = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return time.perf_counter() - start


def _pdf(number: int) -> bytes:
    choice = random.Random(number)
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for _ in range(choice.randint(1, 3)):
        pdf.add_page()
        for _ in range(choice.randint(15, 35)):
            pdf.cell(0, 7, " ".join(choice.choices(_WORDS, k=choice.randint(4, 11))), new_x="LMARGIN", new_y="NEXT")
    return bytes(pdf.output())
