"""The reviewable data files of this package: one fact a line, columns separated by `|`, remarks after `#`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent


def rows(path: Path, columns: int) -> Iterator[tuple[str, ...]]:
    """The lines of one file. ValueError names the file and line of a malformed one."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = tuple(cell.strip() for cell in line.split("|"))
        if len(cells) != columns or not cells[0]:
            raise ValueError(f"{path.name}, line {number}: {columns} columns and a first term are expected")
        yield cells


def listed(cell: str) -> tuple[str, ...]:
    """The parts of a cell between commas."""
    return tuple(part.strip() for part in cell.split(",") if part.strip())
