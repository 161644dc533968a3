"""Two worlds that differ only outside a caller's Scope answer byte for byte the same, on every channel.

Both start as copies of one home. Then one of them receives what this caller may not know of: documents masked, hidden
from the patient, of types that the matrix keeps from them, of categories not granted, of another patient; grants to
others, blocks of others, accesses by others, stays that name others. Every endpoint is asked in both, errors and
duplicate uploads included. Identifiers that are random by design (a new document's id, a grant's, a cursor's nonce) are
the only thing replaced.

10 pairs in the tests; 2,000 with ANAMNESE_LONG=1, fifty a case. The seed of a pair is in its message,
ANAMNESE_FROM_SEED goes on from one.
"""

from __future__ import annotations

import os
import random
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from records import grants
from tests.proofs.stage import CANARIES, DR1, DR2, NURSE, Stage, announced, build_home, tell
from tests.search_api.conftest import copied
from tests.search_api.world import World

PAIRS = 2_000 if os.environ.get("ANAMNESE_LONG") == "1" else 10
AT_ONCE = 50
FIRST = int(os.environ.get("ANAMNESE_FROM_SEED", "0"))
OTHER = "10000000099"
MISSPELT = ["zulbranet", "mofitruse", "vorlinase"]
WORDS = ["commun", "ici", "mot", "porte", "urgence", "allergie", *CANARIES.values(), *MISSPELT]
LISTS = ("/grants", "/blocks", "/masks", "/oppositions", "/record", "/representatives")
STAYED = ("/episodes", "/fhir/Encounter?patient={patient}", "/fhir/Encounter?patient={patient}&_count=1&_sort=-date")
FACTS = ("/emergency", "/observations", "/observations?analyte=potassium", "/immunizations")
PARTS = ("", "/content", "/pages/1.png", "/pages/9.png")


@pytest.fixture(scope="module")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return build_home(tmp_path_factory.mktemp("first") / "home")


def text_of(chance: random.Random) -> str:
    """Words that the caller's own questions use, so that a leak through weights or spelling would show."""
    return f"Document commun numéro {chance.randrange(10**9)}. " + " ".join(chance.choices(WORDS, k=12)) + "."


def settle(world: World, caller: str) -> None:
    """The same in both: what the caller may see."""
    stage = Stage(world)
    if caller == DR1:
        world.grant("given", "ana", DR1, categories=frozenset({"report", "summary"}))
    elif caller == NURSE:
        world.grant("given", "ana", NURSE, grantee_kind="practitioner")
    elif caller == "kim":
        stage.admin("POST", world.url("ana", "/representatives"), person=world.patients["kim"], kind="guardian")


def trouble(world: World, caller: str, chance: random.Random) -> None:
    """In one of them only: from one to four things outside this caller's Scope."""
    for number in range(chance.randint(1, 4)):
        name = f"hors{number}"
        kind = chance.choice(sorted(OUTSIDE[caller]))
        if kind == "another patient":
            world.deposit(name, "bea", text_of(chance), by="test")
            world.work()
            tell(world, name, *chance.choices(WORDS, k=3))
            announced(world, "bea", name, DR1, DR2, NURSE)
        elif kind == "grant to others":
            world.grant(name, "ana", OTHER)
        elif kind == "block of another":
            with world.services.records.write() as tx:
                grants.block(tx, world.patients["ana"], OTHER, world.clock.now, "test")
        elif kind == "access by another":
            world.http.get(world.url("ana", "/documents"), headers=world.bearer(DR2))
        else:
            _hidden(world, name, kind, chance)


def _hidden(world: World, name: str, kind: str, chance: random.Random) -> None:
    world.deposit(name, "ana", text_of(chance), by="test")
    world.work()
    code = {"not granted": "11502-2", "not in the matrix": "68599-0"}.get(kind, "11488-4")
    world.describe(name, code, date(2025, chance.randint(1, 12), 3), f"Titre {chance.choice(WORDS)}")
    marks: dict[str, Any] = {
        "masked": {"masked": True},
        "hidden": {"hidden_from_patient": True, "hidden_at": world.clock.now},
        "secret": {"hidden_from_representatives": True},
        "archived": {"status": "archived"},
    }.get(kind, {})
    tell(world, name, *chance.choices(WORDS, k=3))
    if marks:
        world.hide(name, **marks)
    world.work()


COMMON = {"another patient"}
OTHERS = {"block of another", "access by another"}
OUTSIDE: dict[str, set[str]] = {
    DR1: COMMON | OTHERS | {"masked", "not granted", "grant to others", "archived"},
    NURSE: COMMON | OTHERS | {"masked", "not in the matrix", "grant to others"},
    "ana": COMMON | {"hidden"},
    "kim": COMMON | OTHERS | {"hidden", "secret", "grant to others"},
    DR2: COMMON | {"masked", "not granted", "not in the matrix", "grant to others", "archived"},
}
"""DR2 is a stranger here."""


