"""`anamnese serve` killed outright in the middle of an import that came over HTTP: it goes on, nothing lost or twice.

With ANAMNESE_LONG=1: two starts of the service and 40 documents take 20 to 50 s. In the ordinary tests,
tests/search_api/test_bulks.py and test_bulk_archives.py are killed between a deposit and its trace.
"""

from __future__ import annotations

import base64
import io
import json
import os
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.compose import open_home, resolve_patient
from cli.settings import load_settings
from records import documents
from records.documents import DocumentState
from search_api.tokens import issue_token
from tests.e2e.running import Home, Service, bearer, serving
from tests.records.building import ins

SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"
COUNT = 40


def line(number: int) -> bytes:
    data = base64.b64encode(f"Lettre {number}. Purpura rhumatoïde.".encode()).decode()
    resource = {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"identifier": {"system": SYSTEM, "value": ins(1).matricule}},
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    }
    return json.dumps(resource).encode() + b"\n"


def lines() -> bytes:
    return b"".join(map(line, range(COUNT)))


def archive() -> bytes:
    """Half of it files, half lines, so that a kill among either leaves some."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("lot/lignes.ndjson", b"".join(map(line, range(COUNT // 2, COUNT))))
        for number in range(COUNT // 2):
            made.writestr(f"lot/{ins(1).matricule}/{number}.txt", f"Lettre {number}. Purpura rhumatoïde.".encode())
    return out.getvalue()


def sent(service: Service, token: str, content: bytes) -> dict[str, Any]:
    headers = bearer(token) | {"Idempotency-Key": "reprise"}
    answer = service.http.post("/v1/bulks", files={"file": ("lot", content)}, headers=headers)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def until(service: Service, bulk_id: str, token: str, waiting: int) -> dict[str, Any]:
    """The import once no more lines than this wait, and none is in hand if none does."""
    deadline = time.monotonic() + 240
    while True:
        told = dict(service.http.get(f"/v1/bulks/{bulk_id}", headers=bearer(token)).json())
        if told["total"] > 1 and told["waiting"] <= waiting and (waiting or not told["reading"]):
            return told
        assert time.monotonic() < deadline, told
        time.sleep(0.005)


def killed_in_the_middle(tmp_path: Path, content: bytes, waiting: int) -> None:
    chosen = {"home": str(tmp_path / "home"), "embedder": "none", "ocr": "none", "reserve": "0"}
    settings = load_settings(**chosen)
    with open_home(settings) as opened:
        patient_id = resolve_patient(opened, ins(1).matricule, create=True)
        token = issue_token(opened.services, system="dpi", lifetime=timedelta(hours=1), now=opened.clock())
    home = Home(tmp_path / "home", {f"ANAMNESE_{name.upper()}": value for name, value in chosen.items()})
    with serving(home) as service:
        begun = sent(service, token, content)
        before = until(service, begun["bulk_id"], token, waiting)
        service.process.kill()
    assert before["waiting"] > 0, "it had ended before it was killed"
    with serving(home) as service:
        assert sent(service, token, content)["bulk_id"] == begun["bulk_id"]  # whoever got no answer asks again
        done = until(service, begun["bulk_id"], token, 0)
        assert (done["state"], done["total"], done["kept"], done["refused"]) == ("done", COUNT, COUNT, 0)
        report = service.http.get(f"/v1/bulks/{begun['bulk_id']}/report?limit=1000", headers=bearer(token)).json()
        assert {each["state"] for each in report["lines"]} == {"kept"}
    with open_home(settings) as opened, opened.services.records.read() as tx:
        kept = documents.documents_of_patient_without_scope(tx, patient_id)
        texts = {opened.services.blobs.read(each.upload) for each in kept}
    assert {each.state for each in kept} == {DocumentState.SEARCHABLE}
    assert len(kept) == len(texts) == COUNT


if os.environ.get("ANAMNESE_LONG") == "1":

    @pytest.mark.parametrize(
        ("content", "waiting"),
        [(lines(), COUNT - 3), (archive(), COUNT), (archive(), COUNT - 3), (archive(), COUNT // 2 - 3)],
        ids=["lines", "an archive just looked through", "among its files", "among its lines"],
    )
    def test_an_import_goes_on_after_its_service_was_killed(tmp_path: Path, content: bytes, waiting: int) -> None:
        killed_in_the_middle(tmp_path, content, waiting)
