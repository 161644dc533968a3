"""What is done to the light of a page, looked at in its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from ocr import rules
from ocr.orient import sideways
from ocr.prepare import evened, flatten
from ocr.skew import letter_height, skew_of
from samples.damage import DAMAGES, worn
from tests.ocr.pictures import letter, microfilmed, rotated


def values(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(image).astype(np.int64)


def test_an_evenly_lit_page_is_left_alone() -> None:
    page = letter(200).image
    assert flatten(page) is page


def test_a_shadow_is_divided_out_and_the_ink_stays() -> None:
    page = values(letter(200).image)
    shaded = Image.fromarray((page * np.linspace(1.0, 0.5, page.shape[1])).astype(np.uint8))
    even = values(flatten(shaded))
    assert np.median(even, axis=0).min() > 235
    assert np.median(values(shaded), axis=0).min() < 135
    assert even[page < 40].mean() < 90


def test_the_cloth_under_a_sheet_is_taken_away() -> None:
    """A grey weave around the page would be read as words; the page itself is whole."""
    sheet = letter(200).image
    weave = np.random.default_rng(1).integers(115, 140, (sheet.height + 300, sheet.width + 300), dtype=np.uint8)
    photograph = Image.fromarray(weave)
    photograph.paste(sheet, (150, 150))
    even = values(flatten(photograph))
    assert even[:, :100].min() == 255
    assert even[:100].min() == 255
    inside = even[150 : 150 + sheet.height, 150 : 150 + sheet.width]
    drawn = values(sheet)
    assert np.abs(inside - drawn)[60:-60, 60:-60].mean() < 4


def test_a_dark_banner_keeps_its_light_title() -> None:
    """Letterheads and the headings of tables are often white on blue: they are not taken for a dark surround."""
    page = Image.new("L", (1333, 2700), 255)
    title = ImageOps.invert(letter(200).image).point(lambda tone: 60 + tone * 195 // 255)
    page.paste(title, (0, 0))
    even = values(flatten(page))[: title.height]
    assert even[values(title) > 200].mean() - even[values(title) < 70].mean() > 60


def test_light_letters_on_a_dark_picture_are_turned_dark() -> None:
    even = values(evened(ImageOps.invert(letter(200).image), 200))
    drawn = values(letter(200).image)
    assert even[drawn > 250].mean() > 240
    assert even[drawn < 40].mean() < 40


def test_lean_and_size_of_letters() -> None:
    for lean in (-6.0, -1.0, 0.0, 3.5):
        assert abs(skew_of(rotated(letter(200), lean).image) + lean) < 0.15
    small, large = letter_height(letter(100).image), letter_height(letter(300).image)
    assert small is not None
    assert large is not None
    assert 2.6 < large / small < 3.4
    assert letter_height(Image.new("L", (300, 300), 255)) is None


@pytest.mark.parametrize("lean", [-3.0, -1.5, 1.5, 3.0])
def test_a_page_that_leans_is_not_taken_for_one_on_its_side(lean: float) -> None:
    """It would be read five times instead of once."""
    page = worn(rotated(letter(200), lean).image, DAMAGES["scan"], "page")
    assert not sideways(evened(page, 200))
    assert sideways(evened(page.transpose(Image.Transpose.ROTATE_90), 200))


def test_frames_and_grey_fields_are_no_letters() -> None:
    """By their ink they outweigh a page of text: one with a black band was shrunk until nothing could be read."""
    plain, filmed = letter_height(letter(200).image), letter_height(microfilmed(letter(200).image))
    assert plain is not None
    assert filmed == pytest.approx(plain, rel=0.2)


@pytest.mark.parametrize("tall", [13.0, 20.0, 31.0])
def test_rules_are_found_alike_however_the_page_is_cut(tall: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dashes on every row where a cut may fall, under letters and over them."""
    page = Image.new("L", (700, 420), 255)
    pen = ImageDraw.Draw(page)
    for number, top in enumerate(range(5, 410, 23)):
        for left in range(20, 640, 12):
            pen.rectangle((left, top, left + 7, top + 1 + number % 3), fill=0)
        if number % 4 == 0:
            pen.text((20 + 9 * number, top + 8), "fracture visible - à revoir", fill=0)
    whole = rules.without_rules(page, tall)
    assert whole.tobytes() != page.tobytes()
    for band in (1, 7, 64):
        monkeypatch.setattr(rules, "BAND", band)
        assert rules.without_rules(page, tall).tobytes() == whole.tobytes()
