"""`python -m samples.generate OUT --part demo`: write the sample patients' documents and their manifest.

The same bytes at every run with the same versions of fpdf2, pdfium and Pillow; the texts do not depend on them at all.
OUT holds `manifest.json`, `documents/<patient>/…`, and `truth/…` with the exact text of each page that is a picture.
`--part demo` is a share of the documents with at most 40 scanned pages; `--part full` is everything.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from samples.catalogue import drafts
from samples.cda import Identity
from samples.forms import produce
from samples.manifest import Entry, identities, manifest
from samples.story import Draft

PARTS = ("demo", "full")


def generate(out: Path, part: str = "demo", wanted: Callable[[Draft], bool] = lambda _: True) -> Path:
    """Write one part into `out`, replacing what a run before wrote there, and return the manifest's path.

    `wanted` narrows the part to some documents, for a small home. Raises ValueError on an unknown part.
    """
    if part not in PARTS:
        raise ValueError(f"part is one of {PARTS}, not {part!r}")
    for name in ("documents", "truth"):
        shutil.rmtree(out / name, ignore_errors=True)
    known = identities(drafts())
    chosen = [draft for draft in drafts() if (part == "full" or draft.in_demo) and wanted(draft)]
    entries = [_write(out, draft, known[draft.document_id]) for draft in chosen]
    path = out / "manifest.json"
    path.write_text(json.dumps(manifest(part, entries), ensure_ascii=False, indent=1) + "\n", "utf-8")
    return path


def _write(out: Path, draft: Draft, identity: Identity) -> Entry:
    drawn = produce(draft, identity)
    file = f"documents/{draft.patient}/{draft.document_id}{drawn.suffix}"
    _put(out / file, drawn.data)
    truths = {}
    for number in sorted(drawn.pictured):
        truths[number] = f"truth/{draft.document_id}.p{number}.txt"
        _put(out / truths[number], drawn.truths[number - 1].encode())
    return Entry(draft, drawn, identity, file, truths)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the sample patients' documents and their manifest.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--part", choices=PARTS, default="demo")
    chosen = parser.parse_args()
    path = generate(chosen.out, chosen.part)
    documents = json.loads(path.read_text("utf-8"))["documents"]
    forms = Counter(document["form"] for document in documents)
    print(f"{path}: {len(documents)} documents, {sum(d['scanned_pages'] for d in documents)} scanned pages")
    print(", ".join(f"{form} {count}" for form, count in sorted(forms.items())))


if __name__ == "__main__":
    main()
