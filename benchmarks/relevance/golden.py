"""Golden rankings: some questions over our own samples, how each is understood, and what comes first.

    python -m benchmarks.relevance.golden      writes golden/*.txt anew; read the difference before it is kept

The words arm alone: its scores are integers, the same on every machine and engine, so a file changes only when the
language, the vocabulary, the analysis or the ranking does. What meaning adds is measured by `anamnese evaluate`.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from access.identifiers import PassageId
from access.scope import Scope
from benchmarks.settings import COLLECTIONS
from index.embedded import EmbeddedGenerations
from index.embedders.none import NoEmbedder
from index.evaluation.beir import Entry, read_collection
from index.evaluation.corpus import document_of_entry, fill, scope_of
from index.highlight import places_of
from index.intent import Facts, intent_of
from index.lexicon import medical_thesaurus, members_of
from index.near import Places, is_far, under
from index.passages import DENIED
from index.port import Alternative, Clause, Filters, Generation, Index, Part
from index.query import parse
from index.question import Asked, build_question
from index.rank import E5, fuse
from ingest.split import split
from records.content import Page

FOLDER = Path(__file__).resolve().with_name("golden")
SHOWN = 5
"""Documents of each answer."""
WAYS = 8
"""Ways to write an idea that are written down; the rest is counted."""


def questions() -> dict[str, list[str]]:
    """The questions of each patient."""
    found = defaultdict(list)
    for line in (FOLDER / "questions.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            patient, question = line.split("\t")
            found[patient].append(question)
    return dict(found)


def render() -> dict[str, str]:
    """patient → the golden file's text, as the code ranks now."""
    collection, asked = read_collection(COLLECTIONS["samples/judgements"], "dev"), questions()
    entries = tuple(entry for entry in collection.entries if entry.patient in asked)
    with tempfile.TemporaryDirectory() as folder:
        generations = EmbeddedGenerations(Path(folder), os.urandom(32))
        engine = generations.open(Generation("golden", "0" * 12))
        _, kept = fill(engine, replace(collection, entries=entries), NoEmbedder(), _cut, None, lambda _: None)
        told = _Told(engine, entries, {name: under(places_of(one.text), one.titles) for name, one in kept.items()})
        texts = {patient: "\n".join(told.one(patient, question) for question in asked[patient]) for patient in asked}
        generations.close()
    return texts


def _cut(text: str) -> list[str | tuple[str, str]]:
    return [(each.section, each.text) for each in split((Page(1, text),), lambda _: True)]


class _Told:
    """Asks, and writes down what was made of it."""

    def __init__(self, engine: Index, entries: Sequence[Entry], places: Mapping[PassageId, Places]) -> None:
        self._engine, self._places = engine, places
        self._entries = {document_of_entry(each.id): each for each in entries}

    def one(self, patient: str, typed: str) -> str:
        scope = scope_of(patient)
        query = parse(typed, members_of)
        filters = Filters(query.type_codes, query.date_from, query.date_to)
        known = self._engine.forms(scope)
        asked = build_question(query.text, known, None, filters, thesaurus=medical_thesaurus(), query=query)
        lines = [f"? {typed}", *(f"    compris : {each}" for each in query.said), *_parts(asked)]
        lines += [f"    corrigé : {each.typed} → {each.became} ({each.kind})" for each in asked.corrections]
        return "\n".join((*lines, *self._answer(scope, query.text, asked), ""))

    def _answer(self, scope: Scope, text: str, asked: Asked) -> list[str]:
        found = self._engine.match(scope, asked.question)
        facts = {name: Facts(each.type_code, each.event_date) for name, each in self._entries.items()}
        ranked = fuse(
            found,
            limit=SHOWN,
            question=asked.question,
            calibration=E5,
            intent=intent_of(text),
            facts=lambda wanted: {name: facts[name] for name in wanted},
        )
        lines = [f"  {found.matched_documents} documents"]
        for rank, each in enumerate(ranked, 1):
            far = " (éloigné)" if is_far(each, asked.question, self._places.get) else ""
            lines.append(f"  {rank} {self._entries[each.document_id].id}{far}")
        return lines


def _parts(asked: Asked) -> list[str]:
    return [f"    {_part(part)}" for part in asked.question.clauses]


def _part(part: Part) -> str:
    if isinstance(part, Clause):
        return _clause(part)
    ways = [_way(way) for way in part.alternatives]
    more = len(ways) - WAYS
    return "  |  ".join(ways[:WAYS]) + (f"  |  … {more} autres" if more > 0 else "")


def _way(way: Alternative) -> str:
    return " + ".join(map(_clause, way.clauses))


def _clause(clause: Clause) -> str:
    """Its stated terms and their weights."""
    return ", ".join(f"{term.token} {term.weight:.2f}" for term in clause.terms if not term.token.startswith(DENIED))


def main() -> None:
    """Write the files."""
    for patient, text in render().items():
        (FOLDER / f"{patient}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
