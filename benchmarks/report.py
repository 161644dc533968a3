"""Sections of benchmarks/RESULTS.md: each replaced whole, with the date, the machine and the command that made it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
_HEAD = "# Results\n\nMeasured on the machine and day that each section names, by its command.\n"


def publish(name: str, title: str, body: str, command: str) -> None:
    """Replace section `name`, or add it at the end."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    section = f"{start}\n## {title}\n\n`{command}`, {_when()}, {machine()}.\n\n{body.strip()}\n{end}"
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else _HEAD
    known = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    text = known.sub(lambda _: section, text) if known.search(text) else f"{text.rstrip()}\n\n{section}\n"
    RESULTS.write_text(text, encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [" | ".join(head), "|".join(["---", *["---:"] * (len(head) - 1)])]
    lines += [" | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def milliseconds(seconds: Sequence[float], share: float = 0.5) -> float:
    """A quantile, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def machine() -> str:
    """Processor, cores, Python, and the load when the section was written: a loaded machine explains slow figures."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{_processor()}, {cores} cores, Python {platform.python_version()}, load {load:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _when() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")
