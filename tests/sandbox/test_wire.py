"""What crosses the sandbox's pipe arrives as it left: every field, also those that are added later."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal

import msgpack
import pytest

from ingest.sandbox import wire
from records.content import Metadata, Page, Region, Section, Signature, Source, StatedPatient, Verdict, Word
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote

STATED = StatedPatient(
    identifiers=(("185037512345641", "1.2.250.1.213.1.4.8"),),
    birth_names=("MOREAU", "DE LA TOUR"),
    used_names=("PETIT",),
    given_names="Antoine Jean",
    birth_date=date(1985, 3, 14),
    sex="M",
    birth_place="69383",
    local=(("8007", "1.2.250.1.71.4.2.2.690020029"),),
)
METADATA = Metadata(
    unique_id="1.2.3",
    set_id="1.2",
    version=4,
    replaces="1.2.2",
    type_code="11488-4",
    title="Compte rendu",
    author="Dr Inès CORDIER",
    organization="690020029",
    event_date=date(2016, 4, 5),
    confidentiality="N",
    language="fr-FR",
    patient_ins=(("185037512345641", "1.2.250.1.213.1.4.8"),),
    patients=(STATED, StatedPatient()),
    appends="1.2.3.1",
    issued_at=datetime(2016, 4, 6, 8, 30, tzinfo=UTC),
    aliases=("labo|A17",),
    cancels=("1.2.2.9",),
    signatures=(Signature(Verdict.BROKEN, "Dr Inès CORDIER <i@chu.fr>", "Signature rompue.", whole=False),),
)
FACT = Fact(
    kind=FactKind.LAB_RESULT,
    label="Potassium",
    quote=Quote(7, 3, 12, "Potassium"),
    source=FactSource.STRUCTURED,
    assertion=Assertion.SUSPECTED,
    concept="kaliémie",
    codes=(Coding("2.16.840.1.113883.6.1", "2823-3", "K sérique"),),
    value=Quantity("< 5,90", Decimal("5.90"), "<", "mmol/L", Decimal("3.5"), Decimal(5), "3,5 à 5", "H"),
    when=Period("2024-02", "2024-03-01"),
    details=(("specimen", "sérum"), ("method", "ISE")),
    confidence=0.5,
)
EMPTY_FACT = Fact(FactKind.ALLERGY, "", Quote(1, 0, 0, ""), FactSource.TEXT)
EMPTY_PAGE = Page(1, "")
PAGE = Page(
    number=7,
    text="Le Potassium est haut",
    width=595.0,
    height=842.0,
    words=(Word(3, 12, (1.0, 2.0, 3.0, 4.0), 0.9),),
    regions=(Region(0, 21, Source.OCR, "tesseract", (0.0, 0.0, 9.0, 9.0), 0.8),),
    sections=(Section(0, 21, "Biologie", "30954-2"),),
    unreadable=True,
    note="Une image n'a pas été lue.",
    facts=(FACT,),
)


def test_every_field_of_the_example_says_something() -> None:
    for example, empty in ((METADATA, Metadata()), (STATED, StatedPatient()), (PAGE, EMPTY_PAGE), (FACT, EMPTY_FACT)):
        assert [f.name for f in dataclasses.fields(example) if getattr(example, f.name) == getattr(empty, f.name)] == []


def test_a_page_crosses_whole() -> None:
    crossed = msgpack.unpackb(msgpack.packb(wire.page_out(PAGE)), use_list=True)
    assert wire.page_in(crossed) == PAGE


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "rumour"),
        (2, 22),
        (3, 2),
        (4, "hearsay"),
        (5, "maybe"),
        (7, [["a", "b"]]),
        (8, ["5", "NaN", "", "", None, None, "", ""]),
        (8, ["5", "1e99999", "", "", None, None, "", ""]),
        (8, ["5", None, "", "", "1_0" * 20, None, "", ""]),
        (9, ["2024"]),
        (10, [["dose", 5]]),
        (11, float("nan")),
    ],
)
def test_a_fact_that_no_page_can_hold_is_nonsense(place: int, value: object) -> None:
    crossed = msgpack.unpackb(msgpack.packb(wire.page_out(PAGE)), use_list=True)
    crossed[9][0][place] = value
    with pytest.raises(wire.Nonsense):
        wire.page_in(crossed)


def test_metadata_cross_whole() -> None:
    crossed = msgpack.unpackb(msgpack.packb(wire.metadata_out(METADATA)), use_list=True)
    assert wire.metadata_in(crossed) == METADATA
