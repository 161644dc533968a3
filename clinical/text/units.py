"""A page's text to units: sentences of prose, rows of a table, items of a list. None is longer than LONGEST."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.plain import joined, plain

LONGEST = 700
"""Characters of a unit. A longer sentence is cut at a space: what is read of it costs at most this much."""
_FULL_STOP = re.compile(r"[.!?](?=[ \t]{1,9}([^:]))|\n")
_NO_APOSTROPHE = re.compile(
    r"(?<![^\W_])(?<!vitamine )(?<!vit )(?<!hepatite )(?<!groupe )(?<!stade )(?<!classe )(?<!type )([dl]) (?=[aeiouyh])"
)
_SHORTENED = re.compile(
    r"(?:^|[ (\t'])(?:c\.i|intol|allerg|medic|med|alim|all|inj|perf|atcd|ttt|trt"
    r"|dr|drs|pr|m|mm|mme|mlle|st|ste|cf|ex|env|tel|no|n|vs|etc|av|bd|art|fig|p|[a-z])$"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """text[start:end] of a page; `flat` is its plain form, as long."""

    start: int
    end: int
    flat: str


def units(text: str) -> Iterator[Unit]:
    """Every unit, in order; blank ones are left out."""
    flat = joined(_elided(plain(text), text), text)
    begin = 0
    for stop in _FULL_STOP.finditer(flat):
        if stop[1] is not None and text[stop.start(1)].islower():
            continue
        if stop[0] == "." and _SHORTENED.search(flat[max(begin, stop.start() - 6) : stop.start()]):
            continue
        yield from _cut(flat, begin, stop.end())
        begin = stop.end()
    yield from _cut(flat, begin, len(flat))


def _elided(flat: str, text: str) -> str:
    """`flat` with the apostrophes that hurried hands and scanners leave out: « pas d allergie », « allergie a l iode ».
    A capital among small letters is no article (« vitamine D élevée »)."""

    def apostrophe(found: re.Match[str]) -> str:
        at = found.start()
        is_article = text[at].islower() or text[max(0, at - 3) : at].strip().isupper()
        return f"{found[1]}'" if is_article else found[0]

    return _NO_APOSTROPHE.sub(apostrophe, flat)


def _cut(flat: str, begin: int, end: int) -> Iterator[Unit]:
    while begin < end:
        stop = end
        if end - begin > LONGEST:
            space = flat.rfind(" ", begin + LONGEST // 2, begin + LONGEST)
            stop = space if space > begin else begin + LONGEST
        piece = flat[begin:stop]
        if piece.strip():
            yield Unit(begin, stop, piece)
        begin = stop
