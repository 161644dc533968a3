"""Pages with more than one column of reading, drawn for the tests: what each draws, and the lines a person reads."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from fpdf import FPDF

from tests.ingest.pdfs import ECHO, PAIN

THIRD = (
    "Le traitement associe un bêtabloquant et une statine, bien tolérés depuis la sortie. Une épreuve d'effort est "
    "demandée avant la reprise du sport, dans un délai d'un mois environ. "
)
NFS = (
    ("Hématies", "4,52", "T/L", "4,00 - 5,40"),
    ("Hémoglobine", "13,2", "g/dL", "12,0 - 16,0"),
    ("Hématocrite", "39,8", "%", "37,0 - 47,0"),
    ("Leucocytes", "7,4", "G/L", "4,0 - 10,0"),
    ("Plaquettes", "251", "G/L", "150 - 400"),
    ("Créatinine", "88", "µmol/L", "60 - 110"),
)
PHONES = (
    "Chef de service", "Pr Jean MARTIN", "01 02 03 04 05", "Praticiens hospitaliers", "Dr Anne DURAND",
    "01 02 03 04 06", "Dr Paul LEROY", "01 02 03 04 07", "Cadre de santé", "Mme Lise PETIT", "01 02 03 04 08",
    "Secrétariat", "01 02 03 04 09",
)  # fmt: skip
FORM = (
    ("Nom :", "DUPONT", "Prénom :", "Marie"),
    ("Né(e) le :", "12/03/1948", "Sexe :", "F"),
    ("Poids :", "62 kg", "Taille :", "1,64 m"),
    ("Allergies :", "pénicilline", "Groupe :", "O+"),
    ("Entrée :", "02/05/2024", "Sortie :", "07/05/2024"),
)
ADDRESS = ("Docteur Claire FONTAINE", "12 rue des Lilas", "69003 LYON")


def lines(pdf: FPDF, x: float, top: float, texts: Sequence[str], step: float = 5) -> None:
    for at, text in enumerate(texts):
        pdf.text(x, top + step * at, text)


def three_columns(pdf: FPDF) -> None:
    pdf.set_font("helvetica", "B", 16)
    pdf.text(10, 15, "Suivi de la maladie coronaire après la phase aiguë : le point en trois colonnes")
    pdf.set_font("helvetica", size=9)
    for x, text in ((10, PAIN), (77, ECHO), (144, THIRD)):
        lines(pdf, x, 30, textwrap.wrap(text * 3, 34), 4.5)
    pdf.text(60, 285, "Revue imaginaire de cardiologie - page 3 - reproduction autorisée")


def unequal_columns(pdf: FPDF) -> None:
    pdf.set_font("helvetica", "B", 14)
    pdf.text(10, 15, "Compte rendu de consultation de cardiologie du 12 mars 2024, service de médecine")
    pdf.set_font("helvetica", size=10)
    lines(pdf, 10, 30, textwrap.wrap(PAIN * 2, 28))
    lines(pdf, 75, 30, textwrap.wrap(ECHO * 4, 66))


def heading_between(pdf: FPDF) -> None:
    """Two columns, a heading across both, two columns again."""
    for top, left, right in ((20, PAIN, ECHO), (110, THIRD, PAIN)):
        lines(pdf, 10, top, textwrap.wrap(left * 2, 45))
        lines(pdf, 110, top, textwrap.wrap(right * 2, 45))
    pdf.set_font("helvetica", "B", 13)
    pdf.text(10, 98, "Discussion : ce que l'équipe a retenu de cet épisode et ce qui reste à faire")


def table_by_columns(pdf: FPDF) -> None:
    """A laboratory table that the file draws column by column."""
    pdf.text(10, 20, "HÉMATOLOGIE")
    for x, column in zip((10, 75, 105, 140), zip(*NFS, strict=True), strict=True):
        lines(pdf, x, 30, column, 6)


def table_beside_text(pdf: FPDF) -> None:
    pdf.set_font("helvetica", size=9)
    lines(pdf, 10, 30, textwrap.wrap(PAIN * 2, 44), 4.5)
    for at, row in enumerate(NFS):
        for x, text in zip((110, 145, 160, 178), row, strict=True):
            pdf.text(x, 32 + 6.1 * at, text)


def superscripts(pdf: FPDF) -> None:
    pdf.text(20, 30, "Leucocytes 7,4 10")
    x = 20 + pdf.get_string_width("Leucocytes 7,4 10")
    pdf.set_font("helvetica", size=7)
    pdf.text(x, 28.2, "9")
    pdf.set_font("helvetica", size=11)
    pdf.text(x + 1.6, 30, "/L le 1")
    y = x + 1.6 + pdf.get_string_width("/L le 1")
    pdf.set_font("helvetica", size=7)
    pdf.text(y, 28.2, "er")
    pdf.set_font("helvetica", size=11)
    pdf.text(y + 4, 30, "mars, sans anomalie.")
    pdf.text(20, 36, "Surface corporelle 1,72 m")
    x = 20 + pdf.get_string_width("Surface corporelle 1,72 m")
    pdf.set_font("helvetica", size=7)
    pdf.text(x, 34.2, "2")


def letter_with_phones(pdf: FPDF) -> None:
    """The service's people down the left on the very baselines of the letter."""
    pdf.set_font("helvetica", "B", 13)
    pdf.text(10, 15, "CENTRE HOSPITALIER DES TROIS-RIVIÈRES - SERVICE DE CARDIOLOGIE ET MÉDECINE VASCULAIRE")
    pdf.set_font("helvetica", size=8)
    lines(pdf, 8, 40, PHONES, 6)
    pdf.set_font("helvetica", size=11)
    lines(pdf, 65, 40, ["Cher confrère,", *textwrap.wrap(PAIN + ECHO + THIRD, 62), "Bien confraternellement,"], 6)


