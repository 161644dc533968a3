"""The generated folder: what is in it, and that a second run gives the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from lxml import etree
from PIL import Image

from access.document_types import TYPES
from access.identifiers import parse_ins
from samples.catalogue import drafts
from samples.forms import produce
from samples.generate import generate
from samples.manifest import CATEGORIES, identities

HL7 = {"h": "urn:hl7-org:v3"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("samples"), "demo").parent


@pytest.fixture(scope="module")
def manifest(demo: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((demo / "manifest.json").read_text("utf-8"))
    return loaded


def test_the_demo_is_small_and_has_every_patient(manifest: dict[str, Any]) -> None:
    documents = manifest["documents"]
    assert 120 <= len(documents) <= 200
    assert 20 <= sum(document["scanned_pages"] for document in documents) <= 40
    assert {document["patient"] for document in documents} == {patient["ins"] for patient in manifest["patients"]}
    assert all(document["in_demo"] for document in documents)


def test_the_demo_shows_every_form_that_a_reader_should_manage(manifest: dict[str, Any]) -> None:
    forms = Counter(document["form"] for document in manifest["documents"])
    assert forms.keys() == {draft.form for draft in drafts()} - {"photo-dark"}
    media = {document["media_type"] for document in manifest["documents"]}
    assert media == {"application/pdf", "image/jpeg", "image/png", "image/tiff", "text/plain", "text/xml"}


def test_the_flagship_patient_and_the_identities_of_the_demo(manifest: dict[str, Any]) -> None:
    flagship = manifest["patients"][0]
    assert (flagship["ins"], flagship["sex"], flagship["birth_date"][:7]) == ("185037512345641", "M", "1985-03")
    people = manifest["demo_identities"]
    assert people["medecin_traitant"] == "10001234567"
    assert people["patient"] == flagship["ins"]
    granted = {grant["to"] for grant in manifest["grants"]}
    assert people["stranger"] not in granted | {people["emergency"]}


def test_identifiers_are_well_formed(manifest: dict[str, Any]) -> None:
    assert len(manifest["patients"]) >= 8
    for patient in manifest["patients"]:
        assert parse_ins(patient["ins"], patient["oid"]), patient
        assert patient["ins"][1:5] == patient["birth_date"][2:4] + patient["birth_date"][5:7]
        assert patient["ins"][0] == {"M": "1", "F": "2"}[patient["sex"]]
    assert all(len(carer["rpps"]) == 11 and carer["rpps"].isdigit() for carer in manifest["practitioners"])
    assert all(len(place["finess"]) == 9 and place["finess"].isdigit() for place in manifest["organizations"])
    assert len({carer["rpps"] for carer in manifest["practitioners"]}) == len(manifest["practitioners"])


def test_grants_hold_expire_and_are_revoked(manifest: dict[str, Any]) -> None:
    grants = manifest["grants"]
    assert any(grant["valid_until"] and grant["valid_until"] < "2026-01-01" for grant in grants)
    assert any(grant["revoked_at"] for grant in grants)
    assert {grant["to_kind"] for grant in grants} == {"practitioner", "organization", "team"}
    hospital = [grant for grant in grants if grant["categories"] and grant["to_kind"] == "organization"]
    assert hospital
    assert all(set(grant["categories"]) == {"report", "biology", "imaging", "treatment"} for grant in hospital)


def test_categories_are_those_of_the_document_types() -> None:
    assert {draft.type_code for draft in drafts()} <= CATEGORIES.keys()
    assert {code: TYPES[code][1].value for code in CATEGORIES} == CATEGORIES


def test_every_file_opens(demo: Path, manifest: dict[str, Any]) -> None:
    for document in manifest["documents"]:
        path = demo / document["file"]
        match document["media_type"]:
            case "application/pdf":
                pdf = pypdfium2.PdfDocument(path)
                assert len(pdf) == document["pages"]
                pdf.close()
            case "text/plain":
                text = path.read_bytes().decode("latin-1" if document["form"] == "latin1" else "utf-8")
                assert document["title"].split()[0] in text
            case "text/xml":
                etree.fromstring(path.read_bytes())
            case _:
                with Image.open(path) as picture:
                    assert getattr(picture, "n_frames", 1) == document["pages"]


def test_a_digital_page_says_exactly_its_truth() -> None:
    checked = 0
    for draft in drafts():
        if not draft.in_demo or draft.form not in ("letter", "columns", "banner", "table", "lab", "form"):
            continue
        drawn = produce(draft, identities(drafts())[draft.document_id])
        pdf = pypdfium2.PdfDocument(drawn.data)
        for page, truth in zip(pdf, drawn.truths, strict=True):
            shown = page.get_textpage().get_text_bounded()
            assert Counter(shown.split()) == Counter(truth.split()), draft.document_id
        pdf.close()
        checked += 1
    assert checked > 100


def test_pictures_have_a_truth_for_each_page(demo: Path, manifest: dict[str, Any]) -> None:
    pictured = [document for document in manifest["documents"] if document["scanned_pages"]]
    assert any(document["pages"] > 1 and document["media_type"] == "image/tiff" for document in pictured)
    for document in pictured:
        assert len(document["truth"]) == document["scanned_pages"]
        for path in document["truth"].values():
            assert len((demo / path).read_text("utf-8")) > 80, path


def test_scans_have_no_text_layer_and_mixed_pages_lack_the_table(demo: Path, manifest: dict[str, Any]) -> None:
    for document in manifest["documents"]:
        if not document["scanned_pages"] or document["media_type"] != "application/pdf":
            continue
        pdf = pypdfium2.PdfDocument(demo / document["file"])
        text = pdf[0].get_textpage().get_text_bounded()
        pdf.close()
        truth = (demo / document["truth"]["1"]).read_text("utf-8")
        if document["form"] == "mixed":
            assert 0 < len(text.split()) < len(truth.split()) - 10
        else:
            assert not text.strip()


def test_cda_headers(demo: Path, manifest: dict[str, Any]) -> None:
    by_id = {document["unique_id"]: document for document in manifest["documents"]}
    replaced = 0
    for document in manifest["documents"]:
        if document["media_type"] != "text/xml":
            continue
        root = etree.fromstring((demo / document["file"]).read_bytes())

        def first(path: str, root: etree._Element = root) -> str:
            return str(root.xpath(path, namespaces=HL7)[0])

        patient = parse_ins(
            first("h:recordTarget/h:patientRole/h:id/@extension"), first("h:recordTarget/h:patientRole/h:id/@root")
        )
        assert patient is not None
        assert patient.matricule == document["patient"]
        assert patient.oid in ("1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.8")
        assert first("h:code/@code") == document["type_code"]
        assert first("h:author/h:assignedAuthor/h:id/@extension") == "8" + document["author_rpps"]
        assert first("h:custodian//h:id/@extension") == "1" + document["organization"]
        assert first("h:setId/@extension") == document["set_id"]
        assert first("h:versionNumber/@value") == str(document["version"])
        bodies = root.xpath("h:component/*", namespaces=HL7)
        assert [body.tag.rpartition("}")[2] for body in bodies] == [
            "nonXMLBody" if document["form"] == "cda1" else "structuredBody"
        ]
        if document["replaces"]:
            replaced += 1
            assert first("h:relatedDocument[@typeCode='RPLC']/h:parentDocument/h:id/@extension") == document["replaces"]
            assert by_id[document["replaces"]]["set_id"] == document["set_id"]
    assert replaced >= 2


def test_two_patients_have_three_hundred_documents() -> None:
    counts = Counter(draft.patient for draft in drafts())
    assert len([patient for patient, count in counts.items() if count >= 300]) == 2
    years = {draft.day.year for draft in drafts()}
    assert years == set(range(2016, 2027))


def test_near_duplicates_are_not_copies() -> None:
    texts = Counter(f"{draft.title}\n{draft.text}" for draft in drafts())
    assert max(texts.values()) == 1


def test_a_second_run_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    again = generate(tmp_path, "demo").parent
    assert _digests(again) == _digests(demo)


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="part is one of"):
        generate(tmp_path, "half")


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
