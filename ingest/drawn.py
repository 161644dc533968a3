"""What a PDF page draws, as far as it tells where text may hide: pictures, invisible text, outlines of letters, ink."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pypdfium2.raw as raw
from numpy.typing import NDArray

from ingest.pdfium import LOCK, Frame, Thing, frame_of, objects_of, pixel_size_of, render_mode_of
from ingest.render import render_pdf_page
from records.content import Box

MOST_OBJECTS = 50_000  # of one page; a map of a town has 200,000 paths and no report has 10,000
DRAFT_DPI = 60.0  # a line of 8-point letters is 7 pixels high: enough to see where ink is
INK = 176  # grey level; pale grey print is 150, a pastel background 220
_UNSEEN = frozenset({raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP})


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on the page: its visible box in page units and its resolution there."""

    box: Box
    dpi: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """Boxes in page units. `outlines` are filled shapes of the size of letters; `unseen` is text drawn invisibly."""

    width: float
    height: float
    pictures: tuple[Picture, ...]
    unseen: tuple[Box, ...]
    outlines: tuple[Box, ...]
    marked: bool  # by an object of any kind


def drawn_on(page: Any) -> Drawn:
    """What a `pypdfium2.PdfPage` draws, Form XObjects included. Takes the lock."""
    pictures: list[Picture] = []
    unseen: list[Box] = []
    outlines: list[Box] = []
    marked = False
    with LOCK:
        frame = frame_of(page)
        for thing in islice(objects_of(page, 8), MOST_OBJECTS):
            is_text = thing.kind == raw.FPDF_PAGEOBJ_TEXT
            is_unseen = is_text and render_mode_of(thing.raw) in _UNSEEN
            if is_text and marked and not is_unseen:
                continue  # most objects of most pages
            box = _shown(thing, frame)
            if box is None:
                continue
            marked = True
            if thing.kind == raw.FPDF_PAGEOBJ_IMAGE:
                pictures.append(Picture(box, _resolution(thing, box)))
            elif is_unseen:
                unseen.append(box)
            elif thing.kind == raw.FPDF_PAGEOBJ_PATH and _letter_sized(box):
                outlines.append(box)
    return Drawn(frame.width, frame.height, tuple(pictures), tuple(unseen), tuple(outlines), marked)


def _shown(thing: Thing, frame: Frame) -> Box | None:
    """The part of the object's box that the page shows, if any."""
    bounds = thing.bounds()
    if bounds is None:
        return None
    box = _placed(bounds, thing.form, frame)
    x0, y0, x1, y1 = max(0.0, box[0]), max(0.0, box[1]), min(frame.width, box[2]), min(frame.height, box[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _placed(bounds: tuple[float, float, float, float], form: Any, frame: Frame) -> Box:
    """The object's box; inside Form XObjects pdfium gives it in the form's own space, so their matrices are applied."""
    if form is None:
        return frame.box(*bounds)
    left, bottom, right, top = bounds
    corners = [(x, y) for x in (left, right) for y in (bottom, top)]
    while form is not None:
        matrix = form.get_matrix()
        corners = [matrix.on_point(x, y) for x, y in corners]
        form = form.container
    across, up = [x for x, _ in corners], [y for _, y in corners]
    return frame.box(min(across), min(up), max(across), max(up))


def _resolution(image: Thing, box: Box) -> float:
    across, down = ctypes.c_uint(), ctypes.c_uint()
    if not pixel_size_of(image.raw, ctypes.byref(across), ctypes.byref(down)):
        return 0.0
    width, height = across.value, down.value
    long_side, long_box = max(width, height), max(box[2] - box[0], box[3] - box[1])
    return 72.0 * long_side / long_box if long_box > 0 else 0.0


def _letter_sized(box: Box) -> bool:
    return 0.5 < box[2] - box[0] < 40 and 3 < box[3] - box[1] < 40


def ink_map(page: Any) -> tuple[NDArray[np.bool_], float]:
    """Where a draft of the page is dark, and the draft's pixels per page unit."""
    rendered = render_pdf_page(page, dpi=DRAFT_DPI, max_side=2000)
    return np.asarray(rendered.image.convert("L")) < INK, rendered.scale


def unexplained(ink: NDArray[np.bool_], scale: float, area: Box, words: Sequence[Box]) -> float:
    """The share of an area's ink that no known word accounts for: 1.0 a scan, near 0.0 a page already read.

    0.0 for an area with next to no ink (one point in 2,000).
    """
    left, top, right, bottom = (round(value * scale) for value in area)
    rest = ink[top:bottom, left:right].copy()
    total = int(rest.sum())
    if total <= rest.size / 2000:
        return 0.0
    for box in words:
        # Three units around: accents, descenders and underlines stand outside the boxes of pdfium.
        x0, y0, x1, y1 = (box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3)
        rows = slice(max(0, round(y0 * scale) - top), max(0, round(y1 * scale) - top))
        rest[rows, max(0, round(x0 * scale) - left) : max(0, round(x1 * scale) - left)] = False
    return int(rest.sum()) / total
