"""DocumentReference: search (ITI-67), read, history. The same lists, door and journal as /v1.

    decide ─ the Scope's documents, newest first ─ those that match ─ a page ─ journal ─ answer

`_content` and `_text` ask the search itself, in its order of relevance.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.identifiers import DocumentId
from access.scope import Scope
from access.smart import Need
from records import documents
from records.database import Tx
from records.documents import Document
from records.former import former_documents
from search_api.ask import answer as ask
from search_api.cursors import BAD_CURSOR
from search_api.documents import found
from search_api.fhir.bundles import Links, searchset
from search_api.fhir.counter import PATIENT_NEEDED, AtCounter, Counter, Sent
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer, versioned
from search_api.fhir.history import NO_SUCH_RESOURCE, history_of
from search_api.fhir.outcome import bad_parameter
from search_api.fhir.parameters import Asked, matches, understood
from search_api.fhir.patients import patient_of
from search_api.fhir.references import INCLUDES, PARAMETERS, reference_of
from search_api.fhir.words import document_part, parted
from search_api.finding import SearchRequest
from search_api.visit import Look, patient_id_of

router = APIRouter(prefix="/fhir", include_in_schema=False)
KIND = "DocumentReference"
SEARCH, READ = Need(KIND, "s"), Need(KIND, "r")
_MOST_WORDS = 2000  # characters of a question, as under /v1
_MOST_HITS = 50  # documents in one answer of the search, as under /v1


@router.get(f"/{KIND}")
@router.post(f"/{KIND}/_search")
def search(request: Request, counter: AtCounter, sent: Sent) -> Response:
    """Those of one patient, newest first; with `_content` or `_text` by relevance."""
    links = Links(counter, KIND)
    pairs, position = links.read(sent)
    asked = understood(pairs, PARAMETERS, strict=counter.strict, includes=INCLUDES)
    words = " ".join([*asked.values("_content"), *asked.values("_text")])
    if len(words) > _MOST_WORDS:
        raise bad_parameter("_content", f"over {_MOST_WORDS} characters")
    page = _by_words if words else _listed
    return answer(request, page(counter, asked, links, pairs, position, words))


@router.get(f"/{KIND}/{{identity}}")
def read(request: Request, identity: str, counter: AtCounter) -> Response:
    """One, with its version as ETag."""
    return answer(request, _read(counter, identity))


@router.get(f"/{KIND}/{{identity}}/_history")
def history(request: Request, identity: str, counter: AtCounter) -> Response:
    """What it is, and the versions that it replaced, newest first. Earlier words of one description are not kept."""
    patient, _ = parted(identity)
    visit = counter.visit(patient, "read-document", READ, counter.all_states)
    with visit.record() as (tx, scope):
        shown = _versions(tx, counter, scope, identity)
    visit.granted([name for name, _ in shown])
    return answer(request, history_of(counter, [one for _, one in shown]))


@router.get(f"/{KIND}/{{identity}}/_history/{{version}}")
def vread(request: Request, identity: str, version: str, counter: AtCounter) -> Response:
    """One version of its history."""
    patient, _ = parted(identity)
    visit = counter.visit(patient, "read-document", READ, counter.all_states)
    with visit.record() as (tx, scope):
        kept = _versions(tx, counter, scope, identity)
        named = [(name, one) for name, one in kept if one["meta"]["versionId"] == version]
        if not named:
            raise NO_SUCH_RESOURCE
    ((name, shown), *_) = named
    visit.granted([name])
    return answer(request, shown)


def _versions(tx: Tx, counter: Counter, scope: Scope, identity: str) -> list[tuple[DocumentId, Resource]]:
    """A document and those that it replaced, each as a version of it: under its id, with bytes and names of its own."""
    document = found(tx, scope, document_part(identity))
    current = reference_of(tx, counter.desk, scope, document)
    shown = [(document.document_id, current)]
    for older in former_documents(tx, scope, document.document_id):
        own = reference_of(tx, counter.desk, scope, older)
        version = versioned(own | {"id": current["id"], "meta": {}}, own["meta"]["lastUpdated"])
        shown.append((older.document_id, version))
    return shown


def _read(counter: Counter, identity: str) -> Resource:
    patient, _ = parted(identity)
    visit = counter.visit(
        patient, "read-document", READ, Look(all_states=True, regulation=counter.desk.look.regulation)
    )
    with visit.record() as (tx, scope):
        document = found(tx, scope, document_part(identity))
        shown = reference_of(tx, counter.desk, scope, document)
    visit.granted([document.document_id])
    return shown


def record_of(counter: Counter, asked: Asked) -> str:
    """The record that a search is about: named, by an identifier, by ids, or a patient's own. Refusal 400 for none and
    for two names, though both may be of one record: comparing them would tell a stranger that they are."""
    named = {patient_of_reference(one) for name in ("patient", "subject") if (one := asked.one(name))}
    presented = [one for name in ("patient.identifier", "subject.identifier") if (one := asked.one(name))]
    if len(named) + len(presented) > 1:
        raise bad_parameter("patient", "one name of one patient")
    named |= {counter.patient_named(one) for one in presented}
    ids = {parted(one)[0] for one in asked.values("_id")}
    named = named or ids or ({counter.own} if counter.own else set())
    if not named:
        raise PATIENT_NEEDED
    if len(named) > 1:
        raise bad_parameter("_id", "of several patients")
    return named.pop()


def patient_of_reference(text: str) -> str:
    """The id in "Patient/id", its whole address, or the id alone."""
    return text.rstrip("/").split("/")[-1]


def _look(counter: Counter, asked: Asked) -> Look:
    """The states asked for: the approved ones unless others are named."""
    others = set(asked.values("status")) - {"current"} or asked.values("_id")
    return counter.all_states if others else counter.desk.look


def _listed(counter: Counter, asked: Asked, links: Links, pairs: list[tuple[str, str]], at: str, _: str) -> Resource:
    visit = counter.visit(record_of(counter, asked), "list-documents", SEARCH, _look(counter, asked))
    with visit.record() as (tx, scope):
        after = links.start(scope, at)
        wanted = asked.count if asked.summary != "count" else 0
        matching = _matching(counter, tx, scope, asked, after)
        shown = list(islice(matching, wanted))
        further = next(matching, None) if wanted else None
        rest = sum(1 for _ in matching) + (further is not None) if not wanted else None
        total = rest if not wanted else len(shown) if further is None and not after else None
        following = links.to(scope, pairs, shown[-1][0]) if further is not None and shown else ""
        included = _included(counter, tx, scope, asked) if shown else []
    visit.granted([name for name, _ in shown])
    own = links.own(pairs, at)
    found_here = [one for _, one in shown]
    return searchset(counter, asked, found_here, own=own, following=following, total=total, included=included)


def _matching(
    counter: Counter, tx: Tx, scope: Scope, asked: Asked, after: str
) -> Iterator[tuple[DocumentId, Resource]]:
    """The Scope's documents that meet what is asked, in order, from behind `after` on."""
    if asked.sort:
        whole = [(name, one) for name, one in _rendered(counter, tx, scope, _all(tx, scope, "", asked.count), asked)]
        for name in reversed(asked.sort):
            path = PARAMETERS[name.removeprefix("-")].paths[0]
            whole.sort(key=lambda pair: _value_at(pair[1], path), reverse=name.startswith("-"))
        names = [name for name, _ in whole]
        if after and after not in names:
            raise BAD_CURSOR
        yield from whole[names.index(DocumentId(after)) + 1 if after else 0 :]
        return
    if after and documents.get_document(tx, scope, DocumentId(after)) is None:
        raise BAD_CURSOR  # it left the Scope meanwhile: better to start again than to seem to end
    yield from _rendered(counter, tx, scope, _all(tx, scope, after, asked.count), asked)


