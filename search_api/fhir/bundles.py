"""Searchsets: a page of resources, its links, and what `_summary` and `_elements` leave of each.

No link holds what was asked in clear: an INS, a name or the words of a search would stand in histories and logs of
others. A link is `…?_page=` and everything sealed under a key of the home, for this caller and right alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from access.refusal import Refusal
from access.scope import Scope
from records.sealed import seal_json, unseal_json
from search_api.cursors import BAD_CURSOR
from search_api.fhir.counter import Counter
from search_api.fhir.elements import Resource
from search_api.fhir.outcome import remark
from search_api.fhir.parameters import Asked
from search_api.fhir.words import filled

_KEPT = frozenset({"resourceType", "id", "meta"})
_MANDATORY = {
    "DocumentReference": frozenset({"status", "content"}),
    "AllergyIntolerance": frozenset({"patient", "clinicalStatus", "verificationStatus"}),
    "MedicationStatement": frozenset({"status", "medicationCodeableConcept", "subject"}),
    "Condition": frozenset({"subject", "clinicalStatus", "verificationStatus"}),
    "Immunization": frozenset(
        {"status", "vaccineCode", "patient", "occurrenceDateTime", "occurrenceString"},
    ),
    "Procedure": frozenset({"status", "subject"}),
    "Observation": frozenset({"status", "code"}),
    "DeviceUseStatement": frozenset({"status", "subject", "device"}),
    "Provenance": frozenset({"target", "recorded", "agent"}),
    "AuditEvent": frozenset({"type", "recorded", "agent", "source"}),
    "Encounter": frozenset({"status", "class"}),
    "Consent": frozenset({"status", "scope", "category", "policyRule"}),
}
"""What R4 demands of each, by cardinality or invariant (ait-1, con-4), and no client may leave out."""
_LONG = frozenset({"text", "extension", "note", "context", "content", "dosage", "referenceRange", "entity"})
"""What a summary leaves out, unless R4 demands it."""
SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
Page = tuple[list[tuple[str, str]], str]
PAGE = "_page"


@dataclass(frozen=True, slots=True)
class Links:
    """Where a search goes on: its pages are sealed for one caller and the right that found them."""

    counter: Counter
    kind: str

    def read(self, pairs: Sequence[tuple[str, str]]) -> Page:
        """The parameters and the position of a request: its own, or those of the page it asks for. Refusal 400 for a
        page that is another's."""
        sealed = next((value for name, value in pairs if name == PAGE), None)
        if sealed is None:
            return list(pairs), ""
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            said = unseal_json(self._key(), raw, self._place())
        except (ValueError, Refusal):
            raise BAD_CURSOR from None
        kept = [(name, value) for name, value in pairs if name == "_format"]
        return [*((str(name), str(value)) for name, value in said["asked"]), *kept], str(said["at"])

    def start(self, scope: Scope, position: str) -> str:
        """The place in the list that a page's position names. Refusal 400 when the right changed meanwhile."""
        return self.counter.desk.cursors.read(scope, f"fhir:{self.kind}", position) if position else ""

    def to(self, scope: Scope, pairs: Sequence[tuple[str, str]], at: str) -> str:
        """The address of the page at `at`."""
        position = self.counter.desk.cursors.sign(scope, f"fhir:{self.kind}", at) if at else ""
        return self._address(pairs, position)

    def _address(self, pairs: Sequence[tuple[str, str]], position: str) -> str:
        asked = [[name, value] for name, value in pairs if name not in (PAGE, "_format")]
        sealed = seal_json(self._key(), {"asked": asked, "at": position}, self._place())
        return f"{self.counter.base}/{self.kind}?{PAGE}={base64.urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def own(self, pairs: Sequence[tuple[str, str]], position: str) -> str:
        """The address of this very page."""
        return self._address(pairs, position)

    def _key(self) -> bytes:
        return self.counter.desk.services.keys.service_key("fhir-pages")

    def _place(self) -> str:
        caller = self.counter.desk.caller
        return "\x1f".join(("fhir page", self.kind, caller.kind, caller.id, caller.system))


def searchset(
    counter: Counter,
    asked: Asked,
    found: Sequence[Resource],
    *,
    own: str,
    following: str = "",
    total: int | None = None,
    included: Iterable[Resource] = (),
    notice: str = "",
) -> Resource:
    """A page. `total` only where it is known for certain. `notice`: what the answer rests on, in words."""
    entries = [_entry(counter, shaped(one, asked), "match") for one in found]
    entries += [_entry(counter, shaped(one, asked), "include") for one in included]
    if notice:
        entries.append(_said(remark("information", "informational", notice)))
    if asked.ignored:
        names = ", ".join(asked.ignored)
        entries.append(_said(remark("warning", "not-supported", f"Paramètres ignorés : {names}.")))
    links = [{"relation": "self", "url": own}, *([{"relation": "next", "url": following}] if following else [])]
    head = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    if asked.summary == "count":
        return {name: value for name, value in head.items() if value is not None}
    return {name: value for name, value in (head | filled({"entry": entries})).items() if value is not None}


def _said(outcome: Resource) -> Resource:
    return {"fullUrl": f"urn:uuid:{uuid4()}", "resource": outcome, "search": {"mode": "outcome"}}


def _entry(counter: Counter, resource: Resource, mode: str) -> Resource:
    reference = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": counter.url(reference), "resource": resource, "search": {"mode": mode}}


def shaped(resource: Resource, asked: Asked) -> Resource:
    """What `_summary` and `_elements` leave of a resource, marked as a part of it."""
    demanded = _KEPT | {"contained"} | _MANDATORY.get(resource["resourceType"], frozenset())
    if asked.elements:
        kept = {name: one for name, one in resource.items() if name in demanded or name in asked.elements}
    elif asked.summary == "true":
        kept = {name: one for name, one in resource.items() if name in demanded or name not in _LONG}
    elif asked.summary == "text":
        kept = {name: one for name, one in resource.items() if name in demanded or name == "text"}
    elif asked.summary == "data":
        kept = {name: one for name, one in resource.items() if name != "text"}
    else:
        return resource
    if "contained" in kept and '"#' not in json.dumps({k: v for k, v in kept.items() if k != "contained"}):
        del kept["contained"]  # R4: what nothing refers to may not be contained (dom-3)
    return kept | {"meta": {**resource.get("meta", {}), "tag": [SUBSETTED]}}
