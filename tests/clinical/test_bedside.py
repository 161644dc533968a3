"""From a letter's words to the emergency card: sentences that a careless reading turns into a danger."""

from __future__ import annotations

from datetime import date

import pytest

from clinical.card import Read, emergency_card
from clinical.card_lines import Line
from ingest.told import Joiner, once
from records.content import Page
from records.fact import Told
from tests.clinical.telling import NOW, Person

DAY = date(2026, 2, 1)


def lines(text: str, key: str) -> list[Line]:
    (page,) = once([Joiner().joined(Page(1, text))])
    told = [Told(fact, "letter", DAY) for fact in page.facts]
    card = emergency_card(told, Person(), NOW, Read(documents=1, first=DAY, last=DAY))
    return [line for each in card.sections if each.key == key for line in each.lines if line.told is not None]


def said(text: str, key: str) -> list[tuple[str, str]]:
    return [(line.told.fact.label, line.assertion) for line in lines(text, key) if line.told is not None]


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("Ne pas arrêter le Kardégic.", "Kardégic"),
        ("Eliquis 5 mg depuis mars 2021.", "Eliquis"),
        ("Sous Xarelto depuis l'EP de 2020.", "Xarelto"),
        ("Plavix introduit en 2024.", "Plavix"),
        ("Si saignement, arrêter l'Eliquis et consulter.", "Eliquis"),
        ("Le traitement par Xarelto a été repris après arrêt transitoire.", "Xarelto"),
        ("Eliquis suspendu en préopératoire, à reprendre à J2.", "Eliquis"),
        ("Arrêt de l'Eliquis 48 h avant la coloscopie, reprise le lendemain.", "Eliquis"),
        ("Pas de saignement sous Pradaxa.", "Pradaxa"),
        ("N'a pas pris son Xarelto ce matin.", "Xarelto"),
        ("Allergies : aucune. Sous Eliquis 5 mg.", "Eliquis"),
        ("Traitement personnel : Eliquis, metformine.", "Eliquis"),
        ("Son traitement personnel : Eliquis.", "Eliquis"),
        ("Antécédents : FA (Eliquis), diabète.", "Eliquis"),
    ],
)
def test_an_antithrombotic_that_is_taken_is_shown_as_taken(text: str, drug: str) -> None:
    assert said(text, "antithrombotics") == [(drug, "present")]
    assert not any("arrêt mentionné" in line.remarks for line in lines(text, "antithrombotics"))


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Xarelto arrêté le 12/09/2025.", [("Xarelto", "past")]),
        ("N'est pas sous AVK.", [("AVK", "absent")]),
        ("Arrêt du Plavix, reprise du Kardégic.", [("Kardégic", "present"), ("Plavix", "past")]),
        ("Arrêt du Plavix, poursuite du Kardégic.", [("Kardégic", "present"), ("Plavix", "past")]),
    ],
)
def test_a_real_stop_stays_one(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "antithrombotics")) == stated


@pytest.mark.parametrize(
    "text",
    [
        "Eliquis STOP",
        "Eliquis : STOP",
        "Eliquis (stop)",
        "STOP Eliquis le 12/03",
        "Eliquis 5 mg STOP le 12/03/2025.",
        "Eliquis : arrêt le 12/03.",
        "Eliquis, arrêt définitif le 12/03.",
        "Eliquis à stopper",
    ],
)
def test_a_stop_in_one_word_is_one(text: str) -> None:
    (line,) = lines(text, "antithrombotics")
    assert (line.assertion, "arrêt mentionné" in line.remarks) == ("past", True)


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Xarelto STOP le 12/03/2025, relais Lovenox.", [("Lovenox", "present"), ("Xarelto", "past")]),
        ("Eliquis STOP Kardégic", [("Eliquis", "present"), ("Kardégic", "past")]),
        ("Kardégic. STOP Eliquis.", [("Eliquis", "past"), ("Kardégic", "present")]),
        ("Score STOP-BANG 3, sous Eliquis.", [("Eliquis", "present")]),
        ("Eliquis non-stop depuis 2020.", [("Eliquis", "present")]),
        ("Kardégic : arrêt 5 jours avant le geste.", [("Kardégic", "present")]),
        ("Eliquis, arrêt de travail 8 jours.", [("Eliquis", "present")]),
        ("Xarelto, arrêt cardiaque en 2019.", [("Xarelto", "present")]),
    ],
)
def test_a_stop_is_of_the_medicine_that_it_names(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "antithrombotics")) == stated


