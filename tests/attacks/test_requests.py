"""Requests of an attacker with a good token of their own: other people's ids, odd paths, fields, headers, bytes."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from access.facts import RelationKind
from records import bulks, emergencies, relations, saved_searches
from records.episodes import Carer, Episode, Movement, announce
from search_api.border import HEADERS
from search_api.fhir.router import SEARCHES
from tests.identities.asking import routes
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import DAY, World

NOBODY = "zyxwvutsrqponmlkjihgfedcba"
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "search"): {"query": "allergie"},
    ("POST", "grants"): {"grantee": "10000000009"},
    ("POST", "blocks"): {"practitioner": "10000000009"},
    ("POST", "masks"): {"document_id": NOBODY},
    ("POST", "oppositions"): {"kind": "heirs"},
    ("POST", "representatives"): {"person": NOBODY, "kind": "guardian"},
    ("PUT", "{relation_id}"): {"consented": True},
    ("PUT", "contact"): {"mail": "a@exemple.test"},
    ("POST", "break-glass"): {"reason": "other"},
    ("POST", "{document_id}"): {"decision": "release"},
    ("POST", "{emergency_id}"): {"verdict": "justified"},
    ("POST", "succession-requests"): {"kind": "heir", "purpose": "rights"},
    ("POST", "{relation_id}"): {"approved": True, "valid_until": "2030-01-01T00:00:00Z"},
}


def others(world: World) -> dict[str, str]:
    """Real ids of Paul's record, by the name of the parameter that takes them."""
    paul = world.patients["paul"]
    with world.services.records.write() as tx:
        relation = relations.record_representative(
            tx, paul, world.patients["marie"], RelationKind.CURATOR, now=world.clock.now, by="t", valid_until=None
        )
        from access.scope import Caller, CallerKind

        caller = Caller(CallerKind.PRACTITIONER, DOCTOR)
        other = Caller(CallerKind.PRACTITIONER, "10000009999")
        kept = saved_searches.save(tx, other, "x", "x", "toux", (), world.clock.now)
        sent = bulks.Sent(CallerKind.SYSTEM, "dpi", "x", "x")
        bulk = bulks.begin(
            tx, "ndjson", [("a:1", 0)], path="a", size=1, modified=0, whole=None, organization="", creates=False,
            now=world.clock.now, sent=sent,
        )  # fmt: skip
        emergency, _ = emergencies.break_glass(tx, paul, caller, "other", world.clock.now, world.services.policy)
    return {
        "document_id": world.documents["paul"],
        "search_id": kept.search_id,
        "bulk_id": bulk.bulk_id,
        "grant_id": world.grants["paul"],
        "relation_id": relation,
        "emergency_id": emergency,
        "practitioner": DOCTOR,
        "kind": "heirs",
        "number": "1",
    }


def state(world: World) -> list[tuple[Any, ...]]:
    """Everything that is recorded of anybody, but for the traces of having been asked."""
    from sqlalchemy import select

    from records import tables

    traces = {"journal", "journal_heads", "attempts", "visitors", "notifications"}
    with world.services.records.read() as tx:
        return [
            (table.name, *row)
            for table in tables.Base.metadata.sorted_tables
            if table.name not in traces
            for row in tx.session.execute(select(table)).all()
        ]


def test_anothers_id_in_every_place_that_takes_one(own_world: World) -> None:
    """Under one's own record and under the other's: the answer to an id of another is the answer to an id of nobody."""
    theirs = others(own_world)
    tried = 0
    before = state(own_world)
    for method, route in routes(own_world.app):
        names = [name for name in re.findall(r"{(\w+)}", route.path) if name != "patient_id"]
        assert set(names) <= set(theirs), f"{route.path}: say what another's {names} is"
        ids = [name for name in names if name not in ("kind", "number", "practitioner")]
        if not ids:
            continue
        tried += 1
        for headers in (own_world.as_patient("marie"), own_world.bearer(DOCTOR)):
            answers = []
            for given in (theirs, theirs | dict.fromkeys(ids, NOBODY)):
                path = route.path.format(patient_id=own_world.patients["marie"], **{n: given[n] for n in names})
                body = BODIES.get((method, route.path.split("/")[-1]))
                answers.append(own_world.http.request(method, path, headers=headers, json=body))
            assert 400 <= answers[0].status_code < 500, route.path
            assert answers[0].content == answers[1].content, route.path
            assert answers[0].headers == answers[1].headers, route.path
    assert tried >= 9
    assert state(own_world) == before


