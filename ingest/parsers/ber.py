"""Elements of ASN.1 BER (X.690), of any length form, in one pass and bounded.

Ours, since no kept library serves: `cryptography` reads DER only, and asn1crypto takes 322 s for 50 MB as
`openssl smime -sign -stream` writes them (indefinite lengths, an octet string in pieces of 4 KB), this 0.1 s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
_CONSTRUCTED, _LONG_TAG, _END = 0x20, 0x1F, b"\x00\x00"
_DEEPEST = 64  # elements inside elements; a signed mail has 15
_MOST = 1_000_000  # elements; 200 MiB in pieces of 4 KB have 50,000


class Damaged(Exception):
    """These bytes are no BER, or more of it than any real message."""


@dataclass(slots=True)
class Element:
    """One element of `data`: its first identifier octet, and where it, its content and its end are.

    `end` is that of the content, `after` what follows the whole (end-of-contents octets included).
    """

    data: bytes = field(repr=False)
    tag: int
    start: int
    body: int
    end: int
    after: int = 0
    inside: list[Element] = field(default_factory=list, repr=False)

    @property
    def raw(self) -> bytes:
        """The whole element as it stands."""
        return self.data[self.start : self.after]

    @property
    def content(self) -> bytes:
        """What it holds, as it stands."""
        return self.data[self.body : self.end]

    def octets(self) -> bytes:
        """An octet string's value, the pieces of a constructed one joined in order."""
        if not self.tag & _CONSTRUCTED:
            return self.content
        view, pieces, waiting = memoryview(self.data), [], [self]
        while waiting:
            one = waiting.pop()
            if one.tag & _CONSTRUCTED:
                waiting += reversed(one.inside)
            else:
                pieces.append(view[one.body : one.end])
        return b"".join(pieces)


def element_of(data: bytes) -> Element:
    """The element that `data` begins with, and all in it. Raises Damaged."""
    opened: list[tuple[Element, int]] = []  # with where it must end at the latest; itself not known yet when end is -1
    at, limit, count = 0, len(data), 0
    while True:
        while opened and (opened[-1][0].end == at or (opened[-1][0].end < 0 and data[at : at + 2] == _END)):
            one = opened.pop()[0]
            if one.end < 0:
                one.end, at = at, at + 2
            one.after = at
            if not opened:
                return one
            limit = opened[-1][1]
        count += 1
        tag, body, size = _header(data, at, limit)
        if count > _MOST or len(opened) >= _DEEPEST or (size < 0 and not tag & _CONSTRUCTED):
            raise Damaged
        end = body + size if size >= 0 else -1
        one = Element(data, tag, at, body, end, end)
        if end > limit:
            raise Damaged
        if opened:
            opened[-1][0].inside.append(one)
        if tag & _CONSTRUCTED:
            limit = end if end >= 0 else limit
            opened.append((one, limit))
            at = body
        elif not opened:
            return one
        else:
            at = end


def _header(data: bytes, at: int, limit: int) -> tuple[int, int, int]:
    """Identifier, where the content begins, its length (-1: indefinite) of the element at `at`, inside `limit`."""
    head = data[at : min(limit, at + 16)]
    try:
        tag, place = head[0], 1
        if tag & _LONG_TAG == _LONG_TAG:
            while head[place] & 0x80:
                place += 1
            place += 1
        size, place = head[place], place + 1
        if size == 0x80:
            return tag, at + place, -1
        if size > 0x80:
            width = size & 0x7F
            _ = head[place + width - 1]
            size, place = int.from_bytes(head[place : place + width], "big"), place + width
        return tag, at + place, size
    except IndexError:
        raise Damaged from None
