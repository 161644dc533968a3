"""Imports of FHIR NDJSON: a DocumentReference, or a Bundle that is a document, on each line.

The bytes of a DocumentReference stand in it, or in a Binary line of the same file, as `$export` writes them. An address
is a name to find that line by: nothing is ever fetched from it (decision 085).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import replace

from access.identifiers import INS_OIDS, PatientId, is_opaque_id
from access.refusal import Refusal
from ingest.bulk import Owner, Take, Took, addressed, indexed, kept, line_at
from ingest.ndjson import Index
from ingest.workbench import Workbench
from records import patients
from records.bulks import Bulk, Item
from search_api.fhir.check import faults
from search_api.fhir.clinical import PROVENANCE
from search_api.fhir.elements import Resource
from search_api.fhir.encounters import KIND as ENCOUNTER
from search_api.fhir.outcome import Malformed
from search_api.fhir.received import malformed, parsed
from search_api.fhir.statements import KINDS
from search_api.fhir.submission import UNRESOLVED, Submission, related_to, submitted
from search_api.fhir.words import each

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
STAY = Refusal(
    "ask",
    "line-not-taken",
    "Cette ligne dit un séjour : un séjour n'est tenu que du message (ADT) de l'établissement qui l'annonce.",
    "Rien à faire pour les documents ; gardez le fichier, ce séjour ne sera pas dans le dossier.",
)
BYTES = Refusal(
    "ask",
    "line-not-taken",
    "Cette ligne porte les octets d'un document : ils sont gardés avec le DocumentReference qui les désigne.",
    "Rien à faire si ce DocumentReference est dans le fichier ; sinon ajoutez-le.",
)
NO_BYTES = Refusal(
    "ask",
    "bytes-not-in-file",
    "L'adresse du contenu ne désigne pas une ligne Binary, et une seule, de ce fichier ; rien n'est cherché ailleurs.",
    "Joignez la ligne Binary au fichier, une fois, ou mettez les octets dans content.attachment.data.",
)
TWO_PEOPLE = Refusal(
    "identity",
    "bad-patient",
    "Deux lignes Patient de ce fichier portent le même id et ne disent pas la même identité.",
    "Donnez à chaque patient son id, ou envoyez un fichier par origine.",
)
IN_ERROR = Refusal(
    "ask",
    "entered-in-error",
    "Ce document a été annulé par qui l'a fait (entered-in-error) : il n'est pas importé.",
    "Rien à faire ; s'il ne l'est pas, corrigez son statut.",
)
BAD_INS = Refusal(
    "identity", "bad-patient", "L'INS de cette ligne n'a pas la forme ou la clé d'un INS.", "Vérifiez le numéro."
)
_DERIVED = frozenset({*(kind.type for kind in KINDS.values()), PROVENANCE})


def line_taker(bench: Workbench, owner: Owner) -> Take:
    """Deposits the lines of a file of this machine."""

    beside = Beside(bench)

    def take(bulk: Bulk, item: Item, line: bytes) -> Took:
        resource = parsed(line, xml=False)
        if resource.get("resourceType") == "Bundle":
            return bundle(bench, bulk, item, line)
        submission = submission_in(resource, bulk, beside)
        (document,) = submission.documents
        patient_id = _named(bench, owner, bulk, submission, beside.numbers(bulk, submission))
        stream = io.BytesIO(document.data)
        return patient_id, kept(bench, bulk, stream, patient_id, document.file_name, document.declared, document.kept)

    return each_line(bench, take)


def each_line(bench: Workbench, take: Callable[[Bulk, Item, bytes], Took]) -> Take:
    """Takes the lines of a file, given their bytes; what is malformed is a Refusal that names its places."""

    def one(bulk: Bulk, item: Item) -> Took:
        try:
            return take(bulk, item, line_at(bench, bulk, item.place, _longest(bench)))
        except Malformed as wrong:
            places = " ; ".join(f"{where} : {what}" for where, what in wrong.places[:5])
            raise Refusal(wrong.stage, wrong.code, f"{wrong.message} {places}", wrong.remedy) from None

    return one


def _longest(bench: Workbench) -> int:
    return bench.limits.bytes * 4 // 3 + 64 * 1024  # base64, and what describes it


def bundle(bench: Workbench, bulk: Bulk, item: Item, line: bytes) -> Took:
    """Deposits a Bundle, which says itself whose it is."""
    name = f"{os.path.basename(bulk.path)}-{item.number}.json"
    patient_id = addressed(bench, line, name)
    return patient_id, kept(bench, bulk, io.BytesIO(line), patient_id, name)


def submission_in(resource: Resource, bulk: Bulk, beside: Beside) -> Submission:
    """The one document of a line, with what it refers to in other lines. Refusals for any other line."""
    kind = str(resource.get("resourceType"))
    if kind != "DocumentReference":
        known = {"Patient": PERSON, "Binary": BYTES, ENCOUNTER: STAY} | dict.fromkeys(_DERIVED, DERIVED)
        raise known.get(kind, NOT_TAKEN)
    if wrong := list(faults(resource)):
        raise malformed(wrong)
    if resource.get("status") == "entered-in-error":
        raise IN_ERROR
    submission = submitted([resource], beside.binaries(bulk, resource))
    (document,) = submission.documents
    replaces, appends = (beside.names(bulk, said) for said in (document.replaces, document.appends))
    if replaces or appends:
        declared = related_to(document.declared, replaces="".join(replaces), appends="".join(appends))
        document = replace(document, declared=declared, replaces=(), appends=())
    return replace(submission, documents=(document,))


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
        if is_ins(system):
            return owner(value, bulk.creates)
    with bench.records.read() as tx:
        found = [patients.find_by_local_without_scope(tx, value, system) for system, value in numbers]
    for one in found:
        if one is not None:
            return one
    raise UNKNOWN


class Beside:
    """The other lines of a file, looked for when a line first refers to one; what they are is kept in memory alone."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._index: Index | None = None

    def numbers(self, bulk: Bulk, submission: Submission) -> Sequence[tuple[str, str]]:
        """(system, value) of a patient: of the Patient line that is referred to, or the identifier itself. Refusal
        "bad-patient": of two lines that contradict each other."""
        if not submission.reference:
            system, _, value = submission.identifier.rpartition("|")
            return [(system.removeprefix("urn:oid:"), value)]
        found = self._indexed(bulk).patients.get(_id_in(submission.reference, "Patient"), ())
        if found is None:
            raise TWO_PEOPLE
        return found

    def binaries(self, bulk: Bulk, reference: Resource) -> dict[str, Resource]:
        """The Binary line that the address of a content names, by that address. Refusal "bytes-not-in-file"."""
        found: dict[str, Resource] = {}
        for attachment in (one.get("attachment", {}) for one in each(reference.get("content"))):
            if "data" in attachment or "url" not in attachment:
                continue
            place = self._indexed(bulk).binaries.get(_id_in(attachment["url"], "Binary"))
            if place is None:
                raise NO_BYTES
            binary = parsed(line_at(self._bench, bulk, place, _longest(self._bench)), xml=False)
            if wrong := list(faults(binary)):
                raise malformed(wrong)
            found[attachment["url"]] = binary
        return found

    def names(self, bulk: Bulk, references: Sequence[str]) -> Sequence[str]:
        """The makers' name of the document of the file that a relation means, one at most. Refusal
        "reference-unresolved": of no line, or of one that has none."""
        found = [self._indexed(bulk).names.get(_id_in(one, "DocumentReference")) for one in references]
        if len(found) > 1 or not all(found):
            raise UNRESOLVED
        return [one for one in found if one]

    def _indexed(self, bulk: Bulk) -> Index:
        if self._index is None:
            self._index = indexed(self._bench, bulk)
        return self._index


def _id_in(reference: str, kind: str) -> str:
    """The id in "[address/]Kind/id[/_history/version]"; empty for any other."""
    parts = reference.partition("/_history/")[0].split("/")
    return parts[-1] if len(parts) > 1 and parts[-2] == kind else ""


def is_ins(system: str) -> bool:
    """Whether the numbers of this system are INS."""
    return system in INS_OIDS or not system
