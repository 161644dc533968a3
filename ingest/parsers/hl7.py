"""HL7 v2 messages: results, documents, prescriptions, vaccinations, with the files in them. Alone or in batches.

A message is a document when it says something clinical (a result, a comment, an allergy, a diagnosis, a file...),
whatever its type; one that only announces a movement, an appointment or a receipt is refused as no document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from access.refusal import Refusal
from ingest.decode import decode
from ingest.limits import Limits
from ingest.media_type import HL7, is_type
from ingest.parsers import hl7_lines as lines
from ingest.parsers.er7 import Message, Segment, messages_of
from ingest.parsers.hl7_facts import Teller
from ingest.parsers.hl7_files import file_of, file_of_words, files_of, joined
from ingest.parsers.hl7_header import kind_of, metadata_of, name_of
from ingest.parsers.hl7_names import cancelled_by
from ingest.parsers.members import Inside, Member, Part, bytes_of, combined, noted, read_parts
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ocr.port import Ocr
from records.content import Metadata

READER = "hl7v2"
_RECEIPTS = frozenset({"ACK", "MCF", "ZAM"})  # ZAM: what became of a document, in the French profile


class Hl7Parser:
    """`inside` reads the files in a message."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, HL7) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        """No page when messages only withdraw documents. Raises Refusal "no-document" when none says anything."""
        messages = [joined(one) for one in messages_of(text_of(data))]
        parts: list[Part] = []
        stated: list[Metadata] = []
        passed: list[Refusal] = []
        withdrawn: list[Metadata] = []
        for message in messages:
            if names := cancelled_by(message, limits.bytes):
                withdrawn.append(_cancellation(message, names))
                continue
            try:
                parts += _parts(message, limits)
                stated.append(metadata_of(message))
            except Refusal as refusal:
                passed.append(refusal)
        if not parts and not withdrawn:
            raise passed[0] if passed else _nothing("HL7 v2")
        envelope = stated[0] if len(stated) == 1 else combined(Metadata(), stated)
        envelope = combined(envelope, withdrawn) if withdrawn else envelope
        note = f"{len(passed)} message(s) du même fichier n'apportent aucun document et ne sont pas montrés."
        return noted(read_parts(parts, envelope, self._inside, ocr, limits, kept), note if passed else "")


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The files inside the messages, in the order of their pages."""
    for message in map(joined, messages_of(text_of(data))):
        if cancelled_by(message, Limits().bytes):
            continue
        try:
            yield from bytes_of(_parts(message, Limits()))
        except Refusal:
            continue


def text_of(data: bytes) -> str:
    """The characters of a message. UTF-8 goes before what MSH-18 declares: senders declare one and write the other,
    and text of another encoding is never valid UTF-8 by chance."""
    framed = data.strip(b"\x0b\x1c\r\n ")
    try:
        return framed.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    declared = re.search(r"8859[/-]?(\d{1,2})", _charset(framed))
    if declared is not None and declared[1] not in ("1", "12") and int(declared[1]) <= 16:
        return framed.decode(f"iso8859-{int(declared[1])}", "replace")
    decoded = decode(framed)
    if decoded is None:
        raise Refusal(
            "parse", "not-text", "Le message HL7 v2 contient des données binaires.", "Demandez-le à l'émetteur."
        )
    return decoded.text


def _charset(data: bytes) -> str:
    """MSH-18 of the first message."""
    line = data[max(0, data.find(b"MSH")) :][:4000].decode("latin-1")
    fields = re.split(r"[\r\n]", line)[0].split(line[3:4] or "|")
    return fields[17] if len(fields) > 17 else ""


def _parts(message: Message, limits: Limits) -> list[Part]:
    """The pages and files of one message. Raises Refusal for one that brings none."""
    shown = "^".join(filter(None, kind_of(message)))
    name = f"HL7 v2 ({shown})" if re.fullmatch(r"[A-Z0-9^]{1,7}", shown) else "HL7 v2"
    if kind_of(message)[0] in _RECEIPTS:
        raise _nothing(name)
    sheet, files, teller = Sheet(), list[Member](), Teller(message)
    for order in _orders(message):
        title = lines.order_title(order[0]) if order[0].name == "OBR" else ""
        with sheet.section(title):
            _write(sheet, files, order, teller, limits.bytes)
    # An order alone is a document too; the reason of an admission alone (PV2) is not.
    ordered = not files and bool(sheet) and any(one.name == "OBR" for one in message)
    says = ordered or any(_says(one) for one in message)
    if not files and not says:
        raise _nothing(name)
    return [*(sheet.pages(READER) if says else ()), *files]


def _cancellation(message: Message, names: tuple[str, ...]) -> Metadata:
    """What is withdrawn, and whose it is: a cancellation for another patient must be noticed like a document."""
    said = metadata_of(message)
    return Metadata(
        patient_ins=said.patient_ins, patients=said.patients, issued_at=said.issued_at, cancels=tuple(names)
    )


def _nothing(name: str) -> Refusal:
    return Refusal(
        "parse",
        "no-document",
        f"Ce message {name} n'apporte ni document, ni résultat, ni allergie, ni diagnostic, ni traitement.",
        "Rien n'est à faire si l'émetteur n'annonçait qu'un mouvement, un rendez-vous ou un accusé de réception.",
    )


def _says(segment: Segment) -> bool:
    """Whether a segment says something clinical in words."""
    if segment.name not in lines.CONTENT:
        return False
    if segment.name == "OBX":
        return file_of(segment, 0) is None and bool(lines.observation(segment))
    return bool(lines.note(segment) if segment.name == "NTE" else lines.row(segment))


def _orders(message: Message) -> Iterator[list[Segment]]:
    """What stands before the first OBR, then each OBR with what follows it."""
    order: list[Segment] = [message[0]]
    for segment in message[1:]:
        if segment.name == "OBR":
            yield order
            order = []
        order.append(segment)
    yield order


def _write(sheet: Sheet, files: list[Member], order: Sequence[Segment], teller: Teller, limit: int) -> None:
    for (name, _, is_text), group in groupby(order, _group):
        members = list(group)
        if name == "OBX" and is_text:
            _write_words(sheet, files, members, teller, limit)
            continue
        for one in members:
            if name == "OBX" and (brought := files_of(one, limit)):
                files += brought
                if any(isinstance(file.data, Refusal) for file in brought):  # a link or damaged: its words stay
                    sheet.line(lines.observation(one))
            elif name == "OBX":
                sheet.tell(lines.observation(one), teller.told(one))
            elif name == "NTE":
                sheet.line(lines.note(one))
            elif name == "OBR":
                sheet.lines(lines.order_lines(one))
            elif name in lines.ROWS:
                sheet.tell(lines.row(one), teller.told(one))


def _group(segment: Segment) -> tuple[str, str, bool]:
    """Observations in words that follow each other under one name are the lines of one text."""
    is_text = segment.name == "OBX" and lines.is_text(segment) and file_of(segment, 0) is None
    return segment.name, segment.raw(3) if is_text else "", is_text


def _write_words(sheet: Sheet, files: list[Member], group: Sequence[Segment], teller: Teller, limit: int) -> None:
    texts = [lines.value_text(one) for one in group]
    if (file := file_of_words("\n".join(texts), limit)) is not None:
        files.append(file)
        return
    if len(group) == 1 and "\n" not in texts[0].strip():
        sheet.tell(lines.observation(group[0]), teller.told(group[0]))
        return
    sheet.line(name_of(group[0], 3))
    sheet.lines(texts)
