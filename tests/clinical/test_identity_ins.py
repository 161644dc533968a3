"""The wrong patient's INS is found; a right one, a parent's number and a bad key are not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from access.identifiers import Ins, ins_key
from clinical.identity import compare, find_ins
from records.content import Metadata, Page


def _ins(thirteen: str) -> str:
    return f"{thirteen}{ins_key(thirteen):02d}"


OWN = _ins("1850375123456")
OTHER = _ins("2790351215189")
CORSICAN = _ins("199012A123456")
NIR, NIA, TEST = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10"


@dataclass(frozen=True)
class _Person:
    ins: Ins | None


ME = _Person(Ins(OWN))


def _spaced(ins: str) -> str:
    return f"{ins[0]} {ins[1:3]} {ins[3:5]} {ins[5:7]} {ins[7:10]} {ins[10:13]} {ins[13:]}"


@pytest.mark.parametrize(
    "line",
    [
        "INS : {}",
        "Matricule INS {}",
        "INS-NIR: {}",
        "Identité nationale de santé (INS) : {}",
        "I.N.S. {}",
        "INS (OID 1.2.250.1.213.1.4.8) : {}",
        "Matricule INS (NIR) :\n{}",
    ],
)
@pytest.mark.parametrize("ins", [OWN, _spaced(OWN), CORSICAN, _spaced(CORSICAN)])
def test_labelled_ins_is_found_where_it_stands(line: str, ins: str) -> None:
    text = "Né le 12/03/1985. " + line.format(ins) + " — Service"
    (found,) = find_ins(text)
    assert found.ins.matricule == ins.replace(" ", "")
    assert text[found.start : found.end] == ins


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        f"N° de sécurité sociale de l'assuré : {OWN}",
        f"INS : {OWN[:-2]}00",
        f"INSULINE {OWN}",
        f"INS : {OWN}7",
        f"INS non qualifiée. {'x' * 80} {OWN}",
        "INS : non disponible",
    ],
)
def test_other_numbers_are_not_found(text: str) -> None:
    assert find_ins(text) == ()


def _pages(*texts: str) -> list[Page]:
    return [Page(number, text) for number, text in enumerate(texts, 1)]


def test_no_ins_known_or_stated_is_no_mismatch() -> None:
    assert compare(_Person(None), Metadata(patient_ins=((OTHER, NIR),)), _pages(f"INS : {OTHER}")) is None
    assert compare(None, Metadata(), []) is None
    assert compare(ME, Metadata(), _pages("rien")) is None


def test_own_ins_is_no_mismatch() -> None:
    assert compare(ME, Metadata(patient_ins=((OWN, NIR),)), _pages(f"INS : {_spaced(OWN)}")) is None
    assert compare(ME, Metadata(patient_ins=((OWN[:13], NIR),)), []) is None


def test_another_ins_in_the_header_is_a_mismatch() -> None:
    mismatch = compare(ME, Metadata(patient_ins=((OTHER, NIR),)), [])
    assert mismatch is not None
    assert mismatch.evidence[0].page is None
    assert mismatch.evidence[0].ins.matricule == OTHER


def test_another_ins_in_the_text_is_a_mismatch_even_beside_the_right_one() -> None:
    pages = _pages(f"INS : {OWN}", f"Suite. Matricule INS : {OTHER}")
    mismatch = compare(ME, Metadata(patient_ins=((OWN, NIR),)), pages)
    assert mismatch is not None
    (evidence,) = mismatch.evidence
    assert evidence.page == 2
    assert pages[1].text[evidence.start : evidence.end] == OTHER


@pytest.mark.parametrize("oid", [NIA, TEST, "9.9.9"])
def test_a_matricule_of_another_kind_is_no_mismatch(oid: str) -> None:
    assert compare(ME, Metadata(patient_ins=((OTHER, oid),)), []) is None


def test_a_test_matricule_written_in_the_text_is_of_another_kind() -> None:
    assert compare(ME, Metadata(), _pages(f"INS : {OTHER} OID {TEST}")) is None
    assert compare(_Person(Ins(OWN, TEST)), Metadata(), _pages(f"INS : {OTHER} OID {TEST}")) is not None
