"""Merged identities: only by a person, and undone exactly."""

from __future__ import annotations

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from records import merges
from records.database import Tx
from records.policy import load_policy
from records.rights import access_facts
from tests.records.building import DOCTOR, NOW, Home, patient

POLICY = load_policy()


def together(tx: Tx, who: PatientId) -> frozenset[PatientId]:
    return access_facts(tx, DOCTOR, who, NOW, POLICY).identities


def test_a_proposal_merges_nothing_until_a_person_does_and_can_be_undone(home: Home) -> None:
    with home.records.write() as tx:
        one, two, three = (patient(tx, n) for n in (1, 2, 3))
        first = merges.propose(tx, two, three, by="hl7:CHU|DPI", now=NOW)
        second = merges.propose(tx, one, two, by="hl7:CHU|DPI", now=NOW)
        assert merges.propose(tx, one, two, by="hl7:CHU|DPI", now=NOW) == second, "said twice it is one"
        assert first is not None
        assert second is not None
        assert together(tx, one) == {one}
        merges.merge(tx, first, "cellule", NOW)
        merges.merge(tx, second, "cellule", NOW)
        assert together(tx, one) == together(tx, three) == {one, two, three}
        assert merges.waiting(tx, 9) == []
        assert merges.propose(tx, one, three, by="x", now=NOW) is None
        merges.split(tx, second, "cellule", NOW)
        assert together(tx, one) == {one}
        assert together(tx, two) == together(tx, three) == {two, three}, "the earlier merge is as it was"
        merges.split(tx, first, "cellule", NOW)
        assert together(tx, two) == {two}
        with pytest.raises(Refusal):
            merges.split(tx, first, "cellule", NOW)


@pytest.mark.parametrize("first_undone", [0, 1])
def test_merges_are_undone_in_any_order(home: Home, first_undone: int) -> None:
    with home.records.write() as tx:
        one, two, three, four = (patient(tx, n) for n in (1, 2, 3, 4))

        def merged(kept: PatientId, other: PatientId) -> str:
            name = merges.propose(tx, kept, other, by="x", now=NOW)
            assert name is not None
            merges.merge(tx, name, "cellule", NOW)
            return name

        pair = merged(two, three), merged(one, two)
        merges.split(tx, pair[first_undone], "cellule", NOW)
        assert together(tx, two) == ({one, two} if first_undone == 0 else {two, three})
        last = merged(one, three) if first_undone == 0 else merged(four, two)
        merges.split(tx, last, "cellule", NOW)
        merges.split(tx, pair[1 - first_undone], "cellule", NOW)
        for who in (one, two, three, four):
            assert together(tx, who) == {who}, "no merge is in force: nobody is anybody else"


def test_a_refused_merge_is_not_proposed_again(home: Home) -> None:
    with home.records.write() as tx:
        one, two = patient(tx, 1), patient(tx, 2)
        name = merges.propose(tx, one, two, by="x", now=NOW)
        assert name is not None
        merges.refuse(tx, name, "cellule", NOW)
        assert merges.propose(tx, one, two, by="x", now=NOW) is None
        assert together(tx, one) == {one}
        with pytest.raises(Refusal):
            merges.merge(tx, name, "cellule", NOW)
