"""Bad days: what each does to a home, and that it says so. Real disks, real processes, real bytes turned over."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from cli.compose import Home, open_home, resolve_patient
from cli.local_services import postgresql, redis
from cli.settings import load_settings
from ingest.receive import receive
from ingest.reconcile import reconcile
from ingest.tasks import _Reader
from ingest.worker import Workers, drain
from records import documents, grants, jobs, journal
from records.documents import DocumentState
from samples import hostile
from search_api.app import create_app
from search_api.tokens import issue_token
from tests.e2e.disks import Disk, disk
from tests.e2e.killing import DOCTOR, ROOT, UNREGISTERED
from tests.records.building import ins
from tests.records.writers import entry

RESERVE = 6 << 20
TEXT = "Allergie à la pénicilline : choc anaphylactique en 2012."


@dataclass
class House:
    """An open home, its API, one patient who lets one practitioner read, one searchable letter."""

    home: Home
    http: TestClient
    patient: PatientId
    token: str
    grant: str = ""

    @property
    def path(self) -> Path:
        return self.home.settings.home

    def give(self, content: str) -> DocumentId:
        bench = self.home.bench
        return receive(
            BytesIO(content.encode()),
            patient_id=self.patient,
            file_name="a.txt",
            origin="upload",
            deposited_by="test",
            deposited_for="",
            blobs=bench.blobs,
            records=bench.records,
            now=self.home.clock(),
            limit=10**8,
        ).document_id

    def post(self, content: str) -> Any:
        return self.http.post(
            f"/v1/patients/{self.patient}/documents", files={"file": ("a.txt", content)}, headers=self.bearer
        )

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def search(self, query: str = "pénicilline") -> Any:
        return self.http.post(f"/v1/patients/{self.patient}/search", json={"query": query}, headers=self.bearer)

    def ready(self) -> tuple[int, str, list[str]]:
        """Status, its word, and the parts that do not work, of those that this home has."""
        answer = self.http.get("/readyz")
        parts = answer.json()["parts"]
        down = [name for name, part in parts.items() if not part["ok"] and name not in {"embedder", "ocr"}]
        return answer.status_code, answer.json()["status"], down

    def states(self) -> list[str]:
        with self.home.bench.records.read() as tx:
            found = documents.documents_of_patient_without_scope(tx, self.patient)
        return [document.state.value for document in found]

    def revoke(self) -> None:
        with self.home.bench.records.write() as tx:
            assert grants.revoke_grant(tx, self.grant, self.patient, self.home.clock(), "test")


@contextmanager
def housed(path: Path, **more: object) -> Iterator[House]:
    settings = load_settings(**({"home": path, "embedder": "none", "ocr": "none", "reserve": 0} | more))
    with open_home(settings) as home:
        now = home.clock()
        patient = resolve_patient(home, ins(1).matricule, create=True)
        token = issue_token(home.services, rpps=DOCTOR, unregistered=UNREGISTERED, lifetime=timedelta(hours=8), now=now)
        house = House(home, TestClient(create_app(home.services), raise_server_exceptions=False), patient, token)
        with home.bench.records.write() as tx:
            house.grant = grants.add_grant(
                tx,
                patient_id=patient,
                grantee_kind="practitioner",
                grantee=DOCTOR,
                kind="consent",
                categories=None,
                valid_from=now,
                valid_until=None,
                recorded_by="test",
                now=now,
            ).grant_id
        house.give(TEXT)
        drain(home.bench)
        assert house.search().json()["hits"]
        yield house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path / "home") as made:
        yield made


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", 24) as made:
        yield made


# The records' server -----------------------------------------------------------------------------------------------


@pytest.mark.services
@pytest.mark.parametrize("lives", ["beside the API", "in a worker"])
@pytest.mark.parametrize("during", ["ingest.worker.ingest", "index.projector._put"])
def test_a_records_server_that_restarts_keeps_no_document_waiting(
    tmp_path: Path,
    service_folder: Path,
    opensearch_url: str,
    opensearch_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    during: str,
    lives: str,
) -> None:
    """What a reader held when its records went away, a job or the index's cursor, it gives back when they are there
    again: not minutes later, when a lease is over."""
    with ExitStack() as held:
        server = held.enter_context(ExitStack())
        url = server.enter_context(postgresql(service_folder))
        cluster = {"profile": "cluster", "redis_url": held.enter_context(redis()), "opensearch_url": opensearch_url}
        house = held.enter_context(
            housed(tmp_path / "home", records_url=url, index_prefix=opensearch_prefix, **cluster)
        )
        house.give("Asthme depuis 2009.")
        first = then = functools.partial(drain, house.home.bench)
        if lives == "in a worker":  # Celery's thread asks, and later another one, the sweep's
            first = _Reader(house.home.bench, "all", lambda: False).work
            sweep = held.enter_context(ThreadPoolExecutor(1))
            then = lambda: sweep.submit(first).result()  # noqa: E731

        def fail(*_: object) -> None:
            server.close()
            raise OSError("cut off")

        with monkeypatch.context() as cut:
            cut.setattr(during, fail)
            with pytest.raises((Refusal, OSError)):
                first()
        server.enter_context(postgresql(service_folder, port=int(url.rpartition(":")[2].partition("/")[0])))
        assert "searchable" not in house.states()[1:]
        then()
        assert house.states() == ["searchable", "searchable"]


# The disk ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_stops_what_is_bulky_and_nothing_else(small: Disk) -> None:
    with housed(small.path / "home", reserve=RESERVE) as house:
        assert house.ready() == (200, "degraded", [])  # this home has neither model nor OCR
        house.give("Un courrier qui attend.")
        ballast = small.fill()
        assert small.free() == 0

        assert house.search().json()["hits"]
        assert house.ready() == (200, "degraded", ["disk"])
        refused = house.post("Un courrier de trop. " * 9000)
        assert (refused.status_code, refused.json()["code"]) == (507, "disk-full")
        drain(house.home.bench)
        assert house.states() == ["searchable", "received"]
        assert list((house.path / "blobs" / "partial").iterdir()) == []
        with open_home(house.home.settings) as other, other.bench.records.read() as tx:  # a command, meanwhile
            assert jobs.progress(tx)["queued"] == 1
        house.revoke()
        door = house.search()
        assert (door.status_code, door.json()["code"]) == (403, "no-access")

        ballast.unlink()
        assert house.ready() == (200, "degraded", [])
        drain(house.home.bench)
        assert house.states() == ["searchable", "searchable"]
        assert (house.path / "reserve").stat().st_size == RESERVE
        with house.home.bench.records.read() as tx:
            assert journal.verify(tx) == []
        assert reconcile(house.home.bench, repair=False, everything=True).clean


def test_the_reserve_holds_a_thousand_entries_and_then_nothing_is_answered(small: Disk) -> None:
    with housed(small.path / "home", reserve=RESERVE) as house:
        ballast = small.fill()
        written = entries_until_refused(house)
        print(f"{written} entries in {RESERVE} bytes")
        assert written >= 1000
        answer = house.search()
        assert (answer.status_code, answer.json()["code"]) == (503, "journal-unavailable")
        assert "pénicilline" not in answer.text
        card = house.http.get(f"/v1/patients/{house.patient}/emergency", headers=house.bearer)
        assert "pénicilline" in card.text, "the emergency card alone goes out, by its spool"
        ballast.unlink()
        assert house.home.services.spool is not None
        assert house.home.services.spool.drain(house.home.services.records) == 1
        assert house.search().json()["hits"]
        with house.home.bench.records.read() as tx:
            assert journal.verify(tx) == []
            assert journal.anchor(tx).length >= written


def entries_until_refused(house: House) -> int:
    """How many journal entries are written until the disk refuses one."""
    for written in range(20_000):
        try:
            with house.home.bench.records.write() as tx:
                journal.append(tx, entry(house.patient, "test"))
        except Refusal as refusal:
            return written if refusal.code == "disk-full" else -1
    return 20_000


@pytest.mark.parametrize("left", [0, 5_000, 60_000, 300_000, 900_000])
def test_a_disk_that_fills_while_a_document_is_read_keeps_it(small: Disk, left: int) -> None:
    """Without a reserve: whatever step finds the disk full, the document waits, and ends searchable."""
    with housed(small.path / "home") as house:
        given = house.give("Un courrier. " * 4000)
        ballast = small.fill()
        os.truncate(ballast, ballast.stat().st_size - left)
        with suppress(Refusal):  # the worker's loop waits and tries again
            drain(house.home.bench)
        ballast.unlink()
        with house.home.bench.records.write() as tx:
            house.home.bench.records.presence.close()  # as after a restart: nobody waits for a lease or a retry
            tx.session.execute(text("UPDATE jobs SET not_before = created_at"))
        drain(house.home.bench)
        with house.home.bench.records.read() as tx:
            assert documents.states_without_scope(tx, [given]) == {given: DocumentState.SEARCHABLE}
        assert reconcile(house.home.bench, repair=False, everything=True).clean


def test_a_read_only_disk_is_a_sentence(small: Disk) -> None:
    with housed(small.path / "home") as house:
        settings = house.home.settings
    small.read_only(True)
    with pytest.raises(Refusal) as refused, open_home(settings):
        pass
    assert refused.value.code == "storage-closed"
    done = command(small.path / "home", "search", "x", "--patient", ins(1).matricule, "--as", DOCTOR)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "lecture seule" in done.stderr
    small.read_only(False)
    with open_home(settings) as home:
        assert reconcile(home.bench, repair=False, everything=True).clean


def test_files_that_can_no_longer_be_written_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that remounts read-only after an error: every write fails from one moment on."""
    real = os.open

    def closed(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_CREAT and str(house.path) in str(path):
            raise OSError(30, "Read-only file system")
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", closed)
    assert house.ready() == (503, "unavailable", ["blobs"])
    refused = house.post("Un courrier.")
    assert (refused.status_code, refused.json()["code"]) == (503, "storage-closed")
    monkeypatch.undo()
    assert house.post("Un courrier.").status_code == 202


# Memory ------------------------------------------------------------------------------------------------------------


def command(home: Path, *argv: str, prefix: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")}
    environment |= {"ANAMNESE_HOME": str(home), "ANAMNESE_EMBEDDER": "none", "ANAMNESE_OCR": "none", **more}
    argv = (*prefix, sys.executable, "-m", "cli", *argv)
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)


def test_a_document_that_takes_all_memory_is_refused_and_its_neighbour_is_not(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "grand.pdf").write_bytes(hostile.PDF["zeros.pdf"]())  # 1.4 MB that expand to 1.4 GB
    (tmp_path / "in" / "petit.txt").write_text(TEXT)
    argv = ("ingest", str(tmp_path / "in"), "--patient", ins(1).matricule, "--json")
    limits = ("prlimit", f"--as={900 << 20}")
    done = command(tmp_path / "home", *argv, prefix=limits, OPENBLAS_NUM_THREADS="1")
    assert "Traceback" not in done.stderr
    results = {Path(one["file"]).name: one for one in map(json.loads, done.stdout.splitlines())}
    assert results["petit.txt"]["state"] == "searchable"
    assert results["grand.pdf"]["state"] == "refused"
    assert results["grand.pdf"]["refusal"]["code"] in {"too-much-memory", "parser-crashed"}  # as the library takes it
    assert results["grand.pdf"]["refusal"]["remedy"]
    assert done.returncode == 1


# Clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1), timedelta(hours=-5)])
def test_a_clock_that_jumps_neither_opens_a_door_nor_holds_work(
    house: House, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    """Documents queued before the jump, and a job whose worker died holding it, are read after it."""
    bench = house.home.bench
    first, second = house.give("Avant le saut."), house.give("En cours pendant le saut.")
    with bench.records.write() as tx:
        assert jobs.claim(tx, "0" * 16 + "-mort", house.home.clock(), bench.lease) is not None
    clock = bench.clock
    moved = object.__getattribute__(bench, "__class__")(
        **{name: getattr(bench, name) for name in bench.__dataclass_fields__ if name != "clock"},
        clock=lambda: clock() + jump,
    )
    drain(moved)
    with bench.records.read() as tx:
        states = documents.states_without_scope(tx, [first, second])
    assert set(states.values()) == {DocumentState.SEARCHABLE}
    house.revoke()
    services = house.home.services
    monkeypatch.setattr("search_api.services.utc_now", lambda: clock() + jump)
    object.__setattr__(services, "clock", lambda: clock() + jump)
    answer = house.search()
    assert answer.status_code in {401, 403}, "a token of yesterday, or a revoked grant"
    assert "pénicilline" not in answer.text


# Bytes turned over -------------------------------------------------------------------------------------------------


def turn(path: Path, place: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0x55]))


