"""PP-OCR reads what was drawn, whatever way the picture came, and what Tesseract loses: commas, ditto marks, blanks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from access.refusal import Refusal
from ingest.legible import trustworthy
from ingest.recognised import page_from_ocr
from ocr.build import build_ocr, ocr_named
from ocr.port import Ocr, ReadPicture
from ocr.ppocr import weights
from ocr.ppocr.engine import PpOcr, raised, what_is_said
from ocr.ppocr.find import FAINTEST, STEP, Line, Part, lines_on, parts, pieces
from ocr.ppocr.running import Network, Values
from ocr.ppocr.spell import Spelt, spelt, words_of
from samples.damage import DAMAGES, worn
from tests.ocr.pictures import LETTER, accuracy, letter, microfilmed, noisy, rotated, uncovered

TABLE = """Analyse Resultat Unite Valeurs de reference
Leucocytes 5,8 G/L 4,0 - 10,0
Neutrophiles 2,86 G/L 1,5 - 7,5
Potassium 4,1 mmol/L 3,5 - 5,0
TSH 0,45 mUI/L 0,40 - 4,00
Creatinine 74 µmol/L 59 - 104
CRP < 0,6 mg/L < 5,0"""


@pytest.fixture(scope="session")
def ppocr() -> Ocr:
    return build_ocr("ppocr")


def text_of(read: ReadPicture) -> str:
    return " ".join(word.text for word in read.words)


@pytest.mark.parametrize("turn", [90, 180])
def test_a_page_on_its_side_or_its_head_is_set_right(ppocr: Ocr, turn: int) -> None:
    drawn = rotated(letter(), turn)
    read = ppocr.read(drawn.image, 200)
    assert accuracy(LETTER, text_of(read)) >= 0.99
    assert read.rotation == -turn % 360
    assert uncovered(drawn, read) == []


def test_a_leaning_page_is_straightened_and_its_boxes_come_back(ppocr: Ocr) -> None:
    drawn = rotated(letter(), -5.0)
    read = ppocr.read(drawn.image, 200)
    assert accuracy(LETTER, text_of(read)) >= 0.99
    assert read.skew == pytest.approx(5.0, abs=0.2)
    assert uncovered(drawn, read) == []


def test_grain_specks_and_shadow(ppocr: Ocr) -> None:
    assert accuracy(LETTER, text_of(ppocr.read(noisy(rotated(letter(), 1.5).image), 200))) >= 0.97


def test_a_page_on_microfilm(ppocr: Ocr) -> None:
    read = ppocr.read(microfilmed(letter().image), 200)
    assert len(set(LETTER.split()) & {word.text for word in read.words}) >= 0.97 * len(set(LETTER.split()))


def test_a_photograph_taken_from_the_side(ppocr: Ocr) -> None:
    """The far edge is a tenth smaller, in a shadow: lines lean by up to two degrees, each its own way."""
    page = letter(200).image
    width, height = page.size
    inset = 0.05
    corners = ((0, 0), (0, height), (width, height), (width, 0))
    seen = ((0, 0), (0, height), (width, height * (1 - inset)), (width, height * inset))
    photograph = page.transform(
        page.size, Image.Transform.PERSPECTIVE, _perspective(seen, corners), Image.Resampling.BICUBIC, fillcolor=255
    )
    assert accuracy(LETTER, text_of(ppocr.read(noisy(photograph), 200))) >= 0.9


def _perspective(seen: tuple[tuple[float, float], ...], drawn: tuple[tuple[float, float], ...]) -> tuple[float, ...]:
    """Pillow's eight numbers that show `drawn` at `seen`."""
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, drawn, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(float(number) for number in np.linalg.solve(np.array(rows, float), np.array(values, float)))


def test_rows_of_a_scanned_table_keep_their_cells_and_commas(ppocr: Ocr) -> None:
    scan = worn(letter(200, TABLE.replace(" ", "  ")).image, DAMAGES["scan"], "table")
    read = ppocr.read(scan, 200)
    page = page_from_ocr(read, 1, *scan.size, scale=1.0)
    lines = [" ".join(line.split()) for line in page.text.split("\n") if line]
    assert lines == TABLE.split("\n")


def test_text_in_no_language_is_not_trusted(ppocr: Ocr) -> None:
    """Mirrored letters are as dark and as regular as right ones."""
    mirrored = letter().image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    read = ppocr.read(mirrored, 200)
    assert not trustworthy([w.text for w in read.words], [w.confidence for w in read.words])
    sound = ppocr.read(letter().image, 200)
    assert trustworthy([w.text for w in sound.words], [w.confidence for w in sound.words])


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (600, 400), 255),
        Image.new("1", (3, 900), 1),
        Image.new("RGBA", (200, 200), (0, 0, 0, 0)),
        Image.fromarray(np.full((300, 300), 40_000, dtype=np.uint16)),
    ],
    ids=["white", "sliver", "transparent", "sixteen-bits"],
)
def test_pictures_without_text_are_read_as_empty(ppocr: Ocr, picture: Image.Image) -> None:
    assert ppocr.read(picture, None).words == ()


