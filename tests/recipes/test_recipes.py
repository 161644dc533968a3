"""docs/recipes: every block runs against a running service, and prints what stands under it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.mllp.listener import Listener
from ingest.mllp.reception import Reception
from tests.clients.conftest import Served, closed_home, served, world
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.world import ins_of

__all__ = ["closed_home", "served", "world"]
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("[0-9]*.md"))
BLOCK = re.compile(r"```(sh|python|text)\n(.*?)```", re.DOTALL)
ASKERS = {
    "06-grants": "patient",
    "07-break-glass": STRANGER,
    "08-launch-link": "system",
    "11-import-a-folder": "system",
}
"""Who asks; DOCTOR anywhere else."""


def blocks(name: str) -> list[tuple[str, str]]:
    """(language, text) of every block of a recipe."""
    return BLOCK.findall((FOLDER / f"{name}.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def mllp(served: Served) -> Iterator[int]:
    """The port of a listener of the same home."""
    reception = Reception(served.world.bench, {"LABO": "690020029"})
    listener = Listener("127.0.0.1", 0, reception.take)
    thread = threading.Thread(target=listener.serve)
    thread.start()
    yield listener.port
    listener.close()
    thread.join(60)


def environment(served: Served, name: str, mllp: int) -> dict[str, str]:
    marie, asker = served.world.patients["marie"], ASKERS.get(name, DOCTOR)
    tokens = {"patient": {"patient_id": marie}, "system": {"system": "dpi"}}
    token = served.token(**tokens[asker]) if asker in tokens else served.token(asker)
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT / "clients" / "python"),
        "ANAMNESE": served.base,
        "TOKEN": token,
        "INS": ins_of("2850375123456").matricule,
        "PATIENT": marie,
        "PRACTITIONER": DOCTOR,
        "MLLP_HOST": "127.0.0.1",
        "MLLP_PORT": str(mllp),
    }


def run(language: str, code: str, folder: Path, variables: dict[str, str]) -> str:
    """What a block prints. It must end well."""
    if language == "python":
        command = [sys.executable, "-W", "error", "-c", code]
    else:
        (before,) = [text for kind, text in blocks("README") if kind == "sh"]
        command = ["bash", "-c", f"set -euo pipefail\n{before}\n{code}"]
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, encoding="utf-8", timeout=250, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expected(text: str) -> re.Pattern[str]:
    """The pattern of a "text" block: "…" is anything."""
    return re.compile(".*".join(map(re.escape, text.strip().split("…"))), re.DOTALL)


def test_there_are_eleven_and_the_list_names_each() -> None:
    listed = re.findall(r"\]\((\d\d-[\w-]+)\.md\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert listed == RECIPES
    assert len(RECIPES) == 11


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_does_what_it_says(served: Served, mllp: int, tmp_path: Path, name: str) -> None:
    told = blocks(name)
    assert [kind for kind, _ in told] == ["sh", "text", "python", "text"]
    variables = environment(served, name, mllp)
    for (kind, code), (_, text) in zip(told[::2], told[1::2], strict=True):
        printed = run(kind, code, tmp_path, variables).strip()
        assert expected(text).fullmatch(printed), f"{kind} printed:\n{printed}"


def test_a_recipe_that_fails_or_says_something_else_is_noticed(served: Served, mllp: int, tmp_path: Path) -> None:
    variables = environment(served, "", mllp)
    for code in ("false | cat", 'ask "$ANAMNESE/v1/nowhere"'):
        with pytest.raises(AssertionError):
            run("sh", code, tmp_path, variables)
    assert expected("a … c").fullmatch("a b c")
    assert not expected("a … c").fullmatch("a b d")
