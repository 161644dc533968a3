"""What the sender of a mail writes: its texts in whatever charset, the plain and the HTML one of the same letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.header import decode_header
from email.message import Message

from ingest.decode import decode
from ingest.parsers.html import html_lines, html_tree
from ingest.parsers.narrative import clean

_WORD = re.compile(r"\w+")
_SAME = 0.1  # of its words from which an HTML text says something else than the plain one: links and logos are less


def letter_lines(bodies: Sequence[Message]) -> list[str]:
    """The lines of a mail's bodies, in order. Of an HTML body beside a plain one only what the plain one leaves out:
    all of it when it is another text (a gateway's footer, « your program does not read HTML »)."""
    plain = [part for part in bodies if part.get_content_type() == "text/plain"]
    said = {word for part in plain for word in _WORD.findall(text_of(part).casefold())}
    written: list[str] = []
    for part in bodies:
        lines = _lines(part)
        if part.get_content_type() != "text/plain" and said:
            new = [line for line in lines if not said.issuperset(_WORD.findall(line.casefold()))]
            words = set(_WORD.findall("\n".join(lines).casefold()))
            lines = lines if len(words - said) > _SAME * len(words) else new
        written += lines
    return written


def text_of(part: Message) -> str:
    """The characters of a text part; an unknown or wrong charset is found by looking."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        return data.decode(part.get_content_charset("") or "utf-8")
    except (LookupError, UnicodeDecodeError):
        decoded = decode(data)
        return decoded.text if decoded is not None else data.decode("cp1252", "replace")


def recoded(part: Message, data: bytes) -> bytes:
    """A plain text attached in the charset that its mail states, in UTF-8; all the rest as it is."""
    charset = part.get_content_charset("")
    if part.get_content_type() != "text/plain" or charset in ("", "utf-8", "us-ascii"):
        return data
    try:
        return data.decode(charset).encode("utf-8")
    except (LookupError, UnicodeError):
        return data


def header(mail: Message, name: str) -> str:
    """A header's words."""
    raw = next((value for key, value in mail.raw_items() if key.lower() == name.lower()), "")
    return words(str(raw))[:1_000]


def words(raw: str) -> str:
    """A header's value, or a file's name, in words (RFC 2047, or 8 bits as they stand)."""
    if not raw.isascii():
        decoded = decode(raw.encode("utf-8", "surrogateescape"))
        raw = decoded.text if decoded is not None else raw.encode("ascii", "replace").decode()
    pieces = []
    for data, charset in decode_header(raw):
        try:
            pieces.append(data.decode(charset or "utf-8", "replace") if isinstance(data, bytes) else data)
        except LookupError:
            pieces.append(data.decode("cp1252", "replace"))
    return clean("".join(pieces))


def _lines(part: Message) -> list[str]:
    text = text_of(part)
    if part.get_content_type() == "text/html" and text.strip():
        return html_lines(html_tree(text))
    return text.replace("\r", "\n").split("\n")
