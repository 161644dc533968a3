"""Affine maps of the plane, as few as the preparation of a picture needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from records.content import Box


@dataclass(frozen=True, slots=True)
class Affine:
    """(x, y) → (a·x + b·y + c, d·x + e·y + f). The six numbers stand in the order that Pillow's AFFINE takes."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 1.0
    f: float = 0.0

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def box(self, box: Box) -> Box:
        """The upright box around the image of `box`."""
        x0, y0, x1, y1 = box
        corners = [self.point(x, y) for x in (x0, x1) for y in (y0, y1)]
        across, down = [x for x, _ in corners], [y for _, y in corners]
        return min(across), min(down), max(across), max(down)

    def after(self, first: Affine) -> Affine:
        """The map that does `first`, then this one."""
        return Affine(
            self.a * first.a + self.b * first.d,
            self.a * first.b + self.b * first.e,
            self.a * first.c + self.b * first.f + self.c,
            self.d * first.a + self.e * first.d,
            self.d * first.b + self.e * first.e,
            self.d * first.c + self.e * first.f + self.f,
        )

    def coefficients(self) -> tuple[float, float, float, float, float, float]:
        return self.a, self.b, self.c, self.d, self.e, self.f


def unturn(rotation: int, width: float, height: float) -> Affine:
    """From a picture turned by `rotation` degrees counter-clockwise back to the given one of width × height pixels."""
    if rotation == 90:
        return Affine(0, -1, width, 1, 0, 0)
    if rotation == 180:
        return Affine(-1, 0, width, 0, -1, height)
    if rotation == 270:
        return Affine(0, 1, 0, -1, 0, height)
    return Affine()


def straightened(width: float, height: float, degrees: float, scale: float) -> tuple[Affine, tuple[int, int]]:
    """The way back from a picture turned by `degrees` counter-clockwise and grown by `scale`, and its size in pixels.

    The corrected picture is just large enough to hold every corner of the given one.
    """
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    out_width = width * abs(cosine) + height * abs(sine)
    out_height = width * abs(sine) + height * abs(cosine)
    size = max(1, round(out_width * scale)), max(1, round(out_height * scale))
    grow_x, grow_y = out_width / size[0], out_height / size[1]
    centre_x, centre_y, out_x, out_y = width / 2, height / 2, out_width / 2, out_height / 2
    # A point of the result, first shrunk to given pixels, then turned clockwise about the centre (y points down).
    shrink = Affine(grow_x, 0, -out_x, 0, grow_y, -out_y)
    return Affine(cosine, -sine, centre_x, sine, cosine, centre_y).after(shrink), size
