"""`bulk` on the command line: folders and FHIR NDJSON, paused, killed, resumed, told of item by item, nothing twice."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from access.refusal import Refusal
from cli.compose import open_stores
from cli.main import app
from cli.settings import load_settings
from records import bulks, documents, jobs
from records.documents import Document
from search_api.services import utc_now
from tests.ingest.cda_files import cda

ROOT = Path(__file__).resolve().parents[2]
INS, OTHER = "185037512345641", "275037512345693"
SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (("HOME", str(tmp_path / "home")), ("EMBEDDER", "none"), ("OCR", "none")):
        monkeypatch.setenv(f"ANAMNESE_{name}", value)

    def invoke(*arguments: str, fails: bool = False) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        if isinstance(done.exception, Refusal):
            return done.exception.code
        assert done.exit_code == int(fails), (arguments, done.output, done.exception)
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    return invoke


def every() -> list[Document]:
    with open_stores(load_settings()) as stores, stores.records.read() as tx:
        from sqlalchemy import select

        from records import tables

        rows = tx.session.scalars(select(tables.Document.document_id)).all()
        found = [documents.document_without_scope(tx, name) for name in rows]  # type: ignore[arg-type]
    return [one for one in found if one is not None]


def reference(text: str, ins: str = INS, **more: Any) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": "http://loinc.org", "code": "11490-0"}]},
        "subject": {"identifier": {"system": SYSTEM, "value": ins}},
        "content": [{"attachment": {"contentType": "text/plain", "data": data, "title": "Lettre"}}],
    } | more


def written(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines), "utf-8")
    return path


def test_a_folder_is_imported_file_by_file_and_told_of(run: Any, tmp_path: Path) -> None:
    """By the patient's folder; by what a file says itself; to the tray; refused; a link is not followed."""
    folder = tmp_path / "archives"
    (folder / INS / "2021").mkdir(parents=True)
    (folder / "999").mkdir()
    (folder / INS / "2021" / "lettre.txt").write_text("Allergie à la pénicilline.", "utf-8")
    (folder / INS / "copie.txt").write_text("Allergie à la pénicilline.", "utf-8")
    (folder / INS / "vide.txt").write_text("", "utf-8")
    (folder / INS / ".caché").write_text("Non.", "utf-8")
    (folder / "999" / "inconnu.txt").write_text("À personne.", "utf-8")
    (folder / "cda.xml").write_text(
        cda("DURAND", "PAUL", "19850320", ins=(INS, SYSTEM.removeprefix("urn:oid:"))), "utf-8"
    )
    (folder / "lots" / INS / "2020").mkdir(parents=True)
    (folder / "lots" / INS / "2020" / "suite.txt").write_text("Suite.", "utf-8")
    (folder / "lien.txt").symlink_to(tmp_path / "archives" / INS / "copie.txt")
    (done,) = run("bulk", "import", str(folder), "--create", "--organization", "750000001", fails=True)
    assert (done["state"], done["total"], done["waiting"], done["reading"]) == ("done", 7, 0, 0)
    assert (done["searchable"], done["quarantined"], done["refused"]) == (4, 1, 2)
    told = {each["name"]: each for each in run("bulk", "report", done["bulk_id"])}
    assert len(told) == 7
    assert told[f"lots/{INS}/2020/suite.txt"]["state"] == "searchable"
    same = [told[f"{INS}/{name}"] for name in ("copie.txt", "2021/lettre.txt")]
    assert same[0]["document_id"] == same[1]["document_id"]
    assert sorted(each["known"] for each in same) == [False, True]
    assert told["lien.txt"]["refusal"]["code"] == "unreadable-file"
    assert told[f"{INS}/vide.txt"]["refusal"]["code"] == "empty-file"
    assert told["999/inconnu.txt"]["state"] == "quarantined"
    assert told["cda.xml"]["state"] == "searchable"
    left = {each["name"] for each in run("bulk", "report", done["bulk_id"], "--refused")}
    assert left == {"999/inconnu.txt", f"{INS}/vide.txt", "lien.txt"}
    assert {one.deposited_for for one in every()} == {"750000001"}
    again = run("bulk", "import", str(folder), "--create", "--organization", "750000001", fails=True)[0]
    assert again["searchable"] == 4
    assert len(every()) == 4
    packed = shutil.make_archive(str(tmp_path / "archives"), "zip", folder)
    assert run("bulk", "import", packed) == "bulk-is-an-archive"


