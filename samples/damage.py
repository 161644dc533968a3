"""What a scanner, a fax or a telephone does to a page: rendering, skew, noise, low resolution, two levels, turns."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import pypdfium2
from fpdf import FPDF
from PIL import Image, ImageFilter


@dataclass(frozen=True, slots=True)
class Damage:
    """How a page was captured. Angles are degrees; `noise` is a standard deviation in grey levels."""

    dpi: int
    container: str  # "pdf", "jpeg", "png" or "tiff"
    skew: float = 0.0
    noise: float = 0.0
    blur: float = 0.0
    shade: float = 0.0  # how dark the darkest side gets, 0 to 1
    quality: int = 75
    bilevel: bool = False
    turn: int = 0  # quarter turns or half turn, counter-clockwise


DAMAGES: dict[str, Damage] = {
    "scan": Damage(200, "pdf", skew=1.2, noise=6, blur=0.4, shade=0.06, quality=60),
    "scan-low": Damage(125, "pdf", skew=1.6, noise=7, blur=0.3, shade=0.08, quality=50),
    "scan-high": Damage(300, "pdf", skew=0.4, noise=3, shade=0.03, quality=60),
    "scan-flip": Damage(200, "pdf", skew=0.7, noise=5, shade=0.05, quality=60, turn=180),
    "scan-rot": Damage(200, "pdf", skew=0.7, noise=5, shade=0.05, quality=60, turn=90),
    "fax": Damage(200, "tiff", skew=0.8, noise=26, blur=0.6, bilevel=True),
    "photo": Damage(160, "jpeg", skew=2.2, noise=5, blur=0.5, shade=0.2, quality=70),
    # Bare Tesseract 5 reads a tenth of such a page: only a reader that evens the light first gets it.
    "photo-dark": Damage(160, "jpeg", skew=2.2, noise=5, blur=0.5, shade=0.35, quality=70),
    "png": Damage(150, "png", skew=0.5, noise=0),
}
PASTED = Damage(150, "png", noise=4, blur=0.3)
"""A table pasted as a picture into a digital letterhead."""
SUFFIXES = {"pdf": ".pdf", "jpeg": ".jpg", "png": ".png", "tiff": ".tif"}


def chance(name: str) -> np.random.Generator:
    """A generator that depends on `name` only."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))


def render(pdf: bytes, dpi: int) -> list[Image.Image]:
    """The pages of a PDF as grey pictures."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = (document[index] for index in range(len(document)))
        return [page.render(scale=dpi / 72, grayscale=True).to_pil().convert("L") for page in pages]
    finally:
        document.close()


def worn(page: Image.Image, damage: Damage, name: str) -> Image.Image:
    """One page as it was captured."""
    rng = chance(name)
    if damage.skew:
        angle = float(rng.uniform(0.5, 1.0)) * damage.skew * (1 if rng.random() < 0.5 else -1)
        page = page.rotate(angle, Image.Resampling.BILINEAR, fillcolor=250)
    if damage.blur:
        page = page.filter(ImageFilter.GaussianBlur(damage.blur))
    if damage.noise or damage.shade:
        page = _toned(page, damage, rng)
    if damage.turn:
        page = page.transpose({90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180}[damage.turn])
    return page.point(lambda level: 255 * (level > 140)).convert("1") if damage.bilevel else page


def _toned(page: Image.Image, damage: Damage, rng: np.random.Generator) -> Image.Image:
    """Uneven light and grain. The grain is one tile laid over and over, because drawing it is what takes time."""
    grey = np.asarray(page, dtype=np.float32)
    height, width = grey.shape
    if damage.shade:
        light = 1 - damage.shade * np.linspace(0, 1, width, dtype=np.float32) * np.float32(rng.uniform(0.6, 1.0))
        grey = grey * (light if rng.random() < 0.5 else light[::-1])
    if damage.noise:
        tile = rng.standard_normal((512, 512), dtype=np.float32) * np.float32(damage.noise)
        grey = grey + np.tile(tile, (height // 512 + 1, width // 512 + 1))[:height, :width]
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def captured(pdf: bytes, damage: Damage, name: str, day: date) -> bytes:
    """The file that the capture of `pdf` gives. A JPEG or PNG holds one page: a longer document is not for them."""
    pages = [worn(page, damage, f"{name}:{number}") for number, page in enumerate(render(pdf, damage.dpi))]
    buffer = io.BytesIO()
    if damage.container == "pdf":
        return _pdf_of(pages, damage, day)
    if damage.container == "tiff":
        pages[0].save(
            buffer, "TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=(damage.dpi, damage.dpi)
        )
    elif len(pages) > 1:
        raise ValueError(f"{name}: {len(pages)} pages do not fit one picture")
    elif damage.container == "jpeg":
        pages[0].convert("RGB").save(buffer, "JPEG", quality=damage.quality, dpi=(damage.dpi, damage.dpi))
    else:
        pages[0].save(buffer, "PNG", dpi=(damage.dpi, damage.dpi))
    return buffer.getvalue()


def _pdf_of(pages: list[Image.Image], damage: Damage, day: date) -> bytes:
    document = FPDF(unit="pt")
    document.set_creation_date(datetime.combine(day, time(9), UTC))  # else the bytes would change at each run
    for page in pages:
        size = (page.width * 72 / damage.dpi, page.height * 72 / damage.dpi)
        document.add_page(format=size)
        buffer = io.BytesIO()
        page.save(buffer, "JPEG", quality=damage.quality)
        document.image(buffer, 0, 0, *size)
    return bytes(document.output())


def cropped(page: Image.Image, margin: int = 12) -> Image.Image:
    """The part of a page that is not white, with a margin in pixels."""
    box = page.point(lambda level: 255 * (level < 250)).getbbox()
    if box is None:
        return page
    left, top, right, bottom = box
    return page.crop((max(0, left - margin), max(0, top - margin), right + margin, bottom + margin))
