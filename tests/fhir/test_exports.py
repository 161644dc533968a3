"""`Patient/{id}/$export`: a record as NDJSON for its patient; inside the Scope, journalled, sealed, for an hour."""

from __future__ import annotations

import dataclasses
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from access.decide import decide
from access.scope import Caller, CallerKind, Purpose, Scope
from records import exports, journal, masks
from records.erasure import erase
from records.rights import access_facts
from search_api.fhir import exports as exporting
from tests.fhir.asking import code_of, get
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World


def begun(world: World, query: str = "", patient: str = "marie", **headers: str) -> Any:
    path = f"/Patient/{{{patient}}}/$export{query}"
    return get(world, path, world.as_patient(patient), Prefer="respond-async", **headers)


def address(answer: Any) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.headers["content-location"]).partition("/fhir")[2]


def made(world: World, where: str, patient: str = "marie") -> dict[str, Any]:
    """The manifest, once it is there."""
    until = time.monotonic() + 120
    while (answer := get(world, where, world.as_patient(patient))).status_code == 202:
        assert int(answer.headers["retry-after"]) > 0
        assert time.monotonic() < until
        time.sleep(0.05)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def lines(world: World, manifest: dict[str, Any], kind: str, patient: str = "marie") -> list[dict[str, Any]]:
    (one,) = (each for each in manifest["output"] if each["type"] == kind)
    answer = get(world, one["url"].partition("/fhir")[2], world.as_patient(patient), Accept="application/fhir+ndjson")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/fhir+ndjson")
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert len(found) == one["count"]
    return found


def test_a_patient_takes_their_record_as_resources(own_world: World) -> None:
    world, marie = own_world, own_world.patients["marie"]
    manifest = made(world, address(begun(world)))
    assert manifest["requiresAccessToken"] is True
    assert manifest["error"] == []
    assert manifest["request"].endswith(f"/fhir/Patient/{marie}/$export")
    (patient,) = lines(world, manifest, "Patient")
    assert patient["id"] == marie
    documents = lines(world, manifest, "DocumentReference")
    names = {one["id"].rpartition(".")[2] for one in documents}
    assert world.documents["lettre"] in names
    assert world.documents["biopsie"] not in names  # hidden from her
    assert world.documents["paul"] not in names
    assert {one["resourceType"] for one in documents} == {"DocumentReference"}
    allergies = lines(world, manifest, "AllergyIntolerance")
    assert allergies
    sources = {one["target"][0]["reference"] for one in lines(world, manifest, "Provenance")}
    assert {f"AllergyIntolerance/{one['id']}" for one in allergies} <= sources
    whole = json.dumps([lines(world, manifest, each["type"]) for each in manifest["output"]])
    assert "carcinome" not in whole
    assert "Paul" not in whole


def test_a_type_is_chosen_and_what_is_not_understood_is_refused(own_world: World) -> None:
    manifest = made(own_world, address(begun(own_world, "?_type=Patient&_outputFormat=application/fhir%2Bndjson")))
    assert [each["type"] for each in manifest["output"]] == ["Patient"]
    for query in ("?_type=Zorg", "?_since=2020-01-01T00:00:00Z", "?_outputFormat=text/csv"):
        answer = begun(own_world, query)
        assert (answer.status_code, code_of(answer)) == (400, "bad-parameter"), query


@pytest.mark.parametrize("rpps", [DOCTOR, TRAITANT, STRANGER])
def test_it_is_the_patients_to_take(own_world: World, rpps: str) -> None:
    answer = get(own_world, "/Patient/{marie}/$export", own_world.bearer(rpps))
    assert (answer.status_code, code_of(answer)) == (403, "no-access" if rpps == STRANGER else "act-not-allowed")
    where = address(begun(own_world))
    made(own_world, where)
    for address_ in (where, f"{where}/Patient"):
        assert get(own_world, address_, own_world.bearer(rpps)).status_code in (403, 404)
    assert get(own_world, where, own_world.as_patient("paul")).status_code == 403


