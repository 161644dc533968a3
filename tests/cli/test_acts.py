"""The acts on the command line, in one process: each changes what `search` answers next, and stands in the journal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.compose import open_home
from cli.main import app
from cli.settings import load_settings
from records import practitioners
from tests.ingest.cda_files import cda

INS = "185037512345641"
PARENT = "275037512345693"
RPPS = "10001234567"
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command with --json; its value, or the code of its Refusal. A document is there, and nobody may see it."""
    for name, value in (("HOME", str(tmp_path / "home")), ("EMBEDDER", "none"), ("OCR", "none")):
        monkeypatch.setenv(f"ANAMNESE_{name}", value)

    def invoke(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if isinstance(done.exception, Refusal):
            return done.exception.code
        assert done.exit_code == 0, (arguments, done.output, done.exception)
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None

    letter = tmp_path / "lettre.txt"
    letter.write_text("Allergie à la pénicilline.", encoding="utf-8")
    invoke.document = invoke("ingest", str(letter), "--patient", INS)["document_id"]  # type: ignore[attr-defined]
    return invoke


def found(run: Run, rpps: str = RPPS) -> int | str:
    answer = run("search", "allergie", "--patient", INS, "--as", rpps)
    return answer if isinstance(answer, str) else len(answer["hits"])


def test_the_example_of_the_contract_works_for_an_rpps_never_registered(run: Run) -> None:
    assert found(run) == "no-access"
    run("grant", "--patient", INS, "--to", RPPS)
    assert found(run) == 1
    run("revoke", "--patient", INS, "--to", RPPS)
    assert found(run) == "no-access"


def test_a_registered_profession_decides(run: Run) -> None:
    run("grant", "--patient", INS, "--to", RPPS)
    assert run("practitioner", RPPS, "--profession", "médecin", "--specialty", "SM25")["types"] == 0
    assert found(run) == "profession-sees-nothing"
    assert run("practitioner", RPPS, "--profession", "10", "--specialty", "SM54")["role"] == "médecin généraliste"
    assert found(run) == 1
    assert run("practitioner", "123", "--profession", "10") == "bad-rpps"


def test_without_the_development_profession_nobody_unregistered_sees(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("grant", "--patient", INS, "--to", RPPS)
    monkeypatch.setenv("ANAMNESE_DEVELOPMENT_PROFESSION", "")
    assert found(run) == "profession-sees-nothing"


@pytest.mark.parametrize(
    ("do", "undo"),
    [
        (["block", "--as", RPPS], ["unblock", "--as", RPPS]),
        (["close"], ["reopen"]),
        (["mask"], ["unmask"]),
    ],
)
def test_an_act_and_what_undoes_it(run: Run, do: list[str], undo: list[str]) -> None:
    document = ["--document", run.document] if "mask" in do[0] else []  # type: ignore[attr-defined]
    run("grant", "--patient", INS, "--to", RPPS)
    assert found(run) == 1
    run(*do, "--patient", INS, *document)
    assert found(run) in ("no-access", 0)
    run(*undo, "--patient", INS, *document)
    assert found(run) == 1
    done = CliRunner().invoke(app, ["audit", "show", "--json"])
    actions = [json.loads(line)["action"] for line in done.stdout.splitlines()]
    assert actions == ["search", undo[0], "search", do[0], "search", "grant"]


def test_a_traitant_sees_what_is_masked_and_an_act_names_a_document_of_the_patient(run: Run) -> None:
    run("mask", "--patient", INS, "--document", run.document)  # type: ignore[attr-defined]
    run("grant", "--patient", INS, "--to", RPPS, "--comme-traitant")
    assert found(run) == 1
    assert run("grant", "--patient", INS, "--to", RPPS, "--comme-traitant", "--medecin-traitant") == "bad-request"
    assert run("mask", "--patient", INS, "--document", "a" * 26) == "no-such-document"
    assert run("mask", "--patient", PARENT, "--document", run.document) == "no-such-document"  # type: ignore[attr-defined]


def test_what_another_sender_says_of_a_document_waits_for_a_decision(run: Run, tmp_path: Path) -> None:
    run("grant", "--patient", INS, "--to", RPPS)
    letter = tmp_path / "un.xml"
    letter.write_text(cda("X", "Y", "19850312", unique="1.2.3^v1", text="Allergie à l'arachide."), encoding="utf-8")
    first = run("ingest", str(letter), "--patient", INS)["document_id"]
    folder = tmp_path / "depot"
    (folder / INS).mkdir(parents=True)
    parent = '<relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.3" extension="v1"/></parentDocument>'
    text = cda("X", "Y", "19850312", unique="1.2.3^v2", text="Rien.").replace(
        "<component>", f"{parent}</relatedDocument><component>", 1
    )
    (folder / INS / "deux.xml").write_text(text, encoding="utf-8")
    second = run("watch", str(folder), "--once", "--settle", "0")["document_id"]
    assert found(run) == 2, "the first text and the letter: nothing was replaced"
    (other,) = run("claims", "list")["others"]
    assert (other["document_id"], other["cancelled"]) == (first, False)
    assert run("claims", "accept", second, "--reason", "x") == "no-reason"
    assert run("claims", "accept", first, "--reason", "confirmé") == "no-such-claim"
    run("claims", "accept", second, "--reason", "confirmé par l'émetteur")
    assert found(run) == 1
    assert run("claims", "list") is None
    run("claims", "refuse", second, "--reason", "erreur de décision")
    assert found(run) == 2
    done = CliRunner().invoke(app, ["audit", "show", "--json"])
    actions = [json.loads(line)["action"] for line in done.stdout.splitlines()]
    assert actions[:2] == ["search", "claim-refuse"]
    assert {"claim-accept", "claim-list"} <= set(actions)


@pytest.mark.parametrize(("setting", "seen"), [("", 1), ("false", 2)])
def test_whether_a_restricted_document_arrives_masked_is_a_setting(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, seen: int
) -> None:
    if setting:
        monkeypatch.setenv("ANAMNESE_RESTRICTED_MASKS", setting)
    letter = tmp_path / "un.xml"
    text = cda("X", "Y", "19850312", text="Allergie à l'arachide.")
    letter.write_text(text.replace("<recordTarget>", '<confidentialityCode code="R"/><recordTarget>'), encoding="utf-8")
    run("ingest", str(letter), "--patient", INS)
    run("grant", "--patient", INS, "--to", RPPS)
    assert found(run) == seen


def test_the_status_of_an_identity_follows_what_was_seen(run: Run) -> None:
    step = ["identities", "status", "--patient", INS, "--source", "750000001", "--reason", "au guichet"]
    assert run(*step, "--event", "checked")["ins_status"] == "validated"
    assert run(*step, "--event", "retrieved")["ins_status"] == "qualified"
    assert run("identities", "status", "--patient", PARENT, *step[4:], "--event", "doubt") == "no-such-patient"
    assert run(*step[:-1], "x", "--event", "doubt") == "no-reason"
    done = CliRunner().invoke(app, ["audit", "show", "--json"])
    assert [json.loads(line)["action"] for line in done.stdout.splitlines()][:2] == ["ins-retrieved", "ins-checked"]


def test_masked_and_hidden_is_refused_here_too(run: Run) -> None:
    run("mask", "--patient", INS, "--document", run.document)  # type: ignore[attr-defined]
    hidden = run("hide", "--patient", INS, "--document", run.document)  # type: ignore[attr-defined]
    assert hidden == "masked-and-hidden"
    run("hide", "--patient", INS, "--document", run.document, "--from-representatives")  # type: ignore[attr-defined]
    run("announce", "--patient", INS, "--document", run.document, "--from-representatives")  # type: ignore[attr-defined]
    again = run("hide", "--patient", INS, "--document", run.document, "--from-representatives")  # type: ignore[attr-defined]
    assert again == "already-opened"


def test_an_emergency_opens_unless_opposed_and_is_listed_for_the_auditor(run: Run) -> None:
    assert run("break-glass", "--patient", INS, "--as", RPPS, "--reason", "unconscious")["until"]
    assert found(run) == 1
    assert run("audit", "break-glass")["reason"] == "unconscious"
    run("oppose", "--patient", INS)
    assert found(run) == "no-access"
    assert run("break-glass", "--patient", INS, "--as", RPPS, "--reason", "other") == "no-access"
    run("withdraw", "--patient", INS)
    assert found(run) == 1
    assert run("withdraw", "--patient", INS) == "nothing-to-undo"


def test_representatives_contacts_and_mail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    person = ["--patient", INS, "--person", PARENT]
    assert run("representative", *person, "--kind", "legal_representative") == "not-a-minor"
    assert run("representative", *person, "--kind", "guardian")["kind"] == "guardian"
    assert run("representative", *person, "--kind", "guardian", "--end")["ended"] is True
    assert run("representative", *person, "--kind", "guardian", "--end") == "nothing-to-undo"
    run("contact", "--patient", INS, "--mail", "a@exemple.test")
    assert run("notify") == "no-mail-server"
    monkeypatch.setenv("ANAMNESE_SMTP_HOST", "127.0.0.1")
    assert run("notify") == {"sent": 0, "failed": 0, "unaddressed": 0, "withheld": 0}


def test_the_address_of_a_professional_stays_until_it_is_changed(run: Run) -> None:
    def address() -> str:
        with open_home(load_settings()) as home, home.services.records.read() as tx:
            known = practitioners.practitioner(tx, RPPS)
            assert known is not None
            return known.mail

    as_before = ["practitioner", RPPS, "--profession", "médecin"]
    for mail, expected in (([], ""), (["--mail", "a@mssante.test"], "a@mssante.test"), ([], "a@mssante.test")):
        run(*as_before, *mail)
        assert address() == expected
    run(*as_before, "--mail", "")
    assert address() == ""
