"""Exponents as PDFs draw them, smaller figures above the baseline, from both readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fpdf import FPDF

from clinical.told_by_text import facts_of
from index.analysis import analyse
from ingest.parsers import pdf as pdf_parser
from ingest.parsers import pdf_raised
from ingest.parsers.pdf_segments import Ink
from records.content import Page, Reading
from tests.ingest import pdf_sheets, pdfs
from tests.ingest.pdf_sheets import Piece

Read = Callable[..., Reading]
_TAKE = "Prendre chaque jour le matin et le soir au milieu des repas"


def _up(text: str, scale: float = 0.65, rise: float = 0.35) -> Piece:
    return text, scale, rise


@pytest.fixture(params=["pdfium", "pdfminer"])
def page_of(request: pytest.FixtureRequest, read: Read, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Page]:
    """Reads a drawn page by one of the two readers, after a line of prose."""
    if request.param == "pdfminer":
        monkeypatch.setattr(pdf_parser, "overlapping_runs", bool)

    def _page(draw: Callable[[FPDF], None], size: int = 11) -> Page:
        (page,) = read(pdfs.made(draw, size), "page.pdf").pages
        assert [region.reader for region in page.regions] == [request.param]
        return page

    return _page


def _line(page_of: Callable[..., Page], *drawn: Piece) -> str:
    return str(page_of(lambda pdf: pdf_sheets.pieces(pdf, 20, 30, *drawn)).text)


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (("250 10", _up("9"), "/L"), "250 10⁹/L"),
        (("4,5 x 10", _up("12"), "/L"), "4,5 x 10¹²/L"),
        (("7,4.10", _up("9"), "/L"), "7,4.10⁹/L"),
        (("10", _up("3"), "/mm", _up("3")), "10³/mm³"),
        (("10", _up("-3"), " mol"), "10⁻³ mol"),
        (("onde à 9,8 m/s", _up("2")), "onde à 9,8 m/s²"),
        (("surface 1,72 m", _up("2")), "surface 1,72 m²"),
        (("62 mL/min/1,73 m", _up("2"), " ce jour"), "62 mL/min/1,73 m² ce jour"),
        (("IMC 24 (kg/m", _up("2"), ")"), "IMC 24 (kg/m²)"),
        (("4,1 mmol.L", _up("-1")), "4,1 mmol.L⁻¹"),
        (("250 10", _up("9", 0.83, 0.33), "/L"), "250 10⁹/L"),  # browsers
        (("250 10", _up("9", 0.58, 0.33), "/L"), "250 10⁹/L"),  # LibreOffice
    ],
)
def test_an_exponent_is_written_as_one(page_of: Callable[..., Page], drawn: tuple[Piece, ...], text: str) -> None:
    assert _line(page_of, *drawn) == text


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (("Le 1", _up("er"), " mars"), "Le 1er mars"),
        (("Dossier n", _up("o"), " 12"), "Dossier no 12"),
        (("Dossier n", _up("°"), " 12"), "Dossier n° 12"),
        (("La 2", _up("e"), " dose à 8h", _up("30")), "La 2e dose à 8h30"),
        (("Ca", _up("2+"), " et HCO3", _up("-")), "Ca2+ et HCO3-"),
        (("PaO", ("2", 0.65, -0.15), " 85 mmHg"), "PaO2 85 mmHg"),
        ((f"{_TAKE} ", _up("1"), "/", ("2", 0.65, 0.0), " comprimé"), f"{_TAKE} 1/2 comprimé"),
        ((f"{_TAKE} 1/", _up("2"), " comprimé"), f"{_TAKE} 1/2 comprimé"),
        ((f"{_TAKE} 10", _up("1"), "/2 comprimé"), f"{_TAKE} 10 1/2 comprimé"),
        (("D", ("UPONT12", 0.7, 0.0), " Marie"), "DUPONT12 Marie"),
        (("Total 12", ("50", 0.9, 0.3), " euros"), "Total 1250 euros"),
        (("Total 12", ("50", 0.65, 0.05), " euros"), "Total 1250 euros"),
        ((_up("18"), "F-FDG"), "18F-FDG"),
    ],
)
def test_all_else_stays_as_it_is(page_of: Callable[..., Page], drawn: tuple[Piece, ...], text: str) -> None:
    """Letters, times, charges, indices, fractions, small capitals, figures hardly smaller or hardly raised."""
    assert _line(page_of, *drawn).replace(" /", "/") == text


@pytest.mark.parametrize(
    ("drawn", "text", "found"),
    [
        (("Allergie : pénicilline", _up("3"), ", iode"), "Allergie : pénicilline ³, iode", "penicilline"),
        (("Potassium 4,1", _up("1"), " mmol/L"), "Potassium 4,1 ¹ mmol/L", "4.1"),
        (("Vu le 12/03/2024", _up("2"), " à Lyon"), "Vu le 12/03/2024 ² à Lyon", "2024-03-12"),
        (("Potassium 250", _up("1)"), " mmol/L"), "Potassium 250 ¹) mmol/L", "250"),
        (("depuis 2010", _up("3"), " environ"), "depuis 2010 ³ environ", "2010"),
        (("pH 4,10", _up("3"), " environ"), "pH 4,10 ³ environ", "4.1"),
        (("selon les auteurs", _up("2,3"), "."), "selon les auteurs ²,³.", "auteurs"),
        (("des allergies.", _up("4"), " Puis"), "des allergies.⁴ Puis", "allergies"),
    ],
)
def test_the_mark_of_a_note_leaves_the_word_before_it_whole(
    page_of: Callable[..., Page], drawn: tuple[Piece, ...], text: str, found: str
) -> None:
    page = page_of(lambda pdf: pdf_sheets.pieces(pdf, 20, 30, *drawn))
    assert page.text == text
    assert found in analyse(page.text).forms
    assert [page.text[word.start : word.end] for word in page.words] == text.split()


def test_the_mark_of_a_note_has_a_place_of_its_own(page_of: Callable[..., Page]) -> None:
    page = page_of(lambda pdf: pdf_sheets.pieces(pdf, 20, 30, "Allergie", _up("3")))
    word, mark = (one.box for one in page.words)
    assert word is not None
    assert mark is not None
    assert word[2] == pytest.approx(mark[0], abs=0.2)
    assert mark[3] < word[3] - 2


def test_a_result_is_read_with_its_unit(page_of: Callable[..., Page]) -> None:
    page = page_of(pdf_sheets.blood_count)
    assert page.text.split("\n") == [
        "Plaquettes\t250\t10⁹/L\t150 - 400",
        "Hématies\t4,52\t10¹²/L\t4,00 - 5,40",
        "Leucocytes\t7,4\t10³/mm³\t4,0 - 10,0",
    ]
    told = [(fact.label, fact.value.text, fact.value.unit) for fact in facts_of(page) if fact.value is not None]
    assert told == [("Plaquettes", "250", "10⁹/L"), ("Hématies", "4,52", "10¹²/L"), ("Leucocytes", "7,4", "10³/mm³")]


def test_text_raised_by_its_state_is_read_alike(page_of: Callable[..., Page]) -> None:
    """The operator `Ts`, which moves no letter's matrix."""

    def draw(pdf: FPDF) -> None:
        for text, place in (("Plaquettes 250 10", "LINE"), ("9", "SUP"), ("/L", "LINE")):
            pdf.char_vpos = place
            pdf.write(text=text)

    assert page_of(draw).text == "Plaquettes 250 10⁹/L"


