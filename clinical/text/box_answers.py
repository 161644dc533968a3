"""Answers of forms, « ☐ oui ☒ non »: where they stand and which of them is ticked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clinical.text.box_marks import LEAD_IN, Box, State

_BETWEEN = re.compile(r"[\s/|,:;.()\[\]_x-]*")
"""What may stand between the two answers besides boxes: a cross of the typewriter too."""
_LOOSE = re.compile(r"(?<!\S)(?:(?P<ticked>xx?)|(?P<empty>_+|\.{2,}))(?!\S)")
_PRINTED = re.compile(r"[ ]*\)[ ]*[:=]?[ ]*")
"""« Allergies (oui/non) : oui »."""
_GOES_ON = re.compile(r" *[^\W\d_]")
_FAR = 12


@dataclass(frozen=True, slots=True)
class Group:
    """« ☐ oui ☒ non » at flat[start:end]. `answer` None: nothing is ticked, or, unless `known`, it cannot be told."""

    start: int
    end: int
    answer: bool | None
    known: bool


def groups_of(flat: str, boxes: list[Box], answers: list[re.Match[str]]) -> Iterator[Group]:
    """Every answer beside which a box stands, or both answers without any; `answers`: the words, in order."""
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
            yield Group(first.start(), third.end(), bool(third["yes"]), True)
            continue
        before = max((b.end for b in boxes if b.end <= first.start()), default=-1)
        start = max((b.start for b in boxes if b.end == before and not flat[b.end : first.start()].strip()), default=-1)
        end = next((b.end for b in boxes if b.start >= last.end() and not flat[last.end() : b.start].strip()), -1)
        group = _read_group(flat, boxes, [first, last] if last is not first else [first], start, end)
        if group is not None:
            yield group


def _read_group(flat: str, boxes: list[Box], words: list[re.Match[str]], start: int, end: int) -> Group | None:
    """What the boxes around one or two answers say; None for an answer in plain words."""
    low, high = words[0].start() if start < 0 else start, words[-1].end() if end < 0 else end
    marks = [b for b in boxes if low <= b.start < high]
    if len(words) == 2:
        bounds = (low, min(len(flat), high + 4))
        marks += [
            Box(*m.span(), State.TICKED if m["ticked"] else State.EMPTY)
            for m in _LOOSE.finditer(flat, *bounds)
            if not any(b.start <= m.start() < b.end for b in boxes)
        ]
        marks.sort(key=lambda box: box.start)
        high = max(high, *(m.end for m in marks)) if marks else high
    if not marks:
        goes_on = _GOES_ON.match(flat, high) is not None and LEAD_IN.match(flat, high) is None
        return Group(low, high, None, False) if len(words) == 2 and not goes_on else None
    states = _by_word(words, marks)
    if states is None:
        return Group(low, high, None, False)
    ticked = [word for word, state in states.items() if state is State.TICKED]
    if len(ticked) == 1:
        return Group(low, high, ticked[0] == "yes", True)
    empty = not ticked and len(states) == 2 and all(state is State.EMPTY for state in states.values())
    return Group(low, high, None, empty)


def _by_word(words: list[re.Match[str]], marks: list[Box]) -> dict[str, State] | None:
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


def _blanked(flat: str, boxes: list[Box], start: int, end: int) -> str:
    for box in boxes:
        if start <= box.start < end:
            flat = flat[: box.start] + " " * (box.end - box.start) + flat[box.end :]
    return flat[start:end]
