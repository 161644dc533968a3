"""What a number of patients needs: passages, bytes, shards, machines, money; and how the cost of a document and of a
question grows.

    python -m benchmarks.scale [--write]

Units come from `benchmarks/scale/*.json` (measured by scale_index and scale_records; the largest index counts) and from
ASSUMED, which nobody measured here. `--write` puts the tables into docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import table

FOLDER = Path(__file__).with_name("scale")
PAGE = Path(__file__).parents[1] / "docs" / "scale.md"
SIZES = (1_000, 100_000, 40_000_000)
VECTOR = 384  # bytes as int8; four times that as float

ASSUMED = {
    "documents_a_patient": (40.0, "documents held; the sample patients have 10 to 60"),
    "new_documents_a_year": (10.0, "of one patient: 13 a second over 40 million, the national rate of 2025"),
    "passages_a_document": (6.0, "a letter of one to two pages"),
    "looks_a_year": (20.0, "journal entries of one patient"),
    "seconds_to_read": (0.6, "processor seconds of one document from its bytes to its vectors, a tenth of them scans"),
    "peak": (4.0, "the busiest hour over the mean"),
    "shard_gb": (30.0, "largest shard, as OpenSearch advises (10 to 50)"),
    "memory_share": (0.25, "of the index that a node keeps in memory, so that a question does not wait for a disk"),
    "gb_month": (0.10, "euros for a GB of replicated SSD"),
    "core_month": (15.0, "euros for a core with 4 GB"),
    "ram_gb_month": (3.0, "euros for a GB of memory"),
}


@dataclass(frozen=True, slots=True)
class Units:
    """What was measured: of one passage, one deposit, one look."""

    passage_bytes: float
    deposit_bytes: float
    look_bytes: float
    deposits_a_second: float
    machines: tuple[str, ...]


def units(folder: Path = FOLDER) -> Units:
    """The files of `folder`; SystemExit that says which is missing."""
    indices = sorted(folder.glob("index-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
    if not indices or not (folder / "records.json").exists():
        raise SystemExit("Run benchmarks.scale_index and benchmarks.scale_records first.")
    index: dict[str, Any] = json.loads(indices[-1].read_text())
    records: dict[str, Any] = json.loads((folder / "records.json").read_text())
    return Units(
        index["bytes_a_passage"],
        records["bytes_a_deposit"],
        records["bytes_a_look"],
        max(one["deposits_a_second"] for one in records["writers"].values()),
        (f"{index['passages']:,} passages: {index['machine']}", f"records: {records['machine']}"),
    )


def size(patients: int, of: Units, given: dict[str, float]) -> dict[str, float]:
    """The needs of so many patients."""
    documents = patients * given["documents_a_patient"]
    passages = documents * given["passages_a_document"]
    index = passages * of.passage_bytes
    floats = passages * (of.passage_bytes + 3 * VECTOR)
    rate = patients * given["new_documents_a_year"] / (365 * 86_400)
    looks = patients * given["looks_a_year"] / (365 * 86_400)
    records = documents * of.deposit_bytes + 5 * patients * given["looks_a_year"] * of.look_bytes
    cores = max(1.0, rate * given["peak"] * given["seconds_to_read"])
    writes = (rate + looks) * given["peak"]
    memory = 2 * index * given["memory_share"]
    month = (2 * index + 2 * records) / 1e9 * given["gb_month"] + cores * given["core_month"]
    month += memory / 1e9 * given["ram_gb_month"]
    return {
        "passages": passages,
        "index, GB": index / 1e9,
        "the same with float vectors, GB": floats / 1e9,
        "with one replica, GB": 2 * index / 1e9,
        "records after five years, GB": records / 1e9,
        "primary shards": math.ceil(index / 1e9 / given["shard_gb"]),
        "documents a second, mean": rate,
        "writes a second, peak": writes,
        "homes (one writer each)": max(1, math.ceil(writes / of.deposits_a_second)),
        "reading cores": math.ceil(cores),
        "memory for the index, GB": memory / 1e9,
        "euros a patient a year": 12 * month / patients,
    }


def tables(of: Units) -> str:
    """Both tables and where they come from, in Markdown."""
    given = {name: value for name, (value, _) in ASSUMED.items()}
    columns = [size(patients, of, given) for patients in SIZES]
    rows = [(name, *(_shown(column[name]) for column in columns)) for name in columns[0]]
    double = [{**given, name: 2 * value} for name, value in given.items()]
    base = columns[1]["euros a patient a year"]
    grows = [
        (f"{name}: {value:g}", why, f"{size(SIZES[1], of, more)['euros a patient a year'] / base:.2f}")
        for (name, (value, why)), more in zip(ASSUMED.items(), double, strict=True)
    ]
    measured = table(
        ("measured", "value"),
        (
            ("bytes a passage in the index", f"{of.passage_bytes:,.0f}"),
            ("bytes a deposit in PostgreSQL", f"{of.deposit_bytes:,.0f}"),
            ("bytes a journal entry", f"{of.look_bytes:,.0f}"),
            ("deposits a second by one writer's turn", f"{of.deposits_a_second:,.0f}"),
        ),
    )
    head = ("patients", *(f"{patients:,}" for patients in SIZES))
    return "\n\n".join(
        (
            table(head, rows),
            measured,
            "Measured on " + "; ".join(of.machines) + ".",
            table(("assumed", "what it is", "cost when doubled"), grows),
        )
    )


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    made = tables(units())
    if parser.parse_args().write:
        text = PAGE.read_text(encoding="utf-8")
        kept = re.sub(
            r"<!-- scale -->.*<!-- /scale -->", lambda _: f"<!-- scale -->\n{made}\n<!-- /scale -->", text, flags=re.S
        )
        PAGE.write_text(kept, encoding="utf-8")
    print(made)


if __name__ == "__main__":
    main()
