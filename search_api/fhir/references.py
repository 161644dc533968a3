"""A document as a DocumentReference, and what can be asked of one.

    id           record.document            status    current | superseded | entered-in-error (cancelled)
    type         LOINC, or the ANS's own     date      when it was received
    docStatus    preliminary until it is read                 context.period   of what it tells

What its sender said in FHIR (ITI-65) and is nowhere else here is given back as it came: see provide.py.
"""

from __future__ import annotations

import json
from dataclasses import replace

from access.document_types import label_of
from access.identifiers import DocumentId
from access.scope import Scope
from records import documents
from records.database import Tx
from records.documents import Document, DocumentState
from search_api.desk import Desk
from search_api.documents import EXTENSIONS, item_of
from search_api.fhir.elements import Resource
from search_api.fhir.formats import versioned
from search_api.fhir.parameters import Parameter
from search_api.fhir.words import (
    FRENCH_CONFIDENTIALITY,
    OURS,
    coding,
    concept,
    day,
    document_part,
    filled,
    instant,
    joined,
    parted,
    type_coding,
    uri_of,
)
from search_api.marks import marks_of
from search_api.views import DocumentItem

PARAMETERS = {
    "patient": Parameter("reference"),
    "subject": Parameter("reference"),
    "patient.identifier": Parameter("token"),
    "subject.identifier": Parameter("token"),
    "_id": Parameter("token"),
    "identifier": Parameter("token", ("masterIdentifier", "identifier")),
    "status": Parameter("token"),
    "type": Parameter("token", ("type",)),
    "category": Parameter("token", ("category",)),
    "date": Parameter("date", ("date",)),
    "creation": Parameter("date", ("content.attachment.creation",)),
    "period": Parameter("date", ("context.period",)),
    "author": Parameter("string", ("author.display", "contained.name")),
    "author.family": Parameter("string", ("author.display", "contained.name")),
    "author.given": Parameter("string", ("author.display", "contained.name")),
    "facility": Parameter("token", ("context.facilityType",)),
    "setting": Parameter("token", ("context.practiceSetting",)),
    "event": Parameter("token", ("context.event",)),
    "format": Parameter("token", ("content.format",)),
    "contenttype": Parameter("token", ("content.attachment.contentType",)),
    "language": Parameter("token", ("content.attachment.language",)),
    "security-label": Parameter("token", ("securityLabel",)),
    "_lastUpdated": Parameter("date", ("meta.lastUpdated",)),
    "_content": Parameter("special"),
    "_text": Parameter("special"),
}
INCLUDES = frozenset({"DocumentReference:patient", "DocumentReference:subject"})
STATUS = {"approved": "current", "archived": "superseded", "deprecated": "superseded", "cancelled": "entered-in-error"}
CATEGORIES = f"{OURS}:category"
_LABELS = {
    "MASQUE_PS": "Masqué aux professionnels de santé",
    "INVISIBLE_PATIENT": "Non visible par le patient",
    "INVISIBLE_REPRESENTANTS_LEGAUX": "Non visible par les représentants légaux",
}


def reference_of(tx: Tx, desk: Desk, scope: Scope, document: Document) -> Resource:
    """A DocumentReference, to each what /v1 shows them: one whose patient is in doubt says its state and no more."""
    patient_id = scope.patient_id
    item = item_of(document, patient_id, marks_of(desk.services, scope, document, desk.now))
    doubtful = document.state is DocumentState.QUARANTINED or (item.refusal is not None and not item.type_code)
    identity = joined(patient_id, document.document_id)
    ours = {
        "resourceType": "DocumentReference",
        "id": identity,
        "masterIdentifier": None if doubtful or not document.unique_id else uri_of(document.unique_id),
        "identifier": [{"system": f"{OURS}:document", "value": document.document_id}],
        "status": STATUS[item.status],
        "docStatus": "final" if document.state is DocumentState.SEARCHABLE else "preliminary",
        "type": _type(item),
        "category": [concept(CATEGORIES, item.category)],
        "subject": {"reference": f"Patient/{patient_id}"},
        "date": instant(document.received_at),
        "author": [{"display": item.author}] if item.author else [],
        "custodian": {"display": item.organization} if item.organization else None,
        "description": item.title,
        "securityLabel": _labels(item),
        "content": [{"attachment": _attachment(document, item, identity)}],
        "context": {"period": {"start": day(item.event_date), "end": day(item.event_date)}}
        if item.event_date
        else None,
    }
    if document.submitted and not doubtful:
        sent = json.loads(document.submitted)["reference"]
        ours = completed(ours, sent | {"relatesTo": _seen(tx, desk, scope, sent.get("relatesTo", []))})
    return versioned(filled(ours), instant(document.searchable_at or document.received_at))


