"""What must never happen in the browser: markup run, one patient's page under another's name, data left behind."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from records import patients
from search_api.tokens import issue_token
from search_api.web.files import assets
from tests.web.hostile import HOSTILE
from tests.web.site import SELF, TRAITANT, Person, Site


def test_hostile_names_and_texts_are_text(site: Site) -> None:
    with site.person() as doctor:
        doctor.sign_in(TRAITANT).present(HOSTILE.matricule)
        page = doctor.page
        expect(doctor.banner).to_contain_text("<IMG SRC=X", ignore_case=True)
        doctor.ask("amoxicilline")
        expect(doctor.hits).not_to_have_count(0)
        expect(doctor.hits.first).to_contain_text("<script>")
        for width in (1366, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            heights = page.locator(".hit").evaluate_all("(all) => all.map((each) => each.offsetHeight)")
            assert max(heights) < 800
        doctor.view("Documents")
        expect(doctor.hits).to_have_count(3)
        assert "\u202e" not in page.locator("main").inner_text()
        doctor.hits.filter(has_text="<script>").first.get_by_role("button", name="Lire").click()
        expect(page.locator(".reader h2")).to_contain_text("<script>")
        assert page.title() == "Anamnèse"
        assert page.locator("main img[src=x], main script").count() == 0


def test_hostile_names_and_texts_are_text_in_the_patient_s_own_views(site: Site) -> None:
    """The hostile patient signs in by a token: contacts, vaccines, the text of a page, journal, on a phone."""
    patient_id = patients.patient_id_of_ins(site.home.services.keys, HOSTILE)
    token = issue_token(site.home.services, patient_id=patient_id, lifetime=timedelta(hours=1), now=site.home.clock())
    with site.person(viewport={"width": 390, "height": 800}) as patient:
        page = patient.page
        page.get_by_text("Avec un jeton d’accès").click()
        page.get_by_label("Jeton d’accès").fill(token)
        page.keyboard.press("Enter")
        expect(patient.banner).to_contain_text("<IMG SRC=X", ignore_case=True)
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        record = ("Urgence", "Frise", "Séjours", "Biologie", "Vaccins", "Documents")
        for view in (*record, "Mes proches", "Mes autorisations"):
            patient.view(view)
            expect(page.get_by_role("heading", level=1)).to_be_attached()
            assert page.evaluate(wide) == 0, view
            assert page.locator("main img[src=x], main script").count() == 0, view
        patient.view("Documents").hits.first.get_by_role("button", name="Lire").click()
        page.get_by_role("button", name="Texte", exact=True).click()
        expect(page.get_by_label("Texte de la page 1")).to_have_value(re.compile("<script>"))
        assert page.evaluate(wide) == 0
        assert page.title() == "Anamnèse"


def test_injected_script_is_refused_by_the_policy(site: Site) -> None:
    """The page itself never parses markup; should it ever, the browser refuses."""
    with site.person() as person:
        refused = person.page.evaluate(
            "() => { try { document.body.innerHTML = '<b>x</b>'; return ''; } catch (error) { return error.name; } }"
        )
        assert refused == "TypeError"
        person.page.evaluate(
            """() => {
              const inline = document.createElement('style');
              inline.textContent = 'body { outline: 1px solid red }';
              document.head.append(inline);
            }"""
        )
        assert person.page.evaluate("getComputedStyle(document.body).outlineStyle") == "none"
        assert len(person.complaints) >= 1
        person.complaints.clear()


def test_changing_patient_leaves_nothing(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        doctor.ask("allergie pénicilline").first.locator(".passage").first.click()
        expect(page.locator(".paper img")).to_be_visible()
        picture = page.locator(".paper img").get_attribute("src")
        page.get_by_role("button", name="Changer de patient").click()
        expect(page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        assert not re.search("moreau|nicilline", page.content(), re.IGNORECASE)
        assert page.evaluate("(url) => fetch(url).then(() => true, () => false)", picture) is False
        person_complains(doctor)
        page.go_back()
        expect(page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        doctor.present(HOSTILE.matricule)
        expect(page.get_by_role("searchbox")).to_have_value("")
        expect(doctor.hits).to_have_count(0)


def person_complains(person: Person) -> None:
    """The fetch above was refused, which the console says."""
    person.complaints.clear()


def test_a_late_answer_of_another_patient_is_never_shown(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        held: list[Any] = []
        page.route("**/search", lambda route: route.continue_() if held else held.append(route))
        page.get_by_role("searchbox").fill("allergie pénicilline")
        page.keyboard.press("Enter")
        expect(page.locator(".busy")).to_be_visible()
        page.get_by_role("button", name="Changer de patient").click()
        doctor.present(HOSTILE.matricule)
        expect(doctor.banner).to_contain_text("img", ignore_case=True)
        (late,) = held
        with contextlib.suppress(PlaywrightError):  # the page gave the request up: nothing is there to go on
            late.continue_()
        doctor.ask("amoxicilline")
        assert "pénicilline" not in page.locator("main").inner_text().lower()


HALF = """() => {
  const real = window.fetch;
  window.fetch = async (url, options) => {
    if (!String(url).endsWith('/search')) return real(url, options);
    const body = new ReadableStream({ start(held) {
      window.drop = () => held.error(new TypeError('network error'));
      options.signal.addEventListener('abort', () => held.error(options.signal.reason));
    } });
    return new Response(body, { headers: { 'content-type': 'application/json' } });
  };
}"""
"""The head of an answer is there; its body does not come."""


def test_a_record_closed_in_the_middle_of_an_answer_is_no_error_and_a_lost_line_is_told(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        page.evaluate(HALF)
        for ends in ("window.drop()", ""):
            page.evaluate("delete window.drop")
            page.get_by_role("searchbox").fill("allergie")
            page.keyboard.press("Enter")
            page.wait_for_function("() => window.drop", timeout=60_000)
            if ends:
                page.evaluate(ends)
                expect(page.locator(".results .notice.bad")).to_contain_text("Le service ne répond pas.")
        page.get_by_role("button", name="Changer de patient").click()
        expect(page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        assert page.evaluate("() => new Promise((done) => setTimeout(() => done(true), 200))")  # an error would be told


def test_an_answer_that_names_another_patient_is_dropped(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page

        def other(route: Any) -> None:
            body = route.fetch().json()
            route.fulfill(body=json.dumps(body | {"patient_id": "a" * 26}), content_type="application/json")

        page.route("**/search", other)
        page.get_by_role("searchbox").fill("allergie")
        with page.expect_response("**/search"):
            page.keyboard.press("Enter")
        page.wait_for_function("() => true")
        expect(doctor.hits).to_have_count(0)
        expect(page.locator(".coverage-bar")).to_have_count(0)


def test_two_tabs_keep_to_themselves(site: Site) -> None:
    with site.person() as doctor:
        doctor.open_record()
        page = doctor.context.new_page()
        page.goto(site.address)
        other = Person(site, doctor.context, page, [])
        expect(page.get_by_role("heading", name="Se connecter")).to_be_visible()
        other.sign_in(TRAITANT).present(HOSTILE.matricule)
        expect(other.banner).to_contain_text("img", ignore_case=True)
        expect(doctor.banner).to_contain_text("Antoine")
        for tab in (page, doctor.page):
            expect(tab.get_by_text("Un dossier est aussi ouvert dans un autre onglet.")).to_be_visible()
        doctor.ask("allergie")
        assert "amoxicilline <img" not in doctor.page.content().lower()
        assert other.complaints == []


def test_nothing_of_a_record_is_in_addresses_titles_storage_or_history(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        seen = {page.url}
        doctor.ask("allergie pénicilline").first.locator(".passage").first.click()
        expect(page.locator(".paper img")).to_be_visible()
        for view in ("Documents", "Déposer", "Qui a regardé", "Recherche"):
            doctor.view(view)
            seen.add(page.url)
        page.go_back()
        assert all(re.fullmatch(re.escape(site.address) + r"/(#[a-z]*)?", url) for url in seen), seen
        assert page.title() == "Anamnèse"
        stored = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
        assert json.loads(stored) == [{}, {}, ""]
        assert page.evaluate("() => indexedDB.databases().then((all) => all.length)") == 0
        assert page.evaluate("() => caches.keys().then((all) => all.length)") == 0
        assert page.evaluate("() => JSON.stringify(history.state)") in [
            json.dumps({"view": name}, separators=(",", ":")) for name in ("search", "journal", "deposit")
        ]


def test_a_session_that_ends_loses_no_typed_text(site: Site) -> None:
    with site.person() as patient:
        page = patient.page
        page.clock.install()
        page.reload()
        patient.open_record(SELF).view("Mes autorisations")
        page.get_by_text("Autoriser un professionnel").first.click()
        typed = page.get_by_label("Numéro RPPS").first
        typed.fill("10009876543")
        minutes = site.home.settings.idle_minutes
        page.clock.fast_forward((minutes - 1) * 60_000)
        expect(typed).to_be_visible()
        page.clock.fast_forward(2 * 60_000)
        dialog = page.get_by_role("dialog", name="Qui est là ?")
        expect(dialog).to_be_visible()
        expect(typed).to_be_hidden()
        dialog.get_by_role("button", name=SELF).click()
        expect(dialog).to_have_count(0)
        expect(typed).to_have_value("10009876543")


def test_an_expired_token_asks_who_is_there_and_goes_on(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        expired: list[Any] = []

        def once(route: Any) -> None:
            if expired:
                return route.continue_()
            expired.append(route)
            problem = {"title": "Ce jeton d'accès a expiré.", "code": "token-expired", "remedy": "", "status": 401}
            return route.fulfill(status=401, body=json.dumps(problem), content_type="application/problem+json")

        page.route("**/search", once)
        page.get_by_role("searchbox").fill("allergie pénicilline")
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Qui est là ?")
        dialog.get_by_role("button", name=TRAITANT).click()
        expect(doctor.hits.first).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_value("allergie pénicilline")


def test_somebody_else_at_the_lock_starts_anew(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.open_record().page
        page.route("**/search", lambda route: route.fulfill(status=401, body="{}"))
        page.get_by_role("searchbox").fill("allergie pénicilline")
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="inconnu du patient").click()
        expect(page.get_by_role("heading", name="Se connecter")).to_be_visible()
        assert not re.search("moreau|nicilline", page.content(), re.IGNORECASE)


def test_the_page_is_light_and_speaks_to_nobody_else(site: Site) -> None:
    with site.person() as person:
        asked: list[str] = []
        person.page.on("request", lambda request: asked.append(request.url))
        person.page.reload()
        person.open_record().ask("allergie")
        assert {re.sub(r"(https?://[^/]+).*", r"\1", url) for url in asked} == {site.address}
        weight = sum(len(httpx.get(url).content) for url in set(asked) if "/v1/" not in url)
        assert 50_000 < weight < 300_000


@pytest.mark.parametrize("name", sorted(assets()))
def test_the_files_hold_no_markup_sink(name: str) -> None:
    """No file builds markup, runs a string, or names another host."""
    text = assets()[name].body.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|onclick=", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "<style" not in text
    assert not re.search(r"\sstyle=", text)
