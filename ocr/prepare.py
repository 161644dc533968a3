"""Making a picture easy to read: grey, even background, upright, straight, letters of a size that Tesseract likes.

A picture in, a picture and the way back out. Every correction is affine, so a box found on the prepared picture
returns to the picture as given without guessing. Numpy and Pillow only: OpenCV would weigh 60 MB for what costs a
fifth of a second a page here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ocr.geometry import Affine, straightened, unturn
from ocr.rules import without_rules
from ocr.skew import letter_height, skew_of
from records.content import Box

Grey = NDArray[np.uint8]
Tones = NDArray[Any]
Cells = NDArray[np.bool_]

TARGET_DPI = 300.0
# Height of a line of letters, ascender to descender: 10 points at 300 dpi make 36 here. Between 20 and 44 nothing is
# gained by resizing (typewritten pages of 22, 34 and 36 read no better at 40); above, time is lost (400 dpi → 300
# takes a third of the time off); below, words are.
TARGET_LETTER, SMALLEST_LETTER, LARGEST_LETTER = 36.0, 20.0, 44.0
LARGEST_GROWTH = 4.0
LARGEST_SIDE = 6000  # pixels; a page of A3 at 300 dpi is 4,960
SMALLEST_PAGE = 3.0  # inches; a stated resolution that makes the page smaller than this is not believed
SMOOTH = 1 / 30  # of a line of letters: the radius by which stairs of a fax are smoothed; 8 of 16 rows exact became 16
LEAST_SKEW = 0.2  # degrees; Tesseract follows lines that lean less than this
CELL = 8  # pixels of the reduced picture; 32 of a picture at 300 dpi, about a line of text
FLOOR_OF_PAPER = 0.6
WHITE = 255.0  # what paper is brought to; 240 reads 1 word in a hundred worse on the pages that need it
LIGHT = 210.0  # tone of paper from which an evenly lit page is left alone
KEPT_AROUND_INK, FEWEST_INKED = 3, 4  # cells: the end of a line in a shadow is joined to the edge like a table top
MOST_ISLANDS = 6  # light pieces in a dark surround: the sheet, a facing page, labels; more are letters
DARK = 100.0  # median tone below which light letters stand on a dark ground: screens, labels of radiographs
EVEN = 1.3  # brightest ground over darkest: a flat scan has 1.15, a page by a window 1.6


@dataclass(frozen=True, slots=True)
class Prepared:
    """A grey picture ready to be read, and `back`, which takes its pixels to those of the picture as given.

    rotation  degrees counter-clockwise (0, 90, 180, 270) by which the picture was turned
    skew      degrees counter-clockwise by which it was then straightened
    dpi       the resolution at which letters of this size would be 10 points: what Tesseract's layout analysis wants
    """

    image: Image.Image
    back: Affine
    rotation: int
    skew: float
    dpi: int
    given: tuple[int, int]

    def box_back(self, box: Box) -> Box:
        """The smallest upright box of the given picture that covers `box` of the prepared one, inside the picture."""
        x0, y0, x1, y1 = self.back.box(box)
        width, height = self.given
        return max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1)


def evened(picture: Image.Image, dpi: float | None) -> Image.Image:
    """Grey, at most about 300 dpi, on white paper: what every orientation is tried on. Same shape as the picture."""
    grey = grey_of(picture)
    factor = _first_scale(grey.size, dpi)
    if factor < 1.0:
        size = max(1, round(grey.width * factor)), max(1, round(grey.height * factor))
        grey = grey.resize(size, Image.Resampling.BOX if factor <= 0.5 else Image.Resampling.BICUBIC)
    if float(np.median(np.asarray(grey.reduce(4) if min(grey.size) > 64 else grey))) < DARK:
        grey = ImageOps.invert(grey)
    return flatten(grey)


def turned(even: Image.Image, given: tuple[int, int], rotation: int, *, straighten: bool = True) -> Prepared:
    """`even` (made from a picture of `given` pixels) turned by `rotation`, straightened, its letters brought to size.

    `straighten=False` leaves the lean: only the tests that prove what straightening brings use it.
    """
    upright = even if rotation == 0 else even.transpose(_TURNS[rotation])
    letter = letter_height(upright)
    skew = skew_of(upright) if straighten else 0.0
    if letter is not None and letter >= SMALLEST_LETTER and _in_two_levels(upright):
        upright = upright.filter(ImageFilter.GaussianBlur(letter * SMOOTH))
    skew = skew if abs(skew) >= LEAST_SKEW else 0.0
    scale = _second_scale(upright.size, letter)
    back, size = straightened(*upright.size, skew, scale)
    if skew:
        image = upright.transform(
            size, Image.Transform.AFFINE, back.coefficients(), Image.Resampling.BICUBIC, fillcolor=255
        )
    else:
        image = upright if scale == 1.0 else upright.resize(size, Image.Resampling.BICUBIC)
    tall = (letter or TARGET_LETTER) * scale
    image = without_rules(image, tall)
    shrink = Affine(a=given[0] / even.width, e=given[1] / even.height)
    return Prepared(
        image,
        shrink.after(unturn(rotation, *even.size)).after(back),
        rotation,
        skew,
        round(TARGET_DPI * tall / TARGET_LETTER),
        given,
    )


_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def _in_two_levels(grey: Image.Image) -> bool:
    """Black and white only, as faxes are."""
    tones = grey.histogram()
    return tones[0] + tones[255] >= 0.995 * sum(tones)


def _first_scale(size: tuple[int, int], dpi: float | None) -> float:
    factor = min(1.0, LARGEST_SIDE / max(size))
    if dpi and dpi > TARGET_DPI * 1.1 and min(size) / dpi >= SMALLEST_PAGE:
        factor = min(factor, TARGET_DPI / dpi)
    return factor


def _second_scale(size: tuple[int, int], letter: float | None) -> float:
    if letter is None or SMALLEST_LETTER <= letter <= LARGEST_LETTER:
        return 1.0
    scale = min(LARGEST_GROWTH, TARGET_LETTER / letter)
    return max(0.25, min(scale, LARGEST_SIDE / max(size)))


def grey_of(picture: Image.Image) -> Image.Image:
    """The picture in 8-bit grey, what is transparent shown as white paper."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        solid = picture.convert("RGBA")
        paper = Image.new("RGBA", solid.size, (255, 255, 255, 255))
        paper.alpha_composite(solid)
        return paper.convert("L")
    if picture.mode.startswith("I") or picture.mode == "F":
        return _stretched(picture)
    return picture.convert("L")


