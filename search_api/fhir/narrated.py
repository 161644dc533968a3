"""What a summary tells in words: directives and treatment limitations, contra-indications, and who is to be told.

R4 has no resource that would say no more than a document's words on these (a Consent is an act, a Flag a decision), so
they stand in the Composition as quotations; people to contact are contacts of the Patient.
"""

from __future__ import annotations

from clinical.card_lines import french
from records.fact import Assertion, FactKind
from search_api.fhir.elements import Resource
from search_api.fhir.formats import versioned
from search_api.fhir.words import filled, is_blank
from search_api.gathered import Gathered

NARRATED = frozenset({FactKind.DIRECTIVE, FactKind.CONTRAINDICATION, FactKind.CONTACT})
_SAID = {
    Assertion.ABSENT: "nié ou levé par ce document : ",
    Assertion.PAST: "passé : ",
    Assertion.SUSPECTED: "à vérifier : ",
}
_SHOWN = frozenset({Assertion.PRESENT, *_SAID})


def is_narrated(each: Gathered) -> bool:
    """Whether it is one of these, and the patient's own: what is only supposed of a directive is none."""
    return each.fact.kind in NARRATED and each.fact.assertion in _SHOWN


def sentence(each: Gathered) -> str:
    """The document's words with their day, and how they state it."""
    fact = each.fact
    words = " ".join((fact.quote.text or fact.label).split())
    return f"{_SAID.get(fact.assertion, '')}« {words} »{f' · {french(each.day)}' if each.day else ''}"


def with_contacts(patient: Resource, people: list[Gathered]) -> Resource:
    """The Patient with those whom documents name as to be told; those that a document denies are left out."""
    named = (each for each in people if each.fact.assertion is Assertion.PRESENT and not is_blank(each.fact.label))
    contacts = [_contact(each) for each in named]  # R4: a contact says who (pat-1)
    if not contacts:
        return patient
    bare = {name: value for name, value in patient.items() if name != "meta"}
    meta = {name: value for name, value in patient.get("meta", {}).items() if name != "versionId"}
    return versioned({**bare, "meta": meta, "contact": contacts})


def _contact(each: Gathered) -> Resource:
    fact = each.fact
    relations = [fact.detail(name) for name in ("role", "relation")]
    telephone = {"system": "phone", "value": fact.detail("telephone")} if fact.detail("telephone") else None
    return filled(
        {
            "relationship": [{"text": words} for words in relations if words],
            "name": {"text": fact.label},
            "telecom": [telephone] if telephone else [],
        }
    )
