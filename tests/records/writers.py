"""A process of writers, for the proof and the benchmark: `python -m tests.records.writers HOME THREADS EACH [URL]`.

Each thread records EACH documents with a journal entry, one transaction each, and prints the seconds of each, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from access.identifiers import PatientId
from records import documents, jobs, journal
from records.database import Records
from records.postgres import Server
from records.shelf import BlobRef
from tests.records.building import NOW, opened


def entry(patient_id: PatientId, who: str) -> journal.Entry:
    return journal.Entry(
        patient_id=patient_id,
        caller_kind="practitioner",
        caller=who,
        on_behalf="",
        role="10",
        purpose="care",
        action="deposit",
        outcome="granted",
        documents=(),
        query=None,
        policy_version="1",
        request_id=who,
        at=datetime.now(UTC),
    )


def write(records: Records, patient_id: PatientId, who: str) -> None:
    """What a deposit writes."""
    with records.write() as tx:
        document = documents.new_document(
            tx,
            patient_id=patient_id,
            upload=BlobRef(patient_id, f"upload-{'0' * 64}"),
            content_hash=who,
            size=1,
            media_type="text/plain",
            file_name="a.txt",
            origin="upload",
            deposited_by=who,
            deposited_for="",
            now=NOW,
        )
        jobs.enqueue(tx, document.document_id, patient_id, NOW)
        journal.append(tx, entry(patient_id, who))


def main(home_path: Path, threads: int, each: int, server: Server | None = None) -> None:
    seconds: list[float] = []
    failures: list[str] = []
    with opened(home_path, server=server) as home:
        with home.records.read() as tx:
            patient_id = PatientId(tx.session.connection().exec_driver_sql("SELECT patient_id FROM patients").scalar())

        def work(name: str) -> None:
            for number in range(each):
                began = time.perf_counter()
                try:
                    write(home.records, patient_id, f"{name}/{number}")
                except Exception as error:  # the proof counts them
                    failures.append(repr(error))
                seconds.append(time.perf_counter() - began)

        name = home.records.presence.name()
        running = [threading.Thread(target=work, args=(f"{name}/{n}",)) for n in range(threads)]
        print("ready", flush=True)
        sys.stdin.readline()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    print(json.dumps({"seconds": seconds, "failures": failures}), flush=True)


if __name__ == "__main__":
    url = sys.argv[4] if len(sys.argv) > 4 else None
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), None if url is None else Server(url))
