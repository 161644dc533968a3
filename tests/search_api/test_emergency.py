"""The two ways on from the door, Centre 15, what the patient is told, and the auditor's review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.scope import CallerKind
from records import emergencies, journal, notifications
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_door import AT_THE_DOOR, UNKNOWN, ask, told, traced
from tests.search_api.test_will import ALL, act, sees
from tests.search_api.world import World

HOUR = timedelta(hours=1)


def break_glass(world: World, rpps: str = STRANGER, reason: str = "unconscious", patient: str = "marie") -> Any:
    url = world.url(patient, "/break-glass")
    return world.http.post(url, json={"reason": reason, "comment": "coma"}, headers=world.bearer(rpps))


def kinds(world: World) -> list[str]:
    with world.services.records.read() as tx:
        waiting = notifications.due_without_scope(tx, world.clock.now + HOUR, 100)
    return [one.kind for one in waiting if one.patient_id == world.patients["marie"]]


def test_the_glass_opens_for_an_hour_with_a_banner_and_is_told(own_world: World) -> None:
    world = own_world
    assert sees(world, world.bearer(STRANGER)) == 403
    opened = break_glass(world)
    assert opened.status_code == 201
    assert opened.json()["until"].startswith("2026-03-01T13:00:00")
    listed = world.http.get(world.url("marie", "/documents"), headers=world.bearer(STRANGER)).json()
    assert "13:00" not in listed["banner"]  # Paris is an hour ahead
    assert "14:00" in listed["banner"]
    assert "14:00" in world.search("allergie", world.bearer(STRANGER)).json()["banner"]
    assert sees(world, world.bearer(STRANGER)) == ALL  # the masked one stays out
    assert world.search("allergie", world.bearer(DOCTOR)).json()["banner"] == ""
    assert kinds(world)[:2] == ["break_glass", "first_access"]
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 20)
    opening = next(entry for entry in entries if entry.action == "break-glass")
    assert (opening.reason, opening.detail, opening.purpose) == ("unconscious", "coma", "emergency")
    reading = next(e for e in entries if e.action == "search" and e.caller == STRANGER)
    assert (reading.basis, reading.purpose) == ("break_glass", "emergency")
    world.clock.now += HOUR
    assert sees(world, world.bearer(STRANGER)) == 403


def test_it_is_extended_in_one_tap_up_to_a_bound_then_opened_anew(own_world: World) -> None:
    world = own_world
    ends = []
    for _ in range(8):
        ends.append(break_glass(world).json()["until"][11:16])
        world.clock.now += timedelta(minutes=50)
    assert ends[:2] == ["13:00", "13:50"]
    assert ends[7] == "18:00"  # six hours after the first
    world.clock.now += timedelta(minutes=60)
    assert break_glass(world).status_code == 201
    with world.services.records.read() as tx:
        listed = emergencies.emergencies_for_audit_without_scope(tx, unreviewed=True, limit=10)
    assert [each.extensions for each in listed] == [0, 7]


def test_it_is_ended_by_hand(own_world: World) -> None:
    break_glass(own_world)
    assert act(own_world, "DELETE", "/break-glass", own_world.bearer(STRANGER)).status_code == 204
    assert sees(own_world, own_world.bearer(STRANGER)) == 403


def test_an_opposition_made_meanwhile_ends_it(own_world: World) -> None:
    break_glass(own_world)
    act(own_world, "POST", "/oppositions", own_world.as_patient("marie"), kind="break_glass")
    assert sees(own_world, own_world.bearer(STRANGER)) == 403


@pytest.mark.parametrize("wish", ["opposition", "block", "closure"])
def test_refused_and_unknown_are_the_same_to_the_byte_and_in_their_traces(
    own_world: World, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, patient = own_world, own_world.as_patient("marie")
    if wish == "opposition":
        act(world, "POST", "/oppositions", patient, kind="break_glass")
    elif wish == "block":
        act(world, "POST", "/blocks", patient, practitioner=STRANGER)
    else:
        act(world, "POST", "/closure", patient)
    headers = world.bearer(STRANGER)
    ask(world, "break-glass", UNKNOWN, headers)
    with traced(world, monkeypatch) as nobody:
        expected = told(ask(world, "break-glass", UNKNOWN, headers))
    with traced(world, monkeypatch) as somebody:
        answer = told(ask(world, "break-glass", "marie", headers))
    assert expected[0] == 403
    assert answer == expected
    assert somebody == nobody


def test_attempts_are_limited_by_the_hour_whoever_the_patient_and_journalled(own_world: World) -> None:
    world = own_world
    answers = [break_glass(world, patient=UNKNOWN).status_code for _ in range(10)]
    assert answers == [403] * 10
    limited = break_glass(world)
    assert (limited.status_code, limited.json()["code"]) == (429, "too-many-attempts")
    assert break_glass(world, DOCTOR).status_code == 201
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, None, 50)
    assert sum(e.action == "break-glass" and e.outcome == "refused" for e in entries) == 11
    world.clock.now += HOUR
    assert break_glass(world).status_code == 201


def test_a_profession_without_emergencies_is_told_so_whoever_the_patient(own_world: World) -> None:
    own_world.add_practitioner("10000000022", profession="diététicien", specialty="")
    answers = [break_glass(own_world, "10000000022", patient=one) for one in ("marie", UNKNOWN)]
    assert [a.json()["code"] for a in answers] == ["profession-breaks-no-glass"] * 2
    patient = act(own_world, "POST", "/break-glass", own_world.as_patient("marie"), reason="other")
    assert patient.json()["code"] == "profession-breaks-no-glass"


def test_present_and_agreed_opens_for_a_day_and_is_told(own_world: World) -> None:
    world = own_world
    attested = act(world, "POST", "/grants", world.bearer(STRANGER), kind="attested")
    assert attested.status_code == 201
    assert attested.json()["valid_until"].startswith("2026-03-02T12:00:00")
    assert sees(world, world.bearer(STRANGER)) == ALL
    assert kinds(world)[:1] == ["attested"]
    world.clock.now += 24 * HOUR
    assert sees(world, world.bearer(STRANGER)) == 403


def test_nobody_attests_for_longer_for_others_or_as_a_patient(own_world: World) -> None:
    world = own_world
    long = act(
        world,
        "POST",
        "/grants",
        world.bearer(STRANGER),
        kind="attested",
        grantee=DOCTOR,
        categories=["biology"],
        valid_until="2036-01-01T00:00:00Z",
    ).json()
    assert (long["grantee"], long["valid_until"][:10], long["categories"]) == (STRANGER, "2026-03-02", None)
    patient = act(world, "POST", "/grants", world.as_patient("marie"), kind="attested")
    assert patient.json()["code"] == "act-not-allowed"


@pytest.mark.parametrize("name", ["attest", "succession"])
@pytest.mark.parametrize("wish", ["nothing", "closure", "block", "opposition"])
def test_what_is_recorded_at_the_door_answers_the_same_for_everybody(
    own_world: World, name: str, wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same status, headers, shape and trace; the ids differ, being random."""
    world, patient = own_world, own_world.as_patient("marie")
    if wish == "closure":
        act(world, "POST", "/closure", patient)
    elif wish == "block":
        act(world, "POST", "/blocks", patient, practitioner=STRANGER)
    elif wish == "opposition":
        act(world, "POST", "/oppositions", patient, kind="heirs")
    headers = world.as_patient("paul") if name == "succession" else world.bearer(STRANGER)
    ask(world, name, UNKNOWN, headers)
    with traced(world, monkeypatch) as nobody:
        expected = ask(world, name, UNKNOWN, headers)
    with traced(world, monkeypatch) as somebody:
        answer = ask(world, name, "marie", headers)
    assert expected.status_code in (201, 202)
    assert answer.status_code == expected.status_code
    assert answer.headers == expected.headers
    without_ids = [{k: v for k, v in a.json().items() if k not in ("id", "grant_id")} for a in (answer, expected)]
    assert without_ids[0] == without_ids[1]
    assert somebody == nobody


