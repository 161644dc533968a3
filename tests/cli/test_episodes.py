"""`anamnese episodes`: the API's answer in a terminal, to the same people, journalled."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.compose import open_home, resolve_patient
from cli.console import out
from cli.episodes import OTHERS
from cli.main import app
from cli.settings import load_settings
from records import journal
from records.episodes import Carer, Episode, Movement, announce

INS, RPPS, TRAITANT, STRANGER = "185037512345641", "10001234567", "10001234568", "10007654321"
AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stay whose team names RPPS, and one that was cancelled and names nobody."""
    for name, value in (("HOME", str(tmp_path / "home")), ("EMBEDDER", "none"), ("OCR", "none")):
        monkeypatch.setenv(f"ANAMNESE_{name}", value)
    monkeypatch.setattr(out, "width", 200)  # which COLUMNS no longer changes where it was set at import, as by xdist
    for arguments in (["--to", RPPS], ["--to", TRAITANT, "--medecin-traitant"]):
        done = CliRunner().invoke(app, ["grant", "--patient", INS, *arguments])
        assert done.exit_code == 0, (done.output, done.exception)
    with open_home(load_settings()) as opened:
        patient = resolve_patient(opened, INS)
        team = (Carer("attending", "DR \x1b[2JLEROY [bold]", RPPS), Carer("consulting", "", TRAITANT))
        stay = Episode("690000001", "V1", AT, "I", "CARDIO", AT, datetime(2026, 3, 3, 9, tzinfo=UTC), team=team)
        with opened.services.records.write() as tx:
            announce(tx, patient, Movement(stay))
            announce(tx, patient, Movement(Episode("690000001", "V2", AT, "E", begins=AT), cancelled=True))


def asked(rpps: str, *more: str) -> str:
    done = CliRunner().invoke(app, ["episodes", "--patient", INS, "--as", rpps, *more])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.mark.usefixtures("home")
def test_each_sees_those_of_theirs_and_the_sentence_that_there_may_be_others() -> None:
    told = asked(RPPS)
    for said in ("2026-03-01 10:00", "2026-03-03 10:00", "hospitalisation", "CARDIO", "690000001", "V1", OTHERS):
        assert said in told, said
    assert "DR  [2JLEROY [bold] (responsable)" in told, "neither a terminal's order nor markup"
    assert f"{TRAITANT} (consultant)" in told
    assert "V2" not in told
    assert {"V1", "V2", "annulé", "urgences"} <= set(asked(TRAITANT).split())


@pytest.mark.usefixtures("home")
def test_json_is_the_answer_of_the_api() -> None:
    for rpps, visits in ((RPPS, ["V1"]), (TRAITANT, ["V2", "V1"])):
        found = json.loads(asked(rpps, "--json"))
        assert sorted(one["visit"] for one in found["episodes"]) == sorted(visits)
        assert {"patient_id", "episodes"} == set(found)


@pytest.mark.usefixtures("home")
def test_a_look_is_journalled_and_a_stranger_meets_the_door() -> None:
    asked(RPPS)
    refused = CliRunner().invoke(app, ["episodes", "--patient", INS, "--as", STRANGER])
    assert isinstance(refused.exception, Refusal)
    assert refused.exception.code == "no-access"
    with open_home(load_settings()) as opened, opened.services.records.read() as tx:
        newest = journal.entries_for_audit_without_scope(tx, resolve_patient(opened, INS), 2)
    told = [(one.action, one.caller, one.outcome) for one in newest]
    assert told == [("read-episodes", STRANGER, "refused"), ("read-episodes", RPPS, "granted")]
