"""What documents state, as FHIR: each statement as strong as its words, and a summary that never denies by silence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from records.fact import Assertion, Coding, Fact, FactKind, FactSource, Period, Quantity, Quote
from tests.fhir.asking import code_of, get, link, places_of, resources
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.telling import say
from tests.search_api.world import World


def fact(kind: FactKind, label: str, assertion: Assertion = Assertion.PRESENT, **more: Any) -> Fact:
    return Fact(kind, label, Quote(1, 0, len(label), label), FactSource.TEXT, assertion, **more)


def silent(world: World) -> World:
    """The same home, whose documents state nothing."""
    for name in ("lettre", "bilan", "ordonnance", "biopsie"):
        say(world, name)
    return world


def told(world: World, kind: str) -> list[Any]:
    return resources(get(world, f"/{kind}?patient={{marie}}").json())


def only(world: World, kind: str) -> Any:
    (one,) = told(world, kind)
    return one


def test_each_kind_with_its_words(own_world: World) -> None:
    silent(own_world)
    say(
        own_world,
        "lettre",
        fact(
            FactKind.CONDITION, "hypertension", codes=(Coding("2.16.840.1.113883.6.3", "I10"),), when=Period("2019-02")
        ),
        fact(FactKind.IMMUNIZATION, "DTPCa", details=(("lot", "A1"),), when=Period("2015-06-01")),
        fact(FactKind.PROCEDURE, "appendicectomie", Assertion.PAST, when=Period("1999")),
        fact(FactKind.IMPLANT, "pacemaker"),
    )
    say(
        own_world,
        "bilan",
        fact(FactKind.MEDICATION, "apixaban", details=(("dose", "5 mg"), ("frequency", "2 fois par jour"))),
        fact(FactKind.LAB_RESULT, "Kaliémie", value=Quantity("< 3,5", Decimal("3.5"), "<", "mmol/L", flag="L")),
        fact(FactKind.LAB_RESULT, "Hémoculture", value=Quantity("négative")),
    )
    condition = only(own_world, "Condition")
    assert condition["code"]["coding"] == [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}]
    assert (condition["onsetDateTime"], condition["clinicalStatus"]["coding"][0]["code"]) == ("2019-02", "active")
    vaccine = only(own_world, "Immunization")
    assert (vaccine["status"], vaccine["occurrenceDateTime"], vaccine["lotNumber"]) == ("completed", "2015-06-01", "A1")
    assert only(own_world, "Procedure")["performedDateTime"] == "1999"
    assert only(own_world, "DeviceUseStatement")["contained"][0]["type"]["text"] == "pacemaker"
    medicine = only(own_world, "MedicationStatement")
    assert (medicine["status"], medicine["dateAsserted"]) == ("active", "2025-01-09")
    assert medicine["dosage"] == [{"text": "5 mg 2 fois par jour"}]
    potassium, culture = told(own_world, "Observation")
    assert potassium["valueQuantity"] == {"value": 3.5, "comparator": "<", "unit": "mmol/L"}
    assert potassium["interpretation"][0]["coding"][0]["code"] == "L"
    assert (culture["valueString"], culture["effectiveDateTime"]) == ("négative", "2025-01-09")


def test_a_denial_is_a_denial(own_world: World) -> None:
    denied = Assertion.ABSENT
    kinds = (FactKind.CONDITION, FactKind.MEDICATION, FactKind.PROCEDURE, FactKind.IMMUNIZATION, FactKind.IMPLANT)
    say(silent(own_world), "lettre", *(fact(kind, f"objet {kind}", denied) for kind in kinds))
    assert only(own_world, "Condition")["verificationStatus"]["coding"][0]["code"] == "refuted"
    assert "clinicalStatus" not in only(own_world, "Condition")
    assert only(own_world, "MedicationStatement")["status"] == "not-taken"
    assert only(own_world, "Procedure")["status"] == "not-done"
    assert only(own_world, "Immunization")["status"] == "not-done"
    assert told(own_world, "DeviceUseStatement") == []


def test_the_words_of_a_denied_or_supposed_state_do_not_affirm_it(own_world: World) -> None:
    silent(own_world)
    say(own_world, "lettre", fact(FactKind.PREGNANCY, "enceinte", Assertion.ABSENT))
    assert only(own_world, "Observation")["valueString"] == "nié : enceinte"
    say(own_world, "lettre", fact(FactKind.PREGNANCY, "enceinte", Assertion.SUSPECTED))
    assert only(own_world, "Observation")["valueString"] == "suspecté : enceinte"


def test_a_part_of_a_statement_keeps_how_it_is_stated(own_world: World) -> None:
    """R4 wants it (ait-1): an allergy that was refuted must not look like one."""
    denied = Assertion.ABSENT
    say(silent(own_world), "lettre", fact(FactKind.ALLERGY, "latex", denied), fact(FactKind.CONDITION, "HTA", denied))
    for kind, clinical in (("AllergyIntolerance", "inactive"), ("Condition", None)):
        (one,) = resources(get(own_world, f"/{kind}?patient={{marie}}&_elements=code").json())
        assert one["verificationStatus"]["coding"][0]["code"] == "refuted"
        assert one.get("clinicalStatus", {"coding": [{"code": None}]})["coding"][0]["code"] == clinical


def test_a_statement_without_a_word_has_a_code_all_the_same(own_world: World) -> None:
    said = fact(FactKind.IMMUNIZATION, "\u00a0", details=(("lot", "\ufeff"), ("site", " "), ("rank", "2")))
    say(silent(own_world), "lettre", said)
    vaccine = only(own_world, "Immunization")
    assert vaccine["vaccineCode"] == {"text": "sans libellé"}
    assert vaccine["note"] == [{"text": "Rang : 2"}]
    assert vaccine.keys().isdisjoint({"lotNumber", "site"})


def test_an_end_to_come_ends_nothing_and_a_removed_device_is_not_in_use(own_world: World) -> None:
    silent(own_world)
    later, before = Period("2025-01-02", "2999-01-01"), Period("2024-01-02", "2024-06-01")
    say(
        own_world,
        "bilan",
        fact(FactKind.MEDICATION, "ticagrelor", when=later),
        fact(FactKind.MEDICATION, "apixaban", when=before),
        fact(FactKind.MEDICATION, "fluindione", Assertion.PRESENT, details=(("replaced_by", "apixaban"),)),
        fact(FactKind.CONDITION, "phlébite", when=later),
        fact(FactKind.IMPLANT, "pacemaker", Assertion.PAST),
    )
    found = {one["medicationCodeableConcept"]["text"]: one["status"] for one in told(own_world, "MedicationStatement")}
    assert found == {"ticagrelor": "active", "apixaban": "stopped", "fluindione": "stopped"}
    assert only(own_world, "Condition")["clinicalStatus"]["coding"][0]["code"] == "active"
    assert only(own_world, "DeviceUseStatement")["status"] == "completed"
    bundle = get(own_world, "/Patient/{marie}/$summary").json()
    sections = {one["title"]: one for one in bundle["entry"][0]["resource"]["section"]}
    assert "entry" in sections["Problèmes"]
    assert "entry" not in sections["Antécédents"]


def test_a_treatment_that_only_a_dispensing_tells_is_in_the_summary(own_world: World) -> None:
    silent(own_world)
    say(own_world, "bilan", fact(FactKind.DISPENSING, "apixaban"))
    handed = only(own_world, "MedicationStatement")
    assert (handed["status"], handed["note"]) == ("unknown", [{"text": "Délivrance"}])
    bundle = get(own_world, "/Patient/{marie}/$summary").json()
    (section,) = (one for one in bundle["entry"][0]["resource"]["section"] if one["title"] == "Traitements")
    assert len(section["entry"]) == 1


def test_what_differs_by_dose_side_or_reaction_is_not_one_statement(own_world: World) -> None:
    silent(own_world)
    say(
        own_world,
        "lettre",
        fact(FactKind.ALLERGY, "pénicilline", details=(("reaction", "choc anaphylactique"),)),
        fact(FactKind.MEDICATION, "apixaban", details=(("dose", "5 mg"),)),
        fact(FactKind.IMPLANT, "FAV", details=(("side", "gauche"),)),
    )
    say(
        own_world,
        "bilan",
        fact(FactKind.ALLERGY, "pénicilline"),
        fact(FactKind.MEDICATION, "apixaban", details=(("dose", "2,5 mg"),)),
        fact(FactKind.IMPLANT, "FAV", details=(("side", "droite"),)),
    )
    reactions = [one.get("reaction") for one in told(own_world, "AllergyIntolerance")]
    assert [{"manifestation": [{"text": "choc anaphylactique"}]}] in reactions
    assert [one["dosage"][0]["text"] for one in told(own_world, "MedicationStatement")] == ["2,5 mg", "5 mg"]
    assert [one["bodySite"]["text"] for one in told(own_world, "DeviceUseStatement")] == ["droite", "gauche"]


def test_what_is_of_the_family_is_not_the_patients(own_world: World) -> None:
    silent(own_world)
    say(own_world, "lettre", *(fact(kind, "diabète", Assertion.FAMILY) for kind in FactKind))
    say(own_world, "bilan", fact(FactKind.ALLERGY, "latex", Assertion.HYPOTHETICAL))
    for kind in ("AllergyIntolerance", "Condition", "MedicationStatement", "Observation"):
        shown = [one.get("code", {}).get("text") for one in told(own_world, kind)]
        assert shown == (["latex"] if kind == "AllergyIntolerance" else []), kind
    assert only(own_world, "AllergyIntolerance")["verificationStatus"]["coding"][0]["code"] == "unconfirmed"


def test_no_known_allergy_only_where_it_is_stated_alone(own_world: World) -> None:
    silent(own_world)
    assert told(own_world, "AllergyIntolerance") == []
    none = fact(FactKind.ALLERGY, "Pas d'allergie connue", Assertion.ABSENT)
    say(own_world, "lettre", none)
    stated = only(own_world, "AllergyIntolerance")
    assert stated["code"]["coding"][0]["code"] == "no-known-allergies"
    say(own_world, "bilan", fact(FactKind.ALLERGY, "pénicilline"))
    both = told(own_world, "AllergyIntolerance")
    assert {one["code"]["text"] for one in both} == {"Pas d'allergie connue", "pénicilline"}
    assert "no-known-allergies" not in str(both)


def test_every_statement_says_where_it_is_written(world: World) -> None:
    bundle = get(world, "/AllergyIntolerance?patient={marie}&_revinclude=Provenance:target").json()
    (allergy,), (provenance,) = resources(bundle), resources(bundle, "include")
    assert provenance["target"] == [{"reference": f"AllergyIntolerance/{allergy['id']}"}]
    (entity,) = provenance["entity"]
    assert entity["what"]["reference"].endswith(world.documents["lettre"])
    words = {one["url"]: one for one in entity["extension"][0]["extension"]}
    assert "pénicilline" in words["text"]["valueString"]
    assert get(world, f"/Provenance/{allergy['id']}").json() == provenance
    found = get(world, f"/Provenance?target=AllergyIntolerance/{allergy['id']}").json()
    assert resources(found) == [provenance]
    assert places_of(get(world, "/Provenance?patient={marie}")) == ["http.target"]


def test_statements_are_read_paged_and_narrowed(world: World) -> None:
    first = get(world, "/Observation?patient={marie}&_count=1").json()
    assert first["total"] == 2
    second = world.http.get(link(first, "next"), headers=world.bearer(DOCTOR)).json()
    (one,), (other,) = resources(first), resources(second)
    assert one["id"] != other["id"]
    assert link(second, "next") == ""
    assert get(world, f"/Observation/{one['id']}").json() == one
    version = one["meta"]["versionId"]
    assert get(world, f"/Observation/{one['id']}/_history/{version}").json() == one
    assert code_of(get(world, f"/Condition/{one['id']}")) == "no-such-resource"
    code = one["code"]["coding"][0]
    assert resources(get(world, f"/Observation?patient={{marie}}&code={code['system']}|{code['code']}").json()) == [one]
    assert resources(get(world, "/Observation?patient={marie}&date=lt2020").json()) == []


def test_an_empty_answer_is_not_an_absence(world: World) -> None:
    (said,) = resources(get(world, "/Immunization?patient={marie}").json(), "outcome")
    assert said["issue"][0]["details"]["text"].endswith("D'autres documents peuvent exister.")


def test_a_statement_of_a_masked_document_is_its_readers_alone(own_world: World) -> None:
    """The médecin traitant is told what the masked document says, another doctor is not, and the id tells nothing."""
    say(own_world, "vih", fact(FactKind.CONDITION, "infection par le VIH"))
    seen = resources(get(own_world, "/Condition?patient={marie}", own_world.bearer(TRAITANT)).json())
    hidden = next(one for one in seen if one["code"]["text"] == "infection par le VIH")
    assert hidden["id"] not in [one["id"] for one in told(own_world, "Condition")]
    answers = [get(own_world, f"/Condition/{name}") for name in (hidden["id"], hidden["id"][:-3] + "aaa")]
    assert answers[0].status_code == 404
    assert answers[0].content == answers[1].content


def sections(world: World, who: dict[str, str] | None = None) -> dict[str, Any]:
    summary = get(world, "/Patient/{marie}/$summary", who).json()
    composition = summary["entry"][0]["resource"]
    return {one["code"]["coding"][0]["code"]: one for one in composition["section"]}


def test_the_summary_is_a_document(world: World) -> None:
    summary = get(world, "/Patient/{marie}/$summary").json()
    composition, *rest = [one["resource"] for one in summary["entry"]]
    assert (summary["type"], composition["resourceType"]) == ("document", "Composition")
    addresses = [one["fullUrl"] for one in summary["entry"]]
    assert len(set(addresses)) == len(addresses)
    named = [entry["reference"] for section in composition["section"] for entry in section.get("entry", [])]
    assert set(named) <= set(addresses)
    assert {one["resourceType"] for one in rest} >= {"Patient", "AllergyIntolerance", "MedicationStatement", "Device"}


def test_an_empty_section_says_why(own_world: World) -> None:
    silent(own_world)
    found = sections(own_world)
    assert {"48765-2", "10160-0", "11450-4"} <= set(found)
    for section in found.values():
        assert "entry" not in section
        assert section["emptyReason"]["coding"][0]["code"] == "unavailable"
        assert section["emptyReason"]["text"].endswith("D'autres documents peuvent exister.")
    object.__setattr__(own_world.services, "off", frozenset({"observations"}))
    assert "fermée" in sections(own_world)["30954-2"]["emptyReason"]["text"]


def test_a_document_of_another_day_dates_what_it_says(own_world: World) -> None:
    own_world.deposit("sans date", "marie", "Ordonnance.\n\nParacétamol 1 g trois fois par jour.")
    own_world.work()
    undated = [one for one in told(own_world, "MedicationStatement") if "dateAsserted" not in one]
    assert [one["status"] for one in undated] == ["unknown"]
    assert date(2025, 1, 10).isoformat() in [one.get("dateAsserted") for one in told(own_world, "MedicationStatement")]


def test_the_summary_quotes_directives_contraindications_and_names_contacts(own_world: World) -> None:
    silent(own_world)
    text = (
        "Lettre.\n\nDirectives anticipées : refus d'intubation.\nContre-indication aux AINS.\n"
        "Personne de confiance : Jeanne MARTIN (fille), 06 12 34 56 78.\n"
    )
    own_world.deposit("volontés", "marie", text)
    own_world.work()
    found = sections(own_world)
    assert "refus d'intubation" in found["42348-3"]["text"]["div"].replace("&#x27;", "'").replace("&#39;", "'")
    assert "Contre-indication aux AINS" in found["104605-1"]["text"]["div"]
    assert "emptyReason" not in found["42348-3"]
    patient = next(
        one["resource"]
        for one in get(own_world, "/Patient/{marie}/$summary").json()["entry"]
        if one["resource"]["resourceType"] == "Patient"
    )
    (contact,) = patient["contact"]
    assert contact["name"] == {"text": "Jeanne MARTIN"}
    assert contact["telecom"] == [{"system": "phone", "value": "06 12 34 56 78"}]
    assert {"text": "fille"} in contact["relationship"]
    assert told(own_world, "AllergyIntolerance") == []  # what must not be given is no allergy
    own_world.hide("volontés", masked=True)
    hidden = get(own_world, "/Patient/{marie}/$summary").text
    assert "intubation" not in hidden
    assert "Jeanne" not in hidden
