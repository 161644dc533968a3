"""What a system sent to be imported, deposited item by item: the lines of FHIR NDJSON, the files of an archive.

Each deposit is journalled in the record where it goes. One whose patient is not known here is deposited like the
others, and waits in the tray: who sends is never told who is known.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from access.decide import POLICY_VERSION
from access.identifiers import PatientId, is_opaque_id, parse_ins
from ingest.addressee import addressee, subject_of
from ingest.bulk import Take, Took, addressed, folder_of_patient, kept, within
from ingest.bulk_archive import Archive, open_archive
from ingest.receive import Stream
from ingest.workbench import Workbench
from records import journal, patients
from records.bulks import Bulk, Item, Sent
from records.content import StatedPatient
from records.documents import Document
from records.journal import Entry
from search_api.bulk_lines import BAD_INS, Beside, bundle, each_line, is_ins, submission_in
from search_api.fhir.provide import hides_more
from search_api.fhir.received import parsed
from search_api.visit import PURPOSES

Numbers = Sequence[tuple[str, str]]
"""(system, value) identifiers of one patient."""


def sent_taker(bench: Workbench) -> Take:
    """Deposits what is in one file that came over HTTP."""
    lines, files = each_line(bench, _Lines(bench).take), _Files(bench)

    def take(bulk: Bulk, item: Item) -> Took:
        assert bulk.sent is not None
        took = files.take(bulk, bulk.sent, item) if item.part == "file" else lines(bulk, item)
        with bench.records.write() as tx:
            journal.append(tx, _entry(bulk, bulk.sent, took, bench.clock()))
        return took

    return take


class _Lines:
    """Deposits lines: to the patient whom each names, or to the tray."""

    def __init__(self, bench: Workbench) -> None:
        self._bench, self._beside = bench, Beside(bench)

    def take(self, bulk: Bulk, item: Item, line: bytes) -> Took:
        """Refusals: what is wrong with the line; of a part of this machine that is away."""
        assert bulk.sent is not None
        resource = parsed(line, xml=False)
        if resource.get("resourceType") == "Bundle":
            return bundle(self._bench, bulk, item, line)
        submission = submission_in(resource, bulk, self._beside)
        (document,) = submission.documents
        numbers = self._beside.numbers(bulk, submission)
        patient_id, waits = _whose(self._bench, submission.reference, numbers)
        subject = numbers or [("", submission.reference)]
        words = json.dumps({**json.loads(document.kept), "subject": subject}, ensure_ascii=False)
        admit = partial(_twin, bulk, bulk.sent, words if waits else None, document.declared.confidentiality)
        stream, declared = io.BytesIO(document.data), document.declared
        receipt = kept(self._bench, bulk, stream, patient_id, document.file_name, declared, words, admit)
        return patient_id, receipt


class _Files:
    """Deposits the files of an archive: to the patient whom a folder names, or the file itself, or to the tray."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._archive: Archive | None = None

    def take(self, bulk: Bulk, sent: Sent, item: Item) -> Took:
        """Refusals: what is wrong with the file; of a part of this machine that is away."""
        bench = self._bench
        if self._archive is None:
            self._archive = open_archive(bench, bulk)
        file = self._archive.at(item.place)
        folder, name = folder_of_patient(file.name), file.name.rpartition("/")[2]
        with self._archive.open(file) as expanding:
            stream: Stream = expanding
            if folder:
                patient_id, waits = _whose(bench, *_named_by(folder))
            else:
                data = within(expanding, bench.limits.bytes)
                stream, patient_id = io.BytesIO(data), addressed(bench, data, name)
                waits = patient_id == _tray(bench)
            said = folder or file.name.rpartition("/")[0].partition("/")[0]
            words = json.dumps({"subject": [("", said)]}, ensure_ascii=False) if waits and said else ""
            admit = partial(_twin, bulk, sent, words if waits else None, "")
            return patient_id, kept(bench, bulk, stream, patient_id, name, submitted=words, admit=admit)


def _named_by(folder: str) -> tuple[str, Numbers]:
    """What the name of a patient's folder is, as a line says it: a reference to our id, or an INS."""
    return (f"Patient/{folder}", ()) if is_opaque_id(folder) else ("", (("", folder),))


def _whose(bench: Workbench, reference: str, numbers: Numbers) -> tuple[PatientId, bool]:
    """Whose a deposit is by the numbers that name its patient, or our own id, without a word on who is known: nobody's
    is the tray's, which the second says. Two people are nobody."""
    name = reference.split("/")[-1]
    stated = [parse_ins(value, system) if system else parse_ins(value) for system, value in numbers if is_ins(system)]
    if None in stated:
        raise BAD_INS
    identifiers = tuple((one.matricule, one.oid) for one in stated if one is not None)
    local = tuple((value, system) for system, value in numbers if not is_ins(system))
    with bench.records.write() as tx:
        tray = patients.open_tray(tx, bench.clock())
        found = addressee(tx, [StatedPatient(identifiers=identifiers, local=local)])
        if not numbers and is_opaque_id(name) and patients.exists(tx, PatientId(name)):
            found = PatientId(name)
    return found or tray, found in (None, tray)


def _tray(bench: Workbench) -> PatientId:
    with bench.records.read() as tx:
        return patients.tray_id(tx.keys)


def _twin(bulk: Bulk, sent: Sent, waiting: str | None, confidentiality: str, twin: Document) -> bool:
    """Whether the same bytes are the same deposit: of this sender, hiding no more, and, where they wait for a patient
    (`waiting`: what they were sent with), said of the same person: in the tray two people's stand side by side."""
    theirs = twin.deposited_by == sent.by or bool(bulk.organization and twin.deposited_for == bulk.organization)
    same = waiting is None or subject_of(twin.submitted) == subject_of(waiting)
    return theirs and same and not hides_more(confidentiality, twin)


def _entry(bulk: Bulk, sent: Sent, took: Took, now: datetime) -> Entry:
    patient_id, receipt = took
    return Entry(
        patient_id=patient_id,
        caller_kind=sent.kind,
        caller=sent.by,
        on_behalf="",
        role="",
        purpose=PURPOSES[sent.kind],
        action="deposit",
        outcome="granted",
        documents=(receipt.document_id,),
        query=None,
        policy_version=POLICY_VERSION,
        request_id=bulk.bulk_id,
        at=now,
        detail="bulk",
    )
