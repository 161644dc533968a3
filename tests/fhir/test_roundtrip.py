"""What `$export` gives goes in again by `bulk`: the same bytes, described alike, once; and nothing by any address."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ingest.ndjson import HEAD
from records import documents, journal, masks, tables
from records.documents import Document, DocumentState
from records.patients import Identity
from tests.fhir.asking import code_of, get, post
from tests.fhir.asking import reference as provided
from tests.fhir.test_encounters import stay
from tests.fhir.test_exports import address, begun, made
from tests.fhir.test_provide import transaction
from tests.identities.conftest import Open, federated, provider
from tests.ingest.cda_files import cda
from tests.ingest.pdfs import simple
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_bulks import MARIE, go_on, reference, send, told
from tests.search_api.world import World, ins_of, open_world
from tests.services.openid import OpenId

__all__ = ["federated", "provider"]

MAIL = b"From: a@hopital.example\r\nTo: b@cabinet.example\r\nSubject: Suivi\r\n\r\nGlaucome suivi en consultation.\r\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[World]:
    """Another service, which knows Marie by her INS and has nothing of hers."""
    world = open_world(tmp_path / "elsewhere")
    who = Identity(ins_of("2850375123456"), "qualified", "MARTIN", "MARIE LOUISE", date(1985, 3, 12), "F", "75112")
    world.add_patient("marie", who)
    for rpps in (DOCTOR, STRANGER):
        world.add_practitioner(rpps)
        world.grant(rpps, "marie", rpps)
    with world.http:
        yield world
    world.close()


def put(world: World, name: str, data: bytes) -> None:
    world.documents[name] = world.give(name, "marie", data)


def copy_of(world: World, query: str = "") -> dict[str, str]:
    """The files of her copy, by kind."""
    files = {}
    for one in made(world, address(begun(world, query)))["output"]:
        answer = get(world, one["url"].partition("/fhir")[2], world.as_patient("marie"))
        assert answer.status_code == 200, answer.text
        assert answer.text.count("\n") == one["count"]
        files[one["type"]] = answer.text
    return files


def imported(world: World, *files: str) -> dict[str, Any]:
    """The report of an import, by line, once all that it brought is read."""
    name = send(world, *(line for file in files for line in file.splitlines())).json()["bulk_id"]
    assert go_on(world, name)
    world.work()
    lines = told(world, name, "/report?limit=1000").json()["lines"]
    return {one["name"]: one for one in lines}


def of_marie(world: World) -> list[Document]:
    with world.services.records.read() as tx:
        rows = tx.session.scalars(
            select(tables.Document.document_id).where(tables.Document.patient_id == world.patients["marie"])
        ).all()
        found = [documents.document_without_scope(tx, name) for name in rows]  # type: ignore[arg-type]
    return [one for one in found if one is not None]


def bytes_of(world: World, document: Document) -> bytes:
    return world.services.blobs.read(document.upload)


def described(world: World, document: Document) -> tuple[Any, ...]:
    digest = hashlib.sha256(bytes_of(world, document)).hexdigest()
    return digest, document.type_code, document.title, document.event_date, document.status, document.masked


def test_a_copy_of_a_record_is_imported_once_into_another_service(own_world: World, elsewhere: World) -> None:
    world = own_world
    put(world, "echo.pdf", simple())
    put(world, "suivi.eml", MAIL)
    synthese = cda("MARTIN", "MARIE", "19850312", sex="F", text="Asthme à l'effort.")
    put(world, "synthese.xml", synthese.encode())
    first = post(world, "", transaction(provided(world, "1"), "Première version.")).json()
    world.work()
    related = [{"code": "replaces", "target": {"reference": first["entry"][1]["response"]["location"]}}]
    post(world, "", transaction(provided(world, "2", relatesTo=related), "Version rectifiée."))
    world.work()
    stay(world, "V1")

    files = copy_of(world)
    kept = imported(elsewhere, *files.values())
    with elsewhere.services.records.read() as tx:  # who sends a file names no care team
        assert list(tx.session.execute(select(tables.core(tables.Episode)))) == []
    (refused,) = (one["refusal"] for one in kept.values() if one["refusal"] and "séjour" in one["refusal"]["message"])
    assert (files["Encounter"].count("\n"), refused["code"]) == (1, "line-not-taken")
    assert {one["refusal"] and one["refusal"]["code"] for one in kept.values()} == {None, "line-not-taken"}
    here = [one for one in of_marie(world) if one.document_id != world.documents["biopsie"]]
    there = of_marie(elsewhere)
    assert {one.state for one in there} == {DocumentState.SEARCHABLE}
    assert sorted(described(elsewhere, one) for one in there) == sorted(described(world, one) for one in here)
    assert len(there) == len(here) == 9
    assert sorted(one.status for one in there) == ["approved"] * 8 + ["deprecated"]
    told_there = {"pénicilline": True, "glaucome": True, "asthme": True, "rectifiée": True, "carcinome": False}
    for question, found in told_there.items():
        answer = elsewhere.search(question, elsewhere.bearer(DOCTOR)).json()
        assert bool(answer["hits"]) == found, question
    assert elsewhere.search("western blot", elsewhere.bearer(STRANGER)).json()["hits"] == []  # masked there, too

    again = imported(elsewhere, *files.values())
    assert [one["state"] for one in again.values()] == [one["state"] for one in kept.values()]
    assert {one.document_id for one in of_marie(elsewhere)} == {one.document_id for one in there}
    onwards = copy_of(elsewhere)["Binary"]
    assert sorted(json.loads(line)["data"] for line in onwards.splitlines()) == sorted(
        json.loads(line)["data"] for line in files["Binary"].splitlines()
    )


def test_the_bytes_are_those_of_the_documents_that_are_shown(own_world: World) -> None:
    files = copy_of(own_world, "?_type=DocumentReference,Binary")
    assert set(files) == {"DocumentReference", "Binary"}
    binaries = {one["id"]: one for one in map(json.loads, files["Binary"].splitlines())}
    for one in map(json.loads, files["DocumentReference"].splitlines()):
        attachment = one["content"][0]["attachment"]
        assert attachment["url"].startswith("http://testserver/fhir/Binary/")  # whole: the file is read elsewhere
        there = get(own_world, attachment["url"].partition("/fhir")[2], own_world.as_patient("marie"))
        assert base64.b64decode(binaries[one["id"]]["data"]) == there.content
        assert binaries[one["id"]]["contentType"] == attachment["contentType"]
    assert len(binaries) == len(files["DocumentReference"].splitlines())
    assert own_world.documents["biopsie"] not in files["Binary"]


def test_bytes_that_are_not_there_are_refused_whole(own_world: World) -> None:
    """Half a file of bytes would look like all of it."""
    world = own_world
    where = address(begun(world, "?_type=Binary"))
    made(world, where)
    with world.services.records.read() as tx:
        lettre = documents.document_without_scope(tx, world.documents["lettre"])
    assert lettre is not None
    world.services.blobs.delete(lettre.upload)
    answer = get(world, f"{where}/Binary", world.as_patient("marie"))
    assert answer.status_code == 503
    assert code_of(answer) == "blob-missing"


def test_bytes_go_to_whom_all_the_documents_may_be_shown(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journalled with each document before the first byte, or not sent."""
    world, marie = own_world, own_world.as_patient("marie")
    where = address(begun(world))
    made(world, where)
    for who in (world.bearer(DOCTOR), world.bearer(STRANGER), world.as_patient("paul")):
        assert get(world, f"{where}/Binary", who).status_code in (403, 404)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", lambda *_, **__: 1 / 0)
        broken = get(world, f"{where}/Binary", marie)
        assert broken.status_code >= 500
        assert "Binary" not in broken.text
    assert get(world, f"{where}/Binary", marie).status_code == 200
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 1000)
    (told_of,) = [one for one in entries if (one.action, one.detail) == ("export", "Binary")]
    assert {*told_of.documents} == {world.documents[name] for name in ("lettre", "bilan", "ordonnance", "vih")}
    with world.services.records.write() as tx:
        masks.hide_from_patient(tx, world.documents["lettre"], world.clock.now)
    assert get(world, f"{where}/Binary", marie).status_code == 404


