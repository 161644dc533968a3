"""What people come for, from the first page to what they see."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from records import grants
from tests.search_api.world import ins_of
from tests.web.site import AUDITOR, EMERGENCY, SELF, STRANGER, TRAITANT, Person, Site


def test_a_consultation_search_ends_on_the_page_with_the_words_boxed(site: Site) -> None:
    with site.person() as doctor:
        doctor.open_record()
        page = doctor.page
        expect(page.get_by_role("searchbox")).to_be_focused()
        first = doctor.ask("allergie pénicilline").first
        expect(first.locator("mark").first).to_be_visible()
        expect(page.locator(".coverage-bar")).to_contain_text("D'autres documents peuvent exister.")
        first.locator(".passage").first.click()
        expect(page.locator(".paper img")).to_be_visible()
        expect(page.locator(".box.current")).to_have_count(1)
        expect(page.locator(".at")).to_contain_text(re.compile(r"^1 sur \d+$"))
        page.get_by_role("button", name="Passage suivant").click()
        expect(page.locator(".at")).to_contain_text(re.compile(r"^2 sur \d+$"))


def test_the_boxes_stand_on_the_words(site: Site) -> None:
    """The drawn rectangle covers dark ink on the picture: an overlay at the wrong scale would lie over white."""
    with site.person() as doctor:
        doctor.open_record()
        doctor.ask("anaphylaxie").first.locator(".passage").first.click()
        expect(doctor.page.locator(".box.current")).to_have_count(1)
        ink = doctor.page.evaluate(
            """async () => {
              const image = document.querySelector('.paper img');
              await image.decode();
              const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
              const drawing = canvas.getContext('2d');
              drawing.drawImage(image, 0, 0);
              const svg = document.querySelector('.boxes').viewBox.baseVal;
              const box = document.querySelector('.box.current').getBBox();
              const [sx, sy] = [image.naturalWidth / svg.width, image.naturalHeight / svg.height];
              const at = [box.x * sx, box.y * sy, box.width * sx, box.height * sy].map(Math.round);
              const share = ([x, y, w, h]) => {
                const { data } = drawing.getImageData(x, y, w, h);
                let dark = 0;
                for (let i = 0; i < data.length; i += 4) if (data[i] < 128) dark += 1;
                return dark / (data.length / 4);
              };
              return share(at);
            }"""
        )
        assert ink > 0.05


def test_a_stranger_opens_with_the_patient_present(own_site: Site) -> None:
    with own_site.person() as stranger:
        stranger.sign_in(STRANGER).present()
        page = stranger.page
        expect(page.get_by_role("heading", name=re.compile("Aucun document accessible"))).to_be_visible()
        page.get_by_role("button", name="Patient présent et d’accord").click()
        expect(stranger.banner).to_contain_text("Antoine")
        expect(page.locator(".emergency")).to_have_count(0)


def test_the_door_is_the_same_for_who_does_not_exist(site: Site) -> None:
    with site.person() as stranger:
        stranger.sign_in(STRANGER).present()
        closed = stranger.page.locator(".closed")
        known = closed.inner_text()
        with stranger.page.expect_response(re.compile("/identity$")) as answered:
            stranger.present(ins_of("1600199123456").matricule)
        assert answered.value.status == 403
        expect(closed).to_be_visible()
        assert closed.inner_text() == known


def test_break_glass_in_two_taps_with_its_countdown(own_site: Site) -> None:
    with own_site.person() as doctor:
        doctor.sign_in(EMERGENCY)
        page = doctor.page
        revoke_all_but_the_traitant(own_site)
        doctor.present()
        page.get_by_role("button", name="Urgence vitale").click()
        page.get_by_role("button", name="Inconscient ou confus").click()
        expect(doctor.banner).to_contain_text("Antoine")
        bar = page.locator(".emergency")
        expect(bar).to_contain_text(re.compile(r"59:\d\d|60:00"))
        doctor.view("Documents")
        expect(bar).to_be_visible()
        bar.get_by_role("button", name="Terminer").click()
        expect(page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        doctor.present()
        expect(page.get_by_role("heading", name=re.compile("Aucun document accessible"))).to_be_visible()
    with own_site.person() as auditor:
        auditor.sign_in(AUDITOR)
        row = auditor.page.locator("tbody tr")
        expect(row).to_contain_text("Inconscient ou confus")
        row.get_by_role("button", name="Justifié", exact=True).click()
        expect(auditor.page.get_by_text("Rien à relire.")).to_be_visible()


def test_a_double_click_breaks_no_glass(own_site: Site) -> None:
    """The second click would land on a reason; Enter held down would press the first one."""
    with own_site.person() as stranger:
        stranger.sign_in(STRANGER).present()
        page = stranger.page
        opener = page.get_by_role("button", name="Urgence vitale")
        opener.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Enter")
        reason = page.get_by_role("button", name="Autre motif")
        reason.dispatch_event("click", {"detail": 2, "bubbles": True})
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        stranger.present()
        expect(page.get_by_role("heading", name=re.compile("Aucun document accessible"))).to_be_visible()
    with own_site.person() as auditor:
        auditor.sign_in(AUDITOR)
        expect(auditor.page.get_by_text("Rien à relire.")).to_be_visible()


def revoke_all_but_the_traitant(site: Site) -> None:
    """The patient allows nobody else."""
    now = site.home.clock()
    with site.home.services.records.write() as tx:
        for grant in grants.grants_without_scope(tx, site.patient_id):
            if grant.kind != "medecin_traitant":
                grants.revoke_grant(tx, grant.grant_id, site.patient_id, now, "test")


def test_revoked_in_mid_session(own_site: Site) -> None:
    with own_site.person() as doctor, own_site.person() as patient:
        doctor.open_record()
        assert doctor.ask("allergie").count() > 0
        patient.open_record(SELF).view("Mes autorisations")
        row = patient.page.locator("tbody tr", has_text="FONTAINE")
        row.get_by_role("button").click()
        expect(patient.page.get_by_role("dialog")).to_contain_text("Plus rien ne lui sera montré")
        patient.page.get_by_role("dialog").get_by_role("button", name="Révoquer").click()
        expect(row).to_have_count(0)
        doctor.page.get_by_role("searchbox").fill("traitement")
        doctor.page.keyboard.press("Enter")
        expect(doctor.page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        expect(doctor.page.get_by_role("alert")).to_contain_text("Aucun document accessible pour vous")
        expect(doctor.banner).to_have_count(0)
        assert "MOREAU" not in doctor.page.content().upper()


def test_a_scan_is_sent_and_found(changed_site: Site) -> None:
    with changed_site.person() as doctor:
        doctor.open_record().view("Déposer")
        page = doctor.page
        page.get_by_label("Choisir des fichiers").set_input_files(changed_site.scan_to_send)
        expect(page.locator(".deposit .done", has_text="cherchable")).to_be_visible(timeout=90_000)
        doctor.view("Recherche").ask("carte d'allergie médicamenteuse")
        expect(doctor.hits.filter(has_text=re.compile("carte", re.IGNORECASE)).first).to_be_visible()


def test_a_refused_upload_says_why_and_what_to_do(changed_site: Site) -> None:
    with changed_site.person() as doctor:
        doctor.open_record().view("Déposer")
        page = doctor.page
        page.get_by_label("Choisir des fichiers").set_input_files(
            {"name": "vide.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 rien"}
        )
        refused = page.locator(".deposit .notice.bad")
        expect(refused).to_be_visible(timeout=60_000)
        expect(refused.locator("p")).to_have_count(2)
        expect(page.get_by_role("button", name="Envoyer de nouveau")).to_be_visible()


def test_a_masked_document_vanishes_for_professionals_and_not_for_its_patient(changed_site: Site) -> None:
    title = "Consultation de psychiatrie"
    with changed_site.person() as doctor, changed_site.person() as patient:
        doctor.open_record(EMERGENCY).view("Documents")
        expect(doctor.hits.filter(has_text=title)).to_have_count(1)
        patient.open_record(SELF).view("Documents")
        mine = patient.hits.filter(has_text=title)
        mine.get_by_role("button", name="Masquer").click()
        expect(patient.page.get_by_role("dialog")).to_contain_text("même en urgence")
        patient.page.get_by_role("dialog").get_by_role("button", name="Masquer").click()
        expect(mine).to_contain_text("masqué aux professionnels")
        doctor.view("Recherche").view("Documents")
        expect(doctor.hits.filter(has_text=title)).to_have_count(0)


def test_the_journal_speaks_plainly(site: Site) -> None:
    with site.person() as doctor:
        doctor.open_record().ask("anticoagulant")
    with site.person() as patient:
        patient.open_record(SELF).view("Qui a regardé")
        line = patient.page.locator(".journal li", has_text="a cherché dans le dossier").first
        expect(line).to_have_text(
            re.compile(r"^Le \d\d/\d\d/\d{4} à \d\d:\d\d, Dr Claire FONTAINE .*\(\d+ documents?\)")
        )


def test_english(site: Site) -> None:
    with site.person(locale="en-GB") as doctor:
        page = doctor.page
        doctor.sign_in(TRAITANT)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_label("INS or datamatrix").fill(site.ins)
        page.keyboard.press("Enter")
        expect(doctor.banner).to_contain_text("born 14 Mar 1985")
        doctor.ask("penicillin allergy")
        expect(page.locator(".coverage-bar")).to_contain_text("Other documents may exist.")
        page.get_by_role("button", name="Français").click()
        expect(page.get_by_role("searchbox")).to_have_value("penicillin allergy")
        expect(page.locator(".coverage-bar")).to_contain_text("D'autres documents peuvent exister.")


def test_keyboard_only(site: Site) -> None:
    with site.person() as doctor:
        page = doctor.page
        expect(page.get_by_role("button", name=TRAITANT)).to_be_visible()
        _tab_to(doctor, TRAITANT)
        page.keyboard.press("Enter")
        expect(page.get_by_label("INS ou datamatrix")).to_be_focused()
        page.keyboard.type(site.ins)
        page.keyboard.press("Enter")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("apixaban")
        page.keyboard.press("Enter")
        expect(doctor.hits.first).to_be_visible()
        _tab_to(doctor, "p. 1")
        page.keyboard.press("Enter")
        expect(page.locator(".reader h2")).to_be_focused()
        _tab_to(doctor, "Passage suivant")
        page.keyboard.press("Enter")
        expect(page.locator(".at")).to_contain_text("2 sur")


def _tab_to(person: Person, name: str) -> None:
    """Press Tab until the focused element is called so; each stop must show its focus."""
    page = person.page
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              const at = document.activeElement;
              const label = at.getAttribute('aria-label') ?? at.textContent;
              return [label, getComputedStyle(at).outlineStyle, at.tagName];
            }"""
        )
        if focused[2] != "BODY":
            assert focused[1] != "none", focused
        if name in focused[0]:
            return
    raise AssertionError(f"Tab never reaches {name}")
