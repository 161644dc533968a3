"""Where an issuer says who is who, nobody speaks for anybody on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.main import app
from cli.settings import load_settings

ISSUER = {"issuer": "https://auth.example/realm", "audience": "anamnese"}
INS = "185037512345641"
VALUES = {"--reason": "unconscious"}


def speaking() -> Iterator[tuple[str, Any]]:
    """Every command with `--as` alone: `--to/--as` names who is allowed, not who speaks."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        if any("--as" in each.opts and "--to" not in each.opts for each in command.params):
            yield name, command


def test_some_commands_speak() -> None:
    assert {name for name, _ in speaking()} >= {"search", "break-glass", "token"}


@pytest.mark.parametrize("name", [name for name, _ in speaking()])
def test_it_is_refused_beside_an_issuer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANAMNESE_OIDC", json.dumps([ISSUER]))
    command = dict(speaking())[name]
    arguments = [name, "--as", "10001234567"]
    for each in command.params:
        if each.param_type_name == "argument" and each.required:
            arguments.append("allergie")
        elif each.required and "--as" not in each.opts:
            arguments += [each.opts[0], VALUES.get(each.opts[0], INS)]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, Refusal), done.output
    assert done.exception.code == "issuer-configured"
    assert not (tmp_path / "home").exists()


def test_the_demo_is_refused_beside_an_issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ANAMNESE_OIDC", json.dumps([ISSUER]))
    done = CliRunner().invoke(app, ["demo", "--no-serve"])
    assert isinstance(done.exception, Refusal)
    assert done.exception.code == "issuer-configured"


def test_nobody_is_a_generalist_by_default_beside_an_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().unregistered_profession
    monkeypatch.setenv("ANAMNESE_OIDC", json.dumps([ISSUER]))
    assert load_settings().unregistered_profession == ""
    monkeypatch.setenv("ANAMNESE_DEVELOPMENT_PROFESSION", "médecin généraliste")
    with pytest.raises(Refusal, match="ANAMNESE_DEVELOPMENT_PROFESSION"):
        load_settings()


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://auth.example/realm"},
        {"issuer": "https://auth.example/realm?x=1"},
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"audience": ""},
        {"profile": "psc", "names": ["practitioner", "patient"]},
        {"names": ["root"]},
        {"unknown": 1},
        {"systems": [{"client_id": "dpi", "keys": []}]},
    ],
)
def test_a_doubtful_issuer_does_not_start(wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_OIDC", json.dumps([ISSUER | wrong]))
    with pytest.raises(Refusal) as refused:
        load_settings()
    assert refused.value.code == "bad-settings"
    assert re.search("oidc", refused.value.message)


def test_one_issuer_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_OIDC", json.dumps([ISSUER, ISSUER]))
    with pytest.raises(Refusal, match="twice"):
        load_settings()