def _seen(tx: Tx, desk: Desk, scope: Scope, related: list[Resource]) -> list[Resource]:
    """The relations to documents of this record that the caller may see, in whatever state: any other would name one
    that is hidden."""
    if not related:
        return []
    whole = desk.visit(scope.patient_id, "list-documents", replace(desk.look, all_states=True)).right(tx)
    targets = [target_of(scope, str(one.get("target", {}).get("reference", ""))) for one in related]
    known = documents.get_documents(tx, whole, set(targets))
    return [one for one, target in zip(related, targets, strict=True) if target in known]


def target_of(scope: Scope, reference: str) -> DocumentId:
    """The document that a reference names in the Scope's record; a well-formed id of nothing for any other."""
    identity = reference.split("/_history/")[0].split("/")[-1]
    return document_part(identity if parted(identity)[0] == scope.patient_id else "")


_PEOPLE = frozenset({"Practitioner", "PractitionerRole", "Organization", "Device", "RelatedPerson"})
_KEPT = ("language", "extension", "author", "authenticator", "custodian", "relatesTo")
_KEPT_CONTEXT = ("extension", "encounter", "event", "facilityType", "practiceSetting")


def completed(ours: Resource, sent: Resource) -> Resource:
    """What a sender said of it beyond what is recorded here. What decides (identity, patient, state, labels, where its
    bytes are) is ours; of what it contains, who made it stays: a Patient's INS is not
    for everybody to read, and narratives are markup."""
    kept = {name: sent[name] for name in _KEPT if name in sent}
    contained = [
        {k: v for k, v in one.items() if k not in ("text", "contained")}
        for one in sent.get("contained", [])
        if one["resourceType"] in _PEOPLE
    ]
    context = {name: one for name, one in sent.get("context", {}).items() if name in _KEPT_CONTEXT}
    (own,), content = ours["content"], sent.get("content", [{}])[0]
    extra = {name: content[name] for name in ("extension", "format") if name in content}
    hashed = {name: content["attachment"][name] for name in ("extension", "hash") if name in content["attachment"]}
    period = {"period": sent["context"]["period"]} if "period" in sent.get("context", {}) else {}
    return {
        **ours,
        **kept,
        "contained": contained,
        "identifier": [*ours["identifier"], *sent.get("identifier", [])],
        "category": [*ours["category"], *sent.get("category", [])],
        "type": _with_displays(ours["type"], sent.get("type")),
        "securityLabel": [*ours["securityLabel"], *_telling(sent.get("securityLabel", []))],
        "content": [own | extra | {"attachment": own["attachment"] | hashed}],
        "context": {**(ours["context"] or {}), **context, **period},
    }


def _with_displays(ours: Resource | None, sent: Resource | None) -> Resource | None:
    """The sender's own coding of the type we have; another type is what the document says of itself since."""
    if ours is None or sent is None:
        return ours
    codes = {one.get("code") for one in ours["coding"]}
    return sent if codes & {one.get("code") for one in sent.get("coding", [])} else ours


def _telling(sent: list[Resource]) -> list[Resource]:
    """Labels that say nothing of who may see: what hides is what records say now."""
    return [one for one in sent if not {each.get("code") for each in one.get("coding", [])} & _HIDING]


_HIDING = frozenset({*_LABELS, "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE"})


def _type(item: DocumentItem) -> Resource | None:
    return {"coding": [type_coding(item.type_code, label_of(item.type_code))]} if item.type_code else None


def _labels(item: DocumentItem) -> list[Resource]:
    told = {
        "MASQUE_PS": item.masked,
        "INVISIBLE_PATIENT": bool(item.warning),
        "INVISIBLE_REPRESENTANTS_LEGAUX": item.hidden_from_representatives,
    }
    return [{"coding": [coding(FRENCH_CONFIDENTIALITY, code, _LABELS[code])]} for code, on in told.items() if on]


def _attachment(document: Document, item: DocumentItem, identity: str) -> Resource:
    known = item.media_type if item.media_type in EXTENSIONS else "application/octet-stream"
    return filled(
        {
            "contentType": known,
            "language": document.language.strip() if item.type_code else "",
            "url": f"Binary/{identity}",
            "size": item.size if item.size < 2**31 else None,
            "title": item.title,
            "creation": day(item.event_date),
        }
    )
