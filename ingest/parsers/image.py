"""Pictures of pages: PNG, JPEG, TIFF with one page or many. Everything they say is read by OCR."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import picture_type
from ingest.parsers.port import Kept, KeptPage, Pages
from ingest.regions import page_from_ocr
from ingest.render import frames_of, open_picture
from ocr.port import Ocr
from records.content import Metadata, Page


class ImageParser:
    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if picture_type(head) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        """Pages in pixels, upright. A page that cannot be decoded is unreadable; none at all is a Refusal."""
        with _translated():
            count = frames_of(data)
        if count > limits.pages:
            raise Refusal(
                "parse",
                "too-many-pages",
                f"L'image a {count} pages ; la limite est de {limits.pages}.",
                "Déposez-la en plusieurs parties.",
            )
        damage: Refusal | None = None
        opened = 0
        for frame in range(count):
            if kept(frame + 1):
                opened += 1
                yield KeptPage(frame + 1)
                continue
            try:
                page = _read(data, frame, ocr, limits)
                opened += 1
            except Refusal as refusal:
                if refusal.stage != "parse" or count == 1:
                    raise
                damage = refusal
                page = Page(frame + 1, "", unreadable=True, note=refusal.message)
            yield page
        if damage is not None and not opened:
            raise damage
        return Metadata()


def _read(data: bytes, frame: int, ocr: Ocr, limits: Limits) -> Page:
    _check_size(data, frame, limits)
    with _translated():
        rendered = open_picture(data, frame)
    read = ocr.read(rendered.image, rendered.dpi)
    return page_from_ocr(read, frame + 1, *rendered.image.size, scale=1.0)


def _check_size(data: bytes, frame: int, limits: Limits) -> None:
    """Refuse by the size that the header states, before a pixel is decoded."""
    try:
        with _translated(), Image.open(BytesIO(data)) as picture:
            if frame:
                picture.seek(frame)
            pixels = picture.width * picture.height
    except Image.DecompressionBombError:
        pixels = limits.pixels + 1
    if pixels > limits.pixels:
        raise Refusal(
            "parse",
            "too-many-pixels",
            f"L'image a plus de {limits.pixels // 1_000_000} millions de points.",
            "Numérisez-la à 300 points par pouce.",
        )


@contextmanager
def _translated() -> Iterator[None]:
    """What Pillow raises, by format, on a file whose tables are cut or wrong."""
    try:
        yield
    except (OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, struct.error) as error:
        raise _damaged() from error


def _damaged() -> Refusal:
    return Refusal("parse", "damaged-image", "L'image est abîmée ou incomplète.", "Numérisez-la à nouveau.")
