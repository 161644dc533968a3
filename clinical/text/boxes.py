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
from enum import StrEnum

from clinical.text.units import Unit


class State(StrEnum):
    """Of a box, and of what a part states."""

    TICKED = "ticked"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a unit. `state`: TICKED as it stands, EMPTY denied by its answer, UNKNOWN to be verified.
    `chosen`: a box or an answer stands for it, so that it names something even when the vocabulary does not know it."""

    unit: Unit
    state: State = State.TICKED
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    start: int
    end: int
    state: State


_CHECKED, _CROSSED, _BLANK = "☑☒✓✔🗹🗷⊠⌧◉\uf0fe\uf0fd\uf052\uf053\uf0fc", "✗✘✕✖", "☐🗆⬜\uf06f\uf0a8\uf0a3"
_FULL_SHAPES, _HOLLOW_SHAPES = "■●⬛◼", "□○◯❏❑❒▢◻"
"""Shapes that lists begin with as well: boxes only where a page has both kinds, or beside « oui » and « non »."""
_BOX = re.compile(
    rf"(?P<ticked>[{_CHECKED}]|\[[ ]?[xv✓✔✗*][ ]?\]|\([ ]?[xv✓✔✗][ ]?\)|\|x\|)"
    rf"|(?P<empty>[{_BLANK}]|\[[ _.]{{0,3}}\]|\([ _]{{1,3}}\)|\|_{{1,3}}\|)"
    rf"|(?P<crossed>[{_CROSSED}])|(?P<full>[{_FULL_SHAPES}])|(?P<hollow>[{_HOLLOW_SHAPES}])"
    r"|(?P<unknown>\[[^\w\s\]]{1,2}\]|(?<!\S)(?:[lc|\[][\]j|]|\[1|lj|c1)(?=[ ]))"
)
_YES_NO = re.compile(r"(?<![^\W_])(?:(?P<yes>oui|yes)|(?P<no>non|no))(?![^\W_])")
_BETWEEN = re.compile(r"[\s/|,:;.()\[\]_x-]*")
"""What may stand between the two answers besides boxes: a cross of the typewriter too."""
_LOOSE = re.compile(r"(?<!\S)(?:(?P<ticked>xx?)|(?P<empty>_+|\.{2,}))(?!\S)")
_LEAD_IN = re.compile(
    r"[\s,;.–—-]*(?:\(?(?:si oui|if yes|lesquel(?:le)?s?|laquelle|lequel|a quoi|quoi|precise[rz]?|preciser|a preciser|"
    r"type|reaction|nature|please specify|specify)\b[\s,:=?()]*)+[:=\s]*"
)
_LED_IN = re.compile(r"\b(?:lesquel(?:le)?s?|laquelle|lequel|precise[rz]?|specify)\s*[?:]\s*\Z")
_ONLY_ANSWERS = re.compile(r"[\W_]*(?:(?:oui|non|yes|no|x)[\W_]*){1,4}\Z")
_ANSWER_HEADS = re.compile(r"[ ]*(?:o|oui|yes)[ ]+(?:n|non|no)\s*\Z")
_TITLES = re.compile(
    r"\b(?:allergi\w+|intoleran\w+|antecedents?|traitements?|connue?s?|medicamenteuses?|alimentaires?)\Z"
)
_SUBSTANCES = re.compile(r"\b(?:substances?|allergenes?|agents?|medicaments?|produits?|allergies?|allergen)\b")
_REACTIONS = re.compile(r"\b(?:reactions?|manifestations?|symptomes?|signes?)\b")
_DELIMITER = re.compile(r"[\t|]")
_YES_CELLS, _NO_CELLS = frozenset({"oui", "o", "yes", "y"}), frozenset({"non", "n", "no"})
_MARKED = re.compile(rf"[ ]*(?:[x+{_CHECKED}{_CROSSED}■●]|\[x\]|\(x\)|oui|non|yes|no)[ ]*")
_ALIGNED_HEAD = re.compile(r"(?P<name>.*\S)[ ]{2,}(?:o|oui|yes)[ ]+(?:n|non|no)\s*")
_ALIGNED_ROW = re.compile(rf"(?P<name>.*\w)[ ]{{2,}}[x{_CHECKED}{_CROSSED}][ ]*\s*")
_WORDED = re.compile(r"[^\W\d_]{2}")
_PRINTED = re.compile(r"[ ]*\)[ ]*[:=]?[ ]*")
"""« Allergies (oui/non) : oui »."""
_GOES_ON = re.compile(r" *[^\W\d_]")
_FAR = 12


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
    if _LEAD_IN.match(unit.flat) or _LED_IN.search(before.flat):
        return _YES_NO.search(before.flat) is not None
    bare = _BOX.sub(" ", unit.flat)
    if bare.strip() and not _starts_with_answer(unit.flat, bare):
        return False
    return bool(bare.strip()) and not _BOX.search(before.flat) and not _YES_NO.search(before.flat)


def _starts_with_answer(flat: str, bare: str) -> bool:
    first = _YES_NO.search(bare)
    return (
        first is not None
        and not bare[: first.start()].strip(" :_x")
        and (
            _BOX.search(flat) is not None or (_ONLY_ANSWERS.match(bare) is not None and len(_YES_NO.findall(bare)) > 1)
        )
    )


class Forms:
    """Of one page: whether its shapes are boxes, and the columns « Oui », « Non » of the table that is being read."""

    def __init__(self, flat: str) -> None:
        self._shapes_are_boxes = any(map(flat.__contains__, _FULL_SHAPES + _CHECKED)) and any(
            map(flat.__contains__, _HOLLOW_SHAPES)
        )
        self._has_empty = any(map(flat.__contains__, _BLANK + _HOLLOW_SHAPES)) or "[ ]" in flat
        self._columns: tuple[int, int] | None = None
        self._aligned = False
        self.reacting = False
        self.allergic = False  # whether what is being answered is about allergies; readers set it

    def parts(self, unit: Unit) -> list[Part]:
        """What is to be read of a unit, in order; the unit itself when it has neither box nor answer."""
        row = self._row(unit)
        if row is not None:
            return row
        answers = list(_YES_NO.finditer(unit.flat))
        both = any(each["yes"] for each in answers) and any(each["no"] for each in answers)
        boxes = self._boxes(unit.flat, both)
        groups = list(_groups(unit.flat, boxes, answers))
        if groups:
            return _questions(unit, groups)
        return _options(unit, boxes) if boxes else [Part(unit)]

    def _boxes(self, flat: str, answered: bool) -> list[_Box]:
        found = []
        for each in _BOX.finditer(flat):
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
            found.append(_Box(*each.span(), state))
        certain = any(each.state is not State.UNKNOWN for each in found) or answered
        return found if certain or any(flat[b.start] in _CROSSED for b in found) else []

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
        if _SUBSTANCES.search(names[0]) and any(map(_REACTIONS.search, names[1:])):
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


@dataclass(frozen=True, slots=True)
class _Group:
    """« ☐ oui ☒ non » at flat[start:end]. `answer` None: nothing is ticked."""

    start: int
    end: int
    answer: bool | None
    known: bool


def _groups(flat: str, boxes: list[_Box], answers: list[re.Match[str]]) -> Iterator[_Group]:
    at = 0
    while at < len(answers):
        first = answers[at]
        second = answers[at + 1] if at + 1 < len(answers) else None
        last = first
        if second is not None and bool(first["yes"]) != bool(second["yes"]):
            between = _blanked(flat, boxes, first.end(), second.start())
            if second.start() - first.end() <= _FAR and _BETWEEN.fullmatch(between):
                last = second
        at += 1 if last is first else 2
        third = answers[at] if last is not first and at < len(answers) else None
        if third is not None and _PRINTED.fullmatch(flat, last.end(), third.start()):
            at += 1
            yield _Group(first.start(), third.end(), bool(third["yes"]), True)
            continue
        before = max((b.end for b in boxes if b.end <= first.start()), default=-1)
        start = max((b.start for b in boxes if b.end == before and not flat[b.end : first.start()].strip()), default=-1)
        end = next((b.end for b in boxes if b.start >= last.end() and not flat[last.end() : b.start].strip()), -1)
        group = _read_group(flat, boxes, [first, last] if last is not first else [first], start, end)
        if group is not None:
            yield group


def _read_group(flat: str, boxes: list[_Box], words: list[re.Match[str]], start: int, end: int) -> _Group | None:
    """What the boxes around one or two answers say; None for an answer in plain words."""
    low, high = words[0].start() if start < 0 else start, words[-1].end() if end < 0 else end
    marks = [b for b in boxes if low <= b.start < high]
    if len(words) == 2:
        bounds = (low, min(len(flat), high + 4))
        marks += [
            _Box(*m.span(), State.TICKED if m["ticked"] else State.EMPTY)
            for m in _LOOSE.finditer(flat, *bounds)
            if not any(b.start <= m.start() < b.end for b in boxes)
        ]
        marks.sort(key=lambda box: box.start)
        high = max(high, *(m.end for m in marks)) if marks else high
    if not marks:
        goes_on = flat[high:].lstrip(" ").startswith(tuple("abcdefghijklmnopqrstuvwxyz")) and not _LEAD_IN.match(
            flat, high
        )
        return _Group(low, high, None, False) if len(words) == 2 and not goes_on else None
    states = _by_word(words, marks)
    if states is None:
        return _Group(low, high, None, False)
    ticked = [word for word, state in states.items() if state is State.TICKED]
    if len(ticked) == 1:
        return _Group(low, high, ticked[0] == "yes", True)
    empty = not ticked and len(states) == 2 and all(state is State.EMPTY for state in states.values())
    return _Group(low, high, None, empty)


def _by_word(words: list[re.Match[str]], marks: list[_Box]) -> dict[str, State] | None:
    """The state of each answer's box; None when boxes and answers do not alternate."""
    names = ["yes" if word["yes"] else "no" for word in words]
    before = [sum(mark.end <= word.start() for mark in marks) for word in words]
    if len(words) == 1:
        return {names[0]: marks[0].state} if len(marks) == 1 else None
    if len(marks) == 2 and before in ([1, 2], [0, 1]):
        return {name: mark.state for name, mark in zip(names, marks, strict=True)}
    if len(marks) == 1 and marks[0].state is State.TICKED:
        if before == [1, 1]:
            return {names[0]: State.TICKED}
        if before == [0, 0]:
            return {names[1]: State.TICKED}
    return None


