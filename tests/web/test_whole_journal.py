"""The journal of all records on the page: what it shows, how it narrows, from an emergency access to what was read."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.web.site import ADMINISTRATOR, AUDITOR, EMERGENCY, TRAITANT, VIGILANCE, Person, Site
from tests.web.test_journeys import revoke_all_but_the_traitant


def journal(person: Person, who: str = AUDITOR) -> Person:
    person.sign_in(who).view("Journal des accès")
    expect(person.page.locator(".journal li").first).to_be_visible()
    return person


def ask(person: Person, **fields: str) -> None:
    for label, value in fields.items():
        person.page.get_by_label(label.replace("_", " "), exact=True).fill(value)
    with person.page.expect_response("**/v1/journal"):
        person.page.get_by_role("button", name="Chercher").click()
    expect(person.page.locator(".busy")).to_have_count(0)


def test_it_narrows_by_patient_person_and_deed_and_goes_on_without_losing_its_place(site: Site) -> None:
    with site.person() as doctor, site.person() as auditor:
        doctor.open_record(TRAITANT).ask("anticoagulant")
        page = journal(auditor).page
        ask(auditor, Patient=site.ins)
        with page.expect_response("**/v1/journal"):
            page.get_by_label("Quoi").select_option("search")
        lines = page.locator(".journal li")
        expect(lines.first).to_contain_text(re.compile(r"Dr Claire FONTAINE .* a cherché dans le dossier"))
        assert all("a cherché dans le dossier" in each for each in lines.all_inner_texts())
        assert "anticoagulant" not in page.locator("main").inner_text()
        page.get_by_label("avec le texte des recherches").check()
        expect(lines.first.locator("blockquote")).to_have_text("« anticoagulant »")
        ask(auditor, Qui_a_regardé="99999999999")
        expect(page.get_by_text("Aucun accès ne répond à ces critères.")).to_be_visible()
        page.get_by_role("button", name="Effacer les critères").click()
        expect(lines.nth(1)).to_be_visible()
        first = lines.first.inner_text()
        more = page.get_by_role("button", name="Suite")
        if more.count():
            before = lines.count()
            more.click()
            expect(lines.nth(before)).to_be_visible()
            assert lines.first.inner_text() == first
        assert page.url.endswith("#audit")
        assert site.ins not in page.content()


def test_from_an_emergency_access_to_what_was_read_under_it(own_site: Site) -> None:
    revoke_all_but_the_traitant(own_site)
    with own_site.person() as doctor:
        doctor.sign_in(EMERGENCY).present()
        doctor.page.get_by_role("button", name="Urgence vitale").click()
        doctor.page.get_by_role("button", name="Inconscient ou confus").click()
        expect(doctor.page.locator(".card-line").first).to_be_visible()
    with own_site.person() as auditor:
        page = auditor.sign_in(AUDITOR).page
        page.get_by_role("button", name="Ce qui a été lu").click()
        lines = page.locator(".journal li")
        expect(lines.filter(has_text="a lu la fiche d'urgence")).to_have_count(1)
        expect(lines.filter(has_text="Accès d’urgence : Inconscient ou confus")).to_have_count(1)
        assert all("HADDAD" in each for each in lines.all_inner_texts())
        expect(page.get_by_label("Qui a regardé")).not_to_have_value("")


@pytest.mark.parametrize("who", [ADMINISTRATOR, VIGILANCE])
def test_the_administrator_reads_it_without_words_and_identity_vigilance_is_not_offered_it(
    site: Site, who: str
) -> None:
    with site.person() as keeper:
        if who == VIGILANCE:
            keeper.sign_in(who)
            expect(keeper.page.get_by_role("button", name="Journal des accès")).to_have_count(0)
            return
        page = journal(keeper, who).page
        expect(page.get_by_label("avec le texte des recherches")).to_have_count(0)


def test_the_deeds_of_the_page_are_the_journal_s(site: Site) -> None:
    from search_api.sentences import ACTIONS

    with site.person() as person:
        named = person.page.evaluate("async () => (await import('/web/views/audit.js')).DEEDS")
        words = [word for group in named.values() for word in group]
        assert len(words) == len(set(words))
        assert set(words) <= set(ACTIONS)
