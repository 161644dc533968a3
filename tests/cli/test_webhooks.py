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
from records import deliveries
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


def test_what_was_given_up_is_seen_sent_again_and_forgotten(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_ATTEMPTS", 1)
    run("practitioner", RPPS, "--name", "Dr Anne LEROY", "--profession", "médecin", "--specialty",
        "Médecine générale", "--organization", FINESS)  # fmt: skip
    run("grant", "--patient", INS, "--organization", FINESS)
    with receiving() as receiver:
        listener = run("webhooks", "add", receiver.url, "--organization", FINESS, "--as", RPPS)["webhook_id"]
        receiver.status = 500
        letters = [tmp_path / f"lettre {number}.txt" for number in range(3)]
        for letter in letters:
            letter.write_text(f"Allergie à la pénicilline, {letter.name}.", encoding="utf-8")
        run("ingest", *map(str, letters), "--patient", INS)
        assert run("webhooks", "send")["dead"] == 3
        names = [str(got.told[2]) for got in receiver.got]
        shown = CliRunner().invoke(app, ["webhooks", "dead", listener, "--json"]).stdout
        lines = [json.loads(line) for line in shown.splitlines()]
        assert [(one["kind"], one["failure"], one["owed"]) for one in lines] == [
            ("document.searchable", "status-500", False)
        ] * 3
        assert [name for name in (*names, INS, receiver.url) if name in shown] == []
        first, second, third = (str(one["delivery"]) for one in lines)
        for number in (first, third):
            assert number in CliRunner().invoke(app, ["webhooks", "dead", listener]).stdout
        receiver.status = 200
        assert run("webhooks", "redeliver", listener, "--only", second)["again"] == 1
        assert run("webhooks", "send")["delivered"] == 1
        assert receiver.got[-1].told[2] == names[1]
        for command in ("redeliver", "forget"):
            assert run("webhooks", command, listener, "--only", second) == "no-such-delivery"
            assert run("webhooks", command, "autre") == "no-such-webhook"
        assert run("webhooks", "dead", "autre") == "no-such-webhook"
        assert run("webhooks", "forget", listener, "--only", first)["forgotten"] == 1
        assert run("webhooks", "forget", listener) == {"webhook_id": listener, "forgotten": 1, "dead": 0}
        acts = CliRunner().invoke(app, ["audit", "show", "--json"]).stdout
        assert acts.count("webhook-forget") == 2
        assert acts.count("webhook-redeliver") == 1


def test_networks_are_networks(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_WEBHOOK_NETWORKS", '["partout"]')
    with pytest.raises(Refusal) as refused:
        load_settings()
    assert refused.value.code == "bad-settings"
    assert run("webhooks", "list") == "bad-settings"
