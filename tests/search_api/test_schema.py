"""The OpenAPI document is true with the token of every role: what schemathesis makes of it never breaks the service,
never surprises its readers, and no answer holds a word of a document that lies outside the caller's Scope.

With ANAMNESE_LONG=1 besides, each role alone for ANAMNESE_SCHEMA_MINUTES (30 by default), from a new home every few
hundred requests; a failure names its seed, and ANAMNESE_FROM_SEED begins there.
"""

from __future__ import annotations

import io
import os
import random
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from access.facts import OppositionKind
from access.scope import CallerKind
from records import grants, will
from tests.proofs.stage import AIDE, CANARIES, DR1, DR2, NURSE, OCCUPATIONAL, PAPERS, Stage, build_home, tell
from tests.search_api.conftest import copied
from tests.search_api.world import World

CHECKS = [checks.not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = 8
OPERATIONS = 69
LONG = os.environ.get("ANAMNESE_LONG") == "1"
MINUTES = float(os.environ.get("ANAMNESE_SCHEMA_MINUTES", "30"))
FIRST = int(os.environ.get("ANAMNESE_FROM_SEED", "0"))

MORE = {"masked": "jorvetal", "unannounced": "belquador", "secret": "trimasole"}
WORDS = CANARIES | MORE
OF_BEA = {name for name, (owner, *_) in PAPERS.items() if owner == "bea"}  # her door is shut, and stays so


@dataclass(frozen=True, slots=True)
class Role:
    """A token, and the documents that no act of its bearer can open to them."""

    name: str
    claims: dict[str, Any]
    never: frozenset[str]

    def headers(self, world: World) -> dict[str, str]:
        claims = {k: world.patients[v] if k == "patient_id" else v for k, v in self.claims.items()}
        return world.bearer(**claims)


ROLES = (
    *(Role(who, {"rpps": who}, frozenset({"masked"} | OF_BEA)) for who in (DR1, DR2, NURSE, OCCUPATIONAL, AIDE)),
    Role("patient", {"patient_id": "ana"}, frozenset({"unannounced"} | OF_BEA)),
    Role("guardian", {"patient_id": "kim"}, frozenset({"unannounced", "secret"} | OF_BEA)),
    Role("system", {"system": "dpi"}, frozenset(WORDS)),
    Role("system for a doctor", {"system": "dpi", "rpps": DR1}, frozenset({"masked"} | OF_BEA)),
    Role("identity vigilance", {"identity_vigilance": "c"}, frozenset(WORDS)),
    Role("auditor", {"role": CallerKind.AUDITOR}, frozenset(WORDS)),
    Role("administrator", {"role": CallerKind.ADMINISTRATOR}, frozenset(WORDS)),
)


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Ana, who grants to two and has a guardian; documents masked, unannounced and secret; Bea, who let nobody in."""
    folder = tmp_path_factory.mktemp("first")
    closed = build_home(folder / "before")
    with copied(closed, folder / "home") as world:
        for name, canary in MORE.items():
            world.deposit(name, "ana", f"Document commun. Le mot {canary} est ici.")
        world.work()
        for name, canary in MORE.items():
            world.describe(name, "11488-4", date(2025, 2, 1), name)
            tell(world, name, canary, "commun")
        world.work()
        world.hide("masked", masked=True)
        world.hide("unannounced", hidden_from_patient=True)
        world.hide("secret", hidden_from_representatives=True)
        world.grant("limited", "ana", DR1, categories=frozenset({"report", "summary"}))
        world.grant("whole", "ana", NURSE)
        made = Stage(world).admin(
            "POST", world.url("ana", "/representatives"), person=world.patients["kim"], kind="guardian"
        )
        assert made.status_code == 201
        with world.services.records.write() as tx:
            for who in (DR1, DR2, NURSE, OCCUPATIONAL, AIDE):
                grants.block(tx, world.patients["bea"], who, world.clock.now, "test")
            will.oppose(tx, world.patients["bea"], OppositionKind.BREAK_GLASS, world.clock.now, "test")
    return world


@pytest.fixture(scope="module")
def world(first_home: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with copied(first_home, tmp_path_factory.mktemp("home") / "home") as world:
        yield world


def operations(world: World) -> dict[str, Any]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", world.app, timeout=120)
    return {operation.ok().label: operation.ok() for operation in schema.get_all_operations()}


def test_every_operation_is_tried(world: World) -> None:
    assert len(operations(world)) == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("number", range(OPERATIONS))
def test_the_service_keeps_its_word(world: World, number: int, mode: GenerationMode) -> None:
    """Roles by turns. What one opens another sees: only Bea's documents, and who reads none, are held to silence."""
    turn = number
    operation = list(operations(world).values())[number]
    if mode is GenerationMode.NEGATIVE and not (operation.path_parameters or operation.query or operation.body):
        return  # nothing can be sent wrong

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(generation_mode=mode))
    def keeps(case: schemathesis.Case) -> None:
        nonlocal turn
        turn += 1
        role = ROLES[turn % len(ROLES)]
        ask(world, case, role, frozenset(WORDS) if len(role.never) == len(WORDS) else frozenset(OF_BEA), turn)

    keeps()
    assert turn > number


