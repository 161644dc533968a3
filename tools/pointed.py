"""Makes `clinical/rules/pointed.txt`, the weights of `clinical/text/pointed.py`, and measures it list by list.

    python -m tools.pointed --write      train on the lists of TRAINED and write the file
    python -m tools.pointed              each list by a model trained on the others

Learnt from: the lines of the ward (`tests/cases/facts/`), and as sentences that state no allergy, those of the samples
and of `tests/cases/assertion/` from which no rule tells one. The project wrote all of it. Lists beyond TRAINED are left
aside: what is measured on them is measured on lines that the model never saw.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from benchmarks.ward import FOLDER, LISTS, is_of_patient, read
from clinical.text.placed import placed
from clinical.text.pointed import FILE, Model, mask, may_be_pointed, names, ngrams
from clinical.told_by_text import facts_of
from records.content import Page
from records.fact import DANGERS, Assertion, Fact
from samples.catalogue import drafts

TRAINED = LISTS[:10]
STRENGTH = 10.0
"""The inverse of the weight of L2 regularisation; 1 and 100 were tried (docs/decisions/094)."""
TWICE = 2
"""Texts that an n-gram must occur in."""
MOST_FALSE_LINES, MOST_FALSE_DOCUMENTS = 0.05, 0.01
"""What the threshold may wrongly point at, out of fold: of the lists' texts without a danger, and of our documents."""
_MARKED = re.compile(r"\[[-+?~<^]([^\]]*)\]")
_HEAD = """# Weights of clinical/text/pointed.py: weight, tab, n-gram of plain words cut to their first letters.
# Written by `python -m tools.pointed --write`, out of text that the project wrote; never edited by hand.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A text. `sentences`: of those that no rule told a danger of and that may be pointed at, their n-grams."""

    whole: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    danger: bool
    missed: int = 0
    dangers: int = 0


@cache
def of_list(name: str) -> list[Example]:
    examples = []
    for text, wanted in read(name):
        page, facts = Page(1, text), [fact for fact in facts_of(Page(1, text)) if _told_by_rule(fact)]
        own = [each for each in wanted if is_of_patient(each)]
        missed = sum(not any(each.is_of(fact) for fact in facts) for each in own)
        units = [unit for unit, _ in placed(page, "")]
        masked = (mask(unit.flat, names(unit.flat, text[unit.start : unit.end])).strip() for unit in units)
        whole = tuple(ngrams(" ".join(masked)))
        examples.append(Example(whole, _open(text, facts), bool(own), missed, len(own)))
    return examples


def _told_by_rule(fact: Fact) -> bool:
    return fact.kind in DANGERS and not fact.is_pointed


def _open(text: str, facts: Sequence[Fact]) -> tuple[tuple[str, ...], ...]:
    """The sentences that may be pointed at."""
    found = []
    for unit, _ in placed(Page(1, text), ""):
        told = any(fact.quote.start < unit.end and unit.start < fact.quote.end for fact in facts)
        named = names(unit.flat, text[unit.start : unit.end])
        if not told and may_be_pointed(unit.flat, named):
            found.append(tuple(ngrams(mask(unit.flat, named))))
    return tuple(found)


@cache
def of_others() -> list[Example]:
    """Our documents and sentences without an allergy."""
    texts = [draft.text for draft in drafts()]
    for file in sorted((FOLDER.parent / "assertion").glob("*_fr*.txt")):
        texts += [
            _MARKED.sub(r"\1", line) for line in file.read_text("utf-8").splitlines() if line[:1] not in ("", "#")
        ]
    stated = (Assertion.PRESENT, Assertion.SUSPECTED)
    examples = []
    for text in texts:
        facts = [fact for fact in facts_of(Page(1, text)) if _told_by_rule(fact) and fact.assertion in stated]
        sentences = tuple(grams for grams in _open(text, facts) if not any(gram.startswith("aller") for gram in grams))
        examples.append(Example((), sentences, False))
    return examples


def trained(lists: Sequence[Example], others: Sequence[Example]) -> Model:
    """Without a threshold yet."""
    texts = [each.whole for each in lists] + [grams for each in others for grams in each.sentences]
    truth = [each.danger for each in lists] + [False] * (len(texts) - len(lists))
    counts = Counter(gram for grams in texts for gram in set(grams))
    known = sorted(gram for gram, count in counts.items() if count >= TWICE)
    at = {gram: number for number, gram in enumerate(known)}
    rows, columns, values = [], [], []
    for number, grams in enumerate(texts):
        own = sorted({at[gram] for gram in grams if gram in at})
        rows += [number] * len(own)
        columns += own
        values += [1 / np.sqrt(len(own))] * len(own)
    matrix = csr_matrix((values, (rows, columns)), shape=(len(texts), len(known)))
    fitted = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000).fit(matrix, truth)
    weights = dict(zip(known, (round(float(each), 2) for each in fitted.coef_[0]), strict=True))
    return Model(float("inf"), round(float(fitted.intercept_[0]), 3), weights)


def highest(model: Model, example: Example) -> float:
    return max(map(model.score, example.sentences), default=-np.inf)


def with_threshold(lists: Sequence[str]) -> Model:
    """A model of these lists; its threshold is that of the models that leave one of them and a part of ours out."""
    others, false_lines, false_documents = of_others(), [], []
    for number, held in enumerate(lists):
        rest = [each for name in lists if name != held for each in of_list(name)]
        model = trained(rest, [each for place, each in enumerate(others) if place % len(lists) != number])
        false_lines += [highest(model, each) for each in of_list(held) if not each.danger]
        for each in others[number :: len(lists)]:
            false_documents += [model.score(grams) for grams in each.sentences]
    lines, documents = sorted(false_lines, reverse=True), sorted(false_documents, reverse=True)
    threshold = max(lines[int(MOST_FALSE_LINES * len(lines))], documents[int(MOST_FALSE_DOCUMENTS * len(others))])
    whole = trained([each for name in lists for each in of_list(name)], others)
    return Model(round(threshold + 0.005, 2), whole.bias, whole.weights)


def counts(model: Model, name: str) -> Counter[str]:
    """Dangers of the patient, those that rules miss, of these those pointed at; texts without one, and false ones."""
    found = Counter[str]()
    for each in of_list(name):
        hit = highest(model, each) >= model.threshold
        found += Counter(dangers=each.dangers, missed=each.missed, pointed=each.missed * hit)
        found += Counter(harmless=not each.danger, false=not each.danger and hit)
    return found


def main() -> None:
    if "--write" in sys.argv:
        model = with_threshold(TRAINED)
        lines = [f"{model.threshold}\t[threshold]", f"{model.bias}\t[bias]"]
        lines += [f"{weight}\t{gram}" for gram, weight in sorted(model.weights.items())]
        FILE.write_text(_HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    for name in () if "--write" in sys.argv else LISTS:
        print(name, dict(counts(with_threshold([each for each in TRAINED if each != name]), name)))


if __name__ == "__main__":
    main()