def _stretched(picture: Image.Image) -> Image.Image:
    """16-bit and float pictures: `convert` would clip them all to white."""
    values = np.asarray(picture, dtype=np.float64)
    low, high = float(values.min(initial=0.0)), float(values.max(initial=1.0))
    return Image.fromarray(((values - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8))


def flatten(grey: Image.Image) -> Image.Image:
    """The picture without shadows and without what lies around the sheet; an evenly lit one is left as it is.

    The ground is a coarse map of the brightest tone near each point. A shadow is divided out; on an even page that
    would only sharpen the grain (8.7 % of words misread instead of 7.2 on six typewritten pages). Dividing stops at 0.6
    of the paper's own tone: below that it would draw the weave of the cloth under the sheet as ink.
    """
    factor = 4 if min(grey.size) >= 512 else 1
    cells = _cells(np.asarray(grey.reduce(factor) if factor > 1 else grey, dtype=np.uint8))
    bright, dark = np.percentile(cells, 90, axis=2), np.percentile(cells, 5, axis=2)
    paper = float(np.percentile(bright, 60))
    surround = _surround(bright, dark, paper)
    ground = np.maximum(_smooth(np.where(surround, paper, bright)), FLOOR_OF_PAPER * paper)
    low, high = np.percentile(ground, (5, 95))
    if high <= EVEN * low and paper >= LIGHT and not surround.any():
        return grey
    page = np.asarray(grey, dtype=np.float32) * _spread(WHITE / np.maximum(ground, 32.0), grey.size, factor)
    if surround.any():
        page = np.where(_spread(surround.astype(np.float32), grey.size, factor) > 0.5, WHITE, page)
    return Image.fromarray(np.clip(page, 0, 255).astype(np.uint8))


def _cells(small: Grey) -> Grey:
    """The picture cut in cells of CELL × CELL, flattened: (rows, columns, CELL²)."""
    rows, columns = -(-small.shape[0] // CELL), -(-small.shape[1] // CELL)
    padded = np.pad(small, ((0, rows * CELL - small.shape[0]), (0, columns * CELL - small.shape[1])), mode="edge")
    return padded.reshape(rows, CELL, columns, CELL).swapaxes(1, 2).reshape(rows, columns, CELL * CELL)


def _surround(bright: Tones, dark: Tones, paper: float) -> Cells:
    """Cells around the sheet: darker than the paper, joined to an edge, and empty of anything that contrasts.

    The last condition keeps a shadow that falls over text (dark cells with darker ink) and a dark banner with a light
    title (bright islands in it).
    """
    light = bright >= 0.85 * paper
    marked = Image.fromarray(np.where(np.pad(light, 1), 255, 0).astype(np.uint8)).copy()
    ImageDraw.floodfill(marked, (0, 0), 128)
    joined = (np.asarray(marked) == 128)[1:-1, 1:-1]
    inked = joined & (dark < 0.65 * bright)
    if joined.sum() < 4 or inked.sum() > 0.1 * joined.sum() or _islands(marked) > MOST_ISLANDS:
        return np.zeros_like(joined)
    around = sliding_window_view(np.pad(inked, KEPT_AROUND_INK), (2 * KEPT_AROUND_INK + 1,) * 2).sum(axis=(2, 3))
    return _grown(joined & (around < FEWEST_INKED))


def _islands(marked: Image.Image) -> int:
    """How many pieces the light cells (255) make, counted up to one more than is allowed."""
    left = marked.copy()
    count = 0
    while count <= MOST_ISLANDS and (rest := np.argwhere(np.asarray(left) == 255)).size:
        row, column = rest[0]
        ImageDraw.floodfill(left, (int(column), int(row)), 64)
        count += 1
    return count


def _smooth(tones: Tones) -> Tones:
    """Brightest of the neighbours, then their mean: a big letter or a stamp does not count as ground."""
    near = sliding_window_view(np.pad(tones, 2, mode="edge"), (5, 5)).max(axis=(2, 3))
    return np.asarray(sliding_window_view(np.pad(near, 2, mode="edge"), (5, 5)).mean(axis=(2, 3)))


def _spread(cells: Tones, size: tuple[int, int], factor: int) -> NDArray[np.float32]:
    """A value by cell as a value by pixel, interpolated between the centres of the cells."""
    reach = CELL * factor
    grown = Image.fromarray(cells.astype(np.float32)).resize(
        size, Image.Resampling.BILINEAR, box=(0, 0, size[0] / reach, size[1] / reach)
    )
    return np.asarray(grown)


def _grown(cells: Cells) -> Cells:
    """One cell more all around: the edge of the sheet itself reads as a column of bars."""
    return np.asarray(sliding_window_view(np.pad(cells, 1), (3, 3)).any(axis=(2, 3)))
