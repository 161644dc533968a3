"""DocumentReference and Binary: found, read, paged, in ranges; what is asked wrongly is said to be."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from search_api.fhir.xml import from_xml
from tests.fhir.asking import INS_SYSTEM, code_of, get, link, places_of, post, resources
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TEXTS, TRAITANT
from tests.search_api.test_door import traced
from tests.search_api.world import World, ins_of

MARIE = f"{INS_SYSTEM}|{ins_of('2850375123456').matricule}"


def found(world: World, query: str, who: dict[str, str] | None = None) -> list[str]:
    """The titles of a search, in order."""
    answer = get(world, f"/DocumentReference?patient={{marie}}&{query}", who)
    assert answer.status_code == 200, answer.text
    return [one["description"] for one in resources(answer.json())]


def test_the_list_is_that_of_v1(world: World) -> None:
    for rpps in (DOCTOR, TRAITANT, BIOLOGIST):
        native = world.http.get(world.url("marie", "/documents"), headers=world.bearer(rpps)).json()["documents"]
        assert found(world, "", world.bearer(rpps)) == [one["title"] for one in native]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("type=http://loinc.org|11502-2", ["Bilan martial"]),
        ("type=60568-3,57833-6", ["Biopsie", "Ordonnance"]),
        ("category=urn:anamnese:category|treatment", ["Ordonnance"]),
        ("period=ge2025-01-10", ["Biopsie", "Ordonnance"]),
        ("period=2025", ["Ordonnance", "Bilan martial"]),
        ("period=lt2025&period=gt2024-05", []),
        ("date=2026-03-01", ["Biopsie", "Ordonnance", "Bilan martial", "Lettre de sortie"]),
        ("date=lt2026-03-01", []),
        ("author=auteur", ["Biopsie", "Ordonnance", "Bilan martial", "Lettre de sortie"]),
        ("author=personne", []),
        ("status=superseded", []),
        ("security-label=INVISIBLE_PATIENT", ["Biopsie"]),
        ("_sort=period", ["Lettre de sortie", "Bilan martial", "Ordonnance", "Biopsie"]),
        ("_content=ferritine", ["Bilan martial"]),
        ("_text=ferritine&type=60568-3", []),
        ("contenttype=application/pdf", []),
    ],
)
def test_parameters_narrow(world: World, query: str, titles: list[str]) -> None:
    assert found(world, query) == titles


def test_a_form_asks_the_same(world: World) -> None:
    form = {"patient": world.patients["marie"], "type": "11502-2", "_include": "DocumentReference:patient"}
    answer = world.http.post("/fhir/DocumentReference/_search", data=form, headers=world.bearer(DOCTOR))
    assert [one["description"] for one in resources(answer.json())] == ["Bilan martial"]
    assert [one["id"] for one in resources(answer.json(), "include")] == [world.patients["marie"]]


def test_pages_follow_each_other_and_say_nothing_in_clear(world: World) -> None:
    seen: list[str] = []
    url = f"/fhir/DocumentReference?patient.identifier={MARIE}&_count=1&period=ge2000"
    while url:
        answer = world.http.get(url, headers=world.bearer(DOCTOR))
        assert answer.status_code == 200, answer.text
        seen += [one["description"] for one in resources(answer.json())]
        for relation in ("self", "next"):
            assert MARIE.split("|")[1] not in link(answer.json(), relation)
        url = link(answer.json(), "next")
    assert seen == ["Biopsie", "Ordonnance", "Bilan martial", "Lettre de sortie"]


def test_a_page_is_its_callers_and_its_rights(own_world: World) -> None:
    first = get(own_world, "/DocumentReference?patient={marie}&_count=1").json()
    following = link(first, "next")
    for who in (TRAITANT, STRANGER):
        answer = own_world.http.get(following, headers=own_world.bearer(who))
        assert (answer.status_code, code_of(answer)) == (400, "bad-cursor")
    assert own_world.http.get(following[:-4] + "AAAA", headers=own_world.bearer(DOCTOR)).status_code == 400
    own_world.grant("again", "marie", DOCTOR, categories=frozenset({"biology"}))
    own_world.revoke("doctor", "marie")
    answer = own_world.http.get(following, headers=own_world.bearer(DOCTOR))
    assert (answer.status_code, code_of(answer)) == (400, "bad-cursor")


def test_words_page_like_the_search_itself(world: World) -> None:
    first = get(world, "/DocumentReference?patient={marie}&_content=allergie OU ferritine OU biopsie&_count=1").json()
    second = world.http.get(link(first, "next"), headers=world.bearer(DOCTOR)).json()
    assert resources(first)[0]["id"] != resources(second)[0]["id"]


def test_counts_and_parts(world: World) -> None:
    counted = get(world, "/DocumentReference?patient={marie}&_summary=count").json()
    assert (counted["total"], "entry" in counted) == (4, False)
    huge = get(world, "/DocumentReference?patient={marie}&_count=999999999").json()
    assert len(resources(huge)) == 4
    (part, *_) = resources(get(world, "/DocumentReference?patient={marie}&_elements=type").json())
    assert set(part) == {"resourceType", "id", "meta", "status", "type", "content"}
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert resources(get(world, "/DocumentReference?patient={marie}&_count=0").json()) == []


def test_read_with_its_version(world: World) -> None:
    (one, *_) = resources(get(world, "/DocumentReference?patient={marie}").json())
    path = f"/DocumentReference/{one['id']}"
    read = get(world, path)
    assert read.json() == one
    tag = read.headers["etag"]
    assert tag == f'W/"{one["meta"]["versionId"]}"'
    again = get(world, path, **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert get(world, path, **{"If-None-Match": 'W/"autre"'}).status_code == 200
    assert get(world, f"{path}/_history/{one['meta']['versionId']}").json() == one
    assert code_of(get(world, f"{path}/_history/0")) == "no-such-resource"
    (kept,) = get(world, f"{path}/_history").json()["entry"]
    assert kept["resource"] == one
    assert from_xml(get(world, path, Accept="application/fhir+xml").content) == one
    assert from_xml(get(world, f"{path}?_format=xml").content) == one


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("", {}, 400, "patient-needed"),
        ("patient={marie}&patient={paul}", {}, 400, "bad-parameter"),
        ("patient={marie},{paul}", {}, 400, "bad-parameter"),
        ("patient={marie}&date=2026-13-45", {}, 400, "bad-parameter"),
        ("patient={marie}&period=xx2026", {}, 400, "bad-parameter"),
        ("patient={marie}&_count=-1", {}, 400, "bad-parameter"),
        ("patient={marie}&_count=beaucoup", {}, 400, "bad-parameter"),
        ("patient={marie}&_sort=type", {}, 400, "bad-parameter"),
        ("patient={marie}&_summary=tout", {}, 400, "bad-parameter"),
        ("patient={marie}&type:not=11502-2", {}, 400, "bad-parameter"),
        ("patient={marie}&type:missing=true", {}, 400, "bad-parameter"),
        ("patient.identifier=123", {}, 400, "bad-parameter"),
        ("patient={marie}&inconnu=1", {"Prefer": "handling=strict"}, 400, "unknown-parameter"),
        ("patient={marie}&_include=*", {"Prefer": "handling=strict"}, 400, "unknown-parameter"),
        ("patient={marie}", {"Accept": "text/turtle"}, 406, "not-acceptable"),
        ("patient={marie}&_format=ttl", {}, 406, "not-acceptable"),
    ],
)
def test_what_is_asked_wrongly(world: World, query: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = get(world, f"/DocumentReference?{query}", **headers)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_what_is_not_known_is_ignored_and_said(world: World) -> None:
    answer = get(world, "/DocumentReference?patient={marie}&inconnu=INS-285037512345688&_count=1")
    assert len(resources(answer.json())) == 1
    (said,) = resources(answer.json(), "outcome")
    assert "inconnu" in said["issue"][0]["details"]["text"]
    strict = get(world, "/DocumentReference?patient={marie}&x|y=1", Prefer="handling=strict")
    assert places_of(strict) == ["http.?"]


def document_id(world: World, name: str) -> str:
    return f"{world.patients['marie']}.{world.documents[name]}"


def test_bytes_whole_and_in_ranges(world: World) -> None:
    path, whole = f"/Binary/{document_id(world, 'bilan')}", TEXTS["bilan"].encode()
    answer = get(world, path)
    assert answer.content == whole
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]
    for asked, start, end in (("0-9", 0, 10), ("5-", 5, len(whole)), ("-7", len(whole) - 7, len(whole))):
        part = get(world, path, Range=f"bytes={asked}")
        assert (part.status_code, part.content) == (206, whole[start:end])
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"
    beyond = get(world, path, Range="bytes=9999-")
    assert (beyond.status_code, code_of(beyond)) == (416, "bad-range")
    assert get(world, path, Range="bytes=0-1,3-4").content == whole
    assert get(world, path, Range="bytes=0-4", **{"If-Range": '"autre"'}).status_code == 200
    assert get(world, path, **{"If-None-Match": answer.headers["etag"]}).status_code == 304
    resource = get(world, path, Accept="application/fhir+json").json()
    assert base64.b64decode(resource["data"]) == whole
    xml = from_xml(get(world, path, Accept="application/fhir+xml").content)
    assert base64.b64decode(xml["data"]) == whole


def test_active_content_is_bytes(own_world: World) -> None:
    own_world.deposit("page", "marie", "<html><body><script>alert(1)</script>Compte rendu du 2 mai</body></html>")
    own_world.work()
    answer = get(own_world, f"/Binary/{document_id(own_world, 'page')}")
    if answer.status_code == 200:
        assert answer.headers["content-type"] == "application/octet-stream"


def paths(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    lettre = "{patient}." + world.documents["lettre"]
    reads = [f"/{kind}/{lettre}" for kind in ("DocumentReference", "Binary", "AllergyIntolerance", "Provenance")]
    reads.append("/Encounter/{patient}.x/_history/1")
    reads += [f"/{kind}/{{patient}}.x" for kind in ("Condition", "Observation", "AuditEvent", "Consent", "Encounter")]
    kinds = ("DocumentReference", "AllergyIntolerance", "MedicationStatement", "Observation", "AuditEvent", "Consent")
    kinds = (*kinds, "Encounter")
    searches = [f"/{kind}?patient={{patient}}" for kind in kinds]
    words = ["/DocumentReference?patient={patient}&_content=allergie", "/Provenance?target=Condition/{patient}.x"]
    whole = ["/Patient/{patient}", "/Patient/{patient}/$summary", "/Patient?_id={patient}"]
    gets = [("GET", path, {}) for path in (*reads, *searches, *words, *whole)]
    return [*gets, ("DELETE", f"/Consent/{lettre}", {}), ("DELETE", "/Consent/{patient}.block-10000000009", {})]


def test_without_access_a_patient_and_nobody_are_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address, to the byte and by the same statements; also for ids that are none."""
    who = world.bearer(STRANGER)
    for method, path, rest in paths(world):
        answers = []
        world.http.request(method, "/fhir" + path.format(patient="x"), headers=who, **rest)
        for patient in (world.patients["marie"], "abcdefghijklmnopqrstuvwxyz", "inconnu"):
            with traced(world, monkeypatch) as seen:
                answer = world.http.request(method, "/fhir" + path.format(patient=patient), headers=who, **rest)
            answers.append((answer.status_code, sorted(answer.headers.multi_items()), answer.content, seen))
        assert answers[0] == answers[1] == answers[2], path
        assert answers[0][0] == 403, path
        assert b"no-access" in answers[0][2]