def _rendered(
    counter: Counter, tx: Tx, scope: Scope, listed: Iterator[Document], asked: Asked
) -> Iterator[tuple[DocumentId, Resource]]:
    ids = {document_part(one) for one in asked.values("_id")}
    states = set(asked.values("status"))
    for document in listed:
        if ids and document.document_id not in ids:
            continue
        shown = reference_of(tx, counter.desk, scope, document)
        if (not states or shown["status"] in {one.rpartition("|")[2] for one in states}) and matches(
            shown, asked, PARAMETERS
        ):
            yield document.document_id, shown


def _all(tx: Tx, scope: Scope, after: str, step: int) -> Iterator[Document]:
    """The Scope's documents by the page, so that a first page opens no more than it shows."""
    last = DocumentId(after) if after else None
    size = step + 1
    while True:
        page = documents.list_documents(tx, scope, limit=size, after=last)
        yield from page
        if len(page) < size:
            return
        last, size = page[-1].document_id, min(size * 2, 400)


def _value_at(resource: Resource, path: str) -> str:
    found: object = resource
    for part in path.split("."):
        found = found[0] if isinstance(found, list) and found else found
        found = found.get(part) if isinstance(found, dict) else None
    return str(found.get("start", "")) if isinstance(found, dict) else str(found or "")


def _included(counter: Counter, tx: Tx, scope: Scope, asked: Asked) -> list[Resource]:
    return [patient_of(tx, scope)] if asked.includes and counter.reaches("Patient", scope.patient_id) else []


def _by_words(
    counter: Counter, asked: Asked, links: Links, pairs: list[tuple[str, str]], at: str, words: str
) -> Resource:
    """What the search of /v1 answers, as DocumentReferences. Its own cursor is the position, bound to the right."""
    patient_id = patient_id_of(record_of(counter, asked))
    visit = counter.visit(patient_id, "search", SEARCH, _look(counter, asked))
    codes = frozenset(one.rpartition("|")[2] for one in asked.values("type"))
    wanted = SearchRequest(words, limit=min(asked.count, _MOST_HITS) or 1, type_codes=codes, cursor=at or None)
    desk = counter.desk
    told = ask(desk.services, desk.caller, patient_id, wanted, desk.now, desk.request_id, visit.look)
    with desk.services.records.read() as tx:  # what is shown is journalled by the search; here it is opened again
        scope = visit.right(tx)
        known = documents.get_documents(tx, scope, [DocumentId(hit.document.id) for hit in told.hits])
        ordered = iter([known[DocumentId(hit.document.id)] for hit in told.hits if hit.document.id in known])
        shown = [one for _, one in _rendered(counter, tx, scope, ordered, asked)]
        included = _included(counter, tx, scope, asked) if shown else []
    following = links.own(pairs, told.next) if told.next else ""
    narrowed = any(PARAMETERS[name].paths for name, _ in asked.narrowing if name != "type") or asked.values("_id")
    total = None if narrowed else told.total
    own = links.own(pairs, at)
    return searchset(counter, asked, shown, own=own, following=following, total=total, included=included)