def test_a_medicine_under_a_title_of_stopped_ones_is_stopped() -> None:
    (line,) = lines("Traitements arrêtés : Eliquis", "antithrombotics")
    assert (line.assertion, "arrêt mentionné" in line.remarks) == ("past", True)


def test_a_denial_of_treatment_beside_allergies_is_no_allergy() -> None:
    text = "Allergie : 0. Pas de prise d'anticoagulant."
    assert [stated for _, stated in said(text, "allergies")] == ["absent"]
    assert said(text, "antithrombotics") == [("anticoagulant", "absent")]


def test_weeks_beside_gravidity_are_a_pregnancy() -> None:
    assert [stated for _, stated in said("Mme L., G3P2, 32 SA, suivie.", "pregnancy")] == ["present"]


@pytest.mark.parametrize(
    "text",
    [
        "Antécédents : grossesse extra-utérine en 2015.",
        "ATCD : GEU.",
        "Grossesse extra-utérine droite traitée par méthotrexate en 2019.",
        "Grossesse en 2012, césarienne.",
    ],
)
def test_a_pregnancy_that_is_over_is_no_pregnancy(text: str) -> None:
    assert lines(text, "pregnancy") == []


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Suspicion de grossesse extra-utérine à 6 SA.", [("grossesse extra-utérine", "suspected")]),
        ("GEU rompue au bloc.", [("GEU", "present")]),
        ("Enceinte de 32 SA.", [("Enceinte", "present")]),
    ],
)
def test_a_pregnancy_of_today_stays_one(text: str, stated: list[tuple[str, str]]) -> None:
    assert said(text, "pregnancy") == stated


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sœur : hyperthermie maligne", "hyperthermie maligne"),
        ("Père décédé d'une hyperthermie maligne au bloc.", "hyperthermie maligne"),
        ("Antécédents familiaux : hémophilie (frère).", "hémophilie"),
        ("Sœur : déficit en pseudocholinestérase.", "déficit en pseudocholinestérase"),
        ("Père : syndrome de Brugada", "syndrome de Brugada"),
        ("ATCD familiaux : accident d'anesthésie chez le frère.", "accident d'anesthésie"),
    ],
)
def test_what_runs_in_the_family_and_changes_emergency_care_is_shown_so(text: str, name: str) -> None:
    (line,) = lines(text, "conditions")
    assert line.told is not None
    assert (line.told.fact.label, line.assertion, "chez un proche" in line.remarks) == (name, "family", True)


@pytest.mark.parametrize(
    "text",
    [
        "Mère diabétique de type 1.",
        "Pas d'antécédent familial d'hyperthermie maligne.",
        "Père : insuffisance cardiaque.",
    ],
)
def test_other_illnesses_of_relatives_are_not(text: str) -> None:
    assert lines(text, "conditions") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Traitement anticoagulant par Eliquis 5 mg.", ["Eliquis (apixaban) 5 mg"]),
        ("Sous AVK (Préviscan).", ["Préviscan (fluindione)"]),
        ("Sous anticoagulant.", ["anticoagulant, substance non précisée"]),
        (
            "Eliquis arrêté. Toujours sous anticoagulant.",
            ["Eliquis (apixaban)", "anticoagulant, substance non précisée"],
        ),
    ],
)
def test_a_class_stands_behind_its_substance(text: str, shown: list[str]) -> None:
    assert sorted(line.text for line in lines(text, "antithrombotics")) == sorted(shown)


