"""Facts out of running text: what is read, how it is stated, where it stands, and what is left alone."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.told_by_text import MOST_FACTS, facts_of, section_after
from records.content import Page, Region, Source, Word
from records.fact import DANGERS, Assertion, Fact, FactKind, FactSource


def told(text: str, kind: FactKind, section: str = "") -> list[Fact]:
    return [fact for fact in facts_of(Page(1, text), section) if fact.kind is kind]


def one(text: str, kind: FactKind, section: str = "") -> Fact:
    (fact,) = told(text, kind, section)
    return fact


@pytest.mark.parametrize(
    ("text", "substance", "brand", "dose", "frequency"),
    [
        ("PREVISCAN 20 mg : ¾ de comprimé le soir, INR", "fluindione", "PREVISCAN", "20 mg", "¾ de comprimé le soir"),
        ("Eliquis (apixaban) 5 mg matin et soir", "apixaban", "Eliquis", "5 mg", "matin et soir"),
        ("TAHOR 40 mg (atorvastatine) : 1 le soir", "atorvastatine", "TAHOR", "40 mg", "1 le soir"),
        ("Metformine 1 000 mg : 1 comprimé matin, midi et soir", "metformine", "", "1 000 mg",
         "1 comprimé matin, midi et soir"),
        ("SYMBICORT 200/6 : 1 inhalation matin et soir", "budésonide formotérol", "SYMBICORT", "200/6",
         "1 inhalation matin et soir"),
        ("75 mg d'aspirine par jour", "acide acétylsalicylique", "", "75 mg", "par jour"),
        ("Lantus : 14 à 24 unités le soir", "insuline glargine", "Lantus", "14 à 24 unités", "le soir"),
    ],
)  # fmt: skip
def test_a_medicine_and_its_posology(text: str, substance: str, brand: str, dose: str, frequency: str) -> None:
    fact = one(text, FactKind.MEDICATION)
    said = (fact.detail("substance"), fact.detail("brand"), fact.detail("dose"), fact.detail("frequency"))
    assert said == (substance, brand, dose, frequency)
    assert fact.assertion is Assertion.PRESENT
    assert fact.codes[0].system == "2.16.840.1.113883.6.73"


def test_stopped_replaced_forbidden_and_denied_medicines() -> None:
    text = (
        "Relais du Lovenox par Eliquis 5 mg. Arrêt définitif de l'azathioprine. Bisoprolol arrêté. Pas d'aspirine. "
        "Tramadol contre-indiqué."
    )
    stated = {fact.detail("substance"): fact for fact in told(text, FactKind.MEDICATION)}
    assert {name: fact.assertion for name, fact in stated.items()} == {
        "énoxaparine": Assertion.PAST,
        "apixaban": Assertion.PRESENT,
        "azathioprine": Assertion.PAST,
        "bisoprolol": Assertion.PAST,
        "acide acétylsalicylique": Assertion.ABSENT,
    }
    assert one("Tramadol contre-indiqué.", FactKind.CONTRAINDICATION).detail("substance") == "tramadol"
    assert stated["énoxaparine"].detail("replaced_by") == "Eliquis"
    assert stated["azathioprine"].detail("stopped") == "Arrêt définitif"


@pytest.mark.parametrize(
    "text",
    [
        "Anticorps anti-adalimumab négatifs",
        "E. coli résistant à l'amoxicilline",
        "Potassium 4,4 mmol/L",
        "Lithium 0,8 mmol/L",
        "Carence en vitamine B12",
        "Allergie au Bactrim",
    ],
)
def test_a_name_that_treats_nobody(text: str) -> None:
    assert not told(text, FactKind.MEDICATION)


def test_a_drug_under_allergies_is_an_allergy_on_the_next_page_too() -> None:
    first = Page(1, "Allergies\nPénicilline (urticaire géante en 1998)\n")
    after = section_after(first)
    allergy = one("Bactrim : DRESS\nTraitement\nRamipril 5 mg\n", FactKind.ALLERGY, after)
    assert (allergy.label, allergy.detail("substance"), allergy.detail("reaction")) == (
        "Bactrim",
        "cotrimoxazole",
        "DRESS",
    )
    assert one("Bactrim : DRESS\nTraitement\nRamipril 5 mg\n", FactKind.MEDICATION, after).label == "Ramipril"


def test_allergies_with_reaction_date_and_brand() -> None:
    first, second = told("Allergique à l'amoxicilline et au Bactrim (DRESS en 2015).", FactKind.ALLERGY)
    assert (first.label, second.label) == ("amoxicilline", "Bactrim")
    assert (second.detail("reaction"), second.when.start, first.detail("reaction")) == ("DRESS", "2015", "")


@pytest.mark.parametrize(
    ("text", "assertion", "label"),
    [
        ("Pas d'allergie connue.", Assertion.ABSENT, "Pas d'allergie connue"),
        ("Allergies : aucune", Assertion.ABSENT, "Allergies : aucune"),
        ("Aucune allergie aux macrolides.", Assertion.ABSENT, "macrolides"),
        ("Mère allergique aux sulfamides.", Assertion.FAMILY, "sulfamides"),
        ("Allergie à la codéine écartée en 2019 après tests.", Assertion.ABSENT, "codéine"),
        ("Allergie possible au latex.", Assertion.SUSPECTED, "latex"),
        ("Pas d'allergie hormis la pénicilline.", Assertion.PRESENT, "pénicilline"),
        ("Allergie à la kétamachine.", Assertion.PRESENT, "kétamachine"),
    ],
)
def test_how_an_allergy_is_stated(text: str, assertion: Assertion, label: str) -> None:
    fact = one(text, FactKind.ALLERGY)
    assert (fact.assertion, fact.label) == (assertion, label)


def test_an_intolerance_is_no_allergy() -> None:
    assert not told("Intolérance aux statines (myalgies).", FactKind.ALLERGY)
    fact = one("Intolérance aux statines (myalgies).", FactKind.INTOLERANCE)
    assert (fact.label, fact.detail("reaction")) == ("statines", "myalgies")
    assert not told("Intolérance à l'effort.", FactKind.INTOLERANCE)


@pytest.mark.parametrize(
    ("text", "value", "number", "comparator", "unit", "low", "high", "flag"),
    [
        ("CRP\t17,0\tmg/L\t< 5", "17,0", "17.0", "", "mg/L", None, "5", ""),
        ("Leucocytes\t6,6\tG/L\t4,0 – 10,0\t7,1 (12/03/17)", "6,6", "6.6", "", "G/L", "4.0", "10.0", ""),
        ("DFG estimé (CKD-EPI)\t42\tmL/min/1,73 m²\t> 60", "42", "42", "", "mL/min/1,73 m²", "60", None, ""),
        ("INR\t2,5\t\t2,0 – 3,0", "2,5", "2.5", "", "", "2.0", "3.0", ""),
        ("Lipase 2 140 UI/L (N < 60)", "2 140", "2140", "", "UI/L", None, "60", ""),
        ("Plaquettes 198 150 – 400", "198", "198", "", "", "150", "400", ""),
        ("Troponine T < 14 ng/L", "< 14", "14", "<", "ng/L", None, None, ""),
        ("Potassium 6,1 H mmol/L 3,5 - 5,1", "6,1", "6.1", "", "mmol/L", "3.5", "5.1", "H"),
        ("Plaquettes 250 10⁹/L 150 - 400", "250", "250", "", "10⁹/L", "150", "400", ""),
        ("Hématies\t4,52\t10¹² /L\t4,0 - 5,4", "4,52", "4.52", "", "10¹² /L", "4.0", "5.4", ""),
        ("Leucocytes 7.10³/mm³ 4 - 10", "7", "7", "", ".10³/mm³", "4", "10", ""),
        ("Leucocytes 12,4.10⁹/L", "12,4", "12.4", "", ".10⁹/L", None, None, ""),
        ("Leucocytes 10 ³/mm³", "10", "10", "", "", None, None, ""),  # an exponent parted from its 10 is no note
        ("Leucocytes : 4,5 × 10⁹/L", "4,5", "4.5", "", "× 10⁹/L", None, None, ""),
        ("Potassium 4,1 mmol.L⁻¹ 3,5 - 5,1", "4,1", "4.1", "", "mmol.L⁻¹", "3.5", "5.1", ""),
        ("Créatinine 88 µmol·L-1 (60-110)", "88", "88", "", "µmol·L-1", "60", "110", ""),
        ("Hémoglobine 13,2 g.dL⁻¹", "13,2", "13.2", "", "g.dL⁻¹", None, None, ""),
        ("Plaquettes 148 10⁹.L⁻¹", "148", "148", "", "10⁹.L⁻¹", None, None, ""),
        ("DFG 60 mL.min⁻¹.1,73 m⁻² > 90", "60", "60", "", "mL.min⁻¹.1,73 m⁻²", "90", None, ""),
        ("Potassium ¹ 4,1 ² mmol/L 3,5 - 5,1", "4,1", "4.1", "", "mmol/L", "3.5", "5.1", ""),  # marks of notes
        ("Potassium\t4,1 ¹²\tmmol/L\t3,5 - 5,1", "4,1", "4.1", "", "mmol/L", "3.5", "5.1", ""),
    ],
)
def test_a_line_of_a_laboratory(
    text: str, value: str, number: str, comparator: str, unit: str, low: str | None, high: str | None, flag: str
) -> None:
    read = one(text, FactKind.LAB_RESULT).value
    assert read is not None
    assert (read.text, read.number, read.comparator, read.unit) == (value, Decimal(number), comparator, unit)
    bounds = tuple(None if each is None else Decimal(each) for each in (low, high))
    assert ((read.low, read.high), read.flag) == (bounds, flag)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("SpO₂ 92 %", FactKind.VITAL_SIGN, "92"),
        ("PaO₂ 85 mmHg", FactKind.LAB_RESULT, "85"),
        ("HbA₁c 7,2 %", FactKind.LAB_RESULT, "7,2"),
        ("K⁺ 4,1 mmol/L", FactKind.LAB_RESULT, "4,1"),
        ("Ca²⁺ 2,3 mmol/L", FactKind.LAB_RESULT, "2,3"),
        ("HCO3- 24 mmol/L", FactKind.LAB_RESULT, "24"),
        ("HCO₃⁻ 24 mmol/L", FactKind.LAB_RESULT, "24"),
        ("Cl- : 102 mmol/L", FactKind.LAB_RESULT, "102"),
        ("Mg²⁺ 0,8 mmol/L", FactKind.LAB_RESULT, "0,8"),
    ],
)
def test_a_name_with_an_index_or_a_charge_is_the_same_name(text: str, kind: FactKind, value: str) -> None:
    read = one(text, kind).value
    assert read is not None
    assert read.text == value


@pytest.mark.parametrize(
    "text",
    ["CRP- 12/05/2026 : 5 mg/L", "CRP- 2026", "Sodium- 5 g par jour", "Potassium 600 mg j-1", "Vitamine D 10 UI j-1"],
)
def test_a_dash_before_a_date_and_a_daily_dose_are_no_results(text: str) -> None:
    assert told(text, FactKind.LAB_RESULT) == []


@pytest.mark.parametrize(("written", "usual"), [("mmol.L⁻¹", "mmol/L"), ("mmol L-1", "mmol/L"), ("mEq.L-1", "mEq/L")])
def test_a_unit_in_powers_has_the_code_of_the_same_unit(written: str, usual: str) -> None:
    codes = [one(f"Potassium 4,1 {unit}", FactKind.LAB_RESULT).codes for unit in (written, usual)]
    assert codes[0] == codes[1]
    assert codes[0]


def test_a_thousand_is_not_guessed() -> None:
    def read(text: str) -> Decimal | None:
        value = told(text, FactKind.LAB_RESULT)[-1].value
        assert value is not None
        return value.number

    assert read("Ferritine 1.500 µg/L") is None
    assert read("CRP 4,5 mg/L\nFerritine 1.500 µg/L") == Decimal(1500)
    assert read("CRP 4.5 mg/L\nINR 1.500 sans") == Decimal("1.500")
    assert read("Plaquettes 12 000 /mm3") == Decimal(12000)


@given(st.text(max_size=300))
def test_any_text_is_read_and_quotes_are_its_own(text: str) -> None:
    for fact in facts_of(Page(3, text)):
        assert text[fact.quote.start : fact.quote.end] == fact.quote.text
        assert fact.quote.page == 3


def test_ocr_shows_in_source_and_confidence() -> None:
    text = "Sous aspirine 75 mg"
    words = (Word(0, 4, confidence=0.9), Word(5, 13, confidence=0.42), Word(14, 16, confidence=0.8))
    page = Page(1, text, words=words, regions=(Region(0, len(text), Source.OCR, "tesseract"),))
    (fact,) = facts_of(page)
    assert (fact.source, fact.confidence) == (FactSource.OCR, 0.42)


def test_a_hostile_page_is_read_up_to_a_limit() -> None:
    facts = facts_of(Page(1, "".join(f"CRP {number} mg/L. " for number in range(MOST_FACTS + 3000))))
    assert MOST_FACTS <= len(facts) <= MOST_FACTS + 100


def test_antecedents_acts_and_what_was_taken_out() -> None:
    text = "Antécédents\nHTA, appendicectomie en 1998, infarctus en 2016. Cancer du sein gauche en rémission.\n"
    text += "Porteur d'un pacemaker depuis 2018. Ablation du stérilet en 2020.\n"
    stated = {fact.label: fact for fact in facts_of(Page(1, text))}
    assert {label: (fact.kind, fact.assertion, fact.when.start) for label, fact in stated.items()} == {
        "HTA": (FactKind.CONDITION, Assertion.PRESENT, ""),
        "appendicectomie": (FactKind.PROCEDURE, Assertion.PRESENT, "1998"),
        "infarctus": (FactKind.CONDITION, Assertion.PAST, "2016"),
        "Cancer du sein": (FactKind.CONDITION, Assertion.PAST, ""),
        "pacemaker": (FactKind.IMPLANT, Assertion.PRESENT, "2018"),
        "stérilet": (FactKind.IMPLANT, Assertion.PAST, "2020"),
    }
    assert stated["HTA"].codes[0].code == "I10"


def test_vaccines_done_missing_and_due() -> None:
    text = "Vaccinations\nComirnaty le 12/03/2021\nGrippe à faire\nNon vaccinée contre le zona.\n"
    found = {fact.concept: (fact.assertion, fact.when.start) for fact in told(text, FactKind.IMMUNIZATION)}
    assert found == {
        "vaccin covid-19": (Assertion.PRESENT, "2021-03-12"),
        "vaccin antigrippal": (Assertion.HYPOTHETICAL, ""),
        "vaccin zona": (Assertion.ABSENT, ""),
    }


def test_pregnancy_blood_group_directives_and_contacts() -> None:
    pregnancy = one("Grossesse de 28 SA, terme prévu le 12/03/2026.", FactKind.PREGNANCY)
    assert (pregnancy.detail("term_date"), pregnancy.detail("duration")) == ("2026-03-12", "28 SA")
    assert one("Test de grossesse : négatif. Enceinte : non", FactKind.PREGNANCY).assertion is Assertion.ABSENT
    assert one("Groupe sanguin : A Rh positif", FactKind.BLOOD_GROUP).concept == "A rhésus positif"
    assert one("Ne pas réanimer.", FactKind.DIRECTIVE).assertion is Assertion.PRESENT
    assert one("Directives anticipées : non rédigées.", FactKind.DIRECTIVE).assertion is Assertion.ABSENT
    contact = one("Personne de confiance : Mme Jeanne MARTIN (fille), 06 12 34 56 78", FactKind.CONTACT)
    assert (contact.label, contact.detail("relation"), contact.detail("telephone")) == (
        "Mme Jeanne MARTIN", "fille", "06 12 34 56 78",
    )  # fmt: skip


def test_dated_weight_pressure_and_score() -> None:
    text = "Poids 72,5 kg. TA 130/80 mmHg. EVA 3/10."
    values = {fact.concept: fact.value for fact in told(text, FactKind.VITAL_SIGN)}
    shown = {name: (value.text, value.unit) for name, value in values.items() if value is not None}
    assert shown == {"poids": ("72,5", "kg"), "pression artérielle": ("130/80", "mmHg"), "EVA": ("3", "/10")}


def test_a_letter_wrong_in_a_drug_is_read_and_a_french_word_is_none() -> None:
    fact = one("Induction par vécuronum.", FactKind.MEDICATION)
    assert (fact.label, fact.concept, fact.detail("note")) == (
        "vécuronum",
        "vécuronium",
        "nom reconnu à une lettre près",
    )
    assert not told("Dosage normal : ferritine, glycérine, lanoline.", FactKind.MEDICATION)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Le 12/03/2024, créatinine à 150 µmol/L et kaliémie 5,2 mmol/L.", ["2024-03-12", "2024-03-12"]),
        ("Créatinine à 150 µmol/L le 12/03/2024, kaliémie 4,5 mmol/L le 13/03/2024.", ["2024-03-12", "2024-03-13"]),
        ("Créatinine 150 µmol/L (12/03/2024).", ["2024-03-12"]),
        ("Kaliémie le 12/10/2023 : 6,8 mmol/L", ["2023-10-12"]),
        ("Bilan biologique de contrôle du 12/03/24 : INR 2,4.", ["2024-03-12"]),
        ("Biologie du 12/03/2024 :\n- Créatinine : 150 µmol/L\n- Kaliémie : 4,5 mmol/L\n", ["2024-03-12"] * 2),
        ("Prélèvement du 12/03/2024 à 08h10\nCréatinine : 150 µmol/L\n", ["2024-03-12"]),
        (
            "Biologie du 12/03/2024 :\n- Créatinine : 150 µmol/L\n\nAu total, stable.\nKaliémie 4,5 mmol/L\n",
            ["2024-03-12", ""],
        ),
        ("Hospitalisé le 12/03/2024 pour chute, créatinine à 150 µmol/L.", [""]),
        ("Né le 12/03/1950. Créatinine 90 µmol/L.", [""]),
        ("Opéré le 12/03/2024. Créatinine 90 µmol/L, à recontrôler avant le 20/04/2024.", [""]),
    ],
)
def test_a_value_bears_the_day_that_its_sentence_or_heading_gives_it(text: str, days: list[str]) -> None:
    told = [fact for fact in facts_of(Page(1, text)) if fact.kind is FactKind.LAB_RESULT]
    assert [fact.when.start for fact in told] == days


@pytest.mark.parametrize(
    ("row", "value", "unit", "span"),
    [
        ("Leucocytes\t8,0\tG/L\t|4,0— 10,0\t| 6,8 (24/07/17)", "8,0", "G/L", "4,0— 10,0"),
        ("| ALAT\t| 24\tUI/L\t|<50\t| 34 (24/07/17)", "24", "UI/L", "<50"),
        ("Créatinine\t91\t|\tumol/L\t62 - 106\t|\t93 (06/03/23)", "91", "umol/L", "62 - 106"),
        ("Créatinine\t/\t91\t!\tumol/L\t62 - 106", "91", "umol/L", "62 - 106"),
        ("Hémoglobine\t10,4\tgdX\t13,0 — 17,0\t12,7 (06/2022)", "10,4", "gdX", "13,0 — 17,0"),
        ("Créatinine\t101\tµmol/L\t62~106\t103 (05/01/17)", "101", "µmol/L", "62~106"),
        ("Vitamine B12\t148\t‘pmol/L\t|156-672\t|210", "148", "pmol/L", "156-672"),
        ("INR\t2,4\t\t2,0 - 3,0", "2,4", "", "2,0 - 3,0"),
        ("INR\t2,4\tcible 2,0 - 3,0\t2,1", "2,4", "", "cible 2,0 - 3,0"),
    ],
)
def test_the_ruling_of_a_scanned_table_is_no_part_of_a_row(row: str, value: str, unit: str, span: str) -> None:
    (fact,) = (fact for fact in facts_of(Page(1, row)) if fact.kind is FactKind.LAB_RESULT)
    assert fact.value is not None
    assert (fact.value.text, fact.value.unit, fact.value.range_text) == (value, unit, span)


@pytest.mark.parametrize(
    ("read", "unit"),
    [
        ("mmolL", "mmol/L"),
        ("gdL", "g/dL"),
        ("UIL", "UI/L"),
        ("GL", "G/L"),
        ("gL", "g/L"),
        ("mg1L", "mg/L"),
        ("µg|L", "µg/L"),
        ("mmo/L", "mmol/L"),
        ("mmoIL", "mmol/L"),
        ("mU/min/1.73 m²", "mL/min/1.73 m²"),
    ],
)
def test_a_unit_that_a_scanner_misread_is_the_only_one_that_it_can_be_and_what_was_read_is_said(
    read: str, unit: str
) -> None:
    (fact,) = (f for f in facts_of(Page(1, f"Potassium\t4,4\t{read}\t3,5-5,1")) if f.kind is FactKind.LAB_RESULT)
    assert fact.value is not None
    assert (fact.value.unit, fact.value.range_text, fact.detail("note")) == (unit, "3,5-5,1", f"unité lue « {read} »")


def test_what_is_no_misread_unit_stays_as_read() -> None:
    for cell in ("ml", "ul", "gdX", "mL", "mmol/L", "g/L"):
        (fact,) = (f for f in facts_of(Page(1, f"Sodium\t139\t{cell}\t136-145")) if f.kind is FactKind.LAB_RESULT)
        assert fact.value is not None
        assert (fact.value.unit, fact.detail("note")) == (cell, "")


def test_a_date_is_no_value() -> None:
    assert [f.label for f in facts_of(Page(1, "PSA et uricémie du 07.09.23")) if f.kind is FactKind.LAB_RESULT] == []


CARD = """ALLERGIE GRAVE AUX PÉNICILLINES
Médicaments interdits : amoxicilline (Clamoxyl), pipéracilline.

