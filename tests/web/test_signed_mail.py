"""What the page says of a mail's signature: a broken one where the mail is named, another where it is read."""

from __future__ import annotations

import io

from playwright.sync_api import expect

from ingest.receive import receive
from ingest.worker import drain
from records.content import Metadata
from tests.ingest import smime_mails as smime
from tests.web.site import TRAITANT, Site


def _deposit(site: Site, data: bytes) -> None:
    home = site.home
    receive(
        io.BytesIO(data),
        patient_id=site.patient_id,
        file_name="message.eml",
        origin="mssante",
        deposited_by="mail:e.haddad@chu.mssante.fr",
        deposited_for="",
        blobs=home.services.blobs,
        records=home.services.records,
        now=home.clock(),
        limit=10**6,
        declared=Metadata(type_code="11490-0"),
    )
    drain(home.bench)


def test_a_broken_signature_is_a_badge_and_a_whole_one_a_line_of_the_reader(changed_site: Site) -> None:
    signer = smime.signer()
    _deposit(changed_site, smime.detached(smime.mail(body="Zona ophtalmique gauche."), signer))
    altered = smime.mail(body="Onychomycose du pied droit.")
    _deposit(changed_site, smime.detached(altered, signer, change=lambda content: content.replace(b"droit", b"gauche")))
    with changed_site.person() as doctor:
        doctor.open_record(TRAITANT).ask("onychomycose")
        hit = doctor.hits.filter(has_text="Onychomycose")
        expect(hit.locator(".badge.bad")).to_contain_text("Signature rompue")
        doctor.ask("zona ophtalmique")
        hit = doctor.hits.filter(has_text="Zona")
        expect(hit.locator(".badge.bad")).to_have_count(0)
        hit.locator("button.passage").first.click()
        expect(doctor.page.locator(".reader")).to_contain_text("qu'aucune autorité n'a confirmé ici")


def test_an_attachment_that_was_not_read_is_said_in_the_list_and_in_the_reader(changed_site: Site) -> None:
    attached = ("plan.dwg", bytes(range(256)), "application/octet-stream")
    _deposit(changed_site, smime.mail(attached, body="Chondrodermatite du pavillon.").as_bytes())
    with changed_site.person() as doctor:
        doctor.open_record(TRAITANT).ask("chondrodermatite")
        doctor.hits.filter(has_text="Chondrodermatite").locator("button.passage").first.click()
        expect(doctor.page.locator(".reader")).to_contain_text("p. 2 : Pièce jointe non lue")
        doctor.view("Documents")
        expect(doctor.page.locator("article.hit").filter(has_text="p. 2 : Pièce jointe non lue")).to_have_count(1)
