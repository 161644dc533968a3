"""The way of a question over HTTP: what is found, by whom, and what the answer says of itself."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from search_api.coverage import LAST_WORD, NOTHING_FOUND
from tests.search_api.conftest import BIOLOGIST, DOCTOR, TRAITANT
from tests.search_api.world import World


def found(world: World, query: str, headers: dict[str, str], **more: Any) -> list[str]:
    answer = world.search(query, headers, **more)
    assert answer.status_code == 200, answer.text
    names = {document: name for name, document in world.documents.items()}
    return [names[hit["document"]["id"]] for hit in answer.json()["hits"]]


def test_a_doctor_finds_the_passage_with_its_words(world: World) -> None:
    answer = world.search("allergie pénicilline", world.bearer(DOCTOR)).json()
    hit = answer["hits"][0]
    assert hit["rank"] == 1
    assert hit["document"]["id"] == world.documents["lettre"]
    assert hit["document"]["type"] == "Lettre de liaison à la sortie d'un établissement de soins"
    assert hit["document"]["category"] == "report"
    assert hit["document"]["event_date"] == "2024-05-02"
    passage = hit["passages"][0]
    words = [passage["text"][start:end] for start, end in passage["highlights"]]
    assert words == ["allergie", "pénicilline"]
    assert passage["page"] == 1
    assert passage["page_url"] is None  # a text has no picture
    assert answer["query"] == "allergie pénicilline"
    assert answer["total"] >= 1


def test_each_caller_finds_what_is_theirs(world: World) -> None:
    query = "sérologie VIH"
    assert found(world, query, world.bearer(TRAITANT)) == ["vih"]
    assert found(world, query, world.as_patient("marie")) == ["vih"]
    assert found(world, query, world.bearer(DOCTOR)) == []  # masked
    assert found(world, "biopsie carcinome", world.bearer(DOCTOR)) == ["biopsie"]
    assert found(world, "biopsie carcinome", world.as_patient("marie")) == []  # not announced yet
    assert found(world, "allergie", world.bearer(BIOLOGIST)) == []  # another category
    assert found(world, "ferritine", world.bearer(BIOLOGIST)) == ["bilan"]
    assert found(world, "allergie", world.bearer(TRAITANT), patient="paul") == ["paul"]
    assert "paul" not in found(world, "allergie urticaire", world.bearer(TRAITANT))


def test_totals_and_coverage_count_only_the_scope(world: World) -> None:
    traitant, doctor, biologist = (
        world.search("sérologie VIH", world.bearer(who)).json() for who in (TRAITANT, DOCTOR, BIOLOGIST)
    )
    assert (traitant["total"], doctor["total"], biologist["total"]) == (1, 0, 0)
    assert [each["coverage"]["searched"] for each in (traitant, doctor, biologist)] == [5, 4, 2]
    assert doctor["coverage"]["first_date"] == "2024-05-02"
    assert traitant["coverage"]["first_date"] == "2023-06-01"


def test_the_answer_to_a_hidden_word_is_the_answer_to_a_word_that_nobody_wrote(world: World) -> None:
    headers = world.bearer(DOCTOR)
    hidden, absent = (world.search(query, headers).json() for query in ("western blot", "zzyzx qwrtp"))
    for each in (hidden, absent):
        each.pop("query")
    assert hidden == absent


def test_nothing_found_is_never_nothing_there(world: World) -> None:
    coverage = world.search("méningiome", world.bearer(DOCTOR)).json()["coverage"]
    assert coverage["notice"].startswith(NOTHING_FOUND)
    assert coverage["notice"].endswith(LAST_WORD)
    full = world.search("allergie", world.bearer(DOCTOR)).json()["coverage"]
    assert NOTHING_FOUND not in full["notice"]
    assert full["notice"].endswith(LAST_WORD)


def test_without_a_model_the_answer_says_words_only(world: World) -> None:
    answer = world.search("allergie", world.bearer(DOCTOR)).json()
    assert answer["mode"] == "words"
    assert answer["coverage"]["degraded"] == ["words only"]
    assert "par mots seulement" in answer["coverage"]["notice"]
    asked = world.search("allergie", world.bearer(DOCTOR), mode="words").json()
    assert asked["coverage"]["degraded"] == []


def test_a_typo_is_corrected_within_the_scope_and_said(world: World) -> None:
    answer = world.search("penicilinne", world.bearer(DOCTOR)).json()
    assert answer["hits"][0]["document"]["id"] == world.documents["lettre"]
    assert {"from": "penicilinne", "to": "penicilline"} in answer["corrections"]
    hidden = world.search("westernn blott", world.bearer(DOCTOR)).json()
    assert hidden["corrections"] == []


def test_filters_narrow_and_are_said(world: World) -> None:
    headers = world.bearer(DOCTOR)
    assert found(world, "ferritine azithromycine", headers, type_codes=["11502-2"]) == ["bilan"]
    assert found(world, "ferritine azithromycine", headers, date_from="2025-01-10") == ["ordonnance"]
    coverage = world.search("ferritine", headers, date_from="2025-01-10", type_codes=["11502-2"]).json()["coverage"]
    assert coverage["filters"] == ["type : Compte rendu d'examens biologiques (11502-2)", "à partir du 10/01/2025"]
    assert "sans date" in coverage["notice"]
    refused = world.search("ferritine", headers, date_from="2025-02-01", date_to="2025-01-01")
    assert refused.status_code == 422


def test_a_limit_bounds_documents(world: World) -> None:
    assert len(found(world, "patient compte lettre ordonnance", world.bearer(TRAITANT), limit=1)) <= 1


@pytest.mark.parametrize("query", ["", "   ", "\u0000\u0001", "\u200b"])
def test_an_empty_question_is_refused(world: World, query: str) -> None:
    assert world.search(query, world.bearer(DOCTOR)).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["a\u0000llergie", "\ud800 allergie", "'; DROP TABLE documents; --", '"allergie" AND (', "🙂", "٣٤", "m" * 2000],
)
def test_any_text_may_be_asked(world: World, query: str) -> None:
    body = '{"query": ' + __import__("json").dumps(query) + "}"
    headers = {**world.bearer(DOCTOR), "Content-Type": "application/json"}
    answer = world.http.post(world.url("marie", "/search"), content=body, headers=headers)
    assert answer.status_code in (200, 422), answer.text
    assert answer.headers["content-type"] in ("application/json", "application/problem+json")


def test_a_revoked_grant_is_dead_at_the_next_request(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    assert found(own_world, "allergie", headers) == ["lettre"]
    own_world.revoke("doctor", "marie")
    assert own_world.search("allergie", headers).json()["code"] == "no-access"


def test_a_mask_acts_at_the_next_request_without_reindexing(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    assert found(own_world, "allergie", headers) == ["lettre"]
    own_world.hide("lettre", masked=True)
    assert found(own_world, "allergie", headers) == []
    assert own_world.search("allergie", headers).json()["total"] == 0


def test_a_grant_that_ends_during_the_day_ends_then(own_world: World) -> None:
    own_world.add_practitioner("10000000009")
    own_world.grant("short", "marie", "10000000009", valid_until=own_world.clock.now + timedelta(hours=1))
    headers = own_world.bearer("10000000009")
    assert found(own_world, "allergie", headers) == ["lettre"]
    own_world.clock.now += timedelta(hours=1)
    assert own_world.search("allergie", headers).json()["code"] == "no-access"


def test_a_hit_that_records_no_longer_confirm_is_not_shown(own_world: World) -> None:
    """The index lags: it still holds what records quarantined a moment ago."""
    own_world.hide("lettre", state="quarantined")  # type: ignore[arg-type]
    answer = own_world.search("allergie", own_world.bearer(DOCTOR)).json()
    assert world_ids(answer) == []
    assert "1 document attend en quarantaine." in answer["coverage"]["notice"]


def world_ids(answer: Any) -> list[str]:
    return [hit["document"]["id"] for hit in answer["hits"]]


def test_queries_and_identifiers_stay_out_of_the_logs(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        world.search("allergie pénicilline", world.bearer(DOCTOR))
        world.http.get(world.url("marie", f"/documents/{world.documents['lettre']}"), headers=world.bearer(DOCTOR))
        world.http.get("/v1/nulle/part/2850375123456", headers=world.bearer(DOCTOR))
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("anamnese")]
    assert any("POST /v1/patients/{patient_id}/search 200" in line for line in lines)
    assert any("GET /v1/patients/{patient_id}/documents/{document_id} 200" in line for line in lines)
    assert any("GET - 404" in line for line in lines)
    text = "\n".join(lines)
    for secret in ("allergie", world.patients["marie"], world.documents["lettre"], "2850375123456", DOCTOR):
        assert secret not in text


SECRETS = (
    "Allergie à la pénicilline, allergie au latex. Kyste secret, allergie, allergie.",
    "Ferritine basse. Hémoglobine, hémoglobine, hémoglobine. Consultation de psychiatrie.",
)


def test_two_worlds_that_differ_only_outside_the_scope_answer_byte_for_byte_the_same(
    world: World, own_world: World
) -> None:
    for number, text in enumerate(SECRETS):
        own_world.deposit(f"secret{number}", "marie", text)
        own_world.hide(f"secret{number}", masked=True)
    own_world.deposit("paul2", "paul", SECRETS[0])
    own_world.work()
    assert found(own_world, "kyste", own_world.bearer(TRAITANT)) == ["secret0"]  # it is there for who may see it
    queries = (
        "allergie pénicilline",
        "allergi",
        "kyste",
        "kystes secrt",
        "hémoglobine ferritine",
        "psychiatrie",
        "latex",
    )
    for query in queries:
        first, second = (each.search(query, each.bearer(DOCTOR)) for each in (world, own_world))
        assert first.status_code == 200
        assert first.content == second.content, query
    for rest in ("/documents", "/grants"):
        answers = [each.http.get(each.url("marie", rest), headers=each.bearer(DOCTOR)) for each in (world, own_world)]
        assert answers[0].content == answers[1].content
