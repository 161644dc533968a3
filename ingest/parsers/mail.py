"""Mails (RFC 5322, MIME), as MSSanté carries them: what the sender writes, then each attachment's pages."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from datetime import date
from email.message import Message
from email.utils import parsedate_to_datetime

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import MAIL, is_type
from ingest.parsers.foreign import translated
from ingest.parsers.mail_letter import header, letter_lines, recoded, words
from ingest.parsers.members import Inside, Member, Part, bytes_of, read_parts, too_large
from ingest.parsers.narrative import clean
from ingest.parsers.pasted import holds_a_page
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ocr.port import Ocr
from records.content import Metadata

READER = "mail"
_SHOWN = (("Subject", "Objet"), ("From", "De"), ("To", "À"), ("Date", "Date"))
_MOST_PARTS = 1_000


class MailParser:
    """`inside` reads the attachments."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.9 if is_type(head, MAIL) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        with translated(_damaged):
            mail = email.message_from_bytes(data.lstrip(), policy=email.policy.compat32)
            parts = list(_parts(mail, limits.bytes))
            stated = Metadata(title=header(mail, "Subject"), author=_sender(mail), event_date=_date(mail))
        if not parts:
            raise Refusal("parse", "no-content", "Le message est vide.", "Demandez-le à nouveau à l'émetteur.")
        return read_parts(parts, stated, self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The attachments, in the order of their pages."""
    with translated(_damaged):
        mail = email.message_from_bytes(data.lstrip(), policy=email.policy.compat32)
        yield from list(bytes_of(_parts(mail, Limits().bytes)))


def _damaged() -> Refusal:
    return Refusal("parse", "damaged-mail", "Le message est abîmé ou incomplet.", "Déposez ses pièces jointes.")


def _parts(mail: Message, limit: int) -> Iterator[Part]:
    """The letter, then the attachments. With several, each has a section of its name."""
    leaves = list(_leaves(mail))
    bodies = [leaf for leaf in leaves if _is_body(leaf)]
    sheet = Sheet()
    said = letter_lines(bodies)
    if said:
        for name, label in _SHOWN:
            if value := header(mail, name):
                sheet.line(f"{label} : {value}")
        sheet.lines(said)
    yield from sheet.pages(READER)
    attached = [leaf for leaf in leaves if not _is_body(leaf)]
    members = [Member(_bytes(leaf, limit), _file_name(leaf)) for leaf in attached]
    shown = [one for one, leaf in zip(members, attached, strict=True) if not _is_decoration(one, leaf)]
    for one in shown:
        yield one if len(shown) > 1 else Member(one.data)


def _leaves(mail: Message) -> Iterator[Message]:
    """The parts that hold something, a forwarded mail whole; what is nested deeper than real mails is a Refusal."""
    waiting = [mail]
    count = 0
    while waiting:
        part = waiting.pop(0)
        count += 1
        if count > _MOST_PARTS:
            raise Refusal("parse", "too-many-files", "Le message a trop de parties.", "Déposez ses pièces jointes.")
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting[:0] = [one for one in part.get_payload() if isinstance(one, Message)]
        else:
            yield part


def _is_body(part: Message) -> bool:
    """What the sender writes: text that is not attached under a name."""
    kind = part.get_content_type()
    attached = part.get_content_disposition() == "attachment" or bool(part.get_filename())
    return kind in ("text/plain", "text/html") and not attached


def _is_decoration(member: Member, part: Message) -> bool:
    """A logo of the letter, or a signature that only software reads."""
    if part.get_content_type() in ("application/pkcs7-signature", "application/x-pkcs7-signature"):
        return True
    is_picture = part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment"
    return is_picture and isinstance(member.data, bytes) and not holds_a_page(member.data)


def _bytes(part: Message, limit: int) -> bytes | Refusal:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        forwarded = inner[0] if isinstance(inner, list) and inner else None
        data: object = forwarded.as_bytes() if isinstance(forwarded, Message) else b""
    else:
        data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or not data:
        return Refusal("receive", "empty-file", "Le fichier est vide.", "Vérifiez le fichier et déposez-le à nouveau.")
    return recoded(part, data) if len(data) <= limit else too_large()


def _sender(mail: Message) -> str:
    sender = header(mail, "From")
    name = sender.partition("<")[0].strip(' "')
    return (name or sender.strip("<>"))[:300]


def _file_name(part: Message) -> str:
    name = part.get_filename() or part.get_content_type()
    return clean("".join(one if one.isprintable() else "?" for one in words(str(name))))[:200]


def _date(mail: Message) -> date | None:
    try:
        return parsedate_to_datetime(header(mail, "Date")).date()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
