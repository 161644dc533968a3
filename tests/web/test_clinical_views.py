"""The emergency card, the laboratory's series and the timeline; the tasks that people have no time for; paper."""

from __future__ import annotations

import contextlib
import re
import shutil

import httpx
import pypdfium2
import pytest
from playwright.sync_api import expect

from tests.web.site import EMERGENCY, PHONE, SELF, TRAITANT, Person, Site


@pytest.fixture(scope="session")
def offers(site: Site) -> list[str]:
    """What this service answers about a record."""
    return list(httpx.get(f"{site.address}/web/sign-in").json()["offers"])


def needs(offers: list[str], name: str) -> None:
    assert name in offers


def opens_its_source(person: Person) -> None:
    expect(person.page.locator(".reader h2")).to_be_focused()
    expect(person.page.locator(".reader .quote mark").first).not_to_have_text("")
    expect(person.page.locator(".reader .paper img, .reader .sheet .hint")).to_be_visible()


def test_the_card_is_one_key_away_and_every_line_opens_its_source(site: Site, offers: list[str]) -> None:
    needs(offers, "emergency")
    with site.person(viewport=PHONE) as doctor:
        page = doctor.open_record(EMERGENCY).page
        page.keyboard.press("F2")
        line = page.locator(".card-line", has_text=re.compile("p[ée]nicilline", re.IGNORECASE)).first
        expect(line).to_be_visible()
        size = line.locator(".said-text").evaluate("(each) => parseFloat(getComputedStyle(each).fontSize)")
        assert size >= 18
        line.click()
        opens_its_source(doctor)
        page.locator(".reader").get_by_role("button", name="Fermer").click()
        expect(line).to_be_focused()


COUNT = """() => {
  window.acts = [];
  let typing = false;
  const act = (name) => { typing = false; window.acts.push(name); };
  addEventListener('pointerdown', () => act('click'), true);
  addEventListener('keydown', (event) => { if (/^(Enter|Tab|Escape|F\\d+)$/.test(event.key)) act(event.key); }, true);
  addEventListener('input', () => { if (!typing) act('words'); typing = true; }, true);
}"""


def counting(person: Person) -> None:
    """From now on every click, every key that does something and every run of typed words is an act."""
    person.page.evaluate(COUNT)


def acts(person: Person) -> list[str]:
    done: list[str] = person.page.evaluate("window.acts")
    assert done, "nothing was counted"
    return done


def test_from_the_locked_screen_to_the_card_in_six_acts(own_site: Site, offers: list[str]) -> None:
    needs(offers, "emergency")
    from tests.web.test_journeys import revoke_all_but_the_traitant

    revoke_all_but_the_traitant(own_site)
    with own_site.person(viewport=PHONE) as doctor:
        page = doctor.page
        expect(page.get_by_role("button", name=EMERGENCY)).to_be_visible()
        counting(doctor)
        page.get_by_role("button", name=EMERGENCY).click()
        page.get_by_label("INS ou datamatrix").fill(own_site.ins)  # the scanner types it
        page.keyboard.press("Enter")  # which scanners press themselves
        page.get_by_role("button", name="Urgence vitale").click()
        page.get_by_role("button", name="Inconscient ou confus").click()
        expect(page.locator(".card-line").first).to_be_visible()
        expect(page.locator(".emergency")).to_be_visible()
        assert len(acts(doctor)) <= 6
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_with_the_index_gone_the_card_is_there_and_search_says_why_it_is_not(own_site: Site) -> None:
    """On a phone. The engine's files are taken away while the service runs, as a lost disk would."""
    with own_site.person(viewport=PHONE) as doctor:
        page = doctor.open_record(EMERGENCY).page
        assert doctor.ask("allergie pénicilline").count() > 0
        shutil.rmtree(own_site.home.settings.home / "index")
        page.get_by_role("searchbox").fill("traitement en cours")
        page.keyboard.press("Enter")
        expect(page.locator(".results .notice.bad p")).to_have_count(2)
        page.keyboard.press("F2")
        line = page.locator(".card-line", has_text=re.compile("p[ée]nicilline", re.IGNORECASE)).first
        expect(line).to_be_visible()
        line.click()
        opens_its_source(doctor)
        page.reload()
        expect(page.get_by_role("button", name=EMERGENCY)).to_be_visible()
        doctor.sign_in(EMERGENCY)
        page.get_by_label("INS ou datamatrix").fill(own_site.ins)
        page.keyboard.press("F2")  # from the door as well, with nothing kept: it opens the record on the card
        expect(page.locator(".card-line").first).to_be_visible()


