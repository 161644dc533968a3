"""The real service over a small home of sample patients, and a person in front of it: Chromium driven by Playwright."""

from __future__ import annotations

import io
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from access.identifiers import PatientId
from cli.compose import Home, open_home
from cli.demo import personas
from cli.intake import wait
from cli.sample_home import Sample, record_people
from cli.settings import Settings, load_settings
from index.generations import needed
from index.port import Generations
from index.projector import Projector
from ingest.receive import receive
from ingest.worker import drain
from records.content import Metadata
from records.episodes import Carer, Episode, Movement, announce
from samples.story import Draft
from search_api.app import create_app
from search_api.services import ServingIndex
from search_api.web.front import Front
from tests.web.hostile import add_hostile_patient

SCAN_IN_HOME = "moreau-2016-02-09-urgences-anaphylaxie"
SCAN_TO_SEND = "moreau-2016-04-05-carte-allergie"
KEPT = (
    SCAN_IN_HOME,
    SCAN_TO_SEND,
    "moreau-2016-04-05-allergologie",
    "moreau-2019-02-24-urgences-phlebite",
    "moreau-2019-02-27-sortie-ep",
    "moreau-2019-03-04-crh-pneumologie",
    "moreau-2022-08-16-mt-rectification",
    "moreau-2023-03-02-urgences-douleur-thoracique",
    "moreau-2023-04-11-psy",
    "moreau-2024-01-23-cardio-hta",
    "moreau-2025-01-14-ordonnance-2025",
    "moreau-2025-10-14-vaccinations",
    "moreau-2025-11-02-note-patient",
    "moreau-2026-01-13-biologie-2026",
    "moreau-2026-02-10-chirurgie-main",
)
"""Letters, forms, tables, a CDA, a laboratory report and two scans of one patient."""
TRAITANT, EMERGENCY, STRANGER, SELF = "médecin traitant", "urgentiste", "inconnu du patient", "le patient"
AUDITOR, ADMINISTRATOR, VIGILANCE = "auditeur", "administrateur", "identitovigilance"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


def wanted(draft: Draft) -> bool:
    """A few documents: reading all of the demo takes minutes."""
    return draft.document_id in KEPT


def settings_of(folder: Path, **more: Any) -> Settings:
    return load_settings(home=folder, profile="single", host="127.0.0.1", port=0, **more)


def build(folder: Path, sample: Sample) -> None:
    """A home with the sample's people and every document but the one that a test sends."""
    with open_home(settings_of(folder)) as home:
        patients = record_people(home, sample)
        kept = [each for each in sample.manifest["documents"] if SCAN_TO_SEND not in each["file"]]
        chosen = replace(sample, manifest=sample.manifest | {"documents": kept})
        outcomes = wait(home, chosen.deposits(home, patients))
        assert all(outcome.searchable for outcome in outcomes)
        add_hba1c(home, patients[sample.flagship_ins])
        add_stays(home, patients[sample.flagship_ins], sample.demo_identities["emergency"])
        add_hostile_patient(home, sample.demo_identities["medecin_traitant"])
        home.bench.projector.catch_up(home.clock())


def add_hba1c(home: Home, patient_id: PatientId) -> None:
    """Two results of a patient who has none among the samples: the newer one is what a clinician asks for most."""
    for day, value in ((date(2025, 7, 3), "7,1"), (date(2026, 1, 20), "6,8")):
        text = f"Laboratoire des Essais\n\nHbA1c : {value} % (4,0 - 6,0)"
        receive(
            io.BytesIO(text.encode()),
            patient_id=patient_id,
            file_name=f"hba1c-{day}.txt",
            origin="upload",
            deposited_by="tests",
            deposited_for="",
            blobs=home.services.blobs,
            records=home.services.records,
            now=home.clock(),
            limit=10**6,
            declared=Metadata(type_code="11502-2", title="Hémoglobine glyquée", event_date=day),
        )
    drain(home.bench)


def add_stays(home: Home, patient_id: PatientId, rpps: str) -> None:
    """A stay over, whose team names this professional and another; a visit without an end; one that was cancelled."""
    at = datetime(2026, 2, 3, 8, 30, tzinfo=UTC)
    team = (Carer("attending", "DR LEA MARCHAND", rpps), Carer("referring", "DR PAUL ADRESSE", ""))
    other = (Carer("consulting", "", "10000000099"),)
    with home.services.records.write() as tx:
        for visit, code, unit, begins, people, cancelled in (
            ("26001234", "I", "Cardiologie", at, team, False),
            ("26004321", "O", "Consultation de pneumologie", at + timedelta(days=12), other, False),
            ("26005678", "E", "", at + timedelta(days=20), (), True),
        ):
            ends = at + timedelta(days=4, hours=7) if code == "I" else None
            one = Episode("690000001", visit, begins, code, unit, begins, ends, team=people)
            announce(tx, patient_id, Movement(one, cancelled=cancelled))


