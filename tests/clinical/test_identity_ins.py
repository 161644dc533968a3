"""The wrong patient's INS is found; a right one, a parent's number, a bad key and another kind's number are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.identifiers import Ins
from clinical.identity import Reason, compare
from clinical.stated import find_ins
from records.content import Metadata, Page, StatedPatient
from records.patients import Identity
from tests.clinical.people import NIA, NIR, TEST, number, spaced

OWN = number("1850375123456")
OTHER = number("2790351215189")
CORSICAN = number("199012A123456")


def known(ins: Ins | None, status: str = "qualified") -> Identity:
    return Identity(ins, status, "", "", None, "U", "")


ME = known(Ins(OWN))


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
@pytest.mark.parametrize("ins", [OWN, spaced(OWN), CORSICAN, spaced(CORSICAN)])
def test_labelled_ins_is_found_where_it_stands(line: str, ins: str) -> None:
    text = "Né le 12/03/1985. " + line.format(ins) + " — Service"
    ((found, start, end),) = find_ins(text)
    assert found.matricule == ins.replace(" ", "")
    assert text[start:end] == ins


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
    assert compare(known(None), Metadata(patient_ins=((OTHER, NIR),)), _pages(f"INS : {OTHER}")) is None
    assert compare(None, Metadata(), []) is None
    assert compare(ME, Metadata(), _pages("rien")) is None


def test_own_ins_is_no_mismatch() -> None:
    assert compare(ME, Metadata(patient_ins=((OWN, NIR),)), _pages(f"INS : {spaced(OWN)}")) is None
    assert compare(ME, Metadata(patient_ins=((OWN[:13], NIR),)), []) is None


def test_another_ins_in_the_header_is_a_mismatch() -> None:
    mismatch = compare(ME, Metadata(patient_ins=((OTHER, NIR),)), [])
    assert mismatch is not None
    assert mismatch.evidence[0].stated.page is None
    assert mismatch.evidence[0].stated.ins[0].matricule == OTHER
    assert mismatch.evidence[0].reasons == (Reason.INS,)


def test_another_ins_in_the_text_is_a_mismatch_even_beside_the_right_one() -> None:
    pages = _pages(f"INS : {OWN}", f"Suite. Matricule INS : {OTHER}")
    mismatch = compare(ME, Metadata(patient_ins=((OWN, NIR),)), pages)
    assert mismatch is not None
    (evidence,) = mismatch.evidence
    assert evidence.stated.page == 2
    ((start, end),) = evidence.stated.spans
    assert pages[1].text[start:end] == OTHER


@pytest.mark.parametrize("oid", [NIA, TEST, "9.9.9"])
def test_a_matricule_of_another_kind_is_no_mismatch(oid: str) -> None:
    assert compare(ME, Metadata(patient_ins=((OTHER, oid),)), []) is None


def test_a_test_matricule_written_in_the_text_is_of_another_kind() -> None:
    assert compare(ME, Metadata(), _pages(f"INS : {OTHER} OID {TEST}")) is None
    assert compare(known(Ins(OWN, TEST)), Metadata(), _pages(f"INS : {OTHER} OID {TEST}")) is not None


def test_the_same_characters_under_a_test_oid_are_no_proof() -> None:
    """A test identity can be given anybody's number: names and birth date decide then."""
    born = replace(ME, family_name="MOREAU", given_names="Antoine", birth_date=None)
    stated = StatedPatient(((OWN, TEST),), ("DURAND",), (), "Paul")
    assert compare(born, Metadata(patients=(stated,)), []) is not None
    assert compare(born, Metadata(patients=(replace(stated, identifiers=((OWN, NIR),)),)), []) is None


def test_a_typed_number_has_no_kind_and_is_compared_with_test_numbers_too() -> None:
    typed = known(Ins(OWN), "provisional")
    assert compare(typed, Metadata(patient_ins=((OTHER, TEST),)), []) is not None
    assert compare(typed, Metadata(patient_ins=((OTHER, NIR),)), []) is not None
    assert compare(typed, Metadata(patient_ins=((OTHER, NIA),)), []) is None
    assert compare(typed, Metadata(patient_ins=((OWN, TEST),)), []) is None


def test_a_header_number_with_a_wrong_key_is_nobodys() -> None:
    assert compare(ME, Metadata(patient_ins=((OTHER[:-2] + "00", NIR),)), []) is None


def test_the_mothers_number_is_hers() -> None:
    assert compare(ME, Metadata(), _pages(f"INS : {OWN}\nINS de la mère : {OTHER}")) is None
    assert compare(ME, Metadata(), _pages(f"INS : {OWN}\nMère : Mme X, INS {OTHER}")) is None


def test_an_address_of_patient_mail_is_a_number() -> None:
    sample = _pages(f"Matricule INS {OTHER} [NIR]\n{OTHER}@patient.mssante.fr")
    assert compare(ME, Metadata(), sample) is not None


@pytest.mark.parametrize("oid", [NIR, NIA])
def test_a_real_persons_number_is_held_in_the_record_of_a_test_identity(oid: str) -> None:
    """Everybody in training opens it. The same characters may be the test's own number, typed as a real one."""
    record = known(Ins(OWN, TEST))
    assert compare(record, Metadata(patient_ins=((OTHER, oid),)), []) is not None
    assert compare(record, Metadata(patient_ins=((OWN, oid),)), []) is None
