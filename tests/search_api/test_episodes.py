"""ADT messages: the episode and its care team are recorded and shown to whom they concern, and open nothing."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from sqlalchemy import select

from access.categories import Category
from access.scope import Caller, CallerKind, Purpose, Scope
from ingest.mllp.reception import Reception
from records import episodes, journal, tables
from records.erasure import _forget
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_export import taken
from tests.search_api.test_mllp_reception import NOBODY, PID, SENDERS, msa
from tests.search_api.world import World

TEAM = (
    f"8{DOCTOR}^LEROY^ANNE^^^DR^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO|202^ADRESSE^PAUL^^^DR|"
    f"8{STRANGER}^AVIS^LEA^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO~77^AUTRE^JEAN"
)


def adt(event: str, at: str, rest: str = "", *, unit: str = "CARDIO", team: str = "", pid: str = PID) -> bytes:
    """`rest`: PV1-44 on. The number of the visit is V1."""
    visit = f"PV1|1|I|{unit}||||{team or '||'}||||||||||V1^^^CHU" + "|" * 25 + rest
    head = f"MSH|^~\\&|DPI|CHU|X|Y|{at}||ADT^{event}|{event}{at}|P|2.5|||||FRA|UNICODE UTF-8"
    return "\r".join((head, f"EVN||{at}", pid.strip("\r"), visit, "")).encode()


ADMITTED = adt("A01", "202603011000", team=TEAM)
STORY = [
    (ADMITTED, {"unit": "CARDIO", "begins": "2026-03-01T09:00:00Z", "ends": None, "cancelled": False}),
    (adt("A02", "202603021000", unit="REA"), {"unit": "REA"}),
    (adt("A12", "202603021100", unit="CARDIO"), {"unit": "CARDIO"}),
    (adt("A03", "202603031000"), {"ends": "2026-03-03T09:00:00Z"}),
    (adt("A13", "202603031100"), {"ends": None}),
    (adt("A08", "202603031200", unit=""), {"unit": "CARDIO", "ends": None}),
    (adt("A03", "202603041000", "|202603040930"), {"ends": "2026-03-04T08:30:00Z"}),
    (adt("A11", "202603041100"), {"cancelled": True, "ends": "2026-03-04T08:30:00Z"}),
]


@pytest.fixture
def door(own_world: World) -> Reception:
    return Reception(own_world.bench, SENDERS)


def shown(world: World, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = world.http.get(world.url("marie", "/episodes"), headers=headers)
    assert answer.status_code == 200
    return list(answer.json()["episodes"])


def test_an_admission_is_shown_to_its_patient_with_its_team(own_world: World, door: Reception) -> None:
    assert msa(door.take(ADMITTED))[0] == "AA"
    (episode,) = shown(own_world, own_world.as_patient("marie"))
    assert (episode["organization"], episode["visit"], episode["class_code"], episode["unit"]) == (
        "690000001",
        "V1",
        "I",
        "CARDIO",
    )
    assert [(one["role"], one["name"], one["rpps"]) for one in episode["team"]] == [
        ("attending", "DR ANNE LEROY", DOCTOR),
        ("referring", "DR PAUL ADRESSE", ""),
        ("consulting", "LEA AVIS", STRANGER),
        ("consulting", "JEAN AUTRE", ""),
    ]


def test_who_takes_part_by_a_segment_of_their_own_is_of_the_team(own_world: World, door: Reception) -> None:
    """ROL. Not who cares for the patient whatever the episode, nor whose part is withdrawn or over."""

    def role(code: str, name: str, *, action: str = "AD", until: str = "", rpps: str = "") -> str:
        number = f"8{rpps}^{name}^^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO" if rpps else f"7^{name}"
        return f"ROL|1|{action}|{code}^^HL70443|{number}|202603010900|{until}\r"

    said = "".join(
        (
            role("AT", "LEROY", rpps=DOCTOR),
            role("CP", "BLANC", until="202603051000"),
            role("CP", "PARTI", until="202602281000"),
            role("CP", "RAYE", action="DE"),
            role("PP", "TRAITANT"),
            role("ODRP", "DECLARE"),
        )
    )
    team = f"8{DOCTOR}^LEROY^^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO||"
    assert msa(door.take(adt("A01", "202603011000", team=team) + said.encode()))[0] == "AA"
    (episode,) = shown(own_world, own_world.as_patient("marie"))
    assert [(one["role"], one["name"], one["rpps"]) for one in episode["team"]] == [
        ("attending", "LEROY", DOCTOR),
        ("consulting", "BLANC", ""),
    ]


def test_each_event_changes_what_it_speaks_of(own_world: World, door: Reception) -> None:
    patient = own_world.as_patient("marie")
    for message, expected in STORY:
        assert msa(door.take(message))[0] == "AA"
        (episode,) = shown(own_world, patient)
        assert {name: episode[name] for name in expected} == expected
        assert len(episode["team"]) == 4, "a message without a team takes nobody out of it"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_in_which_messages_come_changes_nothing(own_world: World, door: Reception, seed: int) -> None:
    messages = [message for message, _ in STORY] + [STORY[3][0], STORY[0][0]]  # two are sent again
    random.Random(seed).shuffle(messages)
    for message in messages:
        door.take(message)
    (episode,) = shown(own_world, own_world.as_patient("marie"))
    said: dict[str, Any] = {}
    for _, expected in STORY:
        said |= expected
    assert {name: episode[name] for name in said} == said


def test_being_named_by_a_hospital_opens_nothing(own_world: World, door: Reception) -> None:
    url = own_world.url("marie", "/episodes")
    before = own_world.http.get(url, headers=own_world.bearer(STRANGER))
    door.take(ADMITTED)
    after = own_world.http.get(url, headers=own_world.bearer(STRANGER))
    assert (after.status_code, after.content) == (403, before.content)
    assert own_world.search("ferritine", own_world.bearer(STRANGER)).status_code == 403


def test_a_professional_sees_the_episodes_that_name_them(own_world: World, door: Reception) -> None:
    """Where somebody was treated tells of what: a grant of biology does not open it."""
    door.take(ADMITTED)
    assert len(shown(own_world, own_world.bearer(DOCTOR))) == 1
    assert shown(own_world, own_world.bearer(BIOLOGIST)) == []


def test_a_local_number_that_looks_like_an_rpps_names_nobody(own_world: World, door: Reception) -> None:
    door.take(adt("A01", "202603011000", team=f"{BIOLOGIST}^LOCAL^JEAN||"))
    (episode,) = shown(own_world, own_world.as_patient("marie"))
    assert [one["rpps"] for one in episode["team"]] == [""]
    assert shown(own_world, own_world.bearer(BIOLOGIST)) == []


def test_who_acts_for_a_patient_does_not_see_where_they_were(own_world: World, door: Reception) -> None:
    door.take(ADMITTED)
    marie = own_world.patients["marie"]
    parent = Caller(CallerKind.PATIENT, own_world.patients["paul"])
    everything = frozenset(Category)
    scope = Scope(parent, marie, Purpose.SELF, frozenset({marie}), everything)
    with own_world.services.records.read() as tx:
        assert episodes.episodes(tx, scope) == []
        oversees = Scope(parent, marie, Purpose.SELF, frozenset({marie}), everything, oversees=True)
        assert len(episodes.episodes(tx, oversees)) == 1
        empty = Scope(parent, marie, Purpose.SELF, oversees=True)
        assert episodes.episodes(tx, empty) == []


def test_an_unknown_patient_has_no_episode(own_world: World, door: Reception) -> None:
    assert msa(door.take(adt("A01", "202603011000", pid=NOBODY)))[0] == "AA"
    assert _rows(own_world) == []


@pytest.mark.parametrize("message", [adt("A05", "202603011000"), adt("A01", "202603011000").replace(b"V1^^^CHU", b"")])
def test_another_event_or_no_visit_records_nothing(own_world: World, door: Reception, message: bytes) -> None:
    assert msa(door.take(message))[0] == "AA"
    assert _rows(own_world) == []


def test_a_long_episode_keeps_what_its_first_messages_said(
    own_world: World, door: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(episodes, "_KEPT", 3)
    for message, _ in STORY:
        door.take(message)
    (episode,) = shown(own_world, own_world.as_patient("marie"))
    assert (len(episode["team"]), episode["begins"], episode["cancelled"]) == (4, "2026-03-01T09:00:00Z", True)
    (sealed,) = _rows(own_world)
    with own_world.services.records.read() as tx:
        assert len(episodes._movements(tx, sealed)) == 3


def test_an_erased_patient_has_no_episode(own_world: World, door: Reception) -> None:
    door.take(ADMITTED)
    assert len(_rows(own_world)) == 1
    with own_world.services.records.write() as tx:
        _forget(tx, own_world.patients["marie"], own_world.clock.now, "t")
    assert _rows(own_world) == []


def test_a_look_is_journalled(own_world: World, door: Reception) -> None:
    door.take(ADMITTED)
    shown(own_world, own_world.bearer(TRAITANT))
    with own_world.services.records.read() as tx:
        newest = journal.entries_for_audit_without_scope(tx, own_world.patients["marie"], 1)[0]
    assert (newest.action, newest.outcome) == ("read-episodes", "granted")


def _rows(world: World) -> list[Any]:
    with world.services.records.read() as tx:
        return list(tx.session.execute(select(tables.core(tables.Episode))).all())


def test_the_patients_own_copy_has_them(own_world: World, door: Reception) -> None:
    door.take(ADMITTED)
    (episode,) = json.loads(taken(own_world, own_world.as_patient("marie"))["sejours.json"])
    assert (episode["unit"], episode["team"][0]["rpps"]) == ("CARDIO", DOCTOR)
