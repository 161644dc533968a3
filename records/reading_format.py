"""A Reading as bytes: JSON of compact arrays, compressed. A format number goes first; a foreign one is refused.

Identical vectors or texts of two documents of one patient give one blob, since a blob's name is its content's.
"""

from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from records.content import (
    Box,
    Metadata,
    Page,
    Passage,
    Reading,
    Region,
    Section,
    Signature,
    Source,
    StatedPatient,
    Verdict,
    Word,
)
from records.fact_format import fact_in, fact_out
from records.sealed import broken_seal

FORMAT = 1
LEVEL = 6


def reading_to_bytes(reading: Reading) -> bytes:
    """Everything in a Reading; text may hold NUL and lone surrogates."""
    value = {
        "pages": [_page_out(page) for page in reading.pages],
        "metadata": _metadata_out(reading.metadata),
        "passages": [[p.sequence, p.page, p.start, p.end, p.text, p.section] for p in reading.passages],
        "recipe": reading.recipe,
    }
    return _pack(value)


def reading_from_bytes(data: bytes) -> Reading:
    """Inverse of `reading_to_bytes`."""
    value = _unpack(data)
    return Reading(
        pages=tuple(_page_in(page) for page in value["pages"]),
        metadata=_metadata_in(value["metadata"]),
        passages=tuple(Passage(*passage) for passage in value["passages"]),
        recipe=value["recipe"],
    )


def page_to_bytes(page: Page) -> bytes:
    """One page."""
    return _pack({"page": _page_out(page)})


def page_from_bytes(data: bytes) -> Page:
    """Inverse of `page_to_bytes`."""
    return _page_in(_unpack(data)["page"])


def _pack(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    return FORMAT.to_bytes(2, "big") + zlib.compress(text, LEVEL)


def _unpack(data: bytes) -> dict[str, Any]:
    if int.from_bytes(data[:2], "big") != FORMAT:
        raise broken_seal()
    value: dict[str, Any] = json.loads(zlib.decompress(data[2:]))
    return value


def _page_out(page: Page) -> list[Any]:
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


def _page_in(value: list[Any]) -> Page:
    number, text, width, height, words, regions, sections, unreadable, note, *later = value
    facts = later[0] if later else []  # absent from readings of recipe 3 and before
    return Page(
        number=number,
        text=text,
        width=width,
        height=height,
        words=tuple(Word(start, end, _box(box), confidence) for start, end, box, confidence in words),
        regions=tuple(Region(s, e, Source(source), reader, _box(box), c) for s, e, source, reader, box, c in regions),
        sections=tuple(Section(*section) for section in sections),
        unreadable=unreadable,
        note=note,
        facts=tuple(fact_in(fact, number, text[fact[2] : fact[3]]) for fact in facts),
    )


def _box(value: list[float] | None) -> Box | None:
    return None if value is None else (value[0], value[1], value[2], value[3])


def _metadata_out(metadata: Metadata) -> dict[str, Any]:
    event, issued = metadata.event_date, metadata.issued_at
    return dataclasses.asdict(metadata) | {
        "event_date": None if event is None else event.isoformat(),
        "issued_at": None if issued is None else issued.isoformat(),
        "patients": [_patient_out(one) for one in metadata.patients],
    }


def _metadata_in(value: dict[str, Any]) -> Metadata:
    event = value.pop("event_date")
    stated = tuple((matricule, oid) for matricule, oid in value.pop("patient_ins"))
    people = tuple(_patient_in(one) for one in value.pop("patients", ()))  # absent from readings of earlier versions
    day = None if event is None else date.fromisoformat(event)
    issued = value.pop("issued_at", None)  # absent from readings of earlier versions, like the names and signatures
    signatures = signatures_in(value.pop("signatures", ()))
    return Metadata(
        **value | {name: tuple(value.get(name, ())) for name in ("aliases", "cancels")},
        event_date=day,
        issued_at=None if issued is None else datetime.fromisoformat(issued),
        patient_ins=stated,
        patients=people,
        signatures=signatures,
    )


def signatures_out(signatures: tuple[Signature, ...]) -> list[dict[str, Any]]:
    """As JSON values."""
    return [dataclasses.asdict(one) for one in signatures]


def signatures_in(values: Iterable[dict[str, Any]]) -> tuple[Signature, ...]:
    """Inverse of `signatures_out`."""
    return tuple(Signature(**one | {"verdict": Verdict(one["verdict"])}) for one in values)


def _patient_out(one: StatedPatient) -> dict[str, Any]:
    born = one.birth_date
    return dataclasses.asdict(one) | {"birth_date": None if born is None else born.isoformat()}


def _patient_in(value: dict[str, Any]) -> StatedPatient:
    born = value.pop("birth_date")
    identifiers = tuple((number, oid) for number, oid in value.pop("identifiers"))
    birth_names, used_names = tuple(value.pop("birth_names")), tuple(value.pop("used_names"))
    day = None if born is None else date.fromisoformat(born)
    local = tuple((number, assigner) for number, assigner in value.pop("local", ()))
    return StatedPatient(identifiers, birth_names, used_names, birth_date=day, local=local, **value)
