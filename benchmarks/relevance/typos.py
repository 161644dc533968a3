"""200 exact questions taken from the sample patients' documents, then one typo or misread letter in each word."""

from __future__ import annotations

import os
import random
import re
import tempfile
from pathlib import Path

from benchmarks.settings import COLLECTIONS, VECTORS, cutter, embedder
from cli.local_services import cache_folder
from index.embedded import EmbeddedGenerations
from index.evaluation.beir import Collection, Entry, Query, read_collection
from index.evaluation.runner import Filled
from index.port import Generations
from index.stopwords import STOP_WORDS
from index.weights import is_common

QUESTIONS, SEED, LOOKED_AT = 200, 20260101, 5
_WORD = re.compile(r"[^\W\d_]{5,}")
_MISREAD = (
    ("rn", "m"), ("m", "rn"), ("l", "1"), ("i", "l"), ("l", "i"), ("e", "c"), ("c", "e"), ("o", "0"), ("h", "b"),
    ("u", "n"), ("n", "u"), ("cl", "d"), ("d", "cl"), ("a", "o"), ("é", "e"), ("t", "f"), ("s", "5"), ("v", "y"),
)  # fmt: skip
_NEAR = {
    "a": "zq", "b": "vn", "c": "xv", "d": "sf", "e": "zr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "l": "km", "m": "lp", "n": "b", "o": "ip", "p": "om", "q": "sa", "r": "et", "s": "qd", "t": "ry", "u": "yi",
    "v": "cb", "z": "ae",
}  # fmt: skip


def damaged(word: str, dice: random.Random) -> str:
    """The word with one letter dropped, doubled, swapped, mistyped or misread; never the word itself."""
    while True:
        place = dice.randrange(1, len(word) - 1)
        kind = dice.choice(("drop", "double", "swap", "mistype", "misread", "misread"))
        if kind == "drop":
            result = word[:place] + word[place + 1 :]
        elif kind == "double":
            result = word[:place] + word[place] + word[place:]
        elif kind == "swap":
            result = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        elif kind == "mistype":
            result = word[:place] + dice.choice(_NEAR.get(word[place], "e")) + word[place + 1 :]
        else:
            found = [(old, new) for old, new in _MISREAD if old in word[1:]]
            old, new = dice.choice(found) if found else (word[place], "e")
            result = word[0] + word[1:].replace(old, new, 1)
        if result.casefold() != word.casefold():
            return result


def questions(collection: Collection, dice: random.Random) -> list[tuple[str, Entry]]:
    """Two or three words that stand near each other in a document, none of them everyday words; shuffled."""
    made = []
    for entry in collection.entries:
        words = [w for w in _WORD.findall(entry.text) if w.casefold() not in STOP_WORDS]
        rare = [n for n, w in enumerate(words) if not is_common(w.casefold())]
        for place in dice.sample(rare, min(len(rare), 3)):
            near = words[place : place + 4]
            text = " ".join(dict.fromkeys([near[0], *dice.sample(near[1:], min(2, len(near) - 1))]))
            if " " in text:
                made.append((text, entry))
    dice.shuffle(made)
    return made


def misspelt() -> tuple[float, list[str]]:
    """The measure on a fresh embedded engine."""
    with tempfile.TemporaryDirectory() as folder:
        return recall(EmbeddedGenerations(Path(folder), os.urandom(32)))


def recall(generations: Generations) -> tuple[float, list[str]]:
    """Recall@5 of the document that the words were taken from, each word damaged; and the misses. As written it is 1:
    a question that does not find its document is not taken."""
    dice = random.Random(SEED)
    collection = read_collection(COLLECTIONS["samples/judgements"], "dev")
    model = embedder()
    kept, found, missed = 0, 0, []
    with Filled(collection, generations, model, cutter(model), cache_folder() / VECTORS) as filled:
        for text, entry in questions(collection, dice):
            exact = filled.rank(Query("", text, entry.patient, no_answer=False), "hybrid").documents
            if entry.id not in exact[:LOOKED_AT]:
                continue
            kept += 1
            typed = " ".join(damaged(word, dice) for word in text.split())
            ranked = filled.rank(Query("", typed, entry.patient, no_answer=False), "hybrid").documents
            if entry.id in ranked[:LOOKED_AT]:
                found += 1
            else:
                missed.append(f"{text} → {typed}")
            if kept == QUESTIONS:
                break
    return found / kept, missed


if __name__ == "__main__":
    share, misses = misspelt()
    print(f"Recall@5, one error a word: {share:.3f}", *misses, sep="\n")
