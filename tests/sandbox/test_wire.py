"""What crosses the sandbox's pipe arrives as it left: every field, also those that are added later."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import msgpack

from ingest.sandbox import wire
from records.content import Metadata, StatedPatient

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
)


def test_every_field_of_the_example_says_something() -> None:
    for example in (METADATA, STATED):
        empty = type(example)()
        assert [f.name for f in dataclasses.fields(example) if getattr(example, f.name) == getattr(empty, f.name)] == []


def test_metadata_cross_whole() -> None:
    crossed = msgpack.unpackb(msgpack.packb(wire.metadata_out(METADATA)), use_list=True)
    assert wire.metadata_in(crossed) == METADATA
