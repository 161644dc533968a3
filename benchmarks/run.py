"""`python -m benchmarks.run NAME…` (or `all`): measure, print, and write benchmarks/RESULTS.md."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "embedding",
    "evaluation",
    "relevance",
    "engine_agreement",
    "search_http",
    "features_http",
    "fhir_http",
    "first_paint",
    "emergency_http",
    "door_timing",
    "decision_share",
    "among_others",
    "real_documents",
    "identity",
    "writers",
    "hostile",
    "assertion",
    "told_facts",
    "ward",
    "told_scans",
    "ocr",
    "ocr_speed",
    "pdf_pages",
    "sandbox_cost",
    "ingest_memory",
)
"""Modules of this package; each has `TITLE` and `measure()`, which returns Markdown."""


def main(names: list[str]) -> int:
    from benchmarks.report import publish

    chosen = list(NAMES) if names == ["all"] else names
    if not chosen or set(chosen) - set(NAMES):
        print(f"usage: python -m benchmarks.run all | {' | '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in chosen:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"— {module.TITLE}", file=sys.stderr)
        body = module.measure()
        print(body)
        publish(name, module.TITLE, body, f"python -m benchmarks.run {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
