"""Mails (RFC 5322, MIME), as MSSanté carries them: what the sender writes, then each attachment's pages.

A signed or compressed one (S/MIME) gives the pages that it gives sent plain; of its signatures only `Metadata` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from email.message import Message
from email.utils import parsedate_to_datetime

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import CMS, MAIL, is_type
from ingest.parsers.foreign import translated
from ingest.parsers.mail_letter import header, letter_lines, recoded, words
from ingest.parsers.mail_parts import SIGNATURE_TYPES, Leaf, MailParts, bytes_as_came
from ingest.parsers.members import Inside, Member, Part, bytes_of, read_parts, too_large
from ingest.parsers.narrative import clean
from ingest.parsers.pasted import holds_a_page
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ocr.port import Ocr
from records.content import Metadata

READER = "mail"
_SHOWN = (("Subject", "Objet"), ("From", "De"), ("To", "À"), ("Date", "Date"))


class MailParser:
    """`inside` reads the attachments."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.9 if is_type(head, MAIL, CMS) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        with translated(_damaged):
            found = MailParts(data, limits)
            mail, parts = found.mail, list(_parts(found, limits.bytes))
            stated = Metadata(
                title=header(mail, "Subject"),
                author=_sender(mail),
                event_date=_date(mail),
                signatures=found.signatures(),
            )
        if not parts:
            raise Refusal("parse", "no-content", "Le message est vide.", "Demandez-le à nouveau à l'émetteur.")
        return read_parts(parts, stated, self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The attachments, in the order of their pages."""
    with translated(_damaged):
        yield from list(bytes_of(_parts(MailParts(data, Limits()), Limits().bytes)))


def _damaged() -> Refusal:
    return Refusal("parse", "damaged-mail", "Le message est abîmé ou incomplet.", "Déposez ses pièces jointes.")


def _parts(found: MailParts, limit: int) -> Iterator[Part]:
    """The letter, then the attachments. With several, each has a section of its name."""
    bodies = [leaf.part for leaf in found.leaves if _is_body(leaf)]
    sheet = Sheet()
    said = letter_lines(bodies)
    if said:
        for name, label in _SHOWN:
            if value := header(found.mail, name):
                sheet.line(f"{label} : {value}")
        sheet.lines(said)
    yield from sheet.pages(READER)
    attached = [leaf for leaf in found.leaves if not _is_body(leaf)]
    members = [Member(_bytes(leaf, limit), _file_name(leaf.part)) for leaf in attached]
    shown = [one for one, leaf in zip(members, attached, strict=True) if not _is_decoration(one, leaf.part)]
    for one in shown:
        yield one if len(shown) > 1 else Member(one.data)


def _is_body(leaf: Leaf) -> bool:
    """What the sender writes: text that is not attached under a name."""
    part = leaf.part
    kind = part.get_content_type()
    attached = part.get_content_disposition() == "attachment" or bool(part.get_filename())
    return kind in ("text/plain", "text/html") and not attached


def _is_decoration(member: Member, part: Message) -> bool:
    """A logo of the letter, or a signature that only software reads."""
    if part.get_content_type() in SIGNATURE_TYPES:
        return True
    is_picture = part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment"
    return is_picture and isinstance(member.data, bytes) and not holds_a_page(member.data)


def _bytes(leaf: Leaf, limit: int) -> bytes | Refusal:
    if isinstance(leaf.data, Refusal):
        return leaf.data
    part, data = leaf.part, leaf.data
    if data is not None:
        pass
    elif part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        forwarded = inner[0] if isinstance(inner, list) and inner else None
        data = bytes_as_came(leaf) or (forwarded.as_bytes() if isinstance(forwarded, Message) else b"")
    else:
        decoded = part.get_payload(decode=True)
        data = decoded if isinstance(decoded, bytes) else None
    if not data:
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
