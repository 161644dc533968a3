"""`make screenshots`: docs/screenshots/*.png, each view at a desk and on a phone, from the demo's invented patients.

It builds the demo's home in a temporary folder with the real pipeline, serves it, and drives Chromium over it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from cli.sample_home import Sample
from samples.generate import generate
from tests.web.site import (
    ADMINISTRATOR,
    AUDITOR,
    CHROMIUM,
    DESK,
    EMERGENCY,
    PHONE,
    SELF,
    STRANGER,
    TRAITANT,
    Person,
    build,
    open_site,
)

OUT = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
QUESTION = "alergie pénicilline"
PATIENT = "moreau"


def door(person: Person) -> None:
    person.sign_in(STRANGER).present()
    expect(person.page.locator(".closed")).to_be_visible()


def glass(person: Person) -> None:
    door(person)
    person.page.get_by_role("button", name="Urgence vitale").click()


def search(person: Person) -> None:
    person.open_record().ask(QUESTION)


def reader(person: Person) -> None:
    search(person)
    person.hits.first.locator(".passage").first.click()
    expect(person.page.locator(".box.current")).to_have_count(1)


def text(person: Person) -> None:
    reader(person)
    person.page.get_by_role("button", name="Texte", exact=True).click()
    expect(person.page.get_by_label("Texte de la page 1")).to_be_visible()


def value(person: Person) -> None:
    person.open_record().ask("créatinine > 80")
    expect(person.page.locator(".values")).to_be_visible()


def broken(person: Person) -> None:
    door(person)
    person.page.get_by_role("button", name="Urgence vitale").click()
    person.page.get_by_role("button", name="Inconscient ou confus").click()
    expect(person.page.locator(".emergency")).to_be_visible()


def kept(person: Person) -> None:
    search(person)
    person.page.get_by_role("button", name="Mes recherches…").click()
    person.keep("suivi-anticoagulants", "apixaban\nénoxaparine\nhéparine", terms=True)


def reviews(person: Person) -> None:
    person.sign_in(AUDITOR)
    expect(person.page.get_by_role("button", name="Justifié", exact=True).first).to_be_visible()


def journal(person: Person) -> None:
    person.sign_in(AUDITOR).view("Journal des accès")
    expect(person.page.locator(".journal li").first).to_be_visible()


def viewed(title: str, view: str) -> Callable[[Person], object]:
    return lambda person: person.open_record(title).view(view)


VIEWS: dict[str, Callable[[Person], object]] = {
    "sign-in": lambda person: expect(person.page.get_by_role("button", name=TRAITANT)).to_be_visible(),
    "door": door,
    "break-glass": glass,
    "search": search,
    "reader": reader,
    "value": value,
    "kept-searches": kept,
    "card": viewed(EMERGENCY, "Urgence"),
    "laboratory": viewed(EMERGENCY, "Biologie"),
    "timeline": viewed(EMERGENCY, "Frise"),
    "stays": viewed(TRAITANT, "Séjours"),
    "vaccines": viewed(SELF, "Vaccins"),
    "documents": viewed(EMERGENCY, "Documents"),
    "deposit": viewed(TRAITANT, "Déposer"),
    "rights": viewed(SELF, "Mes autorisations"),
    "people": viewed(SELF, "Mes proches"),
    "text": text,
    "journal": viewed(SELF, "Qui a regardé"),
    "emergency-access": broken,
    "reviews": reviews,
    "whole-journal": journal,
    "usage": lambda person: person.sign_in(AUDITOR).view("Usage"),
    "service": lambda person: person.sign_in(ADMINISTRATOR),
}
"""In this order: the auditor has an opening to review once one was made."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Draw docs/screenshots again.")
    parser.add_argument("--out", type=Path, default=OUT)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        expect.set_options(timeout=60_000)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        manifest = generate(Path(folder) / "samples", "demo", lambda draft: draft.patient == PATIENT)
        sample = Sample(manifest.parent, json.loads(manifest.read_text("utf-8")))
        build(Path(folder) / "built", sample)
        for width, size in (("desk", DESK), ("phone", PHONE)):
            with open_site(Path(folder) / "built", Path(folder) / width, sample, browser) as site:
                for name, steps in VIEWS.items():
                    with site.person(viewport=size, reduced_motion="reduce") as person:
                        steps(person)
                        _draw(person.page, out / f"{width}-{name}.png")
        browser.close()


def _draw(page: Page, path: Path) -> None:
    expect(page.locator(".busy")).to_have_count(0)
    page.screenshot(path=path, animations="disabled", caret="hide")
    print(path.name)


if __name__ == "__main__":
    main()
