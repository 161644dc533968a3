"""Who looks for a patient: representatives until majority, curators by consent, heirs after a review."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from access.scope import CallerKind
from records.patients import Identity
from tests.search_api.test_will import act, sees
from tests.search_api.world import World, ins_of


def admin(world: World) -> dict[str, str]:
    return world.bearer(role=CallerKind.ADMINISTRATOR)


def record(world: World, kind: str, patient: str = "lou", person: str = "paul", **more: Any) -> Any:
    body = {"person": world.patients[person], "kind": kind, **more}
    return world.http.post(world.url(patient, "/representatives"), json=body, headers=admin(world))


def listed(world: World, patient: str, headers: dict[str, str]) -> Any:
    answer = world.http.get(world.url(patient, "/documents"), headers=headers)
    names = {document: name for name, document in world.documents.items()}
    if answer.status_code != 200:
        return answer.status_code
    return sorted(names[each["id"]] for each in answer.json()["documents"])


def add_lou(world: World) -> None:
    lou = Identity(ins_of("2080375123456"), "qualified", "DURAND", "LOU", date(2008, 3, 5), "F", "75112")
    world.add_patient("lou", lou)
    world.deposit("vaccin", "lou", "Vaccination de Lou, rappel fait.")
    world.deposit("secret", "lou", "Consultation au planning, contraception.")
    world.work()


def test_a_minors_representative_reads_until_the_eighteenth_birthday_in_paris(own_world: World) -> None:
    world = own_world
    add_lou(world)
    parent = world.as_patient("paul")
    assert listed(world, "lou", parent) == 403
    assert record(world, "legal_representative").status_code == 201
    assert listed(world, "lou", parent) == ["secret", "vaccin"]
    child = world.as_patient("lou")
    body = {"document_id": world.documents["secret"], "hidden_from": "representatives"}
    assert world.http.post(world.url("lou", "/masks"), json=body, headers=child).status_code == 204
    assert listed(world, "lou", parent) == ["vaccin"]
    assert listed(world, "lou", child) == ["secret", "vaccin"]
    world.clock.now = datetime(2026, 3, 4, 22, 59, 59, tzinfo=UTC)
    assert listed(world, "lou", world.as_patient("paul")) == ["vaccin"]
    world.clock.now = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)  # midnight in Paris
    assert listed(world, "lou", world.as_patient("paul")) == 403


def test_a_representative_acts_and_knows_only_their_own_grants_and_no_journal(own_world: World) -> None:
    world = own_world
    add_lou(world)
    record(world, "legal_representative")
    parent, child = world.as_patient("paul"), world.as_patient("lou")
    for headers, grantee in ((parent, "10000000031"), (child, "10000000032")):
        body = {"grantee": grantee}
        assert world.http.post(world.url("lou", "/grants"), json=body, headers=headers).status_code == 201
    known = [
        {each["grantee"] for each in world.http.get(world.url("lou", "/grants"), headers=h).json()["grants"]}
        for h in (parent, child)
    ]
    assert known == [{"10000000031"}, {"10000000031", "10000000032"}]
    secret = next(
        each["grant_id"]
        for each in world.http.get(world.url("lou", "/grants"), headers=child).json()["grants"]
        if each["grantee"] == "10000000032"
    )
    revoked = world.http.delete(world.url("lou", f"/grants/{secret}"), headers=parent)
    assert revoked.json()["code"] == "no-such-grant"
    live = world.http.get(world.url("lou", "/grants"), headers=child).json()["grants"]
    assert all(each["revoked_at"] is None for each in live)
    journal = world.http.get(world.url("lou", "/journal"), headers=parent)
    assert journal.json()["code"] == "journal-not-readable"


def test_an_adult_has_no_legal_representative_but_may_have_a_guardian(own_world: World) -> None:
    world = own_world
    refused = record(world, "legal_representative", "marie")
    assert (refused.status_code, refused.json()["code"]) == (409, "not-a-minor")
    made = record(world, "guardian", "marie").json()["id"]
    assert sees(world, world.as_patient("paul")) == ["bilan", "lettre", "ordonnance", "vih"]
    ended = world.http.delete(world.url("marie", f"/representatives/{made}"), headers=admin(world))
    assert ended.status_code == 204
    assert sees(world, world.as_patient("paul")) == 403
    again = world.http.delete(world.url("marie", f"/representatives/{made}"), headers=admin(world))
    assert again.json()["code"] == "no-such-relation"


def test_a_curator_reads_only_with_the_persons_consent(own_world: World) -> None:
    world = own_world
    made = record(world, "curator", "marie").json()["id"]
    curator, patient = world.as_patient("paul"), world.as_patient("marie")
    assert sees(world, curator) == 403
    assert act(world, "PUT", f"/representatives/{made}", patient, consented=True).status_code == 204
    assert sees(world, curator) == ["bilan", "lettre", "ordonnance", "vih"]
    assert act(world, "POST", "/blocks", curator, practitioner="10000000001").json()["code"] == "act-not-allowed"
    assert act(world, "GET", "/representatives", curator).json()["relations"][0]["relation_id"] == made
    assert act(world, "PUT", f"/representatives/{made}", patient, consented=False).status_code == 204
    assert sees(world, curator) == 403


def test_an_heirs_request_opens_what_a_review_said_until_it_said(own_world: World) -> None:
    world, heir = own_world, own_world.as_patient("paul")
    asked = act(world, "POST", "/succession-requests", heir, kind="heir", purpose="cause_of_death")
    assert asked.status_code == 202
    assert sees(world, heir) == 403
    (line,) = world.http.get("/v1/reviews/succession", headers=admin(world)).json()["requests"]
    assert (line["purpose"], line["person"]) == ("cause_of_death", world.patients["paul"])
    decision = {"approved": True, "categories": ["biology"], "valid_until": "2026-04-01T00:00:00Z"}
    url = f"/v1/reviews/succession/{line['relation_id']}"
    assert world.http.post(url, json=decision, headers=heir).json()["code"] == "act-not-allowed"
    assert world.http.post(url, json=decision, headers=admin(world)).status_code == 204
    assert world.http.post(url, json=decision, headers=admin(world)).status_code == 404
    assert sees(world, heir) == ["bilan", "vih"]
    act(world, "POST", "/oppositions", world.as_patient("marie"), kind="heirs")
    assert sees(world, heir) == 403
    act(world, "DELETE", "/oppositions/heirs", world.as_patient("marie"))
    world.clock.now = datetime(2026, 4, 1, tzinfo=UTC)
    assert sees(world, world.as_patient("paul")) == 403


def test_requests_are_limited_by_the_hour(own_world: World) -> None:
    world = own_world
    asked = [
        act(world, "POST", "/succession-requests", world.as_patient("paul"), kind="heir", purpose="memory").status_code
        for _ in range(11)
    ]
    assert asked == [202] * 10 + [429]


def test_who_reads_by_succession_or_curatelle_deposits_nothing(own_world: World) -> None:
    world, curator = own_world, own_world.as_patient("paul")
    made = record(world, "curator", "marie").json()["id"]
    act(world, "PUT", f"/representatives/{made}", world.as_patient("marie"), consented=True)
    sent = world.http.post(world.url("marie", "/documents"), files={"file": b"papier"}, headers=curator)
    assert (sent.status_code, sent.json()["code"]) == (403, "act-not-allowed")
    record(world, "guardian", "marie")
    sent = world.http.post(world.url("marie", "/documents"), files={"file": b"papier"}, headers=curator)
    assert sent.status_code == 202


def test_a_request_without_a_purpose_of_the_law_is_malformed(world: World) -> None:
    refused = act(world, "POST", "/succession-requests", world.as_patient("paul"), kind="heir", purpose="curiosity")
    assert refused.status_code == 422
