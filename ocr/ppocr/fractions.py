"""« ¾ » and « ¼ », which the network hardly knows: it spells them « 3 », « 34 », « 3/ », « ½4 », « / » or « % ».

« PREVISCAN : ¾ de comprimé » must not become « 3 de comprimé ». Below its first choice the network sees the three
signs, one beside the other; for a number it sees no slash. Of 268 such fractions, drawn in five typefaces and three
sizes, clean and damaged in four ways, 61 are read right without this (58 of them as « 3/4 » or « 1/4 ») and 244 with
it; 7 quarters become three quarters. The least chances below were chosen by these. Of 2,248 other numbers of forms,
typewriting and letters one changes, a « ½ » that was read « 1½ » (as 9 of 67 drawn ones; 2 of 67 « 1½ » lose their 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Letter = tuple[str, int, float]  # a character, its step, its chance

LETTERS = frozenset("0123456789/%½¼¾³²")
WHOLE = frozenset({"1/4", "3/4"})  # as good as the sign
WIDEST = 3  # steps from the first letter to the last
TOUCHING = 1  # steps from « 1 » to the middle of « ½ », when it is the sign's own
BEFORE, AFTER = 2, 4  # steps around them that show the sign too
SLASH, FIGURE = 0.02, 0.05  # least chances


def text_of(words: Sequence[Sequence[Letter]], at: int, chances: NDArray[np.float32], characters: Sequence[str]) -> str:
    """The letters of word `at` of a line, or the fraction that it is.

    What stands nearer to a neighbour that may be part of a number (« 3 / 4 ») is the neighbour's.

    chances  (steps, characters)
    """
    word = words[at]
    text, first, last = "".join(name for name, _, _ in word), word[0][1], word[-1][1]
    if text == "1½" and last - first <= TOUCHING:
        return "½"
    if text in WHOLE or last - first > WIDEST or not LETTERS.issuperset(text):
        return text
    start, end = max(0, first - BEFORE), last + AFTER
    if at > 0:
        name, step, _ = words[at - 1][-1]
        start = max(start, ((step + first) // 2 if name in LETTERS else step) + 1)
    if at + 1 < len(words):
        name, step, _ = words[at + 1][0]
        end = min(end, (last + step + 1) // 2 if name in LETTERS else step)
    seen = chances[start:end].max(axis=0)

    def chance(signs: str) -> float:
        return max((float(seen[characters.index(sign)]) for sign in signs if sign in characters), default=0.0)

    three, one = chance("3³¾"), chance("1¼")
    if chance("/½¼¾%") < SLASH or chance("4¼¾") < FIGURE or max(three, one, chance("½")) < FIGURE:
        return text
    return "¾" if three >= one else "¼"