def test_a_document_of_another_is_one_that_never_was(world: World) -> None:
    for kind in ("DocumentReference", "Binary"):
        answers = []
        for name in (world.documents["vih"], world.documents["paul"], "a" * 26, "x"):
            answer = get(world, f"/{kind}/{{marie}}.{name}")
            answers.append((answer.status_code, answer.content))
        assert set(answers) == {answers[0]}
        assert answers[0][0] == 404


def test_every_address_needs_a_token(world: World) -> None:
    for method, path, rest in paths(world):
        answer = world.http.request(method, "/fhir" + path.format(patient=world.patients["marie"]), **rest)
        assert (answer.status_code, code_of(answer)) == (401, "token-missing"), path


def test_looking_up_tells_nothing(world: World) -> None:
    """Known and unknown identities give a stranger answers of one form; with access the record's own."""
    nobody = f"{INS_SYSTEM}|{ins_of('1900375123456').matricule}"
    for path in ("/Patient?identifier=", "/DocumentReference?patient.identifier="):
        known = get(world, path + MARIE, world.bearer(STRANGER))
        unknown = get(world, path + nobody, world.bearer(STRANGER))
        assert known.status_code == unknown.status_code
        if known.status_code == 403:
            assert known.content == unknown.content
            assert b"no-access" in known.content
        else:
            (one,), (other,) = resources(known.json()), resources(unknown.json())
            assert set(one) == set(other) == {"resourceType", "id", "meta", "identifier"}
            assert len(one["id"]) == len(other["id"]) == 26
    (marie,) = resources(get(world, "/Patient?identifier=" + MARIE).json())
    assert (marie["id"], marie["birthDate"]) == (world.patients["marie"], "1985-03-12")
    traits = {name: marie[name] for name in ("resourceType", "name", "gender", "birthDate", "extension")}
    matched = post(world, "/Patient/$match", {"resourceType": "Parameters", "parameter": [
        {"name": "resource", "resource": traits}]}).json()  # fmt: skip
    assert [one["resource"]["id"] for one in matched["entry"]] == [world.patients["marie"]]
    strangers = post(world, "/Patient/$match", traits, world.bearer(STRANGER)).json()
    assert strangers["entry"][0]["resource"]["id"] != world.patients["marie"]


