"""What can be proved of docker-compose.yml and the Dockerfile without a container engine: none runs here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from cli.main import app
from cli.settings import Settings

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docker-compose.yml").read_text()
DOCKERFILE = (PROJECT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("api", "worker", "worker-quick")
OUTSIDE_SETTINGS = {"ANAMNESE_CACHE"}  # read before there are settings


def _mounted(service: dict[str, Any]) -> dict[str, str]:
    """Secrets of a service: the name of the file under /run/secrets, and the secret it comes from."""
    entries = [{"source": s, "target": s} if isinstance(s, str) else s for s in service.get("secrets", [])]
    return {entry["target"]: entry["source"] for entry in entries}


def test_it_says_that_it_was_not_run_here() -> None:
    assert "NOT RUN" in TEXT[:400]
    assert "Not built" in DOCKERFILE[:400]


def test_the_services_are_there() -> None:
    assert set(SERVICES) == {"api", "worker", "worker-quick", "opensearch", "postgresql", "redis"}


@pytest.mark.parametrize("name", ["api", "worker", "worker-quick", "opensearch", "postgresql", "redis"])
def test_every_service_is_checked_bounded_and_unprivileged(name: str) -> None:
    service = SERVICES[name]
    assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert int(service["user"].split(":")[0]) > 0
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "network_mode", "pid"} & set(service)
    assert service["restart"] == "unless-stopped"


def test_only_the_api_is_published_and_on_this_machine_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["api"]["ports"])
    assert COMPOSE["networks"]["inner"] == {"internal": True}
    assert all(service["networks"] == ["inner"] for name, service in SERVICES.items() if name != "api")


@pytest.mark.parametrize("name", OURS)
def test_every_command_and_option_exists_in_anamnese(name: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    verb, *arguments = SERVICES[name]["command"]
    assert verb in commands
    options = {option for parameter in commands[verb].params for option in parameter.opts}
    given = [argument for argument in arguments if argument.startswith("--")]
    assert given
    assert set(given) <= options


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_and_the_profile_is_whole(name: str) -> None:
    service = SERVICES[name]
    secret = {target for target in _mounted(service) if target.startswith("ANAMNESE_")}
    given = set(service["environment"]) | secret
    known = {f"ANAMNESE_{field.upper()}" for field in Settings.model_fields}
    assert given - OUTSIDE_SETTINGS <= known
    values = {key.removeprefix("ANAMNESE_").lower(): v for key, v in service["environment"].items()}
    settings = Settings(**{k: v for k, v in values.items() if k != "cache"}, redis_url="redis://:x@redis:6379/0")
    assert settings.profile == "cluster"
    assert given >= {
        "ANAMNESE_OPENSEARCH_URL",
        "ANAMNESE_REDIS_URL",
        "ANAMNESE_RECORDS_URL",
        "ANAMNESE_RECORDS_PASSWORD_FILE",
        "ANAMNESE_MASTER_KEY_FILE",
    }


def test_no_secret_is_written_in_the_file() -> None:
    assert not re.search(r"(?i)(password|passwd|requirepass)\s*[:=]\s*['\"]?\w", TEXT)
    for service in SERVICES.values():
        for target, source in _mounted(service).items():
            assert source in COMPOSE["secrets"], target
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    assert SERVICES["api"]["environment"]["ANAMNESE_MASTER_KEY_FILE"] == "/run/secrets/master_key"
    assert "master_key" in _mounted(SERVICES["api"])


def test_every_volume_and_network_is_declared_and_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    assert {network for service in SERVICES.values() for network in service["networks"]} == set(COMPOSE["networks"])


def test_every_image_is_pinned_and_every_target_exists() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    for service in SERVICES.values():
        if "image" in service:
            assert re.fullmatch(r"[a-z/]+:\d+\.[\w.-]+", service["image"])
        else:
            assert service["build"]["target"] in stages
    assert "latest" not in TEXT + DOCKERFILE


def test_the_dockerfile_copies_what_exists_and_every_package() -> None:
    copied = [line.split()[1:-1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    sources = {source for group in copied for source in group}
    assert len(sources) > 12
    assert all((PROJECT / source).exists() for source in sources)
    wheel = re.search(r"^packages = \[(.*)\]$", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert wheel is not None
    assert set(re.findall(r'"(\w+)"', wheel[1])) <= sources
    allowed = {line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source.split("/")[0] for source in sources} <= allowed


def test_the_workers_lock_holds_nothing_that_the_tests_have_not_seen() -> None:
    worker, tested = (_pins(PROJECT / "requirements" / f"{name}.lock") for name in ("worker", "test"))
    assert len(worker) > 50
    assert worker.items() <= tested.items()
    assert "sentence-transformers" in worker
    assert "pytest" not in worker


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", path.read_text(), re.MULTILINE))


def test_secrets_reach_the_command_and_nothing_else(tmp_path: Path) -> None:
    script = (PROJECT / "docker" / "with-secrets").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "ANAMNESE_REDIS_URL").write_text("redis://:w$(id)'o rd@redis:6379/0\n")
    (tmp_path / "master_key").write_bytes(b"\0" * 32)
    (tmp_path / "run").write_text(script)
    done = subprocess.run(
        ["sh", str(tmp_path / "run"), "env"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert seen["ANAMNESE_REDIS_URL"] == "redis://:w$(id)'o rd@redis:6379/0"
    assert not {name for name in seen if name.startswith("ANAMNESE_")} - {"ANAMNESE_REDIS_URL"}
