"""Pictures of pages through the real Tesseract: kinds, orientation, pages, what cannot be decoded."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdfium2 as pdfium
import pytest
from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parse import parse
from ocr.build import build_ocr
from ocr.port import Ocr
from records.content import Reading, Source
from tests.ingest import pdfs

Read = Callable[..., Reading]


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return build_ocr("tesseract")


@pytest.fixture(scope="module")
def scan() -> Image.Image:
    """A page at 150 dpi."""
    document = pdfium.PdfDocument(pdfs.simple("ALLERGIES\n" + pdfs.PAIN + pdfs.ECHO))
    picture: Image.Image = document[0].render(scale=150 / 72).to_pil().convert("L")
    document.close()
    return picture.crop((0, 0, picture.width, picture.height // 3))


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, dpi=(150, 150), **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_picture_is_read_with_boxes_and_confidence(ocr: Ocr, scan: Image.Image, kind: str) -> None:
    page = parse(_saved(scan, kind), "scan", ocr, Limits()).pages[0]
    assert "douleur thoracique" in page.text
    assert not page.unreadable
    assert (page.width, page.height) == scan.size
    assert all(region.source is Source.OCR and region.reader.startswith("tesseract") for region in page.regions)
    word = next(word for word in page.words if page.text[word.start : word.end] == "thoracique")
    assert word.box is not None
    assert word.confidence is not None
    assert 0.5 < word.confidence <= 1


def test_exif_orientation_is_applied(ocr: Ocr, scan: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8  # the camera was turned: show it turned by 90 degrees counter-clockwise
    page = parse(_saved(scan.rotate(-90, expand=True), "JPEG", exif=exif), "photo", ocr, Limits()).pages[0]
    assert (page.width, page.height) == scan.size
    assert "douleur thoracique" in page.text


def test_tiff_pages_are_pages(ocr: Ocr, scan: Image.Image) -> None:
    small = scan.crop((0, 0, scan.width, scan.height // 3))
    data = _saved(small, "TIFF", save_all=True, append_images=[Image.new("L", (200, 200), 255), small])
    pages = parse(data, "fax.tif", ocr, Limits()).pages
    assert [page.number for page in pages] == [1, 2, 3]
    assert "oppression" in pages[0].text
    assert not pages[1].text
    assert "oppression" in pages[2].text


def _three_pages() -> bytes:
    noise = Image.effect_noise((300, 300), 60)
    return _saved(noise, "TIFF", save_all=True, append_images=[noise, noise])


def test_tiff_whose_last_page_is_cut_keeps_the_others_and_says_so(read: Read) -> None:
    pages = read(_three_pages()[:-60_000], "fax.tif").pages
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page.width for page in pages] == [300, 300, 0]
    assert pages[2].unreadable
    assert "abîmée" in pages[2].note


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("cut", [91_000, 150_000])
def test_tiff_cut_before_the_table_of_a_page_is_refused(read: Read, cut: int) -> None:
    with pytest.raises(Refusal) as caught:
        read(_three_pages()[:-cut], "fax.tif")
    assert caught.value.code == "damaged-image"


def test_scanned_pdf_is_read_by_ocr(ocr: Ocr, scan: Image.Image) -> None:
    pdf = pdfs.sheet()
    pdf.image(scan, x=0, y=0, w=210)
    page = parse(bytes(pdf.output()), "scan.pdf", ocr, Limits()).pages[0]
    assert "douleur thoracique" in page.text
    assert {region.source for region in page.regions} == {Source.OCR}
    assert page.width == pytest.approx(595.28, abs=0.1)


def test_table_pasted_as_a_picture_is_read_and_nothing_is_doubled(ocr: Ocr, scan: Image.Image) -> None:
    pdf = pdfs.sheet()
    pdf.multi_cell(0, 6, "Hôpital de Villeneuve. Résultats du 3 mai 2024 pour le service de cardiologie.")
    pdf.image(scan, x=10, y=60, w=190)
    page = parse(bytes(pdf.output()), "mixte.pdf", ocr, Limits()).pages[0]
    assert page.text.count("Villeneuve") == 1
    assert page.text.count("rétrosternale") == 1
    assert page.text.index("Villeneuve") < page.text.index("douleur")
    assert {region.source for region in page.regions} == {Source.TEXT_LAYER, Source.OCR}