def test_what_stands_at_the_door_needs_a_token(world: World) -> None:
    assert [ask(world, name, "marie", {}).status_code for name in AT_THE_DOOR] == [401] * 3


def test_centre_15_looks_without_a_grant_unless_opposed(own_world: World) -> None:
    world, regulator = own_world, "10000000023"
    world.add_practitioner(regulator, specialty="Médecine d'urgence", regulates=True)
    as_centre = {"Purpose-Of-Use": "regulation"}
    headers = world.bearer(regulator) | as_centre
    assert sees(world, headers) == ALL
    assert sees(world, world.bearer(regulator)) == 403
    assert sees(world, world.bearer(STRANGER) | as_centre) == 403
    listed = world.http.get(world.url("marie", "/documents"), headers=headers).json()
    assert listed["banner"] == "Accès du Centre 15."
    with world.services.records.read() as tx:
        last = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 1)[0]
    assert (last.basis, last.purpose) == ("regulation", "regulation")
    act(world, "POST", "/oppositions", world.as_patient("marie"), kind="centre_15")
    assert sees(world, headers) == 403


def test_a_first_access_is_told_once_for_each_professional(own_world: World) -> None:
    world = own_world
    for _ in range(2):
        for rpps in (DOCTOR, TRAITANT):
            sees(world, world.bearer(rpps))
    sees(world, world.as_patient("marie"))
    sees(world, world.bearer(STRANGER))
    assert kinds(world) == ["first_access", "first_access"]


def test_the_auditor_reviews_openings_and_nobody_else(own_world: World) -> None:
    world, auditor = own_world, own_world.bearer(role=CallerKind.AUDITOR)
    break_glass(world)
    (line,) = world.http.get("/v1/reviews/break-glass", headers=auditor).json()["emergencies"]
    assert (line["practitioner"], line["reason"], line["patient_id"]) == (
        STRANGER,
        "unconscious",
        world.patients["marie"],
    )
    for headers in (world.bearer(DOCTOR), world.as_patient("marie"), world.bearer(role=CallerKind.ADMINISTRATOR)):
        assert world.http.get("/v1/reviews/break-glass", headers=headers).json()["code"] == "act-not-allowed"
    url = f"/v1/reviews/break-glass/{line['emergency_id']}"
    assert world.http.post(url, json={"verdict": "unjustified"}, headers=auditor).status_code == 204
    assert world.http.get("/v1/reviews/break-glass", headers=auditor).json()["emergencies"] == []
    every = world.http.get("/v1/reviews/break-glass?unreviewed=false", headers=auditor).json()["emergencies"]
    assert [each["verdict"] for each in every] == ["unjustified"]
    assert world.http.post(url + "x", json={"verdict": "justified"}, headers=auditor).status_code == 404
