"""Official files imported into a home, for they may not ship: BDPM, CIM-10, LOINC (`ingest/official_files.py`).

    <home>/vocabulary/bdpm.tsv, cim10.tsv, loinc.tsv: « # » and a JSON object (what, from which files, when), then rows
        brand   name   substances, " + " between   ATC, or empty
        code    code   label

A composition root says which folder is in use, and the same to the sandbox. Without any, only the shipped vocabulary is
there. What a home imported depends on no patient.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from clinical.folding import plain
from clinical.lexicon import Entry, entries
from records.fact import Coding, Fact, FactKind

KINDS = ("bdpm", "cim10", "loinc")
ENVIRONMENT = "ANAMNESE_SANDBOX_VOCABULARY"
"""Names the folder to the processes of the sandbox, which read no setting."""
_MEASURED = frozenset({FactKind.LAB_RESULT, FactKind.VITAL_SIGN})
_CIP13, _CIP7 = 13, 7


@dataclass(frozen=True, slots=True)
class Brand:
    """A medicine under the name it is sold by. `atc` is empty where no file gives it."""

    name: str
    substances: tuple[str, ...]
    atc: str = ""

    @property
    def substance(self) -> str:
        return " + ".join(self.substances)


@dataclass(frozen=True, slots=True)
class Official:
    """What a folder holds. `edition` changes with any import; empty without one."""

    edition: str = ""
    brands: tuple[Brand, ...] = ()
    labels: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    sources: tuple[dict[str, Any], ...] = ()
    folder: Path | None = None


_state: dict[str, Official] = {"current": Official()}


def use(folder: Path | None) -> Official:
    """Take what `folder` holds for this process from now on; None or an empty folder: nothing. ValueError names a
    malformed file."""
    _state["current"] = Official() if folder is None else _loaded(folder)
    return _state["current"]


def current() -> Official:
    """What is in use."""
    return _state["current"]


def file_of(folder: Path, kind: str) -> Path:
    """Where an import of this kind stands."""
    return folder / f"{kind}.tsv"


def written(source: dict[str, Any], rows: Sequence[tuple[str, ...]]) -> bytes:
    """The bytes of an import's file. Cells hold neither tabs nor line ends."""
    lines = [f"# {json.dumps(source, ensure_ascii=False, sort_keys=True)}"]
    lines += ["\t".join(" ".join(cell.split()) for cell in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def label_of(code: Coding) -> str:
    """The official label of a code; empty when it is not known. A CIP is known by its form, whatever its system."""
    labels, written_code = current().labels, code.code.strip()
    if not labels:
        return ""
    system = code.system.casefold()
    if written_code.isdigit() and (len(written_code) == _CIP13 or (len(written_code) == _CIP7 and "cip" in system)):
        return labels.get("bdpm", {}).get(written_code, "")
    if "icd" in system or "cim" in system or system == "i10" or "2.16.840.1.113883.6.3" in system.split("/"):
        return labels.get("cim10", {}).get(written_code.upper().replace(".", ""), "")
    if "loinc" in system or system in ("ln", "2.16.840.1.113883.6.1", "urn:oid:2.16.840.1.113883.6.1"):
        return labels.get("loinc", {}).get(written_code, "")
    return ""


def named(fact: Fact) -> Fact:
    """A fact that bears a code and no words, with the code's official label as its concept. One that has words keeps
    them alone: a label never says more than its document."""
    bare = plain(fact.label)
    if fact.concept or not fact.codes or (bare and bare not in {plain(code.code) for code in fact.codes}):
        return fact
    found = next(filter(None, map(label_of, fact.codes)), "")
    if not found:
        return fact
    return replace(fact, label=found) if fact.kind in _MEASURED else replace(fact, concept=found)


@lru_cache(maxsize=2)
def _entries(edition: str) -> tuple[Entry, ...]:
    del edition  # what `current` holds
    more: dict[str, list[str]] = {}
    for brand in current().brands:
        if len(brand.substances) == 1:
            more.setdefault(plain(brand.substances[0]), []).append(brand.name)
    known = entries()
    said = {plain(form) for entry in known for form in (entry.preferred, *entry.synonyms, *entry.lay)}
    found = []
    for entry in known:
        forms = (entry.preferred, *entry.synonyms)
        names = [each for form in forms for each in more.pop(plain(form), ())]
        fresh = tuple(name for name in names if plain(name) not in said)
        found.append(replace(entry, lay=(*entry.lay, *fresh)) if fresh else entry)
    for number, (substance, others) in enumerate(sorted(more.items())):
        fresh = tuple(name for name in others if plain(name) not in said)
        if substance not in said and fresh:
            found.append(Entry(substance, (), (), fresh, (), (), f"medicaments (BDPM):{number}"))
    return tuple(found)


def all_entries() -> tuple[Entry, ...]:
    """The shipped vocabulary with the brands of an imported BDPM beside their substances, for search."""
    return _entries(current().edition) if current().brands else entries()


def _loaded(folder: Path) -> Official:
    brands: list[Brand] = []
    labels: dict[str, dict[str, str]] = {}
    sources: list[dict[str, Any]] = []
    marks: list[str] = []
    for kind in KINDS:
        path = file_of(folder, kind)
        if not path.is_file():
            continue
        source, rows = _read(path)
        sources.append(source)
        marks.append(f"{kind}:{source['digest']}")
        codes = labels.setdefault(kind, {})
        for row in rows:
            if row[0] == "brand":
                brands.append(Brand(row[1], tuple(row[2].split(" + ")), row[3]))
            else:
                codes[row[1]] = row[2]
    return Official(" ".join(marks), tuple(brands), labels, tuple(sources), folder.resolve())


def _read(path: Path) -> tuple[dict[str, Any], Iterator[list[str]]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    if not lines[0].startswith("# "):
        raise ValueError(f"{path.name}: no import of this product")
    return json.loads(lines[0][2:]), (_cells(path, number, line) for number, line in enumerate(lines[1:], 2) if line)


def _cells(path: Path, number: int, line: str) -> list[str]:
    cells = line.split("\t")
    if (cells[0], len(cells)) not in (("brand", 4), ("code", 3)):
        raise ValueError(f"{path.name}, line {number}: neither a brand nor a code")
    return cells
