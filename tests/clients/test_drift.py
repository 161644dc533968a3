"""The Python client and the service's own description say the same: what moves on one side alone fails here."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from anamnese_client import Record, answers, bulks, client, records
from anamnese_client.model import Model
from tests.search_api.world import World

COMPONENTS = {
    "Answer": "AnswerView",
    "Bulk": "BulkView",
    "CardLine": "LineView",
    "CardSection": "SectionView",
    "Coverage": "CoverageView",
    "Document": "DocumentCard",
    "DocumentInfo": "DocumentView",
    "EmergencyAccess": "EmergencyView",
    "EmergencyCard": "CardView",
    "Grant": "GrantView",
    "Hit": "HitView",
    "Identity": "IdentityView",
    "Me": "CallerView",
    "Passage": "PassageView",
    "Point": "PointView",
    "Read": "ReadView",
    "ReadingRefusal": "RefusalView",
    "Receipt": "ReceiptView",
    "Series": "SeriesView",
    "Signature": "SignatureView",
    "Source": "search_api__card_views__SourceView",
    "Values": "ValuesView",
}
"""Classes of the client that are called otherwise there; every other one has its own name."""


def models() -> dict[str, type[Model]]:
    found = {
        name: each
        for module in (answers, records, bulks)
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, Model) and each is not Model
    }
    assert len(found) >= 30
    return found


@pytest.fixture(scope="module")
def described(world: World) -> dict[str, Any]:
    return world.app.openapi()


def shape(schema: dict[str, Any], names: dict[str, str], words: frozenset[str]) -> Any:
    """What a value may be, without titles, bounds and lists of words; `names` gives a class its name there."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return "string" if name in words else names.get(name, name)
    if "anyOf" in schema:
        return frozenset(repr(shape(each, names, words)) for each in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        parts = schema.get("prefixItems")
        return (
            [shape(each, names, words) for each in parts] if parts else ("each", shape(schema["items"], names, words))
        )
    return (kind, schema["format"]) if schema.get("format") in ("date", "date-time") else kind


@pytest.mark.parametrize("name", sorted(models()))
def test_a_class_has_the_fields_of_its_component(described: dict[str, Any], name: str) -> None:
    components = described["components"]["schemas"]
    words = frozenset(each for each, schema in components.items() if "enum" in schema)
    theirs, ours = components[COMPONENTS.get(name, name)], models()[name].model_json_schema(mode="serialization")
    there = {field: shape(each, {}, words) for field, each in theirs["properties"].items()}
    here = {field: shape(each, COMPONENTS, frozenset()) for field, each in ours["properties"].items()}
    assert here == there
    optional = set(there) - set(theirs.get("required", ()))
    assert {field for field, each in models()[name].model_fields.items() if not each.is_required()} == optional


def asked() -> set[tuple[str, str]]:
    """(method, address) of every call in the client's source, with {} for what is filled in."""
    sources = inspect.getsource(client) + inspect.getsource(bulks)
    plain = re.sub(r"\{quote\([^{}]*\)\}", "{}", sources.replace("{self._at}", "/v1/patients/{}"))
    called = re.findall(r'ask\(\s*"([A-Z]+)", f?"([^"]+)"', plain)
    got = [("GET", f"/v1/patients/{{}}{path}") for path in re.findall(r'_get\(f?"([^"]+)"', plain)]
    assert len(called) + len(got) >= 14
    return {*called, *got}


def test_every_address_is_the_services_own(described: dict[str, Any]) -> None:
    offered = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert asked() <= offered
    assert {each for each in offered if each[1].startswith("/v1/bulks")} <= asked()


@pytest.mark.parametrize(
    ("component", "method", "besides"),
    [
        ("SearchBody", Record.search, {"all_states"}),
        ("GrantBody", Record.grant, set()),
        ("BreakGlassBody", Record.break_glass, set()),
        ("LookupBody", client.Client.patient, {"patient_id", "-oid"}),
        ("LaunchBody", client.Client.launch_link, {"-oid"}),
    ],
)
def test_what_is_sent_is_what_is_taken(
    described: dict[str, Any], component: str, method: Any, besides: set[str]
) -> None:
    """`besides`: what a method takes more, or ("-") leaves out."""
    fields = set(described["components"]["schemas"][component]["properties"])
    taken = set(inspect.signature(method).parameters) - {"self"}
    more = {each for each in besides if not each.startswith("-")}
    assert taken - more == fields - {each[1:] for each in besides}


def test_the_readme_shows_what_is_there() -> None:
    readme = (Path(client.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    compile(code, "README.md", "exec")
    for name in re.findall(r"record\.(\w+)\(", code):
        assert hasattr(Record, name)