def test_anothers_record_in_every_address(own_world: World) -> None:
    """A patient's own token on another's record, existing or not: one answer, and nothing is done."""
    theirs, before, tried = others(own_world), None, 0
    before = state(own_world)
    for method, route in routes(own_world.app):
        if "{patient_id}" not in route.path or route.path.endswith("/succession-requests"):
            continue  # anybody may ask as an heir; what was asked is reviewed, and tells nothing
        tried += 1
        names = [name for name in re.findall(r"{(\w+)}", route.path) if name != "patient_id"]
        body = BODIES.get((method, route.path.split("/")[-1]))
        answers = []
        for patient in (own_world.patients["paul"], NOBODY):
            path = route.path.format(patient_id=patient, **{name: theirs[name] for name in names})
            answers.append(own_world.http.request(method, path, headers=own_world.as_patient("marie"), json=body))
        assert answers[0].status_code in (403, 422), route.path
        assert answers[0].content == answers[1].content, route.path
    assert tried >= 25
    assert state(own_world) == before


KINDS_OF_PAUL = {"DocumentReference", "AuditEvent", "Consent", "Encounter"}


def of_paul(world: World) -> list[tuple[str, str]]:
    """(kind, name in his record) of what Paul is shown in FHIR, a stay of his among it."""
    paul, now = world.patients["paul"], world.clock.now
    team = (Carer("attending", "DR", DOCTOR),)  # who has no access to his record
    with world.services.records.write() as tx:
        announce(tx, paul, Movement(Episode("690000001", "V1", now, "I", begins=now, team=team)))
    found = []
    for kind in sorted(SEARCHES.keys() - {"Patient", "Provenance"}):
        answer = world.http.get(f"/fhir/{kind}?patient={paul}", headers=world.as_patient("paul")).json()
        ids = [one["resource"]["id"] for one in answer.get("entry", []) if one["search"]["mode"] == "match"]
        found += [(kind, one.split(".")[1]) for one in ids]
    assert {kind for kind, _ in found} >= KINDS_OF_PAUL
    return found


def test_anothers_resource_in_fhir(own_world: World) -> None:
    """Under one's own record it is one of nobody, under the other's the door that stands before nobody's record."""
    theirs, paul, marie = of_paul(own_world), own_world.patients["paul"], own_world.patients["marie"]
    before = state(own_world)
    for kind, name in theirs:
        asked = [("GET", ""), ("GET", "/_history/1"), *([("DELETE", "")] if kind == "Consent" else [])]
        pairs = [(f"{paul}.{name}", f"{NOBODY}.{name}")]
        if kind != "AuditEvent":  # whose name is its place in its record's journal: one's own has one there, too
            pairs.append((f"{marie}.{name}", f"{marie}.{NOBODY}"))
        for (method, rest), pair in itertools.product(asked, pairs):
            for headers in (own_world.as_patient("marie"), own_world.bearer(DOCTOR)):
                one, other = (
                    own_world.http.request(method, f"/fhir/{kind}/{each}{rest}", headers=headers) for each in pair
                )
                assert 400 <= one.status_code < 500, (kind, method)
                assert (one.status_code, one.content, one.headers) == (
                    other.status_code,
                    other.content,
                    other.headers,
                ), (kind, method)
    assert state(own_world) == before


PATHS = [
    "..",
    "../..",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "....//",
    "/etc/passwd",
    "\\..\\",
    "%00",
    "a%0d%0aX: 1",
    "é" * 40,
]


@pytest.mark.parametrize("path", PATHS)
def test_path_traversal(world: World, path: str) -> None:
    """Ids name rows, never files: whatever is no id is an id of nobody."""
    for address in (f"/documents/{path}", f"/documents/{path}/content", f"/documents/{path}/pages/1.png"):
        answer = world.http.get(world.url("marie", address), headers=world.bearer(DOCTOR))
        assert answer.status_code in (403, 404, 405), address
        assert "root:" not in answer.text
    answer = world.http.get(f"/v1/patients/{path}/documents", headers=world.bearer(DOCTOR))
    assert answer.status_code in (403, 404)


