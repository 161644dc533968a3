"""Imports over HTTP: sealed before the answer, deposited as a single deposit is, resumed; seen by their sender alone,
and never telling who is known here."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select

from access.refusal import Refusal
from access.scope import CallerKind
from ingest.bulk import run
from records import bulk_files, bulks, documents, journal, patients, readings, tables
from records.documents import Document
from search_api.bulk_lines import NOT_TAKEN
from search_api.bulk_sent import sent_taker
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World, ins_of

SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"
MARIE, PAUL, NOBODY = (ins_of(one).matricule for one in ("2850375123456", "1850375123456", "1510375123456"))


def reference(text: str, subject: Any, **more: Any) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    subject = subject if isinstance(subject, dict) else {"identifier": {"system": SYSTEM, "value": subject}}
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": subject,
        "content": [{"attachment": {"contentType": "text/plain", "data": data, "title": "Lettre"}}],
    } | more


def ndjson(*lines: Any) -> bytes:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines).encode()


def send(world: World, *lines: Any, system: str = "dpi", key: str = "", **fields: str) -> Any:
    headers = world.bearer(system=system) | ({"Idempotency-Key": key} if key else {})
    return world.http.post("/v1/bulks", headers=headers, data=fields, files={"file": ("a.ndjson", ndjson(*lines))})


def go_on(world: World, bulk_id: str, most: int = 10**6) -> bool:
    """What the thread beside the service does, for so many lines."""
    moved: list[int] = []
    take = sent_taker(world.bench)
    return run(world.bench, bulk_id, take, moved=lambda: moved.append(1), stop=lambda: len(moved) >= most)


def told(world: World, bulk_id: str, rest: str = "", system: str = "dpi", method: str = "GET") -> Any:
    return world.http.request(method, f"/v1/bulks/{bulk_id}{rest}", headers=world.bearer(system=system))


def of_bulk(world: World, bulk_id: str) -> list[Document]:
    with world.services.records.read() as tx:
        lines = bulks.lines_without_scope(tx, bulk_id)
        found = [documents.document_without_scope(tx, one.document_id) for one in lines if one.document_id is not None]
    return [one for one in found if one is not None]


def bulk_blobs(world: World) -> list[Any]:
    return [ref for ref in world.services.blobs.walk() if ref.kind == bulk_files.BLOB]


def test_a_file_is_sealed_then_deposited_line_by_line_and_told_of(own_world: World) -> None:
    world = own_world
    secret = "Allergie aux arachides, urticaire."
    bad = reference("x", MARIE, content=[{"attachment": {"data": "***"}}])
    answer = send(world, reference(secret, MARIE), "", bad, "{pas du JSON", {"resourceType": "Patient"})
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert answer.headers["Location"] == f"/v1/bulks/{begun['bulk_id']}" == begun["url"]
    assert (begun["state"], begun["total"], begun["waiting"]) == ("running", 4, 4)
    clear = [secret.encode(), base64.b64encode(secret.encode()), MARIE.encode(), b"DocumentReference"]
    for file in (path for path in world.home.rglob("*") if path.is_file()):
        content = file.read_bytes()
        assert not any(each in content for each in clear), file
    assert len(bulk_blobs(world)) == 1
    assert go_on(world, begun["bulk_id"])
    assert told(world, begun["bulk_id"]).json()["reading"] == 1
    world.work()
    done = told(world, begun["bulk_id"]).json()
    assert [done[name] for name in ("state", "total", "waiting", "reading", "kept", "refused")] == [
        "done",
        4,
        0,
        0,
        1,
        3,
    ]
    assert bulk_blobs(world) == []
    report = told(world, begun["bulk_id"], "/report").json()
    assert [(one["name"], one["state"]) for one in report["lines"]] == [
        ("a.ndjson:1", "kept"), ("a.ndjson:3", "refused"), ("a.ndjson:4", "refused"), ("a.ndjson:5", "refused"),
    ]  # fmt: skip
    assert [one["refusal"] and one["refusal"]["code"] for one in report["lines"]] == [
        None, "bad-resource", "bad-resource", "line-not-taken",
    ]  # fmt: skip
    assert all(one["refusal"]["remedy"] for one in report["lines"][1:])
    assert "arachides" not in json.dumps(report, ensure_ascii=False)
    page = told(world, begun["bulk_id"], "/report?limit=3").json()
    rest = told(world, begun["bulk_id"], f"/report?limit=3&after={page['next']}").json()
    assert page["lines"] + rest["lines"] == report["lines"]
    assert rest["next"] is None
    (kept,) = of_bulk(world, begun["bulk_id"])
    assert (kept.patient_id, kept.deposited_by) == (world.patients["marie"], "dpi")
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 5)
        acts = [one.action for one in journal.entries_for_audit_without_scope(tx, None, 20)]
        assert journal.verify(tx) == []
    (mine,) = [one for one in entries if one.request_id == begun["bulk_id"]]
    assert (mine.caller, mine.caller_kind, mine.action, mine.documents) == (
        "dpi", CallerKind.SYSTEM, "deposit", (kept.document_id,),
    )  # fmt: skip
    assert {"bulk-import", "read-bulk"} <= set(acts)


def test_a_file_is_larger_than_an_upload_may_be(own_world: World) -> None:
    """And than a question: 64 KiB, which two letters fill."""
    lines = [reference(f"Lettre {n}. " + "Examen normal. " * 3000, MARIE) for n in range(5)]
    assert own_world.services.upload_limit < len(ndjson(*lines)) < own_world.services.bulk_limit
    name = send(own_world, *lines).json()["bulk_id"]
    assert go_on(own_world, name)
    assert len(of_bulk(own_world, name)) == 5


def test_known_and_unknown_patients_are_told_alike(own_world: World) -> None:
    """The same file for Paul and for nobody; for nobody it waits, with what the line said of them."""
    world = own_world
    answers = []
    for ins in (PAUL, NOBODY):
        lines = [reference("Lettre sans nom.", ins), reference("Lettre sans nom.", ins), reference("Deux.", ins)]
        name = send(world, *lines).json()["bulk_id"]
        steps = [told(world, name), told(world, name, "/report")]
        assert go_on(world, name)
        steps += [told(world, name), told(world, name, "/report")]
        world.work()
        steps += [told(world, name), told(world, name, "/report")]
        answers.append([step.text.replace(name, "") for step in steps])
    assert answers[0] == answers[1]
    waiting = of_bulk(world, name)
    tray = patients.tray_id(world.services.keys)
    assert {(one.patient_id, one.state) for one in waiting} == {(tray, "quarantined")}
    assert len({one.document_id for one in waiting}) == 2
    assert NOBODY in waiting[0].evidence


def test_the_same_bytes_for_two_unknown_people_are_two_documents(own_world: World) -> None:
    other = ins_of("2510375123456").matricule
    name = send(own_world, *(reference("Allergie au latex.", ins) for ins in (NOBODY, other))).json()["bulk_id"]
    go_on(own_world, name)
    assert len({one.document_id for one in of_bulk(own_world, name)}) == 2


def test_only_its_sender_sees_an_import(own_world: World) -> None:
    world = own_world
    name = send(world, reference("x", MARIE)).json()["bulk_id"]
    for method, rest in (("GET", ""), ("GET", "/report"), ("POST", "/pause"), ("POST", "/resume")):
        theirs = told(world, name, rest, system="pacs", method=method)
        nobody = told(world, "z" * 26, rest, system="pacs", method=method)
        malformed = told(world, "..%00", rest, system="pacs", method=method)
        assert theirs.status_code == 404
        assert theirs.content == nobody.content == malformed.content
        assert theirs.headers == nobody.headers
        for headers in (world.bearer(DOCTOR), world.bearer(DOCTOR, system="dpi"), world.as_patient("marie")):
            refused = world.http.request(method, f"/v1/bulks/{name}{rest}", headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "act-not-allowed")
    keeper = world.bearer(role=CallerKind.ADMINISTRATOR)
    file = {"file": ("a.ndjson", ndjson(reference("x", MARIE)))}
    sent = world.http.post("/v1/bulks", headers=keeper, data={"organization": "750000001"}, files=file)
    assert sent.status_code == 202
    assert world.http.get(f"/v1/bulks/{name}", headers=keeper).status_code == 404
    assert told(world, sent.json()["bulk_id"]).status_code == 404
    go_on(world, sent.json()["bulk_id"])
    assert {one.deposited_for for one in of_bulk(world, sent.json()["bulk_id"])} == {"750000001"}
    vigilance = world.bearer(identity_vigilance="cellule")
    assert world.http.post("/v1/bulks", headers=vigilance, files=file).status_code == 403


def test_paused_stopped_and_resumed_nothing_twice(own_world: World) -> None:
    world = own_world
    name = send(world, *(reference(f"Lettre {n}.", MARIE) for n in range(5))).json()["bulk_id"]
    assert not go_on(world, name, 2)
    assert told(world, name, "/pause", method="POST").json()["state"] == "paused"
    assert not go_on(world, name)
    assert told(world, name).json()["waiting"] == 3
    again = told(world, name, "/pause", method="POST")
    assert (again.status_code, again.json()["code"]) == (409, "bulk-not-active")
    assert told(world, name, "/resume", method="POST").json()["state"] == "running"

    class Killed(BaseException):
        pass

    def stored_then_killed(bulk: bulks.Bulk, item: bulks.Item) -> Any:
        sent_taker(world.bench)(bulk, item)
        raise Killed

    with pytest.raises(Killed):
        run(world.bench, name, stored_then_killed, moved=lambda: None, stop=lambda: False)
    assert told(world, name).json()["waiting"] == 3
    assert go_on(world, name)
    assert len({one.document_id for one in of_bulk(world, name)}) == 5
    with world.services.records.read() as tx:
        rows = tx.session.scalars(select(tables.Document.document_id).where(tables.Document.deposited_by == "dpi"))
        assert len(rows.all()) == 5
    for act in ("/pause", "/resume"):
        assert told(world, name, act, method="POST").status_code == 409


def test_a_key_is_one_import_of_its_sender(own_world: World) -> None:
    world = own_world
    line, other = reference("Une.", MARIE), reference("Autre.", MARIE)
    first, again = (send(world, line, key="k") for _ in range(2))
    assert first.json()["bulk_id"] == again.json()["bulk_id"]
    changed = send(world, other, key="k")
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency-key-reused")
    assert len(bulk_blobs(world)) == 1
    theirs = send(world, line, key="k", system="pacs").json()["bulk_id"]
    assert theirs != first.json()["bulk_id"]
    assert go_on(world, theirs)
    assert go_on(world, first.json()["bulk_id"])  # each its own file
    assert send(world, line, key="k").json()["state"] == "done"
    assert bulk_blobs(world) == []


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "empty-bulk"),
        (b" \n\n", 422, "empty-bulk"),
        (b"{}\n" * 20_001, 413, "too-many-lines"),
        (b"x" * 2_000_001, 413, "too-large"),
    ],
)
def test_what_is_no_import_keeps_nothing(world: World, content: bytes, status: int, code: str) -> None:
    answer = world.http.post("/v1/bulks", headers=world.bearer(system="dpi"), files={"file": ("a", content)})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert bulk_blobs(world) == []
    form = world.http.post("/v1/bulks", headers=world.bearer(system="dpi"), content=b"x")
    assert form.status_code == 415


def test_a_patient_line_tells_whose_the_documents_are(own_world: World) -> None:
    """Whatever the sender calls them; and an id of ours that the file gives to another is that other's."""
    world = own_world
    person = {"resourceType": "Patient", "id": "p-1", "identifier": [{"system": SYSTEM, "value": PAUL}]}
    taken = {
        "resourceType": "Patient",
        "id": world.patients["marie"],
        "identifier": [{"system": SYSTEM, "value": PAUL}],
    }
    lines = [
        reference("Un.", {"reference": "Patient/p-1"}),
        person,
        reference("Deux.", {"reference": f"Patient/{world.patients['marie']}"}),
        taken,
        reference("Trois.", {"reference": "Patient/inconnu"}),
        reference("Quatre.", "123"),
    ]
    name = send(world, *lines).json()["bulk_id"]
    go_on(world, name)
    paul, tray = world.patients["paul"], patients.tray_id(world.services.keys)
    assert [one.patient_id for one in of_bulk(world, name)] == [paul, paul, tray]
    codes = [one["refusal"] and one["refusal"]["code"] for one in told(world, name, "/report").json()["lines"]]
    assert codes == [None, "line-not-taken", None, "line-not-taken", None, "bad-patient"]


