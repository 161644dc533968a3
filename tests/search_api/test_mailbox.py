"""A real mailbox: mails are deposited durably and only then filed; what is refused stands beside a note."""

from __future__ import annotations

import dataclasses
import imaplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from access.refusal import Refusal
from cli.mailbox import account_of
from cli.settings import load_settings
from ingest import mailbox as intake
from ingest.mailbox import Account, Round, look
from records import patients
from records.documents import Document, DocumentState, documents_of_patient_without_scope
from tests.records.building import ins
from tests.search_api.test_mllp_reception import INS, oru
from tests.search_api.world import World
from tests.services.mailboxes import Mailbox, mailbox

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def account(server: Mailbox) -> Account:
    with server.open() as box:
        for folder in ("INBOX", "Anamnese.Recus", "Anamnese.Refuses"):
            state, count = box.select(folder)
            if state == "OK" and count != [b"0"]:
                box.store("1:*", "+FLAGS", r"(\Deleted)")
                box.expunge()
    return Account("localhost", server.port, server.user, server.password, authorities=str(server.certificate))


def mail(subject: str, attachment: bytes | None = None, text: str = "Ci-joint.") -> bytes:
    one = EmailMessage()
    one["From"], one["To"], one["Subject"] = "labo@mssante.test", "cabinet@mssante.test", subject
    one["Date"], one["Message-ID"] = "Fri, 10 May 2024 08:30:00 +0200", f"<{abs(hash(subject))}@test>"
    one.set_content(text)
    if attachment is not None:
        one.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="resultat.hl7")
    return one.as_bytes()


def of(world: World, patient: str = "marie") -> list[Document]:
    tray = patients.tray_id(world.services.keys)
    with world.services.records.read() as tx:
        found = documents_of_patient_without_scope(tx, world.patients.get(patient, tray))
    return [one for one in found if one.origin == "mssante"]


def test_a_mail_goes_to_the_patient_of_its_attachment_and_is_filed(
    own_world: World, server: Mailbox, account: Account
) -> None:
    sent = mail("Résultats", oru("1", "xanthome éruptif"))
    server.put(sent)
    assert look(account, own_world.bench) == Round(taken=1)
    (document,) = of(own_world)
    assert document.deposited_by == "mail:labo@mssante.test"
    assert own_world.services.blobs.read(document.upload).replace(b"\r\n", b"\n") == sent
    own_world.work()
    assert of(own_world)[0].state is DocumentState.SEARCHABLE
    assert server.holds("INBOX") == []
    assert len(server.holds(account.done)) == 1
    assert look(account, own_world.bench) == Round()


def test_an_ins_in_the_subject_addresses_a_mail_without_other_identity(
    own_world: World, server: Mailbox, account: Account
) -> None:
    server.put(mail(f"CR consultation INS {INS[:13]} {INS[13:]}", text="Xanthome éruptif."))
    assert look(account, own_world.bench) == Round(taken=1)
    assert len(of(own_world)) == 1


@pytest.mark.parametrize("subject", ["Résultats", f"Résultats {ins(5).matricule}", "INS 285037512345699"])
def test_a_mail_for_nobody_known_waits(own_world: World, server: Mailbox, account: Account, subject: str) -> None:
    server.put(mail(subject, text="Xanthome éruptif."))
    assert look(account, own_world.bench) == Round(taken=1, waiting=1)
    assert len(of(own_world, "tray")) == 1


def test_a_mail_whose_subject_and_attachment_name_two_people_waits(
    own_world: World, server: Mailbox, account: Account
) -> None:
    with own_world.services.records.read() as tx:
        paul = patients.identity_without_scope(tx, own_world.patients["paul"])
    assert paul is not None
    assert paul.ins is not None
    server.put(mail(f"INS {paul.ins.matricule}", oru("1")))
    assert look(account, own_world.bench) == Round(taken=1, waiting=1)


def test_a_mail_that_cannot_be_read_is_filed_apart_beside_a_note(
    own_world: World, server: Mailbox, account: Account
) -> None:
    head = b"From: a@mssante.test\r\nTo: b@mssante.test\r\nSubject: CR\r\nMessage-ID: <1@test>\r\nMIME-Version: 1.0\r\n"
    server.put(head + b"Content-Type: application/octet-stream\r\n\r\n" + b"GIF89a" + b"\x01\x02" * 40)
    assert look(account, own_world.bench) == Round(refused=1)
    notes = [one.decode() for one in server.holds(account.refused)]
    assert len(notes) == 2
    assert any("unsupported-type" in one and "In-Reply-To" in one for one in notes)
    assert server.holds("INBOX") == []
    assert of(own_world) == of(own_world, "tray") == []


def test_a_process_that_dies_before_filing_doubles_nothing(
    own_world: World, server: Mailbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(mail("Résultats", oru("1")))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(intake, "_move", dies)
        with pytest.raises(KeyboardInterrupt):
            look(account, own_world.bench)
    assert len(server.holds("INBOX")) == 1
    assert look(account, own_world.bench) == Round(taken=1)
    assert len(of(own_world)) == 1


def test_a_full_disk_leaves_mails_where_they_are(
    own_world: World, server: Mailbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        raise Refusal("receive", "disk-full", "Le disque est plein.", "Libérez de la place.")

    server.put(mail("Résultats", oru("1")))
    with monkeypatch.context() as broken:
        broken.setattr(intake, "receive", full)
        assert look(account, own_world.bench) == Round(left=1)
    assert len(server.holds("INBOX")) == 1
    assert look(account, own_world.bench) == Round(taken=1)


def test_a_server_without_move_is_served_too(
    own_world: World, server: Mailbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put(mail("Résultats", oru("1")))
    plain = imaplib.IMAP4._get_capabilities  # type: ignore[attr-defined]

    def without_move(box: imaplib.IMAP4) -> None:
        plain(box)
        box.capabilities = tuple(one for one in box.capabilities if one != "MOVE")

    with monkeypatch.context() as old:
        old.setattr(imaplib.IMAP4, "_get_capabilities", without_move)
        assert look(account, own_world.bench) == Round(taken=1)
    assert server.holds("INBOX") == []
    assert len(server.holds(account.done)) == 1


def test_who_it_is_not_and_what_is_not_there_are_said(own_world: World, account: Account) -> None:
    for wrong, code in (
        (dataclasses.replace(account, password="faux"), "mailbox-rejected"),
        (dataclasses.replace(account, port=1), "mailbox-unreachable"),
        (dataclasses.replace(account, authorities=None), "mailbox-unreachable"),
    ):
        with pytest.raises(Refusal) as refused:
            look(wrong, own_world.bench)
        assert refused.value.code == code


def test_a_distant_mailbox_is_never_taken_in_clear(tmp_path: object) -> None:
    file = f"{tmp_path}/password"
    with open(file, "w") as written:
        written.write("secret\n")
    own = {"mailbox_user": "u", "mailbox_password_file": file, "mailbox_security": "none"}
    with pytest.raises(Refusal) as refused:
        account_of(load_settings(mailbox_host="imap.mssante.test", **own))
    assert refused.value.code == "mailbox-in-clear"
    assert account_of(load_settings(mailbox_host="127.0.0.1", **own)).password == "secret"
