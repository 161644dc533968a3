"""What the series share: seeded chance, calendars, French dates and decimals, the header of a story."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")
Course = tuple[tuple[date, float], ...]
"""How a value changes: points that a broken line joins."""

MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def chance(*names: object) -> random.Random:
    """A generator that depends on `names` only (a string seed: the same on every platform)."""
    return random.Random(":".join(map(str, names)))


def calendar(start: date, end: date, every_days: int, *names: object) -> Iterator[date]:
    """Working days from `start` to `end`, about `every_days` apart, as appointments fall."""
    day, step = start, 0
    while day <= end:
        shifted = day + timedelta(days=chance("calendar", *names, step).randint(-2, 3))
        while shifted.weekday() >= 5:
            shifted += timedelta(days=1)
        yield shifted
        step += 1
        day = start + timedelta(days=every_days * step)


def number(value: float, digits: int = 1) -> str:
    """A decimal with a comma, thousands set apart by a space."""
    return f"{value:,.{digits}f}".replace(",", " ").replace(".", ",")


def along(points: Course, day: date) -> float:
    """The value at `day` on the broken line through `points`, flat before the first and after the last."""
    if day <= points[0][0]:
        return points[0][1]
    for (d0, v0), (d1, v1) in pairwise(points):
        if day <= d1:
            return v0 + (v1 - v0) * (day - d0).days / (d1 - d0).days
    return points[-1][1]


def written(day: date, rng: random.Random) -> str:
    """A date in one of the styles that French documents use."""
    styles = (
        f"{day:%d/%m/%Y}", f"{day:%d/%m/%Y}", f"{day:%d.%m.%y}",
        f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}",
    )  # fmt: skip
    return rng.choice(styles)


def header(key: str, day: date, type_code: str, by: str, form: str, *, demo: bool = False, about: str = "") -> str:
    """The first line of a document in a story."""
    more = ("" if demo else " part=full") + (f" about={about}" if about else "")
    return f"=== id={key} date={day.isoformat()} type={type_code} by={by} form={form}{more}"


def drawn(rng: random.Random, choices: Sequence[T], count: int) -> list[T]:
    """`count` different items of `choices`, in their order."""
    picked = sorted(rng.sample(range(len(choices)), min(count, len(choices))))
    return [choices[index] for index in picked]