def ruin(path: Path) -> None:
    """Turn a byte in every page."""
    for place in range(100, path.stat().st_size, 4096):
        turn(path, place)


def test_a_blob_that_changed_serves_nothing(house: House) -> None:
    with house.home.bench.records.read() as tx:
        (document,) = documents.documents_of_patient_without_scope(tx, house.patient)
    turn(house.home.bench.blobs.shelf.path(document.upload), 60)
    answer = house.http.get(
        f"/v1/patients/{house.patient}/documents/{document.document_id}/content", headers=house.bearer
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "seal-broken")
    assert reconcile(house.home.bench, repair=True, everything=False).left.altered == (document.document_id,)
    again = house.post(TEXT)
    assert again.status_code == 202


def test_a_damaged_database_is_named_and_nothing_is_answered(house: House) -> None:
    house.home.bench.records.close()
    ruin(house.path / "records.db")
    status, word, down = house.ready()
    assert (status, word, down[0]) == (503, "unavailable", "records")
    answer = house.search()
    assert answer.status_code == 503
    assert answer.json()["code"] in {"records-damaged", "journal-unavailable"}
    with pytest.raises(Refusal) as refused, open_home(house.home.settings):
        pass
    assert refused.value.code == "records-damaged"
    assert "restaurez" in refused.value.remedy


