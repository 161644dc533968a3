"""Nurses' notes: what is seen at each visit, composed from the phrases of `nursing.txt` for that patient and period."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

from samples.series.common import calendar, chance, drawn, header, written

PHRASES = Path(__file__).parent / "nursing.txt"
_DRAW = re.compile(r"\{(\d+)-(\d+)\}")


@dataclass(slots=True)
class Period:
    """Visits of one nurse to one patient, and what there is to write in that time."""

    patient: str
    start: date
    end: date
    every_days: int
    author: str
    demo_every: int
    key: str
    phrases: dict[str, list[str]] = field(default_factory=lambda: {"o": [], "s": [], "m": [], "p": []})


@cache
def _periods() -> tuple[Period, ...]:
    periods: list[Period] = []
    for line in PHRASES.read_text("utf-8").splitlines():
        if line.startswith("@"):
            patient, start, end, days, author, demo, key = (part.strip() for part in line[1:].split(";"))
            first, last = date.fromisoformat(start), date.fromisoformat(end)
            periods.append(Period(patient, first, last, int(days), author, int(demo), key))
        elif line and not line.startswith("#"):
            periods[-1].phrases[line[0]].append(line[2:])
    return tuple(periods)


def _filled(text: str, rng: random.Random) -> str:
    return _DRAW.sub(lambda bounds: str(rng.randint(int(bounds[1]), int(bounds[2]))), text)


def write(patient: str) -> Iterator[str]:
    """The nurses' notes of a patient."""
    for period in _periods():
        if period.patient != patient:
            continue
        visits = calendar(period.start, period.end, period.every_days, patient, period.key, period.start)
        for step, day in enumerate(visits):
            yield _note(period, day, step)


def _note(period: Period, day: date, step: int) -> str:
    rng = chance(period.patient, period.key, day)
    demo = step % period.demo_every == 1
    form = (
        "txt"
        if demo
        else rng.choice(
            ("txt", "txt", "latin1", "form", "txt", "letter", "txt", "latin1", "txt", "photo", "txt", "form")
        )
    )
    title = rng.choice(("Note infirmière", "Transmission infirmière", "Soins à domicile", "Cahier de liaison"))
    seen = drawn(rng, period.phrases["s"], rng.randint(2, 4))
    body = [rng.choice(period.phrases["o"]), *seen, rng.choice(period.phrases["m"]), rng.choice(period.phrases["p"])]
    text = [_filled(line, rng) for line in body]
    middle = " ".join(text[1:-2])
    return "\n".join((
        header(period.key, day, "11506-3", period.author, form, demo=demo),
        f"{title} – {written(day, rng)}",
        text[0], middle, text[-2], text[-1],
    ))  # fmt: skip
