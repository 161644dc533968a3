r"""The syntax of HL7 v2 (chapter 2, "vertical bar" or ER7): text to messages, segments, fields, with any separators.

Splitting is ours: hl7apy refuses messages that senders really send and takes 150 ms for each, and hl7's unescaping
drops what it does not know (docs/decisions/030). Nothing is lost here: an escape that is not known stays as written.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_HEAD = re.compile(r"(?:MSH|[FB]HS)([^\w\s])([^\w\s]{1,5})\1")
_SPACES = {".in": " ", ".ti": " ", ".sk": " "}
_TEXT_FIELDS = {"OBX": 5, "NTE": 3}
_NOTHING = frozenset({"H", "N", ".fi", ".nf"})  # highlighting and word wrap


@dataclass(frozen=True, slots=True)
class Marks:
    """The separators of a message; one that it does not declare is empty and separates nothing."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    def unescape(self, text: str) -> str:
        """Text with its escape sequences read; `""` (HL7's "delete this value") is empty."""
        if text == '""':
            return ""
        if not self.escape or self.escape not in text:
            return text
        sign = re.escape(self.escape)
        return re.sub(f"{sign}([^{sign}\\s]{{1,400}}|\\.[a-z]{{2}} [+-]?\\d{{1,3}}){sign}", self._meaning, text)

    def _meaning(self, found: re.Match[str]) -> str:
        code = found[1]
        letters = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "P": "#",
        }
        if code in letters:
            return letters[code]
        if code in _NOTHING:
            return ""
        if code[:3] in (".br", ".ce", ".sp"):
            lines = int(code[3:]) if code[3:].strip(" +").isdigit() and len(code) < 8 else 1
            return "\n" * min(lines, 50)
        if code[:3] in _SPACES:
            return " "
        return _hexadecimal(code[1:]) or found[0] if code[0] == "X" else found[0]


def _hexadecimal(digits: str) -> str:
    try:
        data = binascii.unhexlify(digits)
    except (binascii.Error, ValueError):
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


@dataclass(frozen=True, slots=True)
class Segment:
    """A line of a message. Fields, repetitions and components count from 1 as in the standard, also in MSH."""

    name: str
    fields: tuple[str, ...]  # as written; fields[0] is the name
    marks: Marks

    def raw(self, field: int) -> str:
        """A field as written."""
        return self.fields[field] if field < len(self.fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """The repetitions of a field as written, empty ones left out."""
        return [one for one in _split(self.raw(field), self.marks.repetition) if one]

    def components(self, field: int, repetition: int = 1) -> list[str]:
        """The components of one repetition as written."""
        found = self.repetitions(field)
        return self.parts(found[repetition - 1]) if repetition <= len(found) else []

    def parts(self, repetition: str) -> list[str]:
        """The components of a repetition, as written."""
        return _split(repetition, self.marks.component)

    def text(self, field: int, component: int = 1, repetition: int = 1) -> str:
        """The first subcomponent of a component, unescaped; empty when there is none."""
        found = self.components(field, repetition)
        if component > len(found):
            return ""
        return self.marks.unescape(_split(found[component - 1], self.marks.subcomponent)[0]).strip()

    def sub(self, field: int, component: int, subcomponent: int, repetition: int = 1) -> str:
        """One subcomponent, unescaped."""
        found = self.components(field, repetition)
        pieces = _split(found[component - 1], self.marks.subcomponent) if component <= len(found) else []
        return self.marks.unescape(pieces[subcomponent - 1]).strip() if subcomponent <= len(pieces) else ""


Message = tuple[Segment, ...]


def messages_of(text: str) -> list[Message]:
    """The messages of a text, alone or in batches (FHS, BHS, BTS, FTS are left out); each begins with its MSH."""
    found: list[list[Segment]] = []
    marks = Marks()
    for line in _lines(text):
        head = _HEAD.match(line)
        if head is not None:
            marks = _marks(head)
        if line.startswith("MSH"):
            found.append([])
        if found and line[:3] not in ("FHS", "BHS", "BTS", "FTS"):
            found[-1].append(_segment(line, marks))
    return [tuple(one) for one in found]


def _lines(text: str) -> Iterator[str]:
    """Segments end with CR (the standard), LF or both, and some senders indent them; a line that begins like no segment
    goes on with the one before (texts with line breaks of their own), and so does ADD (chapter 2.10.2)."""
    before = ""
    separator = "|"
    for written in re.split(r"\r\n|\r|\n", text.replace("\x0b", "\n").replace("\x1c", "\n")):
        line = written.lstrip(" \t")
        head = _HEAD.match(line)
        separator = head[1] if head is not None else separator
        if before and line.startswith("ADD" + separator):
            before += line[4:]
        elif head is not None or _begins(line, separator, before):
            if before:
                yield before
            before = line
        elif before:
            before += "\n" + written
    if before:
        yield before


def _begins(line: str, separator: str, before: str) -> bool:
    """Whether a segment begins here. Three capitals alone on a line are one without fields, but inside the text of an
    OBX or NTE they are a word of it (« CRP »)."""
    if not _NAME.match(line):
        return False
    if line[3:4] != "":
        return line[3] == separator
    return before.count(separator) != _TEXT_FIELDS.get(before[:3], -1)


def _marks(head: re.Match[str]) -> Marks:
    written = head[2]
    return Marks(head[1], *(written[at : at + 1] for at in range(4)))


def _segment(line: str, marks: Marks) -> Segment:
    fields = line.split(marks.field)
    if fields[0] == "MSH":
        fields.insert(1, marks.field)
    return Segment(fields[0], tuple(fields), marks)


def _split(text: str, mark: str) -> list[str]:
    return text.split(mark) if mark else [text]