def test_a_damaged_index_is_named_and_made_again(house: House) -> None:
    (path,) = (house.path / "index").glob("*.index")
    house.home.services.index.current().close()
    ruin(path)
    waiting = house.give("Un courrier pendant la panne.")
    drain(house.home.bench)
    assert house.states() == ["searchable", "reading"]
    assert house.ready() == (503, "unavailable", ["index"])
    assert house.search().json()["code"] == "index-unreadable"
    done = command(house.path, "verify", "--json")
    assert (done.returncode, json.loads(done.stdout)["rebuilt"]) == (0, True), done.stderr
    assert house.search().json()["hits"]
    assert house.ready()[2] == []
    with house.home.bench.records.read() as tx:
        assert documents.states_without_scope(tx, [waiting]) == {waiting: DocumentState.SEARCHABLE}


@pytest.mark.parametrize("by", ["a worker here", "a command elsewhere"])
def test_a_missing_index_never_looks_like_an_empty_one(house: House, by: str) -> None:
    (path,) = (house.path / "index").glob("*.index")
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    absent = house.search()
    assert (absent.status_code, absent.json()["code"]) == (503, "index-absent")
    assert house.ready() == (503, "unavailable", ["index"])
    if by == "a worker here":
        drain(house.home.bench)
    else:
        assert command(house.path, "verify").returncode == 0
    assert house.search().json()["hits"]
    assert house.ready()[2] == []


