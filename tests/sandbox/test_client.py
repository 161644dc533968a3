"""The door: what comes through is what the parsers read, whoever asks, and nothing else."""

from __future__ import annotations

import io
import math
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.page_image import page_image
from ingest.parse import parse
from ingest.sandbox import fork_server, wire
from ingest.sandbox.bounds import Bounds
from ingest.sandbox.client import Ended, PageRead, Sandbox
from ingest.sandbox.fork_server import ForkServer
from ocr.null import NullOcr
from ocr.ppocr.engine import PpOcr
from records.content import Page, Reading, Region, Section, Source, Word
from samples.hostile import cda
from tests.ingest import pdfs
from tests.ingest.test_hostile_formats import SEEDS
from tests.ingest.test_letters import photograph
from tests.ocr.pictures import LETTER, letter
from tests.sandbox.conftest import PROJECT, ask, running

DOCUMENTS = {
    "text": "Allergie à la pénicilline.\fPage deux\ud800".encode("utf-8", "surrogatepass"),
    "pdf": pdfs.pages(3),
    "cda": cda("Une lettre."),
    "heic": photograph(),
    **{kind: make() for kind, make in SEEDS.items() if kind != "fhir xml"},  # a Patient alone says nothing
}


def whole(sandbox: Sandbox, data: bytes, ocr: str = "none") -> Reading:
    pages: list[Page] = []
    for said in sandbox.read([data], "x", ocr=ocr, limits=Limits()):
        if isinstance(said, PageRead):
            pages.append(said.page)
        elif isinstance(said, Ended):
            return Reading(tuple(pages), said.metadata)
    raise AssertionError


@pytest.mark.parametrize("kind", sorted(DOCUMENTS))
def test_a_child_reads_what_this_process_would(sandbox: Sandbox, kind: str) -> None:
    data = DOCUMENTS[kind]
    assert whole(sandbox, data) == parse(data, "x", NullOcr(), Limits())


def test_a_poster_scanned_in_colour_is_read_within_the_memory_of_a_child(sandbox: Sandbox) -> None:
    """75 cm a side at 300 dpi are 81 million points; two of OCRmyPDF's samples are as large."""
    poster = Image.new("RGB", (9000, 9000), "white")
    poster.paste(letter(300).image.convert("RGB"), (3000, 3000))
    data = io.BytesIO()
    poster.save(data, "PDF", resolution=300)
    (page,) = whole(sandbox, data.getvalue(), PpOcr.name).pages
    assert len(set(LETTER.split()) & set(page.text.split())) >= 0.9 * len(set(LETTER.split()))


def test_a_page_is_drawn_as_this_process_would(sandbox: Sandbox) -> None:
    data, boxes = pdfs.pages(2), [(50.0, 50.0, 200.0, 80.0)]
    asked: dict[str, Any] = {"pictured": [1, 2], "text": "", "boxes": boxes}
    drawn = sandbox.draw([data], "application/pdf", 2, **asked)
    assert drawn == page_image(data, "application/pdf", 2, **asked)
    with pytest.raises(Refusal) as refused:
        sandbox.draw([b"%PDF-1.4 junk"], "application/pdf", 1, **asked)
    assert refused.value.code == "damaged-pdf"


def test_many_threads_share_one_server(sandbox: Sandbox) -> None:
    documents = [pdfs.simple(f"Document numéro {number}.") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda data: whole(sandbox, data), documents))
    assert [reading.pages[0].text for reading in readings] == [f"Document numéro {n}." for n in range(24)]


def test_clients_that_leave_as_their_children_end_harm_nobody(server: ForkServer) -> None:
    """While the server forks for one, it does not see in which order another's child and client went."""
    before = server.pid()

    def leave(number: int) -> None:
        with running(server, "say", value=["done", number]) as run:
            next(run.values())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(200)))
    assert ask(server, "look")[0] == "done"
    assert server.pid() == before


def test_a_forked_copy_of_the_client_has_a_server_of_its_own(sandbox: Sandbox) -> None:
    """Celery's prefork children are such copies."""
    ours = sandbox.server.pid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = whole(sandbox, DOCUMENTS["text"]).pages[0].text
            os.write(write, f"{sandbox.server.pid()} {text}".encode())
            sandbox.close()
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    theirs, text = os.read(read, 1000).decode().split(" ", 1)
    os.close(read)
    assert int(theirs) != ours
    assert text == "Allergie à la pénicilline."
    assert sandbox.server.pid() == ours
    assert whole(sandbox, DOCUMENTS["text"])


def test_a_killed_server_is_started_again(sandbox: Sandbox) -> None:
    before = sandbox.server.pid()
    os.kill(before, signal.SIGKILL)
    while _runs(before):
        time.sleep(0.01)
    assert whole(sandbox, DOCUMENTS["text"]).pages
    assert sandbox.server.pid() != before


