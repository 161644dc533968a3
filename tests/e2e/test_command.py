"""The command as its user runs it: a process, a home, exit codes, JSON on stdout and nothing else there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENT = "185037512345641"
DOCTOR = "10001234567"
STRANGER = "10009999999"
LETTER = """COMPTE RENDU DE CONSULTATION

ALLERGIES
Allergie à la pénicilline : choc anaphylactique en 2012 après amoxicilline.

TRAITEMENT
Apixaban 5 mg matin et soir.
"""


@dataclass(frozen=True)
class Command:
    """The command over one home."""

    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")}
        environment |= {"ANAMNESE_HOME": str(self.home), "ANAMNESE_CACHE": os.environ["ANAMNESE_CACHE"]}
        return subprocess.run(
            [sys.executable, "-W", "error::ResourceWarning", "-m", "cli", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=240,
            check=False,
        )

    def json(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A home with one letter, readable by one practitioner."""
    folder = tmp_path_factory.mktemp("e2e")
    (folder / "in").mkdir()
    (folder / "in" / "lettre.txt").write_text(LETTER, encoding="utf-8")
    command = Command(folder / "home")
    (letter,) = command.json("ingest", str(folder / "in"), "--patient", PATIENT)
    assert letter["state"] == "searchable"
    command.json("grant", "--patient", PATIENT, "--to", DOCTOR)
    return command


def search(command: Command, query: str, who: str = DOCTOR, patient: str = PATIENT) -> dict[str, Any]:
    (answer,) = command.json("search", query, "--patient", patient, "--as", who)
    return answer


@pytest.mark.parametrize(
    "query", ["allergie pénicilline", "allergie penicilline", "alergie pénicilinne", "anticoagulant apixaban"]
)
def test_a_permitted_practitioner_finds_the_passage(command: Command, query: str) -> None:
    answer = search(command, query)
    passage = answer["hits"][0]["passages"][0]
    assert "pénicilline" in passage["text"] or "Apixaban" in passage["text"]
    marked = {passage["text"][start:end].lower() for start, end in passage["highlights"]}
    assert marked & {"allergie", "pénicilline", "apixaban", "allergies"}
    assert answer["coverage"]["notice"]


def test_a_stranger_and_an_unknown_patient_meet_the_same_door(command: Command) -> None:
    stranger = command.run("search", "allergie", "--patient", PATIENT, "--as", STRANGER)
    unknown = command.run("search", "allergie", "--patient", "269054958815780", "--as", DOCTOR)
    assert (stranger.returncode, stranger.stdout, stranger.stderr) == (
        unknown.returncode,
        unknown.stdout,
        unknown.stderr,
    )
    assert stranger.returncode == 1
    assert "Traceback" not in stranger.stderr


def test_the_same_file_again_is_the_same_document(command: Command, tmp_path: Path) -> None:
    (tmp_path / "copie.txt").write_text(LETTER, encoding="utf-8")
    first, again = (command.json("ingest", str(tmp_path), "--patient", PATIENT)[0] for _ in range(2))
    assert again["duplicate"]
    assert first["document_id"] == again["document_id"]


def test_revoking_acts_on_the_next_request(tmp_path: Path) -> None:
    command = Command(tmp_path / "home")
    (tmp_path / "a.txt").write_text(LETTER, encoding="utf-8")
    command.json("ingest", str(tmp_path / "a.txt"), "--patient", PATIENT)
    command.json("grant", "--patient", PATIENT, "--to", DOCTOR)
    assert search(command, "apixaban")["hits"]
    command.json("revoke", "--patient", PATIENT, "--to", DOCTOR)
    assert command.run("search", "apixaban", "--patient", PATIENT, "--as", DOCTOR).returncode == 1
    shown = [(entry["action"], entry["outcome"]) for entry in command.json("audit", "show", "--patient", PATIENT)]
    assert shown == [("search", "refused"), ("revoke", "granted"), ("search", "granted"), ("grant", "granted")]
    assert command.run("audit", "verify").returncode == 0


