"""Mails, archives and submissions as senders really write them: two texts that differ, other names, several lots."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from base64 import b64encode
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from access.refusal import Refusal
from records.content import Reading
from tests.ingest.test_containers import XDM, _dicom, _text, _zip

Read = Callable[..., Reading]

HEAD = "From: Dr A <a@x.test>\nSubject: Lettre\nDate: Mon, 10 Mar 2025 12:00:00 +0100\nMIME-Version: 1.0\n"
PLAIN = "--b\nContent-Type: text/plain; charset=utf-8\n\n{}\n"
HTML = "--b\nContent-Type: text/html; charset=utf-8\n\n{}\n"
LETTER = "<p>Allergie à la <b>pénicilline</b></p><p>Choc en 2016</p>"


def _mail(kind: str, *parts: str) -> bytes:
    return f"{HEAD}Content-Type: multipart/{kind}; boundary=b\n\n{''.join(parts)}--b--\n".encode()


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("alternative", [PLAIN.format("Votre logiciel n'affiche pas le HTML."), HTML.format(LETTER)]),
        ("mixed", [HTML.format(LETTER), PLAIN.format("Ce message est confidentiel.")]),
        ("mixed", [PLAIN.format("Allergie à la pénicilline"), HTML.format(LETTER)]),
    ],
)
def test_what_the_plain_text_leaves_out_is_read(read: Read, kind: str, parts: list[str]) -> None:
    text = _text(read(_mail(kind, *parts)))
    assert "Allergie à la pénicilline" in text
    assert "Choc en 2016" in text
    assert text.count("message") == "".join(parts).count("message")


def test_a_logo_does_not_make_the_html_another_text(read: Read) -> None:
    words = "Cher confrère, je vous remercie de m'avoir adressé ce patient pour avis spécialisé."
    parts = PLAIN.format(words), HTML.format(f"<p>{words}</p><img alt='Logo'>")
    assert _text(read(_mail("alternative", *parts))).split("\n")[-2:] == [words, "Logo"]


def test_windows_characters_of_a_latin_1_mail(read: Read) -> None:
    head = f"{HEAD}Content-Type: text/plain; charset=iso-8859-1\n\n".encode()
    assert _text(read(head + "cœur, l’aorte".encode("cp1252"))).endswith("cœur, l’aorte")


def test_eight_bits_in_a_header(read: Read) -> None:
    reading = read(HEAD.replace("Lettre", "Résultat évolué").encode() + b"\nVoir")
    assert reading.metadata.title == "Résultat évolué"


def test_an_attached_text_is_in_the_charset_of_its_mail(read: Read) -> None:
    part = b"--b\nContent-Type: text/plain; name=a.txt; charset=iso-8859-1\n\ncompte rendu \xe9\n"
    assert (
        read(_mail("mixed", PLAIN.format("Voir")).replace(b"--b--", part + b"--b--")).pages[1].text == "compte rendu é"
    )


def test_encoded_names_of_attachments(read: Read) -> None:
    named = (
        '--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename="=?utf-8?q?{}=2Etxt?="\n\nIode {}\n'
    )
    pages = read(_mail("mixed", PLAIN.format("Voir"), named.format("op=C3=A9r=C3=A9", 1), named.format("b", 2))).pages
    assert [page.sections[0].title for page in pages[1:]] == ["opéré.txt", "b.txt"]


def test_a_mail_without_its_version_is_a_mail(read: Read) -> None:
    head = HEAD.replace("MIME-Version: 1.0\n", "Content-Type: text/plain; charset=utf-8\n")
    assert _text(read(f"{head}Content-Transfer-Encoding: quoted-printable\n\nOp=C3=A9r=C3=A9\n".encode())).endswith(
        "Opéré"
    )


def test_files_of_one_name_are_all_read(read: Read) -> None:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as archive:
        warnings.simplefilter("ignore")
        for text in ("Premier", "Second"):
            archive.writestr("a.txt", text)
    assert [page.text for page in read(out.getvalue()).pages] == ["Premier", "Second"]


def _lot(number: int, uri: str = "DOC0001.XML", secrecy: str = "N", more: str = "") -> str:
    text = XDM.replace("1.2.3.77", f"1.2.3.{number}").replace("Document01", f"Document{number}")
    text = text.replace("DOC0001.XML", uri).replace('nodeRepresentation="R"', f'nodeRepresentation="{secrecy}"')
    return text.replace("urn:uuid:abc", more or "urn:uuid:abc")


def test_every_submission_of_a_lot_is_read_with_the_strictest_secrecy(read: Read) -> None:
    files = {
        f"IHE_XDM/SUBSET0{at}/{name}": data.encode()
        for at in (1, 2)
        for name, data in (("METADATA.XML", _lot(at, secrecy="NV"[at - 1])), ("DOC0001.XML", f"Texte {at}"))
    }
    reading = read(_zip(files))
    assert [page.text for page in reading.pages] == ["Texte 1", "Texte 2"]
    assert set(reading.metadata.confidentiality.split()) == {"N", "V"}


@pytest.mark.parametrize("uri", ["./DOC%20%C3%A9.TXT", "IHE_XDM/SUBSET01/DOC é.TXT", "DOC é.txt"])
def test_a_file_under_another_writing_of_its_name(read: Read, uri: str) -> None:
    files = {"IHE_XDM/SUBSET01/METADATA.XML": _lot(1, uri).encode(), "IHE_XDM/SUBSET01/DOC é.TXT": b"Iode"}
    assert _text(read(_zip(files))) == "Iode"


@pytest.mark.parametrize("obsolete", [False, True])
def test_what_a_lot_replaces_is_not_read_as_if_it_held(read: Read, obsolete: bool) -> None:
    old, new = _lot(1, "A.TXT"), _lot(2, "B.TXT", more="Document1")
    if obsolete:
        new = _lot(2, "B.TXT")
        old = old.replace('<ExtrinsicObject id="Document1"', '<ExtrinsicObject status="a:Deprecated" id="Document1"')
    files = {
        "IHE_XDM/S1/METADATA.XML": old.encode(),
        "IHE_XDM/S1/A.TXT": b"Pas d'allergie",
        "IHE_XDM/S2/METADATA.XML": new.encode(),
        "IHE_XDM/S2/B.TXT": "Allergie à l'iode".encode(),
    }
    reading = read(_zip(files))
    assert [page.text for page in reading.pages] == ["Allergie à l'iode"]
    assert "1 document(s) remplacé(s)" in reading.pages[0].note
    assert (reading.metadata.unique_id, reading.metadata.cancels) == ("1.2.3.2", ())


def _coded(meaning: str, value: str = "1", scheme: str = "99X") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _item(kind: str, name: str, **values: object) -> Dataset:
    item = Dataset()
    item.ValueType, item.RelationshipType, item.ConceptNameCodeSequence = kind, "CONTAINS", [_coded(name)]
    for key, value in values.items():
        setattr(item, key, value)
    return item


def _measured(figure: str, unit: str) -> Dataset:
    measure = Dataset()
    measure.NumericValue, measure.MeasurementUnitsCodeSequence = figure, [_coded("unité", unit, "UCUM")]
    return measure


def dicom_report() -> bytes:
    """A report with text, a measure inside it, a date and a code, signed by another than who asked for it."""
    size = _item("NUM", "Taille", MeasuredValueSequence=[_measured("12", "mm")])
    nodule = _item("TEXT", "Constatation", TextValue="Nodule du lobe supérieur droit", ContentSequence=[size])
    found = _item("CONTAINER", "Résultats", ContentSequence=[nodule, _item("DATE", "Vu le", Date="20240510")])
    end = _item("CODE", "Conclusion", ConceptCodeSequence=[_coded("Nodule suspect")])
    signer = Dataset()
    signer.VerifyingObserverName = "ROY^Anne^^Dr"
    return _dicom(
        SpecificCharacterSet="ISO_IR 192",
        ValueType="CONTAINER",
        ConceptNameCodeSequence=[_coded("Compte rendu", "18748-4", "LN")],
        ContentSequence=[found, end],
        VerifyingObserverSequence=[signer],
        ReferringPhysicianName="DEMANDEUR^Paul",
        PatientID="77",
        IssuerOfPatientID="CHU",
    )


def test_a_structured_report_of_dicom_is_read(read: Read) -> None:
    reading = read(dicom_report())
    assert [line for line in _text(reading).split("\n") if line] == [
        "Compte rendu", "Résultats", "Constatation : Nodule du lobe supérieur droit", "Taille : 12 mm",
        "Vu le : 10/05/2024", "Conclusion : Nodule suspect",
    ]  # fmt: skip
    assert (reading.metadata.author, reading.metadata.type_code) == ("Dr Anne ROY", "18748-4")
    assert reading.metadata.patients[0].local == (("77", "CHU"),)


def _tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    written = (struct.pack("<BII", *one[:2], len(one[2])) + one[2] + b"\x00\x00" for one in attributes)
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(written)


WINMAIL = _tnef(
    (1, 0x18004, b"Lettre\x00"),
    (1, 0x2800C, b"Voir ci-joint\x00"),
    *((2, 0x69002, bytes(14)), (2, 0x6800F, rb"{\rtf1 Op\'e9r\'e9}"), (2, 0x18010, b"cr.rtf\x00")),
    *((2, 0x69002, bytes(14)), (2, 0x18010, b"b.txt\x00"), (2, 0x6800F, b"Iode")),
)


def test_attachments_in_a_winmail_dat_are_read(read: Read) -> None:
    reading = read(WINMAIL)
    assert [page.text for page in reading.pages] == ["Voir ci-joint", "Opéré", "Iode"]
    assert [page.sections[0].title for page in reading.pages[1:]] == ["cr.rtf", "b.txt"]
    assert reading.metadata.title == "Lettre"
    part = (
        f"--b\nContent-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n{b64encode(WINMAIL).decode()}\n"
    )
    assert "Opéré" in _text(read(_mail("mixed", PLAIN.format("Voir"), part)))


@pytest.mark.parametrize(("data", "code"), [(WINMAIL[:-5], "damaged-tnef"), (_tnef(), "no-content")])
def test_a_winmail_dat_without_anything_is_refused(refusal_of: Callable[..., Refusal], data: bytes, code: str) -> None:
    assert refusal_of(data).code == code
