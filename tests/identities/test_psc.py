"""Pro Santé Connect: who its claims name, and every code of the data file against the matrix."""

from __future__ import annotations

from typing import Any

import pytest

from records.policy import load_matrix
from search_api.oidc.claims import ans_words
from tests.identities.asking import bearer, status
from tests.identities.conftest import Open
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World
from tests.services.openid import OpenId

PSC = {"profile": "psc", "names": frozenset({"practitioner"})}


def practice(profession: str = "10", specialty: str = "SM26", category: str = "C", finess: str = "") -> dict[str, Any]:
    return {
        "codeProfession": profession,
        "codeCategorieProfessionnelle": category,
        "codeTypeSavoirFaire": "S" if specialty else "",
        "codeSavoirFaire": specialty,
        "activities": [{"numeroFinessSite": finess, "numeroFinessetablissementJuridique": ""}],
    }


def account(*practices: dict[str, Any], name: str = f"8{DOCTOR}", centre_15: str = "FAUX") -> dict[str, Any]:
    return {
        "SubjectNameID": name,
        "SubjectRefPro": {"codeCivilite": "M", "exercices": list(practices)},
        "Acces_Regulation_Medicale": centre_15,
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
    }


ACCOUNTS = {
    "as registered": account(practice()),
    "one of two": account(practice("60", ""), practice()),
    "another profession": account(practice("60", "")),
    "another specialty": account(practice("10", "SM03")),
    "occupational physician": account(practice("10", "SM25")),
    "student": account(practice(category="E")),
    "elsewhere": account(practice(finess="750000002")),
    "here": account(practice(finess="750000001")),
    "ADELI": account(practice(), name=f"0{DOCTOR}"),
    "structure": account(practice(), name="3750000001/1"),
    "no type": account(practice(), name=DOCTOR),
    "list": account(name=[DOCTOR]),  # type: ignore[arg-type]
    "mute": {"SubjectNameID": f"8{DOCTOR}"},
    "odd": {"SubjectNameID": f"8{DOCTOR}", "SubjectRefPro": {"exercices": ["x", None, {"activities": "x"}]}},
    "regulates": account(practice(), centre_15="VRAI"),
    "new": account(practice("95", "", finess="750000009"), name="819999999999"),
    "new student": account(practice(category="E"), name="819999999999"),
    "new, two": account(practice("95", ""), practice("10", "SM26"), name="819999999999"),
    "unknown code": account(practice("99", ""), name="819999999999"),
}


@pytest.fixture(scope="module")
def psc() -> Any:
    with OpenId(ACCOUNTS).run() as running:
        yield running


def test_the_practice_that_is_registered_opens_and_no_other(own_world: World, psc: OpenId, federated: Open) -> None:
    http = federated(psc, **PSC)
    expected = {
        "as registered": (200, ""),
        "one of two": (200, ""),
        "another profession": (403, "practice-disagrees"),
        "another specialty": (403, "practice-disagrees"),
        "occupational physician": (403, "practice-disagrees"),
        "mute": (200, ""),
        "student": (200, ""),  # not a practice: it says nothing, and the directory decides
        "ADELI": (401, "token-invalid"),
        "structure": (401, "token-invalid"),
        "no type": (401, "token-invalid"),
        "list": (401, "token-invalid"),
        "odd": (200, ""),
    }
    assert {name: status(http, own_world, psc.login(name)) for name in expected} == expected


def test_the_establishment_at_work_narrows_those_of_the_directory(
    own_world: World, psc: OpenId, federated: Open
) -> None:
    http = federated(psc, **PSC)
    own_world.revoke("doctor", "marie")
    own_world.grant("establishment", "marie", "750000001", grantee_kind="organization")
    assert status(http, own_world, psc.login("here")) == (200, "")
    assert status(http, own_world, psc.login("elsewhere")) == (403, "no-access")


def test_centre_15_needs_the_directory_and_the_card(own_world: World, psc: OpenId, federated: Open) -> None:
    http = federated(psc, **PSC)
    own_world.revoke("doctor", "marie")

    def regulating(name: str) -> int:
        headers = bearer(psc.login(name), **{"Purpose-Of-Use": "regulation"})
        return http.get(own_world.url("marie", "/documents"), headers=headers).status_code

    assert regulating("regulates") == 403
    own_world.add_practitioner(DOCTOR, regulates=True)
    assert regulating("regulates") == 200
    assert regulating("as registered") == 403


def test_whom_no_directory_knows_is_seen_as_the_card_says_where_it_is_trusted(
    own_world: World, psc: OpenId, federated: Open
) -> None:
    nothing = (403, "profession-sees-nothing")
    own_world.grant("new", "marie", "19999999999")
    for name in ("new", "new, two", "new student", "unknown code"):
        assert status(federated(psc, **PSC), own_world, psc.login(name)) == nothing
    http = federated(psc, **PSC, trusts_professions=True)

    def shown(name: str) -> int:
        answer = http.get(own_world.url("marie", "/documents"), headers=bearer(psc.login(name)))
        return len(answer.json().get("documents", []))

    assert 0 < shown("new") == shown("new, two") < 4  # the narrowest of two practices
    for name in ("new student", "unknown code"):
        assert status(http, own_world, psc.login(name)) == nothing


def test_every_profession_of_the_data_file_is_the_row_of_its_code() -> None:
    matrix, words = load_matrix(), ans_words()
    codes = {key[0] for key in matrix.rows if key[0].isdigit()}
    assert set(words["professions"]) == codes
    for code, name in words["professions"].items():
        rows = {specialty: role for (profession, specialty), role in matrix.rows.items() if profession == code}
        assert rows
        assert all(matrix.role_of(name, specialty) is role for specialty, role in rows.items()), code
    assert matrix.role_of(words["professions"]["10"], "SM26").name == "médecin généraliste"
    assert matrix.role_of(words["professions"]["10"], "").name == ""  # a physician without specialty sees nothing
    assert matrix.role_of(words["professions"]["10"], "SM25").types == frozenset()
