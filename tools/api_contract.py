"""The promise of `/v1`: what of the OpenAPI description clients rely on, and what change to it would break them.

    python -m tools.api_contract            what changed against docs/api-v1.json; exit 1 when it breaks a client
    python -m tools.api_contract --write    write it anew (`make contract`); refused when that would break a client

Titles, descriptions and names of components are no promise. docs/api-policy.md says in words what `breaking` decides:
what is sent must still be taken, what is answered must still be understood, codes of refusals keep their status. What
was announced to end (search_api/deprecation.py) may go from its sunset on.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from search_api.deprecation import SUNSET
from search_api.problems import STATUS

SNAPSHOT = Path(__file__).resolve().parents[1] / "docs" / "api-v1.json"
_PROSE = frozenset({"title", "description", "summary", "examples", "example", "tags", "operationId"})
Way = Literal["sent", "answered"]
Schema = dict[str, Any]


def contract_of(description: Schema) -> Schema:
    """What is promised of an OpenAPI description: `/v1`, its schemas, and the codes of refusals."""
    paths = _without_prose({path: each for path, each in description["paths"].items() if path.startswith("/v1/")})
    for operation in (each for methods in paths.values() for each in methods.values()):
        answers = operation["responses"]  # a refusal is a Problem whatever its status
        operation["responses"] = {each: answers[each] for each in answers if each < "300"}
    problem = {"$ref": "#/components/schemas/Problem"}
    kept = {"paths": paths, "refusals": dict(sorted(STATUS.items())), "refusal": problem}
    schemas, wanted = description["components"]["schemas"], _named(kept)
    while missing := wanted - set(kept.get("schemas", {})):
        kept.setdefault("schemas", {}).update({name: _without_prose(schemas[name]) for name in sorted(missing)})
        wanted = _named(kept)
    return kept


def breaking(old: Schema, new: Schema, today: date) -> list[str]:
    """One line for each change from `old` to `new` that breaks a client of `old`; none where it was announced."""
    pair, kept = _Pair(old, new, today), new["refusals"]
    found = [f"refusal {code}: no longer {told}" for code, told in old["refusals"].items() if kept.get(code) != told]
    found += pair.schema("refusal", old["refusal"], new["refusal"], "answered")
    for path, methods in old["paths"].items():
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                found += [] if _over(operation, today) else [f"{where}: removed"]
            else:
                found += [f"{where}: {line}" for line in pair.operation(operation, now)]
    return found


class _Pair:
    """Two contracts compared; a pair of schemas is looked at once, so that recursion ends."""

    def __init__(self, old: Schema, new: Schema, today: date) -> None:
        self._old, self._new, self._today = old.get("schemas", {}), new.get("schemas", {}), today
        self._seen: set[tuple[str, str, str]] = set()

    def operation(self, old: Schema, new: Schema) -> Iterator[str]:
        yield from self._parameters(old.get("parameters", []), new.get("parameters", []))
        before, after = old.get("requestBody", {}), new.get("requestBody", {})
        if after.get("required") and not before.get("required"):
            yield "a body is required"
        yield from self._contents("body", before.get("content", {}), after.get("content", {}), "sent")
        for status, answer in old["responses"].items():
            now = new["responses"].get(status)
            if now is None:
                yield f"answer {status}: removed"
            else:
                yield from self._contents(
                    f"answer {status}", answer.get("content", {}), now.get("content", {}), "answered"
                )
        yield from (f"answer {each}: new" for each in new["responses"] if each < "300" and each not in old["responses"])

    def _parameters(self, old: list[Schema], new: list[Schema]) -> Iterator[str]:
        before, after = ({(each["in"], each["name"]): each for each in those} for those in (old, new))
        for key, each in before.items():
            if key not in after:
                yield from [] if _over(each.get("schema", {}), self._today) else [f"parameter {key[1]}: removed"]
            else:
                yield from self.schema(f"parameter {key[1]}", each["schema"], after[key]["schema"], "sent")
        for key, each in after.items():
            if each.get("required") and not before.get(key, {}).get("required"):
                yield f"parameter {key[1]}: required"

    def _contents(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        for media, each in old.items():
            if media not in new:
                yield f"{where}: no {media}"
            elif each.get("schema") and new[media].get("schema"):
                yield from self.schema(where, each["schema"], new[media]["schema"], way)

    def schema(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        names = (old.get("$ref", ""), new.get("$ref", ""), way)
        if names[0] and names[1]:
            if names in self._seen:
                return
            self._seen.add(names)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        before, after = _kinds(old, self._old), _kinds(new, self._new)
        wide, narrow = (after, before) if way == "sent" else (before, after)
        if wide and not (narrow and narrow <= wide):
            yield f"{where}: {'|'.join(sorted(before))} became {'|'.join(sorted(after))}"
        yield from _bounds(where, old, new, way)
        yield from self._fields(where, old, new, way)
        if "items" in old and "items" in new:
            yield from self.schema(f"{where}[]", old["items"], new["items"], way)
        for one, other in _branches(old, new, self._old, self._new):
            yield from self.schema(where, one, other, way)

    def _fields(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, each in before.items():
            if name not in after:
                yield from [] if _over(each, self._today) else [f"{where}.{name}: removed"]
            else:
                yield from self.schema(f"{where}.{name}", each, after[name], way)
        required = set(old.get("required", ())), set(new.get("required", ()))
        lost = required[1] - required[0] if way == "sent" else (required[0] - required[1]) & set(after)
        yield from (f"{where}.{name}: {'required' if way == 'sent' else 'may be missing'}" for name in sorted(lost))


def _bounds(where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
    """What is sent: no word fewer, no bound closer. What is answered may have new words: lists are open."""
    if way == "answered":
        return
    before, after = _words(old), _words(new)
    if after is not None and (before is None or not before <= after):
        yield f"{where}: no longer takes {sorted(before - after) if before else 'any word'}"
    for name, closer in (("maximum", -1), ("maxLength", -1), ("maxItems", -1), ("minimum", 1), ("minLength", 1)):
        if name in new and (name not in old or (new[name] - old[name]) * closer > 0):
            yield f"{where}: {name} {old.get(name)} became {new[name]}"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{where}: pattern"


def _words(schema: Schema) -> set[str] | None:
    """The words of a closed list; None for an open one."""
    listed = schema.get("enum", [schema["const"]] if "const" in schema else None)
    return None if listed is None else set(map(str, listed))


def _kinds(schema: Schema, schemas: Schema) -> set[str]:
    """The JSON types that a value may have, with formats; none for anything."""
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _kinds(_resolved(each, schemas), schemas)}
    kind = schema.get("type")
    if kind == "number":
        return {"number", "integer"}
    return {f"{kind} {schema['format']}" if "format" in schema else str(kind)} if kind else set()


def _branches(old: Schema, new: Schema, olds: Schema, news: Schema) -> Iterator[tuple[Schema, Schema]]:
    """The alternatives of the two that are of one type."""
    for one in old.get("anyOf", ()):
        for other in new.get("anyOf", [new]):
            if _kinds(_resolved(one, olds), olds) & _kinds(_resolved(other, news), news):
                yield one, other


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema


def _over(schema: Schema, today: date) -> bool:
    """Whether its announced end has come."""
    return SUNSET in schema and date.fromisoformat(schema[SUNSET]) <= today


def _without_prose(value: Any, *, names: bool = False) -> Any:
    """Without what is no promise. `names`: the keys are names of fields, not words of JSON Schema."""
    if isinstance(value, list):
        return [_without_prose(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_prose(each, names=key == "properties" and not names)
        for key, each in value.items()
        if names or key not in _PROSE
    }


def _named(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_named, value.values()))
    return set().union(*map(_named, value)) if isinstance(value, list) else set()


def current() -> Schema:
    """The contract of this code, from the application over an empty home."""
    from cli.compose import open_home
    from cli.settings import load_settings
    from search_api.app import create_app

    with TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home", profile="single", embedder="none")
        with open_home(settings) as home:
            return contract_of(create_app(home.services).openapi())


def rendered(contract: Schema) -> str:
    """As it stands in SNAPSHOT."""
    return json.dumps(contract, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(arguments: list[str]) -> int:
    """See above."""
    now = current()
    if SNAPSHOT.exists():
        lines = breaking(json.loads(SNAPSHOT.read_text(encoding="utf-8")), now, datetime.now(UTC).date())
        print("\n".join(lines), end="\n" if lines else "")
        if lines:
            return 1
    if "--write" in arguments:
        SNAPSHOT.write_text(rendered(now), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
