"""`audit` on the command line: anchors, the export as FHIR AuditEvents, retirement."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.main import app
from search_api.audit_events import BALP
from tests.cli.test_acts import INS, RPPS, Run, found, run

__all__ = ["run"]


def command(*arguments: str) -> Any:
    done = CliRunner().invoke(app, list(arguments))
    if isinstance(done.exception, Refusal):
        return done.exception.code
    assert done.exit_code == 0, done.output
    return done.stdout


def test_anchors_are_dropped_and_compared(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("audit", "anchor") == "no-anchor-place"
    monkeypatch.setenv("ANAMNESE_ANCHOR_FILE", str(tmp_path / "anchors"))
    assert "0 ancre(s)" in command("audit", "verify")  # none was dropped yet
    first = run("audit", "anchor")
    run("grant", "--patient", INS, "--to", RPPS)
    second = run("audit", "anchor")
    assert second["length"] > first["length"]
    assert "2 ancre(s)" in command("audit", "verify")
    with (tmp_path / "anchors").open("a") as file:
        file.write(json.dumps({"length": second["length"] + 5, "last": "00" * 32}) + "\n")
    assert command("audit", "verify") == "broken-chain"
    assert command("audit", "verify", "--anchors", str(tmp_path / "absent")) == "bad-anchors"


def test_by_an_ins_the_records_erased_before_are_shown_too(run: Run) -> None:
    run("grant", "--patient", INS, "--to", RPPS)
    assert found(run) == 1
    run("keys", "erase", "--patient", INS, "--yes")
    run("grant", "--patient", INS, "--to", RPPS)  # who was erased is recorded anew
    shown = [json.loads(line) for line in command("audit", "show", "--patient", INS, "--json").splitlines()]
    assert len({entry["patient_id"] for entry in shown}) == 2
    assert [entry["action"] for entry in shown if entry["action"] in ("grant", "search", "erase")] == [
        "grant",
        "erase",
        "search",
        "grant",
    ]


def events(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command("audit", "export", *arguments).splitlines()]


def by_action(run: Run) -> dict[str, dict[str, Any]]:
    """A small life of a record, exported: the last event of each action, by what the journal calls it."""
    run("grant", "--patient", INS, "--to", RPPS)
    assert found(run) == 1
    run("break-glass", "--patient", INS, "--as", "10009999999", "--reason", "unconscious")
    exported = events("--with-queries")
    journal = [json.loads(line) for line in command("audit", "show", "--json", "--limit", "1000").splitlines()][::-1]
    assert len(exported) == len(journal)
    return {entry["action"]: event for entry, event in zip(journal, exported, strict=True)}


def test_the_journal_is_exported_as_audit_events(run: Run) -> None:
    found_by = by_action(run)
    search, glass, grant = found_by["search"], found_by["break-glass"], found_by["grant"]
    assert search["meta"]["profile"] == [f"{BALP}.PatientQuery"]
    assert (search["action"], search["outcome"], search["subtype"][0]["code"]) == ("E", "0", "search")
    queries = [each for each in search["entity"] if each.get("role", {}).get("code") == "24"]
    assert base64.b64decode(queries[0]["query"]).decode() == "allergie"
    named = {e["role"]["code"]: e["what"]["reference"] for e in search["entity"] if "reference" in e.get("what", {})}
    assert named["3"] == f"DocumentReference/{named['1'].removeprefix('Patient/')}.{run.document}"  # type: ignore[attr-defined]
    asked = next(agent for agent in search["agent"] if agent["requestor"])
    assert asked["who"]["identifier"]["value"] == RPPS
    assert glass["type"]["code"] == "110113"
    assert glass["subtype"][0]["code"] == "110127"
    assert glass["purposeOfEvent"][0]["coding"][0]["code"] == "ETREAT"
    assert glass["purposeOfEvent"][0]["text"] == "unconscious"
    assert (grant["action"], grant["meta"]["profile"]) == ("C", [f"{BALP}.PatientCreate"])


def test_every_event_has_what_r4_and_the_patterns_demand(run: Run) -> None:
    for event in by_action(run).values():
        assert event["resourceType"] == "AuditEvent"
        assert re.fullmatch(r"journal-\d+", event["id"])
        assert {"system", "code"} <= set(event["type"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", event["recorded"])
        assert event["action"] in "CRUDE"
        assert event["outcome"] in ("0", "4", "8", "12")
        assert [agent["requestor"] for agent in event["agent"]].count(True) == 1
        assert all(agent["type"]["coding"][0]["code"] for agent in event["agent"])
        assert event["source"]["observer"]
        for entity in event["entity"]:
            assert "what" in entity or "query" in entity
            assert not ("name" in entity and "query" in entity)  # sev-1 of R4
        assert all(value not in ("", [], {}, None) for value in event.values())


def test_the_words_of_searches_stay_unless_asked_for_and_the_export_is_journalled(run: Run) -> None:
    by_action(run)
    plain = events()
    assert not any(base64.b64encode(b"allergie").decode() in json.dumps(event) for event in plain)
    assert plain[-1]["subtype"]  # the export before stands in the journal
    shown = [json.loads(line) for line in command("audit", "show", "--json").splitlines()]
    assert [each["detail"] for each in shown if each["action"] == "export-journal"] == ["", "with queries"]


def test_an_export_goes_on_where_the_last_one_ended(run: Run, tmp_path: Path) -> None:
    run("grant", "--patient", INS, "--to", RPPS)
    target = tmp_path / "events.ndjson"
    command("audit", "export", "--to", str(target))
    first = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert target.stat().st_mode & 0o777 == 0o600
    last = first[-1]["id"].removeprefix("journal-")
    found(run)
    following = events("--after", last)
    assert len(following) == 2  # the search, and this export itself
    assert not {each["id"] for each in first} & {each["id"] for each in following}


def test_nothing_is_retired_before_its_time_and_without_a_yes_nothing_at_all(run: Run) -> None:
    run("close", "--patient", INS)
    assert run("audit", "retire") == {"entries": 0, "records": 0, "retired": False}
    assert run("audit", "retire", "--yes") == {"entries": 0, "records": 0, "retired": True}
    assert "intact" in command("audit", "verify")
