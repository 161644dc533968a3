"""What becomes of real documents: every file of ../shared/data's clinical folders through the pipeline, a home a set.

Their patient has no identity of ours, so that nothing is quarantined; words only, since vectors change no state.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from access.identifiers import PatientId
from benchmarks.report import table
from benchmarks.settings import say
from cli.compose import Home, open_home
from cli.settings import load_settings
from ingest.batch import Outcome, deposit, finish
from records import patients

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SCANS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".pdf")
SETS: dict[str, tuple[str, ...]] = {
    "cda_fr_ansforge": (".xml",),
    "ccda_hl7_examples": (".xml",),
    "ccda_sample_vendors": (".xml",),
    "hl7v2_fr_ansforge": (),
    "hl7v2_misc": (),
    "fhir_converter_samples": (),
    "fhir_r4_examples": (),
    "synthea_r4": (),
    "fr_notes_small": (),
    "ocr_tapuscorpus_fr": _SCANS,
    "ocr_misc": _SCANS,
}
"""Folder → endings of the files that are taken; none for all of them, licences and READMEs among them."""

TITLE = "Real documents: what became of each"
READERS = 2


def measure() -> str:
    """A line a set with the final states, then every reason of a refusal with how often it was given."""
    rows, reasons = [], []
    for name, endings in SETS.items():
        outcomes = _outcomes(name, endings)
        counts = Counter(_state(one) for one in outcomes)
        say(f"{name}: {', '.join(f'{count} {state}' for state, count in sorted(counts.items()))}")
        read = [one.document for one in outcomes if one.document and one.searchable]
        pages, unreadable = sum(one.pages for one in read), sum(len(one.unreadable_pages) for one in read)
        twins = sum(one.deposit.duplicate for one in outcomes)
        final = sum(counts[state] for state in ("searchable", "quarantined", "refused"))
        rows.append([name, len(outcomes), twins, *_counts(counts), len(outcomes) - final, pages, unreadable])
        reasons += _reasons(name, outcomes)
    head = ["set", "files", "of them twins", "searchable", "quarantined", "refused", "not final", "pages", "unreadable"]
    listed = table(["set", "code", "files", "sentence"], reasons)
    return table(head, rows) + "\n\nRefusals:\n\n" + listed


def _outcomes(name: str, endings: Sequence[str]) -> list[Outcome]:
    files = sorted(p for p in (DATA / name).rglob("*") if p.is_file() and (not endings or p.suffix.lower() in endings))
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home", embedder="none")
        with open_home(settings) as home:
            patient = _unknown_patient(home)
            deposits = [deposit(file, patient, home.bench, by="benchmark") for file in files]
            return finish(deposits, home.bench, readers=READERS)


def _unknown_patient(home: Home) -> PatientId:
    with home.services.records.write() as tx:
        unnamed = patients.Identity(None, "provisional", "", "", None, "U", "")
        return patients.create_patient(tx, unnamed, home.clock())


def _counts(counts: Counter[str]) -> list[int]:
    return [counts[state] for state in ("searchable", "quarantined", "refused")]


def _reasons(name: str, outcomes: Sequence[Outcome]) -> list[list[object]]:
    found = (one.refusal for one in outcomes if one.refusal is not None)
    refused = Counter((one.code, re.sub(r" \([^)]*\)", "", one.message)) for one in found)  # without message types
    return [[name, code, count, message] for (code, message), count in sorted(refused.items())]


def _state(outcome: Outcome) -> str:
    return outcome.document.state.value if outcome.document else "refused"
