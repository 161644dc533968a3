"""Lines of a page: rows of a table stay whole, columns of prose stay apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.exponents import marks_apart
from ingest.recognised import page_from_ocr
from ocr.port import ReadPicture, ReadWord
from records.content import Box

WIDE, TALL = 10, 20


def written(*blocks: tuple[float, float, str]) -> ReadPicture:
    """Blocks of lines from their top left corner, ten pixels a letter, thirty a line, as Tesseract numbers them."""
    words, line_number = [], 0
    for number, (left, top, text) in enumerate(blocks, start=1):
        for down, line in enumerate(text.split("\n")):
            x = left
            for word in line.split():
                box = (x, top + 30 * down, x + WIDE * len(word), top + 30 * down + TALL)
                words.append(ReadWord(word, box, 0.9, number, line_number))
                x += WIDE * (len(word) + 1)
            line_number += 1
    return ReadPicture(tuple(words), engine="test")


def text_of(*blocks: tuple[float, float, str]) -> str:
    return page_from_ocr(written(*blocks), 1, 1000, 1000, 1.0).text


def test_a_table_read_by_columns_gets_its_rows_back() -> None:
    names, values, norms = (
        "Hémoglobine\nCréatinine\nPotassium",
        "13,2 g/dL\n88 µmol/L\n4,1 mmol/L",
        "12-16\n60-110\n3,5-5",
    )
    assert text_of((0, 0, names), (300, 0, values), (600, 2, norms)).split("\n") == [
        "Hémoglobine\t13,2 g/dL\t12-16",
        "Créatinine\t88 µmol/L\t60-110",
        "Potassium\t4,1 mmol/L\t3,5-5",
    ]


@pytest.mark.parametrize(
    ("rotation", "word", "mark"),
    [
        (0, (0, 0, 110, 20), (110, 0, 120, 20)),
        (90, (0, 0, 120, 20 * 11 / 12), (0, 20 * 11 / 12, 120, 20)),
        (180, (10, 0, 120, 20), (0, 0, 10, 20)),
        (270, (0, 20 / 12, 120, 20), (0, 0, 120, 20 / 12)),
    ],
)
def test_the_mark_of_a_note_is_a_word_of_its_own(rotation: int, word: Box, mark: Box) -> None:
    """« pénicilline³ » in one word is not found by the drug's name."""
    read = ReadPicture((ReadWord("pénicilline³", (0, 0, 120, 20), 0.9, 0, 0),), rotation, engine="test")
    page = page_from_ocr(read, 1, 1000, 1000, 1.0)
    assert page.text == "pénicilline ³"
    assert [one.box for one in page.words] == [pytest.approx(word), pytest.approx(mark)]
    assert text_of((0, 0, "7,4 10³/mm³")) == "7,4 10³/mm³"


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = "le patient est venu hier\nil se plaint de douleurs\nà la jambe droite depuis"
    right = "le traitement par repos et\nparacétamol est reconduit pour\nune durée de dix jours"
    text = text_of((0, 0, "Compte rendu"), (0, 60, left), (400, 60, right), (0, 200, "Docteur Petit"))
    assert [line for line in text.split("\n") if line] == [
        "Compte rendu", *left.split("\n"), *right.split("\n"), "Docteur Petit",
    ]  # fmt: skip


def test_a_line_across_both_columns_parts_them() -> None:
    left, right = "un deux trois quatre\n" * 3, "cinq six sept huit\n" * 3
    across = "une conclusion qui court sur toute la largeur de la page et davantage"
    blocks = (
        (0, 0, left.strip()),
        (400, 0, right.strip()),
        (0, 120, across),
        (0, 180, left.strip()),
        (400, 180, right.strip()),
    )
    lines = [line for line in text_of(*blocks).split("\n") if line]
    assert [line.split()[0] for line in lines] == ["un"] * 3 + ["cinq"] * 3 + ["une"] + ["un"] * 3 + ["cinq"] * 3


def test_a_row_that_leans_stays_a_row() -> None:
    cells = [(300.0 * i, 6.0 * i, f"cellule{i}") for i in range(4)]
    assert text_of(*cells) == "cellule0\tcellule1\tcellule2\tcellule3"


def test_paragraphs_and_marks() -> None:
    assert text_of((0, 0, "Titre"), (0, 90, "Texte é")) == "Titre\n\nTexte é"
    decomposed = unicodedata.normalize("NFD", "épuisé")
    assert text_of((0, 0, decomposed)) == "épuisé"


def test_an_empty_reading_is_unreadable_and_has_no_region() -> None:
    page = page_from_ocr(ReadPicture((), engine="test"), 3, 100, 200, 2.0)
    assert (page.number, page.text, page.width, page.regions, page.unreadable) == (3, "", 100, (), True)


boxes = st.tuples(st.integers(0, 800), st.integers(0, 800), st.integers(5, 150), st.integers(8, 40))
letters = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=9)


@given(st.lists(st.tuples(boxes, letters, st.integers(1, 4)), max_size=25), st.floats(0.5, 4))
def test_no_word_is_lost_or_doubled(drawn: list[tuple[tuple[int, int, int, int], str, int]], scale: float) -> None:
    words = tuple(
        ReadWord(text, (x, y, x + w, y + h), 0.8, block, number)
        for number, ((x, y, w, h), text, block) in enumerate(drawn)
    )
    page = page_from_ocr(ReadPicture(words, engine="test"), 1, 1000 / scale, 1000 / scale, scale)
    shown = sorted(page.text[w.start : w.end] for w in page.words)
    drawn_words = (part for _, text, _ in drawn for part in marks_apart(unicodedata.normalize("NFC", text)).split(" "))
    assert shown == sorted(drawn_words)
    assert "".join(page.text.split()) == "".join(page.text[w.start : w.end] for w in page.words)
    assert page.text == unicodedata.normalize("NFC", page.text) or any(unicodedata.combining(t[0]) for _, t, _ in drawn)
