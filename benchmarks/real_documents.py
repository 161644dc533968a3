"""What becomes of real documents: each CDA file and scan of ../shared/data through the pipeline, one home a set."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.report import table
from benchmarks.settings import say
from cli.compose import open_home, resolve_patient
from cli.settings import load_settings
from ingest.batch import Outcome, deposit, finish

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = {
    "cda_fr_ansforge": (".xml",),
    "ocr_tapuscorpus_fr": (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pdf"),
    "ocr_misc": (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pdf"),
}
PATIENT = "279035121518989"  # whom most of the CDA files name; the others are quarantined in this record


TITLE = "Real documents: what became of each"
READERS = 2


def measure() -> str:
    """A table a set: a line a file with its final state, pages, unreadable pages, and the reason of a refusal."""
    parts = []
    for name, endings in SETS.items():
        files = sorted(p for p in (DATA / name).rglob("*") if p.suffix.lower() in endings)
        with tempfile.TemporaryDirectory() as folder, open_home(load_settings(home=Path(folder) / "home")) as home:
            patient = resolve_patient(home, PATIENT, create=True)
            deposits = [deposit(file, patient, home.bench, by="benchmark") for file in files]
            outcomes = finish(deposits, home.bench, readers=READERS)
        counts = Counter(_state(one) for one in outcomes)
        total = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        say(f"{name}: {total}")
        head = ["file", "state", "pages", "unreadable pages", "duplicate", "reason"]
        parts.append(f"### {name}\n\n{len(files)} files: {total}.\n\n" + table(head, [_row(one) for one in outcomes]))
    return "\n\n".join(parts)


def _state(outcome: Outcome) -> str:
    return outcome.document.state.value if outcome.document else "refused"


def _row(outcome: Outcome) -> list[object]:
    document, refusal = outcome.document, outcome.refusal
    reason = f"{refusal.code}: {refusal.message}" if refusal else ""
    pages, unreadable = (document.pages, len(document.unreadable_pages)) if document else (0, 0)
    twin = "yes" if outcome.deposit.duplicate else ""
    return [outcome.deposit.file.name, _state(outcome), pages, unreadable, twin, reason]
