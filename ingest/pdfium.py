"""What every user of pdfium in this process shares: one lock, and one way from PDF space to page units.

pdfium is not thread-safe, whatever the document (its own documentation says so): every call, from opening a document
to closing it, is made while holding `LOCK`. It is reentrant, so a function that takes it may call another that does.

    with LOCK:
        frame = frame_of(pdf_page)
        box = frame.box(*textpage.get_charbox(i))     # points, origin at the top left, as the page is displayed
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from records.content import Box

LOCK = RLock()


@dataclass(frozen=True, slots=True)
class Frame:
    """The visible part of a PDF page: its crop box in PDF space and its rotation (0, 90, 180 or 270, clockwise)."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def width(self) -> float:
        """Width in points as displayed."""
        return self.right - self.left if self.rotation in (0, 180) else self.top - self.bottom

    @property
    def height(self) -> float:
        """Height in points as displayed."""
        return self.top - self.bottom if self.rotation in (0, 180) else self.right - self.left

    def point(self, x: Any, y: Any) -> tuple[Any, Any]:
        """A point of PDF space (origin bottom left, y upwards) in page units (origin top left, y downwards).

        Two numbers, or two arrays of them.
        """
        if self.rotation == 90:
            return y - self.bottom, x - self.left
        if self.rotation == 180:
            return self.right - x, y - self.bottom
        if self.rotation == 270:
            return self.top - y, self.right - x
        return x - self.left, self.top - y

    def box(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle of PDF space as pdfium gives it (left, bottom, right, top), as a box in page units."""
        (xa, ya), (xb, yb) = self.point(left, bottom), self.point(right, top)
        return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)

    def boxes(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """`box` of many rectangles at once, a row each."""
        (xa, ya), (xb, yb) = self.point(*places[:, :2].T), self.point(*places[:, 2:].T)
        return np.column_stack((np.minimum(xa, xb), np.minimum(ya, yb), np.maximum(xa, xb), np.maximum(ya, yb)))



def frame_of(page: Any) -> Frame:
    """The frame of a `pypdfium2.PdfPage`. Hold `LOCK`."""
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right, top, int(page.get_rotation()) % 360)
