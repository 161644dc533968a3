"""The elements of FHIR R4's types, in order: what JSON ↔ XML and the check of what is sent need to know.

    elements.txt    "Coding id=string extension*=Extension system=uri …": "*" repeats, then the element's type

A value is plain JSON as R4 says it: `{"resourceType": "Patient", …}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Resource = dict[str, Any]
NUMBERS = frozenset({"integer", "unsignedInt", "positiveInt", "decimal"})


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. `primitive`: its type is one, written in lower case as FHIR does."""

    name: str
    many: bool
    of: str

    @property
    def primitive(self) -> bool:
        return self.of[0].islower()


@cache
def _table() -> dict[str, dict[str, Element]]:
    found: dict[str, dict[str, Element]] = {}
    for line in (files("search_api.fhir") / "elements.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        kind, *listed = line.split()
        pairs = (one.split("=") for one in listed)
        elements = [Element(name.removesuffix("*"), name.endswith("*"), of) for name, of in pairs]
        found[kind] = {one.name: one for one in elements}
    return found


def elements_of(kind: str) -> dict[str, Element]:
    """The elements of a type by name, in order; empty for a type that is not known here."""
    return _table().get(kind, {})


def is_resource(kind: object) -> bool:
    """Whether it is a resource type known here."""
    return isinstance(kind, str) and {"meta", "implicitRules"} <= elements_of(kind).keys()
