"""docs/access-rules.md: every rule names code and a test that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "access-rules.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_rule_names_code_and_a_test_that_exist() -> None:
    assert len(rows()) >= 60
    for rule, code, test in rows():
        assert (ROOT / code.strip("`")).is_file(), rule
        named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
        assert named, rule
        tree = ast.parse((ROOT / named[1]).read_text(encoding="utf-8"))
        assert named[2] in [each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)], test


def test_each_of_the_ten_rules_is_there() -> None:
    assert {int(number) for row in rows() if (number := row[0].split()[0]).isdigit()} == set(range(1, 11))
