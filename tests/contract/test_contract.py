"""`/v1` keeps its promise (docs/api-v1.json), and what judges that notices each kind of change that would break it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from search_api.deprecation import SUNSET
from tests.search_api.world import World
from tools.api_contract import SNAPSHOT, breaking, contract_of, rendered

TODAY = date(2027, 6, 1)
SEARCH = "/v1/patients/{patient_id}/search"
LIST = "/v1/patients/{patient_id}/documents"
Contract = dict[str, Any]
Change = Callable[[Contract], Any]


@pytest.fixture(scope="module")
def promised() -> Contract:
    return dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))


def test_nothing_breaks_a_client(world: World, promised: Contract) -> None:
    assert breaking(promised, contract_of(world.app.openapi()), TODAY) == []
    assert len(promised["paths"]) >= 35
    assert len(promised["refusals"]) >= 60


def test_the_promise_is_written_as_it_is_now(world: World) -> None:
    now = rendered(contract_of(world.app.openapi()))
    assert now == SNAPSHOT.read_text(encoding="utf-8"), "something was added to /v1: run `make contract`"


def field(name: str, of: str) -> Callable[[Contract], dict[str, Any]]:
    return lambda contract: contract["schemas"][of]["properties"][name]


def parameter(contract: Contract, name: str) -> dict[str, Any]:
    return next(each for each in contract["paths"][LIST]["get"]["parameters"] if each["name"] == name)


def required(of: str, name: str) -> Change:
    return lambda contract: contract["schemas"][of].setdefault("required", []).append(name)


BREAKING: dict[str, tuple[Change, str]] = {
    "a path is removed": (lambda c: c["paths"].pop(SEARCH), f"POST {SEARCH}: removed"),
    "a method is removed": (lambda c: c["paths"][LIST].pop("get"), f"GET {LIST}: removed"),
    "a field of an answer is removed": (
        lambda c: c["schemas"]["HitView"]["properties"].pop("rank"),
        "answer 200.hits[].rank: removed",
    ),
    "a field of an answer may be missing": (
        lambda c: c["schemas"]["AnswerView"]["required"].remove("coverage"),
        "answer 200.coverage: may be missing",
    ),
    "a field of an answer may be null": (
        lambda c: c["schemas"]["HitView"]["properties"].update(rank={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "answer 200.hits[].rank: integer became integer|null",
    ),
    "a field of an answer changes its type": (
        lambda c: field("rank", "HitView")(c).update(type="string"),
        "answer 200.hits[].rank: integer became string",
    ),
    "a date is no longer one": (
        lambda c: field("received_at", "ReceiptView")(c).pop("format"),
        "answer 200.receipts[].received_at: string date-time became string",
    ),
    "a parameter is required": (
        lambda c: parameter(c, "limit").update(required=True),
        f"GET {LIST}: parameter limit: required",
    ),
    "a new parameter is required": (
        lambda c: c["paths"][LIST]["get"]["parameters"].append(
            {"in": "query", "name": "why", "required": True, "schema": {"type": "string"}}
        ),
        f"GET {LIST}: parameter why: required",
    ),
    "a parameter is removed": (
        lambda c: c["paths"][LIST]["get"]["parameters"].remove(parameter(c, "limit")),
        f"GET {LIST}: parameter limit: removed",
    ),
    "a parameter takes less": (
        lambda c: parameter(c, "limit")["schema"].update(maximum=3),
        "parameter limit: maximum",
    ),
    "a field that is sent is removed": (
        lambda c: c["schemas"]["SearchBody"]["properties"].pop("sort"),
        "body.sort: removed",
    ),
    "a field that is sent is required": (required("SearchBody", "mode"), "body.mode: required"),
    "a word that is sent is no longer taken": (
        lambda c: field("mode", "SearchBody")(c)["enum"].remove("words"),
        "body.mode: no longer takes ['words']",
    ),
    "a field that is sent takes listed words only": (
        lambda c: field("query", "SearchBody")(c).update(enum=["allergie"]),
        "body.query: no longer takes any word",
    ),
    "a field that is sent is shorter": (
        lambda c: field("query", "SearchBody")(c).update(maxLength=10),
        "body.query: maxLength",
    ),
    "a field that is sent has a pattern": (
        lambda c: field("query", "SearchBody")(c).update(pattern="^a"),
        "body.query: pattern",
    ),
    "a success has another status": (
        lambda c: c["paths"][LIST]["post"]["responses"].update(
            {"200": c["paths"][LIST]["post"]["responses"].pop("202")}
        ),
        f"POST {LIST}: answer 202: removed",
    ),
    "an answer has another media type": (
        lambda c: c["paths"][SEARCH]["post"]["responses"]["200"].update(content={"text/csv": {}}),
        f"POST {SEARCH}: answer 200: no application/json",
    ),
    "a refusal has another status": (lambda c: c["refusals"].update({"no-access": 404}), "refusal no-access"),
    "a refusal is gone": (lambda c: c["refusals"].pop("no-access"), "refusal no-access"),
    "a refusal says less": (lambda c: c["schemas"]["Problem"]["properties"].pop("remedy"), "refusal.remedy: removed"),
}


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_a_client_is_noticed(promised: Contract, name: str) -> None:
    change, line = BREAKING[name]
    now = copy.deepcopy(promised)
    change(now)
    found = breaking(promised, now, TODAY)
    assert any(line in each for each in found), found


GROWING: dict[str, Change] = {
    "a path": lambda c: c["paths"].update({"/v1/new": copy.deepcopy(c["paths"][LIST])}),
    "a parameter": lambda c: c["paths"][LIST]["get"]["parameters"].append(
        {"in": "query", "name": "why", "required": False, "schema": {"type": "string"}}
    ),
    "a field of an answer": lambda c: c["schemas"]["HitView"]["properties"].update(why={"type": "string"}),
    "a word of an answer": lambda c: field("mode", "AnswerView")(c)["enum"].append("telepathy"),
    "a field that may be sent": lambda c: c["schemas"]["SearchBody"]["properties"].update(why={"type": "string"}),
    "a word that may be sent": lambda c: field("mode", "SearchBody")(c)["enum"].append("telepathy"),
    "a larger bound": lambda c: parameter(c, "limit")["schema"].update(maximum=10**6),
    "a field that is always there": required("DocumentView", "new"),
    "a refusal": lambda c: c["refusals"].update({"brand-new": 409}),
}


@pytest.mark.parametrize("name", GROWING)
def test_what_grows_breaks_nobody(promised: Contract, name: str) -> None:
    now = copy.deepcopy(promised)
    GROWING[name](now)
    assert now != promised
    assert breaking(promised, now, TODAY) == []


@pytest.mark.parametrize(("sunset", "gone"), [("2027-06-01", True), ("2027-06-02", False)])
def test_what_was_announced_goes_at_its_sunset(promised: Contract, sunset: str, gone: bool) -> None:
    old = copy.deepcopy(promised)
    old["paths"][SEARCH]["post"][SUNSET] = sunset
    field("rank", "HitView")(old)[SUNSET] = sunset
    parameter(old, "limit")["schema"][SUNSET] = sunset
    now = copy.deepcopy(promised)
    del now["paths"][SEARCH], now["schemas"]["HitView"]["properties"]["rank"]
    now["schemas"]["HitView"]["required"].remove("rank")
    now["paths"][LIST]["get"]["parameters"].remove(parameter(now, "limit"))
    assert (breaking(old, now, TODAY) == []) is gone
