"""The border: health that tells the truth, problems of one shape, headers, documentation without outside hosts."""

from __future__ import annotations

import ast
import dataclasses
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from access.refusal import Refusal
from search_api import problems
from search_api.app import create_app
from search_api.border import BODY_LIMIT
from search_api.health import look
from search_api.logs import configuration
from search_api.services import Services, ServingIndex
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World, open_world

SOURCES = sorted(Path(problems.__file__).parent.glob("*.py"))


def test_a_living_process_says_so(world: World) -> None:
    answer = world.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_every_part_is_tried(world: World) -> None:
    answer = world.http.get("/readyz")
    parts = answer.json()["parts"]
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"  # this home has neither model nor OCR, and says so
    assert {name: part["ok"] for name, part in parts.items()} == {
        "records": True,
        "blobs": True,
        "disk": True,
        "index": True,
        "embedder": False,
        "ocr": False,
        "queue": True,
        "sandbox": True,
    }
    assert "mots seulement" in parts["embedder"]["detail"]


def _down() -> str:
    raise Refusal("index", "index-unavailable", "L'index ne répond pas.", "Relancez-le.")


class DownGenerations:
    """An engine that is away, for bad days."""

    def __getattr__(self, _: str) -> Callable[..., Any]:
        return lambda *_: _down()


def without_index(services: Services) -> Services:
    return dataclasses.replace(services, index=ServingIndex(DownGenerations(), lambda: _down()))  # type: ignore[arg-type]


def test_an_index_that_is_down_is_told_everywhere(world: World) -> None:
    with TestClient(create_app(without_index(world.services))) as http:
        ready = http.get("/readyz")
        answer = http.post(world.url("marie", "/search"), json={"query": "allergie"}, headers=world.bearer(DOCTOR))
        listed = http.get(world.url("marie", "/documents"), headers=world.bearer(DOCTOR))
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert ready.json()["parts"]["index"] == {"ok": False, "detail": "L'index ne répond pas."}
    assert ready.json()["parts"]["records"]["ok"]
    assert (answer.status_code, answer.json()["code"]) == (503, "index-unavailable")
    assert answer.headers["retry-after"]
    assert listed.status_code == 200


def test_a_new_home_without_generation_is_not_ready(tmp_path: Path) -> None:
    world = open_world(tmp_path / "home")
    assert look(world.services).status == "unavailable"
    assert not look(world.services).parts["index"].ok


def test_blobs_that_cannot_be_written_are_told(own_world: World) -> None:
    partial = own_world.services.blobs._partial
    partial.rename(partial.with_name("away"))
    readiness = look(own_world.services)
    assert readiness.status == "unavailable"
    assert not readiness.parts["blobs"].ok
    assert str(own_world.home) not in readiness.model_dump_json()


def test_dead_workers_and_missing_ocr_degrade(world: World) -> None:
    services = dataclasses.replace(world.services, workers_alive=lambda: False, ocr_name=lambda: "tesseract 5.3.0")
    readiness = look(services)
    assert readiness.status == "degraded"
    assert not readiness.parts["queue"].ok
    assert readiness.parts["ocr"].detail == "tesseract 5.3.0."


def codes_raised() -> set[str]:
    """The codes of every Refusal written in search_api."""
    codes = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal":
                code = node.args[1]
                if ast.unparse(code).endswith(".code"):
                    continue  # another Refusal in other words
                assert isinstance(code, ast.Constant), path
                codes.add(code.value)
    return codes


def test_every_refusal_of_this_package_has_a_status() -> None:
    only_in_readiness = {"words-only", "no-ocr", "no-worker", "no-isolation"}
    only_by_command = {"bad-webhook", "bad-kind", "bad-rpps", "unknown-patient"}
    only_in_reports = {"line-not-taken", "bytes-not-in-file", "entered-in-error"}  # of an import, line by line
    codes = codes_raised()
    assert len(codes) >= 25
    assert codes - set(problems.STATUS) - only_in_readiness == only_by_command | only_in_reports


def test_every_status_is_that_of_a_code_that_exists() -> None:
    root = Path(problems.__file__).parents[1]
    packages = ("access", "records", "index", "ingest", "search_api")
    paths = {path for name in packages for path in (root / name).rglob("*.py")} - {Path(problems.__file__)}
    written = "\n".join(path.read_text() for path in sorted(paths))
    unknown = {code for code in problems.STATUS if f'"{code}"' not in written} - codes_raised()
    assert unknown == set()


def test_an_unexpected_error_shows_a_reference_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from records import documents

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Madame Martin a une allergie")

    monkeypatch.setattr(documents, "list_documents", broken)
    answer = world.http.get(world.url("marie", "/documents"), headers=world.bearer(DOCTOR))
    assert answer.status_code == 500
    body = answer.json()
    assert body["code"] == "internal"
    assert re.fullmatch(r"[0-9a-f]{12}", body["reference"])
    assert "Martin" not in answer.text
    assert "Traceback" not in answer.text
    ours = [record for record in caplog.records if record.name.startswith("anamnese")]
    assert any(body["reference"] in record.getMessage() for record in ours)
    assert not any("Martin" in record.getMessage() or record.exc_info for record in ours)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nulle/part", 404, "no-such-route"),
        ("DELETE", "/healthz", 405, "method-not-allowed"),
        ("PUT", "/v1/patients/x/search", 405, "method-not-allowed"),
        ("GET", "/redoc", 404, "no-such-route"),
    ],
)
def test_every_error_is_a_problem(world: World, method: str, path: str, status: int, code: str) -> None:
    answer = world.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "stage", "code", "remedy"} <= set(answer.json())
    assert (status != 405) or answer.headers["allow"]


def test_a_malformed_body_is_described_without_repeating_it(world: World) -> None:
    headers = {**world.bearer(DOCTOR), "Content-Type": "application/json"}
    for body in (
        b"{",
        b"[]",
        b"null",
        b'{"query": 5, "secret": "VIH"}',
        b"\xff\xfe",
        b'{"query": "VIH", "limit": 1e9}',
    ):
        answer = world.http.post(world.url("marie", "/search"), content=body, headers=headers)
        assert answer.status_code in (400, 422), body
        assert answer.json()["code"] == "bad-request"
        assert "VIH" not in answer.text


def test_a_body_over_the_limit_is_refused_even_without_a_length(world: World) -> None:
    headers = {**world.bearer(DOCTOR), "Content-Type": "application/json"}

    def pieces() -> Any:
        yield b'{"query": "'
        for _ in range(BODY_LIMIT // 1000 + 1):
            yield b"a" * 1000

    for content in (b" " * (BODY_LIMIT + 1), pieces()):
        answer = world.http.post(world.url("marie", "/search"), content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_every_answer_carries_the_security_headers(world: World) -> None:
    for path in ("/healthz", "/docs", "/openapi.json", "/nulle/part", world.url("marie", "/documents")):
        headers = world.http.get(path, headers=world.bearer(DOCTOR)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers


def test_the_documentation_lists_every_endpoint_and_fetches_nothing(world: World) -> None:
    page = world.http.get("/docs").text
    paths = world.http.get("/openapi.json").json()["paths"]
    assert len(paths) >= 10
    for path in paths:
        assert path in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)
    assert "@import" not in page
    assert "url(" not in page


def test_uvicorns_own_access_log_is_off() -> None:
    assert configuration("line")["loggers"]["uvicorn.access"]["handlers"] == []


def test_a_home_is_private(world: World) -> None:
    home = world.home
    for path in (home / "master.key", home / "records.db"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
