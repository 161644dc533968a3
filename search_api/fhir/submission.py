"""From DocumentReferences that a system sends to deposits: whose they are, what they declare, their bytes.

    transaction Bundle (ITI-65): List, DocumentReferences, Binaries        or one DocumentReference with its data

Everything that can be refused is refused before a byte is kept.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import uuid4

from access.document_types import EQUIVALENT, TYPES
from access.refusal import Refusal
from records.content import Metadata
from search_api.fhir.elements import Resource
from search_api.fhir.received import malformed
from search_api.fhir.words import each

MOST_ENTRIES = 100
_TAKEN = frozenset({"List", "DocumentReference", "Binary", "Patient"})
UNRESOLVED = Refusal(
    "ask",
    "reference-unresolved",
    "Une référence ne mène à rien que vous puissiez voir.",
    "Joignez la ressource au lot, ou corrigez la référence.",
)
ONE_PATIENT = Refusal(
    "ask", "reference-unresolved", "Un lot ne concerne qu'un seul patient.", "Envoyez un lot par patient."
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """One document to deposit. `replaces` and `appends`: FHIR references to documents that are here."""

    data: bytes
    file_name: str
    declared: Metadata
    replaces: tuple[str, ...]
    appends: tuple[str, ...]
    kept: str


@dataclass(frozen=True, slots=True)
class Submission:
    """Documents of one patient, named by a reference ("Patient/…") or an identifier ("system|value")."""

    reference: str
    identifier: str
    documents: tuple[Submitted, ...]


def submission_of(bundle: Resource) -> Submission:
    """What a transaction brings. Refusals: 400 with its places, "reference-unresolved"."""
    entries = each(bundle.get("entry"))
    wrong = list(_entry_faults(bundle, entries))
    if wrong:
        raise malformed(wrong)
    named = {str(one.get("fullUrl", "")): one["resource"] for one in entries}
    lists = [one["resource"] for one in entries if one["resource"]["resourceType"] == "List"]
    references = [one["resource"] for one in entries if one["resource"]["resourceType"] == "DocumentReference"]
    return submitted(references, named, lists[0] if lists else None)


def _entry_faults(bundle: Resource, entries: list[Resource]) -> Iterator[tuple[str, str]]:
    if bundle["resourceType"] != "Bundle" or bundle.get("type") != "transaction":
        yield "Bundle.type", "must be transaction"
        return
    if not 0 < len(entries) <= MOST_ENTRIES:
        yield "Bundle.entry", f"between 1 and {MOST_ENTRIES}"
        return
    for number, one in enumerate(entries):
        kind = one.get("resource", {}).get("resourceType")
        if kind not in _TAKEN:
            yield f"Bundle.entry[{number}].resource", "not taken here: List, DocumentReference, Binary, Patient"
        if one.get("request", {}).get("method") != "POST":
            yield f"Bundle.entry[{number}].request.method", "must be POST"
    if not any(one.get("resource", {}).get("resourceType") == "DocumentReference" for one in entries):
        yield "Bundle.entry", "no DocumentReference"


def submitted(references: list[Resource], named: Mapping[str, Resource], listed: Resource | None = None) -> Submission:
    """The deposits of these DocumentReferences. `named`: what came with them, by its address in the Bundle."""
    found = [_document(one, f"DocumentReference[{number}]", named, listed) for number, one in enumerate(references)]
    subjects = {_subject(one, named) for one in references}
    if len(subjects) != 1:
        raise ONE_PATIENT
    ((reference, identifier),) = subjects
    return Submission(reference, identifier, tuple(found))


def _subject(reference: Resource, named: Mapping[str, Resource]) -> tuple[str, str]:
    """How a DocumentReference names its patient: by reference, by identifier, or by a Patient that came with it."""
    subject = reference.get("subject", {})
    target = str(subject.get("reference", ""))
    patient = _resolved(target, reference, named) if target else None
    if patient is not None:
        return "", next((_token(one) for one in each(patient.get("identifier")) if _token(one)), "")
    identifier = _token(subject.get("identifier", {}))
    if not target.startswith("#") and "Patient/" in target:
        return target, ""
    if not identifier:
        raise UNRESOLVED
    return "", identifier


def _token(identifier: Resource) -> str:
    value = identifier.get("value")
    return f"{identifier.get('system', '')}|{value}" if value else ""


def _resolved(target: str, owner: Resource, named: Mapping[str, Resource]) -> Resource | None:
    """A contained resource ("#id") or one of the Bundle."""
    if target.startswith("#"):
        inside = each(owner.get("contained"))
        return next((one for one in inside if one.get("id") == target[1:]), None)
    return named.get(target)


def _document(reference: Resource, path: str, named: Mapping[str, Resource], listed: Resource | None) -> Submitted:
    contents = each(reference.get("content"))
    if len(contents) != 1:
        raise malformed([(f"{path}.content", "exactly one: a document has one content here")])
    attachment = contents[0].get("attachment", {})
    data = _bytes(attachment, path, named)
    declared = _declared(reference, named)
    related = [
        (one.get("code"), str(one.get("target", {}).get("reference", ""))) for one in each(reference.get("relatesTo"))
    ]
    kept: Resource = {"reference": _without_bytes(reference)}
    if listed is not None:
        kept["set"] = listed
    return Submitted(
        data=data,
        file_name=str(attachment.get("title", "")),
        declared=declared,
        replaces=tuple(target for code, target in related if code == "replaces"),
        appends=tuple(target for code, target in related if code == "appends"),
        kept=json.dumps(kept, ensure_ascii=False),
    )


def _bytes(attachment: Resource, path: str, named: Mapping[str, Resource]) -> bytes:
    """The document's bytes, as sent inside it or beside it; what it says of them must hold."""
    place = f"{path}.content[0].attachment"
    text = attachment.get("data")
    if text is None:
        binary = named.get(str(attachment.get("url", "")), {})
        text = binary.get("data") if binary.get("resourceType") == "Binary" else None
    if not isinstance(text, str):
        raise UNRESOLVED
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise malformed([(f"{place}.data", "not base64")]) from None
    if not data:
        raise malformed([(f"{place}.data", "empty")])
    if attachment.get("size", len(data)) != len(data):
        raise malformed([(f"{place}.size", "not the size of what was sent")])
    said = attachment.get("hash")
    if said is not None and said != base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode():
        raise malformed([(f"{place}.hash", "not the hash of what was sent")])
    return data