def _questions(unit: Unit, groups: list[_Group]) -> list[Part]:
    """Each question with its answer, and what is written after the answer."""
    flat, found, begin = unit.flat, [], 0
    for number, group in enumerate(groups):
        limit = groups[number + 1].start if number + 1 < len(groups) else len(flat)
        lead = _LEAD_IN.match(flat, group.end, limit)
        more_at = lead.end() if lead is not None else group.end
        more = flat[more_at:limit]
        is_more = lead is not None or limit == len(flat) or more.lstrip()[:1] in (":", "(", "→", "=")
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


def _options(unit: Unit, boxes: list[_Box]) -> list[Part]:
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


def _before(unit: Unit, boxes: list[_Box]) -> list[Part]:
    found = [Part(_cut(unit, 0, boxes[0].start))] if _WORDED.search(unit.flat[: boxes[0].start]) else []
    for number, box in enumerate(boxes):
        stop = boxes[number + 1].start if number + 1 < len(boxes) else len(unit.flat)
        if box.state is not State.EMPTY:
            found.append(Part(_cut(unit, box.end, stop), box.state, chosen=True))
    return found


def _after(unit: Unit, boxes: list[_Box]) -> list[Part]:
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


def _blanked(flat: str, boxes: list[_Box], start: int, end: int) -> str:
    for box in boxes:
        if start <= box.start < end:
            flat = flat[: box.start] + " " * (box.end - box.start) + flat[box.end :]
    return flat[start:end]
