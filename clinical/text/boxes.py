"""Boxes of forms: what a ticked one states, an empty one does not, and one whose state cannot be told leaves open.

    « [x] latex  [ ] iode »                 latex is stated; of iodine nothing is, neither that it is nor that it is not
    « Allergie latex : oui ☐ non ☒ »        the answer denies what its question names
    « Allergie : L] oui  C] non »           boxes that OCR lost: to be verified, never stated and never left out

A unit with boxes becomes parts, each read by itself; boxes, answers and « si oui, lesquelles » are blanks in them, so
that offsets stay those of the page. Boxes stand before their names or after them, which the line's two ends tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.box_answers import Group, groups_of
from clinical.text.box_marks import (
    BLANK,
    BOX,
    CHECKED,
    CROSSED,
    FULL_SHAPES,
    HOLLOW_SHAPES,
    LEAD_IN,
    YES_NO,
    Box,
    State,
)
from clinical.text.units import Unit


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a unit. `state`: TICKED as it stands, EMPTY denied by its answer, UNKNOWN to be verified.
    `chosen`: a box or an answer stands for it, so that it names something even when the vocabulary does not know it."""

    unit: Unit
    state: State = State.TICKED
    chosen: bool = False


_LED_IN = re.compile(r"\b(?:lesquel(?:le)?s?|laquelle|lequel|precise[rz]?|specify)\s*[?:]\s*\Z")
_SPECIFIES = re.compile(r"[\W_]*(?:si oui|if yes|lesquel|laquelle|lequel|a quoi|precise|a preciser)")
_ONLY_ANSWERS = re.compile(r"[\W_]*(?:(?:oui|non|yes|no|x)[\W_]*){1,4}\Z")
_ASKED_OF_ALLERGIES = re.compile(r"\b(?:allerg|intoler)[^.\n?]{0,50}\?\s*\Z")
_SAID_YES = re.compile(r"\s*(?:oui|yes|si|ja)[ ]?[,:(–-][ ]?\S")
"""« Allergies connues ? Oui, à la Bétadine »."""
_ANSWER_HEADS = re.compile(r"[ ]*(?:(?:o|oui|yes)[ ]+(?:n|non|no)|[on])[ .]*\s*\Z")
_TITLES = re.compile(
    r"\b(?:allergi\w+|intoleran\w+|antecedents?|traitements?|connue?s?|medicamenteuses?|alimentaires?)\Z"
)
_SUBSTANCES = re.compile(r"\b(?:substances?|allergenes?|agents?|medicaments?|produits?|allergies?|allergen)\b")
_REACTIONS = re.compile(
    r"\b(?:reactions?|manifestations?|symptomes?|signes?|severites?|gravites?|"
    r"criticites?|imputabilites?|severity|criticality|effets?(?: indesirables?)?)\b"
)
_ALLERGEN = re.compile(r"allergenes?|allergens?")
_DELIMITER = re.compile(r"[\t|]")
_YES_CELLS, _NO_CELLS = frozenset({"oui", "o", "yes", "y"}), frozenset({"non", "n", "no"})
_MARKED = re.compile(rf"[ ]*(?:[x+{CHECKED}{CROSSED}■●]|\[x\]|\(x\)|oui|non|yes|no)[ ]*")
_ALIGNED_HEAD = re.compile(r"(?P<name>.*\S)[ ]{2,}(?:o|oui|yes)[ ]+(?:n|non|no)\s*")
_ALIGNED_ROW = re.compile(rf"(?P<name>.*\w)[ ]{{2,}}[x{CHECKED}{CROSSED}][ ]*\s*")