def test_nothing_is_left_when_the_client_is_killed(tmp_path: Path) -> None:
    """Server, child, Tesseract's like, folder: all go when whoever asked is gone."""
    script = tmp_path / "client.py"
    script.write_text(
        "import sys\nfrom tests.sandbox.conftest import *\n"
        "with evil_server() as server, running(server, 'sleep', marker=900001) as run:\n"
        "    values = run.values()\n"
        "    print(next(values)[1][0], server.pid(), run.child, flush=True)\n"
        "    next(values)\n"
    )
    client = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )
    assert client.stdout is not None
    folder, *processes = client.stdout.readline().split()
    assert Path(folder).is_dir()
    client.kill()
    client.wait()
    client.stdout.close()
    while Path(folder).parent.exists() or any(_runs(int(one)) for one in processes):
        time.sleep(0.01)  # the test's own timeout ends a vain wait


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_folder_that_nobody_holds_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_server, "MEMORY", tmp_path)
    monkeypatch.setattr(fork_server, "is_roomy", lambda: True)
    left, held = tmp_path / "anamnese-sandbox-left", ForkServer()
    left.mkdir()
    (left / "page.pgm").write_bytes(b"x")
    try:
        held.active()
        assert not left.exists()
        fork_server.sweep()
        assert len(list(tmp_path.iterdir())) == 1
    finally:
        held.close()
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_forks_no_more_makes_documents_wait() -> None:
    broken = ForkServer("ingest.sandbox.no_such_module")
    with pytest.raises(Refusal) as refused:
        list(Sandbox(Bounds(), broken).read([b"x"], "x", ocr="none", limits=Limits()))
    assert refused.value.code == "sandbox-unavailable"


@pytest.mark.parametrize(
    "value",
    [
        "page",
        [],
        [1],
        ["page"],
        ["page", [1, "x"], False],
        ["page", wire.page_out(Page(1, "x")), "yes"],
        ["end", ["x"]],
        ["refusal", "parse", "x", "y" * 5_000, "z"],
        ["refusal", 1, 2, 3, 4],
        ["picture", "text"],
        ["unknown"],
        {"page": 1},
    ],
)
def test_nonsense_is_a_refusal(server: ForkServer, value: Any) -> None:
    with pytest.raises(Refusal) as refused:
        _read_evil(server, value)
    assert refused.value.code == "parser-failed"


def _read_evil(server: ForkServer, value: Any) -> None:
    """What the client makes of a child that says `value` when it is asked to read."""
    from ingest.sandbox.client import _said
    from ingest.sandbox.verdict import parser_failed

    try:
        _said(ask(server, "say", value=value))
    except wire.Nonsense:
        raise parser_failed() from None


def test_a_frame_that_is_too_long_is_not_waited_for() -> None:
    with pytest.raises(wire.Nonsense):
        list(wire.Frames().feed((wire.FRAME + 1).to_bytes(4, "big")))


PAGES = st.builds(
    Page,
    number=st.integers(1, 5000),
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=3),
    width=st.floats(0, 1e6),
    height=st.floats(0, 1e6),
    words=st.lists(
        st.builds(Word, st.integers(0, 1), st.integers(1, 3), st.just((0.0, 1.0, 2.0, 3.0)), st.floats(0, 1))
    ).map(tuple),
    regions=st.lists(st.builds(Region, st.just(0), st.just(3), st.sampled_from(Source), st.text(max_size=9))).map(
        tuple
    ),
    sections=st.lists(st.builds(Section, st.just(1), st.just(2), st.just("Titre"), st.just("1-2"))).map(tuple),
    unreadable=st.booleans(),
    note=st.just("note"),
)


@given(PAGES, st.integers(1, 64))
def test_a_page_comes_through_however_it_is_cut(page: Page, cut: int) -> None:
    data, frames, found = wire.pack(wire.page_out(page)), wire.Frames(), []
    for at in range(0, len(data), cut):
        found += list(frames.feed(data[at : at + cut]))
    assert [wire.page_in(value) for value in found] == [page]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=10),
        max_leaves=40,
    )
)
def test_any_value_is_a_page_or_nonsense(value: Any) -> None:
    for read in (wire.page_in, wire.metadata_in):
        try:
            made = read(value)
        except wire.Nonsense:
            continue
        assert isinstance(made, Page)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 0),
        (0, True),
        (1, 5),
        (2, math.nan),
        (3, math.inf),
        (4, [[0, 99, None, None]]),
        (4, [[2, 1, None, None]]),
        (7, 1),
    ],
)
def test_a_page_that_breaks_its_promise_is_nonsense(place: int, value: Any) -> None:
    fields = wire.page_out(Page(1, "texte"))
    assert wire.page_in(fields) == Page(1, "texte")
    fields[place] = value
    with pytest.raises(wire.Nonsense):
        wire.page_in(fields)


def test_descriptors_that_a_child_sends_are_closed(server: ForkServer) -> None:
    """A stranger's descriptor would stay open here for good."""
    from ingest.sandbox.run import _close_all

    read, write = socket.socketpair()
    _close_all(read.detach().to_bytes(4, sys.byteorder))
    with write, pytest.raises(OSError, match="Broken pipe"):
        write.send(b"x")
    assert server.active()
