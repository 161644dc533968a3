"""The picture of a page: size, limits, highlights, refusals."""

from __future__ import annotations

import contextlib
import ctypes
import io
import struct
import threading
import zlib

import numpy as np
import pypdfium2 as pdfium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from access.refusal import Refusal
from ingest.pdfium import LOCK, frame_of
from ingest.render import MOST_PIXELS, draw_boxes, frames_of, open_picture, png_bytes, render_page, render_pdf_page
from ingest.typeset import MOST_LINES, WIDTH, boxes_of, typeset
from tests.ocr.pictures import LETTER, letter, pdf_of

PDF = "application/pdf"


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bare_pdf(width: float, height: float) -> bytes:
    document = pdfium.PdfDocument.new()
    document.new_page(width, height)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def darkest(image: Image.Image) -> int:
    return int(np.asarray(image.convert("L")).min(initial=255))


def test_a_pdf_page_at_a_resolution() -> None:
    data, _ = pdf_of(LETTER)
    rendered = render_page(data, PDF, 1, dpi=144)
    assert rendered.image.size == (960, 800)
    assert rendered.scale == pytest.approx(2.0)
    assert render_page(data, PDF, 1, dpi=144, max_side=480).image.size == (480, 400)


def test_an_area_is_the_same_pixels_as_the_page() -> None:
    data, placed = pdf_of(LETTER)
    box = next(box for word, box in placed if word == "pénicilline")
    area = (box[0] - 4, box[1] - 8, box[2] + 4, box[3] + 6)
    with LOCK:
        document = pdfium.PdfDocument(data)
        part = render_pdf_page(document[0], dpi=144, area=area)
        whole = render_pdf_page(document[0], dpi=144)
        document.close()
    x, y = round(area[0] * 2), round(area[1] * 2)
    same = whole.image.crop((x, y, x + part.image.width, y + part.image.height))
    difference = np.abs(np.asarray(same, dtype=int) - np.asarray(part.image, dtype=int))
    assert darkest(part.image) < 60
    assert difference.mean() < 3


def test_a_page_of_five_metres_is_drawn_small() -> None:
    rendered = render_page(bare_pdf(14_400, 14_400), PDF, 1, dpi=300)
    assert max(rendered.image.size) <= 10_000
    assert rendered.image.width * rendered.image.height <= MOST_PIXELS
    assert rendered.image.width == pytest.approx(14_400 * rendered.scale, abs=1.5)


def test_pages_that_are_not_there() -> None:
    data, _ = pdf_of("Bonjour")
    for number in (0, 2, -1):
        with pytest.raises(Refusal, match="page"):
            render_page(data, PDF, number)
    with pytest.raises(Refusal) as caught:
        render_page(encoded(Image.new("L", (9, 9)), "PNG"), "image/png", 2)
    assert caught.value.code == "no-such-page"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_frame_agrees_with_pdfium(rotation: int) -> None:
    """Crop box, offset origin and rotation, against pdfium's own way from a page to a device."""
    with LOCK:
        document = pdfium.PdfDocument.new()
        page = document.new_page(600, 800)
        page.set_mediabox(10, 20, 610, 820)
        page.set_cropbox(50, 40, 500, 1000)
        page.set_rotation(rotation)
        frame = frame_of(page)
        assert (frame.width, frame.height) == pytest.approx(page.get_size())
        x, y = ctypes.c_int(), ctypes.c_int()
        size = round(frame.width * 100), round(frame.height * 100)
        pdfium.raw.FPDF_PageToDevice(page, 0, 0, *size, 0, 123.0, 456.0, x, y)
        document.close()
    assert frame.point(123.0, 456.0) == pytest.approx((x.value / 100, y.value / 100), abs=0.02)
    box = frame.box(100, 200, 150, 260)
    assert box[0] < box[2]
    assert box[1] < box[3]


