"""What client and child say to each other: msgpack values behind a length. Never pickle.

    client → child   one dict: what to do, with the settings and limits
    child → client   ["page", page, used OCR] | ["kept", number] | ["more"] | ["end", metadata] | ["picture", PNG]
                     | ["refusal", stage, code, message, remedy] | ["failed", "memory" | "machine" | "bug"]

The client trusts nothing of it: a child whose parser was taken over says what it likes. Each value is rebuilt field by
field, bounded, and checked against what a Page promises; anything else is `Nonsense`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import msgpack

from records.content import Box, Metadata, Page, Region, Section, Source, StatedPatient, Word

LENGTH = struct.Struct(">I")
FRAME = 64 * 1024 * 1024  # bytes of one value at most; a dense page is 100 KB
_TEXT = 2_000  # characters of a title, an author, a note
_PAIRS = 1_000


class Nonsense(Exception):
    """What came is not an answer."""


def pack(value: Any) -> bytes:
    """One frame."""
    body: bytes = msgpack.packb(value, use_bin_type=True, unicode_errors="replace")
    return LENGTH.pack(len(body)) + body


class Frames:
    """Values out of a stream that arrives in pieces."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Add a piece; yields the values that are complete. Raises Nonsense."""
        self._pending += data
        while len(self._pending) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._pending)
            if length > FRAME:
                raise Nonsense
            if len(self._pending) < LENGTH.size + length:
                return
            body = bytes(self._pending[LENGTH.size : LENGTH.size + length])
            del self._pending[: LENGTH.size + length]
            try:
                yield msgpack.unpackb(body, raw=False, strict_map_key=True)
            except (ValueError, msgpack.UnpackException) as error:
                raise Nonsense from error


def page_out(page: Page) -> list[Any]:
    """A page as plain values, its fields in order."""
    return [
        page.number,
        page.text,
        page.width,
        page.height,
        [[w.start, w.end, w.box, w.confidence] for w in page.words],
        [[r.start, r.end, r.source.value, r.reader, r.box, r.confidence] for r in page.regions],
        [[s.start, s.end, s.title, s.code] for s in page.sections],
        page.unreadable,
        page.note,
    ]


def page_in(value: Any) -> Page:
    """Inverse of `page_out` for a value that a stranger made. Raises Nonsense."""
    try:
        number, text, width, height, words, regions, sections, unreadable, note = value
        size = len(_text(text, 10**9))
        return Page(
            number=_whole(number, 1, 10**6),
            text=text,
            width=_real(width),
            height=_real(height),
            words=tuple(Word(*_span(a, b, size), _box(box), _share(c)) for a, b, box, c in words),
            regions=tuple(
                Region(*_span(a, b, size), Source(source), _text(reader, _TEXT), _box(box), _share(c))
                for a, b, source, reader, box, c in regions
            ),
            sections=tuple(
                Section(*_span(a, b, size), _text(title, 10**6), _text(code, _TEXT)) for a, b, title, code in sections
            ),
            unreadable=_flag(unreadable),
            note=_text(note, _TEXT),
        )
    except (TypeError, ValueError) as error:
        raise Nonsense from error


def metadata_out(metadata: Metadata) -> list[Any]:
    """Metadata as plain values, in the order that `metadata_in` takes them apart."""
    event = metadata.event_date
    return [
        *(getattr(metadata, name) for name in _METADATA),
        metadata.version,
        None if event is None else event.isoformat(),
        metadata.patient_ins,
        [_stated_out(one) for one in metadata.patients],
        None if metadata.issued_at is None else metadata.issued_at.isoformat(),
        metadata.aliases,
        metadata.cancels,
    ]


def _stated_out(one: StatedPatient) -> list[Any]:
    born = None if one.birth_date is None else one.birth_date.isoformat()
    return [
        one.identifiers,
        one.birth_names,
        one.used_names,
        one.given_names,
        born,
        one.sex,
        one.birth_place,
        one.local,
    ]


_METADATA = (
    "unique_id",
    "set_id",
    "replaces",
    "type_code",
    "title",
    "author",
    "organization",
    "confidentiality",
    "language",
    "appends",
)


def metadata_in(value: Any) -> Metadata:
    """Inverse of `metadata_out`, checked likewise. Raises Nonsense."""
    try:
        *texts, version, event, stated, patients, issued, aliases, cancels = value
        unique_id, set_id, replaces, type_code, title, author, organization, confidentiality, language, appends = (
            _text(text, 10**6) for text in texts
        )
        return Metadata(
            unique_id=unique_id,
            set_id=set_id,
            replaces=replaces,
            type_code=type_code,
            title=title,
            author=author,
            organization=organization,
            confidentiality=confidentiality,
            language=language,
            appends=appends,
            version=_whole(version, -(10**9), 10**9),
            event_date=_day(event),
            patient_ins=_pairs(stated),
            patients=tuple(_stated_in(*one) for one in _few(patients)),
            issued_at=_instant(issued),
            aliases=tuple(_text(name, _TEXT) for name in _few(aliases)),
            cancels=tuple(_text(name, _TEXT) for name in _few(cancels)),
        )
    except (TypeError, ValueError) as error:
        raise Nonsense from error


def _stated_in(
    identifiers: Any, birth_names: Any, used_names: Any, given: Any, born: Any, sex: Any, place: Any, local: Any
) -> StatedPatient:
    return StatedPatient(
        identifiers=_pairs(identifiers),
        birth_names=tuple(_text(name, _TEXT) for name in _few(birth_names)),
        used_names=tuple(_text(name, _TEXT) for name in _few(used_names)),
        given_names=_text(given, _TEXT),
        birth_date=_day(born),
        sex=_text(sex, _TEXT),
        birth_place=_text(place, _TEXT),
        local=_pairs(local),
    )


def _day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(_text(value, 10))


def _instant(value: Any) -> datetime | None:
    found = None if value is None else datetime.fromisoformat(_text(value, 40))
    if found is not None and found.tzinfo is None:
        raise ValueError
    return found


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((_text(matricule, _TEXT), _text(oid, _TEXT)) for matricule, oid in _few(value))


def _few(value: Any) -> Any:
    if len(value) > _PAIRS:
        raise ValueError
    return value


def _whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _text(value: Any, most: int) -> str:
    if type(value) is not str or len(value) > most:
        raise ValueError
    return value


def _span(start: Any, end: Any, size: int) -> tuple[int, int]:
    first = _whole(start, 0, size)
    return first, _whole(end, first, size)


def _real(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _box(value: Any) -> Box | None:
    if value is None:
        return None
    x0, y0, x1, y1 = value
    return _real(x0), _real(y0), _real(x1), _real(y1)


def _share(value: Any) -> float | None:
    return None if value is None else _real(value)
