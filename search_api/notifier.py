"""The mail adapter: what waits in the outbox leaves by SMTP. A mail says that somebody looked, never who nor what.

The médecin traitant's (search_api/traitant.py) names the record by our opaque identifier, as messages to systems do.

The outbox is written with what it tells, in one transaction; a mail server that is down loses nothing. Each attempt is
counted before it is made, with a delay that doubles, so that a mail is sent twice at most after a crash.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from dataclasses import asdict, dataclass, field
from datetime import datetime
from email.message import EmailMessage
from typing import Literal
from zoneinfo import ZoneInfo

from access.policy import Policy
from access.refusal import Refusal
from records import notifications
from records.database import Records
from records.notifications import Waiting
from search_api.periodic import Periodic
from search_api.services import utc_now
from search_api.traitant import may_be_told

log = logging.getLogger("anamnese.notify")
PARIS = ZoneInfo("Europe/Paris")
EVERY = 30.0  # seconds between two looks at the outbox
AT_ONCE = 50
TIMEOUT = 20  # seconds for each step of a conversation

SUBJECT = "Un accès à votre dossier médical"
REMINDER, REMINDER_SUBJECT = "reminder", "Un rappel dans votre dossier médical"
_REMINDER = (
    "Bonjour,\n\nUn rappel qui vous concerne vous attend dans votre dossier. Vous pouvez le lire dans votre espace ; "
    "vous y choisissez aussi de ne plus en recevoir.\n"
)
TRAITANT_SUBJECT = "Un accès d'urgence au dossier d'un patient"
_TRAITANT = (
    "Bonjour,\n\nLe dossier d'un patient dont vous êtes le médecin traitant a été ouvert en urgence, sans son accord "
    "préalable, {when}.\n\nLe journal de ce dossier dit qui, quand et ce qui a été montré : vous pouvez l'y lire. "
    "Dans ce service, le dossier a l'identifiant {patient_id}.\n"
)
_SENTENCES = {
    "first_access": "Un professionnel a consulté votre dossier pour la première fois",
    "break_glass": "Un professionnel a ouvert votre dossier en urgence, sans votre accord préalable",
    "attested": "Un professionnel a déclaré que vous étiez présent et d'accord pour qu'il consulte votre dossier",
}
_REST = (
    "Le journal de votre dossier dit qui, quand et ce qui a été montré : vous pouvez le lire dans votre espace.\n"
    "Si vous n'en êtes pas d'accord, vous pouvez y bloquer ce professionnel ou fermer votre dossier.\n"
)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over. With `starttls` the server's certificate is verified, or nothing is sent."""

    host: str
    port: int
    sender: str
    starttls: bool = True
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one look at the outbox did."""

    sent: int = 0
    failed: int = 0
    unaddressed: int = 0
    withheld: int = 0  # for who is médecin traitant no more

    def as_dict(self) -> dict[str, int]:
        """JSON values."""
        return asdict(self)


def message_of(one: Waiting, sender: str) -> EmailMessage:
    """The mail of a notification."""
    message = EmailMessage()
    reminder = one.kind == REMINDER
    message["From"], message["To"] = sender, one.address
    message["Subject"] = REMINDER_SUBJECT if reminder else SUBJECT
    if reminder:
        message.set_content(_REMINDER)
        return message
    when = f"{one.at.astimezone(PARIS):le %d/%m/%Y à %H:%M}"
    if one.practitioner:
        message.replace_header("Subject", TRAITANT_SUBJECT)
        message.set_content(_TRAITANT.format(when=when, patient_id=one.patient_id))
        return message
    message.set_content(f"Bonjour,\n\n{_SENTENCES[one.kind]}, {when}.\n\n{_REST}")
    return message


def send_due(records: Records, policy: Policy, server: MailServer, now: datetime) -> Sent:
    """Send what is due, once. A failure leaves the notification for later; an address that is none too."""
    with records.read() as tx:
        waiting = notifications.due_without_scope(tx, now, AT_ONCE)
    sent = failed = unaddressed = withheld = 0
    for one in waiting:
        outcome = _taken(records, policy, one, now)
        if outcome == "withheld":
            withheld += 1
        elif outcome == "unjournalled":
            failed += 1
        elif outcome == "mine" and not one.address:
            unaddressed += 1
        elif outcome == "mine" and _deliver(server, one):
            with records.write() as tx:
                notifications.sent(tx, one, now)
            sent += 1
        elif outcome == "mine":
            failed += 1
    return Sent(sent, failed, unaddressed, withheld)


def _taken(
    records: Records, policy: Policy, one: Waiting, now: datetime
) -> Literal["mine", "another's", "withheld", "unjournalled"]:
    """Claim a notification and judge it again, in one transaction. One that the journal cannot hold does not leave, and
    holds up no other."""
    try:
        with records.write() as tx:
            if not notifications.claim(tx, one, now):
                return "another's"
            if one.practitioner and not may_be_told(tx, policy, one, now):
                notifications.drop(tx, one)
                return "withheld"
            return "mine"
    except Refusal as refusal:
        log.error("notification %d not sent: %s", one.notification_id, refusal.code)
        return "unjournalled"


def _deliver(server: MailServer, one: Waiting) -> bool:
    try:
        with smtplib.SMTP(server.host, server.port, timeout=TIMEOUT) as smtp:
            if server.starttls:
                smtp.starttls(context=ssl.create_default_context())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(message_of(one, server.sender))
    except (OSError, smtplib.SMTPException, ValueError) as error:  # ValueError: an address that no header can hold
        log.warning("notification %d not sent: %s", one.notification_id, type(error).__name__)
        return False
    return True


def notifier(records: Records, policy: Policy, server: MailServer) -> Periodic:
    """Looks at the outbox as long as the service runs."""
    return Periodic("notifier", EVERY, lambda: send_due(records, policy, server, utc_now()))
