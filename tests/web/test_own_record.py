"""The patient's own views: vaccinations, people, a document of one's own, the copy, closing; and correcting a text."""

from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

from playwright.sync_api import expect

from tests.web.site import PHONE, SELF, TRAITANT, Site


def test_vaccinations_say_what_is_due_and_open_the_proof_of_each_dose(changed_site: Site) -> None:
    with changed_site.person() as patient:
        page = patient.open_record(SELF).view("Vaccins").page
        cards = page.locator(".hit")
        expect(cards.first).to_be_visible()
        states = page.locator(".hit .row .badge").all_inner_texts()
        assert {"fait", "à faire"} <= set(states) <= {"fait", "à faire", "inconnu"}
        order = ["à faire", "inconnu", "fait"]
        assert states == sorted(states, key=order.index), "what is due stands first"
        dose = cards.locator("button.moment").first
        dose.click()
        expect(page.locator(".reader h2")).to_be_focused()
        expect(page.locator(".reader .quote mark").first).not_to_have_text("")


def test_where_to_be_told_is_kept_and_never_shown_again(changed_site: Site) -> None:
    with changed_site.person() as patient:
        page = patient.open_record(SELF).view("Mes proches").page
        expect(page.get_by_text("Aucune adresse : vous n’êtes pas prévenu.")).to_be_visible()
        page.get_by_label("Adresse électronique").fill("antoine@exemple.test")
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.get_by_text("Une adresse est enregistrée.")).to_be_visible()
        assert "antoine@exemple.test" not in page.content()
        expect(page.get_by_label("Adresse électronique")).to_have_value("")
        page.get_by_role("button", name="Ne plus être prévenu").click()
        expect(page.get_by_text("Aucune adresse : vous n’êtes pas prévenu.")).to_be_visible()


def test_whom_the_documents_name_opens_where_it_is_said(changed_site: Site) -> None:
    """A document of one's own names the personne de confiance; it is read, and the view shows it."""
    with changed_site.person() as patient:
        page = patient.open_record(SELF).view("Déposer").page
        expect(page.get_by_text("Il sera marqué comme déposé par vous.")).to_be_visible()
        first = page.get_by_label("Type de document").locator("optgroup").first
        expect(first).to_have_attribute("label", re.compile("notes du patient|directives"))
        page.get_by_label("Type de document").select_option(label="Volontés et droits du patient")
        page.get_by_label("Titre").fill("Ma personne de confiance")
        said = "Volontés.\n\nPersonne de confiance : Mme Jeanne MARTIN (fille), 06 12 34 56 78."
        page.get_by_label("Choisir des fichiers").set_input_files(
            {"name": "confiance.txt", "mimeType": "text/plain", "buffer": said.encode()}
        )
        expect(page.locator(".deposit .done", has_text="cherchable")).to_be_visible(timeout=120_000)
        patient.view("Documents")
        mine = patient.hits.filter(has_text="Ma personne de confiance")
        expect(mine).to_contain_text("Volontés et droits du patient")
        expect(mine).to_contain_text("déposé par le patient")
        patient.view("Mes proches")
        contact = page.locator("button.moment", has_text="Jeanne MARTIN")
        expect(contact).to_contain_text("06 12 34 56 78")
        contact.click()
        expect(page.locator(".reader .quote mark").first).to_contain_text("MARTIN")


def test_one_s_own_copy_is_an_archive_of_what_one_may_see(changed_site: Site) -> None:
    with changed_site.person() as patient:
        page = patient.open_record(SELF).view("Mes autorisations").page
        page.get_by_role("button", name="Emporter une copie").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("n’est plus protégée par le service")
        with page.expect_download(timeout=120_000) as made:
            dialog.get_by_role("button", name="Emporter une copie").click()
        assert made.value.suggested_filename == "dossier.zip"
        with zipfile.ZipFile(io.BytesIO(Path(made.value.path()).read_bytes())) as bundle:
            assert {"LISEZMOI.txt", "journal.txt", "manifeste.json"} <= set(bundle.namelist())
            assert sum(name.startswith("documents/") for name in bundle.namelist()) >= 10


