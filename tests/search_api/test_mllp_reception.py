"""HL7 messages at the door: accepted when durable, refused with the reason, kept once, waiting when nobody is known."""

from __future__ import annotations

import pytest

from access.identifiers import PatientId
from access.identitovigilance import Vigilance
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from ingest import quarantine
from ingest.mllp import reception
from ingest.mllp.reception import Reception
from ingest.parsers.er7 import messages_of
from records import merges, patients
from records.documents import Document, DocumentState, documents_of_patient_without_scope
from tests.search_api.world import World, ins_of

INS = ins_of("2850375123456").matricule
SENDERS = {"LABO": "690020029", "CHU|DPI": "690000001"}


def oru(
    control: str = "1", text: str = "Ferritine xanthome", pid: str = "", at: str = "0830", sender: str = "LABO"
) -> bytes:
    head = f"MSH|^~\\&|SIL|{sender}|DPI|CHU|20240510{at}||ORU^R01^ORU_R01|{control}|P|2.5|||||FRA|UNICODE UTF-8\r"
    return (
        head + (pid or PID) + f"OBR|1||{control}|718-7^NFS^LN|||||||||||||||||||||HM|F\rOBX|1|TX|1^CR||{text}||||||F\r"
    ).encode()


PID = f"PID|||{INS}^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS||MARTIN^MARIE^MARIE LOUISE^^^^L||19850312|F\r"
LOCAL = "PID|||8007^^^CHU&1.2.250.1.71.4.2.2.690000001&ISO^PI||MARTIN^MARIE^^^^^L||19850312|F\r"
BOTH = PID.replace("^INS||", "^INS~8007^^^CHU&1.2.250.1.71.4.2.2.690000001&ISO^PI||")
NOBODY = "PID|||9009^^^CHU&1.2.250.1.71.4.2.2.690000001&ISO^PI||DUBOIS^ALIX^^^^^L||19700101|M\r"


def adt(event: str, pid: str, rest: str = "") -> bytes:
    head = f"MSH|^~\\&|DPI|CHU|X|Y|20240510||ADT^{event}|{event}{len(rest)}|P|2.5\r"
    return (head + pid + "PV1|1|I|CARDIO\r" + rest).encode()


@pytest.fixture
def door(own_world: World) -> Reception:
    return Reception(own_world.bench, SENDERS)


def msa(answer: bytes) -> tuple[str, str]:
    (message,) = messages_of(answer.decode())
    found = next(one for one in message if one.name == "MSA")
    return found.text(1), found.text(2)


def held(world: World, patient_id: PatientId) -> list[Document]:
    with world.services.records.read() as tx:
        return [one for one in documents_of_patient_without_scope(tx, patient_id) if one.origin == "hl7"]


def tray(world: World) -> list[Document]:
    return held(world, patients.tray_id(world.services.keys))


def test_an_accepted_message_is_durable_and_belongs_to_its_patient(own_world: World, door: Reception) -> None:
    assert msa(door.take(oru("17"))) == ("AA", "17")
    (document,) = held(own_world, own_world.patients["marie"])
    assert (document.deposited_for, document.deposited_by) == ("690020029", "hl7:LABO|SIL")
    assert own_world.services.blobs.read(document.upload) == oru("17")
    own_world.work()
    (document,) = held(own_world, own_world.patients["marie"])
    assert document.state is DocumentState.SEARCHABLE


def test_a_message_sent_again_is_one_document(own_world: World, door: Reception) -> None:
    answers = [msa(door.take(one)) for one in (oru("17"), oru("17"), oru("17", at="0845"))]
    assert answers == [("AA", "17")] * 3
    assert len(held(own_world, own_world.patients["marie"])) == 1
    door.take(oru("17", "autre résultat"))  # a counter that began again
    assert len(held(own_world, own_world.patients["marie"])) == 2


@pytest.mark.parametrize(
    ("data", "verdict", "code"),
    [
        (b"bonjour", "AR", "not-hl7"),
        (b"", "AR", "not-hl7"),
        (oru(sender="INCONNU"), "AR", "unknown-sender"),
        (oru(control=""), "AR", "no-control-id"),
    ],
)
def test_what_is_never_taken_is_rejected_with_its_reason(
    own_world: World, door: Reception, data: bytes, verdict: str, code: str
) -> None:
    answer = door.take(data)
    assert msa(answer)[0] == verdict
    assert code in answer.decode()
    assert not held(own_world, own_world.patients["marie"])
    assert not tray(own_world)


