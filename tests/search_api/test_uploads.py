"""Depositing over HTTP: streamed, durable before the answer, and no oracle of what is there already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from access.identifiers import DocumentId
from records import documents
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TEXTS, TRAITANT
from tests.search_api.world import World


def send(world: World, headers: dict[str, str], data: bytes, patient: str = "marie", name: str = "a.txt") -> Any:
    return world.http.post(world.url(patient, "/documents"), files={"file": (name, data)}, headers=headers)


def test_an_upload_is_stored_then_read_then_found(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    answer = send(own_world, headers, b"Le patient porte un stimulateur cardiaque.")
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == body["url"]
    assert own_world.http.get(body["url"], headers=headers).json()["state"] == "received"
    assert own_world.http.get(f"{body['url']}/content", headers=headers).json()["code"] == "not-finished"
    assert own_world.search("stimulateur", headers).json()["coverage"]["pending"] == 1
    own_world.work()
    card = own_world.http.get(body["url"], headers=headers).json()
    assert card["state"] == "searchable"
    hits = own_world.search("stimulateur", headers).json()["hits"]
    assert [hit["document"]["id"] for hit in hits] == [body["document_id"]]


def test_what_the_sender_says_of_a_document_stands_until_it_is_read(own_world: World) -> None:
    said = {"type_code": "11502-2", "title": "Bilan du jour", "event_date": "2026-02-28"}
    answer = own_world.http.post(
        own_world.url("marie", "/documents"),
        data=said,
        files={"file": b"Ferritine 9."},
        headers=own_world.bearer(BIOLOGIST),
    )
    assert answer.status_code == 202
    card = own_world.http.get(answer.json()["url"], headers=own_world.bearer(BIOLOGIST)).json()
    assert (card["category"], card["title"], card["event_date"]) == ("biology", "Bilan du jour", "2026-02-28")
    for field in ({"type_code": "0"}, {"event_date": "hier"}, {"title": "t" * 501}, {f"f{n}": "x" for n in range(11)}):
        wrong = own_world.http.post(
            own_world.url("marie", "/documents"), data=field, files={"file": b"x"}, headers=own_world.bearer(DOCTOR)
        )
        assert (wrong.status_code, wrong.json()["code"]) == (400, "bad-upload")


def test_a_worker_is_woken(own_world: World) -> None:
    import dataclasses

    from starlette.testclient import TestClient

    from search_api.app import create_app

    woken: list[int] = []
    services = dataclasses.replace(own_world.services, wake=lambda: woken.append(1))
    with TestClient(create_app(services)) as http:
        http.post(own_world.url("marie", "/documents"), files={"file": b"x y"}, headers=own_world.bearer(DOCTOR))
    assert woken == [1]


def test_a_patient_deposits_for_themself_and_nobody_else(own_world: World) -> None:
    headers = own_world.as_patient("marie")
    assert send(own_world, headers, b"Mes notes personnelles.").status_code == 202
    assert send(own_world, headers, b"Mes notes.", patient="paul").json()["code"] == "no-access"
    assert send(own_world, own_world.bearer(STRANGER), b"Courrier.").json()["code"] == "no-access"


def test_the_same_bytes_from_the_same_hands_are_one_document(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    first, again = (send(own_world, headers, b"Courrier du 3 mars.") for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    keyed = {**headers, "Idempotency-Key": "7f3a"}
    assert send(own_world, keyed, b"Courrier du 3 mars.").json() == first.json()


def test_a_colleague_of_the_same_establishment_is_told_the_same_document(own_world: World) -> None:
    own_world.add_practitioner("10000000011", organizations=("750000001",))
    own_world.grant("colleague", "marie", "10000000011", categories=frozenset({"biology"}))
    first = send(own_world, own_world.bearer(DOCTOR), b"Courrier du 4 mars.")
    again = send(own_world, own_world.bearer("10000000011"), b"Courrier du 4 mars.")
    assert first.json()["document_id"] == again.json()["document_id"]


def test_depositing_a_hidden_document_again_tells_nothing(own_world: World) -> None:
    """The doctor cannot see `vih` (masked): its bytes get the same reply and the same life as bytes nobody sent."""
    headers = own_world.bearer(DOCTOR)
    known, new = (send(own_world, headers, data) for data in (TEXTS["vih"].encode(), b"Jamais vu."))
    assert known.json()["document_id"] != own_world.documents["vih"]

    def life(answer: Any) -> list[Any]:
        url = answer.json()["url"]
        card = own_world.http.get(url, headers=headers)
        changing = ("id", "url", "size", "searchable_at")
        return [answer.status_code, card.status_code, {k: v for k, v in card.json().items() if k not in changing}]

    assert life(known) == life(new)
    own_world.work()
    assert life(known) == life(new)
    colleague = own_world.bearer(BIOLOGIST)
    assert own_world.http.get(known.json()["url"], headers=colleague).status_code == 404
    with own_world.services.records.read() as tx:
        twin = documents.document_without_scope(tx, DocumentId(known.json()["document_id"]))
    assert twin is not None
    assert twin.masked, "a twin inherits the mask"


def test_what_the_caller_can_see_already_is_not_doubled(own_world: World) -> None:
    answer = send(own_world, own_world.bearer(TRAITANT), TEXTS["vih"].encode())
    assert answer.json()["document_id"] == own_world.documents["vih"]


def test_nothing_is_kept_of_a_file_over_the_limit(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    before = set(own_world.services.blobs.walk())
    answer = send(own_world, headers, b"a" * (own_world.services.upload_limit + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    huge = send(own_world, headers, b"a" * (own_world.services.upload_limit * 2))
    assert (huge.status_code, huge.json()["code"]) == (413, "too-large")
    assert set(own_world.services.blobs.walk()) == before
    assert send(own_world, headers, b"a" * own_world.services.upload_limit).status_code == 202


def test_an_empty_file_is_refused(world: World) -> None:
    answer = send(world, world.bearer(DOCTOR), b"")
    assert (answer.status_code, answer.json()["code"]) == (422, "empty-file")


BOUNDARY = "limite"
PART = b'--limite\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nbonjour'
END = b"\r\n--limite--\r\n"
MALFORMED: dict[str, tuple[str, bytes, int, str]] = {
    "not multipart": ("application/json", b"{}", 415, "not-multipart"),
    "no type": ("", b"x", 415, "not-multipart"),
    "no boundary": ("multipart/form-data", b"x", 415, "not-multipart"),
    "boundary too long": ("multipart/form-data; boundary=" + "b" * 5000, b"x", 415, "not-multipart"),
    "nothing": (f"multipart/form-data; boundary={BOUNDARY}", b"", 400, "bad-upload"),
    "another field": (
        f"multipart/form-data; boundary={BOUNDARY}",
        PART.replace(b'"file"', b'"autre"') + END,
        400,
        "bad-upload",
    ),
    "cut short": (f"multipart/form-data; boundary={BOUNDARY}", PART, 400, "upload-interrupted"),
    "two files": (f"multipart/form-data; boundary={BOUNDARY}", PART + b"\r\n" + PART + END, 400, "bad-upload"),
    "garbage": (f"multipart/form-data; boundary={BOUNDARY}", b"\x00\xff" * 400, 400, "bad-upload"),
    "endless header": (
        f"multipart/form-data; boundary={BOUNDARY}",
        b"--limite\r\nX: " + b"a" * 60_000 + b"\r\n\r\n",
        400,
        "bad-upload",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_upload_is_refused_and_keeps_nothing(world: World, name: str) -> None:
    kind, body, status, code = MALFORMED[name]
    before = set(world.services.blobs.walk())
    headers = {**world.bearer(DOCTOR), **({"Content-Type": kind} if kind else {})}
    answer = world.http.post(world.url("marie", "/documents"), content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(world.services.blobs.walk()) == before


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_the_cut_of_the_stream_does_not_matter(own_world: World, step: int) -> None:
    content = b"Ligne\r\n--limit\r\n" * 40 + os.urandom(8).hex().encode()
    body = PART.replace(b"bonjour", content) + END

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    headers = {**own_world.bearer(DOCTOR), "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = own_world.http.post(own_world.url("marie", "/documents"), content=pieces(), headers=headers)
    assert answer.status_code == 202
    own_world.work()
    stored = own_world.http.get(answer.json()["url"] + "/content", headers=own_world.bearer(DOCTOR))
    assert stored.content == content


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\dossier\\a.txt", "a\x00b.txt", "é" * 300, '"; filename="b.txt', "", "\ud800.txt"]
)
def test_any_file_name_is_taken_as_a_name_only(own_world: World, name: str) -> None:
    raw = name.encode("utf-8", "surrogatepass").replace(b'"', b'\\"')
    body = PART.replace(b"a.txt", raw).replace(b"bonjour", raw + b"!") + END
    headers = {**own_world.bearer(DOCTOR), "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = own_world.http.post(own_world.url("marie", "/documents"), content=body, headers=headers)
    assert answer.status_code in (202, 400)
    if answer.status_code == 202:
        with own_world.services.records.read() as tx:
            document = documents.document_without_scope(tx, answer.json()["document_id"])
        assert document is not None
        assert not {"/", "\\", "\x00"} & set(document.file_name)


def test_plain_bytes_never_touch_the_disk(own_world: World) -> None:
    marker = b"MARQUEUR-EN-CLAIR-" + os.urandom(8).hex().encode()
    assert send(own_world, own_world.bearer(DOCTOR), marker * 2000).status_code == 202
    own_world.work()
    home = own_world.home
    read = 0
    for path in home.rglob("*"):
        if path.is_file():
            read += 1
            assert marker not in path.read_bytes(), path
    assert read > 5


def test_an_idempotency_key_makes_one_deposit_of_two_requests(own_world: World) -> None:
    def post(key: str, data: bytes, headers: dict[str, str], patient: str = "marie") -> Any:
        sent = {**headers, "Idempotency-Key": key}
        return own_world.http.post(own_world.url(patient, "/documents"), files={"file": ("a.txt", data)}, headers=sent)

    def stored() -> int:
        with own_world.services.records.read() as tx:
            return len(documents.documents_of_patient_without_scope(tx, own_world.patients["marie"]))

    doctor, patient = own_world.bearer(DOCTOR), own_world.as_patient("marie")
    before = stored()
    first, again = (post("k1", b"Courrier du 4 mars.", doctor) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert stored() == before + 1
    other = post("k1", b"Courrier du 5 mars.", doctor)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert stored() == before + 1
    assert post("k2", b"Courrier du 5 mars.", doctor).status_code == 202
    assert post("k2", b"Courrier du 4 mars.", doctor).status_code == 422  # known bytes do not excuse a key reused
    assert post("k1", b"Mes notes du 6 mars.", patient).status_code == 202  # a key is its depositor's own
    assert post("k3", b"Courrier du 4 mars.", doctor).json() == first.json()  # a new key for what is known already
    assert post("k3", b"Courrier du 7 mars.", doctor).status_code == 422
