"""axe-core on every view, on a phone in light colours and at a desk in dark ones: no violation of WCAG 2.2 AA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import expect

from tests.web.site import (
    ADMINISTRATOR,
    AUDITOR,
    DESK,
    EMERGENCY,
    PHONE,
    SELF,
    STRANGER,
    TRAITANT,
    VIGILANCE,
    Person,
    Site,
)

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = AXE_FILE_PATH.read_text("utf-8")


def violations(person: Person) -> list[str]:
    """What axe finds on the page as it is now."""
    person.page.evaluate(AXE)
    found: dict[str, Any] = person.page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", RULES
    )
    assert found["passes"], "axe looked at nothing"
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]


def reading(person: Person) -> None:
    person.open_record().ask("allergie pénicilline").first.locator(".passage").first.click()
    expect(person.page.locator(".paper img")).to_be_visible()


def text(person: Person) -> None:
    reading(person)
    person.page.get_by_role("button", name="Texte", exact=True).click()
    expect(person.page.get_by_label("Texte de la page 1")).to_be_visible()


def results(person: Person) -> None:
    assert person.open_record().ask("dernier ECG").count() > 0


def door_closed(person: Person) -> None:
    person.sign_in(STRANGER).present()
    expect(person.page.locator(".closed")).to_be_visible()
    person.page.locator("summary").click()


def glass(person: Person) -> None:
    door_closed(person)
    person.page.get_by_role("button", name="Urgence vitale").click()
    expect(person.page.get_by_role("dialog")).to_be_visible()


def masking(person: Person) -> None:
    person.open_record(SELF).view("Documents")
    person.page.get_by_role("button", name="Masquer").first.click()
    expect(person.page.get_by_role("dialog")).to_be_visible()


def come_back(person: Person) -> None:
    person.page.add_init_script("window.close = () => {}")
    person.page.goto(f"{person.site.address}/web/signed-in.html")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()


def kept(person: Person) -> None:
    person.open_record()
    person.page.get_by_role("button", name="Mes recherches…").click()
    expect(person.page.get_by_role("dialog")).to_be_visible()
    person.keep(f"axe-{person.page.evaluate('crypto.randomUUID()')[:8]}", "fièvre\nfrissons", terms=True)


def audit(person: Person) -> None:
    person.sign_in(AUDITOR).view("Journal des accès")
    expect(person.page.locator(".journal li").first).to_be_visible()
    if not person.page.get_by_label("Qui a regardé").is_visible():
        person.page.get_by_text("Critères").click()


def signed(title: str) -> Callable[[Person], object]:
    return lambda person: person.sign_in(title)


def viewed(title: str, view: str) -> Callable[[Person], object]:
    return lambda person: person.open_record(title).view(view)


VIEWS: dict[str, Callable[[Person], object]] = {
    "sign in": lambda person: expect(person.page.get_by_role("button", name=TRAITANT)).to_be_visible(),
    "back from a provider": come_back,
    "door": signed(TRAITANT),
    "door closed": door_closed,
    "break-glass": glass,
    "search": lambda person: person.open_record(),
    "results": results,
    "reader": reading,
    "card": viewed(EMERGENCY, "Urgence"),
    "laboratory": viewed(EMERGENCY, "Biologie"),
    "timeline": viewed(EMERGENCY, "Frise"),
    "stays": viewed(TRAITANT, "Séjours"),
    "vaccines": viewed(SELF, "Vaccins"),
    "documents": viewed(EMERGENCY, "Documents"),
    "deposit": viewed(TRAITANT, "Déposer"),
    "journal": viewed(SELF, "Qui a regardé"),
    "rights": viewed(SELF, "Mes autorisations"),
    "masking": masking,
    "people": viewed(SELF, "Mes proches"),
    "text": text,
    "kept searches": kept,
    "reviews": signed(AUDITOR),
    "whole journal": audit,
    "service": signed(ADMINISTRATOR),
    "usage": lambda person: person.sign_in(AUDITOR).view("Usage"),
    "succession": lambda person: person.sign_in(ADMINISTRATOR).view("Ayants droit"),
    "quarantine": signed(VIGILANCE),
}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_accessible(site: Site, view: str) -> None:
    with site.person(bypass_csp=True, reduced_motion="reduce") as person:
        VIEWS[view](person)
        expect(person.page.locator(".busy")).to_have_count(0)
        person.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert violations(person) == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert person.page.evaluate(wide) == 0, "the page scrolls aside on a phone"
        person.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        person.page.emulate_media(color_scheme="dark")
        assert violations(person) == []
