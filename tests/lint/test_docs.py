"""The documents say what exists: commands, settings, decisions, and only folders and files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from cli.main import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    names = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert len(names) >= 12
    assert [name for name in names if not re.search(rf"`{name}\b", README)] == []


def test_every_file_that_the_documents_name_exists() -> None:
    named = re.findall(r"`([a-z_]+/[\w/.]*)`", README + ARCHITECTURE)
    assert len(named) >= 25
    assert sorted({name for name in named if not (ROOT / name).exists()}) == []


def test_the_architecture_is_one_page() -> None:
    assert len(ARCHITECTURE.splitlines()) <= 70


def test_decisions_are_numbered_once() -> None:
    numbers = sorted(int(path.name[:3]) for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert len(set(numbers)) == len(numbers)
    assert len(numbers) >= 9
