"""`Patient/{id}/$summary`: an International Patient Summary of what the caller may see, as a document Bundle.

A section without anything says so and why (`emptyReason`): nothing found is never nothing there. « Aucune allergie
connue » is an entry only where a document states it and none states an allergy.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, Request
from fastapi.responses import Response

from access.identifiers import DocumentId
from access.smart import Need
from records.fact import Assertion, FactKind
from search_api.fact_show import coverage_of
from search_api.fhir.clinical import Told, named_in, papers_of
from search_api.fhir.counter import AtCounter, Counter
from search_api.fhir.elements import Resource
from search_api.fhir.formats import answer
from search_api.fhir.narrated import NARRATED, is_narrated, sentence, with_contacts
from search_api.fhir.patients import patient_of
from search_api.fhir.provenance import shown_sources
from search_api.fhir.statements import KINDS, is_over
from search_api.fhir.words import LOINC, TERMINOLOGY, coding, instant, narrative
from search_api.gathered import Gathered
from search_api.views import CoverageView

router = APIRouter(prefix="/fhir", include_in_schema=False)
HELD = ("Composition", "Patient", *sorted({kind.type for kind in KINDS.values()}))
"""What a token's scopes must reach: a summary that left out what they do not would look whole."""
MOST = 100
"""Entries of a section, the newest ones; the text says how many there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the summary (IPS): its LOINC code, what it holds, the function that may be switched off."""

    title: str
    code: str
    display: str
    kinds: frozenset[FactKind]
    past: bool | None = None
    function: str = "facts"


MEDICINES = frozenset({FactKind.MEDICATION, FactKind.DISPENSING})
PARTS = (
    Part("Directives et limitations de traitement", "42348-3", "Advance directives", frozenset({FactKind.DIRECTIVE})),
    Part("Alertes : contre-indications", "104605-1", "Alert", frozenset({FactKind.CONTRAINDICATION})),
    Part(
        "Allergies et intolérances",
        "48765-2",
        "Allergies and adverse reactions Document",
        frozenset({FactKind.ALLERGY, FactKind.INTOLERANCE}),
    ),
    Part("Traitements", "10160-0", "History of Medication use Narrative", MEDICINES),
    Part("Problèmes", "11450-4", "Problem list - Reported", frozenset({FactKind.CONDITION}), past=False),
    Part("Antécédents", "11348-0", "History of Past illness Narrative", frozenset({FactKind.CONDITION}), past=True),
    Part("Vaccinations", "11369-6", "History of Immunization Narrative", frozenset({FactKind.IMMUNIZATION})),
    Part("Actes", "47519-4", "History of Procedures Document", frozenset({FactKind.PROCEDURE})),
    Part("Dispositifs", "46264-8", "History of medical device use", frozenset({FactKind.IMPLANT})),
    Part(
        "Résultats",
        "30954-2",
        "Relevant diagnostic tests/laboratory data Narrative",
        frozenset({FactKind.LAB_RESULT, FactKind.BLOOD_GROUP}),
        function="observations",
    ),
    Part("Constantes", "8716-3", "Vital signs", frozenset({FactKind.VITAL_SIGN}), function="observations"),
    Part("Grossesse", "10162-6", "History of pregnancies Narrative", frozenset({FactKind.PREGNANCY})),
)


@router.get("/Patient/{identity}/$summary")
@router.post("/Patient/{identity}/$summary")
def summary(request: Request, identity: str, counter: AtCounter) -> Response:
    """Made anew at each request; not kept."""
    return answer(request, _summary(counter, identity))


