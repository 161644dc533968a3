"""A long scan is read in turns, and what was read survives whatever stops its reader."""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from access.identifiers import DocumentId
from access.refusal import Refusal
from ingest.read import read
from ingest.recipe import VERSION, ingest
from ingest.sandbox.bounds import Bounds
from ingest.sandbox.client import PageRead, Sandbox
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.room import Place
from ingest.sandbox.run import Run
from ingest.sandbox.verdict import ChildLost
from ingest.steps import Upload, take
from ingest.workbench import Workbench
from ingest.worker import drain, run
from records import documents, jobs, readings
from records.content import Reading
from records.documents import Document, DocumentState
from records.jobs import Job
from records.patients import Identity
from records.shelf import BlobRef
from tests.sandbox.conftest import PROJECT
from tests.search_api.world import World, ins_of, open_world

PAGES = 5


class Observed(Sandbox):
    """Remembers what it was asked, and kills a child after a page when it is told to."""

    def __init__(self, bounds: Bounds, server: ForkServer) -> None:
        super().__init__(bounds, server)
        self.asked: list[list[int]] = []
        self.kills: list[int] = []  # for the next children: the page after which each is killed

    @contextmanager
    def _run(self, data: int, request: dict[str, Any], place: Place) -> Iterator[Run]:
        self.asked.append(request["kept"])
        with super()._run(data, request, place) as run:
            if self.kills:
                run.values = self._killing(run, self.kills.pop(0))  # type: ignore[method-assign]
            yield run

    @staticmethod
    def _killing(run: Run, after: int) -> Any:
        values = run.values()

        def killed() -> Iterator[list[Any]]:
            for value in values:
                yield value
                if value[0] == "page" and value[1][0] == after:
                    with suppress(ProcessLookupError):
                        os.kill(run.child, signal.SIGKILL)
                    raise ChildLost("SIGKILL")  # what it had already said is lost with it: the kill has a place

        return killed


@pytest.fixture(scope="module")
def scan() -> bytes:
    """Five pictures of different heights."""
    frames = [Image.new("L", (300, 200 + 10 * number), 255) for number in range(PAGES)]
    out = io.BytesIO()
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    made = ForkServer("tests.sandbox.quick_server", {"PYTHONPATH": str(PROJECT)})
    yield made
    made.close()


@pytest.fixture
def sandbox(server: ForkServer) -> Observed:
    return Observed(Bounds(ocr_pages=2), server)


