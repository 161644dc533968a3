"""An invented record of one patient, in an engine, for the time of a measure."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from access.categories import Category
from access.identifiers import passage_id
from index.embedded import EmbeddedGenerations
from index.embedders.port import Embedder, quantise
from index.evaluation.corpus import document_of_entry, patient_of, scope_of
from index.evaluation.runner import Mode, ask
from index.passages import indexed_passage
from index.port import Generation, Generations, Index, IndexedDocument

HERE = Path(__file__).resolve().parent
_PATIENT = "relevance"


@dataclass(frozen=True, slots=True)
class Record:
    """Texts of one patient, each a document of one passage, asked as the product asks."""

    engine: Index
    embedder: Embedder
    names: dict[str, int]  # document id → place of the text

    def ask(self, question: str, mode: Mode = "hybrid") -> list[int]:
        """Places of the texts found, best first."""
        found = ask(self.engine, scope_of(_PATIENT), question, self.embedder, mode, {})
        return [self.names[each.document_id] for each in found.ranked]


@contextmanager
def record(texts: Sequence[str], embedder: Embedder, generations: Generations | None = None) -> Iterator[Record]:
    """A record of `texts`; in the embedded engine when no other is given."""
    with tempfile.TemporaryDirectory() as folder:
        where = generations or EmbeddedGenerations(Path(folder), os.urandom(32))
        generation = Generation("relevance", f"{os.getpid():012x}"[-12:])
        engine = where.open(generation)
        vectors = quantise(embedder.embed_passages(list(texts)), embedder.scale)
        names = {}
        for place, text in enumerate(texts):
            document = document_of_entry(f"text {place}")
            names[document] = place
            passage = indexed_passage(passage_id(document, 0), text, vectors[place].tobytes())
            where_held = (patient_of(_PATIENT), document, Category.OTHER, "", date(2024, 1, 1), 1, (passage,))
            engine.put([IndexedDocument(*where_held)])
        try:
            yield Record(engine, embedder, names)
        finally:
            where.retire(generation)


def lines(name: str) -> list[list[str]]:
    """The cells of a list of this folder, remarks left out."""
    text = (HERE / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
