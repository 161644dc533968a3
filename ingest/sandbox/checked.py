"""Values that a stranger made, checked one by one: each function returns its value or raises ValueError, TypeError."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from records.content import Box

TEXT = 2_000  # characters of a title, an author, a note
LONG = 10**6  # characters of what has no natural length
MOST = 1_000  # values of a list inside a value
FIGURE = 40  # digits of a figure, and powers of ten
MANY = 50_000  # values of a list that a page holds


def day(value: Any) -> date | None:
    return None if value is None else date.fromisoformat(text(value, 10))


def pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple((text(matricule, TEXT), text(oid, TEXT)) for matricule, oid in few(value))


def few(value: Any) -> Any:
    if len(value) > MOST:
        raise ValueError
    return value


def many(value: Any) -> Any:
    if len(value) > MANY:
        raise ValueError
    return value


def number(value: Any) -> Decimal | None:
    """A figure in plain or scientific writing, of a size that can be compared and shown."""
    if value is None:
        return None
    try:
        figure = Decimal(text(value, FIGURE))
    except InvalidOperation as error:
        raise ValueError from error
    if not figure.is_finite() or abs(figure.adjusted()) > FIGURE:
        raise ValueError
    return figure


def whole(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def text(value: Any, most: int) -> str:
    if type(value) is not str or len(value) > most:
        raise ValueError
    return value


def span(start: Any, end: Any, size: int) -> tuple[int, int]:
    first = whole(start, 0, size)
    return first, whole(end, first, size)


def real(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def box(value: Any) -> Box | None:
    if value is None:
        return None
    x0, y0, x1, y1 = value
    return real(x0), real(y0), real(x1), real(y1)


def share(value: Any) -> float | None:
    return None if value is None else real(value)
