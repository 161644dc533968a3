"""A real OpenSearch stops while somebody looks: the search says so, the card does not need it, and it comes back."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from cli.sample_home import Sample
from index.opensearch import OpenSearchGenerations
from tests.services.halting import halted
from tests.web.site import EMERGENCY, PHONE, open_site
from tests.web.test_clinical_views import opens_its_source

pytestmark = pytest.mark.services


def test_with_opensearch_stopped_search_is_refused_with_a_remedy_and_the_card_is_there(
    built: Path, sample: Sample, browser: Browser, tmp_path: Path, opensearch_url: str, opensearch_prefix: str
) -> None:
    with contextlib.ExitStack() as held:
        engine = OpenSearchGenerations(opensearch_url, opensearch_prefix)
        held.callback(engine.close)
        held.callback(engine.destroy)
        site = held.enter_context(open_site(built, tmp_path / "home", sample, browser, engine))
        doctor = held.enter_context(site.person(viewport=PHONE))
        page = doctor.open_record(EMERGENCY).page
        assert doctor.ask("allergie pénicilline").count() > 0
        with halted(int(opensearch_url.rpartition(":")[2].strip("/"))):
            page.get_by_role("searchbox").fill("traitement en cours")
            page.keyboard.press("Enter")
            told = page.locator(".results .notice.bad p")
            expect(told).to_have_count(2)  # what happened, and what to do
            expect(told.first).to_contain_text("Le moteur de recherche ne répond pas")
            page.keyboard.press("F2")
            line = page.locator(".card-line", has_text=re.compile("p[ée]nicilline", re.IGNORECASE)).first
            expect(line).to_be_visible()
            line.click()
            opens_its_source(doctor)
            expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)
        doctor.view("Recherche")
        expect(page.get_by_role("searchbox")).to_have_value("traitement en cours")  # nothing typed is lost
        assert doctor.ask("allergie pénicilline").count() > 0
