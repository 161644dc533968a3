"""Passages: offsets, sentences, sections, and nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from access.refusal import Refusal
from ingest.headings import heading_of
from ingest.sentences import sentences
from ingest.split import MOST, TAIL, split
from records.content import Page, Section


def _always(_: str) -> bool:
    return True


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Vu ce jour par le Dr. Martin. Il va bien.", 2),
        ("Mme. Durand et M. Petit sont venus.", 1),
        ("Cf. compte rendu du 12.03.2024 à 10.30 h.", 1),
        ("CRP 1,5 mg/L. Puis normalisation.", 2),
        ("Voir n° 12. Suite au prochain rendez-vous.", 2),
        ("Hb 13.2 g/dL, K 4.1 mmol/L. Pas d'anomalie.", 2),
        ("Adressé par J. Dupont pour avis.", 1),
        ("Antalgiques : paracétamol, etc. puis repos.", 1),
        ("Antalgiques : paracétamol, etc. Repos conseillé.", 2),
        ("Douleur ? Non. Fièvre ! Oui...", 4),
        ("« Je vais bien. » Il sort demain.", 2),
        ("Amoxicilline 1 g p.o. trois fois par jour.", 1),
        ("Vu aux urgences le 3 janv. 2024. Retour à domicile.", 2),
        ("1. Hypertension artérielle\n2. Diabète de type 2", 1),
        ("NFS normale. 2 comprimés le soir.", 2),
        ("Pas d'allergie connue. Pas de fièvre.", 2),
    ],
)
def test_french_sentences(text: str, count: int) -> None:
    found = _sentences(text)
    assert len(found) == count, found


LETTER = """CENTRE HOSPITALIER DE VILLENEUVE
SERVICE DE CARDIOLOGIE

Monsieur DUPONT Jean, né le 12/03/1950, a été hospitalisé du 3 au 9 mai 2021.

MOTIF D'HOSPITALISATION
Douleur thoracique à l'effort.

ANTÉCÉDENTS
- Hypertension artérielle traitée depuis 2005
- Diabète de type 2, équilibré sous
  metformine
Allergies : pénicilline (œdème de Quincke en 1998).

TRAITEMENT DE SORTIE
KARDEGIC
75 mg le midi.