def test_an_upright_photograph() -> None:
    """EXIF orientation 6 (the phone was held upright) is applied, so that boxes are those of what is seen."""
    image = Image.new("RGB", (80, 40), "white")
    image.paste((0, 0, 0), (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6
    rendered = open_picture(encoded(image, "JPEG", exif=exif, dpi=(300, 300)))
    assert rendered.image.size == (40, 80)
    assert rendered.image.getpixel((35, 4))[0] < 60
    assert rendered.dpi == 300


def test_pages_of_a_tiff() -> None:
    pages = [Image.new("1", (60, 30 + 10 * i), 1) for i in range(3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert frames_of(data) == 3
    assert [render_page(data, "image/tiff", n).image.size for n in (1, 2, 3)] == [(60, 30), (60, 40), (60, 50)]


def png_header(width: int, height: int) -> bytes:
    """A PNG that states its size and holds nothing."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IDAT"
    )


@pytest.mark.parametrize(("width", "height"), [(20_000, 6_100), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_pixels_are_counted_before_they_are_decoded(width: int, height: int) -> None:
    with pytest.raises(Refusal) as caught:
        open_picture(png_header(width, height))
    assert (caught.value.stage, caught.value.code) == ("parse", "too-many-pixels")


def test_broken_pictures_are_refused() -> None:
    whole = encoded(letter(100).image, "PNG")
    for data in (b"", b"not a picture", whole[: len(whole) // 2], png_header(10, 10), b"%!PS-Adobe-3.0 EPSF-3.0\n"):
        with pytest.raises(Refusal) as caught:
            open_picture(data)
        assert (caught.value.stage, caught.value.code) == ("parse", "damaged-image")


HEADS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\x00", b"MM\x00*"]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(HEADS))
def test_any_bytes_are_a_picture_or_a_refusal(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(Refusal):
        assert min(open_picture(head + tail).image.size) > 0


def test_broken_pdfs_are_refused() -> None:
    for data in (b"", b"%PDF-1.7\n", b"hello"):
        with pytest.raises(Refusal) as caught:
            render_page(data, PDF, 1)
        assert caught.value.code == "damaged-pdf"


def test_boxes_are_marked_and_the_ink_stays_black() -> None:
    data, placed = pdf_of(LETTER)
    rendered = render_page(data, PDF, 1, dpi=144)
    box = next(box for word, box in placed if word == "pénicilline")
    shown = draw_boxes(rendered.image, [box], rendered.scale)
    x0, y0, x1, y1 = (round(v * 2) for v in box)
    inside = np.asarray(shown)[y0:y1, x0:x1].reshape(-1, 3)
    assert inside.min() < 40
    assert (inside[inside[:, 0] > 250][:, 2] < 60).all()
    changed = np.argwhere((np.asarray(shown) != np.asarray(rendered.image)).any(axis=2))
    assert changed.min(axis=0) == pytest.approx((y0 - 2, x0 - 2), abs=1)
    assert changed.max(axis=0) == pytest.approx((y1 + 2, x1 + 2), abs=1)
    assert draw_boxes(rendered.image, [], 1.0).tobytes() == rendered.image.tobytes()
    draw_boxes(rendered.image, [(-500, -500, 1e6, 1e6), (5, 5, 5, 5)], 2.0)


def test_a_png_has_a_side_limit() -> None:
    with Image.open(io.BytesIO(png_bytes(Image.new("RGB", (3000, 1000)), max_side=600))) as shown:
        assert (shown.format, shown.size) == ("PNG", (600, 200))
    wide = Image.fromarray(np.full((40, 900), 30_000, dtype=np.uint16))
    assert Image.open(io.BytesIO(png_bytes(wide, max_side=300))).size == (300, 13)


def test_a_text_without_pictures_is_typeset_with_its_accents() -> None:
    text = "Allergie à la pénicilline\n" + "œdème de Quincke ≥ 1 épisode " * 12
    start = text.index("pénicilline")
    marked = render_page(b"", "text/plain", 1, text=text, marks=[(start, start + 11)]).image
    (box,) = boxes_of(text, [(start, start + 11)])
    inside = np.asarray(marked)[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])].reshape(-1, 3)
    assert (inside == (255, 236, 120)).all(axis=1).mean() > 0.4
    assert inside.min() < 60
    assert typeset("e").tobytes() != typeset("é").tobytes() != typeset("è").tobytes()
    assert len(boxes_of(text, [(0, len(text))])) > 3


def test_a_long_text_is_cut_with_a_word() -> None:
    long, cut = typeset("ligne\n" * (MOST_LINES - 1)), typeset("ligne\n" * 5 * MOST_LINES)
    assert cut.height - long.height == 26
    assert np.asarray(cut.convert("L"))[-90:-60].min() < 128


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_any_text_can_be_typeset(text: str) -> None:
    assert typeset(text, [(0, len(text))]).width == WIDTH
    for x0, y0, x1, y1 in boxes_of(text, [(0, len(text))]):
        assert 0 < x0 <= x1 <= WIDTH
        assert y0 < y1


def test_threads_may_draw_at_once() -> None:
    data, _ = pdf_of(LETTER)
    expected = render_page(data, PDF, 1).image.tobytes()
    same: list[bool] = []
    threads = [
        threading.Thread(target=lambda: same.append(render_page(data, PDF, 1).image.tobytes() == expected))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 8
