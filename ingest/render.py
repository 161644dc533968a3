"""From a stored document to the picture of one page: for OCR, and for a reader who wants to see where a hit stands.

    rendered = render_page(data, "application/pdf", 3, dpi=300)
    rendered.image                                   # PIL picture, mode RGB or L
    rendered.scale                                   # pixels per page unit: box in pixels = box in page units * scale
    png_bytes(draw_boxes(rendered.image, boxes, rendered.scale), max_side=2000)

Page units are points for a PDF and pixels (upright, after EXIF orientation) for an image; see records.content.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from records.content import Box


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture of a page and the number of its pixels in one page unit. `dpi` when the page says it, else None."""

    image: Image.Image
    scale: float
    dpi: float | None = None


def render_page(
    data: bytes, media_type: str, page_number: int, *, dpi: float | None = None, max_side: int | None = None,
    text: str = "",
) -> Rendered:
    """Picture of page `page_number` (from 1). Raises Refusal (stage "read") when it cannot be drawn.

    dpi is for PDF (default 150); an image is never enlarged. Neither side exceeds `max_side` pixels.
    `text` is drawn for a document without pictures (text, CDA): the page's text.
    """
    raise NotImplementedError


def render_pdf_page(page: Any, *, dpi: float, max_side: int | None = None, area: Box | None = None) -> Rendered:
    """Picture of an open pdfium page, or of one area of it (page units)."""
    raise NotImplementedError


def open_picture(data: bytes, frame: int = 0) -> Rendered:
    """Frame `frame` (from 0) of an uploaded image, upright (EXIF applied), RGB or L, with the dpi it states.

    Pixel limits are checked before decoding: Refusal (stage "parse", code "too-many-pixels" or "damaged-image").
    """
    raise NotImplementedError


def frames_of(data: bytes) -> int:
    """How many pictures an image file holds (TIFF pages; 1 for the others)."""
    raise NotImplementedError


def draw_boxes(image: Image.Image, boxes: Sequence[Box], scale: float) -> Image.Image:
    raise NotImplementedError


def png_bytes(image: Image.Image, max_side: int = 2000) -> bytes:
    raise NotImplementedError
