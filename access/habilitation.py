"""The matrix of authorisations (matrice d'habilitation): which profession and specialty may see which document type.

It only narrows what a patient granted. The data are `access/matrix/*.yaml`, one file a version, in French terms, with
the source of each rule; `records.policy` reads the file, `parse_matrix` understands it. Default deny:

    a profession, or a specialty of a profession with specialties, that is not listed    sees nothing
    one listed under `never` (L1111-18: occupational physicians, insurers, employers)    sees nothing, whatever else
    a type that is not listed                                                            is seen by nobody
    a document without any type                                                          could be of every type: it is
                                                                                         seen by who sees them all
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from access.document_types import EQUIVALENT, TYPES

UNTYPED = ""
"""The type of a document that does not say what it is."""


@dataclass(frozen=True, slots=True)
class Role:
    """A row of the matrix. `types` are codes; `breaks_glass` and `regulates` say which doors of urgency it may use."""

    name: str
    types: frozenset[str]
    breaks_glass: bool = False
    regulates: bool = False

    def sees(self, type_code: str, *, unlisted: bool = False) -> bool:
        """Whether this role may see a type; `unlisted` is the setting for codes that no matrix knows."""
        code = EQUIVALENT.get(type_code, type_code)
        if code in TYPES:
            return code in self.types
        sees_all = self.types >= TYPES.keys()
        return sees_all and (code == UNTYPED or unlisted)


NOBODY = Role("", frozenset())
"""The role of whoever the matrix does not know."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """One version of the matrix. `rows` maps a normalised (profession, specialty) to its role; ("x", "") is every
    specialty of a profession whose specialties do not matter."""

    version: str
    rows: Mapping[tuple[str, str], Role] = field(default_factory=dict, repr=False)
    never: frozenset[str] = frozenset()

    def role_of(self, profession: str, specialty: str) -> Role:
        """The row of a profession and specialty, as a directory or a card states them (code or French words)."""
        asked = (_plain(profession), _plain(specialty))
        if not asked[0] or any(word in self.never for word in asked):
            return NOBODY
        return self.rows.get(asked) or self.rows.get((asked[0], "")) or NOBODY

    @property
    def roles(self) -> frozenset[str]:
        """Names of the rows."""
        return frozenset(role.name for role in self.rows.values())


def parse_matrix(data: Any) -> Matrix:
    """The matrix in a file's data. ValueError names what is wrong: a matrix in doubt must not start the service."""
    labels = {label: code for code, (label, _) in TYPES.items()}
    sources = set(data["sources"])
    rows: dict[tuple[str, str], Role] = {}
    for name, row in data["roles"].items():
        role = Role(name, _types(name, row, labels, sources), bool(row.get("urgence")), bool(row.get("regulation")))
        named = [(profession, "") for profession in (name,)]
        specialties = row.get("specialites") or [""]
        named += [(profession, specialty) for profession in row["professions"] for specialty in specialties]
        for profession, specialty in named:
            key = (_plain(profession), _plain(specialty))
            if rows.setdefault(key, role) is not role:
                raise ValueError(f"{name}: {key} stands in two rows")
    return Matrix(str(data["version"]), rows, frozenset(_plain(each) for each in data["jamais"]["qui"]))


def _types(name: str, row: Any, labels: dict[str, str], sources: set[str]) -> frozenset[str]:
    """Rules apply in order: `voit` adds types, `sauf` takes some away; "tout" is every listed type."""
    found: set[str] = set()
    for rule in row["regles"]:
        if rule["source"] not in sources:
            raise ValueError(f"{name}: unknown source {rule['source']}")
        for verb, change in (("voit", found.update), ("sauf", found.difference_update)):
            said = rule.get(verb, [])
            if unknown := [each for each in said if said != "tout" and each not in labels]:
                raise ValueError(f"{name}: unknown document types {unknown}")
            change(labels.values() if said == "tout" else [labels[each] for each in said])
    return frozenset(found)


def _plain(text: str) -> str:
    """Words as compared: no case, accent or doubled blank."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(bare.split())