@pytest.mark.parametrize(
    ("before", "gap", "figures", "after", "text"),
    [
        ("Leucocytes 7,4 10", 0.26, "9", "/L", "Leucocytes 7,4 10⁹/L"),
        ("sur 2 m", 0.26, "2", " fin", "sur 2 m² fin"),
        ("kg.L", 0.26, "-1", " fin", "kg.L⁻¹ fin"),
        ("Potassium 4,1", 0.05, "1", " fin", "Potassium 4,1 ¹ fin"),
        ("Potassium 4,1", 0.26, "1", " fin", "Potassium 4,1 1 fin"),
        ("Prendre 10", 0.26, "1", "/2 dose", "Prendre 10 1 /2 dose"),
        ("250 10", 0.45, "9", " fin", "9 250 10 fin"),  # too far: a row of its own
    ],
)
def test_raised_figures_that_are_a_word_of_their_own(
    read: Read, before: str, gap: float, figures: str, after: str, text: str
) -> None:
    """They join 10 or a length over a blank, are the mark of a note right behind a word, else no exponent."""

    def draw(pdf: FPDF) -> None:
        pdf_sheets.pieces(pdf, 20, 30, before)
        x = 20 + pdf.get_string_width(before) + gap * 11 / pdf.k
        pdf_sheets.pieces(pdf, x, 30, _up(figures), after)

    (page,) = read(pdfs.made(draw), "page.pdf").pages
    assert page.text.split() == text.split()


