"""Measures and logs: by stage, by route, and free of health data, identifiers and questions, whatever happens."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Literal

import pytest

from search_api.logs import configuration
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

PLANTED = ("Quatrefoilzy", "Zyxomycine", "Plazmodine", "Kryptogene")


def value(text: str, name: str, **labels: str) -> float:
    found = 0.0
    for line in text.splitlines():
        if line.startswith(f"{name}{{") and all(f'{key}="{label}"' in line for key, label in labels.items()):
            found += float(line.rpartition(" ")[2])
    return found


def test_stages_routes_and_the_queue_are_measured(own_world: World) -> None:
    before = own_world.http.get("/metrics").text
    own_world.deposit("neuf", "marie", "Allergie à la pénicilline notée ce jour.")
    waiting = own_world.http.get("/metrics").text
    assert value(waiting, "anamnese_jobs", state="queued") == 1
    own_world.clock.now += own_world.clock.now.resolution * 90_000_000
    assert float(re.findall(r"^anamnese_oldest_job_seconds (\S+)", own_world.http.get("/metrics").text, re.M)[0]) >= 90
    own_world.work()
    own_world.search("pénicilline", own_world.bearer(DOCTOR))
    after = own_world.http.get("/metrics").text
    for stage in ("receive", "take", "read", "split", "embed", "store", "project"):
        counts = [value(one, "anamnese_stage_seconds_count", stage=stage, outcome="done") for one in (before, after)]
        assert counts[1] > counts[0], stage
    assert value(after, "anamnese_jobs", state="queued") == 0
    assert value(after, "anamnese_request_seconds_count", route="/v1/patients/{patient_id}/search", status="200") >= 1
    assert "\nanamnese_records_up 1.0" in after
    assert "\nanamnese_oldest_job_seconds 0.0" in after


@pytest.mark.parametrize("style", ["line", "json"])
def test_no_measure_and_no_line_holds_health_data(own_world: World, style: Literal["line", "json"]) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(configuration(style)["formatters"][style]["()"]())
    logger = logging.getLogger("anamnese")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        document_id = own_world.deposit("neuf", "marie", f"Patient {PLANTED[0]}, allergie {PLANTED[1]}.")
        own_world.work()
        bearer = own_world.bearer(DOCTOR)
        assert own_world.search(f"{PLANTED[1]} {PLANTED[2]}", bearer).status_code == 200
        url = own_world.url("marie", "/documents")
        refused = own_world.http.post(url, files={"file": (f"{PLANTED[3]}.pdf", b"%PDF-1.7 broken")}, headers=bearer)
        own_world.work()
        for path in (f"/{PLANTED[0]}", f"/v1/patients/{PLANTED[0]}/search", own_world.url("marie", f"/{PLANTED[1]}")):
            own_world.http.request("PLANTEDVERB", path, headers=bearer)
            own_world.http.get(path, headers=bearer)
        try:
            raise ValueError(PLANTED[1])
        except ValueError:
            logger.exception("broken")
        measured = own_world.http.get("/metrics").text
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    logged = stream.getvalue()
    identifiers = (own_world.patients["marie"], document_id, refused.json().get("document_id", "none"), DOCTOR)
    for text in (measured, logged):
        assert [word for word in (*PLANTED, *identifiers, "PLANTEDVERB") if word.lower() in text.lower()] == []
    assert value(measured, "anamnese_refusals_total", stage="read") + logged.count("refused") >= 1
    assert "ValueError at test_metrics.py" in logged
    if style == "json":
        lines = [json.loads(line) for line in logged.splitlines()]
        assert {"at", "level", "logger", "message"} <= set(lines[0])
        assert any(line.get("error", "").startswith("ValueError") for line in lines)
