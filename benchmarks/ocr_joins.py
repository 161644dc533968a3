"""Forms of funsd, whose truth parts words at punctuation where the page does not: « 9/ 3/ 92 », « $112, 000 ».

What its own boxes say of that, and what F1 is when words are parted as the truth parts them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

TOUCHES = 0.15  # of a word's height: a blank of print is 0.25 and more
LONGEST = 6  # words of the truth in one of ours


def squeezed(word: str) -> str:
    """A word without case and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", word).casefold())


def f1(truth: Counter[str], found: Counter[str]) -> tuple[float, float]:
    """Twice what both have, and what they have together."""
    return 2 * sum((truth & found).values()), max(1, truth.total() + found.total())


def parted_as_in(truth: Sequence[str], found: Sequence[str]) -> Counter[str]:
    """The words `found`, squeezed; one that is several of the truth's in a row is these, where they are missing."""
    true = [word for word in map(squeezed, truth) if word]
    bag = Counter(word for word in map(squeezed, found) if word)
    missing, extra = Counter(true) - bag, bag - Counter(true)
    for length in range(LONGEST, 1, -1):
        for start in range(len(true) - length + 1):
            run = true[start : start + length]
            joined, needed = "".join(run), Counter(run)
            if extra[joined] > 0 and needed <= missing:
                extra[joined] -= 1
                bag[joined] -= 1
                missing -= needed
                bag += needed
    return +bag


def flawless(folder: Path) -> float:
    """Mean F1 of a reading without an error that parts words where the page does."""
    scores = []
    for path in sorted(folder.glob("*.json")):
        form = json.loads(path.read_text(encoding="utf-8"))["form"]
        truth = Counter(squeezed(word["text"]) for block in form for word in block["words"])
        printed = Counter(squeezed(text) for block in form for text in _printed(block["words"]))
        del truth[""], printed[""]
        twice, both = f1(truth, printed)
        scores.append(twice / both)
    return sum(scores) / len(scores)


def _printed(words: Sequence[Any]) -> Iterator[str]:
    """A block's words as they are on the page: those whose boxes touch at punctuation in one."""
    written, before = "", None
    for word in words:
        if before is not None and _touch(before, word):
            written += word["text"]
        else:
            yield written
            written = word["text"]
        before = word
    yield written


def _touch(before: Any, word: Any) -> bool:
    left, right = before["text"], word["text"]
    if not left or not right or (left[-1].isalnum() and right[0].isalnum()):
        return False
    height = before["box"][3] - before["box"][1]
    same_row = abs(before["box"][1] - word["box"][1]) < height
    return same_row and before["box"][0] < word["box"][0] < before["box"][2] + TOUCHES * height