def ask(world: World, case: schemathesis.Case, role: Role, never: frozenset[str], turn: int) -> None:
    """Send it with this role's token, about what is there half of the time, and look for the words of `never`."""
    chance = random.Random(turn)
    if turn % 2:
        known = {
            "patient_id": world.patients[chance.choice(["ana", "ana", "bea"])],
            "document_id": world.documents[chance.choice(sorted(WORDS))],
            "number": 1,
            "grant_id": world.grants[chance.choice(sorted(world.grants))],
            "practitioner": chance.choice([DR1, NURSE]),
        }
        case.path_parameters.update({k: v for k, v in known.items() if k in case.path_parameters})
    if turn % 4 < 3 and isinstance(case.body, dict) and "query" in case.body:
        word = WORDS[chance.choice(sorted(WORDS))]
        case.body["query"] = chance.choice(["commun", "mot ici", f"{word[:4]}x{word[5:]}"])  # echoed, and no canary
    answer = case.call_and_validate(headers=role.headers(world), checks=CHECKS, timeout=120)
    told = "".join(texts_of(answer.content)).lower()
    leaked = [name for name in sorted(never) if WORDS[name] in told]
    assert not leaked, (role.name, leaked, case.method, case.formatted_path, answer.status_code)


def texts_of(content: bytes) -> Iterator[str]:
    """The answer as text, and what is in it when it is an archive."""
    yield content.decode("utf-8", "replace")
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from texts_of(archive.read(name))


def test_a_word_that_leaks_is_found(world: World) -> None:
    """What the guard looks for is there to be found: the patient's own search shows what she may see."""
    operation = operations(world)["POST /v1/patients/{patient_id}/search"]
    case = operation.Case(
        path_parameters={"patient_id": world.patients["ana"]}, body={"query": "commun"}, media_type="application/json"
    )
    patient = next(role for role in ROLES if role.name == "patient")
    ask(world, case, patient, patient.never, 3)
    with pytest.raises(AssertionError, match="consultation"):
        ask(world, case, patient, frozenset({"consultation"}), 3)


@pytest.mark.skipif(not LONG, reason="half an hour for each role: ANAMNESE_LONG=1")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name.replace(" ", "-"))
def test_no_role_ever_meets_what_is_not_for_it(first_home: World, tmp_path: Path, role: Role) -> None:
    until, asked, chapter = time.monotonic() + 60 * MINUTES, 0, FIRST
    while time.monotonic() < until:
        with copied(first_home, tmp_path / str(chapter)) as world:
            chance = random.Random(chapter)
            todo = [(one, mode) for one in operations(world).values() for mode in GenerationMode]
            chance.shuffle(todo)
            for operation, mode in todo:
                if time.monotonic() >= until:
                    break
                if mode is GenerationMode.POSITIVE or operation.path_parameters or operation.query or operation.body:
                    asked += _fuzzed(world, operation, mode, role, chapter)
        chapter += 1
    print(f"{role.name}: {asked} requests, seeds {FIRST} to {chapter - 1}")
    assert asked > 0


def _fuzzed(world: World, operation: Any, mode: GenerationMode, role: Role, chapter: int) -> int:
    turn = chapter * 1_000

    @seed(chapter)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=False,
        phases=[Phase.generate],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def keeps(case: schemathesis.Case) -> None:
        nonlocal turn
        turn += 1
        ask(world, case, role, role.never, turn)

    try:
        keeps()
    except Exception as error:
        error.add_note(f"role {role.name}, seed {chapter}, {operation.label}, {mode}")
        raise
    return turn - chapter * 1_000
