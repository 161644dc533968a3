"""What a process and its descendants use now, from /proc: what no limit of the kernel sums up without a cgroup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Use:
    """Seconds of processor (of ended descendants too), bytes resident, processes alive."""

    cpu: float = 0.0
    memory: int = 0
    processes: int = 0


def use_of(process: int) -> Use:
    """Sums over a process and its descendants; zeros when it is gone."""
    cpu, memory, count = 0.0, 0, 0
    for one in family(process):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        cpu += sum(map(int, fields[11:15])) / _TICKS
        memory += int(fields[21]) * _PAGE
        count += 1
    return Use(cpu, memory, count)


def family(process: int) -> Iterator[int]:
    """The process, then its descendants, whichever of its threads made them."""
    parents = {} if _lists_children() else _parents()
    waiting = [process]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [child for child, parent in parents.items() if parent == one]
        with suppress(FileNotFoundError, ProcessLookupError):  # it is gone
            for thread in os.listdir(f"/proc/{one}/task"):
                with suppress(FileNotFoundError, ProcessLookupError):  # or the kernel was built without this file
                    waiting += map(int, Path(f"/proc/{one}/task/{thread}/children").read_text().split())


def _lists_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(entry.name)] = int(fields[1])
    return found
