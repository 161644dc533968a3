"""From pages to passages: some sentences of one section, with exact offsets.

    lines -> blocks   (title, list item with its continuation, table row, paragraph)
    blocks -> units   (a paragraph's sentences; anything else whole)
    units -> passages (packed to `TARGET` words inside a section, never over the bound)

Every character that is not white space is in exactly one passage. Nothing is cut inside a unit unless the unit alone
is over the bound; then at sentences, clauses, words and characters, in this order of preference.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from access.refusal import Refusal
from ingest.headings import heading_of
from ingest.sentences import sentences
from records.content import Page, Passage, Section

TARGET = 90
"""Words at which a passage closes; index/analysis.py fixes its length norm at the same number."""
MOST = 120
TAIL = 25  # words: a shorter rest of a section joins the passage before it
CHARACTERS = 2_000  # bound of a passage whatever the tokenizer says: 120 words have at most some 900

Span = tuple[int, int]
Fits = Callable[[str], bool]

_ITEM = re.compile(r"[ \t]*(?:[-–—•▪■●◦○*·➢✓]|\(?\d{1,2}[.)]|[a-z]\))[ \t]+\S")
_CLAUSE = re.compile(r"(?<=[;:,])\s+")
_GAP = re.compile(r"\S(?: {3,}|\t)(?=\S)")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines that belong together. `whole` ones (rows, items) are kept together if they can be."""

    start: int
    end: int
    section: int
    whole: bool


def split(pages: Sequence[Page], fits: Fits) -> tuple[Passage, ...]:
    """Passages of `pages`, numbered from 0 in reading order. `fits`: whether a text is inside the embedder's window.

    Raises Refusal (stage "split", code "window-too-small") when not even one character fits.
    """
    passages: list[Passage] = []
    carried = ""
    for page in pages:
        titles, blocks = _blocks_of(page, carried)
        for title, units in _sections(page.text, titles, blocks):
            for start, end in _pack(page.text, units, fits):
                passages.append(Passage(len(passages), page.number, start, end, page.text[start:end], title))
        carried = "" if page.sections or not page.text else titles[-1]
    return tuple(passages)


def _sections(text: str, titles: Sequence[str], blocks: Sequence[_Block]) -> list[tuple[str, list[Span]]]:
    """Each section's title and units. One that holds its title only goes before the next, which it introduces."""
    units: list[list[Span]] = [[] for _ in titles]
    for block in blocks:
        units[block.section] += _units(text, block)
    found: list[tuple[str, list[Span]]] = []
    for title, own in zip(titles, units, strict=True):
        if own and found and _is_bare(text, *found[-1]):
            above, before = found.pop()
            found.append((f"{above} – {title}" if title else above, before + own))
        elif own:
            found.append((title, own))
    return found


def _is_bare(text: str, title: str, units: Sequence[Span]) -> bool:
    return len(units) == 1 and bool(title) and text[slice(*units[0])].strip(" :") == title


def _blocks_of(page: Page, carried: str) -> tuple[list[str], list[_Block]]:
    """The titles of a page's sections, in order, and its blocks. Section 0 goes on from the page before."""
    if page.sections:
        return _stated(page)
    return _found(page.text, carried)


def _stated(page: Page) -> tuple[list[str], list[_Block]]:
    """Sections that the document states may be nested: each stretch belongs to the innermost."""
    cuts = sorted({0, len(page.text), *(s.start for s in page.sections), *(s.end for s in page.sections)})
    titles: list[str] = []
    blocks: list[_Block] = []
    for start, end in pairwise(cuts):
        inside = [s for s in page.sections if s.start <= start and end <= s.end]
        titles.append(min(inside, key=_length).title if inside else "")
        blocks += _lines_to_blocks(page.text, start, end, len(titles) - 1)
    return titles, blocks


def _length(section: Section) -> int:
    return section.end - section.start


def _found(text: str, carried: str) -> tuple[list[str], list[_Block]]:
    titles, blocks = [carried], list[_Block]()
    lines = list(_lines(text, 0, len(text)))
    start = 0
    for number, (line_start, _) in enumerate(lines):
        title = _title(text, lines, number)
        if title is None:
            continue
        blocks += _lines_to_blocks(text, start, line_start, len(titles) - 1)
        titles.append(title)
        start = line_start
    return titles, blocks + _lines_to_blocks(text, start, len(text), len(titles) - 1)


def _title(text: str, lines: list[Span], number: int) -> str | None:
    """The title on line `number`. Capitals that no list knows count only after a blank line and before other text:
    "ALLERGIES / PENICILLINE" is one section, and a letterhead of several lines in capitals is no title."""
    start, end = lines[number]
    found = heading_of(text[start:end])
    if found is None or found.known:
        return None if found is None else found.title
    if number and text[slice(*lines[number - 1])].strip():
        return None
    after = next((text[s:e] for s, e in lines[number + 1 :] if text[s:e].strip()), "")
    return found.title if after and after != after.upper() else None


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop + 1