def test_a_denied_class_contradicts_its_substance() -> None:
    both = lines("Ne prend pas d'anticoagulant. Eliquis 5 mg matin et soir.", "antithrombotics")
    assert [(line.assertion, line.contradicted) for line in both] == [("absent", True), ("present", True)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("DFG (CKD-EPI) : 45 mL/min/1,73m²", "DFG (CKD-EPI) : 45 mL/min/1,73m²"),
        ("DFG (CKD-EPI 2009) 45 mL/min/1,73m²", "DFG (CKD-EPI 2009) : 45 mL/min/1,73m²"),
        ("DFG : 45 mL/min/1,73m²", "DFG (formule non précisée) : 45 mL/min/1,73m²"),
        ("Troponine I hs : 45 ng/L", "troponine I hs : 45 ng/L"),
        ("Troponine I : 45 ng/L", "troponine I : 45 ng/L"),
    ],
)
def test_a_key_value_is_on_the_card_under_its_own_name(text: str, shown: str) -> None:
    (line,) = lines(text, "labs")
    assert line.text == shown
    assert line.told is not None
    assert line.told.fact.label.count("(") == line.told.fact.label.count(")")


def test_a_pause_is_said_beside_the_medicine() -> None:
    (line,) = lines("Eliquis suspendu en préopératoire, à reprendre à J2.", "antithrombotics")
    assert "arrêt et reprise mentionnés" in line.remarks


def test_a_past_that_names_no_stop_says_none() -> None:
    (line,) = lines("Traité par Préviscan en 2015.", "antithrombotics")
    assert line.assertion == "past"
    assert "arrêt mentionné" not in line.remarks


@pytest.mark.parametrize(
    "text", ["Patient sous Eliquis, 81 ans, 54 kg.", "Eliquis 2,5 mg x 2 /j, 81 ans, 54 kg.", "Eliquis chez 81 ans"]
)
def test_an_age_or_a_weight_is_no_dose(text: str) -> None:
    (line,) = lines(text, "antithrombotics")
    assert not any(number in line.text for number in ("81", "54"))


def test_a_name_one_letter_away_says_so() -> None:
    (line,) = lines("Traitement : Previscane 20 mg.", "antithrombotics")
    assert "nom reconnu à une lettre près" in line.remarks


@pytest.mark.parametrize(
    ("text", "substance"),
    [
        ("Allergies : choc anaphylactique à l'amoxicilline en 2012.", "amoxicilline"),
        ("Anaphylaxie aux curares en 2021.", "curares"),
        ("ALLERGIES\nŒdème de Quincke aux IEC", "IEC"),
        ("Pas allergique, mais a fait un choc anaphylactique après une injection de Rocéphine en 2014.", "Rocéphine"),
        ("Allergies : pénicilline.\nAllergie à la pénicilline (choc anaphylactique).", "pénicilline"),
    ],
)
def test_a_severe_allergy_is_read_with_its_severity(text: str, substance: str) -> None:
    grave = [line for line in lines(text, "allergies") if "grave" in line.remarks]
    assert [line.told.fact.label for line in grave if line.told is not None] == [substance]


def test_the_operating_theatre_is_no_reaction() -> None:
    (line,) = lines("Allergie au latex : urticaire géante au bloc en 2024.", "allergies")
    assert line.told is not None
    assert dict(line.told.fact.details)["reaction"] == "urticaire géante"


def test_a_disproved_allergy_does_not_disprove_the_next() -> None:
    text = "Pas d'allergie à la pénicilline (tests négatifs 2020), mais allergie vraie à la ceftriaxone."
    assert said(text, "allergies") == [("ceftriaxone", "present"), ("pénicilline", "absent")]