def test_lines_of_fhir_are_imported_and_each_refusal_is_told(run: Any, tmp_path: Path) -> None:
    letter = tmp_path / "lettre.txt"
    letter.write_text("Déjà là.", "utf-8")
    run("ingest", str(letter), "--patient", INS)
    bad = reference("Mauvais.", content=[{"attachment": {"data": "***"}}])
    lines = [
        reference("Allergie aux arachides."),
        "",
        reference("Pour un inconnu.", OTHER),
        bad,
        {"resourceType": "Patient", "name": [{"family": "ZÉPHYRIN"}]},
        "{pas du JSON",
        reference("Allergie aux arachides."),
        reference("Suite.", relatesTo=[{"code": "replaces", "target": {"reference": "DocumentReference/x"}}]),
    ]
    file = written(tmp_path / "export.ndjson", lines)
    assert run("bulk", "import", str(file), "--patient", INS) == "bad-request"
    (done,) = run("bulk", "import", str(file), fails=True)
    told = run("bulk", "report", done["bulk_id"])
    assert [each["name"] for each in told] == [f"export.ndjson:{n}" for n in (1, 3, 4, 5, 6, 7, 8)]
    codes = [each["refusal"] and each["refusal"]["code"] for each in told]
    assert codes == [
        None, "unknown-patient", "bad-resource", "line-not-taken", "bad-resource", None, "reference-unresolved",
    ]  # fmt: skip
    assert told[0]["document_id"] == told[5]["document_id"]
    (kept,) = (one for one in every() if one.document_id == told[0]["document_id"])
    assert (kept.type_code, kept.title) == ("11490-0", "Lettre")
    assert json.loads(kept.submitted)["reference"]["resourceType"] == "DocumentReference"
    run("practitioner", "10001234567", "--name", "Dr", "--profession", "médecin")
    letter.write_text("Bonjour.", "utf-8")
    run("ingest", str(letter), "--patient", OTHER)  # their record is open from now on
    (resumed,) = run("bulk", "resume", done["bulk_id"], "--retry", fails=True)
    assert resumed["searchable"] == done["searchable"] + 1


def test_the_files_of_an_export_are_imported_as_one(run: Any, tmp_path: Path) -> None:
    """Each names the others' lines: a Patient by its id, bytes by an address, what is replaced by its id."""
    base, target = "https://ailleurs.example/fhir", {"reference": "DocumentReference/p.1"}
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": SYSTEM, "value": INS}]}
    texts = {"p.1": "Allergie au latex.", "p.2": "Pas d'allergie au latex."}

    def described(name: str, url: str, **more: Any) -> dict[str, Any]:
        content = [{"attachment": {"contentType": "text/plain", "url": url, "size": len(texts[name])}}]
        own = {
            "masterIdentifier": {"value": f"urn:oid:1.2.3.{name[2:]}"},
            "subject": {"reference": f"{base}/Patient/p"},
        }
        return {"resourceType": "DocumentReference", "id": name, "status": "current", "content": content} | own | more

    binaries = [
        {
            "resourceType": "Binary",
            "id": name,
            "contentType": "text/plain",
            "data": base64.b64encode(text.encode()).decode(),
        }
        for name, text in texts.items()
    ]
    references = [
        described("p.2", f"{base}/Binary/p.2", relatesTo=[{"code": "replaces", "target": target}]),
        described("p.1", f"{base}/Binary/p.1"),
    ]
    file = written(tmp_path / "tout.ndjson", [*references, *binaries, person, described("p.1", f"{base}/Binary/p.3")])
    (done,) = run("bulk", "import", str(file), "--create", fails=True)
    told = run("bulk", "report", done["bulk_id"])
    codes = [each["refusal"] and each["refusal"]["code"] for each in told]
    assert codes == ["reference-unresolved", None, *["line-not-taken"] * 3, "bytes-not-in-file"]  # p.1 is two lines
    file = written(tmp_path / "tout2.ndjson", [person, *binaries, *references])
    (done,) = run("bulk", "import", str(file), fails=True)
    assert (done["searchable"], done["refused"]) == (2, 3)
    assert sorted((one.unique_id[-1], one.status) for one in every() if one.unique_id.startswith("urn:oid")) == [
        ("1", "deprecated"),
        ("2", "approved"),
    ]


