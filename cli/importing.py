"""Imports beside the service: whose documents are, and going on with what is to be imported as long as it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from access.identifiers import PatientId
from access.refusal import Refusal
from cli.compose import Home, resolve_patient
from ingest.bulk import Take, file_taker, run
from records import bulks, patients
from records.recovery import take_over
from search_api.bulk_lines import line_taker
from search_api.bulk_sent import sent_taker
from search_api.periodic import Periodic

EVERY = 5.0  # seconds between two looks at what is to be imported


@contextmanager
def importing(home: Home) -> Iterator[None]:
    """Imports in a thread; on leaving, stops after the document in hand."""
    over = threading.Event()
    with Periodic("bulk", EVERY, lambda: import_all(home, over.is_set)):
        try:
            yield
        finally:
            over.set()


def import_all(home: Home, stop: Callable[[], bool]) -> None:
    """Go on with every import that nobody else works on, the oldest first."""
    with home.bench.records.read() as tx:
        running = [each for each in bulks.every(tx) if each.state == "running"]
    if running:
        take_over(home.bench.records)
    for each in reversed(running):
        with suppress(Refusal):  # another process has it, or a part of this machine is away: the next look
            run(home.bench, each.bulk_id, taker(home, each), moved=home.wake, stop=stop)


def taker(home: Home, bulk: bulks.Bulk) -> Take:
    """What deposits the items of an import."""
    if bulk.sent is not None:
        return sent_taker(home.bench)
    make = file_taker if bulk.kind == "folder" else line_taker
    return make(home.bench, lambda name, create: owner_of(home, name, create=create))


def owner_of(home: Home, name: str, *, create: bool) -> PatientId:
    """The patient of an INS or a patient id that files come under; Refusal "unknown-patient" when no record is open."""
    patient_id = resolve_patient(home, name, create=create)
    with home.services.records.read() as tx:
        if not patients.exists(tx, patient_id):
            raise Refusal(
                "identity",
                "unknown-patient",
                "Aucun dossier de patient n'est ouvert pour cet identifiant.",
                "Vérifiez-le, ou faites ouvrir le dossier du patient ; les fichiers seront pris aussitôt.",
            )
    return patient_id
