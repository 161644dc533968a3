"""What the auditor and the administrator see: numbers and requests, nothing of a record."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import count as count_from

import httpx
import pytest
from playwright.sync_api import Locator, expect

from access.facts import RelationKind
from access.identifiers import PatientId
from records import patients, relations
from search_api.tokens import issue_token
from tests.search_api.world import ins_of
from tests.web.site import ADMINISTRATOR, AUDITOR, SELF, TRAITANT, Person, Site

NUMBERS = count_from(100)


def count(person: Person, name: str) -> int:
    row = person.page.locator("tbody tr").filter(has=person.page.get_by_role("cell", name=name, exact=True))
    return int(row.locator("strong").inner_text().split()[0])


def test_use_in_practice_counts_what_was_done_and_names_nobody(changed_site: Site) -> None:
    with changed_site.person() as auditor, changed_site.person() as doctor:
        auditor.sign_in(AUDITOR).view("Usage")
        before = {name: count(auditor, name) for name in ("recherches", "qui n’ont rien montré", "encore vides")}
        doctor.open_record(TRAITANT)
        doctor.ask("allergie")
        doctor.ask("zzqx")
        empty = doctor.hits.count() == 0
        auditor.view("Accès d’urgence à relire").view("Usage")
        assert count(auditor, "recherches") == before["recherches"] + 2
        assert count(auditor, "qui n’ont rien montré") == before["qui n’ont rien montré"] + empty
        assert count(auditor, "encore vides") == before["encore vides"]
        said = auditor.page.locator("main").inner_text()
        assert not re.search(r"moreau|antoine|\d{11}|allergie", said, re.IGNORECASE)


def test_the_service_says_what_was_refused_and_where_the_index_is(changed_site: Site) -> None:
    with changed_site.person() as doctor, changed_site.person() as keeper:
        doctor.open_record(TRAITANT).view("Déposer")
        doctor.page.get_by_label("Choisir des fichiers").set_input_files(
            {"name": "cassé.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 rien"}
        )
        expect(doctor.page.locator(".deposit .notice.bad")).to_be_visible(timeout=120_000)
        page = keeper.sign_in(ADMINISTRATOR).page
        expect(page.get_by_text("en service")).to_be_visible()
        expect(page.get_by_text("(100 %)")).to_be_visible()
        refused = page.get_by_role("table", name="Refus").locator("tbody tr")
        expect(refused).to_have_count(1)
        projector = changed_site.home.bench.projector
        aside = type(projector.wanted)(f"{projector.wanted.prefix}-b", projector.wanted.fingerprint)
        changed_site.home.services.index._generations.open(aside)
        page.get_by_role("button", name="Réessayer").click()
        expect(page.get_by_text("en construction")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
        for _ in range(50):
            changed_site.home.bench.projector.catch_up(changed_site.home.clock())
        expect(page.get_by_role("progressbar")).to_have_attribute("value", "100")  # it looks again by itself


@pytest.fixture
def heir(changed_site: Site) -> PatientId:
    """A relative, patient here too, who asks to know why the demo's patient died."""
    home = changed_site.home
    with home.services.records.write() as tx:
        identity = patients.Identity(
            ins_of(f"2620375123{next(NUMBERS)}"), "qualified", "MOREAU", "HÉLÈNE", None, "F", "75112"
        )
        person = patients.create_patient(tx, identity, home.clock())
        relations.request_succession(
            tx, changed_site.patient_id, person, RelationKind.HEIR, "cause_of_death", now=home.clock()
        )
    return person


def request(keeper: Person) -> Locator:
    keeper.sign_in(ADMINISTRATOR).view("Ayants droit")
    card = keeper.page.locator("article.hit")
    expect(card).to_contain_text("cause du décès")
    return card


def sees(site: Site, person: PatientId) -> int:
    token = issue_token(site.home.services, patient_id=person, lifetime=timedelta(hours=1), now=site.home.clock())
    url = f"{site.address}/v1/patients/{site.patient_id}/documents"
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code


def test_an_heir_s_request_opens_what_was_ticked_and_nothing_without(changed_site: Site, heir: PatientId) -> None:
    with changed_site.person() as keeper:
        card = request(keeper)
        assert sees(changed_site, heir) == 403
        card.get_by_role("button", name="Accepter").click()
        expect(keeper.page.get_by_role("dialog")).to_have_count(0)  # nothing is ticked: nothing is opened
        card.get_by_label("comptes rendus").check()
        card.get_by_role("button", name="Accepter").click()
        keeper.page.get_by_role("dialog").get_by_role("button", name="Accepter").click()
        expect(keeper.page.get_by_text("Rien à relire.")).to_be_visible()
        assert sees(changed_site, heir) == 200


def test_a_refused_request_opens_nothing(changed_site: Site, heir: PatientId) -> None:
    with changed_site.person() as keeper:
        request(keeper).get_by_role("button", name="Refuser").click()
        keeper.page.get_by_role("dialog").get_by_role("button", name="Refuser").click()
        expect(keeper.page.get_by_text("Rien à relire.")).to_be_visible()
        assert sees(changed_site, heir) == 403


def test_a_patient_is_offered_none_of_it(changed_site: Site) -> None:
    with changed_site.person() as patient:
        patient.open_record(SELF)
        names = patient.page.get_by_role("navigation").get_by_role("button").all_inner_texts()
        assert not {"Usage", "État du service", "Ayants droit"} & set(names)
