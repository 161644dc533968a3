"""Encounter: the episodes of /v1, to the same people, as strong as what the hospital said and no stronger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from access.facts import RelationKind
from records import journal, merges, relations
from records.episodes import Carer, Episode, Movement, announce
from search_api.fhir.encounters import status_of
from tests.fhir.asking import FINESS_SYSTEM, RPPS_SYSTEM, code_of, get, link, resources
from tests.fhir.test_exports import address, begun, lines, made
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_door import traced
from tests.search_api.test_episodes import ADMITTED
from tests.search_api.test_mllp_reception import SENDERS, Reception
from tests.search_api.world import DAY, World

HOSPITAL = "690000001"


def stay(world: World, visit: str, *names: str, patient: str = "marie", **said: Any) -> None:
    """An episode whose team names these RPPS, begun today unless `said` says otherwise."""
    now = world.clock.now
    team = tuple(Carer("attending", f"DR {one}", one) for one in names)
    said = {"begins": now - DAY, "class_code": "I", "unit": "CARDIO"} | said
    told = Episode(HOSPITAL, visit, now, team=team, **said)
    with world.services.records.write() as tx:
        announce(tx, world.patients[patient], Movement(told))


def shown(world: World, who: dict[str, str], query: str = "") -> list[Any]:
    answer = get(world, f"/Encounter?patient={{marie}}{query}", who)
    assert answer.status_code == 200, answer.text
    return resources(answer.json())


def visits(found: list[Any]) -> list[str]:
    return [one["identifier"][0]["value"] for one in found]


@pytest.fixture
def three(own_world: World) -> World:
    """A stay of the doctor's, one of the stranger's, who has no access, and one of nobody's; one of Paul's."""
    stay(own_world, "V1", DOCTOR, begins=own_world.clock.now - 3 * DAY)
    stay(own_world, "V2", STRANGER, begins=own_world.clock.now - 2 * DAY)
    stay(own_world, "V3", begins=own_world.clock.now - DAY, class_code="O")
    stay(own_world, "P1", DOCTOR, patient="paul")
    return own_world


def test_an_admission_is_an_encounter(own_world: World) -> None:
    Reception(own_world.bench, SENDERS).take(ADMITTED)
    (one,) = shown(own_world, own_world.as_patient("marie"))
    assert one.pop("id").startswith(f"{own_world.patients['marie']}.")
    assert one.pop("meta")["versionId"]
    provider = {"identifier": {"system": FINESS_SYSTEM, "value": HOSPITAL}}
    number = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "VN"}]}

    def part(code: str, **individual: Any) -> dict[str, Any]:
        system = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
        return {"type": [{"coding": [{"system": system, "code": code}]}], "individual": individual}

    assert one == {
        "resourceType": "Encounter",
        "identifier": [{"type": number, "value": "V1", "assigner": provider}],
        "status": "planned" if own_world.clock.now < datetime(2026, 3, 1, 9, tzinfo=UTC) else "in-progress",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": f"Patient/{own_world.patients['marie']}"},
        "participant": [
            part("ATND", identifier={"system": RPPS_SYSTEM, "value": DOCTOR}, display="DR ANNE LEROY"),
            part("REF", display="DR PAUL ADRESSE"),
            part("CON", identifier={"system": RPPS_SYSTEM, "value": STRANGER}, display="LEA AVIS"),
            part("CON", display="JEAN AUTRE"),
        ],
        "period": {"start": "2026-03-01T09:00:00.000+00:00"},
        "location": [{"location": {"display": "CARDIO"}}],
        "serviceProvider": provider,
    }


def test_they_are_shown_to_whom_v1_shows_them(three: World) -> None:
    everybody = {
        "marie": (three.as_patient("marie"), ["V3", "V2", "V1"]),
        "traitant": (three.bearer(TRAITANT), ["V3", "V2", "V1"]),
        "named": (three.bearer(DOCTOR), ["V1"]),
        "not named": (three.bearer(BIOLOGIST), []),
    }
    for who, expected in everybody.values():
        bundle = get(three, "/Encounter?patient={marie}", who).json()
        assert (visits(resources(bundle)), bundle["total"]) == (expected, len(expected))
        told = three.http.get(three.url("marie", "/episodes"), headers=who).json()["episodes"]
        assert [one["visit"] for one in told] == expected
        for one in resources(bundle):
            assert get(three, f"/Encounter/{one['id']}", who).json() == one
            version = f"/Encounter/{one['id']}/_history/{one['meta']['versionId']}"
            assert get(three, version, who).json() == one
            assert code_of(get(three, f"/Encounter/{one['id']}/_history/x", who)) == "no-such-resource"
    stranger = get(three, "/Encounter?patient={marie}", three.bearer(STRANGER))
    assert (stranger.status_code, code_of(stranger)) == (403, "no-access")


def test_one_of_others_is_one_that_never_was(three: World) -> None:
    """Of the same record, of a record that is not open, or of none: one answer, headers and all, the same journal."""
    every = shown(three, three.as_patient("marie"))
    doctor, marie = three.bearer(DOCTOR), three.patients["marie"]
    (mine,) = shown(three, doctor)
    (pauls,) = resources(get(three, "/Encounter?patient={paul}", three.as_patient("paul")).json())
    names = [one["id"] for one in every if one != mine]
    names += [f"{marie}.{pauls['id'].split('.')[1]}", f"{marie}.{'a' * 26}", f"{marie}.x", marie]
    for rest in ("", "/_history/1"):
        answers = [get(three, f"/Encounter/{name}{rest}", doctor) for name in names]
        assert {(one.status_code, one.content, str(sorted(one.headers.items()))) for one in answers} == {
            (404, answers[0].content, str(sorted(answers[0].headers.items())))
        }
    for name in names[:2]:
        assert shown(three, doctor, f"&_id={name}") == []
    with three.services.records.read() as tx:
        newest = journal.entries_for_audit_without_scope(tx, marie, 2 + 2 * len(names))
    told = {(one.action, one.outcome, one.detail) for one in newest[2:]}
    assert told == {("read-episodes", "refused", "no-such-resource")}


def test_what_is_not_shown_leaves_no_trace(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record with a stay of others and one without: one answer, and the same statements in the same order."""
    who, asked = own_world.bearer(BIOLOGIST), ("/Encounter?patient={marie}", f"/Encounter/{{marie}}.{'a' * 26}")
    answers = []
    for path in asked:
        get(own_world, path, who)
    for _ in range(2):
        for path in asked:
            with traced(own_world, monkeypatch) as seen:
                answer = get(own_world, path, who)
            body = answer.json()
            body.pop("link", None)  # sealed with a number used once
            answers.append((answer.status_code, body, list(seen)))
        stay(own_world, "V9", STRANGER)
    assert answers[:2] == answers[2:]