def bad_files(folder: Path) -> Sequence[tuple[str, str]]:
    """Files that must be refused, with the code of the refusal."""
    (folder / "vide.pdf").write_bytes(b"")
    (folder / "faux.txt").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    with zipfile.ZipFile(folder / "archive.pdf", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return [("vide.pdf", "empty-file"), ("faux.txt", "damaged-pdf"), ("archive.pdf", "unsupported-type")]


def test_a_bad_file_is_refused_and_its_neighbour_is_not(command: Command, tmp_path: Path) -> None:
    expected = dict(bad_files(tmp_path))
    (tmp_path / "latin1.txt").write_bytes("Diabète équilibré, hémoglobine glyquée à 6,8 %.".encode("latin-1"))
    results = {
        Path(one["file"]).name: one for one in command.json("ingest", str(tmp_path), "--patient", PATIENT, code=1)
    }
    assert results.pop("latin1.txt")["state"] == "searchable"
    assert {name: one["state"] for name, one in results.items()} == dict.fromkeys(expected, "refused")
    assert {name: one["refusal"]["code"] for name, one in results.items()} == expected
    assert all(one["refusal"]["remedy"] for one in results.values())
    assert search(command, "hémoglobine glyquée")["hits"]


def test_reindex_and_verify_leave_the_same_answers(command: Command) -> None:
    before = search(command, "apixaban")
    command.json("reindex")
    (report,) = command.json("verify")
    assert report["clean"]
    assert search(command, "apixaban")["hits"] == before["hits"]


def test_config_masks_secrets_and_names_every_setting(command: Command) -> None:
    (shown,) = command.json("config")
    assert shown["ANAMNESE_HOME"] == str(command.home)
    assert shown["ANAMNESE_PROFILE"] == "single"


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "x", "--patient", "123", "--as", DOCTOR),
        ("search", "x", "--patient", PATIENT, "--as", "12"),
        ("ingest", "absent.pdf", "--patient", PATIENT),
        ("token",),
        ("worker",),
        ("evaluate", "absent"),
    ],
)
def test_a_wrong_command_is_a_sentence_and_not_a_trace(command: Command, arguments: tuple[str, ...]) -> None:
    done = command.run(*arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_stray_letter_is_held_until_somebody_decides(command: Command, tmp_path: Path) -> None:
    """By number alone: the record of `--patient` has no traits. The letter then goes to the patient that it names."""
    other = "279035121518989"
    stray = tmp_path / "stray.txt"
    stray.write_text(f"Mme Chloé DURAND, née le 28/03/1979\nINS : {other}\n\nLithiase du cholédoque.", encoding="utf-8")
    (held,) = command.json("ingest", str(stray), "--patient", PATIENT, code=1)
    assert (held["state"], held["refusal"]["code"]) == ("quarantined", "other-patient")
    (line,) = command.json("quarantine", "list")
    assert line["document_id"] == held["document_id"]
    assert line["evidence"][0]["found"][-1] == f"INS {other}"
    assert "cholédoque" not in str(line)
    reason = ("--reason", "patient vérifié", "--by", "cellule")
    unknown = command.run("quarantine", "reassign", line["document_id"], "--to", other, *reason)
    assert unknown.returncode == 1
    assert "settle / no-such-patient" in unknown.stderr
    command.json("grant", "--patient", other, "--to", DOCTOR)
    (moved,) = command.json("quarantine", "reassign", line["document_id"], "--to", other, *reason)
    assert moved["document_id"] != line["document_id"]
    assert command.json("quarantine", "list") == []
    assert [hit["document"]["id"] for hit in search(command, "cholédoque", patient=other)["hits"]] == [
        moved["document_id"]
    ]
    before = search(command, "cholédoque")["hits"]  # what is far may be shown: of what is there, and said to be far
    assert all(hit["far"] and "cholédoque" not in str(hit["passages"]) for hit in before)
    assert command.run("quarantine", "release", moved["document_id"], *reason).returncode == 1
    lines = command.json("audit", "show", "--patient", PATIENT)
    assert [(e["caller"], e["detail"]) for e in lines if e["action"] == "quarantine-reassign"] == [
        ("cellule", "patient vérifié")
    ]
    assert command.run("audit", "verify").returncode == 0


def test_a_document_set_aside_is_listed_with_who_and_why_and_taken_up_again(command: Command, tmp_path: Path) -> None:
    stray = tmp_path / "stray.txt"
    stray.write_text("Mme Chloé DURAND, née le 28/03/1979\nINS : 279035121518989\n\nLithiase.", encoding="utf-8")
    (held,) = command.json("ingest", str(stray), "--patient", PATIENT, code=1)
    command.json("quarantine", "refuse", held["document_id"], "--reason", "pas d'ici", "--by", "cellule")
    assert command.json("quarantine", "list") == []
    (line,) = command.json("quarantine", "list", "--refused")
    assert (line["document_id"], line["set_aside"]["by"], line["set_aside"]["reason"]) == (
        held["document_id"],
        "cellule",
        "pas d'ici",
    )
    (again,) = command.json("quarantine", "reopen", line["document_id"], "--reason", "erreur", "--by", "cellule")
    assert again["state"] == "quarantined"
    assert [one["document_id"] for one in command.json("quarantine", "list")] == [held["document_id"]]