def test_a_pause_stops_after_the_document_in_hand_and_resume_goes_on(run: Any, tmp_path: Path) -> None:
    from cli.compose import open_home
    from cli.importing import import_all, taker
    from ingest import bulk as importing

    file = written(tmp_path / "export.ndjson", [reference(f"Lettre {n}.") for n in range(5)])
    (begun,) = run("bulk", "import", str(file), "--create", "--detach")
    assert (begun["state"], begun["waiting"]) == ("running", 5)
    name = begun["bulk_id"]
    with open_home(load_settings()) as home:
        moved: list[int] = []
        with home.services.records.read() as tx:
            taken = taker(home, bulks.one(tx, name))

        def pausing() -> None:
            moved.append(1)
            if len(moved) == 2:
                with home.services.records.write() as tx:
                    bulks.pause(tx, name)

        assert not importing.run(home.bench, name, taken, moved=pausing, stop=lambda: False)
        assert len(moved) == 2
        import_all(home, lambda: False)  # a paused one is left alone
        with home.services.records.read() as tx:
            assert bulks.counts_without_scope(tx, name)["waiting"] == 3
            assert {row.priority for row in waiting_jobs(tx)} == {jobs.BULK}
    assert run("bulk", "pause", name) == "bulk-not-active"
    (done,) = run("bulk", "resume", name)
    assert (done["state"], done["searchable"], len(every())) == ("done", 5, 5)


def waiting_jobs(tx: Any) -> list[Any]:
    from sqlalchemy import select

    from records import tables

    return list(tx.session.scalars(select(tables.Job).where(tables.Job.state == "queued")))


def test_one_process_imports_at_a_time_and_a_killed_one_is_taken_over_at_once(run: Any, tmp_path: Path) -> None:
    """A real kill -9 in the middle; nothing is lost and nothing is there twice."""
    count = 40  # the kill must come before the last, however late a loaded machine is
    file = written(tmp_path / "export.ndjson", [reference(f"Lettre {n} de Zéphyrine.") for n in range(count)])
    (begun,) = run("bulk", "import", str(file), "--create", "--detach")
    name = begun["bulk_id"]
    with open_stores(load_settings()) as stores:
        holder = stores.records.presence.holder()
        with stores.records.write() as tx:
            assert bulks.take(tx, name, holder, utc_now(), timedelta(minutes=5))
        assert run("bulk", "resume", name) == "bulk-busy"
        with stores.records.write() as tx:
            bulks.release(tx, name, holder)
    command = [sys.executable, "-m", "cli", "bulk", "resume", name]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as it:
        until = time.monotonic() + 120
        with open_stores(load_settings()) as stores:
            while True:
                with stores.records.read() as tx:
                    counts = bulks.counts_without_scope(tx, name)
                if counts["waiting"] < count - 3:
                    break
                assert time.monotonic() < until
                time.sleep(0.01)
            assert counts["waiting"] > 0
            os.kill(it.pid, signal.SIGKILL)
            it.wait(timeout=60)
            with stores.records.read() as tx:
                left = bulks.counts_without_scope(tx, name)
    assert left["total"] == count
    assert left["waiting"] > 0
    (done,) = run("bulk", "resume", name)
    assert (done["state"], done["searchable"]) == ("done", count)
    assert len(every()) == count
    assert len({each["document_id"] for each in run("bulk", "report", name)}) == count


def test_a_file_that_changed_is_not_gone_on_with(run: Any, tmp_path: Path) -> None:
    file = written(tmp_path / "export.ndjson", [reference("Un."), reference("Deux.")])
    (begun,) = run("bulk", "import", str(file), "--create", "--detach")
    written(file, [reference("Autre chose."), reference("Deux.")])
    assert run("bulk", "resume", begun["bulk_id"]) == "bulk-changed"
    assert every() == []
    (still,) = run("bulk", "status", begun["bulk_id"])
    assert (still["state"], still["waiting"]) == ("running", 2)


def test_what_is_not_there_is_refused(run: Any, tmp_path: Path) -> None:
    assert run("bulk", "import", str(tmp_path / "absent")) == "no-such-folder"
    (tmp_path / "vide").mkdir()
    assert run("bulk", "import", str(tmp_path / "vide")) == "empty-bulk"
    for command in ("status", "pause", "resume", "report"):
        assert run("bulk", command, "autre") == "no-such-bulk"
    assert run("bulk", "status") == []
