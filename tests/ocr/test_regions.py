"""Each region of a PDF page is read once: by its text layer when it is sound, by OCR when it is not."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from fpdf import FPDF
from PIL import Image

from ingest.pdfium import LOCK, frame_of
from ingest.regions import complete, missing
from ingest.render import render_page
from ocr.null import NullOcr
from records.content import Box, Page, Region, Source, Word
from tests.ocr.conftest import Counting
from tests.ocr.pictures import LETTER, accuracy, letter, pdf_of, write

LAB = (
    ("Analyse", "Résultat", "Norme"),
    ("Hémoglobine", "13,2 g/dL", "12 - 16"),
    ("Créatinine", "88 µmol/L", "60 - 110"),
    ("Potassium", "4,1 mmol/L", "3,5 - 5,0"),
)


def lab_picture() -> Image.Image:
    """A table of results as a picture, at 200 dpi."""
    made = FPDF(unit="pt", format=(396, 151))
    made.add_page()
    made.set_font("helvetica", size=12)
    for row, cells in enumerate(LAB):
        for column, cell in enumerate(cells):
            made.text(14 + column * 137, 30 + row * 32, cell)
    return render_page(bytes(made.output()), "application/pdf", 1, dpi=200).image


def sheet() -> FPDF:
    page = FPDF(unit="pt", format="A4")
    page.add_page()
    page.set_font("helvetica", size=11)
    return page


@contextmanager
def opened(made: FPDF | bytes) -> Iterator[tuple[Page, Any]]:
    """The first page of a PDF with the plainest possible reading of its text layer."""
    data = made if isinstance(made, bytes) else bytes(made.output())
    with LOCK:
        document = pdfium.PdfDocument(data)
        try:
            sheet_ = document[0]
            yield layer_of(sheet_), sheet_
        finally:
            document.close()


def layer_of(sheet_: Any) -> Page:
    frame, layer = frame_of(sheet_), sheet_.get_textpage()
    text, words, start, box = "", [], None, None
    for at, char in enumerate(layer.get_text_range()):
        if char.isspace():
            if start is not None:
                words.append(Word(start, len(text), box))
            start, box = None, None
            text += "" if char == "\r" else char
            continue
        here = frame.box(*layer.get_charbox(at))
        box = (
            here
            if box is None
            else (min(box[0], here[0]), min(box[1], here[1]), max(box[2], here[2]), max(box[3], here[3]))
        )
        start = len(text) if start is None else start
        text += char
    if start is not None:
        words.append(Word(start, len(text), box))
    regions = (Region(0, len(text), Source.TEXT_LAYER, "pdfium"),) if text else ()
    return Page(1, text, frame.width, frame.height, tuple(words), regions)


def check(page: Page) -> None:
    """What every page must satisfy: words tell their text, regions cover them, in order, within the sheet."""
    assert [w.start for w in page.words] == sorted(w.start for w in page.words)
    for word in page.words:
        assert page.text[word.start : word.end].split() == [page.text[word.start : word.end]]
        assert any(r.start <= word.start and word.end <= r.end for r in page.regions)
        assert word.box is not None
        assert -2 <= word.box[0] < word.box[2] <= page.width + 2
        assert -2 <= word.box[1] < word.box[3] <= page.height + 2
    assert "".join(page.text.split()) == "".join(page.text[w.start : w.end] for w in page.words)


def test_a_digital_page_is_not_sent_to_ocr(counting: Counting) -> None:
    made = sheet()
    write(made, LETTER, 40, 60, 11)
    with opened(made) as (page, sheet_):
        assert complete(page, sheet_, counting) is page
    assert counting.asked == []


def test_a_letterhead_behind_digital_text_is_not_read(counting: Counting) -> None:
    """A pale ground over the whole sheet, and a logo: pictures without text that matters."""
    made = sheet()
    made.image(Image.new("RGB", (600, 800), (238, 242, 250)), 0, 0, 595, 842)
    made.image(Image.new("RGB", (80, 40), (200, 30, 30)), 520, 10, 40, 20)
    write(made, LETTER, 40, 120, 11)
    with opened(made) as (page, sheet_):
        assert complete(page, sheet_, counting) is page
    assert counting.asked == []


def test_a_scan_is_read_whole_and_once(counting: Counting) -> None:
    made = FPDF(unit="pt", format=(480, 400))
    made.add_page()
    made.image(letter(200).image, 0, 0, 480, 400)
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, counting)
    check(done)
    assert len(counting.asked) == 1
    assert accuracy(LETTER, done.text) >= 0.97
    assert not done.unreadable
    assert [r.source for r in done.regions] == [Source.OCR]
    word = next(w for w in done.words if done.text[w.start : w.end] == "pénicilline")
    drawn = next(box for text, box in letter(72).words if text == "pénicilline")
    assert covers(word.box, drawn)


def covers(box: Box | None, drawn: Box, slack: float = 2.0) -> bool:
    return box is not None and (
        box[0] <= drawn[0] + slack
        and box[1] <= drawn[1] + slack
        and box[2] >= drawn[2] - slack
        and box[3] >= drawn[3] - slack
    )


def test_a_scan_in_strips_is_one_picture(counting: Counting) -> None:
    made = FPDF(unit="pt", format=(480, 400))
    made.add_page()
    whole = letter(150).image
    for top in range(0, whole.height, 100):
        strip = whole.crop((0, top, whole.width, min(whole.height, top + 100)))
        made.image(strip, 0, 400 * top / whole.height, 480, 400 * strip.height / whole.height)
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, counting)
    assert len(counting.asked) == 1
    assert accuracy(LETTER, done.text) >= 0.95


def test_only_the_pasted_table_is_read(counting: Counting) -> None:
    made = sheet()
    write(made, "LABORATOIRE DE BIOLOGIE MÉDICALE\nMonsieur Martin, prélèvement du 3 mars 2024", 40, 60, 11)
    made.image(lab_picture(), 60, 200, 396, 151)
    write(made, "Résultats validés par le docteur Petit.\nÀ confronter à la clinique.", 40, 420, 11)
    with opened(made) as (page, sheet_):
        lack = missing(page, sheet_)
        done = complete(page, sheet_, counting)
    check(done)
    assert len(lack.areas) == 1
    assert covers(lack.areas[0], (60, 200, 456, 351))
    assert lack.areas[0][3] - lack.areas[0][1] < 170
    assert len(counting.asked) == 1
    lines = [line for line in done.text.split("\n") if line]
    assert lines[0] == "LABORATOIRE DE BIOLOGIE MÉDICALE"
    assert lines[-1] == "À confronter à la clinique."
    row = next(line for line in lines if line.startswith("Hémoglobine"))
    assert [cell.replace(" ", "") for cell in row.split("\t")[1:]] == ["13,2g/dL", "12-16"]
    assert [r.source for r in done.regions] == [Source.TEXT_LAYER, Source.OCR, Source.TEXT_LAYER]
    assert done.text.count("validés") == 1
    assert not done.unreadable


def test_a_fax_header_over_a_scan_is_kept_and_not_doubled(counting: Counting) -> None:
    made = FPDF(unit="pt", format=(480, 400))
    made.add_page()
    made.image(letter(200).image, 0, 0, 480, 400)
    made.set_font("helvetica", size=9)
    made.text(40, 20, "Télécopie reçue le 04/03/2024 de CHU Nord page 1/1")
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, counting)
    check(done)
    assert done.text.startswith("Télécopie reçue le 04/03/2024 de CHU Nord page 1/1\n")
    assert done.text.count("Télécopie") == 1
    assert accuracy(LETTER, done.text.partition("1/1")[2]) >= 0.97


def hidden(text: str) -> FPDF:
    """A scan with text drawn invisibly over it, as OCR programs leave it."""
    made = FPDF(unit="pt", format=(480, 400))
    made.add_page()
    made.image(letter(200).image, 0, 0, 480, 400)
    made.set_font("helvetica", size=12)
    made.text_mode = 3
    write(made, text, 40, 50, 12)
    return made


def test_a_good_invisible_layer_is_kept(counting: Counting) -> None:
    with opened(hidden(LETTER)) as (page, sheet_):
        assert complete(page, sheet_, counting) is page
    assert counting.asked == []


@pytest.mark.parametrize(
    "layer",
    ["x", "\n".join("qzxv wkrj pfghl bvcxq zzkwr mnbvq hjklz trwqp" for _ in LETTER.split("\n"))],
    ids=["nearly-empty", "gibberish"],
)
def test_a_bad_invisible_layer_is_replaced(counting: Counting, layer: str) -> None:
    with opened(hidden(layer)) as (page, sheet_):
        done = complete(page, sheet_, counting)
    check(done)
    assert len(counting.asked) == 1
    assert accuracy(LETTER, done.text) >= 0.97
    assert "wkrj" not in done.text


@pytest.mark.parametrize("bad", [lambda w: "\ufffd" * len(w), lambda w: "".join(chr(0xE000 + ord(c)) for c in w)])
def test_glyphs_without_a_letter_are_read_from_the_picture(counting: Counting, bad: Callable[[str], str]) -> None:
    made = sheet()
    write(made, "Docteur Petit\n" + LETTER, 40, 60, 11)
    with opened(made) as (page, sheet_):
        text = "\n".join(
            " ".join(bad(w) if i else w for w in line.split(" ")) for i, line in enumerate(page.text.split("\n"))
        )
        assert len(text) == len(page.text)
        done = complete(replace(page, text=text), sheet_, counting)
    check(done)
    assert len(counting.asked) == 1
    assert accuracy("Docteur Petit\n" + LETTER, done.text) >= 0.95


def test_a_layer_that_looks_odd_is_kept_when_ocr_fails() -> None:
    """What a person would call gibberish may be a language that we do not know: it is not thrown away for nothing."""
    made = sheet()
    write(made, "\n".join("qzxv wkrj pfghl bvcxq zzkwr mnbvq hjklz trwqp" for _ in range(6)), 40, 60, 11)
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, NullOcr())
    assert done.text == page.text
    assert done.unreadable


def test_other_languages_are_no_gibberish(counting: Counting) -> None:
    made = sheet()
    turkish = (
        "Hasta iki haftadan beri devam eden karin agrisi ile basvurdu ve yapilan tetkiklerde safra kesesinde tas oldu\n"
        "Daha once bilinen bir hastalik yok, ilac kullanmiyor, sigara icmiyor ve alkol almiyor, annesi seker hastasi\n"
        "Hastaya bugun ameliyat onerildi, kendisi kabul etti ve yarin sabah erken saatte yatisi yapilacak"
    )
    write(made, turkish, 20, 60, 9)
    with opened(made) as (page, sheet_):
        assert complete(page, sheet_, counting) is page
    assert counting.asked == []


def test_outlined_text_is_read(counting: Counting) -> None:
    """A page drawn with paths only (text turned into curves) has ink and no text."""
    made = sheet()
    drawn, _ = pdf_of("Allergie aux produits iodés", 24)
    mask = render_page(drawn, "application/pdf", 1, dpi=150).image.convert("L")
    dark = np.asarray(mask) < 128
    for y in range(dark.shape[0]):  # one thin rectangle for each run of ink
        steps = np.flatnonzero(np.diff(np.concatenate(([0], dark[y], [0]))))
        for x0, x1 in zip(steps[::2], steps[1::2], strict=True):
            made.rect(x0 * 0.48, 100 + y * 0.48, (x1 - x0) * 0.48, 0.5, style="F")
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, counting)
    check(done)
    assert len(counting.asked) == 1
    assert done.text == "Allergie aux produits iodés"


def test_blank_pages_are_not_unreadable(counting: Counting) -> None:
    paper = sheet()
    paper.image(Image.new("L", (1240, 1754), 255), 0, 0, 595, 842)
    for made in (sheet(), paper):
        with opened(made) as (page, sheet_):
            assert complete(page, sheet_, counting) is page
    assert counting.asked == []


def test_a_scan_without_ocr_says_so() -> None:
    made = sheet()
    made.image(letter(150).image, 0, 0, 595, 496)
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, NullOcr())
    assert done.unreadable
    assert "désactivée" in done.note
    assert done.text == ""


def test_noise_is_unreadable_and_its_words_stay_findable(counting: Counting) -> None:
    random = np.random.default_rng(3)
    made = sheet()
    noise = Image.fromarray(random.integers(0, 255, (300, 210), dtype=np.uint8)).resize((1240, 1754))
    made.image(noise, 0, 0, 595, 842)
    with opened(made) as (page, sheet_):
        done = complete(page, sheet_, counting)
    assert done.unreadable
    assert done.note.startswith("Page illisible")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_sheet_may_be_turned(counting: Counting, rotation: int) -> None:
    """/Rotate turns the display: boxes are those of the page as it is shown."""
    made = FPDF(unit="pt", format=(480, 400))
    made.add_page()
    made.image(letter(200).image, 0, 0, 480, 400)
    document = pdfium.PdfDocument(bytes(made.output()))
    document[0].set_rotation(rotation)
    out = io.BytesIO()
    document.save(out)
    document.close()
    with opened(out.getvalue()) as (page, sheet_):
        done = complete(page, sheet_, counting)
    check(done)
    assert accuracy(LETTER, done.text) >= 0.97
    word = next(w for w in done.words if done.text[w.start : w.end] == "pénicilline")
    x0, y0, x1, y1 = next(box for text, box in letter(72).words if text == "pénicilline")
    shown = {
        0: (x0, y0, x1, y1),
        90: (400 - y1, x0, 400 - y0, x1),
        180: (480 - x1, 400 - y1, 480 - x0, 400 - y0),
        270: (y0, 480 - x1, y1, 480 - x0),
    }[rotation]
    assert covers(word.box, shown)
