"""« Séjours » : the episodes that hospitals announced, to whom the service tells them, as they were told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Locator, expect

from access.facts import RelationKind
from access.identifiers import PatientId
from records import relations
from search_api.tokens import issue_token
from tests.web.site import EMERGENCY, PHONE, SELF, TRAITANT, Person, Site

OPEN = """async (id) => {
  const [{ session, openPatient }, { call }] = await Promise.all([import('/web/state.js'), import('/web/api.js')]);
  openPatient(await call('GET', `/v1/patients/${id}/identity`));
  return session.patient.basis;
}"""
"""The page has no door for who is a patient: the record is opened as the door opens it."""
OTHERS = "D’autres peuvent exister."


def stays(person: Person) -> list[str]:
    """The rows of the table, in their order."""
    rows = person.page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_be_visible()
    return rows.all_inner_texts()[1:]


@pytest.mark.parametrize("title", [SELF, TRAITANT])
def test_the_patient_and_the_traitant_see_all_the_latest_first(site: Site, title: str) -> None:
    with site.person() as person:
        page = person.open_record(title).view("Séjours").page
        cancelled, consultation, stay = stays(person)
        for said in ("annulé", "urgences", "23 février 2026 à 09 h 30", "26005678", "non annoncé"):
            assert said in cancelled, said
        for said in ("consultation externe", "Consultation de pneumologie", "RPPS 10000000099", "consultant"):
            assert said in consultation, said
        for said in ("hospitalisation", "Cardiologie", "3 février 2026 à 09 h 30", "7 février 2026 à 16 h 30"):
            assert said in stay, said
        for said in ("FINESS 690000001", "26001234", "DR LEA MARCHAND responsable", "DR PAUL ADRESSE adresseur"):
            assert said in " ".join(stay.split()), said
        assert "annulé" not in consultation + stay
        expect(page.locator("main")).to_contain_text(OTHERS)


def test_another_professional_sees_those_that_name_them_and_that_there_may_be_others(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record(EMERGENCY).view("Séjours").page
        (stay,) = stays(doctor)
        assert "26001234" in stay
        expect(page.locator("main")).to_contain_text("Seulement ceux dont l’équipe de soins vous nomme")
        expect(page.locator("main")).to_contain_text(OTHERS)
        for hidden in ("26004321", "26005678", "pneumologie"):
            assert hidden not in page.content()


def test_nothing_shown_is_not_nothing_there(site: Site) -> None:
    empty = next(name for ins, name in site.patients.items() if ins != site.ins)
    with site.person() as patient:
        signed_by_token(patient, empty)
        patient.view("Séjours")
        expect(patient.page.locator("main")).to_contain_text("Cela ne prouve pas qu’il n’y en a pas eu.")
        expect(patient.page.get_by_role("table")).to_have_count(0)


def test_who_acts_for_the_patient_is_offered_none(own_site: Site) -> None:
    """An empty view would say that there was none."""
    other = next(name for ins, name in own_site.patients.items() if ins != own_site.ins)
    services, now = own_site.home.services, own_site.home.clock()
    with services.records.write() as tx:
        relations.record_representative(
            tx, own_site.patient_id, other, RelationKind.GUARDIAN, now=now, by="test", valid_until=None
        )
    with own_site.person() as guardian:
        signed_by_token(guardian, other)
        expect(tab(guardian, "Séjours")).to_be_visible()
        opened = guardian.page.evaluate(OPEN, own_site.patient_id)
        assert opened == "guardian"
        tab(guardian, "Frise").click()
        expect(guardian.banner).to_contain_text("MOREAU", ignore_case=True)
        expect(tab(guardian, "Documents")).to_be_visible()
        expect(tab(guardian, "Séjours")).to_have_count(0)


def test_on_a_phone_a_stay_is_a_block_that_names_its_parts(site: Site) -> None:
    with site.person(viewport=PHONE) as doctor:
        page = doctor.open_record(TRAITANT).page
        page.get_by_role("button", name="English").click()
        cells = doctor.view("Stays").page.get_by_role("cell")
        expect(page.get_by_role("row").nth(3)).to_contain_text("inpatient")
        for place in cells.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)"):
            assert place <= PHONE["width"]


def tab(person: Person, name: str) -> Locator:
    return person.page.get_by_role("navigation").get_by_role("button", name=name)


def signed_by_token(person: Person, patient_id: PatientId) -> None:
    home = person.site.home
    token = issue_token(home.services, patient_id=patient_id, lifetime=timedelta(hours=1), now=home.clock())
    person.page.get_by_text("Avec un jeton d’accès").click()
    person.page.get_by_label("Jeton d’accès").fill(token)
    person.page.keyboard.press("Enter")
    expect(person.banner).to_be_visible()
