"""What a colleague's file says of another's document changes nothing, by every way in; the sender's own message does.

The victim is what a laboratory or a hospital sent. The attacker has the right to deposit: a grant, or a broken glass.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from access.identifiers import DocumentId
from access.scope import CallerKind
from ingest.mllp.reception import Reception
from ingest.receive import receive
from records import contested, documents, journal
from records.contested import Contest
from records.documents import Document
from tests.ingest.cda_files import cda
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_messages import mdm
from tests.search_api.test_mllp_reception import PID
from tests.search_api.world import DAY, World

HOSPITAL, ELSEWHERE = "690020029", "690000001"
SENDERS = {"CHU": HOSPITAL, "AILLEURS": ELSEWHERE}
TEXT = "Allergie grave à la pénicilline : xanthome."
ROOT = "1.2.3"


def of_marie(message: str) -> str:
    """A message with her in PID, as MLLP asks."""
    return message.replace("\rTXA", f"\r{PID.rstrip()}\rTXA", 1)


def letter(
    name: str, text: str = TEXT, *, replaces: str = "", set_id: str = "", version: int = 1, code: str = "N"
) -> str:
    """A CDA of Marie that says to be `name`."""
    one = cda("MARTIN", "MARIE LOUISE", "19850312", sex="F", unique=f"{ROOT}^{name}", text=text)
    said = f'<confidentialityCode code="{code}"/>'
    said += f'<setId root="{ROOT}" extension="{set_id}"/><versionNumber value="{version}"/>' if set_id else ""
    one = one.replace("<recordTarget>", f"{said}<recordTarget>", 1)
    old = f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{ROOT}" extension="{replaces}"/>'
    return one.replace("<component>", f"{old}</parentDocument></relatedDocument><component>", 1) if replaces else one


def bundle(status: str, text: str, *, replaces: str = "", number: str = "d1") -> str:
    """A FHIR DocumentReference with its text, of a document `number`."""
    import base64

    one: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "status": status,
        "masterIdentifier": {"system": f"urn:oid:{ROOT}", "value": number},
        "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}]},
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}],
    }
    if replaces:
        target = {"identifier": {"system": f"urn:oid:{ROOT}", "value": replaces}}
        one["relatesTo"] = [{"code": "replaces", "target": target}]
    return json.dumps(one)


class Ward:
    """Marie's record, what comes into it by each way, and what a carer finds there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.mllp = Reception(world.bench, SENDERS)
        world.add_practitioner(STRANGER, organizations=(ELSEWHERE,))

    def sends(
        self, text: str, *, by: str = "mail:labo@mssante.test", origin: str = "mssante", org: str = ""
    ) -> DocumentId:
        services = self.world.services
        receipt = receive(
            io.BytesIO(text.encode()),
            patient_id=self.world.patients["marie"],
            file_name="document",
            origin=origin,
            deposited_by=by,
            deposited_for=org,
            blobs=services.blobs,
            records=services.records,
            now=self.world.clock.now,
            limit=10**6,
        )
        self._read()
        return receipt.document_id

    def uploads(self, text: str, rpps: str = DOCTOR) -> DocumentId:
        headers = self.world.bearer(rpps)
        answer = self.world.http.post(
            self.world.url("marie", "/documents"), files={"file": ("a", text)}, headers=headers
        )
        assert answer.status_code == 202, answer.text
        self._read()
        return DocumentId(answer.json()["document_id"])

    def by_mllp(self, text: str) -> None:
        assert b"MSA|AA" in self.mllp.take(text.encode())
        self._read()

    def _read(self) -> None:
        self.world.work()
        self.world.clock.now += DAY / 24

    def get(self, document_id: DocumentId) -> Document:
        with self.world.services.records.read() as tx:
            found = documents.document_without_scope(tx, document_id)
        assert found is not None
        return found

    def stands(self, document_id: DocumentId) -> bool:
        one = self.get(document_id)
        hits = self.world.search("xanthome", self.world.bearer(TRAITANT)).json()["hits"]
        found = document_id in {hit["document"]["id"] for hit in hits}
        assert found == (one.status == "approved" and not one.withdrawn)
        return found

    def claims(self) -> list[Contest]:
        with self.world.services.records.read() as tx:
            return contested.waiting(tx, 10)

    def masks(self, document_id: DocumentId, *, undo: bool = False) -> None:
        """Marie masks a document, or shows it again."""
        url, headers = self.world.url("marie", "/masks"), self.world.as_patient("marie")
        if undo:
            done = self.world.http.delete(f"{url}/{document_id}", headers=headers)
        else:
            done = self.world.http.post(url, json={"document_id": document_id}, headers=headers)
        assert done.status_code == 204, done.text

    def decide(self, document_id: DocumentId, *, accepted: bool) -> None:
        with self.world.services.records.write() as tx:
            contested.decide(tx, document_id, accepted=accepted, by="cellule", now=self.world.clock.now)