def test_what_cannot_be_stored_now_may_be_sent_again(
    own_world: World, door: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        raise Refusal("receive", "disk-full", "Le disque est plein.", "Libérez de la place.")

    with monkeypatch.context() as broken:
        broken.setattr(reception, "receive", full)
        assert msa(door.take(oru("17"))) == ("AE", "17")
    assert msa(door.take(oru("17"))) == ("AA", "17")
    assert len(held(own_world, own_world.patients["marie"])) == 1


def test_enhanced_mode_is_answered_in_its_codes(door: Reception) -> None:
    assert msa(door.take(oru().replace(b"|2.5|||||FRA", b"|2.5|||AL||FRA")))[0] == "CA"


def test_a_number_counts_once_the_hospital_said_it_beside_the_ins(own_world: World, door: Reception) -> None:
    door.take(oru("1", pid=LOCAL))
    assert len(tray(own_world)) == 1
    assert msa(door.take(adt("A01", BOTH)))[0] == "AA"
    assert len(held(own_world, own_world.patients["marie"])) == 0, "a movement is no document"
    door.take(oru("2", pid=LOCAL))
    assert len(held(own_world, own_world.patients["marie"])) == 1
    door.take(oru("3", pid=LOCAL.replace("690000001", "690000002")))  # another hospital's number
    assert len(tray(own_world)) == 2


def test_a_message_that_names_two_people_waits(own_world: World, door: Reception) -> None:
    door.take(adt("A01", BOTH))
    door.take(oru("2", pid=BOTH.replace(INS, "185037512345641")))
    assert len(tray(own_world)) == 1


def test_an_admission_that_states_an_allergy_is_a_document(own_world: World, door: Reception) -> None:
    door.take(adt("A01", BOTH, "AL1|1|DA|PENI^Pénicilline|SV|Choc\r"))
    assert len(held(own_world, own_world.patients["marie"])) == 1


VIGILANCE = Vigilance(Caller(CallerKind.ADMINISTRATOR, "cellule", profession="identitovigilance"))


def decide(world: World, document: Document, kind: quarantine.Kind, to: PatientId | None = None) -> quarantine.Settled:
    stores = quarantine.Stores(world.services.records, world.services.blobs, "")
    decision = quarantine.Decision(kind, "vérifié au téléphone", to)
    return quarantine.settle(stores, VIGILANCE, document.document_id, decision, world.clock.now, "r")


def test_an_unknown_patient_s_message_waits_until_a_person_says_whose_it_is(own_world: World, door: Reception) -> None:
    zoe = NOBODY.replace("DUBOIS^ALIX", "MARTIN^MARIE").replace("19700101|M", "19850312|F")
    assert msa(door.take(oru("5", pid=zoe)))[0] == "AA"
    own_world.work()
    (waiting,) = tray(own_world)
    assert (waiting.state, waiting.refusal.code if waiting.refusal else "") == (
        DocumentState.QUARANTINED,
        "unknown-patient",
    )
    stores = quarantine.Stores(own_world.services.records, own_world.services.blobs, "")
    (seen,) = quarantine.queue(stores, VIGILANCE, limit=9, now=own_world.clock.now, request_id="r")
    said = [words for one in seen.evidence for words in one.found]
    assert any("MARTIN" in words for words in said)
    assert any("9009" in words for words in said)
    with pytest.raises(Refusal) as refused:
        decide(own_world, waiting, "release")
    assert refused.value.code == "no-patient-yet"
    decide(own_world, waiting, "reassign", own_world.patients["marie"])
    own_world.work()
    assert tray(own_world) == []
    (document,) = held(own_world, own_world.patients["marie"])
    assert document.state is DocumentState.SEARCHABLE
    assert msa(door.take(oru("5", pid=zoe)))[0] == "AA"
    assert tray(own_world) == [], "sent again, it is known"


def test_nobody_has_a_right_in_the_tray(own_world: World, door: Reception) -> None:
    door.take(oru("5", pid=NOBODY))
    own_world.work()
    own_world.patients["tray"] = patients.tray_id(own_world.services.keys)
    unknown = own_world.search("ferritine", own_world.bearer("10000000001"), patient="a" * 26)
    answer = own_world.search("ferritine", own_world.bearer("10000000001"), patient="tray")
    assert (answer.status_code, answer.json()) == (unknown.status_code, unknown.json())


def test_a_merge_by_message_waits_for_a_person(own_world: World, door: Reception) -> None:
    with own_world.services.records.read() as tx:
        paul = patients.identity_without_scope(tx, own_world.patients["paul"])
    assert paul is not None
    assert paul.ins is not None
    door.take(adt("A01", BOTH))
    pid = PID.replace(INS, paul.ins.matricule)
    number = "8007^^^CHU&1.2.250.1.71.4.2.2.690000001&ISO^PI"
    for _ in range(2):
        assert msa(door.take(adt("A40", pid, f"MRG|{number}\r")))[0] == "AA"
    door.take(adt("A40", pid, "MRG|1^^^INCONNU^PI\r"))
    with own_world.services.records.read() as tx:
        (waiting,) = merges.waiting(tx, 9)
    assert (waiting.kept, waiting.other) == (own_world.patients["paul"], own_world.patients["marie"])
    assert waiting.proposed_by == "hl7:CHU|DPI"
    hits = own_world.search("allergie", own_world.bearer("10000000002"), patient="paul").json()["hits"]
    assert {hit["document"]["id"] for hit in hits} == {own_world.documents["paul"]}
