"""The emergency card: fixed order, every line with its source, nothing hidden and nothing concluded."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical.card import Read, emergency_card
from clinical.card_lines import CONTRADICTED, Card, Line, Section
from records.fact import POINTED, Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote, Told
from tests.clinical.telling import ATC, CIM, NOW, Person, allergy, medicine, result, tell

ORDER = [
    "identity",
    "directives",
    "allergies",
    "antithrombotics",
    "treatments",
    "conditions",
    "implants",
    "pregnancy",
    "labs",
    "vaccinations",
    "contacts",
    "blood_group",
]
LAST = "Liste possiblement incomplète: demander au patient, à ses proches."
READ = Read(documents=12, first=date(2019, 2, 1), last=date(2025, 4, 3))


def card_of(*facts: Told, person: Person = Person(), read: Read = READ) -> Card:
    return emergency_card(facts, person, NOW, read)


def section(card: Card, key: str) -> Section:
    return next(each for each in card.sections if each.key == key)


def lines(key: str, *facts: Told, person: Person = Person()) -> tuple[Line, ...]:
    return section(card_of(*facts, person=person), key).lines


def texts(found: tuple[Line, ...]) -> list[str]:
    return [line.text for line in found]


def test_the_order_is_fixed_and_the_last_line_constant() -> None:
    for card in (card_of(), card_of(allergy("pénicilline"), result("Potassium", "4", "mmol/L"))):
        assert [each.key for each in card.sections] == ORDER
        assert card.last_line == LAST


def test_an_empty_section_says_what_was_read_and_never_that_there_is_nothing() -> None:
    for each in card_of().sections[1:]:
        assert each.lines == ()
        assert each.empty == "12 documents lus, du 01/02/2019 au 03/04/2025; aucune mention"
    assert section(card_of(read=Read()), "allergies").empty == "aucun document lu; aucune mention"
    assert section(card_of(read=Read(documents=1)), "allergies").empty == "1 document lu, sans date; aucune mention"


def test_what_was_not_read_is_said() -> None:
    assert READ.notice == ""
    said = Read(pending=2, unread=3, unreadable_pages=1, refused=4, quarantined=5).notice
    assert all(f"{number} " in said for number in (1, 2, 3, 4, 5))


def test_identity_age_and_dated_weight() -> None:
    weights = [
        tell(FactKind.VITAL_SIGN, "Poids", f"d{kilos}", day, value=Quantity(kilos, None, unit="kg"))
        for kilos, day in (("71,5", date(2025, 6, 1)), ("68", date(2026, 1, 5)))
    ]
    who, weight = lines("identity", *weights)
    assert who.text == "MARTIN MARIE, né(e) le 12/03/1985, 40 ans, sexe féminin"
    assert (who.certainty, who.told) == ("INS qualifiée", None)
    assert (weight.text, weight.day) == ("poids : 68 kg", "2026-01-05")
    baby = Person(birth_date=date(2025, 12, 20))
    assert "2 mois" in lines("identity", person=baby)[0].text


# Allergies


def test_an_allergy_with_its_reaction_and_source() -> None:
    told = allergy(
        "Pénicilline", page=3, quote="allergie pénicilline (Quincke)", details={"reaction": "œdème de Quincke"}
    )
    (line,) = lines("allergies", told)
    assert line.text == "Allergie : Pénicilline ; réaction : œdème de Quincke"
    assert line.told is not None
    assert (line.told.document_id, line.told.fact.quote.page) == ("doc1", 3)
    assert (line.day, line.certainty, line.assertion) == ("2026-02-01", "lu dans le texte", "present")
    assert "grave" in line.remarks


def test_a_sentence_that_nobody_understood_is_quoted_and_nothing_is_said_of_it() -> None:
    said = "Choc l'an passé, plus de Clamoxyl depuis"
    unread = allergy(said, Assertion.SUSPECTED, details={"note": POINTED})
    again = allergy(said, Assertion.SUSPECTED, document="doc2", details={"note": POINTED})
    known = allergy("amoxicilline", document="doc3")
    denial = allergy("Pas d'allergie connue", Assertion.ABSENT, document="doc4")
    found = lines("allergies", medicine("Clamoxyl", document="doc5"), unread, again, denial)
    assert texts(found)[0] == f"« {said} »"
    assert set(found[0].documents) == {"doc1", "doc2"}
    assert found[0].remarks == (POINTED,)  # neither severe nor « même substance »
    assert not any(line.contradicted for line in found)
    assert len(lines("allergies", unread, known)) == 2  # it joins no allergy that was understood


def test_severe_ones_come_first() -> None:
    mild = allergy("Iode", details={"reaction": "urticaire"})
    severe = allergy("Venin de guêpe", details={"severity": "severe"})
    coded = allergy("Latex", details={"severity": "SV"})
    assert [("grave" in line.remarks) for line in lines("allergies", mild, severe, coded)] == [True, True, False]


def test_a_denial_stands_beside_what_it_denies_whichever_is_newer() -> None:
    yes = allergy("pénicilline", day=date(2015, 1, 1), document="old")
    no = allergy("pénicilline", Assertion.ABSENT, document="new", quote="pas d'allergie à la pénicilline")
    for facts in ((yes, no), (no, yes)):
        first, second = lines("allergies", *facts)
        assert (first.assertion, second.assertion) == ("present", "absent")
        assert first.contradicted
        assert second.contradicted
        assert "« pas d'allergie à la pénicilline »" in second.text
    (alone,) = lines("allergies", no)
    assert not alone.contradicted


def test_no_known_allergy_contradicts_every_allergy_and_hides_none() -> None:
    general = allergy("Pas d'allergie connue", Assertion.ABSENT, document="new", quote="Pas d'allergie connue")
    found = lines("allergies", general, allergy("arachide", document="old", day=date(2010, 1, 1)))
    assert [line.assertion for line in found] == ["present", "absent"]
    assert all(CONTRADICTED in line.remarks for line in found)


def test_a_denied_class_contradicts_its_member() -> None:
    found = lines("allergies", allergy("amoxicilline"), allergy("pénicilline", Assertion.ABSENT, document="b"))
    assert [line.contradicted for line in found] == [True, True]
    words = allergy("iode"), allergy("produits de contraste iodés", Assertion.ABSENT, document="b")
    assert [line.contradicted for line in lines("allergies", *words)] == [True, True]
    apart = allergy("latex"), allergy("pénicilline", Assertion.ABSENT, document="b")
    assert [line.contradicted for line in lines("allergies", *apart)] == [False, False]


def test_brand_substance_and_label_are_one_allergen() -> None:
    first = allergy("Allergie à l'amoxicilline", document="a", concept="amoxicilline")
    second = allergy("CLAMOXYL 500", document="b", day=date(2020, 1, 1))
    (line,) = lines("allergies", first, second)
    assert line.also == ("b",)


def test_different_reactions_are_different_lines() -> None:
    one = allergy("pénicilline", document="a", details={"reaction": "urticaire"})
    two = allergy("pénicilline", document="b", details={"reaction": "choc"}, day=date(2019, 1, 1))
    assert len(lines("allergies", one, two)) == 2


def test_a_class_match_is_said_as_such() -> None:
    (line,) = lines("allergies", allergy("pénicilline"), medicine("Augmentin 1 g"))
    (said,) = [remark for remark in line.remarks if "classe" in remark]
    assert said.startswith("même classe (pénicilline) : amoxicilline acide clavulanique")
    (same,) = lines("allergies", allergy("amoxicilline"), medicine("Clamoxyl"))
    assert any(remark.startswith("même substance : amoxicilline") for remark in same.remarks)
    (other,) = lines("allergies", allergy("pénicilline"), medicine("paracétamol"))
    assert not any("même" in remark for remark in other.remarks)


def test_supposed_and_family_allergies_are_shown_with_that_word() -> None:
    for assertion, word in (
        (Assertion.FAMILY, "chez un proche"),
        (Assertion.SUSPECTED, "suspecté"),
        (Assertion.HYPOTHETICAL, "hypothétique"),
    ):
        (line,) = lines("allergies", allergy("iode", assertion))
        assert word in line.remarks


# Medicines


@pytest.mark.parametrize("years", [0, 1, 5, 20])
def test_a_critical_medicine_never_ages_off(years: int) -> None:
    day = NOW - timedelta(days=365 * years)
    (line, *_) = lines("antithrombotics", medicine("Eliquis 5 mg", day=day, details={"frequency": "x 2/j"}))
    assert line.text == "Eliquis 5 mg (apixaban) x 2/j"
    assert line.group == "anticoagulant"
    unconfirmed = [remark for remark in line.remarks if remark.startswith("non confirmé depuis le ")]
    assert len(unconfirmed) == (years > 0)


def test_an_undated_critical_medicine_is_unconfirmed() -> None:
    (line,) = lines("antithrombotics", medicine("warfarine", day=None))
    assert line.remarks == ("document non daté", "non confirmé par un document daté")


def test_a_document_without_a_date_is_said_beside_an_old_one_with_its_deposit() -> None:
    old = medicine("Eliquis", document="a", day=date(2019, 3, 1))
    undated = replace(medicine("Eliquis", document="b", day=None), deposited=date(2026, 2, 20))
    (line,) = lines("antithrombotics", old, undated)
    assert line.remarks == (
        "dernière mention le 01/03/2019",
        "cité aussi par un document non daté, déposé le 20/02/2026",
        "non confirmé par un document daté récent",
    )
    recent = medicine("Doliprane", document="c", day=NOW)
    found = lines(
        "treatments", medicine("Inexium", day=date(2019, 3, 1)), medicine("Inexium", document="d", day=None), recent
    )
    assert "Inexium (ésoméprazole)" in texts(found), "an undated mention does not age off"


def test_a_stop_stands_beside_the_last_mention() -> None:
    held = medicine("Previscan", document="a", day=date(2025, 12, 1))
    stopped = medicine("Previscan", document="b", day=date(2026, 2, 1), details={"stopped": "2026-01-30"})
    found = lines("antithrombotics", held, stopped)
    assert {("arrêt mentionné" in line.remarks) for line in found} == {True, False}
    assert all(line.contradicted for line in found)


@pytest.mark.parametrize(
    ("label", "key", "group"),
    [
        ("Kardégic 75 mg", "antithrombotics", "antiagrégant plaquettaire"),
        ("Lovenox 4000", "antithrombotics", "anticoagulant"),
        ("Lantus 20 UI", "treatments", "insuline"),
        ("prednisone 10 mg", "treatments", "corticoïde"),
        ("Skenan LP 30", "treatments", "opioïde"),
        ("Keppra 500", "treatments", "antiépileptique"),
        ("Prograf 1 mg", "treatments", "immunosuppresseur, biothérapie, chimiothérapie"),
        ("Symbicort 200/6", "treatments", "autre traitement"),
        ("Doliprane 1 g", "treatments", "autre traitement"),
    ],
)
def test_where_a_medicine_stands(label: str, key: str, group: str) -> None:
    assert [line.group for line in lines(key, medicine(label))] == [group]


def test_an_atc_code_suffices() -> None:
    (line,) = lines("antithrombotics", medicine("MARQUE INCONNUE 15 mg", codes=[(ATC, "B01AF01")]))
    assert line.group == "anticoagulant"


def test_a_dispensing_is_evidence_too() -> None:
    (line,) = lines("antithrombotics", tell(FactKind.DISPENSING, "XARELTO 20 mg"))
    assert "délivrance" in line.remarks


def test_kidney_and_inr_stand_beside_an_anticoagulant_only() -> None:
    labs = [result("DFG (CKD-EPI)", "48", "mL/min/1,73m²"), result("INR", "2,4", "")]
    found = lines("antithrombotics", medicine("Coumadine 5 mg"), *labs)
    assert texts(found)[1:] == ["DFG (CKD-EPI) : 48 mL/min/1,73m²", "INR : 2,4"]
    assert lines("antithrombotics", *labs) == ()


def test_other_medicines_age_off_and_are_counted() -> None:
    old = medicine("Doliprane", day=date(2020, 1, 1))
    found = lines("treatments", old, medicine("Inexium", document="b"))
    assert texts(found)[0] == "Inexium (ésoméprazole)"
    assert texts(found)[1].startswith("1 autre(s) traitement(s)")
    assert texts(lines("treatments", old)) == ["Doliprane (paracétamol)"], "the last that is known, said unconfirmed"
    assert any("non confirmé" in remark for remark in lines("treatments", old)[0].remarks)


def test_a_medicine_of_every_document_is_one_line() -> None:
    told = [medicine("Eliquis", document=f"d{n}", day=NOW - timedelta(days=n)) for n in range(300)]
    (line,) = lines("antithrombotics", *told)
    assert len(line.documents) == 300
    ill = [tell(FactKind.CONDITION, "Épilepsie", f"d{n}", start=f"20{n % 20:02d}") for n in range(300)]
    assert len(lines("conditions", *ill)) == 1


# History


def test_conditions_by_words_and_by_code() -> None:
    found = lines(
        "conditions",
        tell(FactKind.CONDITION, "Hémodialyse", details={"side": "bras gauche"}),
        tell(FactKind.CONDITION, "Comitialité", document="b"),
        tell(FactKind.CONDITION, "Affection codée", document="c", codes=[(CIM, "E27.1")]),
        tell(FactKind.CONDITION, "Rhinite", document="d"),
        tell(FactKind.CONDITION, "Insuffisance cardiaque", "e", assertion=Assertion.FAMILY),
    )
    assert [line.group for line in found] == ["insuffisance surrénale", "dialyse", "épilepsie"]
    assert "bras gauche" in found[1].text


def tell_condition(label: str, assertion: Assertion, document: str) -> Told:
    return tell(FactKind.CONDITION, label, document, assertion=assertion)


def test_a_denied_condition_is_shown_only_beside_its_affirmation() -> None:
    no = tell_condition("épilepsie", Assertion.ABSENT, "b")
    assert lines("conditions", no) == ()
    found = lines("conditions", no, tell_condition("épilepsie", Assertion.PRESENT, "a"))
    assert [line.contradicted for line in found] == [True, True]


def test_implants_with_dates() -> None:
    found = lines(
        "implants",
        tell(FactKind.PROCEDURE, "Pose de stent actif IVA", start="2024-05-02"),
        tell(FactKind.IMPLANT, "Implant inconnu", document="b", start="2011"),
        tell(FactKind.PROCEDURE, "Appendicectomie", document="c"),
    )
    assert [(line.text, line.day) for line in found] == [
        ("Pose de stent actif IVA", "2024-05-02"),
        ("Implant inconnu", "2011"),
    ]


def test_a_pregnancy_past_its_term_is_to_be_checked() -> None:
    past = tell(FactKind.PREGNANCY, "Grossesse", details={"term_date": "2026-01-12"})
    coming = tell(FactKind.PREGNANCY, "Grossesse", details={"term_date": "2026-06-12"})
    old = tell(FactKind.PREGNANCY, "Grossesse", day=date(2024, 1, 1))
    said = [
        any("à vérifier" in remark for remark in lines("pregnancy", each)[0].remarks) for each in (past, coming, old)
    ]
    assert said == [True, False, True]


def test_labs_with_trend_baseline_original_and_converted() -> None:
    days = [date(2025, 6, 1), date(2025, 9, 1), date(2026, 1, 15)]
    facts = [
        result("Créatinine", text, "µmol/L", f"d{n}", day)
        for n, (text, day) in enumerate(zip(["80", "84", "82"], days, strict=True))
    ]
    (line,) = lines(
        "labs", *facts, result("Créatinine", "1,9", "mg/dL", "now", date(2026, 2, 20), range_text="0,5 – 0,9", flag="H")
    )
    assert line.text == "créatinine : 1,9 mg/dL [0,5 – 0,9] (H) = 168 µmol/L"
    assert any("80 µmol/L (01/06/2025) → 84" in remark for remark in line.remarks)
    assert "valeur de base (médiane de 8 à 365 jours avant) : 82 µmol/L" in line.remarks


def test_two_values_of_one_day_are_both_shown() -> None:
    found = lines("labs", result("Potassium", "4,1", "mmol/L"), result("Potassium", "6,8", "mmol/L", "b"))
    assert len(found) == 2


def test_an_implausible_value_is_shown_as_it_is() -> None:
    (line,) = lines("labs", result("Potassium", "44", "mmol/L"))
    assert line.text == "kaliémie : 44 mmol/L"
    assert any("invraisemblable" in remark for remark in line.remarks)


def test_the_personne_de_confiance_comes_first() -> None:
    son = tell(FactKind.CONTACT, "Paul MARTIN", details={"relation": "fils", "telephone": "0600000000"})
    trusted = tell(FactKind.CONTACT, "Luc DUPONT", details={"role": "personne de confiance"})
    assert texts(lines("contacts", son, trusted)) == [
        "Luc DUPONT ; personne de confiance",
        "Paul MARTIN ; fils ; 0600000000",
    ]


def test_blood_groups_do_not_suffice_to_transfuse() -> None:
    found = lines("blood_group", tell(FactKind.BLOOD_GROUP, "A+"), tell(FactKind.BLOOD_GROUP, "O+", "b"))
    assert all("non utilisable pour transfuser" in line.remarks and line.contradicted for line in found)
    assert card_of().sections[-1].key == "blood_group"


# Properties

words = st.text(st.characters(codec="utf-8"), max_size=15) | st.sampled_from(
    [
        "Pénicilline",
        "Pas d'allergie connue",
        "Eliquis",
        "Créatinine",
        "INR",
        "Épilepsie",
        "stent",
        "2026-01-12",
        "1.500",
        "µmol/L",
    ]
)
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False)
facts = st.builds(
    Fact,
    st.sampled_from(FactKind),
    words,
    st.builds(Quote, st.integers(1, 9), st.integers(0, 9), st.integers(0, 9), words),
    st.sampled_from(FactSource),
    st.sampled_from(Assertion),
    words,
    st.lists(st.builds(Coding, words | st.just(ATC), words | st.just("B01AF01")), max_size=2).map(tuple),
    st.none() | st.builds(Quantity, words, numbers, st.sampled_from(["", "<"]), words, numbers, numbers, words, words),
    st.builds(Period, words, words),
    st.lists(
        st.tuples(st.sampled_from(["reaction", "dose", "term_date", "stopped", "specimen", "severity"]), words),
        max_size=3,
    ).map(tuple),
    st.none() | st.floats(0, 1),
)
tolds = st.lists(st.builds(Told, facts, st.sampled_from("abc"), st.none() | st.dates()), max_size=8)


@settings(max_examples=120, deadline=None)
@given(tolds, st.integers())
def test_any_facts_give_a_card_the_same_in_any_order(found: list[Told], seed: int) -> None:
    card = card_of(*found)
    shuffled = random.Random(seed).sample(found, len(found))
    assert card_of(*shuffled) == card
    assert [each.key for each in card.sections] == ORDER
    for each in card.sections[1:]:
        assert bool(each.empty) != bool(each.lines)


@settings(max_examples=100, deadline=None)
@given(tolds)
def test_no_allergy_is_ever_missing(found: list[Told]) -> None:
    kinds = (FactKind.ALLERGY, FactKind.INTOLERANCE, FactKind.CONTRAINDICATION)
    allergies = [each for each in found if each.fact.kind in kinds]
    shown = {document for line in lines("allergies", *found) for document in line.documents}
    assert {each.document_id for each in allergies} == shown
    stated = {each.fact.assertion for each in allergies}
    assert {line.assertion for line in lines("allergies", *found)} == stated


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Eliquis", "Plavix", "Xarelto 20 mg"]), st.none() | st.dates(), st.sampled_from(Assertion)
        ),
        max_size=6,
    )
)
def test_no_critical_medicine_is_ever_missing(found: list[tuple[str, date | None, Assertion]]) -> None:
    told = [medicine(label, assertion, day=day, document=f"d{n}") for n, (label, day, assertion) in enumerate(found)]
    shown = {document for line in lines("antithrombotics", *told) for document in line.documents}
    assert shown == {each.document_id for each in told if each.fact.assertion is not Assertion.FAMILY}


@pytest.mark.parametrize("first", ["a", "z"])
def test_of_two_documents_without_a_date_the_one_received_later_speaks(first: str) -> None:
    dose = {"codes": [(ATC, "B01AF02")]}
    older = replace(tell(FactKind.MEDICATION, "Eliquis 2,5 mg", first, None, **dose), deposited=date(2026, 1, 5))
    later = replace(tell(FactKind.MEDICATION, "Eliquis 5 mg", "m", None, **dose), deposited=date(2026, 2, 7))
    lines = section(card_of(older, later), "antithrombotics").lines
    assert lines[0].text.startswith("Eliquis 5 mg")


def test_a_contraindication_keeps_its_kind_and_contradicts_no_denial_of_allergies() -> None:
    barred = tell(FactKind.CONTRAINDICATION, "AINS", document="lettre")
    none = allergy("pas d'allergie connue", Assertion.ABSENT, document="bilan")
    shown = lines("allergies", barred, none, allergy("latex", document="bloc"))
    assert [line.text for line in shown] == [
        "Allergie : latex ; réaction non précisée",
        "Contre-indication : AINS",
        "« pas d'allergie connue » : niée ou infirmée par ce document",
    ]
    assert [line.contradicted for line in shown] == [True, False, True]
    denied = tell(FactKind.CONTRAINDICATION, "AINS", document="avis", assertion=Assertion.ABSENT)
    assert [line.contradicted for line in lines("allergies", barred, denied)] == [True, True]