_SEPARATED = re.compile(r"[ ]*[:=→>-]*[ ]*")
_LETTER = re.compile(r"(?:\?|(?<=[a-z]) ?:)[ ]*(?P<answer>[on])\s*\Z")
"""« Allergie au latex ? N »: an answer in one letter. After a colon only of allergies: « groupe : O » is none."""
_LINE_CROSS, _LINE_ROUND = re.compile(r"(?m)^[ \t]*x[ ]+[^\W\d_]{3}"), re.compile(r"(?m)^[ \t]*o[ ]+[^\W\d_]{3}")
_LINE_LETTER = re.compile(r"\A[ \t]*(?P<box>[xo])(?=[ ]+[^\W\d_]{3})")
_INLINE_LETTER = re.compile(r"(?<![^\s:])(?P<box>[xo])(?=[ ]+[^\W\d_]{3})")
_WORDED = re.compile(r"[^\W\d_]{2}")


def merged(units: Iterator[Unit]) -> Iterator[Unit]:
    """Units in which an answer, or what specifies it, has joined its question of the line before."""
    standing: Unit | None = None
    for unit in units:
        if standing is not None and _goes_with(standing, unit):
            gap = "\n" * (unit.start - standing.end)
            standing = Unit(
                standing.start, unit.end, standing.flat.rstrip("\n").ljust(len(standing.flat)) + gap + unit.flat
            )
            continue
        if standing is not None:
            yield standing
        standing = unit
    if standing is not None:
        yield standing


def _goes_with(before: Unit, unit: Unit) -> bool:
    if unit.start - before.end > 2:
        return False
    if _ANSWER_HEADS.match(unit.flat) and before.flat.rstrip().endswith("?"):
        return True
    if _ASKED_OF_ALLERGIES.search(before.flat) and _SAID_YES.match(unit.flat):
        return True
    if _SPECIFIES.match(unit.flat) or _LED_IN.search(before.flat):
        return YES_NO.search(before.flat) is not None
    bare = BOX.sub(" ", unit.flat)
    if bare.strip() and not _starts_with_answer(unit.flat, bare):
        return False
    return bool(bare.strip()) and not BOX.search(before.flat) and not YES_NO.search(before.flat)


def _starts_with_answer(flat: str, bare: str) -> bool:
    first = YES_NO.search(bare)
    return (
        first is not None
        and not bare[: first.start()].strip(" :_x")
        and (BOX.search(flat) is not None or (_ONLY_ANSWERS.match(bare) is not None and len(YES_NO.findall(bare)) > 1))
    )


