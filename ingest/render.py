"""From a stored document to the picture of one page: for OCR, and for a reader who wants to see where a hit stands.

    rendered = render_page(data, "application/pdf", 3, dpi=150)
    rendered.image                                   # PIL picture, mode RGB or L
    rendered.scale                                   # pixels per page unit: box in pixels = box in page units * scale
    png_bytes(draw_boxes(rendered.image, boxes, rendered.scale), max_side=2000)

Page units are points for a PDF and pixels (upright, after EXIF orientation) for an image; see records.content.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pillow_heif
import pypdfium2 as pdfium
from PIL import Image, ImageChops, ImageDraw, ImageOps, UnidentifiedImageError

from access.refusal import Refusal
from ingest.pdfium import LOCK, frame_of
from ingest.typeset import typeset
from records.content import Box

MOST_PIXELS = 120_000_000  # A3 at 600 dpi is 70 million; decoded in grey 120 MB
PDF_DPI = 150.0
LARGEST_SIDE = 10_000  # pixels of one side of a rendering
HIGHLIGHT = (255, 214, 0)
# What Pillow raises on damaged files, found by giving it any bytes.
_DAMAGE = (
    UnidentifiedImageError,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    struct.error,
    MemoryError,
)
_warnings = threading.Lock()
pillow_heif.register_heif_opener()  # phone photographs; the picture comes upright


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture of a page and the number of its pixels in one page unit. `dpi` when the page says it, else None."""

    image: Image.Image
    scale: float
    dpi: float | None = None


def render_page(
    data: bytes,
    media_type: str,
    page_number: int,
    *,
    dpi: float = PDF_DPI,
    max_side: int | None = None,
    text: str = "",
    marks: Sequence[tuple[int, int]] = (),
) -> Rendered:
    """Picture of page `page_number` (from 1), neither side over `max_side` pixels.

    dpi   of a PDF's rendering; an image keeps its own pixels and is never enlarged
    text  the page's text, typeset plainly for a document without pictures (text, CDA), with the spans of `marks`
          (offsets) on yellow, since such a page has no boxes
    Raises Refusal: stage "read", code "no-such-page"; those of `open_picture`; stage "parse", code "damaged-pdf".
    """
    if media_type == "application/pdf":
        return _render_stored_pdf(data, page_number, dpi, max_side)
    if media_type.startswith("image/"):
        return _fitted(open_picture(data, page_number - 1), max_side)
    return _fitted(Rendered(typeset(text, marks), 1.0), max_side)


def _render_stored_pdf(data: bytes, page_number: int, dpi: float, max_side: int | None) -> Rendered:
    with LOCK:
        try:
            document = pdfium.PdfDocument(data)
        except pdfium.PdfiumError as error:
            raise _damaged("damaged-pdf", "Ce PDF ne peut pas être affiché.") from error
        try:
            if not 1 <= page_number <= len(document):
                raise _no_such_page()
            document.init_forms()
            try:
                page = document[page_number - 1]
            except pdfium.PdfiumError as error:
                raise _damaged("damaged-pdf", "Cette page du PDF ne peut pas être affichée.") from error
            return render_pdf_page(page, dpi=dpi, max_side=max_side)
        finally:
            document.close()


def render_pdf_page(page: Any, *, dpi: float, max_side: int | None = None, area: Box | None = None) -> Rendered:
    """Picture in RGB of an open `pypdfium2.PdfPage`, or of one area of it (page units, grown to whole pixels).

    The resolution is lowered when a side would pass `max_side` or LARGEST_SIDE, or the whole MOST_PIXELS: pages of
    5 metres exist. Pixel (0, 0) is the area's top left corner.
    """
    with LOCK:
        frame = frame_of(page)
        x0, y0, x1, y1 = area or (0.0, 0.0, frame.width, frame.height)
        width, height = max(1e-3, x1 - x0), max(1e-3, y1 - y0)
        side = min(max_side or LARGEST_SIDE, LARGEST_SIDE)
        scale = min(dpi / 72.0, side / max(width, height), (MOST_PIXELS / (width * height)) ** 0.5)
        size = max(1, int(width * scale)), max(1, int(height * scale))
        bitmap = pdfium.PdfBitmap.new_native(*size, pdfium.raw.FPDFBitmap_BGR)
        try:
            bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
            place = (-round(x0 * scale), -round(y0 * scale), round(frame.width * scale), round(frame.height * scale), 0)
            flags = pdfium.raw.FPDF_ANNOT
            pdfium.raw.FPDF_RenderPageBitmap(bitmap, page, *place, flags)
            if page.formenv:
                pdfium.raw.FPDF_FFLDraw(page.formenv, bitmap, page, *place, flags)
            image = bitmap.to_pil()  # RGB, a copy: another one of a poster of 81 million points would be 324 MB
        finally:
            bitmap.close()
    return Rendered(image, scale, scale * 72.0)


