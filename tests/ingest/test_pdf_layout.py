"""Golden pages: what order a page is read in, and by which reader."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pypdfium2 as pdfium
import pytest
from fpdf import FPDF

from ingest.parsers import pdf as pdf_parser
from ingest.parsers.pdf_segments import Ink
from ingest.parsers.pdf_words import without_doubles
from records.content import Page, Reading
from tests.ingest import pdfs

Read = Callable[..., Reading]


def _page(read: Read, draw: Callable[[FPDF], None]) -> Page:
    reading = read(pdfs.made(draw), "page.pdf")
    assert len(reading.pages) == 1
    return reading.pages[0]


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_plain_prose_is_read_by_pdfium(read: Read) -> None:
    page = read(pdfs.simple()).pages[0]
    assert _flat(page.text) == _flat(pdfs.PAIN + pdfs.ECHO)
    assert [region.reader for region in page.regions] == ["pdfium"]


@pytest.mark.parametrize("draw", [pdfs.two_columns, pdfs.interleaved_columns])
def test_columns_come_one_after_the_other(read: Read, draw: Callable[[FPDF], None]) -> None:
    page = _page(read, draw)
    text = _flat(page.text)
    assert _flat(pdfs.PAIN) in text
    assert _flat(pdfs.ECHO) in text
    assert text.rindex("rétrosternale") < text.index("L'échocardiographie")


def test_overlapping_runs_are_read_by_pdfminer(read: Read) -> None:
    page = _page(read, pdfs.overlapping_runs)
    assert page.text.splitlines()[-1] == "Montant du prélèvement :29.99 euros"
    assert [region.reader for region in page.regions] == ["pdfminer"]


@pytest.mark.parametrize(
    "draw", [pdfs.two_columns, pdfs.interleaved_columns, pdfs.open_table, pdfs.ruled_table, pdfs.sidebar_letter]
)
def test_columns_and_tables_come_out_the_same_from_both_readers(
    read: Read, draw: Callable[[FPDF], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why only overlapping runs go to the reader that is ten times slower. Red when the rule should change."""
    fast = _page(read, draw)
    monkeypatch.setattr(pdf_parser, "overlapping_runs", bool)
    slow = _page(read, draw)
    assert [fast.regions[0].reader, slow.regions[0].reader] == ["pdfium", "pdfminer"]
    assert fast.text == slow.text


def test_header_and_footer_stay_outside_columns(read: Read) -> None:
    lines = _page(read, pdfs.two_columns).text.splitlines()
    assert lines[0] == "COMPTE RENDU DE CONSULTATION"
    assert lines[-1].startswith("Page 1/1")


def test_open_table_keeps_a_line_a_row(read: Read) -> None:
    lines = _page(read, pdfs.open_table).text.splitlines()
    assert lines == ["BIOCHIMIE", *("\t".join(row) for row in pdfs.LAB)]


def test_ruled_table_keeps_a_line_a_row_whatever_its_cells_hold(read: Read) -> None:
    lines = [line for line in _page(read, pdfs.ruled_table).text.splitlines() if line]
    assert lines == [
        "Traitement de sortie",
        *("\t".join(row) for row in pdfs.MEDICINES),
        "Consultation prévue dans un mois.",
    ]


def test_sidebar_is_not_woven_into_the_letter(read: Read) -> None:
    text = _flat(_page(read, pdfs.sidebar_letter).text)
    assert _flat(" ".join(pdfs.STAFF)) in text
    assert _flat("Cher confrère, " + pdfs.PAIN + pdfs.ECHO) in text


def test_turned_text_is_whole_and_comes_last(read: Read) -> None:
    page = _page(read, pdfs.margin_note)
    assert page.text.splitlines()[-1] == "Texte vertical de marge"


def test_false_bold_is_read_once(read: Read) -> None:
    assert _page(read, pdfs.false_bold).text == "Allergie à la pénicilline"


def test_a_list_drawn_over_itself_is_read_once_and_whole(read: Read) -> None:
    assert _page(read, pdfs.drawn_over).text.split() == " ".join(pdfs.DOSES).split()


def test_a_figure_drawn_over_another_hides_neither() -> None:
    box = (100.0, 100.0, 106.0, 110.0)
    words = [Ink(text, box, box, 108.0, 10.0) for text in ("5", "8")]
    assert without_doubles(words, np.array([box, box])) == words


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("draw", [pdfs.two_columns, pdfs.margin_note, pdfs.interleaved_columns])
def test_boxes_cover_the_ink_of_the_page_as_displayed(read: Read, draw: Callable[[FPDF], None], rotation: int) -> None:
    data = _turned(pdfs.made(draw), rotation)
    page = read(data).pages[0]
    assert page.text == _page(read, draw).text
    document = pdfium.PdfDocument(data)
    picture = np.array(document[0].render(scale=1).to_pil().convert("L")) < 200
    document.close()
    assert abs(page.width - picture.shape[1]) <= 1
    assert abs(page.height - picture.shape[0]) <= 1
    covered = np.zeros_like(picture)
    for word in page.words:
        assert word.box is not None
        x0, y0, x1, y1 = word.box
        assert x1 - x0 < 150  # a word, not a line
        covered[max(0, int(y0) - 1) : int(y1) + 2, max(0, int(x0) - 1) : int(x1) + 2] = True
    assert (picture & covered).sum() >= 0.99 * picture.sum()
    assert picture.sum() > 500


def _turned(data: bytes, rotation: int) -> bytes:
    """The same page with /Rotate and a CropBox that does not start at the origin."""
    from io import BytesIO

    document = pdfium.PdfDocument(data)
    page = document[0]
    page.set_rotation(rotation)
    page.set_cropbox(7, 13, 590, 835)
    out = BytesIO()
    document.save(out)
    page.close()
    document.close()
    return out.getvalue()


def test_every_visible_character_belongs_to_a_word(read: Read) -> None:
    for draw in (pdfs.two_columns, pdfs.ruled_table, pdfs.sidebar_letter, pdfs.margin_note):
        page = _page(read, draw)
        inside = "".join(page.text[word.start : word.end] for word in page.words)
        assert inside == "".join(page.text.split())