def test_an_index_that_lost_its_log_is_seen_when_reading_starts(house: House) -> None:
    """The last commits of the index are gone, and records believe that they are there."""
    (path,) = (house.path / "index").glob("*.index")
    house.home.services.index.current().close()
    before = path.read_bytes()
    house.give("Un courrier perdu par l'index seul.")
    drain(house.home.bench)
    house.home.services.index.current().close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(before)
    assert not house.search("perdu").json()["hits"]
    with Workers(house.home.bench, 1) as workers:
        workers.settled.wait(60)
    assert house.search("perdu").json()["hits"]


def test_a_database_that_lost_its_log_shows_what_it_forgot(house: House) -> None:
    """The last commits of records are gone: what was received since lies there still, and can be taken up again."""
    kept = house.path / "records.db"
    house.home.bench.records.close()
    before = kept.read_bytes()
    house.give("Un courrier reçu puis oublié.")
    drain(house.home.bench)
    house.home.bench.records.close()
    for suffix in ("-wal", "-shm"):
        kept.with_name(kept.name + suffix).unlink(missing_ok=True)
    kept.write_bytes(before)
    report = reconcile(house.home.bench, repair=True, everything=False)
    assert (len(report.left.orphans), report.clean) == (1, False)
    assert reconcile(house.home.bench, repair=True, everything=False, orphans="adopt").clean
    assert house.states() == ["searchable", "searchable"]
    assert house.search("oublié").json()["hits"]


def without_keys(path: Path) -> None:
    shutil.rmtree(path / "keys")


def with_ruined_keys(path: Path) -> None:
    (store,) = (path / "keys").glob("*.db")
    ruin(store)


def without_master(path: Path) -> None:
    (path / "master.key").unlink()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (without_keys, "keys-missing"),
        (with_ruined_keys, "master-key-wrong"),
        (without_master, "master-key-missing"),
    ],
)
def test_lost_keys_are_named_and_none_are_made_in_their_place(
    tmp_path: Path, damage: Callable[[Path], None], code: str
) -> None:
    with housed(tmp_path / "home") as house:
        settings = house.home.settings
    before = sorted(p.name for p in (tmp_path / "home").iterdir())
    damage(tmp_path / "home")
    with pytest.raises(Refusal) as refused, open_home(settings):
        pass
    assert refused.value.code == code
    assert {p.name for p in (tmp_path / "home").iterdir()} <= set(before)
    done = command(tmp_path / "home", "verify")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
