"""JSON and XML say the same, for every resource that the visible examples hold and this service speaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.refusal import Refusal
from search_api.fhir.check import faults, well_formed
from search_api.fhir.elements import elements_of, is_resource
from search_api.fhir.parameters import dated
from search_api.fhir.received import parsed
from search_api.fhir.words import system_of, tidied
from search_api.fhir.xml import from_xml, to_xml
from tests.fhir.asking import get
from tests.search_api.world import World


def known(resource: Any) -> bool:
    """Whether every resource in it is one of those spoken here."""
    if isinstance(resource, dict):
        kind = resource.get("resourceType")
        return (kind is None or is_resource(kind)) and all(map(known, resource.values()))
    return not isinstance(resource, list) or all(map(known, resource))


def without_text(resource: Any) -> Any:
    """Narratives are markup: the same may be written in other bytes."""
    if isinstance(resource, dict):
        return {name: without_text(one) for name, one in resource.items() if name != "div"}
    return [without_text(one) for one in resource] if isinstance(resource, list) else resource


@pytest.mark.realdata
def test_the_examples_are_well_formed_and_cross_to_xml_and_back(shared_data: Path) -> None:
    tried = 0
    for file in sorted((shared_data / "fhir_r4_examples").glob("*.json")):
        resource = json.loads(file.read_text())
        if not known(resource) or not is_resource(resource.get("resourceType")):
            continue
        tried += 1
        if "modifierExtension" not in file.read_text():
            assert list(faults(resource)) == [], file.name
        assert without_text(from_xml(to_xml(resource))) == without_text(resource), file.name
    assert tried >= 40


def test_xml_holds_what_json_can() -> None:
    odd = "a<b & \"c\" 'd'\n\té"
    resource = {
        "resourceType": "Patient",
        "id": "x",
        "name": [{"given": ["A", "B"], "_given": [None, {"id": "g"}], "family": odd}],
        "active": False,
        "birthDate": "1980",
        "_birthDate": {"extension": [{"url": "http://x", "valueInteger": 3}]},
    }
    assert from_xml(to_xml(resource)) == resource
    assert b"\x00" not in to_xml({"resourceType": "Patient", "id": "a\x00b\ud800"})


def test_nothing_leaves_that_a_string_of_fhir_may_not_be() -> None:
    """Blank, or with control characters; and nothing is left that is empty for want of it."""
    said = {
        "a": " \u00a0\ufeff\t",
        "b": " deux\x00\n mots ",
        "c": [{"text": "\u2003"}, {"text": "x"}],
        "d": {"e": [" "]},
        "f": [" ", "g"],
        "h": [" ", "i"],
        "_h": [{"extension": [{"url": "u", "valueString": "j"}]}, None],
        "k": [False, 0],
    }
    assert tidied(said) == {
        "b": " deux\n mots ",
        "c": [{"text": "x"}],
        "f": ["g"],
        "h": [None, "i"],
        "_h": said["_h"],
        "k": [False, 0],
    }


@pytest.mark.parametrize(
    ("system", "address"),
    [
        ("2.16.840.1.113883.6.1", "http://loinc.org"),
        ("1.2.250.1.213.2.1", "urn:oid:1.2.250.1.213.2.1"),
        ("https://x.example/a?b#c", "https://x.example/a?b#c"),
        ("Classification locale\n2", "Classification%20locale%0A2"),
        (" \u00a0", ""),
        ("déjà%20", "d%C3%A9j%C3%A0%20"),
    ],
)
def test_a_code_system_is_an_address(system: str, address: str) -> None:
    assert system_of(system) == address


NAMES = st.sampled_from([*elements_of("DocumentReference"), "resourceType", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=10
)


@settings(max_examples=60)
@given(VALUES)
def test_anything_is_judged_and_nothing_breaks_the_judge(value: Any) -> None:
    resource = value if isinstance(value, dict) else {"resourceType": "DocumentReference", "text": value}
    if well_formed(resource):
        assert from_xml(to_xml(resource))["resourceType"] == resource["resourceType"]


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_resource_or_a_refusal(data: bytes, xml: bool) -> None:
    try:
        resource = parsed(data, xml=xml)
    except Refusal:
        return
    assert isinstance(resource, dict)


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_a_refusal(text: str) -> None:
    try:
        prefix, (low, high) = dated("date", text)
    except Refusal:
        return
    assert low < high
    assert len(prefix) == 2


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/fhir+json", "json"),
        ("application/fhir+xml;q=0.9, application/fhir+json;q=1.0", "json"),
        ("application/fhir+xml;q=1.0, application/fhir+json;q=0.9", "xml"),
        ("text/html, application/xml;q=0.5, */*;q=0.1", "xml"),
        ("*/*", "json"),
        ("", "json"),
    ],
)
def test_the_format_that_is_accepted(world: World, accept: str, kind: str) -> None:
    assert get(world, "/metadata", Accept=accept).headers["content-type"].startswith(f"application/fhir+{kind}")
