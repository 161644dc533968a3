"""PDFs made for the tests."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

from fpdf import FPDF

PAIN = (
    "Le patient est adressé pour une douleur thoracique apparue à l'effort depuis trois semaines. Il décrit une "
    "oppression rétrosternale qui cède au repos en quelques minutes. "
)
ECHO = (
    "L'échocardiographie retrouve une fonction ventriculaire gauche conservée. Aucune anomalie de la cinétique "
    "segmentaire n'est notée lors de cet examen réalisé au repos. "
)
LAB = (
    ("Examen", "Résultat", "Unité", "Valeurs de référence"),
    ("Hémoglobine", "13,2", "g/dL", "12,0 - 16,0"),
    ("Leucocytes", "7,4", "10^9/L", "4,0 - 10,0"),
    ("Créatinine", "88", "µmol/L", "60 - 110"),
    ("Potassium", "4,1", "mmol/L", "3,5 - 5,0"),
)
MEDICINES = (
    ("Médicament", "Dose", "Remarque"),
    (
        "Amoxicilline et acide clavulanique, comprimé pelliculé",
        "1 g x 3 / jour",
        "pendant sept jours, au début des repas pour limiter les troubles digestifs et les nausées",
    ),
    ("Paracétamol", "1 g", "si douleur, sans dépasser 3 g par jour"),
    ("Kardégic", "75 mg", "le midi, au long cours"),
)
STAFF = (
    "Service de cardiologie", "Pr Jean MARTIN", "Chef de service", "Tél 01 02 03 04 05", "Dr Anne DURAND",
    "Praticien hospitalier", "Tél 01 02 03 04 06", "Secrétariat", "Mme PETIT", "Tél 01 02 03 04 07",
)  # fmt: skip


def sheet(size: int = 11) -> FPDF:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=size)
    return pdf


def made(draw: Callable[[FPDF], None], size: int = 11) -> bytes:
    """A PDF of one page drawn by `draw`."""
    pdf = sheet(size)
    draw(pdf)
    return bytes(pdf.output())


def simple(text: str = PAIN + ECHO) -> bytes:
    return made(lambda pdf: pdf.multi_cell(0, 6, text))


def pages(count: int) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=11)
    for number in range(1, count + 1):
        pdf.add_page()
        pdf.multi_cell(0, 6, f"Feuille {number}. {PAIN}")
    return bytes(pdf.output())


def two_columns(pdf: FPDF) -> None:
    pdf.cell(0, 10, "COMPTE RENDU DE CONSULTATION", new_x="LMARGIN", new_y="NEXT", align="C")
    top = pdf.get_y()
    pdf.set_font("helvetica", size=10)
    pdf.set_xy(10, top)
    pdf.multi_cell(90, 5, PAIN * 3)
    pdf.set_xy(110, top)
    pdf.multi_cell(90, 5, ECHO * 3)
    pdf.set_y(250)
    pdf.cell(0, 5, "Page 1/1 - document confidentiel - Centre hospitalier de la ville imaginaire", align="C")


def interleaved_columns(pdf: FPDF) -> None:
    """The lines of both columns drawn in turn, as some word processors do."""
    for at, lines in enumerate(zip(textwrap.wrap(PAIN * 3, 48), textwrap.wrap(ECHO * 3, 48), strict=False)):
        pdf.text(10, 20 + 5 * at, lines[0])
        pdf.text(110, 20 + 5 * at, lines[1])


def ruled_table(pdf: FPDF) -> None:
    pdf.cell(0, 8, "Traitement de sortie", new_x="LMARGIN", new_y="NEXT")
    with pdf.table(col_widths=(60, 40, 90)) as table:
        for line in MEDICINES:
            row = table.row()
            for text in line:
                row.cell(text)
    pdf.cell(0, 8, "Consultation prévue dans un mois.", new_x="LMARGIN", new_y="NEXT")


def open_table(pdf: FPDF) -> None:
    pdf.cell(0, 8, "BIOCHIMIE", new_x="LMARGIN", new_y="NEXT")
    for line in LAB:
        for width, text in zip((60, 30, 30, 60), line, strict=True):
            pdf.cell(width, 6, text)
        pdf.ln()


def sidebar_letter(pdf: FPDF) -> None:
    """A French hospital letter: the service's staff down the left, in smaller type."""
    pdf.set_font("helvetica", size=8)
    for at, line in enumerate(STAFF):
        pdf.text(8, 40 + 4 * at, line)
    pdf.set_font("helvetica", size=11)
    pdf.set_xy(60, 36)
    pdf.multi_cell(140, 6, "Cher confrère,\n" + PAIN + ECHO + "\n" + PAIN)


def margin_note(pdf: FPDF) -> None:
    pdf.multi_cell(0, 6, PAIN + ECHO)
    with pdf.rotation(90, x=200, y=150):
        pdf.text(150, 150, "Texte vertical de marge")


def overlapping_runs(pdf: FPDF) -> None:
    """A value set over the end of its label: the blanks that end the label's run lie under it."""
    pdf.multi_cell(0, 6, PAIN)
    pdf.text(20, 100, "Montant du prélèvement      :")
    pdf.text(62, 100, "29.99 euros")


DOSES = [f"Jour {day} : paracétamol 500 mg" for day in range(1, 21)]


def drawn_over(pdf: FPDF) -> None:
    """Close lines, all drawn again a little to the right: pdfium itself only leaves out what follows at once."""
    for shift in (0, 0.3):
        for at, line in enumerate(DOSES):
            pdf.text(20 + shift, 30 + 3 * at, line)


def false_bold(pdf: FPDF) -> None:
    pdf.text(20, 100, "Allergie à la pénicilline")
    pdf.text(20.1, 100, "Allergie à la pénicilline")
