"""Large pages for what the fork server has loaded."""

from __future__ import annotations

import mmap
import platform
import re
from pathlib import Path

import pytest

from ingest.sandbox.pages import join_pages

KERNEL = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])


def large_pages() -> int:
    """Bytes of this process's own memory that lie in large pages."""
    told = Path("/proc/self/smaps_rollup").read_text()
    return int(re.findall(r"AnonHugePages:\s+(\d+)", told)[0]) * 1024


@pytest.mark.skipif(KERNEL < (6, 1), reason="the kernel joins no pages on request")
def test_memory_is_joined_and_holds_what_it_held() -> None:
    with mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        memory[:] = bytes(range(256)) * (len(memory) // 256)
        memory.madvise(mmap.MADV_HUGEPAGE)
        before = large_pages()
        join_pages()
        assert large_pages() >= before + (12 << 20)
        assert memory[:] == bytes(range(256)) * (len(memory) // 256)
