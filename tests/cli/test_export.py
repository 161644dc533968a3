"""`export`: the copy that is handed over at the desk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.test_acts import INS, Run, run

__all__ = ["run"]


def test_a_copy_is_written_once_and_journalled(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "copie.zip"
    run("export", "--patient", INS, "--to", str(target))
    assert target.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(target) as bundle:
        assert bundle.testzip() is None
        (document,) = [name for name in bundle.namelist() if name.startswith("documents/")]
        assert bundle.read(document).decode() == "Allergie à la pénicilline."
        assert "a emporté une copie du dossier" in bundle.read("journal.txt").decode()
    with pytest.raises(AssertionError):
        run("export", "--patient", INS, "--to", str(target))
    assert run("export", "--patient", "275037512345693", "--to", str(tmp_path / "x.zip")) == "no-such-patient"
    assert not (tmp_path / "x.zip").exists()


def test_it_can_be_switched_off(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_OFF", '["export"]')
    assert run("export", "--patient", INS, "--to", str(tmp_path / "x.zip")) == "function-off"
    monkeypatch.setenv("ANAMNESE_OFF", '["search"]')
    assert run("search", "allergie", "--patient", INS, "--as", "10001234567") == "function-off"
