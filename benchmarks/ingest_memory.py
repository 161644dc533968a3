"""Memory of a worker while it reads 500 MB of documents and a scan of 300 pages: flat, or not."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from benchmarks.observed import Memory, Observed
from benchmarks.report import table
from benchmarks.settings import say
from cli.compose import Home, open_home, resolve_patient
from cli.settings import load_settings
from ingest.batch import deposit, finish
from records import jobs

TITLE = "Memory while ingesting"
MIB = 2**20
BULK = 500 * MIB
SCANNED = 300  # pages
READERS = 2
BAR = 1024  # MiB, a worker with its children, without the embedder
PATIENT = "185037512345641"


def measure() -> str:
    """A line a part: the most resident memory of this process and its descendants, in the course of the run."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        home = held.enter_context(open_home(load_settings(home=Path(folder) / "home", embedder="none")))
        sandbox = Observed()
        held.callback(sandbox.close)
        home = replace(home, bench=replace(home.bench, sandbox=sandbox))
        sandbox.isolation()
        rows = [
            _measured(home, sandbox, f"{BULK // MIB} MB in {len(files)} documents", files)
            for files in [list(_bulk(Path(folder)))]
        ]
        rows.append(_measured(home, sandbox, f"a scan of {SCANNED} pages", [_scan(Path(folder))]))
    head = [
        *("part", "searchable", "children", "most at 10 %", "at 30 %", "at 50 %", "at 70 %", "at 90 %"),
        *("most of all (MiB)", "most of a child (MiB)", "longest turn (s)", "minutes"),
    ]
    return (
        f"Memory (MiB) of the worker, the fork server, its children and Tesseract together, what they share counted "
        f"once; {READERS} readers, words only. The bar is {BAR}.\n\n" + table(head, rows)
    )


def _measured(home: Home, sandbox: Observed, name: str, files: list[Path]) -> list[object]:
    patient = resolve_patient(home, PATIENT, create=True)
    before = len(sandbox.children)
    with Memory() as memory:
        deposits = [deposit(file, patient, home.bench, by="benchmark") for file in files]
        outcomes = finish(deposits, home.bench, readers=READERS)
    children = sandbox.children[before:]
    searchable = sum(one.searchable for one in outcomes)
    with home.bench.records.read() as tx:
        assert jobs.progress(tx)["failed"] == 0
    row = [
        *(name, f"{searchable} of {len(files)}", len(children)),
        *(f"{memory.at(share) / MIB:.0f}" for share in (0.1, 0.3, 0.5, 0.7, 0.9)),
        *(f"{memory.peak / MIB:.0f}", f"{max(one.peak for one in children) / MIB:.0f}"),
        *(f"{max(one.seconds for one in children):.0f}", f"{memory.samples[-1][0] / 60:.1f}"),
    ]
    say(str(row))
    return row


def _bulk(folder: Path) -> Iterator[Path]:
    """PDFs of 10 MB, each with one page of text and a photograph that is a logo's size: bytes without OCR."""
    place, written, number = folder / "bulk", 0, 0
    place.mkdir()
    while written < BULK:
        pdf = FPDF()
        pdf.add_page()
        pdf.set_font("helvetica", size=11)
        pdf.multi_cell(0, 6, f"Compte rendu numéro {number}. Le patient va bien, le traitement est poursuivi. " * 20)
        noise = Image.effect_noise((1800, 1800), 90 + number % 20).convert("RGB")
        out = io.BytesIO()
        noise.save(out, "PNG", compress_level=0)
        pdf.image(out, x=10, y=250, w=11)
        path = place / f"{number}.pdf"
        pdf.set_compression(False)
        path.write_bytes(bytes(pdf.output()))
        written += path.stat().st_size
        number += 1
        yield path


def _scan(folder: Path) -> Path:
    """Pages at 200 dpi, with a few lines each, so that three hundred of them are read in minutes."""
    font = ImageFont.load_default(size=40)
    pdf = FPDF(unit="pt", format="A4")
    for number in range(1, SCANNED + 1):
        page = Image.new("L", (1654, 2339), 245)
        drawn = ImageDraw.Draw(page)
        for line in range(6):
            drawn.text((150, 200 + 90 * line), f"Page {number} ligne {line} : examen clinique normal ce jour", 20, font)
        out = io.BytesIO()
        page.save(out, "JPEG", quality=70)
        pdf.add_page()
        pdf.image(out, x=0, y=0, w=595)
    path = folder / "scan.pdf"
    path.write_bytes(bytes(pdf.output()))
    return path
