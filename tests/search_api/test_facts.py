"""Facts and timeline over HTTP: what documents state, with their words, inside the Scope; copied text once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from records import facts
from records.content import Page
from records.documents import DocumentState, set_state
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TEXTS, TRAITANT
from tests.search_api.world import World

FILTERS = ("", "?kind=condition", "?assertion=suspected", "?since=2020-01-01", "?kind=allergy&since=2019-06-01")


def get(world: World, rest: str, headers: dict[str, str] | None = None, patient: str = "marie") -> Any:
    return world.http.get(world.url(patient, rest), headers=headers or world.bearer(DOCTOR))


def told(world: World, rest: str = "/facts", headers: dict[str, str] | None = None) -> list[tuple[str, str, set[str]]]:
    """(kind, label in lower case, documents) of each fact."""
    names = {document: name for name, document in world.documents.items()}
    answer = get(world, rest, headers)
    assert answer.status_code == 200
    return [
        (each["kind"], each["label"].lower(), {names[one["document"]["id"]] for one in each["sources"]})
        for each in answer.json()["facts"]
    ]


def keep(world: World, name: str, *said: Fact) -> None:
    with world.services.records.write() as tx:
        facts.keep(tx, world.documents[name], [Page(1, TEXTS[name], facts=said)])


def fact(label: str, kind: FactKind = FactKind.ALLERGY, **more: Any) -> Fact:
    return Fact(kind, label, Quote(1, 0, 6, "Lettre"), FactSource.STRUCTURED, **more)


def test_what_a_text_says_is_a_fact_with_its_words(world: World) -> None:
    answer = get(world, "/facts?kind=allergy")
    [found] = [each for each in answer.json()["facts"] if "nicilline" in each["label"].lower()]
    [source] = found["sources"]
    assert (found["assertion"], found["documents"], source["page"], source["source"]) == ("present", 1, 1, "text")
    assert source["document"]["id"] == world.documents["lettre"]
    text = TEXTS["lettre"]
    assert source["quote"] == text[source["start"] : source["end"]]
    assert "pénicilline" in source["quote"]
    assert answer.json()["coverage"]["notice"].endswith("D'autres documents peuvent exister.")


def test_each_caller_is_told_their_own_scope(world: World) -> None:
    everything = {
        name
        for who in (world.bearer(TRAITANT), world.as_patient("marie"))
        for *_, names in told(world, headers=who)
        for name in names
    }
    assert {"lettre", "ordonnance", "vih"} <= everything
    assert {name for *_, names in told(world) for name in names}.isdisjoint({"vih"})
    biology = told(world, headers=world.bearer(BIOLOGIST))
    assert {name for *_, names in biology for name in names} <= {"bilan", "biopsie"}
    assert {name for *_, names in told(world, headers=world.as_patient("marie")) for name in names}.isdisjoint(
        {"biopsie"}
    )


@pytest.mark.parametrize("path", ["/facts", "/timeline"])
def test_who_has_no_right_meets_the_door(world: World, path: str) -> None:
    here, nowhere = (get(world, path, world.bearer(STRANGER), patient) for patient in ("marie", "nobody"))
    assert here.status_code == nowhere.status_code == 403
    assert here.content == nowhere.content
    assert get(world, path, {"x": "y"}).status_code == 401


@pytest.mark.parametrize(("path", "action"), [("/facts", "read-facts"), ("/timeline", "read-timeline")])
def test_a_look_is_journalled_with_what_was_shown(own_world: World, path: str, action: str) -> None:
    answer = get(own_world, path)
    body = answer.json()
    views = body["facts"] if path == "/facts" else [each["fact"] for each in body["moments"] if each["fact"]]
    shown = {source["document"]["id"] for each in views for source in each["sources"]}
    journal = get(own_world, "/journal", own_world.bearer(TRAITANT)).json()["entries"]
    [line] = [each for each in journal if each["action"] == action]
    assert shown
    assert shown <= set(line["documents"])


def test_copied_text_counts_once(own_world: World) -> None:
    for name in ("lettre", "ordonnance"):
        keep(own_world, name, fact("Pénicilline"))
    keep(own_world, "bilan", fact("pénicilline "), fact("Pénicilline", assertion=Assertion.ABSENT))
    found = [each for each in get(own_world, "/facts").json()["facts"] if each["kind"] == "allergy"]
    assert [(each["assertion"], each["documents"]) for each in found] == [("present", 3), ("absent", 1)]
    assert [one["document"]["event_date"] for one in found[0]["sources"]] == ["2025-01-10", "2025-01-09", "2024-05-02"]


def test_undated_results_of_two_days_are_two(own_world: World) -> None:
    potassium = {"kind": FactKind.LAB_RESULT, "value": Quantity("4,1", unit="mmol/L")}
    for name in ("lettre", "ordonnance"):
        keep(own_world, name, fact("Kaliémie", **potassium))
    found = told(own_world, "/facts?kind=lab_result")
    assert [names for _, label, names in found if label == "kaliémie"] == [{"ordonnance"}, {"lettre"}]


def test_filters_narrow(own_world: World) -> None:
    keep(
        own_world,
        "lettre",
        fact("latex", when=Period("2019")),
        fact("iode", when=Period("2023-02-03"), assertion=Assertion.SUSPECTED),
        fact("HTA", FactKind.CONDITION, codes=(Coding("2.16.840.1.113883.6.3", "I10", "HTA"),)),
    )
    labels = {
        rest: {label for _, label, names in told(own_world, f"/facts{rest}") if names == {"lettre"}}
        for rest in (
            "",
            "?kind=condition",
            "?assertion=suspected",
            "?since=2020-01-01",
            "?kind=allergy&since=2019-06-01",
        )
    }
    assert labels == {
        "": {"latex", "iode", "hta"},
        "?kind=condition": {"hta"},
        "?assertion=suspected": {"iode"},
        "?since=2020-01-01": {"iode", "hta"},  # the letter's own day is of 2024
        "?kind=allergy&since=2019-06-01": {"latex", "iode"},  # some day of 2019
    }


def test_a_list_pages_through_without_loss(own_world: World) -> None:
    keep(own_world, "lettre", *(fact(f"allergène {number}") for number in range(7)))
    for path, key in (("/facts", "facts"), ("/timeline", "moments")):
        whole = get(own_world, f"{path}?limit=200").json()
        seen: list[Any] = []
        following: str | None = ""
        while following is not None:
            page = get(own_world, f"{path}?limit=3" + (f"&cursor={following}" if following else "")).json()
            assert len(page[key]) <= 3
            seen, following = seen + page[key], page["next"]
        assert seen == whole[key]
        assert len(seen) == whole["total"]
    assert get(own_world, "/facts?cursor=zzz").status_code == 400


def test_documents_read_before_facts_are_counted(own_world: World) -> None:
    with own_world.services.records.write() as tx:
        facts.forget(tx, own_world.documents["lettre"])
        facts.forget(tx, own_world.documents["vih"])  # masked: not this caller's to know
    coverage = get(own_world, "/facts").json()["coverage"]
    assert coverage["before_facts"] == 1
    assert "1 document a été lu avant l'extraction des faits." in coverage["notice"]


def test_a_document_in_quarantine_tells_nothing(own_world: World) -> None:
    assert any("lettre" in names for *_, names in told(own_world))
    with own_world.services.records.write() as tx:
        set_state(tx, own_world.documents["lettre"], DocumentState.QUARANTINED)
    assert not any("lettre" in names for *_, names in told(own_world))


def test_the_timeline_tells_documents_and_what_happened(own_world: World) -> None:
    keep(
        own_world,
        "lettre",
        fact("Appendicectomie", FactKind.PROCEDURE, when=Period("2012-03")),
        fact("Vaccin refusé", FactKind.IMMUNIZATION, assertion=Assertion.ABSENT),
        fact("Hospitalisation", FactKind.ENCOUNTER, when=Period("2025-01-09", "2025-01-12")),
    )
    moments = get(own_world, "/timeline").json()["moments"]
    line = [(each["date"], each["kind"], each["label"]) for each in moments]
    assert ("2012-03", "procedure", "Appendicectomie") in line
    assert ("2025-01-09", "encounter", "Hospitalisation") in line
    assert ("2024-05-02", "document", "Lettre de sortie") in line
    assert not any(label == "Vaccin refusé" for *_, label in line)
    assert [day for day, *_ in line] == sorted((day for day, *_ in line), reverse=True)
    since = get(own_world, f"/timeline?since={date(2025, 1, 1)}").json()["moments"]
    assert {each["date"][:4] for each in since} <= {"2025", "2026"}
