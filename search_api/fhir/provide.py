"""Documents come in: IHE's ITI-65 (a transaction to `/fhir`), or one DocumentReference with its data.

The same way in as /v1: decide, store durably, journal, wake a worker. A document is read later; its description is
there at once (`docStatus` preliminary). The same bytes sent again are the same document, so what got no answer is sent
again.
"""

from __future__ import annotations

import io
import threading

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.acts import Act, may
from access.confidentiality import Asked, asked_by
from access.identifiers import DocumentId
from access.refusal import Refusal
from access.refusals import NOT_YOUR_ACT
from access.scope import Basis, CallerKind, Scope
from access.smart import Need
from ingest.receive import receive
from records.database import Tx
from records.documents import Document
from records.jobs import URGENT, USUAL
from search_api.documents import found
from search_api.fhir.counter import AtCounter, Counter
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer
from search_api.fhir.outcome import remark
from search_api.fhir.received import malformed, received
from search_api.fhir.references import reference_of, target_of
from search_api.fhir.submission import Submission, Submitted, related_to, submission_of, submitted
from search_api.fhir.words import document_part, each, joined
from search_api.multipart import place_in
from search_api.uploads import may_know, organization_of
from search_api.visit import Visit

MOST = 64 * 1024 * 1024
"""Bytes of a Bundle: it is held in memory, its documents a second time. Larger files go through /v1, as a stream."""
CREATE = Need("DocumentReference", "c")
NO_NAME = Refusal(
    "ask",
    "nothing-to-replace",
    "Le document visé n'a pas d'identifiant propre : il ne peut être ni remplacé ni complété.",
    "Déposez celui-ci comme un nouveau document.",
)