def test_what_waits_is_not_spare(own_world: World) -> None:
    """`verify` leaves a file alone as long as its import needs it."""
    name = send(own_world, reference("Une.", MARIE)).json()["bulk_id"]
    with own_world.services.records.read() as tx:
        spare = {ref.kind for ref in readings.spare_blobs_without_scope(own_world.services.blobs, tx, ())}
    assert bulk_files.BLOB not in spare
    with own_world.services.records.write() as tx:
        bulks.end(tx, name, own_world.clock.now)
    with own_world.services.records.read() as tx:
        left = {ref.kind for ref in readings.spare_blobs_without_scope(own_world.services.blobs, tx, ())}
    assert bulk_files.BLOB in left


def test_a_refusal_holds_nothing_of_the_lines_that_it_refused(own_world: World) -> None:
    """A constant Refusal that is raised again and again keeps the frames, and so the bytes, of each time."""
    name = send(own_world, *({"resourceType": "Basic", "id": f"b-{n}"} for n in range(5))).json()["bulk_id"]
    go_on(own_world, name)
    assert {one["refusal"]["code"] for one in told(own_world, name, "/report").json()["lines"]} == {NOT_TAKEN.code}
    assert NOT_TAKEN.__traceback__ is None


def test_a_missing_file_stops_nothing_else(own_world: World) -> None:
    name = send(own_world, reference("Une.", MARIE)).json()["bulk_id"]
    (ref,) = bulk_blobs(own_world)
    own_world.services.blobs.delete(ref)
    go_on(own_world, name)
    (line,) = told(own_world, name, "/report").json()["lines"]
    assert line["refusal"]["code"] == "blob-missing"
    with own_world.services.records.write() as tx, pytest.raises(Refusal, match="en cours"):
        bulks.resume(tx, name, retry=True)
    assert of_bulk(own_world, name) == []