def test_the_patient_is_no_relative_of_the_line_before() -> None:
    text = "ATCD familiaux : père porteur d'un stent. Patient porteur d'un pacemaker, allergique à la pénicilline."
    assert said(text, "implants") == [("pacemaker", "present")]
    assert said(text, "allergies") == [("pénicilline", "present")]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Patient NTBR.", [("NTBR", "present")]),
        ("NTBR : non", [("NTBR", "absent")]),
        ("Souhait de ne pas être réanimé.", [("ne pas être réanimé", "present")]),
        ("Patient non réanimable.", [("non réanimable", "present")]),
        ("LATA : non", [("LATA", "absent")]),
        ("Pas d'amines, pas d'IOT.", [("Pas d'amines", "present"), ("pas d'IOT", "present")]),
        ("Décision de limitation thérapeutique.", [("limitation thérapeutique", "present")]),
        ("Pas de limitation thérapeutique.", [("limitation thérapeutique", "absent")]),
    ],
)
def test_limits_of_treatment(text: str, stated: list[tuple[str, str]]) -> None:
    assert said(text, "directives") == stated


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Contrôle de la kaliémie à 6 h.", []),
        ("Kaliémie : 2 prélèvements hémolysés.", []),
        ("Kaliémie le 12/10 : 6,8 mmol/L", ["kaliémie : 6,8 mmol/L"]),
        ("K+ = 6,9 mmol/L", ["kaliémie : 6,9 mmol/L"]),
        ("Hémoglobine à 6 h : 8,2 g/dl", ["hémoglobine : 8,2 g/dl"]),
        ("Plaquettes : 3 jours après", []),
    ],
)
def test_a_number_that_counts_hours_is_no_value(text: str, shown: list[str]) -> None:
    assert [line.text for line in lines(text, "labs")] == shown


@pytest.mark.parametrize(
    "name",
    [
        "Panhypopituitarisme", "TIH en 2019", "Transplanté cardiaque", "Transplantation pulmonaire", "Addison",
        "Insuffisance rénale terminale", "Déficit en pseudocholinestérase", "Mallampati IV", "État de mal",
        "Insuffisance surrénale", "Splénectomie", "Hémophilie A", "BPCO hypercapnique", "Willebrand",
        "Choc anaphylactique", "Thrombopathie",
    ],
)  # fmt: skip
def test_an_antecedent_that_changes_emergency_care_is_on_the_card(name: str) -> None:
    assert [stated for _, stated in said(f"Antécédents\n- {name}\n", "conditions")] in (["present"], ["past"])


def test_a_difficult_airway_that_nobody_expected_is_one() -> None:
    assert said("Intubation difficile non prévue.", "conditions") == [("Intubation difficile", "present")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Discussion de pose d'un DAI.", "implants"),
        ("En attente de TAVI.", "implants"),
        ("Inscrit sur liste de transplantation hépatique.", "conditions"),
        ("Rappel dTP le 12/03/2031.", "vaccinations"),
    ],
)
def test_what_is_to_come_is_not_shown_as_done(text: str, key: str) -> None:
    assert said(text, key) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Pose d'un DAI.", "implants"),
        ("Surveillance du pacemaker.", "implants"),
        ("Rappel dTP le 12/03/2021.", "vaccinations"),
    ],
)
def test_what_was_done_is_shown(text: str, key: str) -> None:
    assert len(said(text, key)) == 1


