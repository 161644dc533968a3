"""A page's text as lines of cells: where a label ends, a value starts, and whose part of the page it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from clinical.names import fold
from clinical.people_words import CARER, FAMILY

_CELL = re.compile(r"\t| \| | {3,}")
_SENTENCE = re.compile(r"(?<=[a-zà-ÿ)\d]{2})[.;!?]\s")
_HEADING_FILLER = re.compile(
    r"(?<!\w)(?:IDENTITE|IDENTIFICATION|COORDONNEES|INFORMATIONS?|NOM|ET|PRENOM|DES?|DU|LA|LE|LES|L'|A|PREVENIR|CONFIANCE"
    r"|LEGALE?|LEGAUX|PATIENTE?|PRINCIPALE?|SUR|EN|CAS|URGENCE|CONCERNANT|COURS|SA|AU|MOMENT|GROSSESSE|NAISSANCE|TRAITANTE?"
    r"|DEMANDEUR|DEMANDEURSE)(?!\w)"
)
_REACH = 6  # lines under a heading such as « Personne de confiance »
_LOOK_BACK = 70  # characters before a name in which « sa mère » or « père : » says whose name it is


@dataclass(frozen=True, slots=True)
class Cells:
    """`text` with the same text folded, the offsets of its lines, and the lines that speak of somebody else."""

    text: str
    folded: str
    starts: tuple[int, ...] = field(repr=False)
    others: frozenset[int] = field(repr=False)  # lines under a heading that names family or carers
    _cells: dict[int, list[tuple[int, int]]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, text: str) -> Cells:
        starts = (0, *(place + 1 for place, one in enumerate(text) if one == "\n"))
        folded = fold(text)
        lines = [folded[start:end] for start, end in _bounds(folded, starts)]
        return cls(text, folded, starts, frozenset(_under_headings(lines)))

    def line(self, offset: int) -> int:
        """The number of the line of an offset, from 0."""
        return bisect_right(self.starts, offset) - 1

    def bounds(self, line: int) -> tuple[int, int]:
        """Start and end of a line."""
        return self.starts[line], self.starts[line + 1] - 1 if line + 1 < len(self.starts) else len(self.text)

    def cells(self, line: int) -> list[tuple[int, int]]:
        """The cells of a line, by their offsets."""
        if line not in self._cells:
            self._cells[line] = self._cut(line)
        return self._cells[line]

    def _cut(self, line: int) -> list[tuple[int, int]]:
        start, end = self.bounds(line)
        found, at = [], start
        for cut in _CELL.finditer(self.text, start, end):
            found.append((at, cut.start()))
            at = cut.end()
        return [*found, (at, end)]

    def cell(self, offset: int) -> tuple[int, int]:
        """The cell that an offset stands in."""
        cells = self.cells(self.line(offset))
        start, end = cells[max(0, bisect_right(cells, (offset, len(self.text))) - 1)]
        return (start, end) if start <= offset <= end else (offset, offset)

    def sentence_start(self, offset: int) -> int:
        """Where the sentence of an offset starts, inside its cell."""
        start = max(self.cell(offset)[0], offset - 2 * _LOOK_BACK)
        ends = [cut.end() for cut in _SENTENCE.finditer(self.text, start, offset)]
        return max([start, *ends])

    def is_others(self, start: int, end: int) -> bool:
        """Whether a name at start:end is of the family or a carer: by a heading, by what is before, or just after."""
        if self.line(start) in self.others:
            return True
        before = self.folded[max(self.sentence_start(start), start - _LOOK_BACK) : start]
        if FAMILY.search(before) or CARER.search(before[-20:]):
            return True
        head, tail = self.cells(self.line(start))[0]
        if head < start > tail and _is_heading(self.folded[head:tail]):
            return True
        after = self.folded[end : end + 40]
        return re.match(rf"[ ]*[(,][ ]*(?:(?:SON|SA|LE|LA|SES)[ ]+)?{FAMILY.pattern}", after) is not None


def _bounds(text: str, starts: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(zip(starts, [*(one - 1 for one in starts[1:]), len(text)], strict=True))


def _under_headings(lines: list[str]) -> set[int]:
    """Lines of a block that a heading gives to the family or to a carer, up to a blank line or the patient's label."""
    found: set[int] = set()
    until = -1
    table = False
    for number, line in enumerate(lines):
        tabular = _CELL.search(line) is not None
        if not line.strip() or re.match(
            r"[ ]*(?:LE[ ]+|LA[ ]+|IDENTITE[ ]+DU[ ]+)?PATIENTE?(?:\(E\))?[ ]*:?(?:[ ]|$)", line
        ):
            until, table = -1, False
        elif _opens(line, tabular=tabular):
            until, table = number + _REACH, tabular
            found.add(number)
        elif number <= until or (table and tabular):
            found.add(number)
    return found


def _opens(line: str, *, tabular: bool) -> bool:
    cells = _CELL.split(line) if tabular else [line]
    heads = [_is_heading(cell) for cell in cells if cell.strip()]
    return bool(heads) and (all(heads) if tabular else heads[0])


def _is_heading(cell: str) -> bool:
    """« Mère », « Identité du père : », « Personne de confiance », « Médecin traitant »: a role and no name."""
    if not (FAMILY.search(cell) or CARER.search(cell)):
        return False
    rest = _HEADING_FILLER.sub(" ", CARER.sub(" ", FAMILY.sub(" ", cell)))
    return len(re.sub(r"\W", "", rest)) <= 3
