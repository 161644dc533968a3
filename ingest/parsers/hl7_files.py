"""The files in an HL7 v2 message: OBX-5 in base64, hexadecimal, uuencoded or plain, in ED, RP and text fields."""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence

from access.refusal import Refusal
from ingest.parsers.er7 import Segment
from ingest.parsers.members import Member, damaged_attachment, elsewhere, from_base64, too_large, unstated_base64

_UU = re.compile(r"\s*begin [0-7]{3,4} \S[^\n]*\n")
_ENCODINGS = frozenset({"base64", "hex", "a", "uuencode", "uuencoded", "uu"})
_LINK = re.compile(r"[a-z][a-z0-9+.-]{1,20}://|\\\\\w", re.IGNORECASE)


def file_of(obx: Segment, limit: int) -> Member | None:
    """The file of an observation, or None when it brings none (then its value is words)."""
    kind = obx.text(2).upper()
    parts = [obx.marks.unescape(one) for one in obx.components(5)]
    if not any(one.strip() for one in parts):
        return None
    encoding = next((one.strip().lower() for one in parts[:-1][::-1] if one.strip().lower() in _ENCODINGS), "")
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
    """Everything after the encoding; the last component when none is stated."""
    if not encoding:
        return next(one for one in reversed(parts) if one.strip())
    place = max(at for at, one in enumerate(parts) if one.strip().lower() == encoding)
    return obx.marks.component.join(parts[place + 1 :])


def _decoded(content: str, encoding: str, limit: int) -> bytes | Refusal:
    try:
        if _UU.match(content):
            return _uudecoded(content, limit)
        if encoding == "hex":
            return binascii.unhexlify("".join(content.split()))
        if encoding == "a":
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
