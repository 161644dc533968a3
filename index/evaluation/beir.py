"""Judged collections on disk, in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv.

Two extensions, both in `metadata`. `patient`: entries and queries of several patients in one folder, each query
asked inside its own patient's record. `no_answer: true`: a query that nothing in the record answers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from access.refusal import Refusal

Judgements = dict[str, dict[str, int]]
"""Relevance (0 and up) by query id, then by document id."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of the collection."""

    id: str
    text: str  # the title, an empty line and the body, when both are there
    patient: str
    type_code: str = ""
    event_date: date | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Something to ask. `no_answer` ones are measured apart."""

    id: str
    text: str
    patient: str
    no_answer: bool


@dataclass(frozen=True, slots=True)
class Collection:
    """One split of a folder: the whole corpus, the queries to ask, and the judgements of those with an answer."""

    name: str
    split: str
    entries: tuple[Entry, ...]
    queries: tuple[Query, ...]
    judgements: Judgements


def read_collection(folder: Path, split: str) -> Collection:
    """Read and check a folder. Raises Refusal (stage "evaluate") that names the file and the line, never the text."""
    entries = _entries(folder / "corpus.jsonl")
    lines = dict(_lines(folder / "queries.jsonl"))
    judgements = _judgements(folder / "qrels" / f"{split}.tsv", lines, {entry.id for entry in entries})
    queries = tuple(_query(name, line, judgements) for name, line in lines.items() if _belongs(line, split, judgements))
    answerable = {query.id for query in queries if not query.no_answer}
    _same_patients(queries, entries, judgements)
    kept = {name: judged for name, judged in judgements.items() if name in answerable}
    if not queries:
        _refuse("empty-collection", f"Aucune question n'est jugée dans {split}.tsv.")
    return Collection(folder.name, split, entries, queries, kept)


def _entries(path: Path) -> tuple[Entry, ...]:
    found = []
    for name, line in _lines(path):
        title, text = str(line.get("title") or ""), str(line.get("text") or "")
        whole = f"{title}\n\n{text}" if title and text else title or text
        found.append(Entry(name, whole, _patient(line), *_facts(line), title))
    if not found:
        _refuse("empty-collection", f"{path.name} ne contient aucun document.")
    return tuple(found)


def _belongs(line: dict[str, Any], split: str, judgements: Judgements) -> bool:
    """Judged in this split; or without an answer, and of this split or of none."""
    metadata = _metadata(line)
    return line["_id"] in judgements or (bool(metadata.get("no_answer")) and metadata.get("split", split) == split)


def _query(name: str, line: dict[str, Any], judgements: Judgements) -> Query:
    relevant = any(grade > 0 for grade in judgements.get(name, {}).values())
    if relevant and _metadata(line).get("no_answer"):
        _refuse("bad-collection", f"La question {name} est dite sans réponse, mais un document la satisfait.")
    return Query(name, str(line.get("text") or ""), _patient(line), not relevant)


def _same_patients(queries: tuple[Query, ...], entries: tuple[Entry, ...], judgements: Judgements) -> None:
    """A document of another patient can never be found: such a judgement is a mistake of the collection."""
    of_entry = {entry.id: entry.patient for entry in entries}
    for query in queries:
        for document, grade in judgements.get(query.id, {}).items():
            if grade > 0 and of_entry[document] != query.patient:
                _refuse("bad-collection", f"La question {query.id} est jugée sur un document d'un autre patient.")


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file with their `_id`, each once."""
    seen: set[str] = set()
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            _refuse("bad-collection", f"{path.name}, ligne {number} : JSON illisible.")
        if not isinstance(value, dict) or not isinstance(value.get("_id"), str) or not value["_id"]:
            _refuse("bad-collection", f"{path.name}, ligne {number} : il faut un objet avec un « _id ».")
        if value["_id"] in seen:
            _refuse("bad-collection", f"{path.name}, ligne {number} : « _id » déjà vu.")
        seen.add(value["_id"])
        yield value["_id"], value


def _judgements(path: Path, queries: dict[str, Any], documents: set[str]) -> Judgements:
    rows = csv.reader(_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    found: Judgements = {}
    for number, row in enumerate(rows, 1):
        if not row or (number == 1 and row[0] == "query-id"):
            continue
        if len(row) != 3 or not row[2].strip().isascii() or not row[2].strip().lstrip("-").isdigit():
            _refuse("bad-collection", f"{path.name}, ligne {number} : il faut question, document, pertinence entière.")
        query, document, grade = row[0], row[1], int(row[2])
        if query not in queries:
            _refuse("bad-collection", f"{path.name}, ligne {number} : question absente de queries.jsonl.")
        if document not in documents:
            _refuse("bad-collection", f"{path.name}, ligne {number} : document absent de corpus.jsonl.")
        found.setdefault(query, {})[document] = max(0, grade)
    return found


def _metadata(line: dict[str, Any]) -> dict[str, Any]:
    metadata = line.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _patient(line: dict[str, Any]) -> str:
    return str(_metadata(line).get("patient", ""))


def _facts(line: dict[str, Any]) -> tuple[str, date | None]:
    """Type and date of a document, where `metadata` has them."""
    metadata = _metadata(line)
    try:
        day = date.fromisoformat(str(metadata.get("date", "")))
    except ValueError:
        day = None
    return str(metadata.get("type_code", "")), day


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        _refuse("bad-collection", f"{path.name} n'est pas en UTF-8.")
    except OSError:
        _refuse("missing-collection", f"{path.name} est absent ou illisible.")


def _refuse(code: str, message: str) -> NoReturn:
    raise Refusal("evaluate", code, message, "Attendu : corpus.jsonl, queries.jsonl et qrels/SPLIT.tsv (format BEIR).")
