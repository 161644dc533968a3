"""Denials and the other classes: our rules, EDS-NLP, negspaCy and medspaCy on the same spans in one run.

The others run in an environment of their own, named by ANAMNESE_BENCH_OTHERS (folders with `bin/python`, set apart by a
colon); those that are in none of them are left out, and the table says so. Nothing of them enters the product.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.marked import Marked, held_out, read
from benchmarks.report import table
from clinical.asserted import asserted
from clinical.text.plain import plain
from records.fact import Assertion

TITLE = "How a sentence states what it names"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
OTHERS = Path(__file__).with_name("assertion_others.py")
_DRAWS, _SEED = 2000, 20_260
_LIBRARIES = (("EDS-NLP", "edsnlp", "fr"), ("negspaCy", "negspacy", "en"), ("medspaCy", "medspacy", "en"))


def measure() -> str:
    """The two tables."""
    return f"{_denials()}\n\n{_classes()}"


def _denials() -> str:
    rows = []
    for title, language, things in _sets():
        gold = [thing.assertion is Assertion.ABSENT for thing in things]
        systems: list[tuple[str, list[bool] | None]] = [("ours", [_ours(x) is Assertion.ABSENT for x in things])]
        systems += [(name, _foreign(module, language, things)) for name, module, of in _LIBRARIES if of == language]
        for name, denied in systems:
            if denied is None:
                rows.append((title, name, len(things), sum(gold), "not installed", "", ""))
                continue
            precision, recall, score = _measures(gold, denied)
            rows.append(
                (
                    title,
                    name,
                    len(things),
                    sum(gold),
                    f"{precision:.3f}",
                    f"{recall:.3f}",
                    _interval(gold, denied, score),
                )
            )
    head = ("set", "system", "things", "absent", "precision", "recall", "F1 of absent (95 %)")
    return f"Denials; intervals by {_DRAWS} bootstrap draws of things.\n\n{table(head, rows)}"


def _classes() -> str:
    """F1 of each class on our French set: the part that was tuned on, and the third that was not looked at."""
    rows = []
    parts: list[tuple[str, Callable[[Marked], bool]]] = [
        ("two thirds, tuned on", lambda thing: not held_out(thing.text)),
        ("held-out third", lambda thing: held_out(thing.text)),
    ]
    for title, inside in parts:
        things = [thing for thing in read("assertions_fr.txt") if inside(thing)]
        said = [_ours(thing) for thing in things]
        for kind in Assertion:
            gold, ours = [x.assertion is kind for x in things], [each is kind for each in said]
            precision, recall, score = _measures(gold, ours)
            rows.append(
                (title, kind.value, sum(gold), f"{precision:.3f}", f"{recall:.3f}", _interval(gold, ours, score))
            )
    return "Classes in `tests/cases/assertion/assertions_fr.txt`.\n\n" + table(
        ("part", "class", "things", "precision", "recall", "F1"), rows
    )


def _sets() -> Iterable[tuple[str, str, list[Marked]]]:
    french, english = DATA / "e3c" / "negation_fr_train.jsonl", DATA / "negex_en" / "annotations_dev.tsv"
    if french.exists():
        yield "e3c, French", "fr", list(_e3c(french))
    negations = read("negation_fr.txt")
    yield "ours, two thirds", "fr", [thing for thing in negations if not held_out(thing.text)]
    yield "ours, held-out third", "fr", [thing for thing in negations if held_out(thing.text)]
    if english.exists():
        yield "negex, English", "en", list(_negex(english))


def _e3c(path: Path) -> Iterable[Marked]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        stated = Assertion.ABSENT if row["polarity"] == "NEG" else Assertion.PRESENT
        yield Marked(row["sentence"], row["entity_start"], row["entity_start"] + len(row["entity"]), stated)


def _negex(path: Path) -> Iterable[Marked]:
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file, delimiter="\t"))[1:]
    for _, condition, sentence, negation, *_ in cells:
        text, wanted = sentence.strip().strip('"'), condition.strip()
        start = text.upper().find(wanted.upper())
        if start >= 0:
            yield Marked(
                text, start, start + len(wanted), Assertion.ABSENT if negation == "Negated" else Assertion.PRESENT
            )


def _ours(thing: Marked) -> Assertion:
    return asserted(plain(thing.text)).of(thing.start, thing.end)


def _foreign(module: str, language: str, things: Sequence[Marked]) -> list[bool] | None:
    """What another library says, from the first environment that has it."""
    lines = "".join(json.dumps({"text": x.text, "start": x.start, "end": x.end}) + "\n" for x in things)
    for folder in filter(None, os.environ.get("ANAMNESE_BENCH_OTHERS", "").split(":")):
        done = subprocess.run(
            [f"{folder}/bin/python", str(OTHERS), module, language],
            input=lines,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            denied: list[bool] = json.loads(done.stdout.splitlines()[-1])["denied"]
            return denied
    return None


def _measures(gold: Sequence[bool], said: Sequence[bool]) -> tuple[float, float, float]:
    both = sum(a and b for a, b in zip(gold, said, strict=True))
    found, wanted = sum(said), sum(gold)
    return both / max(1, found), both / max(1, wanted), 2 * both / max(1, found + wanted)


def _interval(gold: Sequence[bool], said: Sequence[bool], score: float) -> str:
    rng = np.random.default_rng(_SEED)
    pairs = np.array([gold, said])
    draws = [
        _measures(*(part.tolist() for part in pairs[:, rng.integers(0, len(gold), len(gold))]))[2]
        for _ in range(_DRAWS)
    ]
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"**{score:.3f}** ({low:.3f} to {high:.3f})"
