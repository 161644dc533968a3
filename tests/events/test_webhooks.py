"""Whom a hospital system is told of what: what it could read at that moment, by identifiers, signed."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from standardwebhooks.webhooks import Webhook as Library
from standardwebhooks.webhooks import WebhookVerificationError

from access.document_types import category_of
from access.refusal import Refusal
from records import deliveries, documents, grants, journal, masks, practitioners, tables, webhooks, will
from records.content import Metadata
from records.documents import DocumentState
from records.erasure import erase
from records.practitioners import Practitioner, Rpps
from tests.events.conftest import HOSPITAL, Stage
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import DAY

WORDS = ("zéphyrine", "Mirabelle", "xanthome")


def arrive(stage: Stage, name: str, patient: str = "marie", type_code: str = "", **metadata: Any) -> str:
    """A document that becomes searchable as what `metadata` says."""
    world = stage.world
    world.clock.now += timedelta(seconds=1)
    world.deposit(name, patient, f"Compte rendu {name}. Xanthome chez Zéphyrine Mirabelle.", by="laboratoire")
    if type_code or metadata:
        with world.services.records.write() as tx:
            said = Metadata(type_code=type_code, title="Xanthome", author="Mirabelle", **metadata)
            documents.set_metadata(tx, world.documents[name], said, category_of(type_code))
    world.work()
    return world.documents[name]


def org(stage: Stage, patient: str = "marie", name: str = "hospital") -> None:
    stage.world.grant(name, patient, HOSPITAL, grantee_kind="organization")


def test_a_document_is_told_by_identifiers_and_signed(stage: Stage) -> None:
    listener = stage.listen()
    document = arrive(stage, "neuf")
    marie = stage.world.patients["marie"]
    assert stage.tell().delivered == 1
    (got,) = stage.receiver.got
    assert got.told == ("document.searchable", marie, document)
    assert set(got.said) == {"type", "timestamp", "data"}
    assert set(got.said["data"]) == {"patient", "document"}
    assert got.path == "/recu?de=anamnese"
    assert Library(listener.secret).verify(got.body, got.headers) == got.said
    with pytest.raises(WebhookVerificationError):
        Library(listener.secret).verify(got.body.replace(b"searchable", b"replaced"), got.headers)
    assert stage.told() == []


def test_two_listeners_have_secrets_of_their_own_and_one_event_one_name(stage: Stage) -> None:
    first, second = stage.listen(), stage.listen()
    assert first.secret != second.secret
    arrive(stage, "neuf")
    stage.tell()
    assert len(stage.receiver.got) == 2
    assert len({each.headers["webhook-id"] for each in stage.receiver.got}) == 1
    signed = {each.headers["webhook-signature"] for each in stage.receiver.got}
    assert len(signed) == 2


def test_nobody_is_told_of_what_their_professional_could_not_read(stage: Stage) -> None:
    """Another patient; another category; no grant; a professional the matrix gives nothing; another establishment."""
    world = stage.world
    world.add_practitioner(STRANGER, organizations=(HOSPITAL,))
    world.add_practitioner(BIOLOGIST, organizations=(HOSPITAL,))
    stage.listen(STRANGER)
    stage.listen(BIOLOGIST)
    arrive(stage, "lettre de plus", "marie", "11490-0")
    arrive(stage, "de paul", "paul", "11502-2")
    assert stage.told() == []
    bilan = arrive(stage, "bilan de plus", "marie", "11502-2")
    assert stage.told() == [("document.searchable", world.patients["marie"], bilan)]
    with pytest.raises(Refusal, match="pas enregistré"):
        stage.listen(TRAITANT)


def test_what_a_grant_opens_to_the_establishment_is_told(stage: Stage) -> None:
    world = stage.world
    world.add_practitioner(STRANGER, organizations=(HOSPITAL, "690000002"))
    stage.listen(STRANGER)
    world.grant("ailleurs", "paul", "690000002", grantee_kind="organization")
    arrive(stage, "un", "paul")
    assert stage.told() == []  # their other establishment's grant is not this one's
    org(stage, "paul")
    document = arrive(stage, "deux", "paul")
    paul = world.patients["paul"]
    assert stage.told() == [("access.changed", paul, None), ("document.searchable", paul, document)]


def test_a_masked_document_is_never_announced_not_even_to_the_family_doctor(stage: Stage) -> None:
    world = stage.world
    world.add_practitioner(TRAITANT, organizations=(HOSPITAL,))
    stage.listen()
    stage.listen(TRAITANT)
    arrive(stage, "secret", "marie", "11490-0", confidentiality="R")
    assert stage.told() == []
    with world.services.records.write() as tx:
        assert documents.document_without_scope(tx, world.documents["secret"]).masked  # type: ignore[union-attr]
        documents.set_state(tx, world.documents["secret"], DocumentState.QUARANTINED)
    assert stage.told() == []


def test_what_is_masked_between_the_event_and_its_delivery_stays_untold(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    document = arrive(stage, "neuf")
    stage.receiver.status = 500
    assert stage.tell().failed == 1
    with world.services.records.write() as tx:
        masks.mask(tx, world.documents["neuf"], "patient", world.clock.now, world.services.policy)
    stage.receiver.status = 204
    world.clock.now += DAY
    before = len(stage.receiver.got)
    assert stage.tell().withheld == 1
    assert [document in str(each.said) for each in stage.receiver.got[before:]] == [False]
    assert stage.receiver.told()[before:] == [("access.changed", world.patients["marie"], None)]


def test_a_mask_and_its_end_are_told_to_who_could_see_the_document(stage: Stage) -> None:
    world, records = stage.world, stage.world.services.records
    world.add_practitioner(BIOLOGIST, organizations=(HOSPITAL,))
    stage.listen()
    only_biology = stage.listen(BIOLOGIST)
    letter, marie = world.documents["lettre"], world.patients["marie"]
    with records.write() as tx:
        masks.mask(tx, letter, "patient", world.clock.now, world.services.policy)
    assert stage.told() == [("access.changed", marie, None)]
    with records.write() as tx:
        masks.mask(tx, letter, "patient", world.clock.now, world.services.policy)
    assert stage.told() == []
    with records.write() as tx:
        masks.unmask(tx, letter)
    assert stage.told() == [("access.changed", marie, letter)]
    with records.read() as tx:
        assert deliveries.backlog_without_scope(tx, only_biology.webhook_id).delivered == 0


def test_a_version_replaces_another_and_the_sender_withdraws_it(stage: Stage) -> None:
    world, marie = stage.world, stage.world.patients["marie"]
    stage.listen()
    first = arrive(stage, "v1", "marie", "11490-0", unique_id="1.2.3.1", set_id="1.2.3", version=1)
    assert stage.told() == [("document.searchable", marie, first)]
    second = arrive(stage, "v2", "marie", "11490-0", unique_id="1.2.3.2", set_id="1.2.3", version=2)
    assert stage.told() == [("document.searchable", marie, second), ("document.replaced", marie, first)]
    other = arrive(stage, "annulation", "marie", "11490-0")
    stage.tell()
    with world.services.records.write() as tx:
        documents.withdraw(tx, world.documents["annulation"], Metadata(cancels=("1.2.3.2",)))
    told = stage.told()
    assert set(told) == {("document.withdrawn", marie, second), ("document.searchable", marie, first)}
    assert len(told) == 2
    assert other not in str(told)


def test_what_turns_out_to_be_another_patients_is_taken_back_from_who_was_told_of_it(stage: Stage) -> None:
    world, marie = stage.world, stage.world.patients["marie"]
    stage.listen()
    late = stage.listen()
    known, unknown = arrive(stage, "connu"), arrive(stage, "inconnu")
    with world.services.records.write() as tx:
        webhooks.remove(tx, late.webhook_id)
        documents.set_state(tx, world.documents["inconnu"], DocumentState.QUARANTINED)  # before anybody was told
    assert stage.told() == [("document.searchable", marie, known)]
    with world.services.records.write() as tx:
        documents.set_state(tx, world.documents["connu"], DocumentState.QUARANTINED)
    assert stage.told() == [("document.withdrawn", marie, known)]
    assert unknown not in str(stage.receiver.told())
    untold = arrive(stage, "jamais arrivé")
    stage.receiver.status = 500
    assert stage.tell().failed == 1  # what it is told waits, and then is no longer so
    stage.receiver.status = 204
    with world.services.records.write() as tx:
        documents.set_state(tx, world.documents["jamais arrivé"], DocumentState.QUARANTINED)
    world.clock.now += DAY
    before = len(stage.receiver.got)
    assert stage.tell().withheld == 2
    assert untold not in str(stage.receiver.told()[before:])


def test_access_is_told_when_it_is_the_listeners_own_and_another(stage: Stage) -> None:
    world, records, now = stage.world, stage.world.services.records, stage.world.clock.now
    stage.listen()
    marie, paul = world.patients["marie"], world.patients["paul"]
    changed = [("access.changed", marie, None)]
    world.grant("autre", "marie", STRANGER)
    world.grant("autre de paul", "paul", STRANGER)
    with records.write() as tx:
        grants.block(tx, marie, STRANGER, now, "patient")
    assert stage.told() == []
    world.revoke("doctor", "marie")  # it was open when the listener came
    assert stage.told() == changed
    org(stage)
    assert stage.told() == changed
    with records.write() as tx:
        grants.block(tx, marie, DOCTOR, now, "patient")
    assert stage.told() == changed
    arrive(stage, "pendant le blocage")
    assert stage.told() == []
    with records.write() as tx:
        assert grants.unblock(tx, marie, DOCTOR)
    assert stage.told() == changed
    with records.write() as tx:
        will.close_record(tx, marie, closed=True)
    assert stage.told() == changed
    with records.write() as tx:
        will.close_record(tx, marie, closed=False)
    assert stage.told() == changed
    assert paul not in str(stage.receiver.told())


def test_an_emergency_is_told_to_the_place_it_was_opened_from(stage: Stage) -> None:
    """Without the patient where nothing is open to it; what its professional opened in person opens nothing to it."""
    world = stage.world
    world.add_practitioner(STRANGER, organizations=(HOSPITAL,))
    world.add_practitioner(TRAITANT, organizations=("690000002",))
    stage.listen(STRANGER)
    stage.listen(TRAITANT, "690000002", ("emergency.opened",))
    reason = {"reason": "unconscious"}
    opened = world.http.post(world.url("marie", "/break-glass"), json=reason, headers=world.bearer(STRANGER))
    assert opened.status_code == 201
    arrive(stage, "pendant l'urgence")
    marie = world.patients["marie"]
    assert sorted(stage.told(), key=str) == [("emergency.opened", marie, None), ("emergency.opened", None, None)]
    assert STRANGER not in str([each.said for each in stage.receiver.got])
    world.add_practitioner("10000000041", organizations=("330000003",))
    away = world.http.post(world.url("marie", "/break-glass"), json=reason, headers=world.bearer("10000000041"))
    assert away.status_code == 201
    assert stage.told() == [("emergency.opened", marie, None)]  # the family doctor's alone


def test_a_listener_is_told_only_the_kinds_it_asked_for_and_from_then_on(stage: Stage) -> None:
    stage.listen(kinds=("access.changed",))
    arrive(stage, "avant")
    stage.listen(kinds=("document.searchable",))
    assert stage.told() == []
    document = arrive(stage, "après")
    assert stage.told() == [("document.searchable", stage.world.patients["marie"], document)]


def test_nothing_is_written_while_nobody_listens(stage: Stage) -> None:
    arrive(stage, "neuf")
    with stage.world.services.records.read() as tx:
        assert tx.session.scalar(select(func.count()).select_from(tables.Happening)) == 0


def test_a_professional_who_left_hears_nothing(stage: Stage) -> None:
    world = stage.world
    stage.listen()
    arrive(stage, "neuf")
    with world.services.records.write() as tx:
        left = Practitioner(Rpps(DOCTOR), "Dr", "médecin", "Médecine générale", organizations=("690000002",))
        practitioners.put_practitioner(tx, left)
    assert stage.told() == []


def test_it_is_in_the_journal_before_it_leaves_and_once(stage: Stage) -> None:
    listener = stage.listen()
    document = arrive(stage, "neuf")
    stage.receiver.status = 503
    stage.tell()
    stage.world.clock.now += DAY
    stage.tell()

    def told() -> list[journal.Entry]:
        with stage.world.services.records.read() as tx:
            entries = journal.entries_for_audit_without_scope(tx, stage.world.patients["marie"], 1000)
            return [each for each in entries if each.action == "event"]

    (entry,) = told()
    assert (entry.caller, entry.on_behalf, entry.documents) == (listener.webhook_id, DOCTOR, (document,))
    lines = stage.world.http.get(stage.world.url("marie", "/journal"), headers=stage.world.as_patient("marie")).json()
    assert any("a été averti" in line["sentence"] for line in lines["entries"])


def test_an_event_that_cannot_be_journalled_does_not_leave(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.listen()
    arrive(stage, "neuf")

    def broken(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(journal, "append", broken)
    with pytest.raises(OSError, match="full"):
        stage.tell()
    assert stage.receiver.got == []


def test_no_word_of_a_document_or_of_a_person_is_in_bodies_headers_or_logs(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world = stage.world
    stage.listen()
    stage.receiver.status = 500
    arrive(stage, "neuf", "marie", "11490-0", unique_id="1.2.3.1", set_id="1.2.3", version=1)
    stage.tell()
    stage.receiver.status = 204
    world.clock.now += DAY
    arrive(stage, "v2", "marie", "11490-0", unique_id="1.2.3.2", set_id="1.2.3", version=2)
    with world.services.records.write() as tx:
        masks.mask(tx, world.documents["lettre"], "patient", world.clock.now, world.services.policy)
    stage.tell()
    assert len(stage.receiver.got) >= 4
    whole = " ".join(f"{each.headers} {each.body.decode()}" for each in stage.receiver.got)
    hidden = (*WORDS, "MARTIN", "MARIE", "28503751", DOCTOR, HOSPITAL, "11490", "1.2.3", "masqu", "mask", "pénicilline")
    assert [word for word in hidden if word.lower() in whole.lower()] == []
    named = (*hidden, *world.patients.values(), *world.documents.values(), "127.0.0.1", "recu")
    told = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("anamnese"))
    assert "status-500" in told
    assert [word for word in named if word.lower() in told.lower()] == []


def test_erasing_a_patient_forgets_what_was_told_of_them(stage: Stage, tmp_path: Path) -> None:
    world = stage.world
    stage.listen()
    arrive(stage, "neuf")
    stage.tell()
    arrive(stage, "pas encore dit")
    services = world.services
    erase(services.records, services.blobs, services.keys, tmp_path / "ledger", world.patients["marie"],
          world.clock.now, "test")  # fmt: skip
    assert stage.told() == []
    with services.records.read() as tx:
        for table in (tables.Happening, tables.Delivery, tables.WebhookView):
            assert tx.session.scalar(select(func.count()).select_from(table)) == 0


def test_a_listener_that_is_removed_hears_nothing(stage: Stage) -> None:
    listener = stage.listen()
    arrive(stage, "neuf")
    with stage.world.services.records.write() as tx:
        assert webhooks.remove(tx, listener.webhook_id)
        assert not webhooks.remove(tx, listener.webhook_id)
    assert stage.told() == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"kinds": ("autre",)}, "bad-kind"), ({"kinds": ()}, "bad-kind"), ({"practitioner": "1"}, "bad-rpps")],
)
def test_a_listener_says_who_and_what(stage: Stage, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        stage.listen(**wrong)
    assert refused.value.code == code
