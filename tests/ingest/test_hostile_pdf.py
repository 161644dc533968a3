"""Real PDFs that broke other software: each is read whole or refused, and what is read holds together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.split import split
from records.content import Page, Reading

EVERY = 12  # of some 600 files, which take minutes
LARGEST = 300_000


@pytest.mark.realdata
def test_hostile_pdfs_are_read_or_refused(shared_data: Path, read: Callable[..., Reading]) -> None:
    files = sorted(file for file in (shared_data / "pdf_hostile").rglob("*.pdf") if file.stat().st_size < LARGEST)
    sample = files[::EVERY]
    assert len(sample) >= 30
    was_read, codes = 0, set[str]()
    for file in sample:
        try:
            reading = read(file.read_bytes(), file.name, Limits(pages=40))
        except Refusal as refusal:
            codes.add(refusal.code)
            continue
        was_read += 1
        assert reading.pages, file.name
        for page in reading.pages:
            _check(page)
        passages = split(reading.pages, lambda text: len(text) < 1500)
        whole = "".join("".join(page.text.split()) for page in reading.pages)
        assert whole == "".join("".join(passage.text.split()) for passage in passages), file.name
    assert codes <= {"damaged-pdf", "encrypted-pdf", "too-many-pages", "unsupported-type"}
    assert was_read >= 0.7 * len(sample)


def _check(page: Page) -> None:
    page.text.encode("utf-8")
    end = 0
    for word in page.words:
        assert end <= word.start < word.end <= len(page.text)
        assert word.box is not None
        assert not any(one.isspace() for one in page.text[word.start : word.end])
        end = word.end
    assert not page.width or "".join(page.text[w.start : w.end] for w in page.words) == "".join(page.text.split())
    assert all(0 <= region.start <= region.end <= len(page.text) for region in page.regions)
