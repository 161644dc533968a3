"""Golden pages with more than one column of reading: in what order their lines come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import pypdfium2 as pdfium
import pytest
from fpdf import FPDF

from records.content import Reading
from tests.ingest import pdf_sheets, pdfs

Read = Callable[..., Reading]


def _lines(read: Read, draw: Callable[[FPDF], None], rotation: int = 0) -> list[str]:
    data = pdfs.made(draw)
    if rotation:
        document = pdfium.PdfDocument(data)
        document[0].set_rotation(rotation)
        out = BytesIO()
        document.save(out)
        document.close()
        data = out.getvalue()
    (page,) = read(data, "page.pdf").pages
    return [line for line in page.text.splitlines() if line]


def _whole(text: str, times: int) -> str:
    return " ".join((text * times).split())


def test_three_columns_on_the_same_baselines_come_one_after_the_other(read: Read) -> None:
    first, *columns, last = _lines(read, pdf_sheets.three_columns)
    assert first.startswith("Suivi de la maladie coronaire")
    assert " ".join(columns) == " ".join(_whole(text, 3) for text in (pdfs.PAIN, pdfs.ECHO, pdf_sheets.THIRD))
    assert last.startswith("Revue imaginaire")


def test_columns_one_em_apart_come_one_after_the_other(read: Read) -> None:
    assert " ".join(_lines(read, pdf_sheets.narrow_gutter)) == f"{_whole(pdfs.PAIN, 4)} {_whole(pdfs.ECHO, 4)}"


def test_a_bullet_stays_with_its_item(read: Read) -> None:
    lines = _lines(read, pdf_sheets.bullets)
    assert [line[:14] for line in lines if line.startswith("-")] == [
        "- Le patient e",
        "- L'échocardio",
        "- Le traitemen",
    ]


def test_a_narrow_column_comes_before_the_wide_one_beside_it(read: Read) -> None:
    first, *columns = _lines(read, pdf_sheets.unequal_columns)
    assert first.startswith("Compte rendu de consultation")
    assert " ".join(columns) == f"{_whole(pdfs.PAIN, 2)} {_whole(pdfs.ECHO, 4)}"


def test_a_heading_across_ends_the_columns_above_it(read: Read) -> None:
    lines = _lines(read, pdf_sheets.heading_between)
    heading = next(at for at, line in enumerate(lines) if line.startswith("Discussion"))
    assert " ".join(lines[:heading]) == f"{_whole(pdfs.PAIN, 2)} {_whole(pdfs.ECHO, 2)}"
    assert " ".join(lines[heading + 1 :]) == f"{_whole(pdf_sheets.THIRD, 2)} {_whole(pdfs.PAIN, 2)}"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_result_stays_with_its_name_unit_and_range(read: Read, rotation: int) -> None:
    lines = _lines(read, pdf_sheets.table_by_columns, rotation)
    assert lines == ["HÉMATOLOGIE", *_rows(pdf_sheets.NFS)]


def test_a_table_beside_a_column_of_text_keeps_its_rows(read: Read) -> None:
    lines = _lines(read, pdf_sheets.table_beside_text)
    assert lines[-len(pdf_sheets.NFS) :] == _rows(pdf_sheets.NFS)
    assert " ".join(lines[: -len(pdf_sheets.NFS)]) == _whole(pdfs.PAIN, 2)


def test_exponents_stay_in_their_line_behind_what_they_are_set_on(read: Read) -> None:
    assert _lines(read, pdf_sheets.superscripts) == [
        "Leucocytes 7,4 10⁹/L le 1er mars, sans anomalie.",
        "Surface corporelle 1,72 m²",
    ]


def test_names_and_numbers_beside_a_letter_do_not_cut_its_sentences(read: Read) -> None:
    """Also where they stand on the very baselines of the letter, as in French hospitals' letters."""
    head, *lines = _lines(read, pdf_sheets.letter_with_phones)
    assert head.startswith("CENTRE HOSPITALIER")
    assert lines[: len(pdf_sheets.PHONES)] == list(pdf_sheets.PHONES)
    text = _whole(pdfs.PAIN + pdfs.ECHO + pdf_sheets.THIRD, 1)
    assert " ".join(lines[len(pdf_sheets.PHONES) :]) == f"Cher confrère, {text} Bien confraternellement,"


def test_an_address_at_right_comes_before_the_letter(read: Read) -> None:
    lines = _lines(read, pdf_sheets.address_at_right)
    assert lines[:5] == [*pdf_sheets.ADDRESS, "Lyon, le 12 mars 2024", "Chère consoeur,"]
    assert " ".join(lines[5:]) == _whole(pdfs.PAIN + pdfs.ECHO, 1)


def test_a_value_of_a_form_stays_with_its_label(read: Read) -> None:
    assert _lines(read, pdf_sheets.form) == ["FICHE DE LIAISON INFIRMIÈRE", *_rows(pdf_sheets.FORM)]


@pytest.mark.parametrize("draw", [pdf_sheets.answers, pdf_sheets.wrapped_answers])
def test_answers_in_whole_sentences_stay_with_their_labels(read: Read, draw: Callable[[FPDF], None]) -> None:
    """The right of these pages reads like prose: what a letter's sidebar is told by must not part them."""
    lines = _lines(read, draw)
    for label, answer in pdf_sheets.ANSWERS:
        assert any(line.startswith(f"{label}\t{answer[:20]}") for line in lines), label


def _rows(table: Sequence[Sequence[str]]) -> list[str]:
    return ["\t".join(row) for row in table]