def test_a_series_is_drawn_with_its_range_above_its_table(site: Site, offers: list[str]) -> None:
    needs(offers, "observations")
    with site.person() as doctor:
        page = doctor.open_record().view("Biologie").page
        expect(page.locator(".series h2")).to_be_visible()
        rows = page.locator(".series tbody tr")
        assert rows.count() >= 1
        several = page.locator(".analyte")
        for place in range(min(several.count(), 40)):
            several.nth(place).click()
            if page.locator(".chart").count():
                break
        if page.locator(".chart").count():
            assert page.locator(".chart .point").count() == rows.count()
        rows.first.get_by_role("button").click()
        opens_its_source(doctor)


def test_a_chart_can_be_read_on_a_phone(site: Site, offers: list[str]) -> None:
    """Its figures are as tall as text: a drawing made for a desk and shrunk to a phone is not."""
    needs(offers, "observations")
    with site.person(viewport=PHONE) as doctor:
        page = doctor.open_record().view("Biologie").page
        expect(page.locator(".chart")).to_be_visible()  # the first series with something to draw
        heights = page.locator(".chart text").evaluate_all(
            "(all) => all.map((each) => each.getBoundingClientRect().height)"
        )
        assert len(heights) >= 4
        assert min(heights) >= 11


def test_the_timeline_goes_by_year_and_opens_what_it_names(site: Site, offers: list[str]) -> None:
    needs(offers, "timeline")
    with site.person() as doctor:
        page = doctor.open_record().view("Frise").page
        years = page.locator(".results h2").all_inner_texts()
        assert "2026" in years
        assert [year for year in years if year.isdigit()] == sorted(filter(str.isdigit, years), reverse=True)
        page.get_by_label("Genre").select_option("document")
        page.locator(".moment").first.click()
        expect(page.locator(".reader h2")).to_be_focused()


def words_and_enter(person: Person, question: str) -> None:
    person.page.keyboard.insert_text(question)  # the box has the focus: nothing is clicked first
    person.page.keyboard.press("Enter")
    expect(person.page.locator(".coverage-bar")).to_be_visible()
    expect(person.page.locator(".busy")).to_have_count(0)


TASKS = {
    "last HbA1c": ("dernière HbA1c", ".values tbody tr", "6,8"),
    "on anticoagulants": ("anticoagulant", ".hits > li", "anticoagulant"),
    "allergy to penicillin and its source": ("allergie pénicilline", ".hits > li", "pénicilline"),
    "last stay in hospital": ("dernière hospitalisation", ".hits > li", "hospitalisation"),
}


@pytest.mark.parametrize("task", TASKS)
def test_a_question_is_answered_in_three_acts(site: Site, task: str) -> None:
    """After opening the record: the words, Enter, and a click that opens the page where it is said."""
    question, where, answer = TASKS[task]
    with site.person() as doctor:
        page = doctor.open_record().page
        expect(page.get_by_role("searchbox")).to_be_focused()
        counting(doctor)
        words_and_enter(doctor, question)
        first = page.locator(where).first
        expect(first).to_contain_text(re.compile(answer, re.IGNORECASE))
        first.get_by_role("button").first.click()
        opens_its_source(doctor)
        assert len(acts(doctor)) <= 3


def test_the_last_value_is_shown_above_the_passages_and_opens_its_page(site: Site, offers: list[str]) -> None:
    needs(offers, "observations")
    with site.person() as doctor:
        page = doctor.open_record().ask("dernière créatinine").page
        rows = page.locator(".values tbody tr")
        expect(rows).to_have_count(1)
        expect(page.locator(".values h2")).to_contain_text("créatinine")
        expect(rows.first.locator("strong")).to_have_text(re.compile(r"\d"))
        rows.first.get_by_role("button").click()
        opens_its_source(doctor)


def test_who_looked_is_one_act(site: Site) -> None:
    with site.person() as patient:
        page = patient.open_record(SELF).page
        counting(patient)
        page.get_by_role("button", name="Qui a regardé").click()
        expect(page.locator(".journal li").first).to_be_visible()
        assert len(acts(patient)) == 1


def test_every_printed_sheet_names_the_patient(site: Site) -> None:
    with site.person() as doctor:
        doctor.open_record(TRAITANT).ask("allergie pénicilline")
        printed = doctor.page.pdf(format="A4", prefer_css_page_size=True)
        with contextlib.closing(pypdfium2.PdfDocument(printed)) as sheets:
            texts = [sheets[number].get_textpage().get_text_range() for number in range(len(sheets))]
        assert len(texts) >= 2
        for text in texts:
            assert "MOREAU" in text
            assert "1985" in text
            assert "INS 1 85 03 75 123 456 41" in text
        assert not any("Se déconnecter" in text for text in texts)
