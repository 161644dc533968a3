"""Finding a patient by identity: the answer never says whether anybody here has it."""

from __future__ import annotations

from typing import Any

import pytest

from access.identifiers import is_opaque_id
from search_api.datamatrix import read_datamatrix
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_door import traced
from tests.search_api.world import World, ins_of

MARIE = ins_of("2850375123456").matricule
NOBODY = ins_of("1600199123456").matricule
HEADER = "IS01" + "0" * 22
GS = "\x1d"
TRAITS = {
    "family_name": "Martin",
    "given_names": "Marie-Louise",
    "birth_date": "1985-03-12",
    "sex": "F",
    "birth_place": "75112",
}


def datamatrix(matricule: str, oid: str = "1.2.250.1.213.1.4.8") -> str:
    return f"{HEADER}S1{matricule}S2{oid}{GS}S3MARIE LOUISE{GS}S4MARTIN{GS}S5FS612-03-1985S775112"


def lookup(world: World, headers: dict[str, str], **body: Any) -> Any:
    return world.http.post("/v1/patients/lookup", json=body, headers=headers)


def found(world: World, headers: dict[str, str], **body: Any) -> str:
    answer = lookup(world, headers, **body)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["patient_id"]
    assert is_opaque_id(answer.json()["patient_id"])
    return str(answer.json()["patient_id"])


def test_who_has_access_finds_the_record_by_each_identity(world: World) -> None:
    for headers in (world.bearer(DOCTOR), world.bearer(BIOLOGIST), world.as_patient("marie")):
        assert found(world, headers, ins=MARIE) == world.patients["marie"]
        assert found(world, headers, ins=f" {MARIE[:1]} {MARIE[1:3]} {MARIE[3:]}") == world.patients["marie"]
        assert found(world, headers, datamatrix=datamatrix(MARIE)) == world.patients["marie"]
        assert found(world, headers, traits=TRAITS) == world.patients["marie"]


def test_who_has_none_cannot_see_that_two_identities_are_one(world: World) -> None:
    headers = world.bearer(STRANGER)
    by_ins, by_traits = found(world, headers, ins=MARIE), found(world, headers, traits=TRAITS)
    assert by_ins != by_traits
    assert by_traits != world.patients["marie"]
    assert by_ins == found(world, headers, datamatrix=datamatrix(MARIE))
    assert by_traits == found(world, headers, traits=TRAITS)  # the same question, the same answer
    for patient in (by_ins, by_traits):
        assert world.search("allergie", headers, patient=patient).json()["code"] == "no-access"


def test_known_and_unknown_identities_are_looked_up_alike(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = world.bearer(STRANGER)
    pairs = [
        ({"ins": MARIE}, {"ins": NOBODY}),
        ({"datamatrix": datamatrix(MARIE)}, {"datamatrix": datamatrix(NOBODY)}),
        ({"traits": TRAITS}, {"traits": {**TRAITS, "family_name": "Personne"}}),
    ]
    for known, unknown in pairs:
        lookup(world, headers, **unknown)
        told, traces = [], []
        for body in (known, unknown):
            with traced(world, monkeypatch) as trace:
                answer = lookup(world, headers, **body)
            told.append((answer.status_code, len(answer.content), sorted(answer.headers.multi_items())))
            traces.append(trace)
        assert told[0] == told[1]
        assert traces[0] == traces[1]


def test_an_id_of_nobody_leads_to_the_door(world: World) -> None:
    nobody = found(world, world.bearer(TRAITANT), ins=NOBODY)
    assert world.search("allergie", world.bearer(TRAITANT), patient=nobody).json()["code"] == "no-access"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ins": MARIE, "traits": TRAITS},
        {"ins": ""},
        {"ins": MARIE[:-2] + "00"},
        {"ins": "2850375123456"},
        {"datamatrix": "DC04FR0000011E581E58B201FR"},
        {"datamatrix": datamatrix(MARIE, "1.2.3.4")},
        {"datamatrix": datamatrix(MARIE[:-2] + "00")},
        {"traits": {**TRAITS, "birth_date": "hier"}},
        {"traits": {**TRAITS, "sex": "X"}},
        {"traits": {"family_name": "Martin"}},
        {"nom": "Martin"},
    ],
)
def test_a_malformed_identity_is_refused_without_repeating_it(world: World, body: dict[str, Any]) -> None:
    answer = lookup(world, world.bearer(DOCTOR), **body)
    assert answer.status_code == 422
    assert "Martin" not in answer.text
    assert MARIE[:5] not in answer.text


def test_patients_are_never_listed(world: World) -> None:
    for method, path in (("GET", "/v1/patients"), ("GET", "/v1/patients/"), ("GET", "/v1/patients/lookup")):
        assert world.http.request(method, path, headers=world.bearer(TRAITANT)).status_code in (404, 405)


def test_a_datamatrix_states_an_ins() -> None:
    read = read_datamatrix(datamatrix(MARIE))
    assert read is not None
    assert (read.matricule, read.oid) == (MARIE, "1.2.250.1.213.1.4.8")
    assert read_datamatrix(datamatrix(MARIE) + "\r\n") == read
    assert read_datamatrix("X" + datamatrix(MARIE)) is None
    assert read_datamatrix("") is None
