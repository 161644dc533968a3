"""Imports of FHIR NDJSON: a DocumentReference with its bytes, or a Bundle that is a document, on each line."""

from __future__ import annotations

import io
import os

from access.identifiers import INS_OIDS, PatientId, is_opaque_id
from access.refusal import Refusal
from ingest.bulk import Owner, Take, Took, addressed, kept, line_of
from ingest.workbench import Workbench
from records import patients
from records.bulks import Bulk, Item
from search_api.fhir.check import faults
from search_api.fhir.outcome import Malformed
from search_api.fhir.received import malformed, parsed
from search_api.fhir.submission import UNRESOLVED, Submission, submitted

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


def line_taker(bench: Workbench, owner: Owner) -> Take:
    """Deposits the lines of a file."""
    most = bench.limits.bytes * 4 // 3 + 64 * 1024  # base64, and what describes it

    def take(bulk: Bulk, item: Item) -> Took:
        try:
            return _taken(bench, owner, bulk, item, line_of(bulk, item, most))
        except Malformed as wrong:
            places = " ; ".join(f"{where} : {what}" for where, what in wrong.places[:5])
            raise Refusal(wrong.stage, wrong.code, f"{wrong.message} {places}", wrong.remedy) from None

    return take


def _taken(bench: Workbench, owner: Owner, bulk: Bulk, item: Item, line: bytes) -> Took:
    resource = parsed(line, xml=False)
    if resource.get("resourceType") == "Bundle":
        name = f"{os.path.basename(bulk.path)}-{item.number}.json"
        patient_id = addressed(bench, line, name)
        return patient_id, kept(bench, bulk, io.BytesIO(line), patient_id, name)
    if resource.get("resourceType") != "DocumentReference":
        raise NOT_TAKEN
    if wrong := list(faults(resource)):
        raise malformed(wrong)
    submission = submitted([resource], {})
    (document,) = submission.documents
    if document.replaces or document.appends:  # a line's neighbours have no identity here yet
        raise UNRESOLVED
    patient_id = _named(bench, owner, bulk, submission)
    stream = io.BytesIO(document.data)
    return patient_id, kept(bench, bulk, stream, patient_id, document.file_name, document.declared, document.kept)


def _named(bench: Workbench, owner: Owner, bulk: Bulk, submission: Submission) -> PatientId:
    """Whose a DocumentReference is: by our own id, an INS, or a number that we know by its assigner."""
    if submission.reference:
        name = submission.reference.split("/")[-1]
        if not is_opaque_id(name):
            raise UNKNOWN
        return owner(name, False)
    system, _, value = submission.identifier.rpartition("|")
    oid = system.removeprefix("urn:oid:")
    if oid in INS_OIDS or not system:
        return owner(value, bulk.creates)
    with bench.records.read() as tx:
        found = patients.find_by_local_without_scope(tx, value, oid)
    if found is None:
        raise UNKNOWN
    return found
