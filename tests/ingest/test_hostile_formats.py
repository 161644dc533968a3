"""Damaged and hostile messages, archives and letters: a reading or a Refusal, never anything else."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parse import parse
from ingest.parsers.er7 import messages_of
from ocr.null import NullOcr
from records.content import Reading
from tests.ingest import smime_mails as smime
from tests.ingest import test_container_habits as habits
from tests.ingest import test_containers as containers
from tests.ingest import test_fhir as fhir
from tests.ingest import test_hl7 as hl7
from tests.ingest import test_hl7_habits as pieces
from tests.ingest import test_letters as letters
from tests.ingest.test_cda import cda, section

LIMITS = Limits(bytes=2_000_000, pages=50, characters=200_000)
SEEDS: dict[str, Callable[[], bytes]] = {
    "cda": lambda: cda(section("Allergie à l'iode")).encode(),
    "hl7": lambda: hl7._message(hl7.PID, hl7.OBR, "OBX|1|NM|718-7^Hb^LN||10,2|g/dL|13-17|L", hl7._ed(b"Iode")).encode(),
    "fhir": lambda: fhir._bundle(fhir.PATIENT, fhir.ALLERGY, fhir.HAEMOGLOBIN),
    "fhir xml": lambda: b'<Patient xmlns="http://hl7.org/fhir"><name><family value="MARTIN"/></name></Patient>',
    "xdm": containers._submission,
    "mail": lambda: containers._mail(("a.txt", b"Iode", "application/octet-stream"), html="<p>Iode</p>"),
    "dicom report": habits.dicom_report,
    "winmail.dat": lambda: habits.WINMAIL,
    "hl7 in pieces": lambda: hl7._message(
        pieces._file(f"^^^Base64^{pieces.RTF}"), pieces._file(pieces.RTF, 2)
    ).encode(),
    "signed mail": cache(lambda: smime.detached(smime.mail(), smime.signer())),
    "signed message": cache(lambda: smime.opaque(smime.entity(smime.mail()), [smime.signer()])),
    "compressed message": lambda: smime.compressed(smime.entity(smime.mail())),
    "dicom": lambda: containers._dicom(EncapsulatedDocument=b"Allergie a l'iode"),
    "docx": lambda: letters._docx(f"<w:p>{letters._run('Iode')}</w:p>", docProps__core_dot_xml=letters.CORE),
    "rtf": lambda: letters.RTF % b"00",
    "html": lambda: b"<html><body><table><tr><td>Iode</td></tr></table></body></html>",
}


def _outcome(data: bytes) -> Reading | Refusal:
    try:
        return parse(data, "", NullOcr(), LIMITS)
    except Refusal as refusal:
        return refusal


def _ends_well(data: bytes) -> None:
    outcome = _outcome(data)
    if isinstance(outcome, Refusal):
        assert outcome.message
        assert outcome.remedy
        return
    assert [page.number for page in outcome.pages] == list(range(1, len(outcome.pages) + 1))
    for page in outcome.pages:
        page.text.encode("utf-8")
        assert all(0 <= one.start < one.end <= len(page.text) for one in page.sections)


@pytest.mark.parametrize("kind", sorted(SEEDS))
@settings(max_examples=40)
@given(data=st.data())
def test_mutated_files_end_well(kind: str, data: st.DataObject) -> None:
    seed = bytearray(SEEDS[kind]())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, max(0, len(seed) - 1)))
        how = data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"]))
        if how == "flip" and seed:
            seed[at] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del seed[at : at + data.draw(st.integers(1, 200))]
        elif how == "insert":
            seed[at:at] = data.draw(st.binary(min_size=1, max_size=20))
        else:
            seed[at:at] = seed[at : at + 100]
    _ends_well(bytes(seed))


FIELDS = """
resourceType text div coding code value valueQuantity reference name family identifier system section entry resource
contained content attachment data url contentType period start low high numerator status
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=4),
    max_leaves=20,
)


@given(kind=st.sampled_from(["Observation", "Patient", "Composition", "Bundle", "DocumentReference", "X"]), body=JSON)
def test_any_json_in_the_shape_of_fhir_ends_well(kind: str, body: object) -> None:
    fields = body if isinstance(body, dict) else {"value": body}
    _ends_well(json.dumps({"resourceType": kind, **{k: v for k, v in fields.items() if k != "resourceType"}}).encode())


@given(st.text(max_size=60))
def test_a_value_goes_through_escaping_unchanged(text: str) -> None:
    """What a careful sender escapes comes out as it was, whatever it is."""
    marks = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\X0D\\", "\n": "\\X0A\\"}
    kept = text.replace("\x0b", "").replace("\x1c", "")
    escaped = "".join(marks.get(one, one) for one in kept)
    (message,) = messages_of(f"MSH|^~\\&|A\rOBX|1|ST|1||x{escaped}x||")
    assert message[1].text(5) == f"x{kept}x"


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12), min_size=1, max_size=8))
def test_every_observation_is_in_the_text(words: list[str]) -> None:
    marks = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
    values = ["".join(marks.get(one, one) for one in word) for word in words]
    obx = [f"OBX|{n}|ST|{n}^N{n}||{value}|u" for n, value in enumerate(values, 1)]
    reading = parse(hl7._message(hl7.PID, *obx).encode(), "", NullOcr(), LIMITS)
    text = "\n".join(page.text for page in reading.pages)
    assert not [word for word in words if word != '""' and unicodedata.normalize("NFC", word) not in text]


def test_base64_over_the_limit_is_not_decoded() -> None:
    message = hl7._message(hl7.PID, "OBX|1|ED|1^CR||^a^b^Base64^" + "QUFB" * 1_000_000)
    with pytest.raises(Refusal) as caught:
        parse(message.encode(), "", NullOcr(), Limits(bytes=2_000_000))
    assert caught.value.code == "too-large"


def test_deep_html_and_deep_rtf_end_well() -> None:
    _ends_well(b"<html><body>" + b"<div>" * 20_000 + b"Iode")
    _ends_well(b"<html><body>" + b"<table><tr><td>" * 2_000 + b"Iode")
    _ends_well(b"{\\rtf1 " + b"{" * 50_000 + b"Iode")
