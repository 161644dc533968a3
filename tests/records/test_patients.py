"""Patients: one identifier an INS, the same form for nobody, exact look-ups, sealed identities."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from access.identifiers import Ins, PatientId, is_opaque_id
from access.refusal import Refusal
from records import patients
from records.opaque import random_id
from tests.records.building import NOW, Home, identity, ins, patient, scope


def test_a_patient_with_an_ins_gets_the_identifier_of_that_ins(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx, 1)
    assert one == patients.patient_id_of_ins(home.keys, ins(1))
    assert one == patients.patient_id_of_ins(home.keys, dataclasses.replace(ins(1), oid="1.2.250.1.213.1.4.10"))
    with home.records.read() as tx:
        assert patients.find_by_ins_without_scope(tx, ins(1)) == one
        assert patients.find_by_ins_without_scope(tx, ins(2)) is None
        assert patients.exists(tx, one)
        assert not patients.exists(tx, patients.patient_id_of_ins(home.keys, ins(2)))


def test_identifiers_of_nobody_have_the_same_form_and_do_not_change(home: Home) -> None:
    def check(number: int) -> None:
        asked = patients.patient_id_of_ins(home.keys, ins(number))
        assert is_opaque_id(asked)
        assert asked == patients.patient_id_of_ins(home.keys, ins(number))
        assert asked != patients.patient_id_of_ins(home.keys, ins(number + 1))
        traits = identity(number, with_ins=False)
        pseudonym = patients.patient_id_of_traits(home.keys, traits)
        assert is_opaque_id(pseudonym)
        assert pseudonym == patients.patient_id_of_traits(home.keys, traits)
        assert pseudonym != asked

    given(st.integers(0, 900))(check)()


def test_real_and_invented_identifiers_have_one_alphabet_in_every_place(home: Home) -> None:
    keyed = [patients.patient_id_of_ins(home.keys, Ins(f"{n:015d}")) for n in range(600)]
    drawn = [random_id() for _ in range(600)]
    for sample in (keyed, drawn):
        assert all(len({one[place] for one in sample}) == 32 for place in range(26))


def test_another_home_gives_other_identifiers(home: Home, tmp_path: object) -> None:
    from pathlib import Path

    from records.keys import KeyStore

    other = KeyStore.open(Path(str(tmp_path)) / "other")
    assert patients.patient_id_of_ins(home.keys, ins(1)) != patients.patient_id_of_ins(other, ins(1))


def test_an_ins_is_recorded_once(home: Home) -> None:
    with home.records.write() as tx:
        patient(tx, 1)
    with pytest.raises(Refusal) as refused, home.records.write() as tx:
        patient(tx, 1)
    assert refused.value.code == "patient-exists"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"family_name": "LEMOINE 001"}, True),
        ({"given_names": "eloise"}, True),
        ({"given_names": "Éloïse Anne"}, True),
        ({"given_names": "Marie"}, False),
        ({"family_name": "Lemoine"}, False),
        ({"birth_date": date(1985, 3, 3)}, False),
        ({"birth_date": None}, False),
        ({"sex": "M"}, False),
        ({"birth_place": "69123"}, False),
    ],
)
def test_traits_are_exact_but_for_case_and_accents(home: Home, change: dict[str, object], found: bool) -> None:
    with home.records.write() as tx:
        one = patient(tx, 1, with_ins=False)
        patient(tx, 2)
    traits = dataclasses.replace(identity(1, with_ins=False), **change)  # type: ignore[arg-type]
    with home.records.read() as tx:
        assert patients.find_by_traits_without_scope(tx, traits) == (one if found else None)


def test_traits_of_two_people_find_nobody(home: Home) -> None:
    with home.records.write() as tx:
        patients.create_patient(tx, dataclasses.replace(identity(1), ins=ins(1)), NOW)
        patients.create_patient(tx, dataclasses.replace(identity(1), ins=ins(2)), NOW)
    with home.records.read() as tx:
        assert patients.find_by_traits_without_scope(tx, identity(1)) is None


def test_someone_known_by_ins_alone_is_not_found_by_empty_traits(home: Home) -> None:
    nameless = patients.Identity(ins(1), "provisional", "", "", None, "U", "")
    with home.records.write() as tx:
        one = patients.create_patient(tx, nameless, NOW)
    with home.records.read() as tx:
        assert patients.find_by_traits_without_scope(tx, nameless) is None
        assert patients.identity_without_scope(tx, one) == nameless


identities = st.builds(
    patients.Identity,
    ins=st.none(),
    ins_status=st.sampled_from(["", "provisional", "qualified"]),
    family_name=st.text(max_size=30),
    given_names=st.text(st.characters(), max_size=30),
    birth_date=st.none() | st.dates(),
    sex=st.sampled_from("MFU"),
    birth_place=st.text(max_size=5),
    used_name=st.text(max_size=10),
)


def test_identities_come_back_as_they_were(home: Home) -> None:
    @given(identities)
    def check(one: patients.Identity) -> None:
        with home.records.write() as tx:
            patient_id = patients.create_patient(tx, one, NOW)
            assert patients.identity_without_scope(tx, patient_id) == one

    check()


def test_an_identity_is_shown_under_a_scope_only(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
    with home.records.read() as tx:
        assert patients.identity_of(tx, scope(one)) == identity(1)
        with pytest.raises(Refusal):
            patients.identity_of(tx, scope(two, categories=frozenset()))
        with pytest.raises(Refusal):
            patients.identity_of(tx, scope())
        assert patients.identity_without_scope(tx, PatientId("z" * 26)) is None


def test_an_identity_moved_to_another_row_or_under_a_destroyed_key_does_not_open(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        tx.session.execute(
            text(
                "UPDATE patients SET sealed = (SELECT sealed FROM patients WHERE patient_id = :b) WHERE patient_id = :a"
            ),
            {"a": one, "b": two},
        )
    with home.records.read() as tx, pytest.raises(Refusal) as refused:
        patients.identity_without_scope(tx, one)
    assert refused.value.code == "seal-broken"
    home.keys.destroy_patient_key(two)
    with home.records.read() as tx, pytest.raises(Refusal) as refused:
        patients.identity_without_scope(tx, two)
    assert refused.value.code == "key-destroyed"