def test_a_file_is_for_a_token_whose_scopes_reach_it(federated: Open, provider: OpenId, own_world: World) -> None:
    http, marie = federated(provider), own_world.patients["marie"]
    wide, narrow = (
        {"Authorization": f"Bearer {provider.login('marie', scopes)}"}
        for scopes in ("patient/*.read", "user/Patient.r")
    )
    begun_ = http.get(f"/fhir/Patient/{marie}/$export?_type=Patient,Binary", headers=wide)
    assert begun_.status_code == 202, begun_.text
    where = begun_.headers["content-location"].partition("/fhir")[2]
    until = time.monotonic() + 120
    while http.get(f"/fhir{where}", headers=wide).status_code == 202:
        assert time.monotonic() < until
        time.sleep(0.05)
    statuses = [http.get(f"/fhir{where}/{kind}", headers=narrow).status_code for kind in ("Patient", "Binary")]
    assert statuses == [200, 403]
    assert http.get(f"/fhir{where}/Binary", headers=wide).status_code == 200


def line(url: str, **more: Any) -> dict[str, Any]:
    sent = reference("", MARIE, content=[{"attachment": {"contentType": "text/plain", "url": url, "title": "Lettre"}}])
    return sent | more


def binary(name: str, text: str = "Allergie aux arachides.", **more: Any) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"resourceType": "Binary", "id": name, "contentType": "text/plain", "data": data} | more