def address_at_right(pdf: FPDF) -> None:
    lines(pdf, 120, 40, ADDRESS)
    lines(pdf, 20, 70, ["Lyon, le 12 mars 2024", "Chère consoeur,", *textwrap.wrap(PAIN + ECHO, 80)])


def form(pdf: FPDF) -> None:
    pdf.text(20, 15, "FICHE DE LIAISON INFIRMIÈRE")
    for at, row in enumerate(FORM):
        for x, text in zip((20, 45, 110, 135), row, strict=True):
            pdf.text(x, 30 + 8 * at, text)


ANSWERS = (
    ("Antécédents", "hypertension artérielle traitée depuis 2010, appendicectomie dans l'enfance"),
    ("Allergies", "éruption étendue après amoxicilline en 2015, confirmée par l'allergologue"),
    ("Mode de vie", "vit seule au deuxième étage sans ascenseur, marche avec une canne"),
    ("Tabac", "sevré depuis 2009 après trente paquets-années, pas d'autre toxique déclaré"),
    ("Traitement", "bisoprolol le matin, apixaban matin et soir, paracétamol si besoin"),
    ("Vaccins", "grippe en octobre, zona proposé, pneumocoque à refaire dans cinq ans"),
    ("Directives", "personne de confiance désignée, pas de directives écrites à ce jour"),
)


def answers(pdf: FPDF) -> None:
    """Labels and answers of one line, all in lower case and of about the same width."""
    for at, (label, answer) in enumerate(ANSWERS):
        pdf.text(20, 30 + 6 * at, label)
        pdf.text(60, 30 + 6 * at, answer)


def wrapped_answers(pdf: FPDF) -> None:
    """The same answers over several lines each."""
    y = 30
    for label, answer in ANSWERS:
        pdf.text(20, y, label)
        for line in textwrap.wrap(answer, 32):
            pdf.text(60, y, line)
            y += 5


def narrow_gutter(pdf: FPDF) -> None:
    """Two justified columns on one grid, one em apart as LaTeX sets them."""
    pdf.c_margin = 0
    pdf.set_font("helvetica", size=10)
    for x, text in ((10, PAIN), (103.5, ECHO)):
        pdf.set_xy(x, 20)
        pdf.multi_cell(90, 5, (text * 4).strip(), align="J")


def bullets(pdf: FPDF) -> None:
    """Items whose further lines begin under their first word, one em behind the dash."""
    y = 20
    for text in (PAIN, ECHO, THIRD):
        pdf.text(20, y, "-")
        for line in textwrap.wrap(text, 50):
            pdf.text(25.2, y, line)
            y += 5


Piece = str | tuple[str, float, float]
"""Drawn on the line, or at a share of the line's size and raised by so many em."""


def pieces(pdf: FPDF, x: float, y: float, *drawn: Piece, size: float = 11) -> None:
    """A line whose pieces are drawn one behind the other, as word processors draw exponents."""
    for piece in drawn:
        text, scale, rise = (piece, 1.0, 0.0) if isinstance(piece, str) else piece
        pdf.set_font("helvetica", size=size * scale)
        pdf.text(x, y - rise * size / pdf.k, text)
        x += pdf.get_string_width(text)
    pdf.set_font("helvetica", size=size)


def blood_count(pdf: FPDF) -> None:
    """A laboratory table whose units have exponents."""
    rows: tuple[tuple[str, str, tuple[Piece, ...], str], ...] = (
        ("Plaquettes", "250", ("10", ("9", 0.65, 0.35), "/L"), "150 - 400"),
        ("Hématies", "4,52", ("10", ("12", 0.65, 0.35), "/L"), "4,00 - 5,40"),
        ("Leucocytes", "7,4", ("10", ("3", 0.65, 0.35), "/mm", ("3", 0.65, 0.35)), "4,0 - 10,0"),
    )
    for at, (name, value, unit, usual) in enumerate(rows):
        y = 30 + 6 * at
        pdf.text(10, y, name)
        pdf.text(75, y, value)
        pieces(pdf, 105, y, *unit)
        pdf.text(140, y, usual)
