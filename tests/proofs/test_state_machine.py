"""Acts in any order, over HTTP, on the real stores; after each, every read channel against the oracle.

2,000 steps on the embedded engine and 200 on OpenSearch; with ANAMNESE_LONG=1, 20,000 and 2,000. Each case is a seed,
named in its id: what failed runs again with `-k seed-7`, and ANAMNESE_FROM_SEED=7 goes on from there.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from index.port import Generations
from tests.access.oracle import EMERGENCY_TRADES, Glass, Kin, Paperwork, answers_the_door, is_traitant, may_see
from tests.access.oracle import TRADES as ORACLE_TRADES
from tests.proofs.stage import CATEGORIES, HOSPITAL, MAJORITY, PAPERS, TEAM, TRADES, Stage, build_home
from tests.search_api.conftest import copied

LONG = os.environ.get("ANAMNESE_LONG") == "1"
STEPS = 50  # of one run; a run starts from a new home
RUNS = {"embedded": 20, "opensearch": 4}  # of one seed
SEEDS = {"embedded": 20 if LONG else 2, "opensearch": 10 if LONG else 1}
MOST_ROUNDS = 5
FIRST = int(os.environ.get("ANAMNESE_FROM_SEED", "0"))

professionals = st.sampled_from(sorted(TRADES))
patients = st.sampled_from(["ana", "bea"])
names = st.sampled_from(sorted(PAPERS))
draws = st.integers(0, 2**32)
GRANT_KINDS = ["consent", "consent", "medecin_traitant", "as_traitant", "care_team"]
holders = st.one_of(
    st.tuples(st.just("practitioner"), professionals),
    st.just(("organization", HOSPITAL)),
    st.just(("team", TEAM)),
)


class Acts(RuleBasedStateMachine):
    """One home and its oracle. `opening` gives a home for each run; `steps` counts over all of them."""

    opening: Any = None
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.held = type(self).opening()
        self.stage = Stage(self.held.__enter__())

    def teardown(self) -> None:
        self.held.__exit__(None, None, None)

    def check(self, patient: str, draw: int) -> None:
        """One caller a step, or two; which channels they try is drawn too. 40 ms of processor, or 130."""
        type(self).steps += 1
        chance = random.Random(draw)
        callers = [chance.choice(["ana", "bea", "kim", *TRADES, *TRADES]), chance.choice(sorted(TRADES))]
        for who in callers[: 2 if LONG else 1]:
            self.stage.compare(patient, who, chance, channels=5 if LONG else 2)

    @rule(
        patient=patients,
        holder=holders,
        kind=st.sampled_from(GRANT_KINDS),
        only=st.none() | st.lists(st.sampled_from(CATEGORIES), max_size=3, unique=True),
        hours=st.sampled_from([None, 1, 48]),
        draw=draws,
    )
    def grant(
        self, patient: str, holder: tuple[str, str], kind: str, only: list[str] | None, hours: int | None, draw: int
    ) -> None:
        stage = self.stage
        until = None if hours is None else stage.now + timedelta(hours=hours)
        body = {"kind": kind, "grantee_kind": holder[0], "grantee": holder[1], "categories": only}
        end = None if until is None else until.isoformat()
        made = stage.ask("POST", patient, "/grants", patient, valid_until=end, **body)
        assert made.status_code == 201
        belief = Paperwork(holder, None if only is None else set(only), stage.now, until, kind=kind)
        stage.beliefs[patient].paperwork.append(belief)
        stage.grants.append((made.json()["grant_id"], patient, belief, stage.world.patients[patient]))
        self.check(patient, draw)

    @precondition(lambda self: self.stage.grants)
    @rule(which=st.integers(0, 99), draw=draws)
    def revoke(self, which: int, draw: int) -> None:
        grant_id, owner, belief, _ = self.stage.grants[which % len(self.stage.grants)]
        answer = self.stage.ask("DELETE", owner, f"/grants/{grant_id}", owner)
        assert answer.status_code == (404 if belief.revoked else 204)
        belief.revoked = True
        self.check(owner, draw)

    @rule(patient=patients, who=professionals, draw=draws)
    def attest(self, patient: str, who: str, draw: int) -> None:
        stage = self.stage
        made = stage.ask("POST", patient, "/grants", who, kind="attested")
        if not ORACLE_TRADES[TRADES[who][0]]:
            assert made.status_code == 403
            return
        belief = Paperwork(("practitioner", who), None, stage.now, stage.now + timedelta(hours=24), kind="attested")
        stage.beliefs[patient].paperwork.append(belief)
        stage.grants.append((made.json()["grant_id"], patient, belief, who))
        self.check(patient, draw)

    @rule(hours=st.sampled_from([1, 25, 24 * 12, 24 * 32]), patient=patients, draw=draws)
    def expire(self, hours: int, patient: str, draw: int) -> None:
        """Grants and emergencies end, hidden documents show, a minor comes of age."""
        self.stage.tick(hours)
        self.check(patient, draw)

    @rule(patient=patients, who=professionals, lift=st.booleans(), draw=draws)
    def block(self, patient: str, who: str, lift: bool, draw: int) -> None:
        stage = self.stage
        if lift:
            blocked = who in stage.belief(patient).blocked
            answer = stage.ask("DELETE", patient, f"/blocks/{who}", patient)
            assert answer.status_code == (204 if blocked else 404)
            for each in stage.identities(patient):
                stage.beliefs[each].blocked.discard(who)
        else:
            assert stage.ask("POST", patient, "/blocks", patient, practitioner=who).status_code == 204
            stage.beliefs[patient].blocked.add(who)
        self.check(patient, draw)

    @rule(patient=patients, kind=st.sampled_from(["break_glass", "centre_15", "heirs"]), lift=st.booleans(), draw=draws)
    def oppose(self, patient: str, kind: str, lift: bool, draw: int) -> None:
        stage = self.stage
        if lift:
            opposed = kind in stage.belief(patient).opposed
            answer = stage.ask("DELETE", patient, f"/oppositions/{kind}", patient)
            assert answer.status_code == (204 if opposed else 404)
            for each in stage.identities(patient):
                stage.beliefs[each].opposed.discard(kind)
        else:
            assert stage.ask("POST", patient, "/oppositions", patient, kind=kind).status_code == 204
            stage.beliefs[patient].opposed.add(kind)
        self.check(patient, draw)

    @rule(patient=patients, close=st.sampled_from([True, False, False]), draw=draws)
    def close(self, patient: str, close: bool, draw: int) -> None:
        answer = self.stage.ask("POST" if close else "DELETE", patient, "/closure", patient)
        assert answer.status_code == 204
        for each in self.stage.identities(patient):
            self.stage.beliefs[each].closed = close
        self.check(patient, draw)

    @rule(name=names, undo=st.booleans(), draw=draws)
    def mask(self, name: str, undo: bool, draw: int) -> None:
        stage, owner, paper = self.stage, PAPERS[name][0], self.stage.paper(name)
        document = stage.world.documents[name]
        person = stage.person(owner)
        seen = may_see(stage.belief(owner), person, name, stage.now)
        if undo:
            answer = stage.ask("DELETE", owner, f"/masks/{document}", owner)
            assert answer.status_code == (204 if seen else 404)
        else:
            answer = stage.ask("POST", owner, "/masks", owner, document_id=document)
            assert answer.status_code == (204 if seen else 404)
        if seen:
            paper.masked = not undo
        self.check(owner, draw)

    @rule(name=names, who=professionals, undo=st.booleans(), draw=draws)
    def hide(self, name: str, who: str, undo: bool, draw: int) -> None:
        """From the patient, by a professional; or announce."""
        stage, owner, paper = self.stage, PAPERS[name][0], self.stage.paper(name)
        document, person, world = stage.world.documents[name], stage.person(who), stage.belief(owner)
        if undo:
            answer = stage.ask("DELETE", owner, f"/masks/{document}?hidden_from=patient", who)
        else:
            answer = stage.ask("POST", owner, "/masks", who, document_id=document, hidden_from="patient")
        if answers_the_door(world, person, stage.now) or not ORACLE_TRADES[person.trade]:
            assert answer.status_code == 403
        elif not may_see(world, person, name, stage.now):
            assert answer.status_code in (403, 404)
        elif answer.status_code == 204:  # by who cares for the patient, and only there
            assert undo or is_traitant(world, person, stage.now) or paper.author == who
            assert undo or not paper.masked
            paper.hidden = None if undo else stage.now
        else:
            assert answer.json()["code"] in ("act-not-allowed", "masked-and-hidden")
        self.check(owner, draw)

    @rule(name=names, undo=st.booleans(), draw=draws)
    def keep_secret(self, name: str, undo: bool, draw: int) -> None:
        """From representatives, by the patient; or open, for ever."""
        stage, owner, paper = self.stage, PAPERS[name][0], self.stage.paper(name)
        document = stage.world.documents[name]
        seen = may_see(stage.belief(owner), stage.person(owner), name, stage.now)
        if undo:
            answer = stage.ask("DELETE", owner, f"/masks/{document}?hidden_from=representatives", owner)
            assert answer.status_code == (204 if seen else 404)
            if seen:
                paper.secret = False
                stage.opened_for_ever.add(name)
        else:
            answer = stage.ask("POST", owner, "/masks", owner, document_id=document, hidden_from="representatives")
            refused = 409 if name in stage.opened_for_ever else 204
            assert answer.status_code == (refused if seen else 404)
            paper.secret = paper.secret or (seen and refused == 204)
        self.check(owner, draw)

    @rule(patient=patients, who=professionals, draw=draws)
    def break_glass(self, patient: str, who: str, draw: int) -> None:
        stage, world = self.stage, self.stage.belief(patient)
        answer = stage.ask("POST", patient, "/break-glass", who, reason="unconscious")
        stopped = world.closed or who in world.blocked or "break_glass" in world.opposed
        opens = TRADES[who][0] in EMERGENCY_TRADES and not stopped
        assert answer.status_code == (201 if opens else 403)
        if opens:
            glass, now, hour = stage.beliefs[patient].glass, stage.now, timedelta(hours=1)
            mine = [g for g in glass if g.person == who and now < g.end and now < g.start + 6 * hour]
            if mine:
                mine[0].end = min(now + hour, mine[0].start + 6 * hour)
            else:
                glass.append(Glass(who, now, now + hour))
        self.check(patient, draw)

    @rule(
        patient=patients,
        kind=st.sampled_from(["legal_representative", "guardian", "curator"]),
        consented=st.booleans(),
        draw=draws,
    )
    def represent(self, patient: str, kind: str, consented: bool, draw: int) -> None:
        stage, kim = self.stage, self.stage.world.patients["kim"]
        url = stage.world.url(patient, "/representatives")
        made = stage.admin("POST", url, person=kim, kind=kind)
        minor = stage.now < MAJORITY
        assert made.status_code == (201 if minor or kind != "legal_representative" else 409)
        if made.status_code == 201:
            end = MAJORITY if kind == "legal_representative" else None
            belief = Kin(kim, kind, stage.now, end)
            if kind == "curator" and consented:
                answer = stage.ask("PUT", patient, f"/representatives/{made.json()['id']}", patient, consented=True)
                assert answer.status_code == 204
                belief.consented = True
            stage.beliefs[patient].kin.append(belief)
            stage.kin.append((made.json()["id"], patient, belief))
        self.check(patient, draw)

    @rule(
        patient=patients,
        approved=st.booleans(),
        only=st.lists(st.sampled_from(CATEGORIES), max_size=3, unique=True),
        draw=draws,
    )
    def inherit(self, patient: str, approved: bool, only: list[str], draw: int) -> None:
        stage = self.stage
        made = stage.ask("POST", patient, "/succession-requests", "kim", kind="heir", purpose="memory")
        assert made.status_code == 202
        until = stage.now + timedelta(days=2)
        review = {"approved": approved, "categories": only, "valid_until": until.isoformat()}
        assert stage.admin("POST", f"/v1/reviews/succession/{made.json()['id']}", **review).status_code == 204
        kim = stage.world.patients["kim"]
        belief = Kin(kim, "heir", stage.now, until, approved=approved, purpose="memory", only=set(only))
        stage.beliefs[patient].kin.append(belief)
        stage.kin.append((made.json()["id"], patient, belief))
        self.check(patient, draw)

    @precondition(lambda self: self.stage.kin)
    @rule(which=st.integers(0, 99), draw=draws)
    def end_kin(self, which: int, draw: int) -> None:
        relation_id, owner, belief = self.stage.kin[which % len(self.stage.kin)]
        answer = self.stage.admin("DELETE", self.stage.world.url(owner, f"/representatives/{relation_id}"))
        assert answer.status_code == (404 if belief.ended else 204)
        belief.ended = True
        self.check(owner, draw)

    @rule(name=names, status=st.sampled_from(["approved", "approved", "archived", "deprecated"]), draw=draws)
    def archive(self, name: str, status: Any, draw: int) -> None:
        self.stage.world.hide(name, status=status)
        self.stage.paper(name).status = status
        self.check(PAPERS[name][0], draw)

    @precondition(lambda self: not self.stage.merged)
    @rule(draw=draws, patient=patients)
    def merge(self, draw: int, patient: str) -> None:
        self.stage.merge()
        self.check(patient, draw)

    @precondition(lambda self: len(self.stage.quarantined) < 3)
    @rule(name=names, draw=draws)
    def delete(self, name: str, draw: int) -> None:
        if name not in self.stage.quarantined:
            self.stage.remove(name)
        self.check(PAPERS[name][0], draw)

    @rule(patient=patients, draw=draws)
    def reindex(self, patient: str, draw: int) -> None:
        self.stage.world.bench.projector.reindex(self.stage.now)
        self.check(patient, draw)


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_home(tmp_path_factory.mktemp("first") / "home")


def _cases() -> list[Any]:
    return [
        pytest.param(
            engine, number, id=f"{engine}-seed-{number}", marks=[pytest.mark.services] * (engine != "embedded")
        )
        for engine, count in SEEDS.items()
        for number in range(FIRST, count)
    ]


@pytest.mark.timeout(0)
@pytest.mark.parametrize(("engine", "number"), _cases())
def test_no_channel_ever_disagrees_with_the_oracle(
    engine: str, number: int, first_home: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("opensearch_url") if engine == "opensearch" else ""

    @contextmanager
    def opening() -> Iterator[Any]:
        folder = tmp_path / uuid.uuid4().hex
        with _engine(url) as generations, copied(first_home, folder, generations) as world:
            if url:
                world.bench.projector.reindex(world.clock.now)
            yield world
        shutil.rmtree(folder)

    machine = type("Case", (Acts,), {"opening": staticmethod(opening), "steps": 0})
    wanted = RUNS[engine] * STEPS
    for more in range(MOST_ROUNDS):  # runs may end early, and a step that refuses its caller compares nothing
        if machine.steps >= wanted * 0.9:
            break
        run = settings(
            max_examples=math.ceil((wanted - machine.steps) / STEPS),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # making a failure smaller takes minutes of HTTP; its seed finds it again
        )
        run_state_machine_as_test(seed(number + 1_000 * more)(machine), settings=run)
    assert machine.steps >= wanted * 0.9


@contextmanager
def _engine(url: str) -> Iterator[Generations | None]:
    if not url:
        yield None
        return
    from index.opensearch import OpenSearchGenerations

    cluster = OpenSearchGenerations(url, namespace=f"t{uuid.uuid4().hex[:12]}")
    try:
        yield cluster
    finally:
        cluster.destroy()
