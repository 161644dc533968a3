"""Each bad input is read, or gets its Refusal; nothing is half read in silence."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parse import pages_of
from ocr.null import NullOcr
from records.content import Reading
from tests.ingest import pdfs

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

LETTER = "Compte rendu d'hospitalisation\nAllergie sévère à la pénicilline : œdème de Quincke, été 2019 — 37,5 °C.\n"


def _zip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, pdfs.simple())
    return out.getvalue()


def _text(reading: Reading) -> str:
    return "\n".join(page.text for page in reading.pages)


def test_empty_file(refusal_of: Refused) -> None:
    assert refusal_of(b"", "vide.pdf").code == "empty-file"


@pytest.mark.parametrize("name", ["lettre.docx", "lettre.txt", "lettre.png", ""])
def test_wrong_extension_pdf(read: Read, name: str) -> None:
    assert "douleur thoracique" in _text(read(pdfs.simple(), name))


def test_wrong_extension_text_named_pdf(read: Read) -> None:
    assert "pénicilline" in _text(read(LETTER.encode(), "lettre.pdf"))


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_truncated_pdf(refusal_of: Refused, part: float) -> None:
    data = pdfs.pages(5)
    assert refusal_of(data[: int(len(data) * part)], "coupé.pdf").code == "damaged-pdf"


def test_truncated_pdf_inside_a_later_update(refusal_of: Refused) -> None:
    whole = pdfs.pages(2)
    assert refusal_of(whole + b"\n99 0 obj\n<< /Type /Page /Contents 98 0 R", "a.pdf").code == "damaged-pdf"


def test_pdf_whose_table_has_one_wrong_entry_is_read_whole(read: Read) -> None:
    data = pdfs.pages(3)
    found = list(re.finditer(rb"(\d{10}) 00000 n", data))
    for entry in found:
        wrong = data[: entry.start()] + b"%010d" % (int(entry.group(1)) + 40) + data[entry.start() + 10 :]
        reading = read(wrong)
        assert [f"Feuille {page.number}." in page.text for page in reading.pages] == [True] * 3
    assert len(found) > 8


def test_pdf_whose_line_ends_were_changed_on_the_way(refusal_of: Refused) -> None:
    assert (
        refusal_of(pdfs.simple(" ".join(map(str, range(3000)))).replace(b"\n", b"\r\n"), "ftp.pdf").code
        == "damaged-pdf"
    )


def test_pdf_whose_table_points_beside_its_objects_is_read_whole(read: Read) -> None:
    """A byte too many in the middle: pdfium alone shows blank pages."""
    data = pdfs.pages(3)
    at = data.index(b"endobj") + len(b"endobj")
    reading = read(data[:at] + b"\n%%%%%" + data[at:])
    assert [f"Feuille {page.number}." in page.text for page in reading.pages] == [True] * 3


@pytest.mark.parametrize("left", [0, 2, 4])
def test_pdf_without_its_last_mark_is_read(read: Read, left: int) -> None:
    data = pdfs.pages(2)
    reading = read(data[: data.rindex(b"%%EOF") + left])
    assert len(reading.pages) == 2
    assert "Feuille 2." in reading.pages[1].text


def test_encrypted_pdf_says_what_to_do(refusal_of: Refused) -> None:
    pdf = pdfs.sheet()
    pdf.multi_cell(0, 6, pdfs.PAIN)
    pdf.set_encryption(owner_password="owner", user_password="user")
    refusal = refusal_of(bytes(pdf.output()), "protégé.pdf")
    assert refusal.code == "encrypted-pdf"
    assert "mot de passe" in refusal.remedy


def test_pdf_with_an_owner_password_only_is_read(read: Read) -> None:
    pdf = pdfs.sheet()
    pdf.multi_cell(0, 6, pdfs.PAIN)
    pdf.set_encryption(owner_password="owner", permissions=0)
    assert "douleur thoracique" in _text(read(bytes(pdf.output())))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac_roman", "cp850"])
def test_latin_1_text(read: Read, encoding: str) -> None:
    letter = LETTER if encoding in ("cp1252", "mac_roman") else LETTER.replace("œ", "oe").replace("—", "-")
    assert _text(read(letter.encode(encoding), "lettre.txt")) == letter.strip()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_utf_16_text(read: Read, encoding: str) -> None:
    assert _text(read(LETTER.encode(encoding), "lettre.txt")) == LETTER.strip()


def test_utf_16_be_with_mark(read: Read) -> None:
    assert _text(read(b"\xfe\xff" + LETTER.encode("utf-16-be"))) == LETTER.strip()


def test_nul_in_text(read: Read) -> None:
    reading = read(b"Allergie\x00 : p\xc3\xa9nicilline\x00\x00\x00")
    assert reading.pages[0].text == "Allergie� : pénicilline"
    assert "remplacé" in reading.pages[0].note


def test_lone_surrogates_in_utf_8(read: Read) -> None:
    reading = read("Allergie \ud800 pénicilline".encode("utf-8", "surrogatepass"))
    assert reading.pages[0].text == "Allergie � pénicilline"
    assert reading.pages[0].note


def test_lone_surrogates_in_utf_16(read: Read) -> None:
    reading = read("\ufeffAllergie \udc00 à la pénicilline".encode("utf-16-le", "surrogatepass"))
    assert reading.pages[0].text == "Allergie � à la pénicilline"
    reading.pages[0].text.encode("utf-8")


def test_surrogate_pairs_written_in_utf_8_are_one_character(read: Read) -> None:
    assert read("Allergie \ud83d\ude00 notée".encode("utf-8", "surrogatepass")).pages[0].text == "Allergie 😀 notée"


def test_nul_and_lone_surrogates_in_pdf_title(read: Read) -> None:
    pdf = pdfs.sheet()
    pdf.set_title("Lettre\x00 de sortie")
    pdf.multi_cell(0, 6, pdfs.PAIN)
    read(bytes(pdf.output())).metadata.title.encode("utf-8")


def test_a_zip_named_pdf_is_read_as_what_it_is(read: Read) -> None:
    assert read(_zip("radio.pdf"), "compte-rendu.pdf").pages[0].text


@pytest.mark.parametrize(("inside", "seen"), [("ppt/slides/a.xml", "PPTX"), ("xl/workbook.xml", "XLSX")])
def test_other_office_files_are_named(refusal_of: Refused, inside: str, seen: str) -> None:
    refusal = refusal_of(_zip(inside), "compte-rendu.pdf")
    assert refusal.code == "unsupported-type"
    assert seen in refusal.message


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (b"MSH tronqu\xc3\xa9", "HL7"),
        (b'{"type": "Patient"}', "JSON"),
        (b"GIF89a" + b"\x01\x00" * 40, "GIF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 500, "Office"),
        (bytes(range(256)) * 8, "binaire"),
        (b"<?xml version='1.0'?><section xmlns='urn:hl7-org:v3'><text>a</text></section>", "XML"),
        (b"<?xml version='1.0'?><ClinicalDocument><title>sans espace de noms</title></ClinicalDocument>", "XML"),
        (b"<component><section><text>fragment", "XML"),
    ],
)
def test_unsupported_types_are_named(refusal_of: Refused, data: bytes, seen: str) -> None:
    refusal = refusal_of(data, "document.pdf")
    assert refusal.code == "unsupported-type"
    assert seen in refusal.message


def test_binary_after_a_head_of_text(refusal_of: Refused) -> None:
    assert refusal_of(LETTER.encode() * 1000 + bytes(range(32)) * 9000).code == "not-text"


def test_text_of_blanks_only(refusal_of: Refused) -> None:
    assert refusal_of(b" \n\n \x0c \n").code == "no-content"


def test_too_many_pages(refusal_of: Refused) -> None:
    assert refusal_of(pdfs.pages(3), limits=Limits(pages=2)).code == "too-many-pages"


def test_too_many_pixels_is_refused_before_decoding(refusal_of: Refused) -> None:
    out = io.BytesIO()
    Image.new("1", (2000, 2000)).save(out, "PNG")
    assert refusal_of(out.getvalue(), limits=Limits(pixels=1_000_000)).code == "too-many-pixels"


def test_picture_that_claims_a_billion_points(refusal_of: Refused) -> None:
    out = io.BytesIO()
    Image.new("L", (16, 16)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    assert refusal_of(bytes(data)).code == "too-many-pixels"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_truncated_picture(refusal_of: Refused, kind: str) -> None:
    out = io.BytesIO()
    Image.effect_noise((400, 400), 80).save(out, kind)
    assert refusal_of(out.getvalue()[: len(out.getvalue()) // 2]).code == "damaged-image"


def test_too_large_for_reading(refusal_of: Refused) -> None:
    assert refusal_of(LETTER.encode(), limits=Limits(bytes=10)).code == "too-large"


def test_pdf_that_is_only_a_header(refusal_of: Refused) -> None:
    assert refusal_of(b"%PDF-1.7\n%%EOF\n").code == "damaged-pdf"


@pytest.mark.parametrize(
    ("limits", "code"), [(Limits(pages=2), "too-many-pages"), (Limits(characters=9_000), "too-much-text")]
)
def test_a_text_that_is_too_long_is_refused_before_its_first_page(limits: Limits, code: str) -> None:
    """What each page tells is looked for as it comes: two thousand of them took minutes, then were refused."""
    pages = pages_of(b"Un mot. " * 1_200, "lettre.txt", NullOcr(), limits)
    with pytest.raises(Refusal) as refused:
        next(pages)
    assert refused.value.code == code