def _lines_to_blocks(text: str, start: int, end: int, section: int) -> list[_Block]:
    blocks: list[_Block] = []
    joins = False  # whether the next plain line continues the last block
    for line_start, line_end in _lines(text, start, end):
        line = text[line_start:line_end]
        if not line.strip():
            joins = False
        elif _is_row(line):
            blocks.append(_Block(line_start, line_end, section, True))
            joins = False
        elif _ITEM.match(line) or _is_title_line(line):
            blocks.append(_Block(line_start, line_end, section, True))
            joins = not _is_title_line(line)
        elif joins and not (blocks[-1].whole and _GAP.search(line)):
            blocks[-1] = _Block(blocks[-1].start, line_end, section, blocks[-1].whole)
        else:
            blocks.append(_Block(line_start, line_end, section, False))
            joins = True
    return blocks


def _is_title_line(line: str) -> bool:
    found = heading_of(line)
    return found is not None and found.alone


def _is_row(line: str) -> bool:
    return " | " in line or "\t" in line.strip() or len(_GAP.findall(line)) >= 2


def _units(text: str, block: _Block) -> list[Span]:
    start, end = block.start, block.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return []
    return [(start, end)] if block.whole else list(sentences(text, start, end))


def _pack(text: str, units: Sequence[Span], fits: Fits) -> list[Span]:
    """Consecutive units joined to spans of `TARGET` to `MOST` words that fit."""
    bounded = [piece for unit in units for piece in _inside(text, unit, fits)]
    spans: list[Span] = []
    for start, end in bounded:
        if spans and _joins(text, spans[-1], (start, end)) and _holds(text, (spans[-1][0], end), fits):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    if len(spans) > 1 and _words(text, spans[-1]) < TAIL:
        joined = (spans[-2][0], spans[-1][1])
        if _words(text, joined) <= MOST + TAIL and _holds(text, joined, fits):
            spans[-2:] = [joined]
    return spans


def _joins(text: str, span: Span, unit: Span) -> bool:
    """Up to the target anything may join; beyond it only what ends nearer to the target than where it now stands."""
    now, then = _words(text, span), _words(text, (span[0], unit[1]))
    return then <= TARGET or (then <= MOST and TARGET - now > then - TARGET)


def _inside(text: str, unit: Span, fits: Fits) -> list[Span]:
    """`unit`, or its pieces when it alone is over the bound."""
    if _words(text, unit) <= MOST and _holds(text, unit, fits):
        return [unit]
    pieces = list(sentences(text, *unit))
    if len(pieces) > 1:
        return [one for piece in pieces for one in _inside(text, piece, fits)]
    return _cut(text, unit, fits)


def _cut(text: str, unit: Span, fits: Fits) -> list[Span]:
    """Pieces of a single over-long sentence or row: at a clause in the second half of what fits, else at a word."""
    pieces: list[Span] = []
    words = [one.span() for one in _WORD.finditer(text, *unit)]
    clauses = [one.start() for one in _CLAUSE.finditer(text, *unit)]
    while words:
        stop = _reach(text, words, clauses, fits)
        pieces.append((words[0][0], stop))
        words = [(max(start, stop), end) for start, end in words[: MOST + 1] if end > stop] + words[MOST + 1 :]
    return pieces


def _reach(text: str, words: Sequence[Span], clauses: Sequence[int], fits: Fits) -> int:
    """How far a piece that begins with `words` goes."""
    start = words[0][0]
    count = _most(min(len(words), MOST), lambda n: _holds(text, (start, words[n - 1][1]), fits))
    if count == 0:  # not even a word: a run of characters
        length = _most(words[0][1] - start, lambda n: _holds(text, (start, start + n), fits))
        if length == 0:
            raise Refusal("split", "window-too-small", "Le modèle n'accepte aucun texte.", "Changez de modèle.")
        return start + length
    stop = words[count - 1][1]
    return stop if count == len(words) else _clause_before(clauses, words[count // 2][1], stop)


def _clause_before(clauses: Sequence[int], least: int, most: int) -> int:
    place = bisect_right(clauses, most) - 1
    return clauses[place] if place >= 0 and clauses[place] >= least else most


def _most(count: int, holds: Callable[[int], bool]) -> int:
    """The largest n from 0 to `count` that holds, by halving (holding is taken as monotonic), checked at the end."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _words(text: str, span: Span) -> int:
    return len(text[span[0] : span[1]].split())


def _holds(text: str, span: Span, fits: Fits) -> bool:
    return span[1] - span[0] <= CHARACTERS and fits(text[span[0] : span[1]])
