"""Facts out of text against exact truth: lines of the laboratory and prescriptions of the samples, annotated texts.

The truth of a sample is its draft: what its generator was told to write. Only born-digital forms are read (no OCR).
`tests/cases/facts/pamj_drugs.tsv` holds ids and names of drugs as annotated by hand, never the texts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import table
from clinical.text.plain import plain
from clinical.told_by_text import facts_of, section_after
from ingest.limits import Limits
from ingest.parse import parse
from ocr.null import NullOcr
from records.content import Page
from records.fact import Fact, FactKind
from samples.catalogue import drafts
from samples.forms import produce
from samples.manifest import identities
from samples.story import Draft, Kind

TITLE = "Facts out of text"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ANNOTATED = Path(__file__).resolve().parent.parent / "tests" / "cases" / "facts" / "pamj_drugs.tsv"
_BORN_DIGITAL = frozenset(("letter", "banner", "columns", "lab", "form", "table", "txt", "latin1", "cda"))
_NOT_DRUGS = frozenset(("freestyle libre", "bandelettes et lancettes"))
_DRUGS = (FactKind.MEDICATION, FactKind.ALLERGY, FactKind.INTOLERANCE)
_SUBSTANCE = 7
"""Letters of an ATC code of a substance; shorter ones are classes."""
_NAME = re.compile(r"[^\d:(]+")


def measure() -> str:
    """Three tables in one."""
    lab, drug = Counter[str](), Counter[str]()
    missed: list[str] = []
    known = identities(drafts())
    for draft in drafts():
        if draft.form not in _BORN_DIGITAL or not (lines_of(draft) or _prescribed(draft)):
            continue
        drawn = produce(draft, known[draft.document_id])
        facts = facts_of_pages(parse(drawn.data, f"sample{drawn.suffix}", NullOcr(), Limits()).pages)
        _score_lines(draft, facts, lab, missed)
        _score_drugs(draft, facts, drug, missed)
    exact, found = lab["exact"] / lab["lines"], drug["found"] / drug["wanted"]
    precision = drug["right"] / drug["told"]
    rows: list[tuple[object, ...]] = [
        ("lines of the laboratory: value, unit, range exact", lab["lines"], f"{exact:.4f}", "", lab["facts"]),
        ("prescribed medicines of the samples", drug["wanted"], f"{found:.4f}", f"{precision:.4f}", drug["told"]),
    ]
    rows += list(_annotated(missed))
    body = table(("what", "in the truth", "recall or exact", "precision", "facts told"), rows)
    return body + "\n\nMissed or wrong, the first ten: " + "; ".join(missed[:10]) if missed else body


def facts_of_pages(pages: tuple[Page, ...]) -> list[Fact]:
    facts: list[Fact] = []
    section = ""
    for page in pages:
        facts.extend(facts_of(page, section))
        section = section_after(page, section)
    return facts


def lines_of(draft: Draft) -> list[tuple[str, str, str, str]]:
    """Name, value, unit and range of each line of a laboratory's table."""
    found = []
    for block in draft.blocks:
        if block.kind is Kind.TABLE and block.rows[0][:3] == ("Analyse", "Résultat", "Unité"):
            found += [(row[0], row[1], row[2], row[3]) for row in block.rows[1:]]
    return found


def _score_lines(draft: Draft, facts: list[Fact], counts: Counter[str], missed: list[str]) -> None:
    told = [fact for fact in facts if fact.kind is FactKind.LAB_RESULT and fact.value is not None]
    lines = lines_of(draft)
    counts["facts"] += len(told) if lines else 0
    for name, value, unit, reference in lines:
        counts["lines"] += 1
        wanted = (same(name), same(value), same(unit), same(reference))
        exact = any(
            (same(f.label), same(f.value.text), same(f.value.unit), same(f.value.range_text)) == wanted
            for f in told if f.value is not None
        )  # fmt: skip
        counts["exact"] += exact
        if not exact:
            missed.append(f"{draft.document_id}: {name} {value} {unit} {reference}")


def same(text: str) -> str:
    """Without blanks, dashes' kinds, an explanation in brackets and what Latin-1 cannot hold."""
    bare = re.sub(r"\([^)]*\)?$", "", text.strip()).replace("–", "-")
    return re.sub(r"\s", "", plain(bare)).strip("()")


def _prescribed(draft: Draft) -> list[str]:
    """The names of the medicines of a prescription."""
    if draft.type_code != "57833-6":
        return []
    names = [_NAME.match(block.text) for block in draft.blocks if block.kind is Kind.BULLET]
    found = [plain(name[0]).strip() for name in names if name is not None]
    return [name for name in found if name not in _NOT_DRUGS and not name.startswith(tuple(_NOT_DRUGS))]


def _score_drugs(draft: Draft, facts: list[Fact], counts: Counter[str], missed: list[str]) -> None:
    wanted = _prescribed(draft)
    if not wanted:
        return
    told = [plain(fact.label) for fact in facts if fact.kind is FactKind.MEDICATION]
    counts["wanted"] += len(wanted)
    counts["told"] += len(told)
    for name in wanted:
        found = any(each in name or name in each for each in told)
        counts["found"] += found
        if not found:
            missed.append(f"{draft.document_id}: {name}")
    counts["right"] += sum(any(each in name or name in each for name in wanted) for each in told)


def _annotated(missed: list[str]) -> Iterator[tuple[object, ...]]:
    """Drugs in texts that were annotated by hand: a name counts once a text."""
    source = DATA / "pamj_fr" / "docs.jsonl"
    if not source.exists() or not ANNOTATED.exists():
        return
    texts = {row["_id"]: row["text"] for row in map(json.loads, source.read_text(encoding="utf-8").splitlines())}
    wanted = found = told = right = count = 0
    for line in ANNOTATED.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        document, _, cell = line.partition("\t")
        names = {plain(name.strip()) for name in cell.split(";") if name.strip()}
        facts = facts_of(Page(1, texts[document]))
        drugs = [f for f in facts if f.kind in _DRUGS and (f.codes or f.detail("substance"))]
        labels = {plain(f.label): any(len(code.code) == _SUBSTANCE for code in f.codes) for f in drugs}
        said = set(labels) | {plain(name) for f in drugs for name in (f.detail("brand"), f.quote.text) if name}
        scored = [label for label, substance in labels.items() if substance]
        lost = [name for name in names if not any(name in each or each in name for each in said)]
        wrong = [label for label in scored if not any(label in name or name in label for name in names)]
        count, wanted, told = count + 1, wanted + len(names), told + len(scored)
        found, right = found + len(names) - len(lost), right + len(scored) - len(wrong)
        missed += [f"{document}: {name}" for name in lost] + [f"{document}: {label} (not annotated)" for label in wrong]
    yield (
        f"drugs of pamj_fr, {count} texts annotated by hand",
        wanted,
        f"{found / wanted:.4f}",
        f"{right / told:.4f}",
        told,
    )
