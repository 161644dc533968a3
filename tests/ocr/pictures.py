"""Pages drawn for the tests: French medical text with accents, and where each word was drawn."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from fpdf import FPDF
from PIL import Image
from rapidfuzz.distance import Levenshtein

from ingest.render import render_page
from ocr.port import ReadPicture
from records.content import Box

LETTER = """Compte rendu de consultation
Madame Durand présente une dyspnée d'effort depuis trois semaines,
sans douleur thoracique. Antécédents : hypertension artérielle
traitée par périndopril, allergie à la pénicilline découverte
à l'âge de douze ans après une éruption généralisée.
L'examen cardiovasculaire retrouve un souffle systolique
au foyer aortique, irradiant vers les carotides. La tension
artérielle est mesurée à 135/80 mmHg des deux côtés.
L'électrocardiogramme inscrit un rythme sinusal régulier.
Nous proposons une échocardiographie transthoracique
et un contrôle biologique comprenant créatinine et kaliémie.
Je vous remercie de votre confiance et reste à disposition
pour tout renseignement complémentaire concernant cette patiente."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and the boxes of its words in its pixels."""

    image: Image.Image
    words: tuple[tuple[str, Box], ...]


@lru_cache(maxsize=8)
def letter(dpi: int = 200, text: str = LETTER, size: float = 12.0) -> Drawn:
    """The text as a PDF page of A5 width, rendered at `dpi`; every word knows its box."""
    data, placed = pdf_of(text, size)
    image = render_page(data, "application/pdf", 1, dpi=dpi).image.convert("L")
    scale = dpi / 72
    return Drawn(image, tuple((word, scaled(box, scale)) for word, box in placed))


def pdf_of(text: str, size: float = 12.0) -> tuple[bytes, list[tuple[str, Box]]]:
    """A born-digital page and the boxes of its words in points."""
    page = FPDF(unit="pt", format=(480, 400))
    page.set_compression(False)
    page.add_page()
    page.set_font("helvetica", size=size)
    placed = write(page, text, 40, 50, size)
    return bytes(page.output()), placed


def write(page: FPDF, text: str, x: float, y: float, size: float) -> list[tuple[str, Box]]:
    """Draw lines of text from (x, y), the first baseline; boxes of words from capital height to baseline."""
    placed = []
    for line in text.split("\n"):
        page.text(x, y, line)
        for found in re.finditer(r"\S+", line):
            left = x + page.get_string_width(line[: found.start()])
            right = left + page.get_string_width(found.group())
            placed.append((found.group(), (left, y - 0.5 * size, right, y)))
        y += 1.8 * size
    return placed


def scaled(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = box
    return x0 * scale, y0 * scale, x1 * scale, y1 * scale


def rotated(drawn: Drawn, degrees: float) -> Drawn:
    """The picture turned counter-clockwise, corners kept, and the boxes that follow (upright boxes around)."""
    image = drawn.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    (w, h), (ww, hh) = drawn.image.size, image.size

    def moved(box: Box) -> Box:
        xs, ys = [], []
        for x in (box[0], box[2]):
            for y in (box[1], box[3]):
                dx, dy = x - w / 2, y - h / 2
                xs.append(ww / 2 + cosine * dx + sine * dy)
                ys.append(hh / 2 - sine * dx + cosine * dy)
        return min(xs), min(ys), max(xs), max(ys)

    return Drawn(image, tuple((word, moved(box)) for word, box in drawn.words))


def noisy(image: Image.Image, seed: int = 7) -> Image.Image:
    """Grain, specks and a shadow across the page, always the same."""
    random = np.random.default_rng(seed)
    values = np.asarray(image, dtype=np.float32)
    values = values * np.linspace(1.0, 0.62, values.shape[1], dtype=np.float32)
    values += random.normal(0, 10, values.shape)
    values[random.random(values.shape) < 0.002] = 0
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def microfilmed(image: Image.Image) -> Image.Image:
    """The page as a microfilm shows it: a black frame inside a white edge, a label below, a field in dots of grey."""
    width, height = image.size
    high, edge = height // 8, height // 40
    film = Image.new("L", (width + 4 * edge, height + 3 * high), 255)
    film.paste(0, (edge, edge, film.width - edge, film.height - edge))
    film.paste(image, (2 * edge, 2 * edge))
    dots = np.full((high, width), 255, np.uint8)
    dots[::3, ::3] = dots[1::3, ::3] = 0
    film.paste(Image.fromarray(dots), (2 * edge, 2 * edge + height - high))
    return film


def accuracy(truth: str, reading: str) -> float:
    """Share of true words read right and in order."""
    expected, found = truth.split(), reading.split()
    return 1 - Levenshtein.distance(expected, found) / len(expected)


def uncovered(drawn: Drawn, read: ReadPicture, slack: float = 5.0) -> list[str]:
    """Long words, read once, whose box misses part of what was drawn.

    `slack` in pixels: the drawn box counts the blank beside each letter, 4 pixels after a full stop at 200 dpi.
    """
    missed, compared = [], 0
    for text, box in drawn.words:
        found = [w for w in read.words if w.text.strip(".,:") == text.strip(".,:")]
        if len(text) < 7 or len(found) != 1 or text == "artérielle":  # written twice
            continue
        compared += 1
        x0, y0, x1, y1 = found[0].box
        if x0 > box[0] + slack or y0 > box[1] + slack or x1 < box[2] - slack or y1 < box[3] - slack:
            missed.append(text)
        assert (x1 - x0) < 1.6 * (box[2] - box[0]) + 20, f"the box of {text} spills over its neighbours"
    assert compared >= 30
    return missed