AU TOTAL :
Angor stable. Coronarographie prévue.
"""


def test_sections_of_a_letter() -> None:
    passages = split([Page(1, LETTER)], _always)
    by_section = {passage.section: passage.text for passage in passages}
    assert list(by_section) == [
        "",
        "MOTIF D'HOSPITALISATION",
        "ANTÉCÉDENTS",
        "Allergies",
        "TRAITEMENT DE SORTIE",
        "AU TOTAL",
    ]
    assert "Quincke" in by_section["Allergies"]
    assert "KARDEGIC\n75 mg" in by_section["TRAITEMENT DE SORTIE"]


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("ALLERGIES", "ALLERGIES"),
        ("Antécédents familiaux :", "Antécédents familiaux"),
        ("Histoire de la maladie", "Histoire de la maladie"),
        ("2) EXAMEN CLINIQUE", "EXAMEN CLINIQUE"),
        ("Conclusion: examen normal", "Conclusion"),
        ("Traitement à l'entrée", "Traitement à l'entrée"),
        ("Au total", "Au total"),
    ],
)
def test_known_headings(line: str, title: str) -> None:
    found = heading_of(line)
    assert found is not None
    assert found.known
    assert found.title == title


@pytest.mark.parametrize(
    "line",
    ["traitement de sortie", "Allergie à la pénicilline : oui", "Le traitement est poursuivi.", "12 RUE DES LILAS",
     "M. DUPONT", "Hémoglobine\t13,2", "CRP", "Examen\tRésultat\tUnité", "Conclusion normale de l'examen ce jour."],
)  # fmt: skip
def test_lines_that_are_no_headings(line: str) -> None:
    assert heading_of(line) is None


def test_an_allergen_in_capitals_stays_with_its_title() -> None:
    passages = split([Page(1, "ALLERGIES\nPENICILLINE\nIODE\n\nCONCLUSION\nRien.")], _always)
    assert [passage.text for passage in passages] == ["ALLERGIES\nPENICILLINE\nIODE", "CONCLUSION\nRien."]


def test_a_bare_title_goes_with_what_it_introduces() -> None:
    passages = split([Page(1, "ANTÉCÉDENTS\nAllergies : pénicilline.\nBILAN\nECBU : stérile.")], _always)
    assert [(p.section, p.text) for p in passages] == [
        ("ANTÉCÉDENTS – Allergies", "ANTÉCÉDENTS\nAllergies : pénicilline."),
        ("BILAN", "BILAN\nECBU : stérile."),
    ]


def test_a_section_goes_on_over_the_page() -> None:
    passages = split([Page(1, "ALLERGIES\nPénicilline."), Page(2, "Iode aussi.\nCONCLUSION\nRien.")], _always)
    assert [(p.page, p.section) for p in passages] == [(1, "ALLERGIES"), (2, "ALLERGIES"), (2, "CONCLUSION")]


def test_stated_sections_win_and_nest() -> None:
    text = "Un texte. Dedans ici. Un texte encore."
    page = Page(1, text, sections=(Section(0, len(text), "Dehors"), Section(10, 21, "Dedans")))
    passages = split([page], _always)
    assert [(p.text, p.section) for p in passages] == [
        ("Un texte.", "Dehors"),
        ("Dedans ici.", "Dedans"),
        ("Un texte encore.", "Dehors"),
    ]


def test_rows_and_items_are_not_cut() -> None:
    rows = [f"Analyse {n} | {n},5 | mmol/L | 3,5 - 5,0. Norme. Basse" for n in range(60)]
    items = [f"- Médicament {n}. Un comprimé. Le soir" for n in range(60)]
    passages = split([Page(1, "\n".join(rows + items))], _always)
    assert len(passages) > 5
    for passage in passages:
        assert set(passage.text.splitlines()) <= set(rows + items)


def test_passages_are_near_the_target() -> None:
    text = " ".join(f"Phrase numéro {n} qui compte exactement dix mots en tout." for n in range(200))
    passages = split([Page(1, text)], _always)
    counts = [len(passage.text.split()) for passage in passages]
    assert min(counts) >= 60
    assert max(counts) <= MOST


def test_one_sentence_over_the_bound_is_cut_at_a_clause() -> None:
    text = ", ".join(["une lésion de petite taille sans caractère suspect"] * 40)
    passages = split([Page(1, text)], _always)
    assert all(passage.text.endswith((",", "suspect")) for passage in passages)


def test_a_window_that_takes_nothing_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        split([Page(1, "mot")], lambda _: False)
    assert caught.value.code == "window-too-small"


_TEXTS = st.lists(
    st.one_of(
        st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
        st.sampled_from(
            ["ALLERGIES", "Antécédents :", "- item un", "a | b | c", "x\ty\tz", "", "   ", "Dr. Martin. Vu.",
             "mot " * 90,
             "é" * 300, "1) HTA", "\f", "CONCLUSION : rien. Fin.", "\u2028", "tension 12.8; pouls 70, " * 20]
        ),
    ),
    max_size=12,
)  # fmt: skip


@given(st.lists(_TEXTS, min_size=1, max_size=3), st.integers(1, 700))
@example([["mot " * 400]], 5)
@example([["é" * 5000]], 700)
def test_every_character_is_in_exactly_one_passage_that_fits(sheets: list[list[str]], window: int) -> None:
    pages = [Page(number, "\n".join(lines)) for number, lines in enumerate(sheets, 1)]
    passages = split(pages, lambda text: len(text) <= window)
    assert [passage.sequence for passage in passages] == list(range(len(passages)))
    covered = {page.number: bytearray(len(page.text)) for page in pages}
    for passage in passages:
        assert pages[passage.page - 1].text[passage.start : passage.end] == passage.text
        assert 0 < len(passage.text) <= window
        assert passage.text == passage.text.strip()
        assert len(passage.text.split()) <= MOST + TAIL
        for at in range(passage.start, passage.end):
            assert not covered[passage.page][at]
            covered[passage.page][at] = 1
    for page in pages:
        for at, one in enumerate(page.text):
            assert covered[page.number][at] or one.isspace()
