"""`anamnese emergency`: the API's card in a terminal, even where the index is a ruin."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.main import app
from clinical import official
from tests.ingest import official_writing as writing

INS, RPPS = "185037512345641", "10001234567"
ASKED = ["emergency", "--patient", INS, "--as", RPPS]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in (("HOME", str(tmp_path / "home")), ("EMBEDDER", "none"), ("OCR", "none")):
        monkeypatch.setenv(f"ANAMNESE_{name}", value)
    letter = tmp_path / "lettre.txt"
    letter.write_text(
        "Antécédents : épilepsie.\n\nAllergies : pénicilline (œdème de Quincke).\n\nTraitement : Eliquis 5 mg x 2.\n",
        encoding="utf-8",
    )
    for arguments in (["ingest", str(letter), "--patient", INS], ["grant", "--patient", INS, "--to", RPPS]):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == 0, (done.output, done.exception)
    return tmp_path / "home"


@pytest.mark.usefixtures("home")
def test_the_card_is_told_with_its_sources_and_its_last_line() -> None:
    done = CliRunner().invoke(app, ASKED)
    assert done.exit_code == 0, done.exception
    last = done.stdout.strip().splitlines()[-1]
    assert last == "Liste possiblement incomplète: demander au patient, à ses proches."
    for said in ("pénicilline", "grave", "apixaban", "pilepsie", "p. 1", "lu dans le texte", "1 document lu"):
        assert said in done.stdout, said


def test_an_imported_nomenclature_is_used_listed_and_taken_out(
    home: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: official.use(None))
    files = []
    for name, data in writing.bdpm().items():
        (tmp_path / name).write_bytes(data)
        files.append(str(tmp_path / name))
    twice = CliRunner().invoke(app, ["vocabulary", "import", "bdpm", *files, files[0]])
    assert getattr(twice.exception, "code", "") == "same-names"  # one of the two would have been left out unsaid
    done = CliRunner().invoke(app, ["vocabulary", "import", "bdpm", *files, "--json"])
    assert (done.exit_code, json.loads(done.stdout)["kind"]) == (0, "bdpm"), done.exception
    assert (home / "vocabulary" / "bdpm.tsv").stat().st_mode & 0o777 == 0o600
    letter = tmp_path / "autre.txt"
    letter.write_text("Traitement : Zorbalix 5 mg.\n", encoding="utf-8")
    assert CliRunner().invoke(app, ["ingest", str(letter), "--patient", INS, "--date", "2026-01-02"]).exit_code == 0
    assert "Zorbalix (apixaban) 5 mg" in CliRunner().invoke(app, ASKED).stdout
    (listed,) = CliRunner().invoke(app, ["vocabulary", "list", "--json"]).stdout.splitlines()
    assert set(json.loads(listed)["files"]) == set(writing.bdpm())
    assert CliRunner().invoke(app, ["vocabulary", "remove", "bdpm"]).exit_code == 0
    again = CliRunner().invoke(app, ["vocabulary", "remove", "bdpm"])
    assert isinstance(again.exception, Refusal)


@pytest.mark.usefixtures("home")
def test_json_is_the_answer_of_the_api_and_a_stranger_meets_the_door() -> None:
    card = json.loads(CliRunner().invoke(app, [*ASKED, "--json"]).stdout)
    assert [section["key"] for section in card["sections"]][2] == "allergies"
    assert [line["assertion"] for line in card["sections"][2]["lines"]] == ["present"]
    refused = CliRunner().invoke(app, ["emergency", "--patient", INS, "--as", "10007654321", "--json"])
    assert isinstance(refused.exception, Refusal)
    assert refused.exception.code == "no-access"


@pytest.mark.parametrize("ruin", ["absent", "garbage"])
def test_the_index_in_ruins_changes_nothing(home: Path, ruin: str) -> None:
    whole = json.loads(CliRunner().invoke(app, [*ASKED, "--json"]).stdout)
    files = [path for path in (home / "index").rglob("*") if path.is_file()]
    assert files
    if ruin == "absent":
        shutil.rmtree(home / "index")
    else:
        for path in files:
            path.write_bytes(b"not an index" * 1000)
    card = json.loads(CliRunner().invoke(app, [*ASKED, "--json"]).stdout)
    assert card["sections"] == whole["sections"]