def test_an_address_is_a_name_in_the_file_and_nothing_else(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused line by line: nothing is looked for outside, and nothing is kept of a line that is refused."""

    def reached(*_: object) -> None:
        raise AssertionError("an address was followed")

    own = f"{own_world.patients['marie']}.{own_world.documents['lettre']}"
    cases = [
        (line("Binary/a"), None),
        (line("https://ailleurs.example/fhir/Binary/a/_history/1"), None),
        (line("Binary/long"), None),
        (line("Binary/absent"), "bytes-not-in-file"),
        (line("Binary/deux"), "bytes-not-in-file"),
        (line(f"Binary/{own}"), "bytes-not-in-file"),  # a document that is here, in no line of this file
        (line("http://127.0.0.1:9/a"), "bytes-not-in-file"),
        (line("file:///etc/passwd"), "bytes-not-in-file"),
        (line("DocumentReference/a"), "bytes-not-in-file"),
        (line("Binary/mauvais"), "bad-resource"),
        (line("Binary/vide"), "reference-unresolved"),
        (line("Binary/a", content=[{"attachment": {"url": "Binary/a", "size": 3}}]), "bad-resource"),
        (line("Binary/a", status="entered-in-error"), "entered-in-error"),
        (line("Binary/a", relatesTo=[{"code": "replaces", "target": {"reference": "DocumentReference/x"}}]),
         "reference-unresolved"),
        (binary("a"), "line-not-taken"),
        (binary("long", "x" * HEAD), "line-not-taken"),
        (binary("deux", "Un."), "line-not-taken"),
        (binary("deux", "Deux."), "line-not-taken"),
        (binary("mauvais", data="***"), "line-not-taken"),
        ({"resourceType": "Binary", "id": "vide", "contentType": "text/plain"}, "line-not-taken"),
    ]  # fmt: skip
    before = len(of_marie(own_world))
    sent = send(own_world, *(one for one, _ in cases))
    assert sent.status_code == 202, sent.text
    name = sent.json()["bulk_id"]
    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", reached)
        patch.setattr(socket, "getaddrinfo", reached)
        assert go_on(own_world, name)
    report = told(own_world, name, "/report").json()["lines"]
    codes = [one["refusal"] and one["refusal"]["code"] for one in report]
    assert codes == [code for _, code in cases]
    assert len(of_marie(own_world)) == before + 2  # the first two name the same bytes


def test_two_patient_lines_of_one_id_that_contradict_each_other_say_nothing(own_world: World) -> None:
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:oid:1.2.3", "value": "1"}]}
    other = person | {"identifier": [{"system": "urn:oid:1.2.3", "value": "2"}]}
    document = reference("Deux personnes.", {"reference": "Patient/p"})
    for lines, code in (([document, person, other], "bad-patient"), ([document, person, person], None)):
        name = send(own_world, *lines).json()["bulk_id"]
        assert go_on(own_world, name)
        first = told(own_world, name, "/report").json()["lines"][0]
        assert (first["refusal"] and first["refusal"]["code"]) == code