def provide_router(limit: int, places: int) -> APIRouter:
    """`limit`: bytes of a document. `places`: submissions at a time."""
    router = APIRouter(prefix="/fhir", include_in_schema=False)
    slots = threading.BoundedSemaphore(places)
    most = min(MOST, limit * 4 // 3 + 64 * 1024)

    def taken(request: Request, counter: Counter, *, bundle: bool) -> Response:
        counter.before_body("deposit", CREATE)
        with place_in(slots):
            sent = received(request, most)
            return (_transaction if bundle else _created)(request, counter, sent, limit)

    @router.post("")
    @router.post("/")
    def provide(request: Request, counter: AtCounter) -> Response:
        """ITI-65: all of a submission is checked before any of it is kept."""
        return taken(request, counter, bundle=True)

    @router.post("/DocumentReference")
    def create(request: Request, counter: AtCounter) -> Response:
        """One document, its bytes in `content.attachment.data`."""
        return taken(request, counter, bundle=False)

    return router


def _transaction(request: Request, counter: Counter, sent: Resource, limit: int) -> Response:
    kept = iter(deposit(counter, submission_of(sent), limit))
    entries = [{"response": _response(one["resource"]["resourceType"], kept)} for one in each(sent.get("entry"))]
    return answer(request, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def _response(kind: str, kept: object) -> Resource:
    if kind == "DocumentReference":
        return {"status": "201 Created", "location": f"DocumentReference/{next(kept)['id']}"}  # type: ignore[call-overload]
    said = {
        "List": "Le lot est gardé avec ses documents.",
        "Binary": "Les octets sont gardés comme document.",
        "Patient": "L'identité a servi à trouver le dossier ; elle n'est pas gardée.",
    }
    return {"status": "200 OK", "outcome": remark("information", "informational", said[kind])}


def _created(request: Request, counter: Counter, sent: Resource, limit: int) -> Response:
    if sent["resourceType"] != "DocumentReference":
        raise malformed([("Resource", "must be a DocumentReference")])
    (shown,) = deposit(counter, submitted([sent], {}), limit)
    version = f"/_history/{shown['meta']['versionId']}" if "meta" in shown else ""
    return answer(request, shown, 201, {"Location": counter.url(f"DocumentReference/{shown['id']}{version}")})


def deposit(counter: Counter, submission: Submission, limit: int) -> list[Resource]:
    """Store the documents of a submission and show how they are described now. Refusals as for a deposit under /v1."""
    desk = counter.desk
    named = submission.reference.split("/")[-1]
    patient = named or counter.patient_named(submission.identifier)
    visit = counter.visit(patient, "deposit", CREATE, counter.all_states)  # a version that waits is shown to its sender
    with visit.record() as (tx, scope):
        if not may(Act.DEPOSIT, scope):
            raise NOT_YOUR_ACT
        if any(len(one.data) > limit for one in submission.documents):
            raise malformed([("DocumentReference.content.attachment", f"over {limit} bytes")])
        related = [_related(counter, tx, scope, one) for one in submission.documents]
    try:
        names = [_keep(counter, visit, scope, one) for one in related]
    except Refusal as refusal:
        visit.refused(refusal)
        raise
    visit.granted(names)
    desk.services.wake()
    with desk.services.records.read() as tx:
        seen = visit.right(tx)
        return [_shown(counter, tx, seen, joined(visit.patient_id, name)) for name in names]


def _shown(counter: Counter, tx: Tx, scope: Scope, identity: str) -> Resource:
    """The description; for a depositor whose rights do not show it, that it is kept: a refusal would deny that."""
    try:
        return reference_of(tx, counter.desk, scope, found(tx, scope, document_part(identity)))
    except Refusal:
        text = "Le document est gardé ; vos autorisations ne le montrent pas."
        return remark("information", "informational", text) | {"id": identity}


def _related(counter: Counter, tx: Tx, scope: Scope, one: Submitted) -> Submitted:
    """With the names of what it replaces and completes: documents that are here and that this caller sees."""
    replaced = [_target(tx, scope, target) for target in one.replaces]
    if any(not _sent_by(counter, document) for document in replaced):
        raise NOT_YOUR_ACT  # a replaced document leaves every default view: its sender's to decide
    completed = [_target(tx, scope, target) for target in one.appends]
    names = [document.unique_id for document in (*replaced, *completed)]
    if not all(names) or len(replaced) > 1 or len(completed) > 1:
        raise NO_NAME
    declared = related_to(
        one.declared,
        replaces=replaced[0].unique_id if replaced else "",
        appends=completed[0].unique_id if completed else "",
    )
    return Submitted(one.data, one.file_name, declared, (), (), one.kept)


def _target(tx: Tx, scope: Scope, reference: str) -> Document:
    """A document of the same record; Refusal 404 for any other, as for one that never was."""
    return found(tx, scope, target_of(scope, reference))


def _sent_by(counter: Counter, document: Document) -> bool:
    organization = organization_of(counter.desk)
    theirs = bool(organization) and document.deposited_for == organization
    return theirs or document.deposited_by == counter.desk.caller.id


def _keep(counter: Counter, visit: Visit, scope: Scope, one: Submitted) -> DocumentId:
    desk = counter.desk
    organization = organization_of(desk)
    receipt = receive(
        io.BytesIO(one.data),
        patient_id=visit.patient_id,
        file_name=one.file_name,
        origin="own" if desk.caller.kind is CallerKind.PATIENT else "upload",
        deposited_by=desk.caller.id,
        deposited_for=organization,
        blobs=desk.services.blobs,
        records=desk.services.records,
        now=desk.now,
        limit=desk.services.upload_limit,
        declared=one.declared,
        admit=lambda twin: may_know(scope, twin, organization) and not hides_more(one.declared.confidentiality, twin),
        priority=URGENT if scope.basis in (Basis.BREAK_GLASS, Basis.REGULATION) else USUAL,
        submitted=one.kept,
    )
    return receipt.document_id


def hides_more(confidentiality: str, twin: Document) -> bool:
    """Whether labels ask to hide what is here already and nobody asked to hide: then the same bytes are one more
    document, whose mask spreads to those of its sender. What was asked once is not asked again: a person may have
    shown it since."""
    asked = asked_by(confidentiality).beyond(asked_by(twin.confidentiality))
    state = Asked(twin.masked, twin.hidden_since is not None, twin.hidden_from_representatives)
    return asked.beyond(state) != Asked(False, False, False)