class _Named:
    """What a workbench says of its engine: children have one of that name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, picture: Image.Image, dpi: float | None) -> Any:
        raise NotImplementedError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path / "home")
    made.add_patient("marie", Identity(ins_of("2850375123456"), "qualified", "MARTIN", "Marie", None, "F", "75112"))
    yield made
    made.close()


@pytest.fixture
def bench(world: World, sandbox: Observed) -> Workbench:
    return dataclasses.replace(world.bench, ocr=_Named("quick 1"), sandbox=sandbox)


def deposited(world: World, data: bytes) -> DocumentId:
    return world.give("scan.tif", "marie", data, limit=10**8)


def claimed(bench: Workbench) -> Job:
    with bench.records.write() as tx:
        job = jobs.claim(tx, "worker", bench.clock(), bench.lease)
    assert job is not None
    return job


def document_of(bench: Workbench, document_id: DocumentId) -> Document:
    with bench.records.read() as tx:
        found = documents.document_without_scope(tx, document_id)
    assert found is not None
    return found


def reading_of(bench: Workbench, document_id: DocumentId) -> Reading:
    with bench.records.read() as tx:
        found = readings.reading_without_scope(bench.blobs, tx, document_id)
    assert found is not None
    return found


def kept(bench: Workbench) -> list[BlobRef]:
    return [ref for ref in bench.blobs.walk() if ref.kind == "page"]


def test_a_scan_is_read_in_turns_and_comes_out_as_in_one(
    world: World, bench: Workbench, sandbox: Observed, scan: bytes
) -> None:
    document_id = deposited(world, scan)
    for pages in (2, 4):
        job = claimed(bench)
        assert job.attempts == 1  # a turn that got on costs none
        assert ingest(job, bench) is DocumentState.READING
        assert len(kept(bench)) == pages
        assert document_of(bench, document_id).state is DocumentState.READING
    drain(bench)
    assert sandbox.asked == [[], [1, 2], [1, 2, 3, 4]]
    assert document_of(bench, document_id).state is DocumentState.SEARCHABLE
    assert kept(bench) == []
    whole = Sandbox(server=sandbox.server).read([scan], "scan.tif", ocr=bench.ocr.name, limits=bench.limits)
    in_one = [said.page for said in whole if isinstance(said, PageRead)]
    assert list(reading_of(bench, document_id).pages) == in_one
    assert [page.text for page in in_one] == [f"hauteur{200 + 10 * n}" for n in range(PAGES)]


def test_scans_inside_an_archive_are_read_in_turns(
    world: World, bench: Workbench, sandbox: Observed, scan: bytes
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (("a.txt", b"Iode"), ("b.tif", scan), ("c.gif", b"GIF89a" + bytes(50)), ("d.tif", scan)):
            archive.writestr(name, data)
    document_id = deposited(world, out.getvalue())
    drain(bench)
    assert len(sandbox.asked) == PAGES  # two pictures a turn, of two scans
    assert sandbox.asked[-1] == list(range(1, 2 * PAGES + 1))
    heights = [f"hauteur{200 + 10 * n}" for n in range(PAGES)]
    pages = reading_of(bench, document_id).pages
    assert [page.text for page in pages] == ["Iode", *heights, "", *heights]
    assert [page.number for page in pages if page.unreadable] == [PAGES + 2]
    assert {page.sections[0].title for page in pages[-PAGES:]} == {"d.tif"}


def test_a_shorter_job_passes_a_scan_between_its_turns(world: World, bench: Workbench, scan: bytes) -> None:
    long = deposited(world, scan)
    assert ingest(claimed(bench), bench) is DocumentState.READING
    short = world.deposit("courte", "marie", "Une note courte.")
    assert claimed(bench).document_id == short
    assert claimed(bench).document_id == long


def test_a_killed_child_costs_one_page(world: World, bench: Workbench, sandbox: Observed, scan: bytes) -> None:
    document_id = deposited(world, scan)
    sandbox.kills = [1]
    job = claimed(bench)
    with pytest.raises(ChildLost):
        ingest(job, bench)
    assert len(kept(bench)) == 1
    with bench.records.write() as tx:
        jobs.release(tx, job)
    drain(bench)
    assert sandbox.asked == [[], [1], [1, 2, 3]]
    assert document_of(bench, document_id).state is DocumentState.SEARCHABLE
    assert [page.number for page in reading_of(bench, document_id).pages] == [1, 2, 3, 4, 5]
    assert kept(bench) == []


def test_three_kills_at_one_page_are_poison_but_not_with_progress_between(
    world: World, bench: Workbench, sandbox: Observed, scan: bytes
) -> None:
    first = deposited(world, scan)
    sandbox.kills = [1, 0, 2, 0, 3, 0, 4]  # every second child is killed after a page, and the others get on
    drain(bench)
    assert document_of(bench, first).state is DocumentState.SEARCHABLE
    second = deposited(world, scan + b"\0")
    sandbox.kills = [1, 2, 3, 4]
    drain(bench)
    refused = document_of(bench, second)
    assert (refused.state, refused.refusal and refused.refusal.code) == (DocumentState.REFUSED, "poison-document")


def test_pages_of_another_recipe_engine_or_file_are_not_taken(
    world: World, bench: Workbench, sandbox: Observed, scan: bytes
) -> None:
    document_id = deposited(world, scan)
    ingest(claimed(bench), bench)
    other = deposited(world, scan + b"\0")
    job = claimed(bench)
    assert job.document_id == other
    upload = take(job, bench)
    read(job, bench, upload, VERSION)
    job = claimed(bench)
    assert job.document_id == document_id
    for recipe, chosen, expected in (
        (VERSION + "x", bench, []),
        (VERSION, dataclasses.replace(bench, ocr=_Named("quick 2")), []),
        (VERSION, bench, [1, 2]),
    ):
        upload = take(job, bench)
        read(job, chosen, Upload(upload.document, upload.identity), recipe)
        assert sandbox.asked[-1] == expected


def test_a_worker_that_lost_its_lease_stops_at_the_next_page(world: World, bench: Workbench, scan: bytes) -> None:
    document_id = deposited(world, scan)
    job = claimed(bench)
    upload = take(job, bench)
    with bench.records.write() as tx:
        documents.next_fence(tx, document_id)
        tx.session.execute(_taken_over(job))
    with pytest.raises(Refusal) as refused:
        read(job, bench, upload, VERSION)
    assert refused.value.code == "lease-lost"
    assert kept(bench) == []


def _taken_over(job: Job) -> Any:
    from sqlalchemy import update

    from records import tables

    return update(tables.Job).where(tables.Job.job_id == job.job_id).values(fence=job.fence + 1)


def test_what_was_kept_goes_when_the_document_is_refused(world: World, bench: Workbench, scan: bytes) -> None:
    deposited(world, scan)
    ingest(claimed(bench), bench)
    assert len(kept(bench)) == 2
    job = claimed(bench)
    run(job, dataclasses.replace(bench, limits=dataclasses.replace(bench.limits, pages=3)))
    assert document_of(bench, job.document_id).refusal.code == "too-many-pages"  # type: ignore[union-attr]
    assert kept(bench) == []


def test_a_document_waits_while_no_child_can_be_started(world: World, bench: Workbench, scan: bytes) -> None:
    """Nothing is read in this process instead, and the wait costs no attempt."""
    document_id = deposited(world, scan)
    broken = Sandbox(server=ForkServer("ingest.sandbox.no_such_module"))
    assert ingest(claimed(bench), dataclasses.replace(bench, sandbox=broken)) is DocumentState.READING
    assert document_of(bench, document_id).refusal is None
    world.clock.now += timedelta(minutes=1)
    assert claimed(bench).attempts == 1