def _ink(text: str, x: float, baseline: float = 100, size: float = 10, angle: int = 0) -> Ink:
    box = (x, baseline - size, x + 6 * len(text), baseline)
    return Ink(text, box, box, baseline, size, angle)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ([_ink("10", 0), _ink("9", 12, 96, 6), _ink("/L", 18)], ["10⁹/L"]),
        ([_ink("10", 0), _ink("9", 12, 96, 6, 1), _ink("/L", 18)], ["10", "9", "/L"]),
        ([_ink("10⁹", 0), _ink("/L", 18, 112)], ["10⁹", "/L"]),  # of the next line
        ([_ink("10⁹", 0), _ink("/L", 18, 100, 10, 1)], ["10⁹", "/L"]),
        ([_ink("10⁹", 50), _ink("/L", 18)], ["10⁹", "/L"]),
        ([_ink("1/", 0), _ink("2", 12, 96, 6)], ["1/", "2"]),
    ],
)
def test_only_what_stands_behind_and_runs_the_same_way_is_joined(words: list[Ink], texts: list[str]) -> None:
    joined = pdf_raised.joined(words)
    assert [word.text for word in joined] == texts
    assert joined[-1].box[2] == words[-1].box[2]


def test_letters_sized_by_the_matrix_alone(read: Read) -> None:
    """As many programs write: a font of size 1, and all else in `Tm`."""

    def draw(pdf: FPDF) -> None:
        drawn = (("250 10", 12, 57.0, 700), ("9", 7.5, 57.0 + 12 * 2.502, 704.5), ("kPa", 12, 57.0 + 12 * 2.85, 700))
        shown = " ".join(f"{size} 0 0 {size} {x:.2f} {y} Tm ({text}) Tj" for text, size, x, y in drawn)
        pdf.text(20, 100, "Plaquettes")
        pdf._out(f"BT /F1 1 Tf {shown} ET")

    (page,) = read(pdfs.made(draw), "page.pdf").pages
    assert page.text.split() == ["250", "10⁹kPa", "Plaquettes"]


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_an_exponent_of_turned_text_is_one(read: Read, angle: int) -> None:
    def draw(pdf: FPDF) -> None:
        with pdf.rotation(angle, x=100, y=100):
            pdf_sheets.pieces(pdf, 100, 100, "250 10", _up("9"), "/L et 12", _up("er"))

    (page,) = read(pdfs.made(draw), "page.pdf").pages
    assert page.text == "250 10⁹/L et 12er"


@pytest.mark.parametrize("angle", [0, 90])
def test_pdfium_is_asked_about_the_letters_of_no_other_word(
    read: Read, monkeypatch: pytest.MonkeyPatch, angle: int
) -> None:
    asked: list[str] = []
    ask = pdf_raised._letter

    def count(page: int, at: int, text: str) -> pdf_raised.Letter:
        asked.append(text)
        return ask(page, at, text)

    monkeypatch.setattr(pdf_raised, "_letter", count)

    def draw(pdf: FPDF) -> None:
        with pdf.rotation(angle, x=100, y=100):
            pdf_sheets.pieces(
                pdf, 100, 100, "Le 12/03/2024, D", ("UPONT", 0.7, 0.0), " 250 10", _up("9"), "/L et la suite"
            )

    read(pdfs.made(draw), "page.pdf")
    assert "".join(asked).removesuffix("/L") == "109"
