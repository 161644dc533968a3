"""Imports of FHIR NDJSON: a DocumentReference with its bytes, or a Bundle that is a document, on each line."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from access.decide import POLICY_VERSION
from access.identifiers import INS_OIDS, PatientId, is_opaque_id, parse_ins
from access.refusal import Refusal
from ingest.addressee import addressee, subject_of
from ingest.bulk import Owner, Take, Took, addressed, kept, line_of, patients_in
from ingest.ndjson import Patients
from ingest.workbench import Workbench
from records import journal, patients
from records.bulks import Bulk, Item, Sent
from records.content import StatedPatient
from records.documents import Document
from records.journal import Entry
from search_api.fhir.check import faults
from search_api.fhir.clinical import PROVENANCE
from search_api.fhir.elements import Resource
from search_api.fhir.outcome import Malformed
from search_api.fhir.provide import hides_more
from search_api.fhir.received import malformed, parsed
from search_api.fhir.statements import KINDS
from search_api.fhir.submission import UNRESOLVED, Submission, Submitted, submitted
from search_api.visit import PURPOSES

UNKNOWN = Refusal(
    "identity",
    "unknown-patient",
    "Aucun dossier de patient n'est ouvert pour cet identifiant.",
    "Faites ouvrir le dossier, ou importez avec --create un INS ; puis « anamnese bulk resume --retry ».",
)
NOT_TAKEN = Refusal(
    "ask",
    "line-not-taken",
    "Cette ligne n'est ni un DocumentReference ni un Bundle.",
    "Envoyez des documents ; les autres ressources ne sont pas importées.",
)
PERSON = Refusal(
    "ask",
    "line-not-taken",
    "Cette ligne dit une identité : elle sert à savoir de qui sont les documents du fichier, et n'est pas gardée.",
    "Rien à faire si le dossier du patient est ouvert ici.",
)
DERIVED = Refusal(
    "ask",
    "line-not-taken",
    "Cette ligne dit ce que disent des documents : ce service le lit de nouveau dans les documents eux-mêmes.",
    "Rien à faire si le document dont elle vient est dans le fichier ; sinon envoyez-le.",
)
BAD_INS = Refusal(
    "identity", "bad-patient", "L'INS de cette ligne n'a pas la forme ou la clé d'un INS.", "Vérifiez le numéro."
)
_DERIVED = frozenset({*(kind.type for kind in KINDS.values()), PROVENANCE})


def line_taker(bench: Workbench, owner: Owner) -> Take:
    """Deposits the lines of a file of this machine."""

    people = _People(bench)

    def take(bulk: Bulk, item: Item, line: bytes) -> Took:
        resource = parsed(line, xml=False)
        if resource.get("resourceType") == "Bundle":
            return _bundle(bench, bulk, item, line)
        submission = _submission(resource)
        (document,) = submission.documents
        patient_id = _named(bench, owner, bulk, submission, people.numbers(bulk, submission))
        stream = io.BytesIO(document.data)
        return patient_id, kept(bench, bulk, stream, patient_id, document.file_name, document.declared, document.kept)

    return _each_line(bench, take)


def sent_taker(bench: Workbench) -> Take:
    """Deposits the lines of a file that came over HTTP, each journalled in the record where it goes. One whose patient
    is not known here is deposited like the others, and waits in the tray."""

    people = _People(bench)

    def take(bulk: Bulk, item: Item, line: bytes) -> Took:
        assert bulk.sent is not None
        resource = parsed(line, xml=False)
        if resource.get("resourceType") == "Bundle":
            took = _bundle(bench, bulk, item, line)
        else:
            submission = _submission(resource)
            (document,) = submission.documents
            numbers = people.numbers(bulk, submission)
            patient_id = _whose(bench, submission, numbers)
            subject = numbers or [("", submission.reference)]
            words = json.dumps({**json.loads(document.kept), "subject": subject}, ensure_ascii=False)
            document = replace(document, kept=words)
            admit = partial(_twin, bulk, bulk.sent, document)
            stream, declared = io.BytesIO(document.data), document.declared
            receipt = kept(bench, bulk, stream, patient_id, document.file_name, declared, document.kept, admit)
            took = patient_id, receipt
        with bench.records.write() as tx:
            journal.append(tx, _entry(bulk, bulk.sent, took, bench.clock()))
        return took

    return _each_line(bench, take)


def _each_line(bench: Workbench, take: Callable[[Bulk, Item, bytes], Took]) -> Take:
    most = bench.limits.bytes * 4 // 3 + 64 * 1024  # base64, and what describes it

    def one(bulk: Bulk, item: Item) -> Took:
        try:
            return take(bulk, item, line_of(bench, bulk, item, most))
        except Malformed as wrong:
            places = " ; ".join(f"{where} : {what}" for where, what in wrong.places[:5])
            raise Refusal(wrong.stage, wrong.code, f"{wrong.message} {places}", wrong.remedy) from None

    return one


def _bundle(bench: Workbench, bulk: Bulk, item: Item, line: bytes) -> Took:
    name = f"{os.path.basename(bulk.path)}-{item.number}.json"
    patient_id = addressed(bench, line, name)
    return patient_id, kept(bench, bulk, io.BytesIO(line), patient_id, name)


def _submission(resource: Resource) -> Submission:
    kind = str(resource.get("resourceType"))
    if kind != "DocumentReference":
        raise PERSON if kind == "Patient" else DERIVED if kind in _DERIVED else NOT_TAKEN
    if wrong := list(faults(resource)):
        raise malformed(wrong)
    submission = submitted([resource], {})
    (document,) = submission.documents
    if document.replaces or document.appends:  # a line's neighbours have no identity here yet
        raise UNRESOLVED
    return submission


def _named(
    bench: Workbench, owner: Owner, bulk: Bulk, submission: Submission, numbers: Sequence[tuple[str, str]]
) -> PatientId:
    """Whose a DocumentReference is: by a Patient line, our own id, an INS, or a number that we know by its assigner."""
    name = submission.reference.split("/")[-1]
    if not numbers:
        if not is_opaque_id(name):
            raise UNKNOWN
        return owner(name, False)
    for system, value in numbers:
        if _is_ins(system):
            return owner(value, bulk.creates)
    with bench.records.read() as tx:
        found = [patients.find_by_local_without_scope(tx, value, system) for system, value in numbers]
    for one in found:
        if one is not None:
            return one
    raise UNKNOWN


def _whose(bench: Workbench, submission: Submission, numbers: Sequence[tuple[str, str]]) -> PatientId:
    """The same, without a word on who is known: nobody's is the tray's. Two people are nobody."""
    name = submission.reference.split("/")[-1]
    stated = [parse_ins(value, system) if system else parse_ins(value) for system, value in numbers if _is_ins(system)]
    if None in stated:
        raise BAD_INS
    identifiers = tuple((one.matricule, one.oid) for one in stated if one is not None)
    local = tuple((value, system) for system, value in numbers if not _is_ins(system))
    with bench.records.write() as tx:
        tray = patients.open_tray(tx, bench.clock())
        found = addressee(tx, [StatedPatient(identifiers=identifiers, local=local)])
        if not numbers and is_opaque_id(name) and patients.exists(tx, PatientId(name)):
            found = PatientId(name)
    return found or tray


class _People:
    """Whom the Patient lines of a file name, looked for when a line first refers to one; kept in memory alone."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._named: Patients | None = None

    def numbers(self, bulk: Bulk, submission: Submission) -> Sequence[tuple[str, str]]:
        """(system, value) of a patient: of the Patient line that is referred to, or the identifier itself."""
        if not submission.reference:
            system, _, value = submission.identifier.rpartition("|")
            return [(system.removeprefix("urn:oid:"), value)]
        if self._named is None:
            self._named = patients_in(self._bench, bulk)
        return self._named.get(submission.reference.split("/")[-1], ())


def _is_ins(system: str) -> bool:
    return system in INS_OIDS or not system


def _twin(bulk: Bulk, sent: Sent, sending: Submitted, twin: Document) -> bool:
    """Whether the same bytes are the same deposit: of this sender, hiding no more, and said of the same person: in the
    tray two people's stand side by side."""
    theirs = twin.deposited_by == sent.by or bool(bulk.organization and twin.deposited_for == bulk.organization)
    same = subject_of(twin.submitted) == subject_of(sending.kept)
    return theirs and same and not hides_more(sending.declared.confidentiality, twin)


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
