"""An IMAP mailbox as unattended intake, for MSSanté: a mail is deposited durably, and only then leaves the inbox.

The mailbox is the only memory. A mail stays where it is until its bytes are stored, so a process that is
killed anywhere finds it again; the same bytes are the same deposit. Whose it is is what the documents in it say
(a look in the sandbox), or an INS in its subject; a mail that names nobody who is known waits in the tray
(decision 042).
"""

from __future__ import annotations

import email.policy
import imaplib
import io
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from hashlib import sha256
from typing import Any, Literal

from access.identifiers import PatientId, parse_ins
from access.refusal import Refusal, let_go
from ingest.addressee import addressee
from ingest.receive import receive
from ingest.sandbox.client import Ended
from ingest.sandbox.verdict import ChildLost
from ingest.steps import AWAY
from ingest.workbench import Workbench
from records import patients
from records.content import StatedPatient

log = logging.getLogger("anamnese.mailbox")
ORIGIN = "mssante"
_INS = re.compile(r"(?<!\d)[1-478]\d{4}(?:\d\d|2[AB])\d{8}(?!\d)")
_TIMEOUT = 60.0  # seconds that the server may be silent

UNREACHABLE = Refusal(
    "receive", "mailbox-unreachable", "La boîte aux lettres ne répond pas.", "Vérifiez son adresse et le réseau."
)
REJECTED = Refusal(
    "start", "mailbox-rejected", "La boîte aux lettres refuse ce compte.", "Vérifiez le compte et le mot de passe."
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where mails are. `organisation`: the FINESS that they are deposited for. Folders are made when absent."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    security: Literal["tls", "starttls", "none"] = "tls"
    authorities: str | None = None  # PEM file; the machine's own when None
    inbox: str = "INBOX"
    done: str = "Anamnese.Recus"
    refused: str = "Anamnese.Refuses"
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """What one look did. `left`: mails that stay in the inbox for the next one."""

    taken: int = 0
    waiting: int = 0  # of those taken, whose patient is not known
    refused: int = 0
    left: int = 0


def look(account: Account, bench: Workbench) -> Round:
    """Take every mail of the inbox. Refusals "mailbox-unreachable", "mailbox-rejected"."""
    taken = waiting = refused = left = 0
    with _opened(account) as box:
        for uid in _uids(box):
            try:
                known = _take(box, uid, account, bench)
            except Refusal as refusal:
                if refusal.code in AWAY:
                    log.warning("a mail stays: %s", refusal.code)
                    left += 1
                    continue
                _refuse(box, uid, account, refusal)
                refused += 1
                continue
            finally:
                let_go()
            _move(box, uid, account.done)
            taken += 1
            waiting += not known
    return Round(taken, waiting, refused, left)


def _take(box: imaplib.IMAP4, uid: bytes, account: Account, bench: Workbench) -> bool:
    """Deposit a mail; whether its patient is known."""
    if _size(box, uid) > bench.limits.bytes:
        raise Refusal("receive", "too-large", "Le message dépasse la taille permise.", "Envoyez-le en plusieurs fois.")
    data = _bytes(box, uid)
    stated = _stated(data, bench)
    with bench.records.read() as tx:
        patient_id: PatientId | None = addressee(tx, stated)
    known = patient_id is not None
    if patient_id is None:
        with bench.records.write() as tx:
            patient_id = patients.open_tray(tx, bench.clock())
    receive(
        io.BytesIO(data),
        patient_id=patient_id,
        file_name="message.eml",
        origin=ORIGIN,
        deposited_by=_sender(data),
        deposited_for=account.organisation,
        blobs=bench.blobs,
        records=bench.records,
        now=bench.clock(),
        limit=bench.limits.bytes,
        key=sha256(data).hexdigest(),
    )
    return known


def _sender(data: bytes) -> str:
    """Who sent a mail: its one From address, which MSSanté's operators vouch for; without one, nobody else's sender."""
    headers = BytesHeaderParser(policy=email.policy.compat32).parsebytes(data).get_all("From", [])
    found = {address.casefold() for _, address in getaddresses([str(one) for one in headers]) if "@" in address}
    (only,) = found if len(found) == 1 else (sha256(data).hexdigest(),)
    return f"mail:{only[:320]}"


def _stated(data: bytes, bench: Workbench) -> list[StatedPatient]:
    """Who the documents of a mail say that they are about, and an INS of its subject. Refusals of reading."""
    found: list[StatedPatient] = []
    try:
        for said in bench.sandbox.read([data], "message.eml", ocr="none", limits=bench.limits):
            if isinstance(said, Ended):
                found += said.metadata.patients
    except ChildLost:
        raise Refusal("receive", "sandbox-unavailable", "Le message n'a pas pu être lu.", "Réessayez.") from None
    subject = str(BytesHeaderParser(policy=email.policy.default).parsebytes(data).get("Subject", ""))
    numbers = [ins for one in _INS.findall(re.sub(r"[ .\u00a0]", "", subject)) if (ins := parse_ins(one)) is not None]
    return [*found, *(StatedPatient(identifiers=((ins.matricule, ins.oid),)) for ins in numbers)]


@contextmanager
def _opened(account: Account) -> Iterator[imaplib.IMAP4]:
    try:
        box = _connected(account)
    except (OSError, imaplib.IMAP4.error):
        raise UNREACHABLE from None
    try:
        try:
            box.login(account.user, account.password)
        except imaplib.IMAP4.error:
            raise REJECTED from None
        for folder in (account.done, account.refused):
            box.create(_quoted(folder))  # answers NO when it is there
        if box.select(_quoted(account.inbox))[0] != "OK":
            raise REJECTED
        yield box
    except (OSError, imaplib.IMAP4.abort):
        raise UNREACHABLE from None
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            box.logout()


def _connected(account: Account) -> imaplib.IMAP4:
    """TLS verified, unless the settings say none (loopback only, see the command)."""
    if account.security == "none":
        return imaplib.IMAP4(account.host, account.port, timeout=_TIMEOUT)
    context = ssl.create_default_context(cafile=account.authorities)
    if account.security == "tls":
        return imaplib.IMAP4_SSL(account.host, account.port, ssl_context=context, timeout=_TIMEOUT)
    box = imaplib.IMAP4(account.host, account.port, timeout=_TIMEOUT)
    box.starttls(context)
    return box


def _uids(box: imaplib.IMAP4) -> list[bytes]:
    found: bytes = _answer(box.uid("SEARCH", "UNDELETED"))[0] or b""
    return found.split()


def _size(box: imaplib.IMAP4, uid: bytes) -> int:
    answer = _answer(box.uid("FETCH", uid.decode(), "(RFC822.SIZE)"))[0]
    found = re.search(rb"RFC822\.SIZE (\d+)", answer or b"")
    return int(found[1]) if found else 0


def _bytes(box: imaplib.IMAP4, uid: bytes) -> bytes:
    """The whole mail, its flags unchanged."""
    for part in _answer(box.uid("FETCH", uid.decode(), "(BODY.PEEK[])")):
        if isinstance(part, tuple):
            data: bytes = part[1]
            return data
    raise UNREACHABLE


def _refuse(box: imaplib.IMAP4, uid: bytes, account: Account, refusal: Refusal) -> None:
    """Move a mail aside, a note on it before it. The note says nothing of what the mail says."""
    headers = _answer(box.uid("FETCH", uid.decode(), "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"))
    raw = next((part[1] for part in headers if isinstance(part, tuple)), b"")
    about = str(BytesHeaderParser(policy=email.policy.compat32).parsebytes(raw).get("Message-ID", "")).strip()
    note = EmailMessage()
    note["From"] = note["To"] = account.user if "@" in account.user else f"{account.user}@localhost"
    note["Subject"] = f"Refusé : {refusal.code}"
    if re.fullmatch(r"<[^<>\s]{1,300}>", about):
        note["In-Reply-To"] = about
    note.set_content(f"Étape : {refusal.stage}\nRaison : {refusal.message}\nQue faire : {refusal.remedy}\n")
    _answer(box.append(_quoted(account.refused), "", "", note.as_bytes(policy=email.policy.SMTP)))
    _move(box, uid, account.refused)


def _move(box: imaplib.IMAP4, uid: bytes, folder: str) -> None:
    if "MOVE" in box.capabilities:
        _answer(box.uid("MOVE", uid.decode(), _quoted(folder)))
        return
    _answer(box.uid("COPY", uid.decode(), _quoted(folder)))
    _answer(box.uid("STORE", uid.decode(), "+FLAGS.SILENT", r"(\Deleted)"))
    box.expunge()


def _answer(said: tuple[str, list[Any]]) -> list[Any]:
    status, data = said
    if status != "OK":
        raise UNREACHABLE
    return data


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
