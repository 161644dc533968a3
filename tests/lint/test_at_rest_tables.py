"""docs/security-at-rest.md classifies every column of records and every field of OpenSearch, and the values agree."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select

from mappings import __file__ as mappings_file
from records.tables import Base
from tests.records.building import opened
from tests.records.test_at_rest import fill

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "security-at-rest.md").read_text(encoding="utf-8")
CLASSES = {"plain", "sealed", "keyed hash"}


def part(title: str) -> list[list[str]]:
    """The rows of the table under a title."""
    section = TEXT.split(f"## {title}")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|\n ").split("|")] for line in section.splitlines() if line[:1] == "|"
    ]
    return rows[2:]


def columns() -> dict[str, str]:
    """The class of every column named in the document."""
    return {
        f"{table}.{column}": kind
        for table, named, kind, _ in part("Records: every column")
        for column in re.findall(r"`(\w+)`", named)
    }


def test_every_column_is_classified_once_and_with_a_reason() -> None:
    rows = part("Records: every column")
    named = Counter(f"{row[0]}.{column}" for row in rows for column in re.findall(r"`(\w+)`", row[1]))
    real = {f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.c}
    assert len(real) > 90
    assert set(named) == real
    assert set(named.values()) == {1}
    assert all(row[2] in CLASSES and len(row[3]) > 5 for row in rows)


def test_every_field_of_opensearch_is_classified() -> None:
    mapping = json.loads((Path(mappings_file).parent / "passages.json").read_text())["mappings"]["properties"]
    real = set(_fields(mapping, "")) | {"vector"}  # added with the first vector, whose length it has
    named = {re.sub("`", "", row[0]): row for row in part("OpenSearch: every field")}
    assert len(real) >= 13
    assert set(named) == real
    assert all(row[1] in CLASSES and len(row[2]) > 5 for row in named.values())


def _fields(properties: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, field in properties.items():
        if "properties" in field:
            yield from _fields(field["properties"], f"{name}.")
        else:
            yield prefix + name


def test_what_is_called_sealed_or_hashed_is(tmp_path: Path) -> None:
    """By the values of a filled home: sealed ones carry the version of the seal, hashes have the form of one."""
    looked_at: Counter[str] = Counter()
    with opened(tmp_path / "home") as home:
        fill(home)
        with home.records.read() as tx:
            for table in Base.metadata.sorted_tables:
                for column in table.c:
                    kind = columns()[f"{table.name}.{column.name}"]
                    values = [value for value in tx.session.scalars(select(column)) if value is not None]
                    looked_at[kind] += len(values)
                    if kind == "sealed":
                        assert isinstance(column.type, LargeBinary)
                        assert len(set(values)) == len(values)
                        assert all(value[0] in (1, 2) and len(value) >= 29 for value in values)
                    if kind == "keyed hash":
                        assert all(_is_hash(value) for value in values), column
    assert looked_at["sealed"] >= 4
    assert looked_at["keyed hash"] >= 10


def _is_hash(value: bytes | str) -> bool:
    return len(value) == 32 if isinstance(value, bytes) else bool(re.fullmatch(r"(?:[a-z]+-)?[0-9a-f]{64}", value))


@pytest.mark.parametrize(
    "setting", ["MASTER_KEY_FILE", "KMS_URL", "KMS_KEY", "KMS_TOKEN_FILE", "KEYS_DIR", "ERASURE_LEDGER"]
)
def test_the_settings_of_keys_are_explained(setting: str) -> None:
    from cli.settings import Settings

    assert setting.lower() in Settings.model_fields
    assert f"ANAMNESE_{setting}" in TEXT