def _summary(counter: Counter, identity: str) -> Resource:
    desk = counter.desk
    for kind in HELD:
        counter.demand(Need(kind, "r"), identity)
    visit = desk.visit(identity, "read-summary")
    with visit.record() as (tx, scope):
        patient = patient_of(tx, scope)
        told = Told.of(counter, tx, scope, {*KINDS, *NARRATED})
        written = [pair for pair in told.written() if _offered(counter, pair[0])]
        narrated = [each for each in told.found if is_narrated(each) and _offered(counter, each)]
        papers = papers_of(tx, scope, [*(each for each, _ in written), *narrated])
        written = [pair for pair in written if shown_sources(pair[0], papers)]
        narrated = [each for each in narrated if shown_sources(each, papers)]
        coverage = coverage_of(tx, scope)
    sections: list[Resource] = []
    entries: list[Resource] = []
    shown: list[Gathered] = []
    people = [each for each in narrated if each.fact.kind is FactKind.CONTACT][:MOST]
    patient = with_contacts(patient, people)
    shown += people
    for part in PARTS:
        if part.kinds <= NARRATED:
            told_in_words = [each for each in narrated if each.fact.kind in part.kinds]
            sections.append(_narrated(counter, part, told_in_words, coverage))
            shown += told_in_words[:MOST]
            continue
        own = [pair for pair in written if _belongs(pair[0], part, desk.now.date())]
        sections.append(_section(counter, part, own[:MOST], len(own), coverage))
        entries += [one for _, one in own[:MOST]]
        shown += [each for each, _ in own[:MOST]]
    visit.granted(list(dict.fromkeys(DocumentId(name) for name in named_in(shown, papers))))
    author = f"urn:uuid:{uuid.uuid4()}"
    composition: Resource = {
        "resourceType": "Composition",
        "text": narrative([f"Synthèse de {coverage.searched} document(s) lus.", coverage.notice]),
        "status": "final",
        "type": {"coding": [coding(LOINC, "60591-5", "Patient summary Document")]},
        "subject": {"reference": counter.url(f"Patient/{patient['id']}")},
        "date": instant(desk.now),
        "author": [{"reference": author}],
        "title": "Synthèse médicale du patient (IPS)",
        "section": sections,
    }
    named = [
        {"fullUrl": counter.url(f"{one['resourceType']}/{one['id']}"), "resource": one} for one in [patient, *entries]
    ]
    device = {"resourceType": "Device", "deviceName": [{"name": "Anamnèse", "type": "user-friendly-name"}]}
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid.uuid4()}"},
        "type": "document",
        "timestamp": instant(desk.now),
        "entry": [
            {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": composition},
            *named,
            {"fullUrl": author, "resource": device},
        ],
    }


def _offered(counter: Counter, each: Gathered) -> bool:
    off = counter.desk.services.off
    if each.fact.kind is FactKind.CONTACT:
        return "facts" not in off
    return not any(each.fact.kind in part.kinds and part.function in off for part in PARTS)


def _belongs(each: Gathered, part: Part, today: date) -> bool:
    return each.fact.kind in part.kinds and part.past in (None, is_over(each.fact, today))


def _section(
    counter: Counter, part: Part, own: list[tuple[Gathered, Resource]], total: int, coverage: CoverageView
) -> Resource:
    lines = [_line(each) for each, _ in own]
    if total > len(own):
        lines.append(f"Les {len(own)} plus récents sur {total}.")
    section = _titled(part)
    if own:
        named = [{"reference": counter.url(f"{one['resourceType']}/{one['id']}")} for _, one in own]
        return section | {"text": narrative(lines), "entry": named}
    return section | _empty(counter, part, coverage)


def _narrated(counter: Counter, part: Part, own: list[Gathered], coverage: CoverageView) -> Resource:
    lines = [sentence(each) for each in own[:MOST]]
    if len(own) > MOST:
        lines.append(f"Les {MOST} plus récents sur {len(own)}.")
    return _titled(part) | ({"text": narrative(lines)} if own else _empty(counter, part, coverage))


def _titled(part: Part) -> Resource:
    return {"title": part.title, "code": {"coding": [coding(LOINC, part.code, part.display)]}}


def _empty(counter: Counter, part: Part, coverage: CoverageView) -> Resource:
    closed = part.function in counter.desk.services.off
    said = ["Cette fonction est fermée sur ce service."] if closed else [f"{_NOTHING} {part.title}.", coverage.notice]
    reason = {
        "coding": [coding(f"{TERMINOLOGY}/list-empty-reason", "unavailable", "Unavailable")],
        "text": " ".join(said),
    }
    return {"text": narrative(said), "emptyReason": reason}


_NOTHING = "Rien n'a été trouvé dans les documents accessibles :"


_SAID = {
    Assertion.ABSENT: " (nié ou infirmé)",
    Assertion.SUSPECTED: " (suspecté)",
    Assertion.PAST: " (passé)",
    Assertion.HYPOTHETICAL: " (à écarter)",
}


def _line(each: Gathered) -> str:
    fact = each.fact
    value = "" if fact.value is None else " ".join(filter(None, (fact.value.text, fact.value.unit)))
    words = " ".join(filter(None, (fact.label, value)))
    return f"{words}{_SAID.get(fact.assertion, '')}{f' · {each.day}' if each.day else ''}"
