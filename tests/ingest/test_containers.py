"""Archives, XDM submissions, mails, DICOM: which files are the document, whose it is, and what is too much."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from datetime import date
from email.message import EmailMessage

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import HEAD, media_type_of
from ingest.parse import pages_of, parse
from ingest.parsers.port import KeptPage
from ingest.pictures import picture_of
from ocr.null import NullOcr
from ocr.port import ReadPicture
from records.content import Page, Reading
from tests.ingest import pdfs
from tests.ingest.test_cda import cda, section

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

XDM = """<?xml version="1.0" encoding="UTF-8"?>
<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
  xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><RegistryObjectList>
 <ExtrinsicObject id="Document01" mimeType="text/xml">
  <Slot name="URI"><ValueList><Value>DOC0001.XML</Value></ValueList></Slot>
  <Slot name="creationTime"><ValueList><Value>20240511</Value></ValueList></Slot>
  <Slot name="languageCode"><ValueList><Value>fr-FR</Value></ValueList></Slot>
  <Slot name="sourcePatientId"><ValueList>
   <Value>185037512345641^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH</Value></ValueList></Slot>
  <Slot name="sourcePatientInfo"><ValueList><Value>PID-5|MARTIN^Luc^^^^^L</Value><Value>PID-7|19850312</Value>
   <Value>PID-8|M</Value></ValueList></Slot>
  <Name><LocalizedString value="Lettre du lot"/></Name>
  <Classification classificationScheme="urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d" nodeRepresentation="">
   <Slot name="authorPerson"><ValueList><Value>801^DURAND^Anne^^^Dr</Value></ValueList></Slot>
   <Slot name="authorInstitution"><ValueList><Value>CHU^^^^^&amp;1.2</Value></ValueList></Slot></Classification>
  <Classification classificationScheme="urn:uuid:f0306f51-975f-434e-a61c-c59651d33983" nodeRepresentation="11490-0"/>
  <Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" nodeRepresentation="R"/>
  <ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" value="1.2.3.77"/>
 </ExtrinsicObject>
 <Association associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:RPLC" sourceObject="Document01"
  targetObject="urn:uuid:abc"/>
