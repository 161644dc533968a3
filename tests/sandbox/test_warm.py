"""What the fork server has loaded is enough: reading the sample documents opens no file any more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from samples.generate import generate

WORDED = {"letter", "lab", "txt", "latin1", "cda", "table"}
READER = """
import sys
from pathlib import Path

from ingest.limits import Limits
from ingest.parse import told_pages_of
from ingest.sandbox.warm import warm
from ocr.null import NullOcr

documents = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*")) if path.is_file()]
warm()
sys.addaudithook(lambda event, given: print(given[0]) if event == "open" else None)
for data in documents:
    list(told_pages_of(data, "", NullOcr(), Limits(), frozenset().__contains__))
"""


def test_a_document_is_read_without_opening_a_file(tmp_path: Path) -> None:
    """A child would load the file for itself alone, each time."""
    generate(tmp_path, "demo", lambda draft: draft.form in WORDED)
    done = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path / "documents")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
