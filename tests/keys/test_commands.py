"""`keys`, `backup`, `restore` and `config` as typed: JSON alone on stdout, remedies, no secret shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.main import app
from tests.keys.openbao import Service

PATIENT, OTHER = "185037512345641", "269054958815780"
DOCTOR = "10001234567"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANAMNESE_MASTER_KEY_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("ANAMNESE_EMBEDDER", "none")
    monkeypatch.setenv("ANAMNESE_OCR", "none")


def told(*arguments: str) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    if isinstance(result.exception, Refusal):
        raise result.exception
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def code_of(*arguments: str) -> str:
    with pytest.raises(Refusal) as refused:
        told(*arguments)
    return refused.value.code


def ingest(tmp_path: Path, name: str, text: str, patient: str) -> None:
    (tmp_path / name).write_text(text)
    assert told("ingest", str(tmp_path / name), "--patient", patient)["state"] == "searchable"


def test_a_life_of_keys(tmp_path: Path) -> None:
    ingest(tmp_path, "a.txt", "Allergie à la pénicilline.", PATIENT)
    ingest(tmp_path, "b.txt", "Traitement par apixaban.", OTHER)
    for patient in (PATIENT, OTHER):
        told("grant", "--patient", patient, "--to", DOCTOR)
    assert told("keys", "status")["patient_keys"] == 2
    assert told("keys", "rotate")["spare"]
    assert code_of("keys", "destroy", "2", "--yes") == "version-in-use"
    assert told("keys", "destroy", "1", "--yes")["destroyed"].endswith("v1")
    assert not (tmp_path / "secret").exists()
    assert (tmp_path / "secret.v2").stat().st_mode & 0o777 == 0o600
    made = told("backup", str(tmp_path / "saved"), "--keys", str(tmp_path / "apart"))
    assert (made["documents"], made["missing"]) == (2, 0)
    assert told("keys", "erase", "--patient", PATIENT, "--yes")["documents"] == 1
    assert code_of("search", "pénicilline", "--patient", PATIENT, "--as", DOCTOR) == "no-access"
    again = ("--keys", made["keys"], "--home", str(tmp_path / "again"))
    ledger = tmp_path / "home" / "keys" / "erased.jsonl"
    restored = told("restore", made["data"], *again, "--ledger", str(ledger), "--revoke-grants")
    assert (len(restored["erased_again"]), restored["index"], restored["grants_revoked"]) == (1, 1, 2)
    assert code_of("restore", made["data"], *again) == "home-not-empty"
    assert code_of("restore", str(tmp_path / "absent"), *again) == "no-backup"


def test_without_a_yes_nothing_is_destroyed(tmp_path: Path) -> None:
    ingest(tmp_path, "a.txt", "Allergie à la pénicilline.", PATIENT)
    told("grant", "--patient", PATIENT, "--to", DOCTOR)
    result = CliRunner().invoke(app, ["keys", "erase", "--patient", PATIENT], input="n\n")
    assert isinstance(result.exception, Refusal)
    assert told("search", "pénicilline", "--patient", PATIENT, "--as", DOCTOR)["hits"]


def test_a_home_under_a_service_and_its_secrets_are_not_shown(
    tmp_path: Path, transit: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANAMNESE_KMS_URL", transit.url)
    monkeypatch.setenv("ANAMNESE_KMS_TOKEN_FILE", str(transit.token_file))
    monkeypatch.setenv("ANAMNESE_KEYS_DIR", str(tmp_path / "disk"))
    monkeypatch.setenv("ANAMNESE_ERASURE_LEDGER", str(tmp_path / "ledger.jsonl"))
    ingest(tmp_path, "a.txt", "Allergie à la pénicilline.", PATIENT)
    assert told("keys", "rotate")["in_use"] == "transit anamnese v2"
    told("keys", "destroy", "1", "--yes")
    told("keys", "erase", "--patient", PATIENT, "--yes")
    assert (tmp_path / "ledger.jsonl").exists()
    assert not (tmp_path / "secret").exists()
    assert {path.name for path in (tmp_path / "home").iterdir()} & {"keys", "master.key"} == set()
    shown = CliRunner().invoke(app, ["config", "--json"]).stdout
    assert transit.url not in shown
    assert transit.token_file.read_text().strip() not in shown
    assert json.loads(shown)["ANAMNESE_KMS_URL"] == "**********"
