"""Quarantine by a person: who sees what of it, and what each decision leaves behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from access.identifiers import DocumentId, PatientId
from access.identitovigilance import Vigilance, permit
from access.refusal import Refusal
from ingest import quarantine as settling
from ingest.quarantine import Decision, Stores, settle
from records import documents, journal, outbox, patients, quarantine, readings
from records.documents import Document, DocumentState
from search_api.quarantine import stores_of
from search_api.tokens import Bearer, caller_of
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World

MARIE_INS = "2 85 03 75 123 456"
PAULS = "Compte rendu.\n\nM. Paul DURAND, né le 20/03/1985.\n\nMéniscectomie du genou gauche, glucagonome secret."
REASON = {"reason": "vérifié par téléphone auprès du service"}


@pytest.fixture
def held(own_world: World) -> World:
    """Paul's report deposited in Marie's record, read, held."""
    own_world.deposit("stray", "marie", PAULS, by="10000000099")
    own_world.work()
    assert document(own_world, "stray").state is DocumentState.QUARANTINED
    return own_world


def document(world: World, name: str) -> Document:
    with world.services.records.read() as tx:
        found = documents.document_without_scope(tx, world.documents[name])
    assert found is not None
    return found


def vigilance(world: World) -> dict[str, str]:
    return world.bearer(identity_vigilance="cellule-1")


def decide(world: World, decision: str, **body: Any) -> Any:
    url = f"/v1/quarantine/{world.documents['stray']}"
    return world.http.post(url, json={"decision": decision, **REASON, **body}, headers=vigilance(world))


def entries(world: World, patient: str, action: str) -> list[journal.Entry]:
    with world.services.records.read() as tx:
        found = journal.entries_for_audit_without_scope(tx, world.patients[patient], 100)
    return [entry for entry in found if entry.action == action]


def blobs_of(world: World, patient: str) -> set[str]:
    return {ref.name for ref in world.services.blobs.walk() if ref.patient_id == world.patients[patient]}


def test_the_queue_shows_the_evidence_and_nothing_else(held: World) -> None:
    answer = held.http.get("/v1/quarantine", headers=vigilance(held))
    assert answer.status_code == 200
    (shown,) = answer.json()["documents"]
    (evidence,) = shown["evidence"]
    assert evidence["found"] == ["Paul DURAND", "né(e) le 20/03/1985", "sexe M"]
    assert evidence["reasons"] == ["name", "birth-date", "sex"]
    assert (evidence["page"], evidence["quote"]) == (1, "Paul DURAND … né le 20/03/1985")
    assert shown["against"][0] == "MARTIN MARIE LOUISE"
    assert "glucagonome" not in answer.text
    assert "Méniscectomie" not in answer.text
    (entry,) = entries(held, "marie", "quarantine-list")
    assert (entry.caller, entry.documents) == ("cellule-1", (held.documents["stray"],))


def test_the_queue_goes_on_where_it_stopped(held: World) -> None:
    held.deposit("second", "marie", PAULS + " Suite.")
    held.work()
    first = held.http.get("/v1/quarantine?limit=1", headers=vigilance(held)).json()
    second = held.http.get(f"/v1/quarantine?limit=1&after={first['next']}", headers=vigilance(held)).json()
    assert [each["document_id"] for page in (first, second) for each in page["documents"]] == [
        one.document_id
        for one in sorted(
            (document(held, n) for n in ("stray", "second")), key=lambda d: (d.received_at, d.document_id)
        )
    ]
    assert second["next"] is None


@pytest.mark.parametrize("who", ["doctor", "traitant", "patient", "auditor", "administrator", "system"])
def test_nobody_else_sees_or_settles_it(held: World, who: str) -> None:
    from access.scope import CallerKind

    headers = {
        "doctor": lambda: held.bearer(DOCTOR),
        "traitant": lambda: held.bearer(TRAITANT),
        "patient": lambda: held.as_patient("marie"),
        "auditor": lambda: held.bearer(role=CallerKind.AUDITOR),
        "administrator": lambda: held.bearer(role=CallerKind.ADMINISTRATOR),
        "system": lambda: held.bearer(system="dpi"),
    }[who]()
    url = f"/v1/quarantine/{held.documents['stray']}"
    nothing = f"/v1/quarantine/{'a' * 26}"
    for answer in (
        held.http.get("/v1/quarantine", headers=headers),
        held.http.post(url, json={"decision": "release", **REASON}, headers=headers),
        held.http.post(nothing, json={"decision": "release", **REASON}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-identity-vigilance")
    assert document(held, "stray").state is DocumentState.QUARANTINED


def test_identity_vigilance_reads_no_document(held: World) -> None:
    for rest in ("/documents", f"/documents/{held.documents['stray']}/content"):
        assert held.http.get(held.url("marie", rest), headers=vigilance(held)).status_code == 403
    assert held.search("genou", vigilance(held)).status_code == 403


def test_those_with_a_grant_see_a_state_and_nothing_of_the_document(held: World) -> None:
    url = held.url("marie", f"/documents/{held.documents['stray']}")
    for headers in (held.bearer(DOCTOR), held.as_patient("marie")):
        card = held.http.get(url, headers=headers).json()
        assert (card["state"], card["title"]) == ("quarantined", "Document en quarantaine")
        assert (card["type_code"], card["author"], card["pages"], card["size"]) == ("", "", 0, 0)
        assert "DURAND" not in str(card)
        assert held.http.get(url + "/content", headers=headers).status_code == 409
        assert held.http.get(url + "/pages/1.png", headers=headers).status_code == 409
        found = held.search("glucagonome", headers).json()
        assert (found["hits"], found["total"], found["corrections"]) == ([], 0, [])
        assert found["coverage"]["quarantined"] == 1


def test_what_a_document_in_quarantine_says_of_itself_counts_nowhere(own_world: World) -> None:
    """A biologist granted biology alone learns nothing of a biology report that is another patient's."""
    from tests.ingest.cda_files import cda

    xml = cda("DURAND", "Paul", "19850320", type_code="11502-2", title="Sérologie de Paul", unique="1.2.3^x")
    own_world.deposit("stray", "marie", xml)
    before = own_world.search("ferritine", own_world.bearer(BIOLOGIST)).json()
    own_world.work()
    after = own_world.search("ferritine", own_world.bearer(BIOLOGIST)).json()
    assert document(own_world, "stray").state is DocumentState.QUARANTINED
    assert before["coverage"] == after["coverage"]
    listed = own_world.http.get(own_world.url("marie", "/documents"), headers=own_world.bearer(BIOLOGIST)).json()
    assert own_world.documents["stray"] not in [each["id"] for each in listed["documents"]]