def open_picture(data: bytes, frame: int = 0) -> Rendered:
    """Frame `frame` (from 0) of an uploaded image, upright (EXIF applied), in RGB, L or 16 bits, with its stated dpi.

    Pixels are counted before decoding. Raises Refusal: stage "parse", code "too-many-pixels" or "damaged-image";
    stage "read", code "no-such-page".
    """
    with _quietly(), _opened(data) as image:
        try:
            image.seek(frame)
        except EOFError as error:
            raise _no_such_page() from error
        except _DAMAGE as error:
            raise _damaged("damaged-image", "Cette image est incomplète ou abîmée.") from error
        if image.width * image.height > MOST_PIXELS:
            raise _too_many_pixels()
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
        except _DAMAGE as error:
            raise _damaged("damaged-image", "Cette image est incomplète ou abîmée.") from error
        return Rendered(_plain(upright), 1.0, _stated_dpi(image))


def frames_of(data: bytes) -> int:
    """How many pictures an image file holds (pages of a TIFF; 1 for a still image). Raises as `open_picture`."""
    with _quietly(), _opened(data) as image:
        try:
            return int(getattr(image, "n_frames", 1))
        except _DAMAGE as error:
            raise _damaged("damaged-image", "Cette image est incomplète ou abîmée.") from error


def draw_boxes(image: Image.Image, boxes: Sequence[Box], scale: float) -> Image.Image:
    """A copy of the picture in RGB with each box (page units) laid over in transparent yellow and framed."""
    shown = image.convert("RGB")
    veil = Image.new("RGB", shown.size, (255, 255, 255))
    pen = ImageDraw.Draw(veil)
    frames = [tuple(round(value * scale) for value in box) for box in boxes]
    for x0, y0, x1, y1 in frames:
        pen.rectangle((x0 - 2, y0 - 2, max(x0, x1) + 2, max(y0, y1) + 2), fill=HIGHLIGHT)
    # Multiplying keeps black ink black under the yellow, as a marker does.
    return ImageChops.multiply(shown, veil) if frames else shown


def png_bytes(image: Image.Image, max_side: int = 2000) -> bytes:
    """The picture as PNG, reduced so that neither side passes `max_side` pixels."""
    out = io.BytesIO()
    _fitted(Rendered(image, 1.0), max_side).image.save(out, "PNG", compress_level=4)
    return out.getvalue()


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings about metadata and sizes: we refuse in French, or read what can be read.

    The filters of warnings belong to the whole process, hence one at a time.
    """
    with _warnings, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _opened(data: bytes) -> Image.Image:
    """An image of a kind that we take, not yet decoded."""
    try:
        return Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "HEIF"))
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except _DAMAGE as error:
        raise _damaged("damaged-image", "Cette image ne peut pas être ouverte.") from error


def _too_many_pixels() -> Refusal:
    return Refusal(
        "parse",
        "too-many-pixels",
        f"Cette image dépasse {MOST_PIXELS // 1_000_000} millions de pixels.",
        "Numériser à nouveau en 300 points par pouce, ou découper l'image.",
    )


def _plain(image: Image.Image) -> Image.Image:
    """RGB or L on white paper; 16-bit pictures as they are (ocr stretches them)."""
    if image.mode in ("L", "RGB") or image.mode.startswith("I") or image.mode == "F":
        return image
    if image.mode == "1":
        return image.convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        solid = image.convert("RGBA")
        paper = Image.new("RGBA", solid.size, (255, 255, 255, 255))
        paper.alpha_composite(solid)
        return paper.convert("RGB")
    return image.convert("RGB")


def _stated_dpi(image: Image.Image) -> float | None:
    stated = image.info.get("dpi")
    try:
        dpi = float(min(stated)) if stated else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return dpi if 50.0 <= dpi <= 2400.0 else None


def _fitted(rendered: Rendered, max_side: int | None) -> Rendered:
    side = max(rendered.image.size)
    if max_side is None or side <= max_side:
        return rendered
    factor = max_side / side
    size = max(1, round(rendered.image.width * factor)), max(1, round(rendered.image.height * factor))
    image = rendered.image if rendered.image.mode in ("L", "RGB") else rendered.image.convert("RGB")
    return Rendered(image.resize(size, Image.Resampling.BOX), rendered.scale * factor, rendered.dpi)


def _damaged(code: str, message: str) -> Refusal:
    return Refusal("parse", code, message, "Exporter ou numériser à nouveau le document, puis le déposer encore.")


def _no_such_page() -> Refusal:
    return Refusal("read", "no-such-page", "Ce document n'a pas cette page.", "Choisir une page qui existe.")