@dataclass(frozen=True)
class Site:
    """A service that answers at `address`, and a browser to look at it with."""

    address: str
    home: Home
    sample: Sample
    patients: dict[str, PatientId]
    browser: Browser

    @property
    def ins(self) -> str:
        return self.sample.flagship_ins

    @property
    def patient_id(self) -> PatientId:
        return self.patients[self.ins]

    @property
    def scan_to_send(self) -> Path:
        return next(self.sample.folder / each["file"] for each in self.all_documents if SCAN_TO_SEND in each["file"])

    @property
    def all_documents(self) -> list[dict[str, Any]]:
        return list(self.sample.manifest["documents"])

    @contextmanager
    def person(self, **context: Any) -> Iterator[Person]:
        """Somebody with a browser of their own, in French on a desk screen unless `context` says otherwise."""
        options: dict[str, Any] = {"locale": "fr-FR", "viewport": DESK, "timezone_id": "Europe/Paris"} | context
        opened = self.browser.new_context(**options)
        opened.set_default_timeout(60_000)
        try:
            with_page = Person(self, opened, opened.new_page(), [])
            with_page.watch()
            with_page.page.goto(self.address)
            yield with_page
            assert not with_page.complaints, with_page.complaints
        finally:
            opened.close()


@dataclass
class Person:
    """Somebody who looks. `complaints`: whatever the browser's console says is wrong, scripts refused included."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str]

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)

    def _console(self, message: Any) -> None:
        # A refusal is an answer: the browser says so of each 4xx, and the page shows it.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def sign_in(self, title: str) -> Person:
        chosen = self.page.get_by_role("button", name=title).first
        chosen.click()
        expect(chosen).to_be_hidden()  # until then the first heading is that of the list of identities
        expect(self.page.get_by_role("heading", level=1)).to_be_attached()
        return self

    def present(self, ins: str | None = None) -> Person:
        """At the door: the identity, and Enter."""
        self.page.get_by_label("INS ou datamatrix").fill(ins or self.site.ins)
        self.page.keyboard.press("Enter")
        return self

    def open_record(self, title: str = TRAITANT) -> Person:
        self.sign_in(title)
        if title != SELF:
            self.present()
        expect(self.banner).to_contain_text("MOREAU", ignore_case=True)
        return self

    def ask(self, query: str) -> Locator:
        box = self.page.get_by_role("searchbox")
        box.fill(query)
        box.press("Enter")
        expect(self.page.locator(".coverage-bar")).to_be_visible()
        expect(self.page.locator(".busy")).to_have_count(0)
        return self.hits

    def view(self, name: str) -> Person:
        self.page.get_by_role("navigation").get_by_role("button", name=name).click()
        expect(self.page.locator(".busy")).to_have_count(0)
        return self

    def keep(self, name: str, text: str, *, terms: bool = False) -> None:
        """In the dialog of one's own searches: one more."""
        dialog = self.page.locator("dialog.saved")
        before = dialog.locator(".kept li").count()
        dialog.get_by_label("Nom", exact=True).fill(name)
        dialog.get_by_label("Question, ou termes").fill(text)
        dialog.get_by_label(re.compile("liste de termes")).set_checked(terms)
        dialog.get_by_role("button", name="Garder", exact=True).click()
        expect(dialog.locator(".kept").get_by_role("button", name=f"Lancer @{name}")).to_be_visible()
        assert dialog.locator(".kept li").count() in (before, before + 1)

    @property
    def hits(self) -> Locator:
        return self.page.locator(".hits > li")

    @property
    def banner(self) -> Locator:
        return self.page.locator(".banner")


@contextmanager
def serving(home: Home, front: Front) -> Iterator[str]:
    """The application under uvicorn, in a thread, as `anamnese serve` runs it; yields its address."""
    app = create_app(replace(home.services, front=front))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            _wait(address)
            yield address
        finally:
            server.should_exit = True
            thread.join(20)


def _wait(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service does not answer")


def _searched_in(home: Home, engine: Generations) -> Home:
    """The home over another engine, once that has followed everything: under a name of its own, whose cursor begins."""
    services, prefix = home.services, "beside"
    projector = Projector(services.records, services.blobs, engine, services.embedder, prefix)
    while projector.catch_up(home.clock()):
        pass
    index = ServingIndex(engine, lambda: needed(services.embedder, prefix))
    return replace(home, services=replace(services, index=index))


@contextmanager
def open_site(
    built: Path, folder: Path, sample: Sample, browser: Browser, engine: Generations | None = None, **settings: Any
) -> Iterator[Site]:
    """A copy of a built home, served; searched in another engine, which follows the copy first, when one is given."""
    shutil.copytree(built, folder)
    with open_home(settings_of(folder, **settings), serving=True) as home:
        if engine is not None:
            home = _searched_in(home, engine)
        patients = record_people(home, sample)
        front = home.services.front
        if not home.settings.oidc:
            front = replace(front, personas=personas(home, sample, patients))
        with serving(home, front) as address:
            yield Site(address, home, sample, patients, browser)