class Forms:
    """Of one page: whether its shapes are boxes, and the columns « Oui », « Non » of the table that is being read."""

    def __init__(self, flat: str) -> None:
        self._shapes_are_boxes = any(map(flat.__contains__, FULL_SHAPES + CHECKED)) and any(
            map(flat.__contains__, HOLLOW_SHAPES)
        )
        self._has_empty = any(map(flat.__contains__, BLANK + HOLLOW_SHAPES)) or "[ ]" in flat
        self._letters = _LINE_CROSS.search(flat) is not None and _LINE_ROUND.search(flat) is not None
        self._columns: tuple[int, int] | None = None
        self._aligned = False
        self.reacting = False
        self.allergic = False  # whether what is being answered is about allergies; readers set it

    def parts(self, unit: Unit) -> list[Part]:
        """What is to be read of a unit, in order; the unit itself when it has neither box nor answer."""
        row = self._row(unit)
        if row is not None:
            return row
        letter = _LETTER.search(unit.flat)
        if letter is not None and (letter[0][0] == "?" or "allerg" in unit.flat) and "groupe" not in unit.flat:
            state = State.TICKED if letter["answer"] == "o" else State.EMPTY
            return [Part(_cut(unit, 0, letter.start()), state, chosen=True)]
        answers = list(YES_NO.finditer(unit.flat))
        both = any(each["yes"] for each in answers) and any(each["no"] for each in answers)
        boxes = self._boxes(unit.flat, both)
        groups = list(groups_of(unit.flat, boxes, answers))
        if groups:
            return _questions(unit, groups)
        return _options(unit, boxes) if boxes else [Part(unit)]

    def _boxes(self, flat: str, answered: bool) -> list[Box]:
        found = []
        for each in BOX.finditer(flat):
            if each["ticked"]:
                state = State.TICKED
            elif each["empty"]:
                state = State.EMPTY
            elif each["crossed"]:
                state = State.TICKED if self._has_empty or answered else State.UNKNOWN
            elif each["unknown"]:
                state = State.UNKNOWN
            elif not (self._shapes_are_boxes or answered):
                continue  # the bullets of a list
            else:
                state = State.TICKED if each["full"] else State.EMPTY
            found.append(Box(*each.span(), state))
        if not found:
            return self._letter_boxes(flat)
        certain = any(each.state is not State.UNKNOWN for each in found) or answered
        return found if certain or any(flat[b.start] in CROSSED for b in found) else []

    def _letter_boxes(self, flat: str) -> list[Box]:
        """« o latex  x pénicilline »: OCR's reading of boxes. A round one may have held a cross that was not seen."""
        marks = list(_INLINE_LETTER.finditer(flat)) if "allerg" in flat else []
        if len(marks) < 2 and self._letters:
            marks = list(_LINE_LETTER.finditer(flat))
        elif len(marks) < 2:
            marks = []
        return [Box(*m.span("box"), State.TICKED if m["box"] == "x" else State.UNKNOWN) for m in marks]

    def _row(self, unit: Unit) -> list[Part] | None:
        """A row of a table whose columns are answers, or its head; None when the unit is neither."""
        flat = unit.flat
        cells = list(_cells(flat))
        if len(cells) < 2:
            return self._aligned_row(unit)
        names = [flat[a:b].strip(" ?:\n") for a, b in cells]
        yes = next((at for at, name in enumerate(names) if name in _YES_CELLS and at), None)
        no = next((at for at, name in enumerate(names) if name in _NO_CELLS and at), None)
        if yes is not None and no is not None and not any(_WORDED.search(n) for n in names[max(yes, no) + 1 :]):
            self._columns = (yes, no)
            return []
        if (_SUBSTANCES.search(names[0]) and any(map(_REACTIONS.search, names[1:]))) or _ALLERGEN.fullmatch(names[0]):
            self.reacting, self._columns, self.allergic = True, None, True
            return []
        if self.reacting and _WORDED.search(names[0]):
            return [Part(_cut(unit, 0, len(flat)), chosen=True)]
        if self._columns is None or not names[0]:
            return None
        marks = [at < len(cells) and _MARKED.fullmatch(flat[slice(*cells[at])].rstrip("\n")) for at in self._columns]
        start, end = cells[0]
        if not any(marks):
            return [] if all(not name for name in names[1:]) else None
        state = State.UNKNOWN if all(marks) else State.TICKED if marks[0] else State.EMPTY
        return [Part(_cut(unit, start, end), state, chosen=True)]

    def _aligned_row(self, unit: Unit) -> list[Part] | None:
        """Columns made of blanks: which one a cross stands in cannot be told."""
        if _ALIGNED_HEAD.fullmatch(unit.flat):
            self._columns, self._aligned = None, True
            return []
        row = _ALIGNED_ROW.fullmatch(unit.flat) if self._aligned else None
        if row is None:
            self._columns, self._aligned, self.reacting = None, False, False
            return None
        return [Part(_cut(unit, *row.span("name")), State.UNKNOWN, chosen=True)]

    @property
    def in_table(self) -> bool:
        """Whether the rows that follow are answers."""
        return self._aligned or self.reacting or self._columns is not None


def _cells(flat: str) -> Iterator[tuple[int, int]]:
    begin = 1 if flat.startswith("|") else 0
    for mark in _DELIMITER.finditer(flat, begin):
        yield begin, mark.start()
        begin = mark.end()
    if flat[begin:].strip() or (begin and flat[begin - 1] == "\t"):
        yield begin, len(flat)