def test_nothing_identifying_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        get(world, f"/DocumentReference?patient.identifier={MARIE}&_content=carcinome&author=Auteur")
        get(world, f"/Patient?identifier={MARIE}")
        get(world, "/DocumentReference?patient={marie}&date=carcinome")
        get(world, "/DocumentReference/{marie}.x")
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("anamnese"))
    assert "GET /fhir/DocumentReference 200" in said
    assert "GET /fhir/DocumentReference/{identity} 404" in said
    for secret in (MARIE.split("|")[1], "carcinome", "Auteur", world.patients["marie"]):
        assert secret not in said


def test_whoever_asks_too_fast_is_told_in_fhir(own_world: World) -> None:
    object.__setattr__(own_world.services, "requests_a_minute", 2)
    object.__setattr__(own_world.services, "lookups_a_minute", 1)
    looks = [get(own_world, f"/DocumentReference?patient.identifier={MARIE}") for _ in range(2)]
    assert [one.status_code for one in looks] == [200, 429]
    last = get(own_world, "/Patient/{marie}")
    assert (last.status_code, code_of(last)) == (429, "too-many-requests")
    assert last.headers["retry-after"] == "60"


def test_every_look_is_journalled_before_it_is_shown(own_world: World) -> None:
    for path in ("/DocumentReference?patient={marie}", "/Patient/{marie}", "/Condition?patient={marie}"):
        assert get(own_world, path).status_code == 200
    lines = own_world.http.get(own_world.url("marie", "/journal"), headers=own_world.as_patient("marie")).json()
    assert [one["action"] for one in lines["entries"]] == ["read-facts", "read-identity", "list-documents"]


def test_a_function_that_is_off_is_off_here_too(own_world: World) -> None:
    object.__setattr__(own_world.services, "off", frozenset({"facts", "search"}))
    for path in (
        "/Condition?patient={marie}",
        "/Patient/{marie}/$summary",
        "/DocumentReference?patient={marie}&_content=x",
    ):
        assert code_of(get(own_world, path)) == "function-off"
    assert get(own_world, "/DocumentReference?patient={marie}").status_code == 200