</RegistryObjectList></lcm:SubmitObjectsRequest>"""


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _submission(document: bytes = b"Allergie iode") -> bytes:
    return _zip(
        {
            "INDEX.HTM": b"<html><body>Sommaire</body></html>",
            "IHE_XDM/SUBSET01/METADATA.XML": XDM.encode(),
            "IHE_XDM/SUBSET01/DOC0001.XML": document,
        }
    )


def _text(reading: Reading) -> str:
    return "\n".join(page.text for page in reading.pages)


def test_a_submission_is_its_documents_only_and_says_whose_they_are(read: Read) -> None:
    reading = read(_submission())
    assert _text(reading) == "Allergie iode"
    stated = reading.metadata
    assert (stated.unique_id, stated.replaces, stated.type_code) == ("1.2.3.77", "abc", "11490-0")
    assert (stated.title, stated.author, stated.organization) == ("Lettre du lot", "Dr Anne DURAND", "CHU")
    assert (stated.event_date, stated.confidentiality, stated.language) == (date(2024, 5, 11), "R", "fr-FR")
    assert stated.patient_ins == (("185037512345641", "1.2.250.1.213.1.4.8"),)
    (patient,) = stated.patients
    assert (patient.birth_names, patient.given_names, patient.birth_date) == (("MARTIN",), "Luc", date(1985, 3, 12))


def test_the_document_of_a_submission_speaks_for_itself(read: Read) -> None:
    assert read(_submission(cda(section("Iode")).encode())).metadata.unique_id == "1.2.3^A17"


def test_a_submission_whose_document_is_missing_is_refused(refusal_of: Refused) -> None:
    assert refusal_of(_zip({"IHE_XDM/S/METADATA.XML": XDM.encode()})).code == "missing-file"


def test_several_files_have_sections_of_their_names(read: Read) -> None:
    reading = read(_zip({"a/lettre.txt": b"Allergie iode", "cr.pdf": pdfs.pages(1), "__MACOSX/._lettre": b"x"}))
    assert [page.sections[0].title for page in reading.pages] == ["lettre.txt", "cr.pdf"]
    assert [page.number for page in reading.pages] == [1, 2]


def test_one_file_is_the_document(read: Read, refusal_of: Refused) -> None:
    assert read(_zip({"lettre.txt": b"Allergie iode"})).pages[0].sections == ()
    assert refusal_of(_zip({"a.gif": b"GIF89a" + b"\x01\x00" * 40})).code == "unsupported-type"


def test_a_bomb_is_refused(refusal_of: Refused) -> None:
    assert refusal_of(_zip({"a.txt": b"a" * 5_000_000})).code == "suspicious-zip"


def test_archives_in_archives_end(refusal_of: Refused) -> None:
    data = b"Allergie iode"
    for _ in range(6):
        data = _zip({"a.zip": data})
    assert refusal_of(data).code == "too-deep"


@pytest.mark.parametrize(
    ("limits", "code"), [(Limits(members=1), "too-many-files"), (Limits(bytes=5_000), "too-large")]
)
def test_limits_of_archives(refusal_of: Refused, limits: Limits, code: str) -> None:
    data = _zip({"a.txt": b"a" * 3_000, "b.txt": b"b" * 3_000})
    assert refusal_of(data, limits=limits).code == code


def test_all_files_together_stay_under_the_limits_of_one_document(refusal_of: Refused, read: Read) -> None:
    data = _zip({"a.pdf": pdfs.pages(2), "b.pdf": pdfs.pages(2), "c.txt": b"Fin"})
    assert len(read(data).pages) == 5
    assert refusal_of(data, limits=Limits(pages=4)).code == "too-many-pages"
    characters = sum(len(page.text) for page in read(data).pages)
    assert len(read(data, limits=Limits(characters=characters)).pages) == 5
    assert refusal_of(data, limits=Limits(characters=characters - 1)).code == "too-much-text"


def _broken_scan(frames: int) -> bytes:
    """A TIFF of which no picture can be decoded."""
    pictures = [Image.effect_noise((60, 60), 60) for _ in range(frames)]
    out = io.BytesIO()
    pictures[0].save(out, "TIFF", save_all=True, append_images=pictures[1:], compression="tiff_lzw")
    data = bytearray(out.getvalue())
    for frame in range(frames):
        with Image.open(io.BytesIO(out.getvalue())) as picture:
            picture.seek(frame)
            start, size = picture.tag_v2[273][0], picture.tag_v2[279][0]  # StripOffsets, StripByteCounts
        data[start : start + size] = b"\xff" * size
    return bytes(data)


def test_a_page_keeps_its_number_whatever_was_kept() -> None:
    """Else what was kept of one file would stand for another's: a broken scan is refused in its first turn only."""
    inner = _zip({"d.txt": b"Latex", "e.tif": _broken_scan(2), "f.pdf": pdfs.pages(2)})
    data = _zip({"a.tif": _broken_scan(2), "b.pdf": pdfs.pages(3), "c.txt": b"", "d.zip": inner, "g.txt": b"Iode"})
    whole = parse(data, "", NullOcr(), Limits())
    assert [page.number for page in whole.pages if page.unreadable] == [1, 2, 6, 8, 9]
    for last in range(len(whole.pages) + 1):
        stream = pages_of(data, "", NullOcr(), Limits(), lambda number, last=last: number <= last)  # type: ignore[misc]
        turn: list[Page | KeptPage] = list(stream)
        assert [page.number for page in turn] == list(range(1, len(whole.pages) + 1))
        assert all(page.number <= last if isinstance(page, KeptPage) else page in whole.pages for page in turn)
        assert last < 5 or KeptPage(5) in turn


def test_nothing_is_recognised_beyond_the_limit_of_pages() -> None:
    class Counting(NullOcr):
        asked = 0

        def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
            Counting.asked += 1
            return super().read(picture, dpi)

    out = io.BytesIO()
    Image.new("L", (300, 300)).save(out, "PNG")
    with pytest.raises(Refusal):
        parse(_zip({f"{n}.png": out.getvalue() for n in range(9)}), "", Counting(), Limits(pages=2))
    assert Counting.asked == 2


def test_an_encrypted_archive_is_refused(refusal_of: Refused) -> None:
    data = bytearray(_zip({"a.txt": b"Allergie"}))
    data[6] |= 1
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    assert refusal_of(bytes(data)).code == "encrypted-zip"


@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_a_truncated_archive_is_refused(refusal_of: Refused, cut: float) -> None:
    data = _zip({"a.txt": bytes(range(256)) * 40})
    assert refusal_of(data[: int(len(data) * cut)]).code == "damaged-zip"