def _questions(unit: Unit, groups: list[Group]) -> list[Part]:
    """Each question with its answer, and what is written after the answer."""
    flat, found, begin = unit.flat, [], 0
    for number, group in enumerate(groups):
        limit = groups[number + 1].start if number + 1 < len(groups) else len(flat)
        lead = LEAD_IN.match(flat, group.end, limit)
        more_at = lead.end() if lead is not None else _SEPARATED.match(flat, group.end, limit).end()  # type: ignore[union-attr]
        more = flat[more_at:limit]
        is_more = lead is not None or limit == len(flat) or flat[group.end : more_at + 1].strip()[:1] in (*":(→=",)
        stop = limit if is_more else group.end
        asked = [mark.span() for mark in re.finditer(r"\?", flat[:stop]) if mark.start() >= begin]
        specified = is_more and _WORDED.search(more) is not None
        if group.answer or not group.known:
            blank = [(group.start, more_at)]
            state = State.TICKED if group.answer else State.UNKNOWN
            found.append(Part(_cut(unit, begin, stop, [*blank, *asked]), state, chosen=True))
        else:
            if group.answer is False:
                found.append(Part(_cut(unit, begin, group.start, asked), State.EMPTY, chosen=True))
            if specified:  # « non », and a name beside it: one of them is wrong
                found.append(Part(_cut(unit, more_at, stop), State.UNKNOWN))
        begin = stop
    return found


def _options(unit: Unit, boxes: list[Box]) -> list[Part]:
    """Names with a box each. Where the line does not tell on which side it stands, every name is to be verified."""
    flat, first, last = unit.flat, boxes[0], boxes[-1]
    head, tail = flat[: first.start].rstrip(), flat[last.end :]
    worded, closing = _WORDED.search(head) is not None, _WORDED.search(tail) is not None
    opens = not worded or head.endswith((":", "?", "(", "=", "-", "–"))
    if worded and not closing:
        return _after(unit, boxes)
    if closing and opens:
        return _before(unit, boxes)
    if worded and tail.lstrip()[:1] in (":", "("):
        return _after(unit, boxes)
    if worded and closing and _TITLES.search(head) is not None:
        return _before(unit, boxes)
    if all(each.state is State.TICKED for each in boxes):
        return [Part(_cut(unit, 0, len(flat), [(b.start, b.end) for b in boxes]), State.TICKED, chosen=not opens)]
    return [Part(_cut(unit, 0, len(flat), [(b.start, b.end) for b in boxes]), State.UNKNOWN, chosen=True)]


def _before(unit: Unit, boxes: list[Box]) -> list[Part]:
    found = [Part(_cut(unit, 0, boxes[0].start))] if _WORDED.search(unit.flat[: boxes[0].start]) else []
    for number, box in enumerate(boxes):
        stop = boxes[number + 1].start if number + 1 < len(boxes) else len(unit.flat)
        if box.state is not State.EMPTY:
            found.append(Part(_cut(unit, box.end, stop), box.state, chosen=True))
    return found


def _after(unit: Unit, boxes: list[Box]) -> list[Part]:
    found, begin = [], 0
    colon = unit.flat.rfind(":", 0, boxes[0].start)
    if colon >= 0 and _WORDED.search(unit.flat[colon : boxes[0].start]):
        found.append(Part(_cut(unit, 0, colon + 1)))
        begin = colon + 1
    for number, box in enumerate(boxes):
        is_last = number + 1 == len(boxes)
        stop = len(unit.flat) if is_last else box.start
        if box.state is not State.EMPTY:
            found.append(
                Part(_cut(unit, begin, stop, [(box.start, box.end)] if is_last else []), box.state, chosen=True)
            )
        begin = box.end
    return found


def _cut(unit: Unit, start: int, end: int, blanks: list[tuple[int, int]] = []) -> Unit:  # noqa: B006
    flat = unit.flat
    for low, high in blanks:
        flat = flat[:low] + " " * (high - low) + flat[high:]
    return Unit(unit.start + start, unit.start + end, flat[start:end])
