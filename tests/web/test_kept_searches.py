"""Searches and lists kept by a professional, what is new, and narrowing by specialty: from the page alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.web.site import SELF, TRAITANT, Person, Site


@pytest.fixture
def doctor(site: Site) -> Iterator[Person]:
    """Somebody who keeps nothing yet, and takes it away again: the home is everybody's."""
    with site.person() as opened:
        opened.sign_in(TRAITANT)
        forget_all(opened)
        opened.present()
        expect(opened.banner).to_contain_text("MOREAU", ignore_case=True)
        yield opened
        forget_all(opened)


def forget_all(person: Person) -> None:
    for each in person.page.evaluate(MINE):
        person.page.evaluate(FORGET, each)


TOKEN = "const { session } = await import('/web/state.js'); const { call } = await import('/web/api.js');"
MINE = f"async () => {{ {TOKEN} return (await call('GET', '/v1/searches')).searches.map((each) => each.search_id); }}"
FORGET = f"async (id) => {{ {TOKEN} await call('DELETE', `/v1/searches/${{id}}`); }}"


def manage(person: Person) -> None:
    person.page.get_by_role("button", name="Mes recherches…").click()
    expect(person.page.locator("dialog.saved")).to_be_visible()


def test_a_question_is_kept_run_renamed_changed_and_deleted(doctor: Person) -> None:
    page = doctor.page
    doctor.ask("allergie pénicilline")
    asked = doctor.hits.first.inner_text()
    manage(doctor)
    dialog = page.locator("dialog.saved")
    expect(dialog.get_by_label("Question, ou termes")).to_have_value("allergie pénicilline")  # what was just asked
    doctor.keep("mes allergies".replace(" ", "-"), "allergie pénicilline")
    dialog.get_by_role("button", name="Fermer").click()
    doctor.ask("tension")
    page.get_by_role("button", name="@mes-allergies").click()  # one tap beside the box
    expect(page.locator(".told")).to_contain_text("recherche gardée « mes-allergies » : allergie pénicilline")
    expect(doctor.hits.first).to_have_text(re.compile("Allergie", re.IGNORECASE))
    assert doctor.hits.first.inner_text() == asked
    manage(doctor)
    dialog.get_by_role("button", name="Renommer @mes-allergies").click()
    dialog.locator(".kept input").fill("pénicilline seule")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Lancer @pénicilline-seule")).to_be_visible()
    expect(dialog.locator(".kept li")).to_have_count(1)
    dialog.get_by_role("button", name="Modifier @pénicilline-seule").click()
    doctor.keep("pénicilline-seule", "amoxicilline")
    expect(dialog.locator(".kept li")).to_have_count(1)
    dialog.get_by_role("button", name="Lancer @pénicilline-seule").click()
    expect(page.locator(".told")).to_contain_text("amoxicilline")
    manage(doctor)
    dialog.get_by_role("button", name="Supprimer @pénicilline-seule").click()
    page.get_by_role("dialog").last.get_by_role("button", name="Supprimer").click()
    expect(dialog.locator(".kept")).to_contain_text("Rien encore.")
    dialog.get_by_role("button", name="Fermer").click()
    expect(page.locator(".chip")).to_have_count(0)


def test_a_list_of_terms_answers_and_a_name_that_is_taken_is_not_lost_in_silence(doctor: Person) -> None:
    page = doctor.page
    manage(doctor)
    doctor.keep("anticoag-perso", "apixaban\nénoxaparine", terms=True)
    dialog = page.locator("dialog.saved")
    dialog.get_by_label("Nom", exact=True).fill("Anticoag perso")
    dialog.get_by_label("Question, ou termes").fill("autre chose")
    dialog.get_by_role("button", name="Garder", exact=True).click()
    question = page.get_by_role("dialog").last
    expect(question).to_contain_text("apixaban, énoxaparine")
    question.get_by_role("button", name="Annuler").click()
    expect(dialog.locator(".kept li")).to_contain_text("apixaban, énoxaparine")
    dialog.get_by_role("button", name="Lancer @anticoag-perso").click()
    expect(page.get_by_role("searchbox")).to_have_value("@anticoag-perso")
    expect(doctor.hits.first.locator("mark").first).to_have_text(re.compile("apixaban|énoxaparine", re.IGNORECASE))


def test_a_patient_keeps_no_searches(site: Site) -> None:
    with site.person() as patient:
        patient.open_record(SELF).ask("allergie")
        expect(patient.page.get_by_role("button", name="Mes recherches…")).to_have_count(0)


def test_a_specialty_narrows_and_the_title_shows_what_answers(doctor: Person) -> None:
    before = doctor.ask("consultation cardiologie").count()
    title = doctor.hits.filter(has_text="Consultation de cardiologie").first.locator("h3")
    expect(title.locator("mark")).to_have_text(["Consultation", "cardiologie"])
    chosen = doctor.page.get_by_label("Spécialité")
    chosen.select_option("cardiologie")
    expect(doctor.page.locator(".told")).to_contain_text("spécialité : cardiologie")
    expect(doctor.page.locator(".busy")).to_have_count(0)
    assert 1 <= doctor.hits.count() < before
    expect(doctor.page.locator(".coverage-bar")).to_be_visible()
    chosen.select_option("")
    expect(doctor.hits).to_have_count(before)


def test_what_is_new_can_be_asked_for_before_anything_else(doctor: Person) -> None:
    """The first visit has nothing to compare with: all is shown; the box stays ticked for the next question."""
    page = doctor.page
    fresh = page.get_by_label("nouveau depuis ma dernière visite")
    fresh.check()
    with page.expect_request("**/search") as asked:
        doctor.ask("allergie")
    assert asked.value.post_data_json["new_only"] is True
    expect(fresh).to_be_checked()
