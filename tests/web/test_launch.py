"""A hospital's software opens the page on a patient: by a launch link, and by a SMART EHR launch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, Page, Request, expect

from cli.sample_home import Sample
from search_api.oidc.config import IssuerSettings, PageClient
from tests.services.openid import AUDIENCE, OpenId
from tests.web.site import Person, Site, open_site
from tests.web.test_oidc import BUTTON, identify, window

CHART = "dossier-77"


@pytest.fixture(scope="module")
def hospital() -> OpenId:
    """An identity provider that is an EHR too; the site starts it, since it must know where people are sent back to."""
    return OpenId({})


@pytest.fixture(scope="module")
def launched_site(
    hospital: OpenId, built: Path, sample: Sample, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    people = sample.demo_identities
    hospital.accounts = {
        "traitant": {"rpps": people["medecin_traitant"]},
        "urgentiste": {"rpps": people["emergency"]},
    }
    number = {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": sample.flagship_ins}
    hospital.launches = {"séjour 12": CHART}
    hospital.charts = {CHART: {"resourceType": "Patient", "id": CHART, "identifier": [number]}}
    client = PageClient(
        client_id="page",
        title="Connexion des essais",
        resource=AUDIENCE,
        launches=({"iss": hospital.fhir},),
    )
    key = ECKey.generate_key("P-256").as_dict(private=False)
    issuer = IssuerSettings(
        issuer=hospital.issuer,
        audience=AUDIENCE,
        page=client,
        names=frozenset({"practitioner", "system"}),
        systems=({"client_id": "dpi", "keys": [key]},),
    )
    folder = tmp_path_factory.mktemp("launched")
    with open_site(built, folder / "home", sample, browser, oidc=[issuer]) as site:
        hospital.back = f"{site.address}/web/signed-in.html"
        with hospital.run():
            yield site


def link(site: Site, hospital: OpenId) -> str:
    body = {"practitioner": site.sample.demo_identities["medecin_traitant"], "ins": site.ins}
    headers = {"Authorization": f"Bearer {hospital.client_token('dpi')}"}
    answer = httpx.post(f"{site.address}/v1/launch-links", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return site.address + str(answer.json()["url"])


def arrive(person: Person, address: str) -> Page:
    person.page.goto("about:blank")
    person.page.goto(address)
    return person.page


def signed_in(person: Person, account: str) -> None:
    with window(person) as opened:
        identify(opened, account)


def test_a_link_opens_the_patient_after_signing_in_and_leaves_no_trace(launched_site: Site, hospital: OpenId) -> None:
    address, asked = link(launched_site, hospital), list[Request]()
    secret = address.partition("=")[2]
    with launched_site.person() as doctor:
        doctor.context.on("request", lambda each: asked.append(each))
        page = arrive(doctor, address)
        expect(page).to_have_url(f"{launched_site.address}/")
        expect(doctor.banner).to_have_count(0)
        signed_in(doctor, "traitant")
        expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)
        assert asked
        assert not [each for each in asked if secret in each.url.partition("#")[0] or launched_site.ins in each.url]
        stored = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
        assert stored == '[{},{},""]'
        page.go_back()  # to where the link was opened: nothing of it is in the history
        assert secret not in page.evaluate("() => location.href")
    with launched_site.person() as doctor:  # a second time it opens nothing
        page = arrive(doctor, address)
        signed_in(doctor, "traitant")
        expect(page.get_by_role("alert")).to_contain_text("Ce lien n'ouvre rien pour vous")
        expect(page.get_by_label("INS ou datamatrix")).to_be_visible()


def test_anothers_link_opens_nothing(launched_site: Site, hospital: OpenId) -> None:
    with launched_site.person() as other:
        page = arrive(other, link(launched_site, hospital))
        signed_in(other, "urgentiste")
        expect(page.get_by_role("alert")).to_contain_text("Ce lien n'ouvre rien pour vous")
        expect(other.banner).to_have_count(0)


def test_an_ehr_launches_the_page_on_its_patient(launched_site: Site, hospital: OpenId) -> None:
    asked: list[Request] = []
    with launched_site.person() as doctor:
        doctor.context.on("request", lambda each: asked.append(each))
        query = urlencode({"iss": hospital.fhir, "launch": "séjour 12"})
        page = arrive(doctor, f"{launched_site.address}/?{query}")
        expect(page).to_have_url(f"{launched_site.address}/")
        signed_in(doctor, "traitant")
        expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)
        (sent,) = [parse_qs(urlsplit(each.url).query) for each in asked if "/auth?" in each.url]
        assert (sent["launch"], sent["aud"]) == (["séjour 12"], [hospital.fhir])
        assert "launch" in sent["scope"][0].split()
        page.get_by_role("button", name="Changer de patient").click()
        expect(page.get_by_label("INS ou datamatrix")).to_be_visible()  # it serves once in the tab, too


def test_a_launch_of_a_patient_unknown_there_leads_to_the_door(launched_site: Site, hospital: OpenId) -> None:
    with launched_site.person() as doctor:
        page = arrive(doctor, f"{launched_site.address}/?{urlencode({'iss': hospital.fhir, 'launch': 'inconnu'})}")
        signed_in(doctor, "traitant")
        expect(page.get_by_role("alert")).to_contain_text("aucun patient reconnaissable")


def test_a_launch_by_unknown_software_leads_nowhere(launched_site: Site) -> None:
    """Whatever `iss` says, the page goes nowhere and offers nowhere to go."""
    asked: list[Request] = []
    with launched_site.person() as doctor:
        doctor.context.on("request", lambda each: asked.append(each))
        for iss in ("https://evil.example/fhir", "javascript:alert(1)", "//evil.example"):
            page = arrive(doctor, f"{launched_site.address}/?{urlencode({'iss': iss, 'launch': 'x'})}")
            expect(page.get_by_role("alert")).to_contain_text("n’est pas connu de ce service")
            expect(page.get_by_role("button", name=BUTTON)).to_have_count(0)
    assert {urlsplit(each.url).netloc for each in asked} <= {urlsplit(launched_site.address).netloc}


def test_another_page_cannot_launch_into_an_open_session(launched_site: Site, hospital: OpenId) -> None:
    """A fragment that changes under an open page is no launch: it opens nothing and is not even asked about."""
    asked: list[Request] = []
    with launched_site.person() as doctor:
        signed_in(doctor, "traitant")
        expect(doctor.page.get_by_label("INS ou datamatrix")).to_be_visible()
        doctor.context.on("request", lambda each: asked.append(each))
        fragment = link(launched_site, hospital).partition("#")[2]
        doctor.page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        expect(doctor.page.get_by_label("INS ou datamatrix")).to_be_visible()
        assert not [each for each in asked if "launch-links" in each.url]
