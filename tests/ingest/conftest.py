"""What the tests of ingestion share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parse import parse
from ocr.null import NullOcr
from records.content import Reading

Read = Callable[..., Reading]


@pytest.fixture
def read() -> Read:
    """parse() without OCR: pages that need it come out unreadable."""

    def _read(data: bytes, name: str = "document", limits: Limits | None = None) -> Reading:
        return parse(data, name, NullOcr(), limits or Limits())

    return _read


@pytest.fixture
def refusal_of(read: Read) -> Callable[..., Refusal]:
    """The Refusal that reading must end in."""

    def _refusal(data: bytes, name: str = "document", limits: Limits | None = None) -> Refusal:
        with pytest.raises(Refusal) as caught:
            read(data, name, limits)
        assert caught.value.message
        assert caught.value.remedy
        return caught.value

    return _refusal


@pytest.fixture(scope="session")
def cda_files(shared_data: Path) -> list[Path]:
    files = sorted((shared_data / "cda_fr_ansforge").rglob("*.xml"))
    assert len(files) >= 22
    return files
