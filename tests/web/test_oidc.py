"""Signing in at a real identity provider: the code flow with PKCE in a window of its own, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from cli.sample_home import Sample
from search_api.oidc.config import IssuerSettings, PageClient
from tests.services.openid import AUDIENCE, OpenId
from tests.web.site import Person, Site, open_site

SECRET = "the page's own: secret/of the tests"
BUTTON = "Se connecter avec Connexion des essais"


@pytest.fixture(scope="module")
def provided(built: Path, sample: Sample, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service that knows people by a provider alone; the provider runs meanwhile."""
    people = sample.demo_identities
    accounts = {
        "traitant": {"rpps": people["medecin_traitant"]},
        "urgentiste": {"rpps": people["emergency"]},
    }
    provider = OpenId(accounts, secret=SECRET)
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    client = PageClient(
        client_id="page", secret_file=folder / "secret", title="Connexion des essais", resource=AUDIENCE
    )
    issuer = IssuerSettings(issuer=provider.issuer, audience=AUDIENCE, page=client)
    with open_site(built, folder / "home", sample, browser, oidc=[issuer]) as site:
        provider.back = f"{site.address}/web/signed-in.html"
        with provider.run():
            yield site


@contextmanager
def window(person: Person, button: str = BUTTON) -> Iterator[Page]:
    """The window that the button opens, and what becomes of it."""
    with person.page.expect_popup() as opened:
        person.page.get_by_role("button", name=button).click()
    yield opened.value


def identify(window: Page, account: str) -> None:
    window.get_by_label("Compte").fill(account)
    with window.expect_event("close", timeout=60_000):
        window.get_by_role("button", name="Entrer").click()


def test_a_practitioner_signs_in_and_nothing_is_left_behind(provided: Site) -> None:
    asked: list[Request] = []
    with provided.person() as doctor:
        doctor.context.on("request", lambda each: asked.append(each))
        with window(doctor) as opened:
            identify(opened, "traitant")
        page = doctor.page
        expect(page.get_by_label("INS ou datamatrix")).to_be_focused()
        doctor.present()
        expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)
        assert doctor.ask("allergie pénicilline").count() > 0
        token = next(filter(None, (each.headers.get("authorization") for each in asked))).removeprefix("Bearer ")
        assert token.count(".") == 2
        ours = [each for each in asked if each.url.startswith(provided.address)]
        assert all(token not in each.url and "code=" not in each.url.partition("#")[0] for each in ours)
        assert page.url in (f"{provided.address}/#search", f"{provided.address}/")
        stored = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
        assert json.loads(stored) == [{}, {}, ""]
        page.reload()
        expect(page.get_by_role("button", name=BUTTON)).to_be_visible()


def test_the_window_leaves_no_code_in_its_address(provided: Site) -> None:
    """What the provider sends back is gone from the address and the history before anything else."""
    with provided.person() as person:
        page = person.context.new_page()
        page.add_init_script("window.close = () => {}")
        page.goto(f"{provided.address}/web/signed-in.html#code=abc&state=none")
        expect(page).to_have_url(f"{provided.address}/web/signed-in.html")
        assert page.evaluate("() => history.length") <= 2


def test_a_session_at_rest_asks_the_provider_anew_and_keeps_what_was_typed(provided: Site) -> None:
    with provided.person() as doctor:
        page = doctor.page
        page.clock.install()
        page.reload()
        with window(doctor) as opened:
            identify(opened, "traitant")
        doctor.present()
        box = page.get_by_role("searchbox")
        box.fill("à demi écrit")
        page.clock.fast_forward((provided.home.settings.idle_minutes + 1) * 60_000)
        expect(page.get_by_role("dialog", name="Qui est là ?")).to_be_visible()
        with window(doctor) as opened:  # the provider still knows them: it must ask again all the same
            expect(opened.get_by_label("Compte")).to_be_visible()
            identify(opened, "traitant")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(box).to_have_value("à demi écrit")
        expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)


def test_after_signing_out_the_next_person_is_asked_who_they_are(provided: Site) -> None:
    with provided.person() as person:
        with window(person) as opened:
            identify(opened, "traitant")
        expect(person.page.get_by_label("INS ou datamatrix")).to_be_visible()
        person.page.get_by_role("button", name="Se déconnecter").click()
        with window(person) as opened:
            identify(opened, "urgentiste")
        expect(person.page.locator(".who")).to_contain_text(re.compile("urgence", re.IGNORECASE))


@pytest.mark.parametrize("forged", ["state", "iss"])
def test_an_answer_to_another_question_is_not_taken(provided: Site, forged: str) -> None:
    """A code under a state that this tab never made is no answer; nor is one of another issuer."""
    with provided.person() as person:
        page = person.page
        sent: list[Request] = []
        person.context.on("request", lambda each: sent.append(each))
        with window(person) as opened:
            expect(opened.get_by_label("Compte")).to_be_visible()
            opened.close()
        (state,) = next(parse_qs(urlsplit(each.url).query)["state"] for each in sent if "/auth?" in each.url)
        issuer = provided.home.services.front.providers[0].issuer
        told = {"state": state, "code": "theirs", "iss": issuer}
        say = "(told) => new BroadcastChannel('anamnese-signed-in').postMessage(told)"
        page.evaluate(say, told | {forged: "of somebody"})
        page.evaluate(say, {"state": state, "code": "", "error": "access_denied"})
        expect(page.get_by_role("alert")).to_contain_text("n’a pas confirmé cette connexion")
        assert not [each for each in sent if each.method == "POST" and each.url.startswith(provided.address)]


@pytest.mark.parametrize("change", [{"code": "made-up"}, {"issuer": "https://other.example"}, {"verifier": "v" * 43}])
def test_a_code_that_is_not_the_page_s_own_is_refused(provided: Site, change: dict[str, Any]) -> None:
    flow = provided.home.services.front.providers[0]
    body = {
        "issuer": flow.issuer,
        "code": "x",
        "verifier": "w" * 43,
        "redirect_uri": f"{provided.address}/web/signed-in.html",
    }
    answer = httpx.post(f"{provided.address}/web/sign-in", json=body | change)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-refused")
