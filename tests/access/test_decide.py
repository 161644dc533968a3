"""`decide` against the oracle on random worlds, against annotated cases, and at the edges that random worlds miss."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from access.categories import Category
from access.decide import DOOR, NO_READING_ROLE, SYSTEM_ALONE, AccessFacts, decide
from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.refusals import NOT_HABILITATED
from access.scope import Caller, CallerKind, Purpose, Scope
from tests.access.oracle import (
    CATEGORY,
    TRADES,
    Glass,
    Kin,
    Paper,
    Paperwork,
    Person,
    World,
    answers_the_door,
    may_read_the_journal,
    may_see,
)
from tests.access.translate import caller_of, facts_of, policy, right_of, sees

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CASES = sorted((Path(__file__).resolve().parents[1] / "cases" / "access").glob("*.yaml"))

names = st.sampled_from(["r1", "r2", "p1", "p2"])
sets_of = st.sets(st.sampled_from(["f1", "f2"]), max_size=2)
moments = st.integers(-2, 2).map(lambda days: NOW + timedelta(days=days)) | st.integers(-8, 8).map(
    lambda hours: NOW + timedelta(hours=hours)
)
categories = st.sampled_from(["report", "biology", "directive", "other"])
only = st.none() | st.sets(categories, max_size=2)
papers = st.builds(
    Paper,
    kind=st.sampled_from([*CATEGORY, "11488-4", "99999-9"]),
    masked=st.booleans(),
    hidden=st.none() | st.sampled_from([NOW - timedelta(days=40), NOW - timedelta(days=31), NOW - timedelta(days=30)]),
    secret=st.booleans(),
    status=st.sampled_from(["approved", "approved", "archived", "deprecated"]),
    author=names,
)
holders = st.one_of(
    st.tuples(st.just("practitioner"), names),
    st.tuples(st.just("organization"), st.sampled_from(["f1", "f2"])),
    st.tuples(st.just("team"), st.sampled_from(["f1", "f2"])),
)
paperwork = st.builds(
    Paperwork,
    holder=holders,
    only=only,
    start=moments,
    end=st.none() | moments,
    revoked=st.sampled_from([False, False, True]),
    kind=st.sampled_from(["consent", "attested", "care_team", "medecin_traitant", "as_traitant"]),
)
kin = st.builds(
    Kin,
    person=names,
    kind=st.sampled_from(["legal_representative", "guardian", "curator", "heir", "partner"]),
    start=moments,
    end=st.none() | moments,
    ended=st.sampled_from([False, False, True]),
    consented=st.booleans(),
    approved=st.booleans(),
    purpose=st.sampled_from(["memory", "rights", "cause_of_death", "curiosity"]),
    only=only,
)
glass = st.builds(Glass, person=names, start=moments, end=moments, ended=st.sampled_from([False, False, True]))
worlds = st.builds(
    World,
    patient=st.just("p1"),
    known=st.sampled_from([True, True, True, False]),
    also=st.sets(st.just("p2")),
    closed=st.sampled_from([False, False, False, True]),
    blocked=st.sets(names, max_size=1),
    opposed=st.sets(st.sampled_from(["break_glass", "centre_15", "heirs"]), max_size=1),
    papers=st.dictionaries(st.sampled_from(["d1", "d2", "d3"]), papers),
    paperwork=st.lists(paperwork, max_size=3),
    kin=st.lists(kin, max_size=2),
    glass=st.lists(glass, max_size=2),
)
persons = st.builds(
    Person,
    role=st.sampled_from(["practitioner"] * 6 + ["patient"] * 3 + ["system", "auditor", "administrator"]),
    name=names,
    works_at=sets_of,
    teams=sets_of,
    why=st.sampled_from(["care", "care", "care", "self", "self", "regulation", "audit"]),
    trade=st.sampled_from(["médecin"] * 5 + list(TRADES)),
    regulates=st.booleans(),
)


@settings(max_examples=500)
@given(worlds, persons, st.booleans())
def test_every_document_is_seen_exactly_when_the_oracle_says_so(world: World, person: Person, all_states: bool) -> None:
    right = right_of(world, person, NOW, all_states=all_states)
    for name in ("d1", "d2", "d3"):
        assert sees(world, right, name) == may_see(world, person, name, NOW, all_states=all_states), (name, right)


@settings(max_examples=500)
@given(worlds, persons)
def test_whoever_has_no_access_meets_the_one_door(world: World, person: Person) -> None:
    right = right_of(world, person, NOW)
    if person.role in ("auditor", "administrator"):
        assert right == NO_READING_ROLE
    elif person.role == "system":
        assert right == SYSTEM_ALONE
    elif person.role == "practitioner" and not TRADES[person.trade]:
        assert right == NOT_HABILITATED
    else:
        assert isinstance(right, Refusal) == answers_the_door(world, person, NOW)
        assert not isinstance(right, Refusal) or right is DOOR
        assert (isinstance(right, Scope) and right.oversees) == may_read_the_journal(world, person, NOW)


@given(worlds, persons)
def test_the_version_of_a_right_does_not_move_with_documents_outside_it(world: World, person: Person) -> None:
    facts = facts_of(world, person)
    more = frozenset({DocumentId("d9")})
    unseen = replace(
        facts,
        hidden_from_patient={**facts.hidden_from_patient, DocumentId("d9"): NOW},
        hidden_from_representatives=facts.hidden_from_representatives | more,
        hidden_from_professionals=facts.hidden_from_professionals | more,
        not_default=facts.not_default | more,
    )
    caller = caller_of(person)
    asked = (PatientId("p1"), Purpose(person.why), NOW)
    first, second = (decide(caller, *asked, each, policy()) for each in (facts, unseen))
    if isinstance(first, Scope):
        assert isinstance(second, Scope)
        assert first.grant_version == second.grant_version
        assert DocumentId("d9") in second.excluded


def a_world(**changes: Any) -> World:
    consent = Paperwork(("practitioner", "r1"), None, NOW - timedelta(days=1))
    return replace(World("p1", papers={"d1": Paper()}, paperwork=[consent]), **changes)


DOCTOR = Person("practitioner", "r1")
DOCTOR_CALLER = caller_of(DOCTOR)


def test_the_version_of_a_right_moves_when_the_right_does() -> None:
    narrower = Paperwork(("practitioner", "r1"), {"report"}, NOW)
    traitant = Paperwork(("practitioner", "r1"), None, NOW - timedelta(days=1), kind="medecin_traitant")
    rights = [
        right_of(world, person, NOW)
        for world, person in (
            (a_world(), DOCTOR),
            (a_world(paperwork=[narrower]), DOCTOR),
            (a_world(paperwork=[traitant]), DOCTOR),
            (a_world(patient="p2"), DOCTOR),
            (a_world(), Person("patient", "p1", why="self")),
        )
    ]
    versions = {right.grant_version for right in rights if isinstance(right, Scope)}
    assert len(versions) == len(rights) == 5


def test_the_version_of_a_right_says_whether_archived_documents_are_in_it() -> None:
    default, whole = (right_of(a_world(), DOCTOR, NOW, all_states=each) for each in (False, True))
    assert isinstance(default, Scope)
    assert isinstance(whole, Scope)
    assert default.grant_version != whole.grant_version


def test_a_grant_lives_from_its_first_instant_until_just_before_its_last() -> None:
    consent = Paperwork(("practitioner", "r1"), None, NOW, NOW + timedelta(hours=1))
    world = a_world(paperwork=[consent])
    instant = timedelta(microseconds=1)
    answers = [
        isinstance(right_of(world, DOCTOR, when), Scope)
        for when in (NOW - instant, NOW, NOW + timedelta(hours=1) - instant, NOW + timedelta(hours=1))
    ]
    assert answers == [False, True, True, False]


def test_a_revocation_dated_in_the_future_has_already_taken_effect() -> None:
    facts = facts_of(a_world(), DOCTOR)
    (live,) = facts.grants
    late = replace(facts, grants=(replace(live, revoked_at=NOW + timedelta(days=1)),))
    assert decide(DOCTOR_CALLER, PatientId("p1"), Purpose.CARE, NOW, late, policy()) is DOOR


def test_a_grant_of_an_unknown_kind_or_to_an_unknown_kind_of_holder_gives_nothing() -> None:
    facts = facts_of(a_world(), DOCTOR)
    (live,) = facts.grants
    for odd in (replace(live, kind="presumed"), replace(live, to_kind="profession")):
        right = decide(DOCTOR_CALLER, PatientId("p1"), Purpose.CARE, NOW, replace(facts, grants=(odd,)), policy())
        assert right is DOOR


def test_facts_of_another_patient_give_the_door() -> None:
    facts = facts_of(a_world(), DOCTOR)
    asked = (DOCTOR_CALLER, PatientId("p2"), Purpose.CARE, NOW)
    assert decide(*asked, facts, policy()) is DOOR
    assert decide(*asked, replace(facts, patient_id=PatientId("p2")), policy()) is DOOR
    ghost = replace(facts_of(a_world(), DOCTOR), exists=False)  # facts that contradict themselves open nothing
    assert decide(DOCTOR_CALLER, PatientId("p1"), Purpose.CARE, NOW, ghost, policy()) is DOOR
    merged = facts_of(a_world(also={"p2"}), DOCTOR)  # one person under two identities, loaded under the other one
    assert decide(*asked, merged, policy()) is DOOR


def test_a_default_of_facts_is_a_patient_who_does_not_exist() -> None:
    for caller, purpose in ((DOCTOR_CALLER, Purpose.CARE), (Caller(CallerKind.PATIENT, "p1"), Purpose.SELF)):
        assert decide(caller, PatientId("p1"), purpose, NOW, AccessFacts(PatientId("p1")), policy()) is DOOR


def test_categories_of_live_grants_add_up() -> None:
    world = a_world(
        paperwork=[
            Paperwork(("practitioner", "r1"), {"report"}, NOW),
            Paperwork(("organization", "f1"), {"biology"}, NOW),
            Paperwork(("organization", "f2"), {"imaging"}, NOW),
        ]
    )
    right = right_of(world, Person("practitioner", "r1", works_at={"f1"}), NOW)
    assert isinstance(right, Scope)
    assert right.categories == {Category.REPORT, Category.BIOLOGY}


def _person(spec: dict[str, Any], name: str) -> Person:
    return Person(
        spec["role"],
        spec.get("id", name),
        set(spec.get("works_at", ())),
        set(spec.get("teams", ())),
        spec.get("why", "self" if spec["role"] == "patient" else "care"),
        spec.get("trade", "médecin"),
        spec.get("regulates", False),
    )


KINDS = {category: kind for kind, category in CATEGORY.items()}


def _paper(spec: dict[str, Any]) -> Paper:
    """A document of a case: by category or by type; `hidden` true is since yesterday."""
    said = dict(spec)
    kind = said.pop("kind") if "kind" in said else KINDS[said.pop("category", "report")]
    hidden = said.pop("hidden", None)
    since = NOW - timedelta(days=1) if hidden is True else hidden
    return Paper(kind=kind, hidden=since or None, **said)


def _world(given: dict[str, Any]) -> World:
    long_ago = NOW - timedelta(days=30)
    return World(
        patient=given["patient"],
        known=given.get("known", True),
        also=set(given.get("also", ())),
        closed=given.get("closed", False),
        blocked=set(given.get("blocked", ())),
        opposed=set(given.get("opposed", ())),
        papers={name: _paper(spec) for name, spec in given.get("documents", {}).items()},
        paperwork=[
            Paperwork(
                holder=(grant["to_kind"], grant["to"]),
                only=set(grant["only"]) if "only" in grant else None,
                start=grant.get("from", long_ago),
                end=grant.get("until"),
                revoked=grant.get("revoked", False),
                kind=grant.get("kind", "consent"),
            )
            for grant in given.get("grants", ())
        ],
        kin=[
            Kin(
                person=each["person"],
                kind=each["kind"],
                start=each.get("from", long_ago),
                end=each.get("until"),
                ended=each.get("ended", False),
                consented=each.get("consented", False),
                approved=each.get("approved", False),
                purpose=each.get("purpose", ""),
                only=set(each["only"]) if "only" in each else None,
            )
            for each in given.get("kin", ())
        ],
        glass=[Glass(each["person"], each["from"], each["until"]) for each in given.get("glass", ())],
    )


def test_there_are_annotated_cases() -> None:
    assert len(CASES) >= 14


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_annotated_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    world = _world(case["given"])
    people = {name: _person(spec, name) for name, spec in case["people"].items()}
    now = case.get("now", NOW)
    asked = 0
    for line in case["may_see"]:
        who, what, expected = line["who"], line["document"], line["answer"]
        assert sees(world, right_of(world, people[who], now), what) is expected, line
        assert may_see(world, people[who], what, now) is expected, f"the oracle disagrees: {line}"
        asked += 1
    for who, expected in case["sees"].items():
        right = right_of(world, people[who], now)
        seen = sorted(name for name in world.papers if sees(world, right, name))
        assert ("door" if isinstance(right, Refusal) else seen) == (
            expected if expected == "door" else sorted(expected)
        ), who
        asked += 1
    for what, expected in case["seen_by"].items():
        assert sorted(n for n, p in people.items() if sees(world, right_of(world, p, now), what)) == expected, what
        asked += 1
    assert asked >= 3
