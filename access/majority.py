"""When a minor comes of age."""

from __future__ import annotations

from datetime import date

MAJORITY = 18  # Code civil, article 388


def eighteenth_birthday(born: date) -> date:
    """The first day of majority. Born on 29 February: the 28th, which protects the young adult."""
    try:
        return born.replace(year=born.year + MAJORITY)
    except ValueError:
        return born.replace(year=born.year + MAJORITY, day=28)