def _mail(*attached: tuple[str, bytes, str], body: str = "Cher confrère, voici le CR.", html: str = "") -> bytes:
    mail = EmailMessage()
    mail["From"] = "Dr Émile HADDAD <e.haddad@chu.mssante.fr>"
    mail["To"] = "cabinet@medecin.mssante.fr"
    mail["Subject"] = "Compte rendu de sortie – été"
    mail["Date"] = "Fri, 10 May 2024 08:30:00 +0200"
    mail.set_content(body)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, data, kind in attached:
        mail.add_attachment(data, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    return mail.as_bytes()


def test_a_mail_is_its_letter_and_its_attachment(read: Read) -> None:
    reading = read(_mail(("CR.pdf", pdfs.pages(2), "application/pdf")))
    assert reading.pages[0].text.split("\n") == [
        "Objet : Compte rendu de sortie – été",
        "De : Dr Émile HADDAD <e.haddad@chu.mssante.fr>",
        "À : cabinet@medecin.mssante.fr",
        "Date : Fri, 10 May 2024 08:30:00 +0200",
        "Cher confrère, voici le CR.",
    ]
    assert "Feuille 2." in reading.pages[2].text
    stated = reading.metadata
    assert (stated.title, stated.author) == ("Compte rendu de sortie – été", "Dr Émile HADDAD")
    assert stated.event_date == date(2024, 5, 10)


def test_a_submission_in_a_mail(read: Read) -> None:
    reading = read(_mail(("IHE_XDM.zip", _submission(cda(section("Iode")).encode()), "application/zip")))
    assert "Iode" in _text(reading)
    assert reading.metadata.unique_id == "1.2.3^A17"


def test_several_attachments_have_sections_of_their_names(read: Read) -> None:
    attached = (("a.txt", b"Iode", "application/octet-stream"), ("b.txt", b"Latex", "application/octet-stream"))
    assert [page.sections[0].title for page in read(_mail(*attached)).pages[1:]] == ["a.txt", "b.txt"]


def test_html_alone_is_read_and_beside_a_text_is_not_said_twice(read: Read) -> None:
    assert _text(read(_mail(body="Iode", html="<p>Iode</p>"))).count("Iode") == 1
    assert "Allergie à l'iode" in _text(read(_mail(body="", html="<p>Allergie <b>à l'iode</b></p>")))


def test_a_forwarded_mail_is_read_inside(read: Read) -> None:
    outer = EmailMessage()
    outer["Subject"], outer["From"], outer["MIME-Version"] = "Tr", "a@b.fr", "1.0"
    outer.set_content("Voir ci-joint")
    import email

    outer.add_attachment(email.message_from_bytes(_mail(body="Allergie iode"), policy=email.policy.default))
    assert "Allergie iode" in _text(read(outer.as_bytes()))


def _dicom(**more: object) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.104.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3.9"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPInstanceUID, dataset.PatientName, dataset.PatientBirthDate = "1.2.3.9", "MARTIN^Luc", "19850312"
    dataset.PatientSex, dataset.ContentDate, dataset.DocumentTitle = "M", "20240510", "Scanner"
    dataset.InstitutionName = "CHU"
    for name, value in more.items():
        setattr(dataset, name, value)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def test_a_pdf_in_a_dicom_file(read: Read) -> None:
    reading = read(_dicom(EncapsulatedDocument=pdfs.pages(1), MIMETypeOfEncapsulatedDocument="application/pdf"))
    assert "Feuille 1." in reading.pages[0].text
    stated = reading.metadata
    assert (stated.unique_id, stated.title, stated.organization) == ("1.2.3.9", "Scanner", "CHU")
    assert stated.event_date == date(2024, 5, 10)
    assert (stated.patients[0].used_names, stated.patients[0].sex) == (("MARTIN",), "M")


def test_a_dicom_image_is_refused(refusal_of: Refused) -> None:
    assert refusal_of(_dicom()).code == "dicom-image"


@pytest.mark.parametrize("outer", ["zip", "mail", "dicom", "message"])
def test_the_picture_of_a_page_inside_is_found(read: Read, outer: str) -> None:
    pdf = pdfs.pages(3)
    data = {
        "zip": lambda: _zip({"a.txt": b"Iode", "b.zip": _zip({"c.pdf": pdf})}),
        "mail": lambda: _mail(("cr.pdf", pdf, "application/pdf")),
        "dicom": lambda: _dicom(EncapsulatedDocument=pdf),
        "message": lambda: _hl7(pdf),
    }[outer]()
    reading = read(data)
    last = reading.pages[-1]
    pictured = [page.number for page in reading.pages if page.width > 0]
    found = picture_of(data, media_type_of(data[:HEAD]), pictured, last.number)
    assert found is not None
    assert (found.data, found.number) == (pdf, 3)


def _hl7(pdf: bytes) -> bytes:
    import base64

    coded = base64.b64encode(pdf).decode()
    return f"MSH|^~\\&|A\rOBX|1|TX|1^L||Iode\rOBX|2|ED|1^CR||^a^pdf^Base64^{coded}\r".encode()
