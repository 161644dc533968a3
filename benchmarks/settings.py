"""Where benchmarks find collections, caches and engines."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.local_services import cache_folder
from cli.settings import Settings
from index.embedded import EmbeddedGenerations
from index.embedders.factory import build_embedder
from index.embedders.port import Embedder
from index.evaluation.beir import Collection, read_collection
from index.evaluation.corpus import Cut
from index.port import Generations
from ingest.split import split
from records.content import Page

PROJECT = Path(__file__).resolve().parents[1]
SHARED = PROJECT.parent / "shared" / "data"
VECTORS = "evaluation"
UNREGISTERED: str = Settings.model_fields["development_profession"].default
"""What the command takes a professional for whom no directory knows."""

COLLECTIONS = {
    "samples/judgements": PROJECT / "samples" / "judgements",
    "quaero_fr": SHARED / "quaero_fr",
    "xling_en_fr": SHARED / "xling_en_fr",
    "nfcorpus": SHARED / "nfcorpus",
}


def collections() -> Iterator[tuple[str, Collection]]:
    """Every judged split on this machine: dev, and for our own judgements the test part too."""
    for name, folder in COLLECTIONS.items():
        if not folder.is_dir():
            say(f"{name}: absent on this machine, left out")
            continue
        for part in ("dev", "test"):
            if (folder / "qrels" / f"{part}.tsv").is_file():
                yield f"{name} {part}", read_collection(folder, part)


def embedder() -> Embedder:
    """A new default embedder: it remembers no text of an earlier measure."""
    return build_embedder("onnx", None, cache_folder())


def cutter(model: Embedder) -> Cut:
    """The product's passages."""

    def cut(text: str) -> list[str | tuple[str, str]]:
        return [
            (p.section, p.text) for p in split((Page(1, text),), lambda part: model.count_tokens(part) <= model.window)
        ]

    return cut


@contextmanager
def engines() -> Iterator[dict[str, Generations]]:
    """Both engines, empty: the embedded one, and a real OpenSearch started here."""
    from cli.local_services import opensearch
    from index.opensearch import OpenSearchGenerations

    with tempfile.TemporaryDirectory() as folder, opensearch(cache_folder()) as url:
        embedded = EmbeddedGenerations(Path(folder), os.urandom(32))
        cluster = OpenSearchGenerations(url, f"benchmarks-{os.getpid()}")
        try:
            yield {"embedded": embedded, "opensearch": cluster}
        finally:
            cluster.destroy()
            embedded.close()


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)
