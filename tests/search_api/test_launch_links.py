"""A launch link serves once, for minutes, the one practitioner it is made for, and gives no right."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from records.journal import verify
from records.keys import KeyStore
from search_api.launch import FRAGMENT, LIFE, LaunchLinks
from tests.search_api.conftest import DOCTOR, STRANGER, SUSPENDED, TRAITANT
from tests.search_api.test_door import UNKNOWN, told, traced
from tests.search_api.test_journal import entries
from tests.search_api.world import World, ins_of

MARIE, NOBODY = ins_of("2850375123456").matricule, ins_of("2850375123999").matricule


def ask(world: World, rpps: str = DOCTOR, *, who: dict[str, str] | None = None, **named: str) -> Any:
    headers = who or world.bearer(system="dpi")
    return world.http.post("/v1/launch-links", json={"practitioner": rpps, **named}, headers=headers)


def link(world: World, rpps: str = DOCTOR, **named: str) -> str:
    answer = ask(world, rpps, **(named or {"ins": MARIE}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix(FRAGMENT)


def open_link(world: World, made: str, headers: dict[str, str]) -> Any:
    return world.http.post("/v1/launch-links/open", json={"link": made}, headers=headers)


def test_a_link_opens_the_record_once_for_its_practitioner(own_world: World) -> None:
    made = link(own_world)
    first = open_link(own_world, made, own_world.bearer(DOCTOR))
    assert first.json() == {"patient_id": own_world.patients["marie"]}
    again = open_link(own_world, made, own_world.bearer(DOCTOR))
    assert (again.status_code, again.json()["code"]) == (404, "no-such-link")
    newest = reversed(entries(own_world, "marie")[:3])
    told = [(each.action, each.outcome, each.caller, each.detail) for each in newest]
    assert told == [
        ("launch-link", "granted", "dpi", DOCTOR),
        ("open-launch-link", "granted", DOCTOR, ""),
        ("open-launch-link", "refused", DOCTOR, "no-such-link"),
    ]
    with own_world.services.records.read() as tx:
        assert verify(tx) == []


def test_a_link_names_the_record_by_its_id_too(world: World) -> None:
    made = link(world, patient_id=world.patients["marie"])
    assert open_link(world, made, world.bearer(DOCTOR)).json() == {"patient_id": world.patients["marie"]}


def test_a_link_says_nothing_of_anybody(world: World) -> None:
    """Neither in its text nor in its length: known, unknown and made-up patients have links alike."""
    url = ask(world, ins=MARIE).json()["url"]
    raw = base64.urlsafe_b64decode(url.removeprefix(FRAGMENT) + "==")
    for secret in (MARIE, MARIE[:13], DOCTOR, world.patients["marie"]):
        assert secret not in url
        assert secret.encode() not in raw
    answers = [ask(world, **named) for named in ({"ins": MARIE}, {"ins": NOBODY}, {"patient_id": UNKNOWN})]
    assert {(each.status_code, len(each.content)) for each in answers} == {(201, len(answers[0].content))}


def test_a_link_is_no_right(own_world: World) -> None:
    """A stranger's own link leads to the door: the same id as a lookup gives, and nothing behind it."""
    stranger = own_world.bearer(STRANGER)
    opened = open_link(own_world, link(own_world, STRANGER), stranger).json()
    looked = own_world.http.post("/v1/patients/lookup", json={"ins": MARIE}, headers=stranger).json()
    assert opened == looked
    assert own_world.http.get(f"/v1/patients/{opened['patient_id']}/documents", headers=stranger).status_code == 403
    made = link(own_world)
    own_world.revoke("doctor", "marie")
    opened = open_link(own_world, made, own_world.bearer(DOCTOR)).json()
    assert (
        own_world.http.get(f"/v1/patients/{opened['patient_id']}/documents", headers=own_world.bearer(DOCTOR)).json()[
            "code"
        ]
        == "no-access"
    )


def test_anothers_link_and_a_false_one_are_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made, who = link(world), world.bearer(TRAITANT)
    false = made[:-8] + ("A" * 8 if made[-8:] != "A" * 8 else "B" * 8)
    seen = []
    open_link(world, false, who)  # first use of a statement may read its plan
    for each in (false, made, "", "é" * 20, "%%%"):
        with traced(world, monkeypatch) as statements:
            answer = told(open_link(world, each, who))
        seen.append((answer, statements))
    assert all(each == seen[0] for each in seen)
    assert seen[0][0][0] == 404
    assert open_link(world, made, world.bearer(DOCTOR)).status_code == 200  # nobody else's attempt spends it


def test_only_the_practitioner_themselves_opens_it(world: World) -> None:
    """Not the system that made it, nor the practitioner by way of a system, nor the patient."""
    made = link(world)
    for who in (world.bearer(system="dpi"), world.bearer(DOCTOR, system="dpi"), world.as_patient("marie")):
        assert open_link(world, made, who).json()["code"] == "no-such-link"
    assert open_link(world, made, {}).json()["code"] == "token-missing"
    assert open_link(world, made, world.bearer(DOCTOR)).status_code == 200


def test_a_link_expires(own_world: World) -> None:
    made, later = link(own_world), link(own_world)
    start = own_world.clock.now
    own_world.clock.now = start + LIFE - timedelta(seconds=1)
    assert open_link(own_world, made, own_world.bearer(DOCTOR)).status_code == 200
    own_world.clock.now = start + LIFE
    assert open_link(own_world, later, own_world.bearer(DOCTOR)).json()["code"] == "no-such-link"


def test_only_a_system_makes_links(world: World) -> None:
    for who in (world.bearer(DOCTOR), world.bearer(DOCTOR, system="dpi"), world.as_patient("marie")):
        answer = ask(world, who=who, ins=MARIE)
        assert (answer.status_code, answer.json()["code"]) == (403, "act-not-allowed")


@pytest.mark.parametrize("rpps", ["19999999999", SUSPENDED, "1", "' OR 1=1"])
def test_a_link_is_for_somebody_registered_here(world: World, rpps: str) -> None:
    assert ask(world, rpps, ins=MARIE).json()["code"] == "practitioner-unknown"


@pytest.mark.parametrize("named", [{}, {"ins": MARIE, "patient_id": UNKNOWN}, {"ins": "285037512345600"}])
def test_a_link_names_one_patient_well(world: World, named: dict[str, str]) -> None:
    assert ask(world, **named).status_code == 422


def test_a_link_of_another_home_is_false(world: World, tmp_path: Path) -> None:
    keys = KeyStore.open(tmp_path / "other")
    made, _ = LaunchLinks(keys).make(DOCTOR, world.patients["marie"], None, world.clock.now)
    keys.close()
    assert open_link(world, made, world.bearer(DOCTOR)).json()["code"] == "no-such-link"