def test_a_reading_that_takes_too_long_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        PpOcr(timeout=0.0).read(letter(100).image, 100)
    assert (caught.value.stage, caught.value.code) == ("read", "ocr-timeout")


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A network that nobody measured reads no allergy."""
    assert ocr_named(PpOcr.name, tmp_path).name == PpOcr.name
    monkeypatch.setattr(weights, "_FINDER", (weights._FINDER[0], "0" * 64))
    with pytest.raises(Refusal) as caught:
        build_ocr("ppocr")
    assert caught.value.code == "ocr-weights-missing"


def test_memory_is_given_back_after_the_last_line_of_a_page() -> None:
    asked = []

    class Noting(Network):
        def __init__(self) -> None: ...

        def chances(self, picture: Values, *, last: bool = True) -> Values:
            asked.append(last)
            return np.zeros((1, picture.shape[3] // 8, 3), np.float32)

    page, lines = Image.new("L", (400, 200), 255), [Line(10, 390, y, 30) for y in (40, 90, 140)]
    assert spelt(page, lines, Noting(), ("", "a", " "), time.monotonic() + 60) == [[], [], []]
    assert asked == [False, False, True]


def test_the_alphabet_is_that_of_european_documents() -> None:
    known = weights.networks().characters
    assert set("abcxyzABC0189 éèêëàâùûüôöîïçœŒÉÈÀÇæ°µ²³±≥≤€«»–’ßłő%/<>") <= set(known)
    assert not set("的一口工，：αж") & (set(known) - {"α"})


@pytest.mark.parametrize(
    ("text", "after", "white", "suspicion", "words"),
    [
        ("c'estlui,c'est", 8, 9, 0.15, ["c'estlui,", "c'est"]),
        ("<5", 0, 9, 0.05, ["<", "5"]),
        ("c'estlui,c'est", 8, 9, 0.001, ["c'estlui,c'est"]),  # white, and nothing but white
        ("c'estlui,c'est", 8, 4, 0.15, ["c'estlui,c'est"]),
        ("174,1", 0, 9, 0.06, ["174,1"]),  # figures stand apart, « 1 » most
    ],
)
def test_a_blank_that_was_missed_is_put_back_where_it_is_suspected_and_seen(
    text: str, after: int, white: int, suspicion: float, words: list[str]
) -> None:
    assert [w.text for w in words_of(*_line(text, 2, {after: (white, suspicion)}))] == words


def test_white_that_is_usual_in_a_line_parts_nothing() -> None:
    """A typewriter's letters stand in boxes of one width."""
    assert [w.text for w in words_of(*_line("c'estlui", 8, {1: (14, 0.1)}))] == ["c'estlui"]
    assert [w.text for w in words_of(*_line("c'estlui", 8, {1: (17, 0.1)}))] == ["c'", "estlui"]


