"""docs/security.md: each attack names a test, and each test that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ATTACKS = (
    "algorithm `none`",
    "key confusion",
    "expired",
    "another audience",
    "replayed",
    "IDOR",
    "path traversal",
    "header injection",
    "mass assignment",
    "another's cursor",
    "cached response",
)
"""The attacks of the bar of issue 6."""


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|--")]


def test_every_attack_names_tests_that_exist() -> None:
    assert len(rows()) >= 25
    for attack, _, test in rows():
        named = re.fullmatch(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", test)
        assert named, attack
        functions = [
            each.name for each in ast.parse((ROOT / named[1]).read_text()).body if isinstance(each, ast.FunctionDef)
        ]
        assert any(name.startswith("test_") for name in functions), named[1]
        assert named[2] is None or named[2] in functions, test


def test_every_attack_of_the_bar_is_there_and_every_test_of_an_attack_is_named() -> None:
    first = " ".join(row[0] for row in rows())
    assert [attack for attack in ATTACKS if attack not in first] == []
    named = set(re.findall(r"tests/attacks/\w+\.py", TEXT))
    assert named == {f"tests/attacks/{path.name}" for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
