"""« ¾ de comprimé » is not « 3 de comprimé », and 34 is not « ¾ »."""

from __future__ import annotations

import numpy as np
import pytest

from ocr.build import build_ocr
from ocr.ppocr.fractions import Letter, text_of
from samples.damage import DAMAGES, worn
from tests.ocr.pictures import letter

NAMES = ("", *"0123456789/%½¼¾³²", "d")
TAKEN = ("PREVISCAN 20 mg : ¾ de comprimé", "XANAX 0,25 mg : ¼ comprimé", "LASILIX 40 mg : ½ comprimé")
OTHERS = ("ASPIRINE 34 jours", "Grade 3/4, stade 1", "Il y a 14 jours, à 3 reprises", "Note 3 / 4 et 1 / 4")


@pytest.mark.parametrize("damage", ["", "scan", "scan-low", "photo"])
def test_fractions_of_a_tablet_are_read_as_such(damage: str) -> None:
    page = letter(DAMAGES[damage].dpi if damage else 300, "\n".join((*TAKEN, *OTHERS)), 11).image
    if damage:
        page = worn(page, DAMAGES[damage], damage).convert("L")
    read = build_ocr("ppocr").read(page, DAMAGES[damage].dpi if damage else 300)
    words = [word.text for word in read.words]
    doses = [words[at - 1] for at, word in enumerate(words) if word == "comprimé" and words[at - 1] != "de"]
    doses += [words[at - 2] for at, word in enumerate(words) if word == "comprimé" and words[at - 1] == "de"]
    assert {dose.replace("3/4", "¾").replace("1/4", "¼") for dose in doses} == {"¾", "¼", "½"}
    said = " ".join(words)
    assert [part for part in ("34 jours", "3/4", "14 jours", "3 reprises") if part not in said] == []
    assert "¾" not in said.split("Note")[1]


def _line(*steps: dict[str, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    chances = np.zeros((len(steps), len(NAMES)), np.float32)
    for at, step in enumerate(steps):
        for name, chance in step.items():
            chances[at, NAMES.index(name)] = chance
    return chances


FAINT = _line({}, {"3": 0.5}, {"/": 0.4}, {"4": 0.3}, {}, {"d": 1.0}, {})
PLAIN = _line({}, {"3": 0.9}, {}, {"4": 0.9}, {}, {"d": 1.0}, {})


@pytest.mark.parametrize(
    ("chances", "words", "at", "text"),
    [
        (FAINT, [[("3", 1, 0.5)], [("d", 5, 1.0)]], 0, "¾"),
        (FAINT, [[("3", 1, 0.5), ("4", 3, 0.3)], [("d", 5, 1.0)]], 0, "¾"),
        (PLAIN, [[("3", 1, 0.9), ("4", 3, 0.9)]], 0, "34"),
        (FAINT, [[("3", 1, 0.5)], [("4", 3, 0.3)]], 0, "3"),  # beyond the middle it is the neighbour's
        (FAINT, [[("3", 1, 0.5)], [("d", 2, 1.0)]], 0, "3"),
        (FAINT, [[("3", 1, 0.5), ("/", 2, 0.4), ("4", 3, 0.3)]], 0, "3/4"),
        (_line({"1": 0.5}, {"½": 0.6}, {"4": 0.4}), [[("½", 1, 0.6), ("4", 2, 0.4)]], 0, "¼"),
        (_line({"1": 0.5}, {"½": 0.6}), [[("1", 0, 0.5), ("½", 1, 0.6)]], 0, "½"),
        (_line({"1": 0.5}, {}, {"½": 0.6}), [[("1", 0, 0.5), ("½", 2, 0.6)]], 0, "1½"),
        (_line({"%": 1.0}), [[("%", 0, 1.0)]], 0, "%"),
    ],
)
def test_what_is_seen_below_the_first_choice(
    chances: np.ndarray[tuple[int, int], np.dtype[np.float32]], words: list[list[Letter]], at: int, text: str
) -> None:
    assert text_of(words, at, chances, NAMES) == text