def test_a_file_name_sent_is_never_a_path(own_world: World) -> None:
    before = sorted(own_world.home.rglob("*"))
    name = "../../../../tmp/anamnese-traversal\r\nSet-Cookie: a=b"
    files = {"file": (name, b"Lettre.\n\nBonjour.", "text/html")}
    answer = own_world.http.post(own_world.url("marie", "/documents"), files=files, headers=own_world.bearer(DOCTOR))
    assert answer.status_code in (202, 400)
    own_world.work()
    new = [each for each in sorted(own_world.home.rglob("*")) if each not in before]
    assert all("traversal" not in str(each) for each in new)
    if answer.status_code == 202:
        content = own_world.http.get(f"{answer.json()['url']}/content", headers=own_world.bearer(DOCTOR))
        assert "traversal" not in str(content.headers)
        assert "set-cookie" not in content.headers


@pytest.mark.parametrize("evil", ["a\r\nSet-Cookie: x=1", "a\nX-Injected: 1", "\u560a\u560dSet-Cookie: x=1"])
def test_header_injection(own_world: World, evil: str) -> None:
    """Nothing that is sent comes back in a header: file names, keys, cursors, ids, titles."""
    headers = own_world.bearer(DOCTOR)
    files = {
        "title": (None, evil),
        "file": ("a.txt", b"Lettre.\n\nBonjour."),
    }
    sent = own_world.http.post(own_world.url("marie", "/documents"), files=files, headers=headers)
    answers = [
        sent,
        own_world.http.get(own_world.url("marie", "/documents"), params={"cursor": evil}, headers=headers),
        own_world.http.get(own_world.url("marie", "/documents/x/content"), params={"name": evil}, headers=headers),
        own_world.http.request("DELETE", own_world.url("marie", "/blocks/x"), params={"x": evil}, headers=headers),
    ]
    for answer in answers:
        assert "x-injected" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert not any("\n" in value or "Set-Cookie" in value for value in answer.headers.values())


MASS = {
    "patient_id": NOBODY,
    "recorded_by": "administration",
    "kind": "consent",
    "basis": "self",
    "role": "administrator",
    "approved": True,
    "oversees": True,
    "valid_from": "2000-01-01T00:00:00Z",
    "suspended": False,
    "caller": STRANGER,
    "state": "searchable",
    "masked": False,
}


def test_mass_assignment(own_world: World) -> None:
    """A field that a body does not have is refused, and nothing is done with the rest."""
    before, tried = state(own_world), 0
    for method, route in routes(own_world.app):
        if method not in ("POST", "PUT", "PATCH") or route.body_field is None:
            continue
        known = set(route.body_field.field_info.annotation.model_fields)  # type: ignore[union-attr]
        names = [name for name in re.findall(r"{(\w+)}", route.path) if name != "patient_id"]
        path = route.path.format(patient_id=own_world.patients["marie"], **dict.fromkeys(names, NOBODY))
        body = BODIES.get((method, route.path.split("/")[-1]), {})
        if route.path.endswith("/lookup"):
            body = {"ins": "285037512345689"}
        for name, value in MASS.items():
            if name in known:
                continue
            answer = own_world.http.request(
                method, path, json={**body, name: value}, headers=own_world.as_patient("marie")
            )
            assert answer.status_code == 422, (route.path, name)
            assert [each["reason"] for each in answer.json()["errors"] if each["field"].endswith(name)] == [
                "extra_forbidden"
            ], (route.path, name)
        tried += 1
    assert tried >= 10
    assert state(own_world) == before


def test_what_a_professional_attests_is_for_themselves_and_a_day(own_world: World) -> None:
    """The fields of a grant that the body does have do not make another's grant of it."""
    body = {
        "kind": "attested",
        "grantee": TRAITANT,
        "grantee_kind": "organization",
        "categories": None,
        "valid_until": "2099-01-01T00:00:00Z",
    }
    made = own_world.http.post(own_world.url("marie", "/grants"), json=body, headers=own_world.bearer(STRANGER)).json()
    assert (made["grantee"], made["grantee_kind"], made["kind"]) == (STRANGER, "practitioner", "attested")
    assert made["valid_until"][:10] == str((own_world.clock.now + DAY).date())