def _without_bytes(reference: Resource) -> Resource:
    """The DocumentReference as sent, but for the document itself, which is kept as one."""
    (content,) = reference["content"]
    attachment = {name: one for name, one in content["attachment"].items() if name != "data"}
    return {**reference, "content": [{**content, "attachment": attachment}]}


def _declared(reference: Resource, named: Mapping[str, Resource]) -> Metadata:
    """What a sender says of a document in FHIR; what the document says of itself wins once it is read."""
    attachment = reference["content"][0]["attachment"]
    codes = [str(one.get("code", "")) for one in each(reference.get("type", {}).get("coding"))]
    known = [code for code in codes if code in TYPES or code in EQUIVALENT]
    day = str(reference.get("context", {}).get("period", {}).get("start") or attachment.get("creation") or "")
    labels = [
        str(one.get("code", "")) for label in each(reference.get("securityLabel")) for one in each(label.get("coding"))
    ]
    authors = [_name(one, reference, named) for one in each(reference.get("author"))]
    people = [(kind, name) for kind, name in authors if name]
    organization = next((name for kind, name in people if kind == "Organization"), "")
    custodian = _name(reference.get("custodian", {}), reference, named)[1]
    return Metadata(
        unique_id=str(reference.get("masterIdentifier", {}).get("value") or f"urn:uuid:{uuid4()}"),
        type_code=(known or codes or [""])[0],
        title=str(attachment.get("title") or reference.get("description") or ""),
        author=next((name for kind, name in people if kind != "Organization"), ""),
        organization=organization or custodian,
        event_date=date.fromisoformat(day[:10]) if len(day) >= 10 else None,
        confidentiality=" ".join(label for label in labels if label),
        language=str(attachment.get("language", "")),
    )


def _name(reference: Resource, owner: Resource, named: Mapping[str, Resource]) -> tuple[str, str]:
    """The kind and the name of whom a reference means, as far as it came with the document."""
    found = _resolved(str(reference.get("reference", "")), owner, named)
    if found is None:
        return str(reference.get("type", "")), str(reference.get("display", ""))
    kind = str(found["resourceType"])
    if kind == "PractitionerRole":
        person = found.get("practitioner", {})
        held = _resolved(str(person.get("reference", "")), owner, named) or {}
        looped = held.get("resourceType") == "PractitionerRole"  # perhaps of itself, without end
        inner = ("", "") if looped else _name(person, owner, named)
        return inner if inner[1] else ("", str(reference.get("display", "")))
    name = found.get("name")
    if isinstance(name, str):
        return kind, name
    first = (each(name) or [{}])[0]
    words = [*each(first.get("prefix")), *each(first.get("given")), first.get("family", "")]
    return kind, str(first.get("text") or " ".join(filter(None, words)) or reference.get("display", ""))


def related_to(declared: Metadata, *, replaces: str, appends: str) -> Metadata:
    """With the makers' names of the documents that it replaces and completes."""
    return replace(declared, replaces=replaces, appends=appends)
