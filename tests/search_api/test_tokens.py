"""Bearer tokens: only ours, only now, only for us; and a practitioner is who records say they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from access.scope import CallerKind
from search_api.tokens import ALGORITHM, issue_token
from tests.search_api.conftest import DOCTOR, SUSPENDED
from tests.search_api.world import DAY, World


def claims(world: World, **changes: Any) -> dict[str, Any]:
    stamp = int(world.clock.now.timestamp())
    base = {"iss": "anamnese-dev", "aud": "anamnese", "iat": stamp, "exp": stamp + 60}
    return {**base, "kind": "practitioner", "sub": DOCTOR, "rpps": DOCTOR, **changes}


def private_key(world: World) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(world.services.keys.service_key("tokens"))


def signed(world: World, payload: dict[str, Any], key: Ed25519PrivateKey | None = None) -> str:
    pem = (key or private_key(world)).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return jwt.encode({"alg": ALGORITHM}, payload, OKPKey.import_key(pem), algorithms=[ALGORITHM])


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def status(world: World, token: str) -> tuple[int, str]:
    answer = world.http.get(world.url("marie", "/documents"), headers={b"Authorization": f"Bearer {token}".encode()})
    return answer.status_code, answer.json().get("code", "")


def test_a_good_token_opens(world: World) -> None:
    assert status(world, signed(world, claims(world))) == (200, "")


FORGERIES: dict[str, Callable[[World], str]] = {
    "algorithm none": lambda w: f"{segment({'alg': 'none'})}.{segment(claims(w))}.",
    "algorithm none, signature kept": lambda w: (
        f"{segment({'alg': 'none'})}.{segment(claims(w))}.{signed(w, claims(w)).rsplit('.', 1)[1]}"
    ),
    "payload changed": lambda w: (
        f"{signed(w, claims(w)).split('.')[0]}.{segment(claims(w, rpps='10000000002'))}."
        f"{signed(w, claims(w)).split('.')[2]}"
    ),
    "another key": lambda w: signed(w, claims(w), Ed25519PrivateKey.generate()),
    "HMAC with the public key as secret": lambda w: jwt.encode(
        {"alg": "HS256"},
        claims(w),
        OctKey.import_key(private_key(w).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    ),
    "HMAC with the seed as secret": lambda w: jwt.encode(
        {"alg": "HS256"}, claims(w), OctKey.import_key(w.services.keys.service_key("tokens"))
    ),
    "another audience": lambda w: signed(w, claims(w, aud="autre")),
    "no audience": lambda w: signed(w, {k: v for k, v in claims(w).items() if k != "aud"}),
    "another issuer": lambda w: signed(w, claims(w, iss="https://autre.example")),
    "no expiry": lambda w: signed(w, {k: v for k, v in claims(w).items() if k != "exp"}),
    "expiry that is no number": lambda w: signed(w, claims(w, exp="demain")),
    "issued in the future": lambda w: signed(w, claims(w, iat=int(w.clock.now.timestamp()) + 3600)),
    "not yet": lambda w: signed(w, claims(w, nbf=int(w.clock.now.timestamp()) + 3600)),
    "kind unknown": lambda w: signed(w, claims(w, kind="root")),
    "kind not a word": lambda w: signed(w, claims(w, kind=["practitioner"])),
    "two bearers": lambda w: signed(w, claims(w, patient_id=w.patients["marie"])),
    "malformed RPPS": lambda w: signed(w, claims(w, rpps="1' OR '1'='1")),
    "system with a malformed practitioner": lambda w: signed(w, claims(w, kind="system", client_id="dpi", rpps="x")),
    "not a token": lambda _: "abc",
    "dots": lambda _: "..",
    "megabyte": lambda _: "a" * 100_000,
    "not ASCII": lambda _: "jeton-falsifié",
    "not even JSON": lambda _: "e30.YWJj.YWJj",
    "header that is no object": lambda w: f"{segment([1])}.{segment(claims(w))}.AAAA",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(world: World, name: str) -> None:
    assert status(world, FORGERIES[name](world)) == (401, "token-invalid")


def test_an_expired_token_is_refused_from_its_last_second_on(own_world: World) -> None:
    token = issue_token(own_world.services, rpps=DOCTOR, lifetime=timedelta(hours=1), now=own_world.clock.now)
    own_world.clock.now += timedelta(minutes=59, seconds=59)
    assert status(own_world, token) == (200, "")
    own_world.clock.now += timedelta(seconds=2)
    assert status(own_world, token) == (401, "token-expired")


def test_a_token_never_lives_longer_than_a_day(own_world: World) -> None:
    token = issue_token(own_world.services, rpps=DOCTOR, lifetime=365 * DAY, now=own_world.clock.now)
    own_world.clock.now += DAY + timedelta(seconds=1)
    assert status(own_world, token) == (401, "token-expired")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "jeton"])
def test_without_a_bearer_token_nothing_is_answered(world: World, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = world.http.get(world.url("marie", "/documents"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_suspended_practitioner_stops_at_the_next_request(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    assert own_world.http.get(own_world.url("marie", "/documents"), headers=headers).status_code == 200
    own_world.add_practitioner(DOCTOR, suspended=True)
    answer = own_world.http.get(own_world.url("marie", "/documents"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "practitioner-suspended")
    patient = own_world.http.get(own_world.url("inconnu", "/documents"), headers=own_world.bearer(SUSPENDED))
    assert (patient.status_code, patient.json()["code"]) == (403, "practitioner-suspended")


def test_a_practitioner_who_is_not_in_the_directory_has_no_profession_and_sees_nothing(own_world: World) -> None:
    world, headers = own_world, own_world.bearer("19999999999")
    world.grant("unknown", "marie", "19999999999")
    known, unknown = (world.http.get(world.url(who, "/documents"), headers=headers) for who in ("marie", "inconnu"))
    assert (known.status_code, known.json()["code"]) == (403, "profession-sees-nothing")
    assert (known.content, known.headers) == (unknown.content, unknown.headers)


def test_only_a_development_token_says_what_such_a_practitioner_is(own_world: World) -> None:
    world, headers = own_world, own_world.bearer("19999999999", unregistered="médecin généraliste")
    world.grant("unknown", "marie", "19999999999")
    answer = world.http.get(world.url("marie", "/documents"), headers=headers)
    assert len(answer.json()["documents"]) == 4
    world.add_practitioner("19999999999", profession="diététicien", specialty="")  # registered: what it says counts
    answer = world.http.get(world.url("marie", "/documents"), headers=headers)
    assert len(answer.json()["documents"]) < 4


def test_a_system_adds_no_right_to_its_practitioner_and_has_none_alone(world: World) -> None:
    for_doctor = world.bearer(DOCTOR, system="dpi")
    assert world.http.get(world.url("marie", "/documents"), headers=for_doctor).status_code == 200
    for_stranger = world.bearer("10000000004", system="dpi")
    assert world.http.get(world.url("marie", "/documents"), headers=for_stranger).json()["code"] == "no-access"
    alone = world.http.get(world.url("marie", "/documents"), headers=world.bearer(system="dpi"))
    assert (alone.status_code, alone.json()["code"]) == (403, "system-needs-practitioner")


@pytest.mark.parametrize("role", [CallerKind.AUDITOR, CallerKind.ADMINISTRATOR])
def test_auditors_and_administrators_read_no_document(world: World, role: CallerKind) -> None:
    for patient in ("marie", "inconnu"):
        answer = world.http.get(world.url(patient, "/documents"), headers=world.bearer(role=role))
        assert (answer.status_code, answer.json()["code"]) == (403, "role-reads-no-document")
