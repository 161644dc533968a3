"""Entries of a CDA section as facts: what is stated and nothing more, quoted from the narrative or from a line more."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from ingest.parsers.fact_values import day_of, number_of
from records.content import Reading
from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity

Read = Callable[..., Reading]
LOINC, SNOMED = "2.16.840.1.113883.6.1", "2.16.840.1.113883.6.96"
IHE = "1.3.6.1.4.1.19376.1.5.3.1.4"


def document(section: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><title>Essai</title>'
        f"<component><structuredBody><component>{section}</component></structuredBody></component></ClinicalDocument>"
    ).encode()


def section(code: str, narrative: str, *entries: str) -> bytes:
    inside = "".join(f"<entry>{entry}</entry>" for entry in entries)
    coded = f'<code code="{code}" codeSystem="{LOINC}"/><title>Partie</title>'
    return document(f"<section>{coded}<text>{narrative}</text>{inside}</section>")


def observation(template: str, inside: str, *, code: str = "", attributes: str = "") -> str:
    return (
        f'<observation classCode="OBS" moodCode="EVN" {attributes}><templateId root="{template}"/>'
        f"{code}{inside}</observation>"
    )


def told(read: Read, data: bytes) -> list[Fact]:
    found = []
    for page in read(data, "x.xml").pages:
        for fact in page.facts:
            assert fact.quote.text == page.text[fact.quote.start : fact.quote.end]
            found += [fact] if fact.source is FactSource.STRUCTURED else []
    return found


def agent(code: str, name: str) -> str:
    return (
        '<participant typeCode="CSM"><participantRole><playingEntity>'
        f'<code code="{code}" codeSystem="2.16.840.1.113883.6.73" displayName="{name}"/>'
        "</playingEntity></participantRole></participant>"
    )


def status(code: str) -> str:
    coded = f'<code code="33999-4" codeSystem="{LOINC}"/><value xsi:type="CE" code="{code}" displayName="{code}"/>'
    return f'<entryRelationship typeCode="REFR"><observation>{coded}</observation></entryRelationship>'


def test_an_allergy_with_its_reaction_is_quoted_from_its_row(read: Read) -> None:
    reaction = (
        '<entryRelationship typeCode="MFST">'
        + observation("1.2.3", '<value xsi:type="CD" code="39579001" displayName="choc anaphylactique"/>')
        + "</entryRelationship>"
    )
    [found] = told(
        read,
        section(
            "48765-2",
            '<table><tbody><tr><td>2004</td><td><content ID="a1">Amoxicilline</content></td><td>Choc</td></tr>'
            "<tr><td>2010</td><td>Latex</td></tr></tbody></table>",
            observation(
                f"{IHE}.6",
                '<text><reference value="#a1"/></text><effectiveTime><low value="200405"/></effectiveTime>'
                '<value xsi:type="CD"/>' + agent("J01CA04", "amoxicilline") + reaction,
                code=f'<code code="416098002" codeSystem="{SNOMED}" displayName="allergie médicamenteuse"/>',
                attributes='negationInd="false"',
            ),
        ),
    )
    assert (found.kind, found.label, found.assertion) == (FactKind.ALLERGY, "amoxicilline", Assertion.PRESENT)
    assert found.codes == (Coding("2.16.840.1.113883.6.73", "J01CA04", "amoxicilline"),)
    assert (found.when, found.detail("reaction")) == (Period("2004-05"), "choc anaphylactique")
    assert found.quote.text == "2004 | Amoxicilline | Choc"


@pytest.mark.parametrize(
    ("inside", "attributes", "assertion"),
    [
        ('<value xsi:type="CD" code="716186003" displayName="pas d\'allergie connue"/>', "", Assertion.ABSENT),
        ('<value xsi:type="CD" code="419199007" displayName="allergie"/>', 'negationInd="true"', Assertion.ABSENT),
        ('<value xsi:type="CD"/>' + agent("N02BE01", "paracétamol") + status("refuted"), "", Assertion.ABSENT),
        ('<value xsi:type="CD"/>' + agent("N02BE01", "paracétamol") + status("resolved"), "", Assertion.PAST),
        ('<value xsi:type="CD"/>' + agent("N02BE01", "paracétamol") + status("inactive"), "", Assertion.PRESENT),
    ],
)
def test_how_an_allergy_is_stated(read: Read, inside: str, attributes: str, assertion: Assertion) -> None:
    entry = observation(f"{IHE}.6", inside, attributes=attributes)
    [found] = told(read, section("48765-2", "<paragraph>Voir dossier.</paragraph>", entry))
    assert found.assertion is assertion


def test_an_allergy_that_only_the_narrative_denies(read: Read) -> None:
    entry = observation(f"{IHE}.6", '<value xsi:type="CD" nullFlavor="NI"/>')
    [found] = told(read, section("48765-2", "Aucune allergie identifiée pendant le séjour", entry))
    assert (found.assertion, found.quote.text) == (Assertion.ABSENT, "Aucune allergie identifiée pendant le séjour")


def test_an_entry_without_narrative_gets_a_line(read: Read) -> None:
    entry = observation(
        f"{IHE}.5",
        '<effectiveTime><low value="20190412"/></effectiveTime>'
        '<value xsi:type="CD" code="E10" codeSystem="2.16.840.1.113883.6.3" displayName="Diabète de type 1"/>',
        attributes='negationInd="true"',
    )
    [found] = told(read, section("11450-4", "<paragraph>Rien d'écrit.</paragraph>", entry))
    assert found.assertion is Assertion.ABSENT
    assert found.quote.text == "Problème : absence de Diabète de type 1 | 12/04/2019"


@pytest.mark.parametrize(
    ("code", "template", "inside", "assertion"),
    [
        ("11450-4", f"{IHE}.5", "", Assertion.PRESENT),
        ("11348-0", f"{IHE}.5", "", Assertion.PAST),
        ("11450-4", f"{IHE}.5", status("413322009"), Assertion.PAST),
        ("11450-4", f"{IHE}.5", '<uncertaintyCode code="UN"/>', Assertion.SUSPECTED),
        ("10157-6", f"{IHE}.13.3", "", Assertion.FAMILY),
    ],
)
def test_how_a_problem_is_stated(read: Read, code: str, template: str, inside: str, assertion: Assertion) -> None:
    value = '<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3" displayName="Hypertension"/>'
    [found] = told(read, section(code, "<paragraph>Hypertension</paragraph>", observation(template, value + inside)))
    assert (found.kind, found.assertion, found.quote.text) == (FactKind.CONDITION, assertion, "Hypertension")


def test_a_result_its_range_and_the_result_before_it(read: Read) -> None:
    coded = f'<code code="2160-0" codeSystem="{LOINC}" displayName="Créatinine"/>'
    before = (
        '<entryRelationship typeCode="REFR"><observation>'
        f'{coded}<effectiveTime value="20230105"/><value xsi:type="PQ" value="88" unit="umol/L"/>'
        "</observation></entryRelationship>"
    )
    new, old = told(
        read,
        section(
            "18719-5",
            "<table><tbody><tr><td>Créatinine</td><td>150,0 µmol/L</td><td>60 à 110</td></tr></tbody></table>",
            observation(
                "1.3.6.1.4.1.19376.1.3.1.6",
                '<effectiveTime value="20240302081500+0100"/><value xsi:type="PQ" value="150.0" unit="umol/L"/>'
                '<interpretationCode code="H"/><referenceRange><observationRange><value xsi:type="IVL_PQ">'
                '<low value="60" unit="umol/L"/><high value="110" unit="umol/L"/></value></observationRange>'
                "</referenceRange>" + before,
                code=coded,
            ),
        ),
    )
    assert new.value == Quantity(
        "150.0", Decimal("150.0"), "", "umol/L", Decimal(60), Decimal(110), "60 - 110 umol/L", "H"
    )
    assert (new.when, new.quote.text) == (Period("2024-03-02"), "Créatinine | 150,0 µmol/L | 60 à 110")
    assert old.value is not None
    assert (old.value.text, old.when.start, old.codes) == ("88", "2023-01-05", new.codes)
    assert old.quote.text == "Résultat : Créatinine | 88 umol/L | 05/01/2023"


def test_a_figure_inside_another_is_no_quote(read: Read) -> None:
    """« 8 » stands in « 188 » and in « 10*8 » only: the entry gets a line that says it."""
    entry = observation(
        "1.3.6.1.4.1.19376.1.3.1.6",
        '<value xsi:type="PQ" value="8" unit="fL"/>',
        code=f'<code code="32623-1" codeSystem="{LOINC}" displayName="Volume plaquettaire"/>',
    )
    [found] = told(read, section("18723-7", "<paragraph>Volume plaquettaire 188 (2018)</paragraph>", entry))
    assert found.quote.text == "Résultat : Volume plaquettaire | 8 fL"


def test_a_treatment_in_steps_is_one(read: Read) -> None:
    def step(dose: str, hours: str) -> str:
        return (
            '<entryRelationship typeCode="COMP"><substanceAdministration>'
            '<templateId root="1.2.250.1.213.1.1.3.83.1"/><effectiveTime xsi:type="PIVL_TS">'
            f'<period value="{hours}" unit="h"/></effectiveTime><doseQuantity value="{dose}" unit="{{tablet}}"/>'
            '<consumable><manufacturedProduct><manufacturedMaterial><code nullFlavor="NA"/></manufacturedMaterial>'
            "</manufacturedProduct></consumable></substanceAdministration></entryRelationship>"
        )

    entry = (
        f'<substanceAdministration moodCode="INT"><templateId root="{IHE}.7"/>'
        '<effectiveTime xsi:type="IVL_TS"><low value="20240101"/><high nullFlavor="UNK"/></effectiveTime>'
        '<routeCode code="20053000" displayName="Voie orale"/><consumable><manufacturedProduct><manufacturedMaterial>'
        '<code code="63564053" codeSystem="1.2.250.1.213.2.3.1" displayName="PLAVIX 75 mg, comprimé">'
        '<translation code="B01AC04" codeSystem="2.16.840.1.113883.6.73" displayName="clopidogrel"/></code>'
        "<name>PLAVIX</name></manufacturedMaterial></manufacturedProduct></consumable>"
        + step("2", "24")
        + step("1", "24")
        + "</substanceAdministration>"
    )
    [found] = told(read, section("57828-6", "<list><item>PLAVIX 75 mg, comprimé : 2 puis 1</item></list>", entry))
    assert (found.kind, found.label) == (FactKind.MEDICATION, "PLAVIX 75 mg, comprimé")
    assert [one.code for one in found.codes] == ["63564053", "B01AC04"]
    assert found.when == Period("2024-01-01")
    details = [found.detail(name) for name in ("brand", "route", "dose", "frequency")]
    assert details == ["PLAVIX", "Voie orale", "2 tablet puis 1 tablet", "toutes les 24 h puis toutes les 24 h"]
    assert found.quote.text == "- PLAVIX 75 mg, comprimé : 2 puis 1"


def test_a_device_that_stays_is_an_implant_and_a_dressing_is_not(read: Read) -> None:
    def supply(system: str, code: str, name: str) -> str:
        coded = f'<code code="{code}" codeSystem="{system}" displayName="{name}"/>'
        return (
            '<supply moodCode="EVN"><participant typeCode="DEV"><participantRole><playingDevice>'
            f"{coded}</playingDevice></participantRole></participant></supply>"
        )

    emdn = "1.2.250.1.213.2.68"
    found = told(
        read,
        section(
            "46264-8",
            "<paragraph>Stimulateur et pansement</paragraph>",
            supply(emdn, "J010104", "Stimulateur triple chambre"),
            supply(emdn, "M040401", "Pansement"),
        ),
    )
    assert {fact.label: fact.kind for fact in found} == {
        "Stimulateur triple chambre": FactKind.IMPLANT,
        "Pansement": FactKind.DISPENSING,
    }


def test_the_pregnancies_of_a_childs_mother_are_not_the_childs(read: Read) -> None:
    def about(code: str, value: str) -> str:
        return observation(
            f"{IHE}.13.5", value, code=f'<code code="{code}" codeSystem="{LOINC}" displayName="{code}"/>'
        )

    found = told(
        read,
        section(
            "10162-6",
            "<paragraph>Grossesses</paragraph>",
            about("11996-6", '<value xsi:type="INT" value="2"/>'),
            about("11449-6", '<value xsi:type="CE" code="77386006" displayName="enceinte"/>'),
            about("11449-6", '<value xsi:type="CE" code="60001007" displayName="non enceinte"/>'),
            about("11778-8", '<value xsi:type="TS" value="20240901"/>'),
        ),
    )
    stated = [(fact.kind, fact.assertion, fact.detail("term_date")) for fact in found]
    assert stated == [
        (FactKind.PREGNANCY, Assertion.PRESENT, ""),
        (FactKind.PREGNANCY, Assertion.ABSENT, ""),
        (FactKind.PREGNANCY, Assertion.PRESENT, "2024-09-01"),
    ]


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("20240302081500+0100", "2024-03-02"),
        ("2024-03-02T08:15", "2024-03-02"),
        ("202403", "2024-03"),
        ("1975", "1975"),
        ("20092012", "2009"),
        ("00000000", ""),
        ("", ""),
        ("hier", ""),
    ],
)
def test_a_date_is_as_exact_as_it_is_stated(stamp: str, day: str) -> None:
    assert day_of(stamp) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,5", ("", Decimal("1.5"))),
        ("1.500", ("", Decimal("1.500"))),
        ("≥ 60", (">=", Decimal(60))),
        ("< 0,01", ("<", Decimal("0.01"))),
        ("1:128", ("", None)),
        ("positif", ("", None)),
        ("1e400", ("", None)),
        ("NaN", ("", None)),
    ],
)
def test_a_figure_is_one_figure(text: str, expected: tuple[str, Decimal | None]) -> None:
    assert number_of(text) == expected