def test_a_name_of_nothing_and_of_anothers_are_one_answer(own_world: World) -> None:
    world = own_world
    name = address(begun(world)).rpartition("/")[2]
    paul = world.patients["paul"]
    answers = [
        get(world, f"/Patient/{paul}/$export/{one}{rest}", world.as_patient("paul"))
        for one in (name, "a" * 26, "x")
        for rest in ("", "/Patient")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_it_is_for_one_caller_by_one_right(own_world: World) -> None:
    world, now = own_world, own_world.clock.now
    where = address(begun(world))
    made(world, where)
    marie, policy = world.patients["marie"], world.services.policy
    with world.services.records.read() as tx:
        caller = Caller(CallerKind.PATIENT, marie)
        scope = decide(
            caller, marie, Purpose.SELF, now, access_facts(tx, caller, marie, now, policy), policy, all_states=True
        )
        assert isinstance(scope, Scope)
        name = where.rpartition("/")[2]
        assert exports.find(tx, scope, name, now) is not None
        other = dataclasses.replace(caller, id=world.patients["paul"])
        for changed in (
            dataclasses.replace(scope, grant_version="autre"),
            dataclasses.replace(scope, caller=other),
            dataclasses.replace(scope, patient_id=world.patients["paul"]),
            dataclasses.replace(scope, identities=frozenset()),
        ):
            assert exports.find(tx, changed, name, now) is None


def test_what_is_in_it_is_journalled_before_it_is_begun(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world, marie = own_world, own_world.patients["marie"]

    def told() -> list[journal.Entry]:
        with world.services.records.read() as tx:
            entries = journal.entries_for_audit_without_scope(tx, marie, 1000)
        return [each for each in entries if each.action == "export"]

    manifest = made(world, address(begun(world)))
    first = told()[-1]
    assert first.outcome == "granted"
    assert world.documents["lettre"] in first.documents
    assert world.documents["biopsie"] not in first.documents
    before = len(told())
    lines(world, manifest, "DocumentReference")
    assert len(told()) == before + 1

    def broken(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(journal, "append", broken)
    assert begun(world).status_code == 503


def test_it_is_gone_with_what_may_no_longer_be_seen_and_after_an_hour(own_world: World) -> None:
    world = own_world
    where = address(begun(world))
    made(world, where)
    with world.services.records.write() as tx:
        masks.hide_from_patient(tx, world.documents["lettre"], world.clock.now)
    assert get(world, where, world.as_patient("marie")).status_code == 404
    assert get(world, f"{where}/Patient", world.as_patient("marie")).status_code == 404
    again = address(begun(world))
    made(world, again)
    world.clock.now += timedelta(minutes=61)
    assert get(world, again, world.as_patient("marie")).status_code == 404
    services = world.services
    assert exports.sweep(services.records, services.blobs, world.clock.now) == 2
    assert [ref for ref in services.blobs.walk() if ref.kind == exports.BLOB] == []


def test_it_can_be_given_up_and_goes_with_the_patient(own_world: World, tmp_path: Any) -> None:
    world, services = own_world, own_world.services
    where = address(begun(world))
    made(world, where)
    assert world.http.delete(f"/fhir{where}", headers=world.as_patient("marie")).status_code == 202
    assert get(world, where, world.as_patient("marie")).status_code == 404
    assert [ref for ref in services.blobs.walk() if ref.kind == exports.BLOB] == []
    made(world, address(begun(world)))
    stored = [services.blobs.shelf.path(ref).read_bytes() for ref in services.blobs.walk() if ref.kind == exports.BLOB]
    assert stored
    assert b"MARTIN" not in b"".join(stored)
    erase(
        services.records, services.blobs, services.keys, tmp_path / "l", world.patients["marie"], world.clock.now, "t"
    )
    assert [ref for ref in services.blobs.walk() if ref.kind == exports.BLOB] == []
    assert exports.sweep(services.records, services.blobs, world.clock.now + timedelta(days=9)) == 0


def test_one_that_failed_or_whose_process_died_says_so(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = own_world

    def broken(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(exporting, "_resources", broken)
    where = address(begun(world))
    until = time.monotonic() + 120
    while (answer := get(world, where, world.as_patient("marie"))).status_code == 202:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert (answer.status_code, code_of(answer)) == (503, "export-failed")
    monkeypatch.setattr(exporting, "_make", lambda *_: exporting._AT_ONCE.release())
    where = address(begun(world))
    assert get(world, where, world.as_patient("marie")).status_code == 202
    name = world.services.records.presence.name()
    monkeypatch.setattr(type(world.services.records.presence), "dead", lambda _: {name})
    assert code_of(get(world, where, world.as_patient("marie"))) == "export-failed"


def test_only_so_many_at_a_time(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "_make", lambda *_: None)  # never ends
    answers = [begun(own_world).status_code for _ in range(3)]
    for _ in range(2):
        exporting._AT_ONCE.release()
    assert answers == [202, 202, 503]


def test_only_documents_that_were_read_are_in_it(own_world: World) -> None:
    world = own_world
    world.deposit("attend", "marie", "Pas encore lu.")
    manifest = made(world, address(begun(world, "?_type=DocumentReference")))
    names = {one["id"].rpartition(".")[2] for one in lines(world, manifest, "DocumentReference")}
    assert world.documents["attend"] not in names
