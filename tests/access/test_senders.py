"""Who speaks for a document: the same hands, the same establishment, and nobody by the word of a mail."""

from __future__ import annotations

import pytest

from access.senders import Sender, are_one, speak_for

HOSPITAL = Sender("hl7", "hl7:CHU|DPI", "690000001")
WARD = Sender("upload", "10001234567", "690000001")
ALONE = Sender("upload", "10001234567", "")
COLLEAGUE = Sender("upload", "10007654321", "")
MAIL = Sender("mssante", "mail:labo@mssante.test", "690000001")
PATIENT = Sender("own", "a" * 26, "")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (HOSPITAL, HOSPITAL, True),
        (HOSPITAL, WARD, True),
        (WARD, ALONE, True),
        (MAIL, MAIL, True),
        (ALONE, COLLEAGUE, False),
        (PATIENT, ALONE, False),
        (MAIL, HOSPITAL, False),
        (MAIL, Sender("mssante", "mail:autre@mssante.test", "690000001"), False),
        (Sender("upload", "verify", ""), Sender("upload", "verify", ""), False),
        (Sender("upload", "", ""), Sender("upload", "", ""), False),
    ],
)
def test_one_hand_or_one_establishment(first: Sender, second: Sender, same: bool) -> None:
    assert are_one(first, second) is are_one(second, first) is same


@pytest.mark.parametrize(
    ("who", "of", "may"),
    [
        ({HOSPITAL}, {WARD}, True),
        ({HOSPITAL}, {HOSPITAL, COLLEAGUE}, False),
        ({HOSPITAL, COLLEAGUE}, {COLLEAGUE, WARD}, True),
        ({HOSPITAL}, set(), False),
        (set(), {HOSPITAL}, False),
    ],
)
def test_who_speaks_for_a_document_is_each_of_its_senders(who: set[Sender], of: set[Sender], may: bool) -> None:
    assert speak_for(who, of) is may
