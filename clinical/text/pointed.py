"""Sentences that no rule understood and that are probably of an allergy: pointed at, to be read (docs/decisions/094).

Nothing is said of what they mean: the sentence itself is the label and the quote, SUSPECTED, with the note POINTED. A
linear model over one and two words scores them, drugs, allergens and reactions replaced by their class. Its weights
(`rules/pointed.txt`) are made by `tools/pointed.py` out of text that the project wrote, and nothing else.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from clinical.asserted import asserted
from clinical.text.allergy_section import allows
from clinical.text.allergy_words import culprits, reactions
from clinical.text.box_marks import BOX
from clinical.text.misspelt import misspelt
from clinical.text.reading import Reading, Where
from clinical.text.sections import Context, context_of
from clinical.text.unexplained import ALWAYS_TREATS, NO_REACTION
from clinical.text.units import Unit
from clinical.text.vocabulary import Drug, drugs
from records.content import Page
from records.fact import POINTED, Assertion, Fact, FactKind, Quote

FILE = Path(__file__).resolve().parent.parent / "rules" / "pointed.txt"
STEM = 5
"""Letters of a word that count: « gonfle », « gonflée » and « gonflement » are one."""
_TOKEN = re.compile(r"[^\W_]+|[^\w\s]")
_DIGITS = re.compile(r"\d+")
_ANSWERED = re.compile(r"[\t|:?][ ]?(?:oui|non|yes|no)[ .\n]*\Z")
"""A form's question with its answer, which `boxes.py` reads."""


Name = tuple[int, int, str]
"""Where a name stands in a unit, and its class."""


@dataclass(frozen=True, slots=True)
class Model:
    """A sentence's score is `bias` plus the sum of the weights of its known n-grams over the root of their number; it
    is pointed at from `threshold` on."""

    threshold: float
    bias: float
    weights: dict[str, float]

    def score(self, grams: Iterable[str]) -> float:
        known = [self.weights[gram] for gram in sorted(set(grams)) if gram in self.weights]
        return self.bias + sum(known) / math.sqrt(len(known) or 1)


def pointed(page: Page, read: Sequence[tuple[Unit, str]], told: Iterable[Quote], where: Where) -> Iterator[Fact]:
    """The sentences among `read`, units in order with their titles, that are quoted for no danger (`told`)."""
    starts = [unit.start for unit, _ in read]
    understood: set[int] = set()
    for quote in told:
        understood.update(range(max(bisect_right(starts, quote.start) - 1, 0), bisect_left(starts, quote.end)))
    for number, (unit, title) in enumerate(read):
        if number in understood or context_of(title) is Context.FAMILY or allows(unit.flat, ()):
            continue
        if not is_pointed(unit, page.text):
            continue
        written = page.text[unit.start : unit.end]
        begin = len(written) - len(written.lstrip())
        span = begin, len(written.rstrip())
        reading = Reading(page, unit, title, context_of(title), where)
        yield reading.fact(FactKind.ALLERGY, span, span, Assertion.SUSPECTED, (("note", POINTED),))


def is_pointed(unit: Unit, page_text: str) -> bool:
    """Whether a sentence names a drug, an allergen or a reaction, and scores as one that states an allergy."""
    flat = unit.flat
    named = names(flat, page_text[unit.start : unit.end])
    if not named or model().score(ngrams(mask(flat, named))) < model().threshold:
        return False
    return may_be_pointed(flat, named)


def may_be_pointed(flat: str, named: Sequence[Name]) -> bool:
    """Whether a unit names something that is not all a relative's or supposed. What boxes and answers stand for is
    told or left by `boxes.py`: an empty box states nothing."""
    if not named or BOX.search(flat) is not None or _ANSWERED.search(flat) is not None:
        return False
    scopes = asserted(flat)
    return any(scopes.of(start, end) not in (Assertion.FAMILY, Assertion.HYPOTHETICAL) for start, end, _ in named)


def names(flat: str, text: str) -> list[Name]:
    """The drugs, allergens and reactions of a unit with their classes, in order, without overlap. RELIEF is a drug that
    treats a reaction named beside it; an illness of its own (« urticaire au froid ») is no reaction."""
    named = list(drugs().find(flat, text))
    named = sorted([*named, *misspelt(flat, text, named)], key=lambda each: each.start)
    harms = [each for each in reactions().find(flat, text) if NO_REACTION.match(flat, each.end) is None]
    relief = (*(code for each in harms for code in each.entry.treated_by), *(ALWAYS_TREATS if harms else ()))
    accused = [(each.start, each.end, _class_of(each.drug, relief)) for each in culprits(flat, text, named)]
    reacted = [
        (each.start, each.end, "REACT" if each.entry.allergic else "HARM")
        for each in harms
        if all(each.end <= start or each.start >= end for start, end, _ in accused)
    ]
    return sorted([*accused, *reacted])


def _class_of(drug: Drug | None, relief: tuple[str, ...]) -> str:
    if drug is None:
        return "ALLERGEN"
    return "RELIEF" if relief and drug.atc.startswith(relief) else "DRUG"


def mask(flat: str, named: Sequence[Name]) -> str:
    """`flat` with the classes in the place of the names."""
    masked, at = [], 0
    for start, end, kind in named:
        if start >= at:
            masked += [flat[at:start], kind]
            at = end
    return "".join([*masked, flat[at:]])


def ngrams(masked: str) -> Iterator[str]:
    """Every word and every two words in a row; `^` and `$` are the ends, figures are 0."""
    found = _TOKEN.findall(_DIGITS.sub("0", masked))
    words = ["^", *(word if word.isupper() else word[:STEM] for word in found), "$"]
    yield from words
    yield from (f"{one} {other}" for one, other in pairwise(words))


@lru_cache(maxsize=1)
def model() -> Model:
    """The shipped one."""
    return model_of(FILE.read_text(encoding="utf-8"))


def model_of(written: str) -> Model:
    """A model out of its file: a weight and an n-gram a line, `threshold` and `bias` first. ValueError on another."""
    values: dict[str, float] = {}
    for line in written.splitlines():
        if line and not line.startswith("# "):
            weight, _, gram = line.partition("\t")
            values[gram] = float(weight)
    if not {"[threshold]", "[bias]"} <= values.keys():
        raise ValueError("pointed.txt: no threshold or no bias")
    return Model(values.pop("[threshold]"), values.pop("[bias]"), values)