def _line(text: str, usual: int, gaps: dict[int, tuple[int, float]]) -> tuple[Any, tuple[str, ...], Any]:
    """What `words_of` gets of letters with `usual` points of white between them, or, after the letters of `gaps`,
    others, and a suspicion of a blank there. A letter is as wide as a step of eight points and is seen at its middle.
    """
    characters = ("", " ", *"lui,cest'1745<")
    ink: list[bool] = []
    middles = []
    for place in range(len(text)):
        middles.append(len(ink) + 4)
        ink += [True] * 8 + [False] * gaps.get(place, (usual, 0.0))[0]
    ink += [False] * (8 - len(ink) % 8)
    steps = np.zeros((len(ink) // 8, len(characters)), dtype=np.float32)
    steps[:, 0] = 1.0
    for place, middle in enumerate(middles):
        steps[middle // 8] = 0.0
        steps[middle // 8, characters.index(text[place])] = 0.98
        steps[middle // 8, 1] = gaps.get(place, (usual, 0.0))[1]
    return steps, characters, np.array(ink)


def test_a_faint_sign_stays_between_two_words_and_goes_at_the_end_of_a_line() -> None:
    range_ = [Spelt(text, 0, 1, chance) for text, chance in (("12,0", 0.9), ("–", 0.3), ("16,0", 0.9), ("m", 0.4))]
    assert [word.text for word in what_is_said(range_, small=False)] == ["12,0", "–", "16,0"]
    assert [word.text for word in what_is_said([Spelt("11", 0, 1, 0.6)], small=True)] == []
    assert [word.text for word in what_is_said([Spelt("11", 0, 1, 0.6)], small=False)] == ["11"]
    assert [word.text for word in what_is_said([Spelt("pénici11ine", 0, 1, 0.1)], small=True)] == ["pénici11ine"]


def test_a_ditto_mark_is_read_as_high_as_its_row() -> None:
    rows = [Line(0, 300, 120, 40), Line(900, 1000, 122, 40), Line(0, 300, 220, 40)]
    marks = [Line(400 + 40 * place, 420 + 40 * place, 112, 16) for place in range(9)]
    found = raised([*rows, *marks])
    assert found[:3] == rows
    assert {(line.y, line.height) for line in found[3:]} == {(120, 40), (122, 40)}


def test_pieces_are_what_touches() -> None:
    flags = np.zeros((6, 12), dtype=np.bool_)
    flags[0, 0:5] = flags[1:4, 0] = flags[3, 0:5] = True  # a C
    flags[1:3, 3] = True  # closes it on the right: one piece
    flags[1, 8:11] = flags[2, 10] = flags[2, 8] = True  # two legs of one bow
    flags[5, 2:4] = True
    assert sorted(piece.box() for piece in pieces(flags)) == [(0, 0, 5, 4), (2, 5, 4, 6), (8, 1, 11, 3)]
    assert pieces(np.zeros((4, 4), dtype=np.bool_)) == []


def test_the_slope_of_a_line_is_found() -> None:
    flags = np.zeros((80, 400), dtype=np.bool_)
    for x in range(400):
        flags[20 + x // 20 : 30 + x // 20, x] = True
    (line,) = pieces(flags)
    assert line.slope == pytest.approx(0.05, abs=0.002)
    assert line.height == pytest.approx(10, abs=1.5)
    assert line.y == pytest.approx(35, abs=1.5)


def test_large_pages_are_looked_at_in_bands_cut_between_lines() -> None:
    page = np.full((3200, 2048), 255, dtype=np.uint8)
    lines = range(10, 3150, 50)
    for top in lines:
        page[top : top + 30, 100:1900:7] = 0
    found = list(parts(page))
    assert [part.top for part in found[1:]] == [part.bottom for part in found[:-1]]
    assert (found[0].top, found[-1].bottom) == (0, 3200)
    assert len(found) > 5
    for part in found[:-1]:
        assert part.bottom % STEP == 0
        assert not any(top < part.bottom - 1 and part.bottom + 1 < top + 30 for top in lines)


def test_a_line_that_a_cut_goes_through_is_found_whole() -> None:
    """Lines stand where cuts can be, as on worn pages, whose every row has ink."""
    page = Image.new("L", (1600, 48 * STEP), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for number in range(1, 47):
        line = "Le patient décrit une toux sèche et une fièvre depuis trois jours. " * 2
        draw.text((40, number * STEP - 12), line, font=font, fill=0)
    assert len(list(parts(np.asarray(page)))) > 1
    found = lines_on(page, 16.0, weights.networks().finder)
    assert len(found) == 46
    assert max(line.height for line in found) < 1.2 * min(line.height for line in found)


def test_white_letters_on_a_dark_panel_are_looked_at() -> None:
    page = np.full((32 * STEP, 32 * STEP), 250, dtype=np.uint8)
    page[4 * STEP : 28 * STEP, 4 * STEP : 28 * STEP] = 40
    page[16 * STEP : 16 * STEP + 16, 14 * STEP : 18 * STEP : 3] = 230
    looked = np.zeros(page.shape, dtype=np.bool_)
    for part in parts(page):
        looked[part.first : part.last, part.columns] = True
    assert looked[page == 230].all()


def test_only_what_has_ink_is_looked_at_with_paper_around() -> None:
    page = np.full((32 * STEP, 32 * STEP), 250, dtype=np.uint8)
    page[::3, ::3] -= FAINTEST - 1  # grain of the paper
    assert list(parts(page)) == []
    page[10 * STEP : 12 * STEP, 5 * STEP : 20 * STEP] = 200
    page[10 * STEP : 12 * STEP : 2] = 250
    page[31 * STEP + 1, 31 * STEP + 1] = 250 - FAINTEST
    assert list(parts(page)) == [
        Part(9 * STEP, 13 * STEP, 9 * STEP, 13 * STEP, slice(4 * STEP, 21 * STEP)),
        Part(30 * STEP, 32 * STEP, 30 * STEP, 32 * STEP, slice(30 * STEP, 32 * STEP)),
    ]


def test_short_cells_keep_their_letters_and_words_their_places() -> None:
    """Read with the room of a long line, or without grey after it, « g/L » becomes « gL » and « UI/L » « U/L »."""
    nets = weights.networks()
    cells = ["UI/L", "g/L", "mg/L", "mmol/L", "G/L", "< 5", "4,0", "ng/L"]
    wrong = []
    for size in range(18, 46, 2):
        for cell in cells:
            page = Image.new("L", (500, 120), 255)
            draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
            x0, _, x1, _ = draw.textbbox((40, 30), cell, font=font)
            draw.text((40, 30), cell, font=font, fill=20)
            line = Line(x0 - size / 4, x1 + size / 4, 30 + 0.62 * size, 1.56 * size)
            (words,) = spelt(page, [line], nets.speller, nets.characters, time.monotonic() + 60)
            if "".join(word.text for word in words) != cell.replace(" ", ""):
                wrong.append((size, cell, words))
            assert words[0].start <= 0.25
            assert 0.75 <= words[-1].end <= 1.0
    assert wrong == []
