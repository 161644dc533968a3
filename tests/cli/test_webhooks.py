"""`webhooks` on the command line, against a real receiver: what is added is told, listed, redelivered, removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.main import app
from cli.settings import load_settings
from tests.events.receiver import receiving

INS, RPPS, FINESS = "185037512345641", "10001234567", "750000001"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    given = (
        ("HOME", str(tmp_path / "home")),
        ("EMBEDDER", "none"),
        ("OCR", "none"),
        ("WEBHOOK_PLAIN", "true"),
        ("WEBHOOK_NETWORKS", '["127.0.0.0/8"]'),
    )
    for name, value in given:
        monkeypatch.setenv(f"ANAMNESE_{name}", value)

    def invoke(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if isinstance(done.exception, Refusal):
            return done.exception.code
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None

    return invoke


def test_a_system_is_told_what_happens(run: Any, tmp_path: Path) -> None:
    letter = tmp_path / "lettre.txt"
    letter.write_text("Allergie à la pénicilline.", encoding="utf-8")
    run(
        "practitioner",
        RPPS,
        "--name",
        "Dr Anne LEROY",
        "--profession",
        "médecin",
        "--specialty",
        "Médecine générale",
        "--organization",
        FINESS,
    )
    run("grant", "--patient", INS, "--organization", FINESS)
    with receiving() as receiver:
        asked = ("webhooks", "add", receiver.url, "--organization", FINESS, "--as")
        assert run(*asked, "10009999999") == "practitioner-unknown"
        assert run(*asked, RPPS, "--kind", "tout") == "bad-kind"
        assert run("webhooks", "add", "http://10.0.0.1/", "--organization", FINESS, "--as", RPPS) == "bad-webhook"
        added = run(*asked, RPPS)
        assert added["secret"].startswith("whsec_")
        document = run("ingest", str(letter), "--patient", INS)["document_id"]
        assert run("webhooks", "send")["delivered"] == 1
        assert receiver.got[0].told[0] == "document.searchable"
        assert receiver.got[0].told[2] == document
        listed = run("webhooks", "list")
        assert (listed["webhook_id"], listed["delivered"], listed["waiting"]) == (added["webhook_id"], 1, 0)
        assert added["secret"] not in json.dumps(listed)
        assert run("webhooks", "redeliver", added["webhook_id"])["again"] == 0
        assert run("webhooks", "redeliver", "autre") == "no-such-webhook"
        assert run("webhooks", "remove", added["webhook_id"])["removed"] == added["webhook_id"]
        assert run("webhooks", "remove", added["webhook_id"]) == "no-such-webhook"
        assert run("webhooks", "list") is None
        shown = CliRunner().invoke(app, ["audit", "show", "--json"]).stdout
        assert [name for name in ("webhook-add", "webhook-redeliver", "webhook-remove") if name not in shown] == []


def test_networks_are_networks(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_WEBHOOK_NETWORKS", '["partout"]')
    with pytest.raises(Refusal) as refused:
        load_settings()
    assert refused.value.code == "bad-settings"
    assert run("webhooks", "list") == "bad-settings"
