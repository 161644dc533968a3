"""Golden rankings: what a question is understood as, and what comes first. A change must be read and written down."""

from __future__ import annotations

import difflib

from benchmarks.relevance.golden import FOLDER, questions, render


def test_rankings_are_those_written_down() -> None:
    now = render()
    assert sum(len(asked) for asked in questions().values()) >= 30
    changed: list[str] = []
    for patient, text in now.items():
        kept = (FOLDER / f"{patient}.txt").read_text(encoding="utf-8")
        changed += difflib.unified_diff(kept.split("\n"), text.split("\n"), f"{patient}.txt", "now", "", "", 8, "")
    assert not changed, "\n".join(("python -m benchmarks.relevance.golden writes them anew:", *changed))
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(now)
