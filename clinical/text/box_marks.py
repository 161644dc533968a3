"""What boxes look like, on paper that was scanned and in files, and the words that answer beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Of a box, and of what a part states."""

    TICKED = "ticked"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Box:
    """A box at flat[start:end]."""

    start: int
    end: int
    state: State


CHECKED, CROSSED, BLANK = "☑☒✓✔🗹🗷⊠⌧◉\uf0fe\uf0fd\uf052\uf053\uf0fc", "✗✘✕✖", "☐🗆⬜"
FULL_SHAPES, HOLLOW_SHAPES = "■●⬛◼", "□○◯❏❑❒▢◻\uf06f\uf0a8\uf0a3\uf071"
"""Shapes that lists begin with as well: boxes only where a page has both kinds, or beside « oui » and « non »."""
BOX = re.compile(
    rf"(?P<ticked>[{CHECKED}]|\[[ ]?[xv✓✔✗*][ ]?\]|\([ ]?[xv✓✔✗][ ]?\)|\|x\|)"
    rf"|(?P<empty>[{BLANK}]|\[[ _.]{{0,3}}\]|\([ _]{{1,3}}\)|\|_{{1,3}}\|)"
    rf"|(?P<crossed>[{CROSSED}])|(?P<full>[{FULL_SHAPES}])|(?P<hollow>[{HOLLOW_SHAPES}])"
    r"|(?P<unknown>\[[^\w\s\]]{1,2}\]|(?<!\S)(?:[lc|\[][\]j|]|\[1|lj|c1)(?=[ ]))"
)
YES_NO = re.compile(r"(?<![^\W_])(?:(?P<yes>oui|yes)|(?P<no>non|no))(?![^\W_])")
LEAD_IN = re.compile(
    r"[\s,;.–—-]*(?:\(?(?:si oui|if yes|lesquel(?:le)?s?|laquelle|lequel|a quoi|quoi|precise[rz]?|preciser|a preciser|"
    r"type|reaction|nature|please specify|specify)\b[\s,:=?()]*)+[:=\s]*"
)
"""What asks for more after an answer: « si oui, lesquelles : »."""
