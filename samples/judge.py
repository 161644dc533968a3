"""Graded relevance from what each document states: `python -m samples.judge` writes the files of `judgements/`.

The rules are those of `judgements/README.md`. No search engine takes part: a grade comes from the clinical marks of the
stories, and, for passing mentions only, from the names of a concept standing in the text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from samples.catalogue import drafts
from samples.concepts import concepts, fold, holds, narrower
from samples.markup import Assertion, Claim
from samples.story import Draft

QUESTIONS = Path(__file__).parent / "questions.txt"
JUDGEMENTS = Path(__file__).parent / "judgements"

_WANTED = (3, 2)  # (the document is about it, it states it)
# A question about a relative, or about a stop, wants that very statement: a single sentence answers it.
_ASKED = {Assertion.FAMILY: (3, 3), Assertion.PAST: (3, 2), Assertion.ABSENT: (3, 2)}
_GRADES = {
    Assertion.PRESENT: _WANTED,
    Assertion.PAST: (2, 1),
    Assertion.SUSPECTED: (2, 1),
    Assertion.ABSENT: (2, 1),
    Assertion.FAMILY: (1, 1),
    Assertion.MENTION: (1, 1),
}


@dataclass(frozen=True, slots=True)
class Question:
    """One judged query of one patient. `absent_words` is filled for a question without an answer only."""

    query_id: str
    patient: str
    text: str
    kind: str
    targets: tuple[str, ...] = ()
    wants: Assertion = Assertion.PRESENT
    years: frozenset[int] = frozenset()
    types: frozenset[str] = frozenset()
    also: str = ""
    absent_words: tuple[str, ...] = ()

    @property
    def split(self) -> str:
        """ "dev" for about two questions in five, "test" for the others, by a hash of the id."""
        return "dev" if hashlib.sha256(self.query_id.encode()).digest()[0] % 5 < 2 else "test"


def questions() -> list[Question]:
    """Every question, in the file's order. Raises ValueError or KeyError on a malformed line."""
    found = [_question(line) for line in QUESTIONS.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    if len({question.query_id for question in found}) < len(found):
        raise ValueError("two questions have the same id")
    return found


def _question(line: str) -> Question:
    patient, text, third, rest = (part.strip() for part in line.split("|"))
    kind, *options = (part.strip() for part in rest.split(";"))
    query_id = f"{patient}-{re.sub('[^a-z0-9]+', '-', fold(text)).strip('-')}"
    words = tuple(part.strip() for part in third.split(","))
    if kind == "none":
        return Question(query_id, patient, text, kind, absent_words=words)
    settings = dict(option.split("=", 1) for option in options)
    return Question(
        query_id,
        patient,
        text,
        kind,
        targets=words,
        wants=Assertion(settings.get("wants", "present")),
        years=frozenset(int(year) for year in settings.get("years", "").split(",") if year),
        types=frozenset(code for code in settings.get("types", "").split(",") if code),
        also=settings.get("also", ""),
    )


def grade(question: Question, draft: Draft) -> int:
    """How well `draft` answers `question`, 0 to 3."""
    if draft.patient != question.patient or not question.targets:
        return 0
    wanted = frozenset[str]().union(*(narrower(target) for target in question.targets))
    best = max((_of(claim, question.wants) for claim in draft.claims if claim.concept in wanted), default=0)
    if best == 0:
        best = int(_names(wanted, draft))
    return min(best, 1) if _beside_the_point(question, draft) else best


def _of(claim: Claim, wants: Assertion) -> int:
    if wants is Assertion.PRESENT:
        about, stated = _GRADES[claim.assertion]
    elif claim.assertion is wants:
        about, stated = _ASKED[wants]
    else:
        # Asked for an absence, what says the contrary matters; asked for a relative, the patient's own does not.
        contrary = wants is Assertion.ABSENT and claim.assertion is Assertion.PRESENT
        about, stated = (2, 1) if contrary else (1, 1)
    return about if claim.main else stated


def _names(keys: Iterable[str], draft: Draft) -> bool:
    text = f"{draft.title}\n{draft.text}"
    folded = fold(text)
    return any(holds(name, text, folded) for key in keys for name in concepts()[key].names)


def _beside_the_point(question: Question, draft: Draft) -> bool:
    if question.years and draft.day.year not in question.years:
        return True
    if question.types and draft.type_code not in question.types:
        return True
    if not question.also:
        return False
    keys = narrower(question.also)
    return not any(claim.concept in keys for claim in draft.claims) and not _names(keys, draft)


def judged() -> list[Draft]:
    """The documents of the judgements: all but the versions that a later one replaces."""
    replaced = {draft.replaces for draft in drafts()}
    return [draft for draft in drafts() if draft.document_id not in replaced]


def write_corpus(path: Path) -> None:
    """Write corpus.jsonl: the text of each document as its author wrote it."""
    lines = (
        {
            "_id": draft.document_id,
            "title": draft.title,
            "text": draft.text,
            "metadata": {"patient": draft.patient, "type_code": draft.type_code, "date": draft.day.isoformat()},
        }
        for draft in judged()
    )
    _write(path, (json.dumps(line, ensure_ascii=False) for line in lines))


def write_all(folder: Path) -> None:
    """Write corpus.jsonl, queries.jsonl and qrels/{dev,test}.tsv into `folder`, the same bytes every time."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    write_corpus(folder / "corpus.jsonl")
    asked = questions()
    _write(folder / "queries.jsonl", (json.dumps(_query_line(question), ensure_ascii=False) for question in asked))
    for split in ("dev", "test"):
        rows = ["query-id\tcorpus-id\tscore"]
        for question in asked:
            if question.split == split:
                graded = ((draft.document_id, grade(question, draft)) for draft in judged())
                rows += [f"{question.query_id}\t{document}\t{score}" for document, score in graded if score]
        _write(folder / "qrels" / f"{split}.tsv", rows)


def _query_line(question: Question) -> dict[str, object]:
    metadata = {
        "patient": question.patient,
        "kind": question.kind,
        "split": question.split,
        "no_answer": not question.targets,
    }
    return {"_id": question.query_id, "text": question.text, "metadata": metadata}


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the judgements of the sample patients.")
    parser.add_argument("folder", nargs="?", type=Path, default=JUDGEMENTS)
    write_all(parser.parse_args().folder)
