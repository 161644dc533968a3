"""Where pictures of pages lie while another program reads them: private, in memory if possible, wiped."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 256 * 2**20  # bytes; a page of A3 at 300 dpi is 17 MB, and containers have 64 MB there by default
STALE = 600  # seconds; a reading is given up after 180
_PREFIX = "anamnese-ocr-"


@contextmanager
def private_folder(place: Path | None = None) -> Iterator[Path]:
    """A folder that only this user can enter, in `place`, else in memory when there is room, removed afterwards
    whatever happens."""
    place = place or (MEMORY if is_roomy() else None)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place) as folder:
        yield Path(folder)


def is_roomy() -> bool:
    """Whether pictures of pages may lie in memory."""
    return MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM


def sweep() -> None:
    """Remove what processes of this user that were killed while reading left behind."""
    for place in (MEMORY, Path(tempfile.gettempdir())):
        for folder in place.glob(f"{_PREFIX}*-*") if place.is_dir() else ():
            with contextlib.suppress(OSError):
                if folder.stat().st_uid == os.getuid() and _is_stale(folder):
                    shutil.rmtree(folder)


def _is_stale(folder: Path) -> bool:
    owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
    if not owner.isdigit() or time.time() - folder.stat().st_mtime < STALE:
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    return False
