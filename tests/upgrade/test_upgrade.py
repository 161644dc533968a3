"""A home made by an earlier commit's code, by its own commands, then opened by today's: found, clean, whole.

The earlier code is taken from this repository's history into a folder and runs in today's environment. Without the
history (a shallow clone) the test fails and says so: an upgrade that was not tried is not known to work.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ingest import pdfs

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("driver.py")
PATIENT, OTHER = "185037512345641", "269054958815780"
DOCTOR = "10001234567"
LETTER = "COMPTE RENDU\n\nALLERGIES\nAllergie à la pénicilline : choc anaphylactique en 2012.\n"
WAITING = "Courrier déposé la veille de la mise à jour : colchicine."
COMMITS = [
    line.split()[0]
    for line in Path(__file__).with_name("commits.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


@dataclass(frozen=True)
class Code:
    """A tree of code and a home that its commands work on."""

    tree: Path
    home: Path

    def day(self, *commands: Sequence[str]) -> list[list[dict[str, Any]]]:
        """Run commands in one process of this code; all must succeed. Their JSON objects, a list a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")}
        own = {"ANAMNESE_HOME": str(self.home), "ANAMNESE_CACHE": os.environ["ANAMNESE_CACHE"]}
        done = subprocess.run(
            [sys.executable, str(DRIVER)],
            input=json.dumps(commands),
            cwd=self.tree,
            env=kept | own | {"PYTHONPATH": str(self.tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["code"].startswith(str(self.tree))  # it was this code that ran
        for command, outcome in zip(commands, told["outcomes"], strict=True):
            assert outcome["code"] == 0, (command, outcome)
        return [
            [json.loads(line) for line in outcome["out"].splitlines() if line.startswith("{")]
            for outcome in told["outcomes"]
        ]


def tree_of(commit: str, folder: Path) -> Path:
    """The files of a commit. A shallow clone is asked for its history first."""
    if not _is_here(commit):
        subprocess.run(["git", "-C", str(ROOT), "fetch", "--quiet", "--unshallow"], capture_output=True, check=False)
    if not _is_here(commit):
        pytest.fail(
            f"commit {commit} is absent: this clone is shallow. Fetch its whole history (git fetch --unshallow)."
        )
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], stdout=subprocess.PIPE, check=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def _is_here(commit: str) -> bool:
    known = ["git", "-C", str(ROOT), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(known, capture_output=True, check=False).returncode == 0


def search(query: str, patient: str = PATIENT) -> list[str]:
    return ["search", query, "--patient", patient, "--as", DOCTOR, "--json"]


def texts(answer: list[dict[str, Any]]) -> str:
    return "\n".join(passage["text"] for hit in answer[0]["hits"] for passage in hit["passages"])


def fill(old: Code, given: Path) -> None:
    """A first day: documents of two patients, a grant, accesses, one document still waiting."""
    (given / "in").mkdir(parents=True)
    (given / "in" / "lettre.txt").write_text(LETTER)
    (given / "in" / "echographie.pdf").write_bytes(pdfs.simple("CONCLUSION\n" + pdfs.ECHO))
    (given / "autre.txt").write_text("Allergie à la pénicilline chez un autre patient.")
    (given / "attente.txt").write_text(WAITING)
    read, *_, answer, _ = old.day(
        ["ingest", str(given / "in"), "--patient", PATIENT, "--json"],
        ["ingest", str(given / "autre.txt"), "--patient", OTHER, "--json"],
        *(["grant", "--patient", patient, "--to", DOCTOR] for patient in (PATIENT, OTHER)),
        search("pénicilline"),
        ["DEPOSIT", str(given / "attente.txt"), PATIENT],
    )
    assert [one["state"] for one in read] == ["searchable"] * 2
    assert texts(answer)


def test_the_list_is_not_empty() -> None:
    assert len(COMMITS) >= 1
    assert all(len(commit) == 40 for commit in COMMITS)


@pytest.mark.timeout(900)  # two days of commands, and models loaded twice
@pytest.mark.parametrize("commit", COMMITS)
def test_todays_code_opens_an_earlier_home(commit: str, tmp_path: Path) -> None:
    given = tmp_path / "given"
    fill(Code(tree_of(commit, tmp_path / "code"), tmp_path / "home"), given)
    (given / "neuf.txt").write_text("Courrier déposé après la mise à jour : allopurinol.")
    first, other, added, new, waited, _, (report,), _, shown = Code(ROOT, tmp_path / "home").day(
        search("allergie pénicilline"),
        search("pénicilline", OTHER),
        ["ingest", str(given / "neuf.txt"), "--patient", PATIENT, "--json"],
        search("allopurinol"),
        search("colchicine"),
        ["reindex"],  # what a service does by itself when today's code indexes otherwise
        ["verify", "--json"],
        ["audit", "verify"],
        ["audit", "show", "--patient", PATIENT, "--json"],
    )
    assert "choc anaphylactique" in texts(first)
    assert "autre patient" in texts(other)
    assert added[0]["state"] == "searchable"
    assert "allopurinol" in texts(new)
    assert "colchicine" in texts(waited)  # what waited when the machine was switched off was read
    assert report["clean"]
    assert [report[name] for name in ("missing", "different", "extra")] == [[], [], []]
    assert [entry["query"] for entry in shown][-1] == "pénicilline"
    # What the earlier code sealed is rotated and erased by today's.
    *_, shown, other, (report,), _ = Code(ROOT, tmp_path / "home").day(
        ["keys", "rotate", "--json"],
        ["keys", "erase", "--patient", PATIENT, "--yes", "--json"],
        ["audit", "show", "--patient", PATIENT, "--json"],
        search("pénicilline", OTHER),
        ["verify", "--json"],
        ["audit", "verify"],
    )
    assert {entry["query"] for entry in shown} == {None}
    assert "autre patient" in texts(other)
    assert report["clean"]


def test_a_commit_that_is_not_here_fails_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="shallow"):
        tree_of("0" * 40, tmp_path / "code")
