"""INS: key, Corsica, authorities, statuses; a number that is not qualified stays where it got its status."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest

from access.identifiers import Ins, ins_key, parse_ins
from access.identitovigilance import StatusEvent, may_read_ins, status_after
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from records import patients
from records.erasure import erase
from records.patients import Identity
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World, ins_of


@pytest.mark.parametrize("thirteen", ["2550814168025", "1850375123456", "185032A123456", "285122B001002"])
def test_keys_are_those_of_insee_with_corsica_by_its_other_wording(thirteen: str) -> None:
    """A or B becomes 0, and one or two millions are taken off: the same as 19 and 18 in the place of 2A and 2B."""
    digits = int(thirteen.replace("A", "0").replace("B", "0")) - (
        10**6 if "A" in thirteen else 2 * 10**6 if "B" in thirteen else 0
    )
    key = 97 - digits % 97
    assert ins_key(thirteen) == key
    assert parse_ins(f"{thirteen}{key:02d}") == Ins(f"{thirteen}{key:02d}")
    assert parse_ins(f"{thirteen}{key % 97 + 1:02d}") is None


def test_the_key_of_the_specimen_card() -> None:
    assert ins_key("2550814168025") == 38


@pytest.mark.parametrize("status", ["provisional", "retrieved", "validated", "qualified", ""])
def test_only_a_qualified_number_is_read_by_another_establishment(status: str) -> None:
    here = Caller(CallerKind.PRACTITIONER, "1", organizations=frozenset({"750000001"}))
    elsewhere = Caller(CallerKind.PRACTITIONER, "1", organizations=frozenset({"690000001"}))
    liberal, person = Caller(CallerKind.PRACTITIONER, "1"), Caller(CallerKind.PATIENT, "p")
    qualified = status == "qualified"
    assert may_read_ins(here, status, "750000001")
    assert may_read_ins(person, status, "")
    assert may_read_ins(elsewhere, status, "750000001") is qualified
    assert may_read_ins(liberal, status, "") is qualified
    assert may_read_ins(here, status, "") is qualified


def test_status_and_source_are_recorded_and_the_number_is_kept_back(own_world: World) -> None:
    provisional = Identity(
        ins_of("1990175123456"), "validated", "PETIT", "LUC", date(1999, 1, 2), "M", "75112", ins_source="750000001"
    )
    own_world.add_patient("luc", provisional)
    with own_world.services.records.read() as tx:
        assert patients.identity_without_scope(tx, own_world.patients["luc"]) == provisional
    own_world.grant("here", "luc", DOCTOR)  # works at 750000001
    own_world.grant("elsewhere", "luc", TRAITANT)

    def read(headers: dict[str, str], patient: str = "luc") -> tuple[str, str]:
        shown = own_world.http.get(own_world.url(patient, "/identity"), headers=headers).json()
        return shown["ins"], shown["ins_status"]

    number = ins_of("1990175123456").matricule
    assert read(own_world.bearer(DOCTOR)) == (number, "validated")
    assert read(own_world.as_patient("luc")) == (number, "validated")
    assert read(own_world.bearer(TRAITANT)) == ("", "validated")
    assert read(own_world.bearer(TRAITANT), "marie") == (ins_of("2850375123456").matricule, "qualified")


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        ("provisional", "retrieved", "retrieved"),
        ("provisional", "checked", "validated"),
        ("retrieved", "checked", "qualified"),
        ("validated", "retrieved", "qualified"),
        ("qualified", "retrieved", "qualified"),
        ("qualified", "checked", "qualified"),
        ("qualified", "changed", "validated"),
        ("retrieved", "changed", "provisional"),
        ("validated", "changed", "validated"),
        ("qualified", "doubt", "provisional"),
        ("validated", "doubt", "provisional"),
    ],
)
def test_a_status_follows_what_happened_and_only_both_steps_qualify(before: str, event: str, after: str) -> None:
    assert status_after(before, StatusEvent(event)) == after


@pytest.mark.parametrize("status", ["", "qualifiée", "QUALIFIED"])
def test_a_status_that_is_none_is_not_moved(status: str) -> None:
    with pytest.raises(Refusal, match="RNIV"):
        status_after(status, StatusEvent.CHECKED)


def test_a_number_is_read_elsewhere_from_the_moment_it_is_qualified_and_no_longer_when_in_doubt(
    own_world: World,
) -> None:
    luc = Identity(ins_of("1990175123456"), "provisional", "PETIT", "LUC", date(1999, 1, 2), "M", "75112")
    own_world.add_patient("luc", luc)
    own_world.grant("elsewhere", "luc", TRAITANT)
    told = []
    for event in (StatusEvent.RETRIEVED, StatusEvent.CHECKED, StatusEvent.DOUBT):
        with own_world.services.records.write() as tx:
            patients.note_status(tx, own_world.patients["luc"], event, "750000001")
        shown = own_world.http.get(own_world.url("luc", "/identity"), headers=own_world.bearer(TRAITANT)).json()
        told.append((shown["ins_status"], bool(shown["ins"])))
    assert told == [("retrieved", False), ("qualified", True), ("provisional", False)]


def test_a_person_erased_and_recorded_anew_has_a_record_of_their_own(own_world: World) -> None:
    world, services = own_world, own_world.services
    before = world.patients["marie"]
    erase(services.records, services.blobs, services.keys, services.keys.ledger, before, world.clock(), "t")
    assert world.http.post(
        "/v1/patients/lookup", json={"ins": ins_of("2850375123456").matricule}, headers=world.bearer(STRANGER)
    ).json()["patient_id"] not in ("", before)
    marie = Identity(ins_of("2850375123456"), "qualified", "MARTIN", "MARIE LOUISE", date(1985, 3, 12), "F", "75112")
    after = world.add_patient("marie", marie)
    assert after != before
    world.grant("again", "marie", TRAITANT)
    world.deposit("nouveau", "marie", "Un xanthome éruptif.")
    world.work()
    assert len(world.search("xanthome", world.bearer(TRAITANT)).json()["hits"]) == 1
    assert world.search("pénicilline", world.bearer(TRAITANT)).json()["hits"] == []
    found = world.http.post(
        "/v1/patients/lookup", json={"ins": ins_of("2850375123456").matricule}, headers=world.bearer(STRANGER)
    ).json()
    assert found["patient_id"] == after, "so that a broken glass opens this record"
    with pytest.raises(Refusal, match="déjà enregistré"):
        world.add_patient("encore", marie)
    erase(services.records, services.blobs, services.keys, services.keys.ledger, after, world.clock(), "t")
    assert world.add_patient("marie", marie) not in (before, after)


def test_a_home_of_before_has_numbers_without_source() -> None:
    told = patients._to_json(Identity(None, "", "A", "B", None, "U", ""))
    told.pop("ins_source")
    assert patients._from_json(told).ins_source == ""
    assert (
        dataclasses.replace(patients._from_json(dict(told, ins=None, birth_date=None)), ins_source="x").ins_source
        == "x"
    )
