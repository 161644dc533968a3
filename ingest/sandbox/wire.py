"""What client and child say to each other: msgpack values behind a length. Never pickle.

    client → child   one dict: what to do, with the settings and limits
    child → client   ["page", page, used OCR] | ["kept", number] | ["more"] | ["end", metadata] | ["picture", PNG]
                     | ["refusal", stage, code, message, remedy] | ["failed", "memory" | "machine" | "bug"]

The client trusts nothing of it: a child whose parser was taken over says what it likes. Each value is rebuilt field by
field, bounded, and checked against what a Page promises; anything else is `Nonsense`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgpack

from ingest.sandbox import checked
from ingest.sandbox.checked import LONG, TEXT
from ingest.sandbox.fact_wire import fact_in
from records.content import Metadata, Page, Region, Section, Signature, Source, StatedPatient, Verdict, Word
from records.fact_format import fact_out

LENGTH = struct.Struct(">I")
FRAME = 64 * 1024 * 1024  # bytes of one value at most; a dense page is 100 KB


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
        [fact_out(fact) for fact in page.facts],
    ]


def page_in(value: Any) -> Page:
    """Inverse of `page_out` for a value that a stranger made. Raises Nonsense."""
    try:
        number, text, width, height, words, regions, sections, unreadable, note, facts = value
        size = len(checked.text(text, 10**9))
        return Page(
            number=checked.whole(number, 1, 10**6),
            text=text,
            width=checked.real(width),
            height=checked.real(height),
            words=tuple(Word(*checked.span(a, b, size), checked.box(box), checked.share(c)) for a, b, box, c in words),
            regions=tuple(
                Region(
                    *checked.span(a, b, size),
                    Source(source),
                    checked.text(reader, TEXT),
                    checked.box(box),
                    checked.share(c),
                )
                for a, b, source, reader, box, c in regions
            ),
            sections=tuple(
                Section(*checked.span(a, b, size), checked.text(title, LONG), checked.text(code, TEXT))
                for a, b, title, code in sections
            ),
            unreadable=checked.flag(unreadable),
            note=checked.text(note, TEXT),
            facts=tuple(fact_in(fact, number, text) for fact in checked.many(facts)),
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
        [[one.verdict.value, one.signer, one.message, one.whole] for one in metadata.signatures],
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
        *texts, version, event, stated, patients, issued, aliases, cancels, signatures = value
        unique_id, set_id, replaces, type_code, title, author, organization, confidentiality, language, appends = (
            checked.text(text, LONG) for text in texts
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
            version=checked.whole(version, -(10**9), 10**9),
            event_date=checked.day(event),
            patient_ins=checked.pairs(stated),
            patients=tuple(_stated_in(*one) for one in checked.few(patients)),
            issued_at=_instant(issued),
            aliases=tuple(checked.text(name, TEXT) for name in checked.few(aliases)),
            cancels=tuple(checked.text(name, TEXT) for name in checked.few(cancels)),
            signatures=tuple(_signature_in(*one) for one in checked.few(signatures)),
        )
    except (TypeError, ValueError) as error:
        raise Nonsense from error


def _signature_in(verdict: Any, signer: Any, message: Any, whole: Any) -> Signature:
    return Signature(Verdict(verdict), checked.text(signer, TEXT), checked.text(message, TEXT), checked.flag(whole))


def _stated_in(
    identifiers: Any, birth_names: Any, used_names: Any, given: Any, born: Any, sex: Any, place: Any, local: Any
) -> StatedPatient:
    return StatedPatient(
        identifiers=checked.pairs(identifiers),
        birth_names=tuple(checked.text(name, TEXT) for name in checked.few(birth_names)),
        used_names=tuple(checked.text(name, TEXT) for name in checked.few(used_names)),
        given_names=checked.text(given, TEXT),
        birth_date=checked.day(born),
        sex=checked.text(sex, TEXT),
        birth_place=checked.text(place, TEXT),
        local=checked.pairs(local),
    )


def _instant(value: Any) -> datetime | None:
    found = None if value is None else datetime.fromisoformat(checked.text(value, 40))
    if found is not None and found.tzinfo is None:
        raise ValueError
    return found
