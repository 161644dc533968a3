"""Whose act is whose: the whole table, told a second time by the act; and the day of majority."""

from __future__ import annotations

from datetime import date

import pytest

from access.acts import FRESH, Act, administers, audits, may
from access.identifiers import PatientId
from access.identitovigilance import ROLE
from access.majority import eighteenth_birthday
from access.scope import Basis, Caller, CallerKind, Purpose, Scope

CARERS = {"traitant", "grant"}
PERSON = {"self", "legal_representative", "guardian"}
WHO: dict[str, set[str]] = {
    "grant": PERSON,
    "revoke": PERSON,
    "name-traitant": PERSON,
    "block": PERSON,
    "unblock": PERSON,
    "mask": PERSON,
    "unmask": PERSON,
    "hide-from-patient": CARERS,
    "announce": CARERS,
    "hide-from-representatives": CARERS | {"self"},
    "open-to-representatives": {"self"},
    "close": PERSON,
    "reopen": PERSON,
    "oppose": PERSON,
    "withdraw-opposition": PERSON,
    "contact": PERSON,
    "deposit": PERSON | CARERS | {"break_glass", "regulation"},
    "correct-page": CARERS,
    "consent-curator": {"self"},
    "end-break-glass": {"break_glass"},
    "attest-consent": set(),
    "break-glass": set(),
    "record-representative": set(),
    "end-representative": set(),
    "request-succession": set(),
    "review": set(),
    "export": PERSON,
}


def scope(basis: Basis | None) -> Scope:
    return Scope(Caller(CallerKind.PATIENT, "p"), PatientId("p"), Purpose.SELF, basis=basis)


@pytest.mark.parametrize("act", list(Act))
def test_an_act_belongs_to_whom_the_table_says(act: Act) -> None:
    assert {basis.value for basis in Basis if may(act, scope(basis))} == WHO[act.value]
    assert not may(act, scope(None))


def test_what_cannot_be_taken_back_asks_for_a_fresh_authentication_and_urgency_does_not() -> None:
    fresh = {"close", "open-to-representatives", "contact", "name-traitant", "export"}
    assert {act.value for act in FRESH} == fresh


def test_the_administration_records_and_reviews_and_does_nothing_else() -> None:
    theirs = {act.value for act in Act if administers(act, CallerKind.ADMINISTRATOR)}
    assert theirs == {"record-representative", "end-representative", "review"}
    others = [kind for kind in CallerKind if kind is not CallerKind.ADMINISTRATOR]
    assert not any(administers(act, kind) for act in Act for kind in others)


def test_the_auditor_and_the_administrator_read_all_journals_and_nobody_else() -> None:
    assert {kind for kind in CallerKind if audits(Caller(kind, "x"))} == {CallerKind.AUDITOR, CallerKind.ADMINISTRATOR}
    assert not audits(Caller(CallerKind.ADMINISTRATOR, "x", profession=ROLE))
    assert audits(Caller(CallerKind.AUDITOR, "x", profession=ROLE))


@pytest.mark.parametrize(
    ("born", "major"),
    [
        (date(2010, 3, 1), date(2028, 3, 1)),
        (date(2008, 2, 29), date(2026, 2, 28)),
        (date(2008, 12, 31), date(2026, 12, 31)),
    ],
)
def test_the_first_day_of_majority(born: date, major: date) -> None:
    assert eighteenth_birthday(born) == major