def test_what_a_germ_is_sensitive_to_is_no_treatment() -> None:
    text = "La souche était sensible aux antibiotiques suivants : bêtalactamines (amoxicilline), amikacine, céfotaxime."
    assert said(text, "treatments") == []
    assert said(f"{text} Traité par amoxicilline.", "treatments") == [("amoxicilline", "present")]
    assert said("Germe sensible à l'amoxicilline, traité par céfotaxime.", "treatments") == [("céfotaxime", "present")]
    assert said("Bacille acido-alcoolo-résistant : traitement par rifampicine.", "treatments") == [
        ("rifampicine", "present")
    ]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Allergie : oui - Pénicilline", [("Pénicilline", "present")]),
        ("Allergie : oui (pénicilline)", [("pénicilline", "present")]),
        ("Allergies (oui/non) : oui, à la pénicilline", [("pénicilline", "present")]),
        ("Allergie : oui", [("oui", "present")]),
        ("Ne tolère pas la metformine (diarrhée).", [("metformine", "present")]),
        ("N'a pas toléré le tramadol.", [("tramadol", "present")]),
        ("Sa mère ne tolère pas l'aspirine.", [("aspirine", "family")]),
        ("Allergie non documentée à la pénicilline.", [("pénicilline", "suspected")]),
        ("Allergie non médicamenteuse : arachide.", [("arachide", "present")]),
        ("Allergie à la pénicilline non confirmée.", [("pénicilline", "suspected")]),
        ("Allergie à la pénicilline non confirmée par les tests.", [("pénicilline", "absent")]),
        (
            "Allergie aux bêtalactamines (amoxicilline, ceftriaxone).",
            [("amoxicilline", "present"), ("bêtalactamines", "present"), ("ceftriaxone", "present")],
        ),
    ],
)
def test_an_allergy_is_neither_hidden_nor_denied_by_its_wording(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "allergies")) == stated
    assert said(text, "treatments") == []


@pytest.mark.parametrize(
    "text",
    [
        "Allergies connues : Non renseigné",
        "Allergies : inconnues",
        "Allergies\nNon renseigné",
        "Allergies : à préciser",
        "Allergies : NR",
        "Allergie (médicament) : non documentée",
    ],
)
def test_a_field_that_nobody_filled_in_denies_no_allergy(text: str) -> None:
    assert said(text, "allergies") == []


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        (
            "Relais AVK-HBPM : Lovenox 0,6 ml x2/j débuté le 10/01/2026, Coumadine stoppée.",
            [("AVK", "present"), ("Coumadine", "past"), ("Lovenox", "present")],
        ),
        ("Modifications : ARRÊT Eliquis, DÉBUT Lovenox 0,4 mL.", [("Eliquis", "past"), ("Lovenox", "present")]),
        ("Arrêt de l'Eliquis, introduction du Xarelto 20 mg.", [("Eliquis", "past"), ("Xarelto", "present")]),
        ("Xarelto 20 mg, à débuter si confirmation de l'EP.", [("Xarelto", "hypothetical")]),
        ("Anticoagulation discutée en RCP, non retenue.", [("Anticoagulation", "absent")]),
        ("CI formelle aux anticoagulants.", []),
        ("Thrombopénie induite par l'héparine en 2016.", []),
        ("Thrombopénie sous héparine.", [("héparine", "present")]),
    ],
)
def test_a_relay_a_plan_and_a_harm_are_told_apart(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "antithrombotics")) == stated


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("Brilique 90 mg x2/j jusqu'en mars 2026.", False),
        ("Brilique 90 mg jusqu'au 15/09/2026.", False),
        ("Brilique était prescrit jusqu'en 2024.", True),
        ("Xarelto jusqu'au 12/01/2026.", True),
    ],
)
def test_a_treatment_with_an_end_is_stopped_only_once_it_has_come(text: str, stopped: bool) -> None:
    (line,) = lines(text, "antithrombotics")
    assert ("arrêt mentionné" in line.remarks) is stopped
    assert any(remark.startswith("jusqu'au") for remark in line.remarks) is not stopped


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("LATA : pas d'intubation, pas de massage cardiaque externe.", ["present", "present", "present"]),
        ("LATA : pas de dialyse.", ["present"]),
        ("LATA : IOT non, MCE non.", ["present"]),
        ("Décision collégiale de non-réanimation.", ["present"]),
        ("Décision de non-réanimation levée le 05/01/2026.", ["past"]),
        ("Levée de la LATA.", ["past"]),
        ("Directives anticipées : pas encore rédigées", ["absent"]),
        ("Directives anticipées : non", ["absent"]),
    ],
)
def test_what_a_limit_forbids_does_not_deny_the_limit(text: str, stated: list[str]) -> None:
    assert [assertion for _, assertion in said(text, "directives")] == stated


