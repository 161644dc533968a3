"""Which codes keep a document from whom."""

from __future__ import annotations

import pytest

from access.confidentiality import Asked, asked_by


@pytest.mark.parametrize(
    ("codes", "asked"),
    [
        ("", Asked(False, False, False)),
        ("N", Asked(False, False, False)),
        ("MASQUE_PS", Asked(True, False, False)),
        ("masque_ps", Asked(True, False, False)),
        ("R", Asked(True, False, False)),
        ("V", Asked(True, False, False)),
        ("INVISIBLE_PATIENT", Asked(False, True, False)),
        ("INVISIBLE_REPRESENTANTS_LEGAUX", Asked(False, False, True)),
        ("INVISIBLE_REP_LEGAUX", Asked(False, False, True)),
        ("CONNEXION_SECRETE", Asked(False, False, True)),
        ("N V INVISIBLE_PATIENT CONNEXION_SECRETE", Asked(True, True, True)),
    ],
)
def test_what_a_code_asks_for(codes: str, asked: Asked) -> None:
    assert asked_by(codes) == asked


@pytest.mark.parametrize(("codes", "masked"), [("R", False), ("V", False), ("MASQUE_PS R", True)])
def test_restricted_is_a_setting_and_a_mask_is_none(codes: str, masked: bool) -> None:
    assert asked_by(codes, restricted_masks=False).masked is masked


def test_only_what_is_new_is_asked_for() -> None:
    every, none = asked_by("V INVISIBLE_PATIENT CONNEXION_SECRETE"), asked_by("")
    assert every.beyond(none) == every
    assert every.beyond(every) == none.beyond(every) == none
    assert every.beyond(asked_by("V")) == Asked(False, True, True)


def test_what_is_asked_beyond_before() -> None:
    nothing, everything = Asked(False, False, False), Asked(True, True, True)
    masked, from_patient, from_others = Asked(True, False, False), Asked(False, True, False), Asked(False, False, True)
    for each in (nothing, masked, from_patient, from_others):
        assert each.beyond(nothing) == each
        assert nothing.beyond(each) == nothing
        assert each.beyond(everything) == nothing
    assert everything.beyond(masked) == Asked(False, True, True)
