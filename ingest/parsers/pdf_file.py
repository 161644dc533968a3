"""Is a PDF file all there, and can its table of objects be believed?

pdfium repairs in silence: of a cut file it shows fewer pages, and where the table points beside the objects, blank
ones. Neither may pass for the document.
"""

from __future__ import annotations

import re

_LAST = re.compile(rb"(\bstartxref\s+\d+|\btrailer\s*<<[^\x80-\xff]*>>(\s*startxref)?)\s*(%{0,2}E?O?F?)?$")
"""The end of a PDF whose objects are all there; some writers, and cuts of a few bytes, leave the last mark out."""
_START = re.compile(rb"startxref\s+(\d+)")
_TABLE = re.compile(rb"\s*xref\s+")
_PART = re.compile(rb"(\d+)\s+(\d+)\s*")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([fn])\s{0,2}")
_PREVIOUS = re.compile(rb"/Prev\s+(\d+)")
_OBJECT = re.compile(rb"\s{0,2}(\d+)\s+\d+\s+obj\b")
_STREAM = re.compile(rb"/Length\s+(\d+)(?!\s+\d+\s+R)[^>]{0,2000}>>\s*stream(?:\r\n|\n|\r)")
_ENDS = re.compile(rb"\s{0,3}endstream")
_TABLES = 100  # revisions that are looked at; real files have some ten


def is_whole(data: bytes) -> bool:
    """Whether a PDF ends as one: with the place of its cross-references or its trailer, and no object after that."""
    tail = data[-1024:].rstrip(b"\x00\r\n\t \x1a")
    if _LAST.search(tail):
        return True
    end = data.rfind(b"%%EOF")
    return end >= 0 and re.search(rb"\d+\s+\d+\s+obj\b", data[end:]) is None


def believable(data: bytes) -> bytes | None:
    """The same file, with its place of cross-references blotted out when a table of it points beside its objects.

    pdfium and pdfminer then look for the objects themselves. Of the bytes nothing else changes. None when compressed
    streams do not have their stated length either (a transfer changed the line ends): what they hold is lost.
    """
    starts = list(_START.finditer(data))
    if not starts or _points_right(data, int(starts[-1].group(1))):
        return data
    if not all(
        _ENDS.match(data, one.end() + int(one.group(1))) for one in _STREAM.finditer(data) if _packed(data, one)
    ):
        return None
    out = bytearray(data)
    for start in starts:
        out[start.start(1) : start.end(1)] = b"0" * (start.end(1) - start.start(1))
    return bytes(out)


def _packed(data: bytes, stream: re.Match[bytes]) -> bool:
    return data.find(b"/Filter", data.rfind(b"obj", 0, stream.start()) + 1, stream.end()) >= 0


def _points_right(data: bytes, at: int) -> bool:
    """Whether every entry in use of the tables from `at` on leads to its object; other kinds of table are passed."""
    shift = max(data.find(b"%PDF-", 0, 1029), 0)  # bytes before the header count for nothing
    for _ in range(_TABLES):
        table = _TABLE.match(data, at + shift)
        if table is None:
            return _OBJECT.match(data, at + shift) is not None  # a table that is a compressed object
        end = _entries_end(data, table.end(), shift)
        if end is None:
            return False
        previous = _PREVIOUS.search(data, end, data.find(b"startxref", end) + 1 or len(data))
        if previous is None:
            return True
        at = int(previous.group(1))
    return True


def _entries_end(data: bytes, at: int, shift: int) -> int | None:
    """Where a table ends, or None when an entry is wrong."""
    while (part := _PART.match(data, at)) is not None:
        at = part.end()
        for number in range(int(part.group(1)), int(part.group(1)) + int(part.group(2))):
            entry = _ENTRY.match(data, at)
            if entry is None:
                return None
            at = entry.end()
            if entry.group(3) == b"n" and int(entry.group(1)):
                found = _OBJECT.match(data, int(entry.group(1)) + shift)
                if found is None or int(found.group(1)) != number:
                    return None
    return at