def test_a_refused_transfusion_is_none() -> None:
    (page,) = once([Joiner().joined(Page(1, "Témoin de Jéhovah, refuse toute transfusion."))])
    assert [fact.kind.value for fact in page.facts] == ["directive", "directive"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Surdosage, vitamine K 10 mg.", []),
        ("INR 2-3", ["INR : 2-3"]),
        ("Natrémie 135 à 145 mmol/L (valeurs de référence)", ["natrémie : 135 à 145 mmol/L"]),
        ("Hb 12 à 7 g/dL", ["hémoglobine : 12 à 7 g/dL"]),
        ("Kaliémie à 5,9 à 8h", ["kaliémie : 5,9"]),
        ("Plaquettes : 198 150-400", ["plaquettes : 198 [150-400]"]),
    ],
)
def test_neither_a_dose_nor_the_end_of_an_interval_is_a_value(text: str, shown: list[str]) -> None:
    assert [line.text for line in lines(text, "labs")] == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hydrocortisone 10 mg matin, 5 mg midi.", "Hydrocortisone 10 mg matin, 5 mg midi"),
        ("Novorapid 8-6-8.", "Novorapid (insuline asparte) 8-6-8"),
        ("Keppra 500 mg 1-0-1, bien suivi.", "Keppra (lévétiracétam) 500 mg 1-0-1"),
        ("Cellcept 500 mg x2.", "Cellcept (acide mycophénolique) 500 mg x2"),
        ("Corticothérapie arrêtée il y a 3 mois.", "Corticothérapie (corticoïde)"),
    ],
)
def test_what_is_taken_is_whole_and_how_long_ago_is_no_dose(text: str, shown: str) -> None:
    (line,) = lines(text, "treatments")
    assert line.text == shown


@pytest.mark.parametrize(
    ("text", "key", "stated"),
    [
        ("Vaccination tétanos non à jour.", "vaccinations", []),
        ("Refuse la vaccination antigrippale.", "vaccinations", []),
        ("Vaccin antitétanique à jour.", "vaccinations", ["present"]),
        ("IRC terminale, pas encore dialysé.", "conditions", []),
        ("Pacemaker retiré en 2023 pour infection.", "implants", ["past"]),
        ("Pacemaker, sonde auriculaire retirée.", "implants", ["present"]),
    ],
)
def test_what_was_not_done_or_is_no_longer_there(text: str, key: str, stated: list[str]) -> None:
    assert [assertion for _, assertion in said(text, key)] == stated


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Créatinine 80 puis 340 µmol/L", [("80", ""), ("340", "")]),
        ("Hémoglobine : 7,8 g/dL, contrôle à 8,4 g/dL", [("7,8", ""), ("8,4", "")]),
        (
            "Créatinine le 01/01/2026 : 80 µmol/L, le 15/01/2026 : 340 µmol/L",
            [("80", "2026-01-01"), ("340", "2026-01-15")],
        ),
        ("Créatinine 125 µmol/L le 12/03/2024", [("125", "2024-03-12")]),
        ("INR 2,1, contrôle le 12/03", [("2,1", "")]),
        ("Hb 7,2 g/dL puis 3 CGR", [("7,2", "")]),
        ("Si INR > 3, arrêter Previscan.", []),
        ("Arrêter si K+ > 6 mmol/L", []),
        ("Objectif INR 2,5.", []),
    ],
)
def test_every_value_of_a_sentence_and_no_bound(text: str, values: list[tuple[str, str]]) -> None:
    (page,) = once([Joiner().joined(Page(1, text))])
    found = [(fact.value.text, fact.when.start) for fact in page.facts if fact.value is not None]
    assert found == values


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Patient anticoagulé.", [("anticoagulé", "present")]),
        ("Patient non anticoagulé.", [("anticoagulé", "absent")]),
        ("N'est plus anticoagulé depuis 2023.", [("anticoagulé", "past")]),
        ("Lovenox 6000 UI x2/j, arrêt dès INR > 2", [("Lovenox", "present")]),
        ("Lovenox 6000 UI, arrêt le 12/01.", [("Lovenox", "past")]),
        (
            "Pas d'anticoagulation au long cours sauf Eliquis 2,5 mg.",
            [("Eliquis", "present"), ("anticoagulation", "absent")],
        ),
        ("Aucun traitement en dehors du Kardégic.", [("Kardégic", "present")]),
    ],
)
def test_a_word_for_the_state_a_bound_and_an_exception(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "antithrombotics")) == stated