def test_anothers_cursor(own_world: World) -> None:
    mine = own_world.http.get(own_world.url("marie", "/documents?limit=1"), headers=own_world.bearer(TRAITANT)).json()
    address = own_world.url("marie", f"/documents?limit=1&cursor={mine['next']}")
    again = own_world.http.get(address, headers=own_world.bearer(TRAITANT))
    assert again.status_code == 200
    for headers in (own_world.bearer(DOCTOR), own_world.as_patient("marie"), own_world.bearer(TRAITANT, system="dpi")):
        stolen = own_world.http.get(address, headers=headers)
        assert (stolen.status_code, stolen.json()["code"]) == (400, "bad-cursor")
    moved = own_world.http.get(
        address.replace(own_world.patients["marie"], own_world.patients["paul"]), headers=own_world.bearer(TRAITANT)
    )
    assert (moved.status_code, moved.json()["code"]) == (400, "bad-cursor")


def test_a_cached_response(own_world: World) -> None:
    """No answer may be kept by a browser or a proxy; and a revoked right shows at once, not from a cache of ours."""
    headers = own_world.bearer(DOCTOR)
    lettre = own_world.documents["lettre"]
    addresses = [
        "/documents",
        f"/documents/{lettre}",
        f"/documents/{lettre}/content",
        f"/documents/{lettre}/pages/1.png",
    ]

    def ask(address: str, more: dict[str, str]) -> Any:
        return own_world.http.get(own_world.url("marie", address), headers=headers | more)

    for address in addresses:
        answer = ask(address, {})
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "no-store"
        assert not {"etag", "last-modified", "expires", "age"} & set(answer.headers)
        assert (
            ask(address, {"If-None-Match": "*", "If-Modified-Since": "Sun, 01 Jan 2090 00:00:00 GMT"}).status_code
            == 200
        )
    found = own_world.search("allergie", headers)
    assert found.json()["hits"]
    own_world.revoke("doctor", "marie")
    assert {ask(address, {}).status_code for address in addresses} == {403}
    assert own_world.search("allergie", headers).status_code == 403


def test_an_upload_is_never_served_as_active_content(own_world: World) -> None:
    """A page with a script, a picture with one, and a style sheet, under every name and type that a sender may give."""
    script = b"<!DOCTYPE html><html><body><p>Lettre de liaison.</p><script>alert(1)</script></body></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><text>Lettre</text></svg>'
    headers = own_world.bearer(DOCTOR)
    for name, content, kind in [
        ("a.html", script, "text/html"),
        ("a.txt", script, "text/plain"),
        ("a.pdf", script, "application/pdf"),
        ("a.svg", svg, "image/svg+xml"),
    ]:
        sent = own_world.http.post(
            own_world.url("marie", "/documents"), files={"file": (name, content, kind)}, headers=headers
        )
        own_world.work()
        answer = own_world.http.get(f"{sent.json()['url']}/content", headers=headers)
        if answer.status_code == 409:  # refused: not shown at all
            continue
        assert answer.headers["content-disposition"].startswith('attachment; filename="document-')
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] in ("application/octet-stream", "text/plain")


def test_every_answer_carries_the_headers(world: World) -> None:
    lettre = world.documents["lettre"]
    addresses = ["/healthz", "/readyz", "/docs", "/openapi.json", "/nowhere", world.url("marie", "/documents")]
    addresses.append(world.url("marie", f"/documents/{lettre}/content"))
    for address in addresses:
        answer = world.http.get(address, headers=world.bearer(DOCTOR))
        for name in HEADERS:
            assert name.decode() in answer.headers, address
        assert "strict-transport-security" not in answer.headers
        secure = world.http.get(f"https://testserver{address}", headers=world.bearer(DOCTOR))
        assert secure.headers["strict-transport-security"].startswith("max-age=63072000")
    api = world.http.get(world.url("marie", "/documents"), headers=world.bearer(DOCTOR))
    assert api.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert "server" not in api.headers


def test_no_other_origin_may_read_an_answer(world: World) -> None:
    headers = world.bearer(DOCTOR) | {"Origin": "https://evil.example"}
    answer = world.http.get(world.url("marie", "/documents"), headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    asked = world.http.options(
        world.url("marie", "/documents"), headers=headers | {"Access-Control-Request-Method": "GET"}
    )
    assert asked.status_code == 405