def questions(world: World, caller: str, chance: random.Random) -> list[tuple[str, str, dict[str, Any]]]:
    """Every channel, with every document that both worlds know and one that neither does."""
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/documents", {}),
        ("GET", "/documents?limit=1", {}),
        ("GET", "/facts", {}),
        ("GET", "/facts?kind=allergy&assertion=present&limit=2", {}),
        ("GET", "/facts?cursor=zzzz", {}),
        ("GET", "/timeline", {}),
        ("GET", "/timeline?limit=2&since=2025-01-01", {}),
        ("GET", "/documents?state=searchable&cursor=zzzz", {}),
        *(("GET", path, {}) for path in (*LISTS, *FACTS, *STAYED)),
        *(("GET", f"/fhir/Encounter/{{patient}}.{name}", {}) for name in (*Stage(world).stays.values(), "q" * 26)),
        ("POST", "/search", {"json": {"query": ""}}),
        ("POST", "/blocks", {"json": {"practitioner": "x"}}),
        ("DELETE", f"/grants/{'q' * 26}", {}),
        ("DELETE", f"/masks/{'q' * 26}", {}),
        ("POST", "/masks", {"json": {"document_id": "q" * 26}}),
    ]
    asked += [("POST", "/search", {"json": {"query": word, "limit": 3}}) for word in chance.sample(WORDS, 5)]
    documents = [*world.documents.values(), "q" * 26]
    for document in chance.sample(documents, 4):
        asked += [("GET", f"/documents/{document}{rest}", {}) for rest in PARTS]
    if caller != "ana":  # the patient's own journal tells of every access: it differs when accesses do
        asked.append(("GET", "/journal", {}))
    return asked


def uploads(chance: random.Random) -> list[bytes]:
    """What only the other world may hold already, what both hold, and what neither does."""
    own = f"Document commun. Le mot {CANARIES['biologie']} est ici, et biologie le porte."
    return [own.encode(), text_of(chance).encode(), b""]


def answer_of(world: World, caller: str, method: str, path: str, **rest: Any) -> tuple[int, Any, bytes]:
    headers = world.as_patient(caller) if caller in world.patients else world.bearer(caller)
    fhir = path.startswith("/fhir")
    address = path.format(patient=world.patients["ana"]) if fhir else world.url("ana", path)
    answer = world.http.request(method, address, headers=headers, **rest)
    told = sorted((k, v) for k, v in answer.headers.multi_items() if k != "location")
    body = re.sub(rb'"(next|document_id|url|grant_id|relation_id)": ?"[^"]*"', rb'"\1":"-"', answer.content)
    return answer.status_code, told, re.sub(rb"_page=[\w-]*", b"_page=-", body)  # sealed with a number used once


@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(FIRST, PAIRS, AT_ONCE), ids="from-seed-{}".format)
def test_what_lies_outside_the_scope_changes_no_byte(first: int, first_home: Any, tmp_path: Path) -> None:
    callers = sorted(OUTSIDE)
    for seed in range(first, min(first + AT_ONCE, PAIRS)):
        chance = random.Random(seed)
        caller = callers[seed % len(callers)]
        with (
            copied(first_home, tmp_path / f"{seed}a") as plain,
            copied(first_home, tmp_path / f"{seed}b") as troubled,
        ):
            for world in (plain, troubled):
                settle(world, caller)
            twin = text_of(random.Random(-seed))
            trouble(troubled, caller, chance)
            if caller != "ana":  # in every pair: who is named in it is all that keeps it from the others
                announced(troubled, "ana", f"hors {seed}", OTHER, *([DR2] if caller != DR2 else []))
            if caller in (DR1, NURSE):  # a masked twin of what will be deposited
                troubled.deposit("twin", "ana", twin, by="test")
                troubled.work()
                troubled.hide("twin", masked=True)
            asked = questions(plain, caller, chance)
            sent = [*uploads(chance), twin.encode()]
            for method, path, rest in asked:
                one, two = (answer_of(world, caller, method, path, **rest) for world in (plain, troubled))
                assert one == two, f"seed {seed}, caller {caller}: {method} {path} {rest}"
            for data in sent:
                form = {"files": {"file": ("x.txt", data)}}
                one, two = (answer_of(world, caller, "POST", "/documents", **form) for world in (plain, troubled))
                assert one == two, f"seed {seed}, caller {caller}: upload {data[:40]!r}"


def test_the_comparison_can_fail(first_home: Any, tmp_path: Path) -> None:
    """A document inside the Scope does change the answers: what is compared is what is shown."""
    with copied(first_home, tmp_path / "a") as plain, copied(first_home, tmp_path / "b") as other:
        for world in (plain, other):
            settle(world, "ana")
        other.deposit("dedans", "ana", "Document commun de plus.", by="test")
        other.work()
        tell(other, "dedans", "commun")
        announced(other, "ana", "dedans")
        differ = [
            answer_of(plain, "ana", method, path, **rest) != answer_of(other, "ana", method, path, **rest)
            for method, path, rest in (
                ("GET", "/documents", {}),
                ("POST", "/search", {"json": {"query": "commun"}}),
                *(("GET", path, {}) for path in ("/facts", "/timeline", *FACTS, *STAYED)),
            )
        ]
    assert differ == [True] * 11