def test_a_released_document_is_found_and_not_doubted_again(held: World) -> None:
    answer = decide(held, "release")
    assert (answer.status_code, answer.json()["state"]) == (200, "reading")
    (entry,) = entries(held, "marie", "quarantine-release")
    assert (entry.caller, entry.role, entry.detail) == ("cellule-1", "identitovigilance", REASON["reason"])
    held.work()
    assert document(held, "stray").state is DocumentState.SEARCHABLE
    (hit,) = held.search("glucagonome", held.bearer(DOCTOR)).json()["hits"]
    assert hit["document"]["id"] == held.documents["stray"]
    assert decide(held, "release").status_code == 200
    assert len(entries(held, "marie", "quarantine-release")) == 1
    read_again(held)
    assert document(held, "stray").state is DocumentState.SEARCHABLE


def read_again(world: World) -> None:
    from records import jobs

    with world.services.records.write() as tx:
        jobs.enqueue(tx, world.documents["stray"], world.patients["marie"], world.clock.now)
        documents.set_state(tx, world.documents["stray"], DocumentState.RECEIVED)
    world.work()


def test_a_released_document_is_doubted_for_other_evidence(held: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release was of what was seen then."""
    decide(held, "release")
    held.work()
    with held.services.records.write() as tx:
        quarantine.release_evidence(tx, held.documents["stray"], ["something else"])
    assert document(held, "stray").released > {"something else"}
    with monkeypatch.context() as patch:
        patch.setattr("clinical.identity.Evidence.key", property(lambda _: "never seen"))
        read_again(held)
    assert document(held, "stray").state is DocumentState.QUARANTINED


def test_a_refused_document_is_shown_to_nobody(held: World) -> None:
    assert decide(held, "refuse").json()["state"] == "refused"
    assert decide(held, "refuse").status_code == 200
    card = held.http.get(held.url("marie", f"/documents/{held.documents['stray']}"), headers=held.bearer(DOCTOR)).json()
    assert (card["state"], card["title"], card["refusal"]["code"]) == (
        "refused",
        "Document écarté",
        "identity-refused",
    )
    assert "DURAND" not in str(card)
    assert held.http.get("/v1/quarantine", headers=vigilance(held)).json()["documents"] == []
    assert decide(held, "release").json()["code"] == "not-quarantined"


def test_a_reassigned_document_is_the_others_alone(held: World) -> None:
    before = blobs_of(held, "marie")
    stray = document(held, "stray")
    answer = decide(held, "reassign", patient_id=held.patients["paul"])
    assert answer.status_code == 200
    moved = DocumentId(answer.json()["document_id"])
    assert moved != stray.document_id
    held.work()
    with held.services.records.read() as tx:
        assert documents.document_without_scope(tx, stray.document_id) is None
        there = documents.document_without_scope(tx, moved)
        mine = documents.documents_of_patient_without_scope(tx, held.patients["marie"])
    assert there is not None
    assert (there.patient_id, there.state) == (held.patients["paul"], DocumentState.SEARCHABLE)
    assert there.deposited_by == "10000000099"
    assert stray.document_id not in [one.document_id for one in mine]
    assert held.services.blobs.read(there.upload).decode() == PAULS
    left = blobs_of(held, "marie")
    assert left < before
    assert stray.upload.name not in left
    (hit,) = held.search("glucagonome", held.bearer(TRAITANT), "paul").json()["hits"]
    assert hit["document"]["id"] == moved
    assert held.search("glucagonome", held.bearer(DOCTOR)).json()["total"] == 0
    assert held.search("glucagonome", held.bearer(DOCTOR)).json()["coverage"]["quarantined"] == 0
    url = held.url("marie", f"/documents/{stray.document_id}")
    assert held.http.get(url, headers=held.bearer(DOCTOR)).json()["code"] == "no-such-document"


def test_a_reassignment_is_in_both_journals_and_neither_names_the_other(held: World) -> None:
    moved = decide(held, "reassign", patient_id=held.patients["paul"]).json()["document_id"]
    (out,) = entries(held, "marie", "quarantine-reassign")
    (arrived,) = entries(held, "paul", "quarantine-receive")
    assert (out.documents, arrived.documents) == ((held.documents["stray"],), (moved,))
    assert out.request_id == arrived.request_id  # how an auditor puts the two together
    assert held.patients["paul"] not in str(out)
    assert held.patients["marie"] not in str(arrived)
    assert held.documents["stray"] not in str(arrived)
    with held.services.records.read() as tx:
        assert journal.verify(tx) == []


def test_a_reassignment_sent_again_is_the_same(held: World) -> None:
    first = decide(held, "reassign", patient_id=held.patients["paul"]).json()
    held.work()
    again = decide(held, "reassign", patient_id=held.patients["paul"]).json()
    assert again == first | {"state": "searchable"}
    assert len(entries(held, "paul", "quarantine-receive")) == 1
    with held.services.records.read() as tx:
        mine = documents.documents_of_patient_without_scope(tx, held.patients["paul"])
    assert len(mine) == 2


def test_bytes_that_the_other_has_already_are_not_doubled(held: World) -> None:
    twin = held.deposit("twin", "paul", PAULS)
    held.work()
    assert decide(held, "reassign", patient_id=held.patients["paul"]).json()["document_id"] == twin
    held.work()
    with held.services.records.read() as tx:
        assert len(documents.documents_of_patient_without_scope(tx, held.patients["paul"])) == 2
        twin_document = documents.document_without_scope(tx, twin)
        assert twin_document is not None
        assert readings.reading_without_scope(held.services.blobs, tx, twin) is not None
    assert held.services.blobs.read(twin_document.upload).decode() == PAULS


def test_a_document_that_contradicts_the_other_patient_too_waits_for_a_confirmation(held: World) -> None:
    held.add_patient("lea", patients.Identity(None, "", "PETIT", "LEA", None, "F", ""))
    answer = decide(held, "reassign", patient_id=held.patients["lea"])
    assert (answer.status_code, answer.json()["code"]) == (409, "other-patient-too")
    answer = decide(held, "reassign", patient_id=held.patients["lea"], confirm=True)
    assert answer.status_code == 200
    held.documents["stray"] = answer.json()["document_id"]
    held.work()
    assert document(held, "stray").state is DocumentState.SEARCHABLE


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"decision": "reassign"}, "bad-request", 422),
        ({"decision": "release", "ins": "185037512345641"}, "bad-request", 422),
        ({"decision": "reassign", "ins": "185037512345600"}, "bad-ins", 422),
        ({"decision": "reassign", "patient_id": "b" * 26}, "no-such-patient", 404),
        ({"decision": "release", "reason": ""}, "bad-request", 422),
        ({"decision": "keep"}, "bad-request", 422),
    ],
)
def test_malformed_decisions_change_nothing(held: World, body: dict[str, Any], code: str, status: int) -> None:
    answer = decide(held, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert document(held, "stray").state is DocumentState.QUARANTINED


def test_a_decision_that_fails_leaves_a_trace(held: World) -> None:
    """Its answer tells who is known here, and who is not whom."""
    held.add_patient("lea", patients.Identity(None, "", "PETIT", "LEA", None, "F", ""))
    assert decide(held, "reassign", patient_id=held.patients["lea"]).json()["code"] == "other-patient-too"
    (entry,) = entries(held, "lea", "quarantine-reassign")
    assert (entry.caller, entry.outcome, entry.detail) == ("cellule-1", "refused", "other-patient-too")
    assert decide(held, "reassign", patient_id="b" * 26).status_code == 404
    with held.services.records.read() as tx:
        (unknown,) = journal.entries_for_audit_without_scope(tx, PatientId("b" * 26), 10)
    assert (unknown.caller, unknown.detail) == ("cellule-1", "no-such-patient")


@pytest.mark.parametrize("whose", ["marie", "paul"])
def test_the_wait_for_a_carer_begins_when_carers_can_see_the_document(own_world: World, whose: str) -> None:
    """A diagnosis that waited longer in quarantine than patients wait is not shown before it was announced."""
    from tests.ingest.cda_files import cda

    code = '<confidentialityCode code="INVISIBLE_PATIENT" codeSystem="1.2.250.1.213.1.1.4.13"/>'
    xml = cda("DURAND", "Paul", "19850320", unique="1.2.3^x", text="Glucagonome.")
    own_world.deposit("stray", "marie", xml.replace("<recordTarget>", code + "<recordTarget>"))
    own_world.work()
    own_world.clock.now += own_world.services.policy.patient_release + timedelta(days=9)
    answer = decide(own_world, "release" if whose == "marie" else "reassign", **_to(own_world, whose))
    own_world.documents["stray"] = answer.json()["document_id"]
    own_world.work()
    assert document(own_world, "stray").state is DocumentState.SEARCHABLE
    url = own_world.url(whose, f"/documents/{own_world.documents['stray']}")
    assert own_world.http.get(url, headers=own_world.as_patient(whose)).status_code == 404
    own_world.clock.now += own_world.services.policy.patient_release
    assert own_world.http.get(url, headers=own_world.as_patient(whose)).status_code == 200


def _to(world: World, whose: str) -> dict[str, str]:
    return {} if whose == "marie" else {"patient_id": world.patients[whose]}


def test_the_same_record_is_no_reassignment(held: World) -> None:
    assert decide(held, "reassign", patient_id=held.patients["marie"]).json()["code"] == "same-patient"


def right(world: World) -> Vigilance:
    with world.services.records.read() as tx:
        from access.scope import CallerKind

        found = permit(caller_of(tx, Bearer(CallerKind.ADMINISTRATOR, "cellule-1", role="identitovigilance")))
    assert isinstance(found, Vigilance)
    return found


class Killed(BaseException):
    """The process ends here."""


STEPS = ("copy", "journal", "move", "outbox", "commit", "sweep")


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_a_reassignment_leaves_one_owner(
    held: World, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    stores: Stores = stores_of(held.services)
    decision = Decision("reassign", "bon patient", held.patients["paul"])
    stray = held.documents["stray"]
    with monkeypatch.context() as patch:
        target = {
            "copy": (readings, "save_reading"),
            "journal": (journal, "append"),
            "move": (quarantine, "move"),
            "outbox": (outbox, "append"),
            "commit": (settling, "_describe"),
            "sweep": (quarantine, "sweep"),
        }[step]
        patch.setattr(*target, die)
        with pytest.raises(Killed):
            settle(stores, right(held), stray, decision, held.clock.now, "r1")
    owners = owners_of(held, stray)
    assert len(owners) == 1
    assert owners == ([held.patients["paul"]] if step == "sweep" else [held.patients["marie"]])
    settled = settle(stores, right(held), stray, decision, held.clock.now, "r2")
    held.work()
    assert owners_of(held, stray) == [held.patients["paul"]]
    assert len(entries(held, "paul", "quarantine-receive")) == 1
    with held.services.records.read() as tx:
        moved = documents.document_without_scope(tx, settled.document_id)
    assert moved is not None
    assert moved.state is DocumentState.SEARCHABLE
    assert not [name for name in blobs_of(held, "marie") if name == upload_name(held)]
    assert held.bench.projector.verify(held.clock.now, repair=False).clean


def upload_name(world: World) -> str:
    """The name that Paul's report has, or had, among Marie's blobs."""
    with world.services.blobs.create(world.patients["marie"], "upload") as writer:
        writer.write(PAULS.encode())
        name = writer.content_hash
    from records.blobs import _name

    return _name(world.services.keys.patient_keys(world.patients["marie"]), "upload", f"content {name}")


def owners_of(world: World, stray: DocumentId) -> list[PatientId]:
    """Who has a row of this document, under its first or its later name."""
    with world.services.records.read() as tx:
        moved = quarantine.moved_id(tx, stray, world.patients["paul"])
        rows = [documents.document_without_scope(tx, one) for one in (stray, moved)]
    return [row.patient_id for row in rows if row is not None]


def test_two_decisions_at_once_are_one(held: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person refuses between the copy and the commit: the move does not happen."""
    stores, stray = stores_of(held.services), held.documents["stray"]
    copy = readings.save_reading

    def interrupted(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(readings, "save_reading", copy)
        settle(stores, right(held), stray, Decision("refuse", "à personne"), held.clock.now, "r2")
        return copy(*args, **more)

    monkeypatch.setattr(readings, "save_reading", interrupted)
    paul = blobs_of(held, "paul")
    decision = Decision("reassign", "bon patient", held.patients["paul"])
    with pytest.raises(Refusal) as caught:
        settle(stores, right(held), stray, decision, held.clock.now, "r1")
    assert caught.value.code == "not-quarantined"
    assert document(held, "stray").state is DocumentState.REFUSED
    assert entries(held, "paul", "quarantine-receive") == []
    assert blobs_of(held, "paul") == paul


def test_without_its_journal_a_decision_does_not_happen(held: World) -> None:
    from sqlalchemy import update

    from records import tables

    with held.services.records.write() as tx:
        heads = update(tables.JournalHead).where(tables.JournalHead.chain == held.patients["paul"])
        tx.session.execute(heads.values(mac=b"forged"))
    answer = decide(held, "reassign", patient_id=held.patients["paul"])
    assert answer.json()["code"] == "broken-chain"
    assert owners_of(held, held.documents["stray"]) == [held.patients["marie"]]
    assert document(held, "stray").state is DocumentState.QUARANTINED


def test_a_stranger_learns_nothing(held: World) -> None:
    answer = held.http.get(held.url("marie", f"/documents/{held.documents['stray']}"), headers=held.bearer(STRANGER))
    assert answer.json()["code"] == "no-access"
