"""The files in an HL7 v2 message: OBX-5 in base64, hexadecimal, uuencoded or plain, in ED, RP and text fields."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence

from access.refusal import Refusal
from ingest.media_type import CDA, FHIR_JSON, FHIR_XML, HEAD, HTML, PDF, RTF, TEXT, readable_type
from ingest.parsers.er7 import Message, Segment
from ingest.parsers.members import Member, damaged_attachment, elsewhere, from_base64, too_large, unstated_base64
from ingest.unread import binary_name

_CODED = re.compile(r"[A-Za-z0-9+/=\s]*")
_WRITTEN = frozenset({PDF, RTF, CDA, FHIR_JSON, FHIR_XML, HTML})
"""Kinds whose middle may look like a text."""
_ENDS = (b"}", b">", b"%%EOF")
_UU = re.compile(r"\s*begin [0-7]{3,4} \S[^\n]*\n")
_ENCODINGS = frozenset({"base64", "hex", "a", "uuencode", "uuencoded", "uu"})
_LINK = re.compile(r"[a-z][a-z0-9+.-]{1,20}://|\\\\\w", re.IGNORECASE)


def files_of(obx: Segment, limit: int) -> list[Member]:
    """The files of an observation, one a repetition; none when its value is words. A repetition without components is a
    line of the file before it."""
    files: list[list[str]] = []
    for repetition in obx.repetitions(5):
        parts = [obx.marks.unescape(one) for one in obx.parts(repetition)]
        if files and len(parts) == 1:
            files[-1][-1] += "\n" + parts[0]
        else:
            files.append(parts)
    found = (_file(obx, parts, limit) for parts in files)
    return [one for one in found if one is not None]


def file_of(obx: Segment, limit: int) -> Member | None:
    """The first file of an observation, or None when it brings none (then its value is words)."""
    return next(iter(files_of(obx, limit)), None)


def joined(message: Message) -> Message:
    """`message` with files that its sender cut over several OBX in one piece. What follows an unfinished file under the
    same name and type and is no file itself goes on with it."""
    whole: list[Segment] = []
    pieces: list[str] = []
    for one in message:
        if pieces and _goes_on(whole[-1], pieces, one):
            pieces.append(_last(one))
            continue
        _close(whole, pieces)
        pieces = [_last(one)] if one.name == "OBX" and one.text(2).upper() == "ED" else []
        whole.append(one)
    _close(whole, pieces)
    return tuple(whole)


def _close(whole: list[Segment], pieces: Sequence[str]) -> None:
    if len(pieces) > 1:
        one = whole[-1]
        whole[-1] = Segment("OBX", (*one.fields[:5], one.raw(5) + "".join(pieces[1:]), *one.fields[6:]), one.marks)


def _last(obx: Segment) -> str:
    return (obx.components(5) or [""])[-1].strip()


def _goes_on(first: Segment, pieces: Sequence[str], after: Segment) -> bool:
    """Whether `after` holds the next piece of the file of `first`, whose base64 so far is `pieces`."""
    if after.name != "OBX" or after.text(2).upper() != "ED" or after.raw(3) != first.raw(3):
        return False
    typed, more = after.components(5)[:-1], _last(after)
    if typed not in ([], first.components(5)[:-1]) or not _CODED.fullmatch(more) or pieces[-1].endswith("="):
        return False
    kind, piece = _kind(pieces[0]), _kind(more)
    if kind is None or not more:
        return False
    if piece == TEXT and typed:
        return kind in _WRITTEN and not _ends(pieces)
    return piece in (None, TEXT)


def _kind(coded: str) -> str | None:
    """What begins in base64; a file that no parser reads is one all the same."""
    head = "".join(coded[:HEAD].split())
    try:
        data = binascii.a2b_base64(head[: len(head) // 4 * 4])
    except ValueError:
        return None
    return readable_type(data) or binary_name(data) if data else None


def _ends(pieces: Sequence[str]) -> bool:
    """Whether the file in `pieces` says that it is whole."""
    last = pieces[-1][-64:]
    if sum(map(len, pieces)) % 4 or len(last) < 64 or not _CODED.fullmatch(last):
        return False
    return binascii.a2b_base64(last).rstrip().endswith(_ENDS)


def _file(obx: Segment, parts: Sequence[str], limit: int) -> Member | None:
    kind = obx.text(2).upper()
    if not any(one.strip() for one in parts):
        return None
    encoding = next((one.strip().lower() for one in parts[::-1] if one.strip().lower() in _ENCODINGS), "")
    if kind not in ("ED", "RP") and encoding != "base64":
        return None
    content = _content(obx, parts, encoding)
    if _LINK.match(content.strip()) or (kind == "RP" and not encoding):
        return elsewhere()
    if not content.strip() or (not encoding and len(content) < 200):
        return None
    return Member(_decoded(content, encoding, limit))


def file_of_words(text: str, limit: int) -> Member | None:
    """A file that its sender put in a text field, in one observation or line by line; None for ordinary words."""
    if _UU.match(text):
        return Member(_decoded(text, "uu", limit))
    data = unstated_base64(text, limit)
    return None if data is None else Member(data)


def _content(obx: Segment, parts: Sequence[str], encoding: str) -> str:
    """Everything after the encoding, or the longest component before it; the last one when none is stated."""
    mark = obx.marks.component
    if not encoding:
        return mark.join(parts[4:]).strip() or next(one for one in reversed(parts) if one.strip())
    place = max(at for at, one in enumerate(parts) if one.strip().lower() == encoding)
    return mark.join(parts[place + 1 :]).strip() or max(parts[:place], key=len, default="")


def _decoded(content: str, encoding: str, limit: int) -> bytes | Refusal:
    try:
        if _UU.match(content):
            return _uudecoded(content, limit)
        if encoding == "hex":
            return binascii.unhexlify("".join(content.split()))
        if encoding == "a" or (not encoding and _CODED.fullmatch(content) is None):
            return content.encode("utf-8")
        return from_base64(content, limit)
    except Refusal as refusal:
        return refusal
    except (binascii.Error, ValueError):
        return damaged_attachment()


def _uudecoded(content: str, limit: int) -> bytes:
    """The lines between "begin" and "end", each with its own length."""
    out = bytearray()
    for line in content.strip("\r\n \t").split("\n")[1:]:
        written = line.rstrip("\r\n")
        if written.strip() in ("end", "`", ""):
            continue
        size = (((ord(written[0]) - 32) & 63) * 4 + 5) // 3
        out += binascii.a2b_uu(written[:size].encode("ascii", "replace"))
        if len(out) > limit:
            raise too_large()
    return bytes(out)