def test_who_acts_for_a_patient_is_shown_none(three: World) -> None:
    """A minor's stay is not told to their parents: no message says which one they may know of."""
    with three.services.records.write() as tx:
        relations.record_representative(
            tx, three.patients["marie"], three.patients["paul"], RelationKind.GUARDIAN, now=three.clock.now, by="t",
            valid_until=None,
        )  # fmt: skip
    guardian = three.as_patient("paul")
    assert get(three, "/DocumentReference?patient={marie}", guardian).json()["entry"]
    bundle = get(three, "/Encounter?patient={marie}", guardian).json()
    assert (bundle["total"], "entry" in bundle) == (0, False)
    (first, *_) = shown(three, three.as_patient("marie"))
    assert get(three, f"/Encounter/{first['id']}", guardian).status_code == 404


QUERIES = {
    "&status=in-progress": ["V2", "V1"],
    "&status=unknown": ["V3"],
    "&status=finished": [],
    "&class=IMP": ["V2", "V1"],
    "&class=http://terminology.hl7.org/CodeSystem/v3-ActCode|AMB": ["V3"],
    f"&participant={RPPS_SYSTEM}|{DOCTOR}": ["V1"],
    f"&participant={STRANGER},{DOCTOR}": ["V2", "V1"],
    "&participant=10000000099": [],
    f"&service-provider={FINESS_SYSTEM}|{HOSPITAL}": ["V3", "V2", "V1"],
    "&service-provider=750000001": [],
    "&identifier=V2": ["V2"],
    "&_sort=date": ["V1", "V2", "V3"],
    "&_sort=-date&_count=2": ["V3", "V2"],
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_narrows(three: World, query: str) -> None:
    assert visits(shown(three, three.as_patient("marie"), query)) == QUERIES[query]


def test_a_search_by_date_and_by_id(three: World) -> None:
    mine, day = three.as_patient("marie"), (three.clock.now - 2 * DAY).date()
    stay(three, "V4", begins=three.clock.now - 9 * DAY, ends=three.clock.now - 8 * DAY)
    assert visits(shown(three, mine, f"&date=sa{day}")) == ["V3"]
    assert visits(shown(three, mine, f"&date=lt{day}")) == ["V1", "V4"]
    assert visits(shown(three, mine, f"&date=ge{day}")) == ["V3", "V2", "V1"]  # V1 is not over
    first = shown(three, mine)[0]
    by_id = get(three, f"/Encounter?_id={first['id']}", mine).json()
    assert resources(by_id) == [first]


def test_a_parameter_finds_nothing_that_is_not_shown(three: World) -> None:
    """What a professional may not see is not found by whom, where or when it was."""
    for query in (f"&participant={STRANGER}", "&identifier=V2", "&class=AMB", "&_summary=count&identifier=V2"):
        bundle = get(three, f"/Encounter?patient={{marie}}{query}", three.bearer(DOCTOR)).json()
        assert (bundle["total"], resources(bundle)) == (0, [])


def test_pages_follow_each_other(three: World) -> None:
    mine, seen, url = three.as_patient("marie"), [], ""
    answer = get(three, "/Encounter?patient={marie}&_count=1", mine)
    while True:
        seen += visits(resources(answer.json()))
        assert (answer.json()["total"], len(resources(answer.json()))) == (3, 1)
        if not (url := link(answer.json(), "next")):
            break
        stolen = three.http.get(url, headers=three.bearer(TRAITANT))
        assert (stolen.status_code, code_of(stolen)) == (400, "bad-cursor")
        answer = three.http.get(url, headers=mine)
    assert seen == ["V3", "V2", "V1"]
    whole = get(three, "/Encounter?patient={marie}&_include=Encounter:patient", mine).json()
    assert [one["id"] for one in resources(whole, "include")] == [three.patients["marie"]]


def test_two_identities_of_one_person_keep_their_stays_apart(three: World) -> None:
    """The same number under both, as a hospital that registered somebody twice may give it."""
    stay(three, "V1", patient="paul")
    with three.services.records.write() as tx:
        merge_id = merges.propose(tx, three.patients["marie"], three.patients["paul"], by="t", now=three.clock.now)
        merges.merge(tx, str(merge_id), "t", three.clock.now)
    mine = three.as_patient("marie")
    found = shown(three, mine)
    assert sorted(visits(found)) == ["P1", "V1", "V1", "V2", "V3"]
    assert len({one["id"] for one in found}) == 5
    for one in found:
        assert get(three, f"/Encounter/{one['id']}", mine).json() == one


HOUR, NOW = timedelta(hours=1), datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES: list[tuple[dict[str, Any], str]] = [
    ({"cancelled": True, "begins": NOW - HOUR, "ends": NOW}, "cancelled"),
    ({"begins": NOW - 2 * HOUR, "ends": NOW}, "finished"),
    ({"ends": NOW - HOUR}, "finished"),
    ({"begins": NOW - HOUR, "ends": NOW + HOUR, "class_code": "O"}, "in-progress"),
    ({"begins": NOW, "class_code": "E"}, "in-progress"),
    ({"begins": NOW - 400 * DAY, "class_code": "O"}, "unknown"),
    ({"begins": NOW - HOUR}, "unknown"),
    ({"begins": NOW + HOUR, "class_code": "I"}, "planned"),
    ({"class_code": "I"}, "unknown"),
]


@pytest.mark.parametrize(("said", "status"), STATUSES, ids=[f"{n}-{one}" for n, (_, one) in enumerate(STATUSES)])
def test_a_status_says_no_more_than_the_messages(said: dict[str, Any], status: str) -> None:
    assert status_of(Episode(HOSPITAL, "V1", NOW, **said), NOW) == status


def test_what_is_odd_is_r4_all_the_same(own_world: World) -> None:
    """An end before its beginning is no period; a class is mandatory; what is blank is nothing."""
    now = own_world.clock.now
    stay(own_world, "\u00a0", begins=now, ends=now - DAY, class_code="", unit="\u2003")
    (one,) = shown(own_world, own_world.as_patient("marie"))
    assert list(one["period"]) == ["start"]
    assert one["class"]["code"] == "UNK"
    assert "location" not in one
    assert "value" not in one["identifier"][0]


def test_a_part_keeps_what_r4_demands(three: World) -> None:
    for shape in ("_elements=id", "_summary=text"):
        (one, *_) = shown(three, three.as_patient("marie"), f"&{shape}")
        assert {"status", "class"} <= one.keys()
        assert "participant" not in one


def test_the_patients_copy_has_them(three: World) -> None:
    manifest = made(three, address(begun(three)))
    assert lines(three, manifest, "Encounter") == shown(three, three.as_patient("marie"))


def test_a_look_is_journalled_as_v1_s_is(three: World) -> None:
    doctor = three.bearer(DOCTOR)
    (mine,) = shown(three, doctor)
    get(three, f"/Encounter/{mine['id']}", doctor)
    three.http.get(three.url("marie", "/episodes"), headers=doctor)
    with three.services.records.read() as tx:
        newest = journal.entries_for_audit_without_scope(tx, three.patients["marie"], 3)
    told = [(one.action, one.outcome, one.documents, one.purpose, one.basis, one.detail) for one in newest]
    assert told == [("read-episodes", "granted", (), "care", "grant", "")] * 3