Médicaments autorisés après tests : céfuroxime, ceftriaxone.

En cas de malaise : adrénaline intramusculaire dans la cuisse, allonger, appeler le 15.
"""


def dangers(text: str, section: str) -> set[str]:
    return {
        f.label for f in facts_of(Page(1, text), section) if f.kind in DANGERS and f.assertion is not Assertion.ABSENT
    }


@pytest.mark.parametrize("section", ["", "Carte d'allergie médicamenteuse", "Allergies"])
def test_a_card_of_allergy_forbids_what_it_forbids(section: str) -> None:
    """Not what it allows, nor what treats the reaction: adrenaline told as an allergy could cost a life."""
    assert dangers(CARD, section) == {"PÉNICILLINES", "amoxicilline", "Clamoxyl", "pipéracilline"}


@pytest.mark.parametrize(
    "line",
    [
        "Alternatives : ciprofloxacine, azithromycine",
        "Antibiotiques possibles : pristinamycine",
        "Peut recevoir des céphalosporines",
        "Tolère bien le paracétamol",
        "Sont bien tolérés : paracétamol, tramadol",
        "En cas de réaction : Anapen, cétirizine",
        "Trousse d'urgence : adrénaline, bétaméthasone",
        "Si choc, injecter l'adrénaline",
    ],
)
def test_under_the_title_of_allergies_what_is_allowed_or_treats_is_none(line: str) -> None:
    assert not dangers(f"{line}\n", "Allergies")


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("Médicaments non tolérés : tramadol", "tramadol"),
        ("Mal supportés : codéine", "codéine"),
        ("En cas de fièvre : éviter l'aspirine", "aspirine"),
        ("En cas d'infection : amoxicilline interdite", "amoxicilline"),
        ("Médicaments interdits : amoxicilline", "amoxicilline"),
        ("Proscrits à vie : macrolides", "macrolides"),
        ("N'est plus autorisé : Augmentin", "Augmentin"),
        ("Jamais toléré : tramadol", "tramadol"),
        ("Amoxicilline possible : éruption", "Amoxicilline"),
        ("Réaction possible : amoxicilline", "amoxicilline"),
        ("adrénaline", "adrénaline"),
    ],
)
def test_and_what_is_not_borne_or_forbidden_stays_one(line: str, label: str) -> None:
    assert label in dangers(f"{line}\n", "Allergies")