@pytest.fixture
def ward(own_world: World) -> Ward:
    return Ward(own_world)


VICTIMS = {"hl7": mdm("T02", "D1", TEXT), "cda": letter("d1", set_id="s"), "fhir": bundle("current", TEXT)}
ATTACKS = {
    "hl7 cancelled": ("hl7", mdm("T11", "D1", "", at="1000")),
    "hl7 replaced": ("hl7", mdm("T10", "D2", "rien à signaler", "D1", "1000")),
    "cda replaced": ("cda", letter("d2", "Rien à signaler.", replaces="d1")),
    "cda newer": ("cda", letter("d2", "Rien à signaler.", set_id="s", version=9)),
    "cda same": ("cda", letter("d1", "Rien à signaler.")),
    "fhir in error": ("fhir", bundle("entered-in-error", "Rien.")),
    "fhir superseded": ("fhir", bundle("superseded", "Rien.")),
    "fhir replaced": ("fhir", bundle("current", "Rien à signaler.", replaces="d1", number="d2")),
}


@pytest.mark.parametrize("first", [False, True], ids=["after", "before"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_colleague_changes_no_other_senders_document(ward: Ward, attack: str, first: bool) -> None:
    kind, text = ATTACKS[attack]
    if first:
        ward.uploads(text)
    victim = ward.sends(VICTIMS[kind])
    if not first:
        ward.uploads(text)
    assert ward.stands(victim)
    assert not ward.get(victim).masked


@pytest.mark.parametrize("attack", sorted(set(ATTACKS) - {"cda same"}))
def test_its_own_sender_does(ward: Ward, attack: str) -> None:
    """The control: without it the test above would pass with a file that says nothing."""
    kind, text = ATTACKS[attack]
    victim = ward.sends(VICTIMS[kind])
    ward.sends(text)
    assert not ward.stands(victim)
    assert ward.claims() == []


def test_a_broken_glass_changes_no_other_senders_document(ward: Ward) -> None:
    world = ward.world
    victim = ward.sends(VICTIMS["hl7"])
    opened = world.http.post(
        world.url("marie", "/break-glass"), json={"reason": "unconscious"}, headers=world.bearer(STRANGER)
    )
    assert opened.status_code in (200, 201), opened.text
    message = ward.uploads(ATTACKS["hl7 cancelled"][1], STRANGER)
    assert ward.stands(victim)
    assert ward.get(message).refusal is not None


def test_over_mllp_an_establishment_speaks_for_its_own_and_no_other(ward: Ward) -> None:
    ward.by_mllp(of_marie(mdm("T02", "D1", TEXT)))
    with ward.world.services.records.read() as tx:
        found = documents.documents_of_patient_without_scope(tx, ward.world.patients["marie"])
    (victim,) = [one.document_id for one in found if one.origin == "hl7"]
    cancelled = of_marie(mdm("T11", "D1", "", at="1000"))
    forged = cancelled.replace("|RIS|CHU|", "|RIS|AILLEURS|").replace("|D1|", "|D1^^CHU|")
    ward.by_mllp(forged)
    assert ward.stands(victim)
    ward.by_mllp(cancelled)
    assert not ward.stands(victim)


def test_a_colleague_of_the_same_establishment_may(ward: Ward) -> None:
    victim = ward.sends(VICTIMS["hl7"], by="hl7:CHU|RIS", origin="hl7", org="750000001")
    ward.uploads(ATTACKS["hl7 cancelled"][1])
    assert not ward.stands(victim)


def test_another_mail_for_the_same_mailbox_may_not(ward: Ward) -> None:
    victim = ward.sends(VICTIMS["hl7"], org="750000001")
    ward.sends(ATTACKS["hl7 cancelled"][1], by="mail:autre@mssante.test", org="750000001")
    assert ward.stands(victim)


def test_a_document_that_two_sent_leaves_by_the_word_of_neither(ward: Ward) -> None:
    """Whoever sees a document can send its bytes again, and has then sent it: that gives no power over it."""
    victim = ward.sends(VICTIMS["cda"])
    assert ward.uploads(VICTIMS["cda"]) == victim, "the doctor sees it, so it is the same document"
    ward.uploads(ATTACKS["cda replaced"][1])
    assert ward.stands(victim)


def test_a_forged_copy_hides_no_document(ward: Ward) -> None:
    """Neither by another type, which a grant may not cover, nor by its confidentiality, nor by joining two sets."""
    victim = ward.sends(VICTIMS["cda"])
    other = ward.sends(letter("e1", "Un autre xanthome.", set_id="t"))
    ward.uploads(letter("d1", TEXT, code="V").replace("34133-9", "DOCPAT02"))
    ward.uploads(letter("z1", "Un pont.", set_id="t", replaces="d1", version=5, code="INVISIBLE_PATIENT"))
    for one in (victim, other):
        assert ward.stands(one)
        found = ward.get(one)
        assert (found.masked, found.hidden_from_patient) == (False, False)
    later = ward.sends(letter("d3", "Une correction, xanthome.", set_id="s", version=2, replaces="d1"))
    assert ward.stands(later)
    assert not ward.get(later).masked
    assert not ward.stands(victim)


def test_a_copy_by_another_way_gives_way_and_takes_the_mask(ward: Ward) -> None:
    """Two envelopes of one report: it is shown once, and what is masked in one is masked in the other."""
    first = ward.sends(letter("d1"))
    copy = ward.uploads(letter("d1") + "\n")
    assert first != copy
    assert (ward.stands(first), ward.stands(copy)) == (True, False)
    other = ward.uploads(letter("d1", "Un autre xanthome."))
    ward.masks(other)
    assert ward.get(first).masked, "what the patient masks is masked in every envelope"
    third = ward.sends(letter("d1") + "\n\n", by="mail:autre@mssante.test")
    assert ward.get(third).masked, "a copy that comes later shows nothing of what is masked"
    ward.masks(other, undo=True)
    assert ward.get(first).masked, "anybody can make a copy: showing it shows none that was there before"
    ward.masks(first, undo=True)
    assert [ward.get(one).masked for one in (first, copy, other, third)] == [False] * 4


def test_what_came_first_under_another_type_hides_no_document(ward: Ward) -> None:
    ward.uploads(letter("d1", TEXT).replace("34133-9", "DOCPAT02"))
    assert ward.stands(ward.sends(VICTIMS["cda"]))


def test_the_claim_waits_for_a_person_whose_word_counts(ward: Ward) -> None:
    victim = ward.sends(VICTIMS["hl7"])
    message = ward.uploads(ATTACKS["hl7 cancelled"][1])
    newer = ward.uploads(ATTACKS["hl7 replaced"][1])
    waiting = ward.claims()
    assert [one.claims.document_id for one in waiting] == [message, newer]
    assert [[o.document_id for o in one.others] for one in waiting] == [[victim], [victim]]
    assert [victim in one.cancels for one in waiting] == [True, False]
    ward.decide(newer, accepted=True)
    assert ward.get(victim).status == "deprecated"
    ward.decide(newer, accepted=False)
    assert ward.stands(victim)
    ward.decide(message, accepted=True)
    assert ward.get(victim).withdrawn
    assert ward.claims() == []


def test_over_http_the_vigilance_sees_who_sent_what_and_decides(ward: Ward) -> None:
    world = ward.world
    victim = ward.sends(VICTIMS["hl7"])
    newer = ward.uploads(ATTACKS["hl7 replaced"][1])
    headers = world.bearer(identity_vigilance="cellule-1")
    answer = world.http.get("/v1/claims", headers=headers)
    (shown,) = answer.json()["claims"]
    assert (shown["document_id"], shown["patient_id"]) == (newer, world.patients["marie"])
    assert [(o["document_id"], o["cancelled"]) for o in shown["others"]] == [(victim, False)]
    assert DOCTOR in shown["senders"]
    assert shown["others"][0]["senders"] == "mail:labo@mssante.test"
    assert "xanthome" not in answer.text

    def decide(accepted: bool, document: str = newer) -> Any:
        body = {"accepted": accepted, "reason": "confirmé par l'émetteur"}
        return world.http.post(f"/v1/claims/{document}", json=body, headers=headers)

    assert decide(accepted=True).json()["accepted"] is True
    assert ward.get(victim).status == "deprecated"
    assert world.http.get("/v1/claims", headers=headers).json() == {"claims": []}
    assert decide(accepted=False).status_code == 200
    assert ward.stands(victim)
    for nothing in (victim, "a" * 26, "x"):
        refused = decide(True, nothing)
        assert (refused.status_code, refused.json()["code"]) == (404, "no-such-claim")
    with world.services.records.read() as tx:
        told = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 20)
    mine = [(e.action, e.detail) for e in reversed(told) if e.caller == "cellule-1"]
    why = "confirmé par l'émetteur"
    assert mine == [("claim-list", ""), ("claim-accept", why), ("claim-refuse", why)]


@pytest.mark.parametrize("who", ["doctor", "traitant", "patient", "auditor", "administrator", "system"])
def test_nobody_else_sees_or_decides_a_claim(ward: Ward, who: str) -> None:
    world = ward.world
    victim = ward.sends(VICTIMS["hl7"])
    newer = ward.uploads(ATTACKS["hl7 replaced"][1])
    headers = {
        "doctor": lambda: world.bearer(DOCTOR),
        "traitant": lambda: world.bearer(TRAITANT),
        "patient": lambda: world.as_patient("marie"),
        "auditor": lambda: world.bearer(role=CallerKind.AUDITOR),
        "administrator": lambda: world.bearer(role=CallerKind.ADMINISTRATOR),
        "system": lambda: world.bearer(system="dpi"),
    }[who]()
    body = {"accepted": True, "reason": "pour voir"}
    for answer in (
        world.http.get("/v1/claims", headers=headers),
        world.http.post(f"/v1/claims/{newer}", json=body, headers=headers),
        world.http.post(f"/v1/claims/{'a' * 26}", json=body, headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not-identity-vigilance")
    assert ward.stands(victim)


def test_whether_the_other_document_is_here_is_told_to_nobody_who_deposits(ward: Ward) -> None:
    """The same cancellation and replacement, of a document that another sent and masked, and of one that is not here:
    the depositor reads the same cards."""
    world = ward.world
    ward.masks(ward.sends(VICTIMS["hl7"]))

    def cards(number: str) -> list[Any]:
        told = []
        for text in (
            mdm("T11", number, "", at="1000"),
            mdm("T10", f"R{number}", "rien à signaler", number, "1000"),
            mdm("T02", number, "Tout autre chose."),
        ):
            sent = ward.uploads(text)
            answer = world.http.get(world.url("marie", f"/documents/{sent}"), headers=world.bearer(DOCTOR))
            told.append((answer.status_code, _without(answer.json(), sent)))
        return told

    here, away = cards("D1"), cards("D7")
    assert here == away


def _without(card: Any, document_id: str) -> Any:
    """A card without what differs by chance: its id, when it came, how many bytes."""
    text = json.dumps(
        {key: value for key, value in card.items() if key not in ("received_at", "searchable_at", "receipts", "size")}
    )
    return json.loads(text.replace(document_id, "ID").replace("D7", "D1"))