@pytest.mark.parametrize("text", ["Corticoïdes : arrêt progressif en cours.", "Arrêt progressif des corticoïdes."])
def test_a_corticoid_being_stopped_by_steps_is_taken(text: str) -> None:
    (line,) = lines(text, "treatments")
    assert (line.assertion, "arrêt progressif mentionné" in line.remarks) == ("present", True)


def test_one_sort_of_allergy_denied_hides_no_other() -> None:
    text = "Allergies médicamenteuses : néant ; alimentaires : crustacés"
    assert said(text, "allergies")[0] == ("crustacés", "present")
    denied = "Allergies médicamenteuses : néant ; alimentaires : néant"
    assert [stated for _, stated in said(denied, "allergies")] == ["absent"]


def test_a_diabetic_of_type_1_is_on_the_card() -> None:
    assert said("Patient diabétique de type 1.", "conditions") == [("diabétique de type 1", "present")]


@pytest.mark.parametrize(
    "title", ["ATCD personnels :", "ATCD personnels", "Antécédents médicaux personnels :", "ATCD médico-chirurgicaux"]
)
def test_the_patients_own_antecedents_are_not_the_familys(title: str) -> None:
    text = f"ATCD familiaux :\n- Père : épilepsie\n{title}\n- Diabète de type 1\n"
    assert said(text, "conditions") == [("Diabète de type 1", "present")]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("ATCD familiaux : RAS. Allergie à la pénicilline.", [("pénicilline", "present")]),
        ("Antécédents familiaux : mère allergique à la pénicilline.", [("pénicilline", "family")]),
        ("Allergies : ☒ oui ☐ non  préciser : pénicilline", [("pénicilline", "present")]),
        ("Allergies : oui, latex", [("latex", "present")]),
        ("Allergies : ☐ oui ☒ non", [("Allergies", "absent")]),
    ],
)
def test_whose_allergy_and_which_box(text: str, stated: list[tuple[str, str]]) -> None:
    assert said(text, "allergies") == stated


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Allergies : aucune - Traitement : Eliquis", [("Eliquis", "present")]),
        ("Allergies : pénicilline, traitement habituel : Eliquis 5 mg", [("Eliquis", "present")]),
        ("Previscan remplace Eliquis.", [("Eliquis", "past"), ("Previscan", "present")]),
        ("Eliquis à la place du Previscan.", [("Eliquis", "present"), ("Previscan", "past")]),
        ("Eliquis remplacé par Lovenox.", [("Eliquis", "past"), ("Lovenox", "present")]),
    ],
)
def test_which_anticoagulant_is_taken(text: str, stated: list[tuple[str, str]]) -> None:
    assert sorted(said(text, "antithrombotics")) == stated


def test_a_unit_written_per_100_ml_is_kept_whole() -> None:
    (line,) = lines("Hémoglobine 6,9 g/100mL", "labs")
    assert line.text.startswith("hémoglobine : 6,9 g/100mL")


def test_what_is_given_in_the_place_of_what_is_not_tolerated_is_taken() -> None:
    text = "Ne supporte pas le Kardégic, mis sous Plavix."
    assert said(text, "allergies") == [("Kardégic", "present")]
    assert said(text, "antithrombotics") == [("Plavix", "present")]


def test_an_allergy_that_is_not_severe_is_one() -> None:
    assert said("Allergie non sévère à l'iode.", "allergies") == [("iode", "present")]
