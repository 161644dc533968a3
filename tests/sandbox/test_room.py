"""Children of one process share an amount of memory: the youngest gives way, and no document's fate depends on it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.sandbox.bounds import MIB, Bounds
from ingest.sandbox.client import Ended, PageRead, Sandbox
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.room import Crowded, Place, Room
from ingest.sandbox.run import Run
from tests.sandbox.conftest import PROJECT

SIZE, GREED, PAGES = 500 * MIB, 220, 4  # a child has some 225 MiB of what its server has loaded


def test_the_youngest_gives_way_and_the_eldest_never() -> None:
    room = Room(100)
    with room.place() as eldest, room.place() as middle, room.place() as youngest:
        eldest.use(40)
        middle.use(40)
        youngest.use(20)
        with pytest.raises(Crowded):
            youngest.use(21)
        middle.use(60)
        eldest.use(200)
        room.leave(2)
        with pytest.raises(Crowded):
            middle.use(10)
        room.leave(1)
        eldest.use(200)


def test_a_page_that_somebody_waits_for_goes_first() -> None:
    room = Room(100)
    with room.place() as reading, room.place(urgent=True) as drawing:
        reading.use(90)
        drawing.use(20)
        with pytest.raises(Crowded):
            reading.use(90)


def test_who_gave_way_goes_on_when_there_is_room_or_nobody_older() -> None:
    room = Room(100)
    with room.place() as eldest, room.place() as youngest:
        eldest.use(90)
        with pytest.raises(Crowded):
            youngest.use(30)
        waiting = threading.Thread(target=youngest.wait)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        eldest.use(70)  # a younger one that comes and goes wakes those who wait
        with room.place():
            pass
        waiting.join(10)
        assert not waiting.is_alive()
    with room.place() as alone:
        alone.use(500)
        alone.wait()


class Observed(Sandbox):
    """Remembers what each child had to pass over, and the most that all used at one look."""

    def __init__(self, server: ForkServer) -> None:
        super().__init__(Bounds(memory=SIZE), server)
        self.asked: list[list[int]] = []
        self.most = 0

    @contextmanager
    def _run(self, data: int, request: dict[str, Any], place: Place) -> Iterator[Run]:
        self.asked.append(request["kept"])
        with super()._run(data, request, place) as run:
            yield run
        self.most = max(self.most, run.peak)


@pytest.fixture(scope="module")
def greedy() -> Iterator[ForkServer]:
    made = ForkServer("tests.sandbox.quick_server", {"PYTHONPATH": str(PROJECT), "GREED": str(GREED)})
    yield made
    made.close()


def scan() -> bytes:
    frames = [Image.new("L", (300, 200 + 10 * number), 255) for number in range(PAGES)]
    out = io.BytesIO()
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def test_two_large_documents_at_once_are_both_read_whole_and_never_together(greedy: ForkServer) -> None:
    """Each of them fits alone; both do not."""
    sandbox, data = Observed(greedy), scan()

    def read(number: int) -> list[int]:
        said = list(sandbox.read([data], f"{number}.tif", ocr="quick", limits=Limits()))
        assert isinstance(said[-1], Ended)
        return [one.page.number for one in said if isinstance(one, PageRead)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(read, range(2))) == [list(range(1, PAGES + 1))] * 2
    assert len(sandbox.asked) > 2, "nobody gave way"
    assert sandbox.most < SIZE


def test_one_that_is_too_large_alone_is_refused_as_before(greedy: ForkServer) -> None:
    small = Sandbox(Bounds(memory=GREED * MIB), greedy)
    with pytest.raises(Refusal) as refused:
        list(small.read([scan()], "a.tif", ocr="quick", limits=Limits()))
    assert refused.value.code == "too-much-memory"