def test_a_closed_record_is_shut_to_professionals_and_opens_again(changed_site: Site) -> None:
    with changed_site.person() as patient, changed_site.person() as doctor:
        doctor.open_record()
        page = patient.open_record(SELF).view("Mes autorisations").page
        page.get_by_role("button", name="Fermer le dossier").click()
        expect(page.get_by_role("dialog")).to_contain_text("invisible à tout professionnel, même en urgence")
        page.get_by_role("dialog").get_by_role("button", name="Fermer le dossier").click()
        expect(page.get_by_text("Votre dossier est fermé.")).to_be_visible()
        doctor.page.get_by_role("searchbox").fill("allergie")
        doctor.page.keyboard.press("Enter")
        expect(doctor.page.get_by_role("heading", name="Ouvrir un dossier")).to_be_visible()
        page.get_by_role("button", name="Rouvrir le dossier").click()
        expect(page.get_by_text("Votre dossier est ouvert.")).to_be_visible()
        doctor.present()
        expect(doctor.banner).to_contain_text("MOREAU", ignore_case=True)


def test_an_untyped_upload_says_who_will_not_see_it(changed_site: Site) -> None:
    with changed_site.person() as doctor:
        page = doctor.open_record(TRAITANT).view("Déposer").page
        warning = page.locator(".untyped")
        expect(warning).to_contain_text("pharmaciens, infirmiers")
        page.get_by_label("Type de document").select_option(label="Prescription")
        expect(warning).to_be_empty()
        page.get_by_label("Date du document").fill("2026-02-03")
        page.get_by_label("Choisir des fichiers").set_input_files(
            {"name": "x.txt", "mimeType": "text/plain", "buffer": b"Paracetamol 1 g si douleur, pendant cinq jours."}
        )
        expect(page.locator(".deposit .done", has_text="cherchable")).to_be_visible(timeout=120_000)
        doctor.view("Documents")
        sent = doctor.hits.filter(has_text="Prescription").filter(has_text="3 févr. 2026")
        expect(sent).to_have_count(1)


def test_a_corrected_text_is_found_and_says_who_corrected_it(changed_site: Site) -> None:
    with changed_site.person() as doctor:
        page = doctor.open_record(TRAITANT).page
        doctor.ask("anaphylaxie").first.locator(".passage").first.click()
        expect(page.locator(".paper img")).to_be_visible()
        page.get_by_role("button", name="Texte", exact=True).click()
        text = page.get_by_label("Texte de la page 1")
        expect(text).not_to_have_value("")
        text.fill(f"{text.input_value()}\nPorteur d'un zébrulateur cardiaque.")
        page.get_by_role("button", name="Enregistrer le texte").click()
        expect(page.get_by_text("Texte corrigé par Dr Claire FONTAINE")).to_be_visible()
        found = doctor.hits.locator("mark", has_text="zébrulateur")
        deadline = time.monotonic() + 120  # the index follows by itself, in its own time
        while not (doctor.ask("zébrulateur").count() and found.count()):
            assert time.monotonic() < deadline
        expect(found.first).to_be_visible()


def test_a_correction_that_somebody_overtook_keeps_what_was_typed(changed_site: Site) -> None:
    with changed_site.person() as doctor, changed_site.person() as other:
        for each in (doctor, other):
            each.open_record(TRAITANT).ask("anaphylaxie").first.locator(".passage").first.click()
            each.page.get_by_role("button", name="Texte", exact=True).click()
            expect(each.page.get_by_label("Texte de la page 1")).not_to_have_value("")
        other.page.get_by_label("Texte de la page 1").fill("Corrigé par l'une.")
        other.page.get_by_role("button", name="Enregistrer le texte").click()
        expect(other.page.get_by_text("Texte corrigé par")).to_be_visible()
        doctor.page.get_by_label("Texte de la page 1").fill("Corrigé par l'autre.")
        doctor.page.get_by_role("button", name="Enregistrer le texte").click()
        expect(doctor.page.locator(".page-text .notice.bad")).to_be_visible()
        expect(doctor.page.get_by_label("Texte de la page 1")).to_have_value("Corrigé par l'autre.")


def test_nobody_else_s_record_is_reached_by_these_views(changed_site: Site) -> None:
    """A professional is offered neither the patient's people nor their authorisations."""
    with changed_site.person() as doctor:
        doctor.open_record(TRAITANT)
        names = doctor.page.get_by_role("navigation").get_by_role("button").all_inner_texts()
        assert "Vaccins" in names
        assert not {"Mes proches", "Mes autorisations"} & set(names)


def test_on_a_phone_every_act_of_a_table_is_in_sight(site: Site) -> None:
    with site.person(viewport=PHONE) as patient:
        page = patient.open_record(SELF).view("Mes autorisations").page
        acts = page.get_by_role("table").get_by_role("button")
        expect(acts.first).to_be_visible()
        for place in acts.evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().right)"):
            assert place <= PHONE["width"]
        expect(page.get_by_role("row").nth(1).get_by_role("cell").first).to_be_visible()  # it is a table still
