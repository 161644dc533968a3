"""What every user of pdfium in this process shares: one lock, and one way from PDF space to page units.

pdfium is not thread-safe, whatever the document (its own documentation says so): every call, from opening a document
to closing it, is made while holding `LOCK`. It is reentrant, so a function that takes it may call another that does.

    with LOCK:
        frame = frame_of(pdf_page)
        box = frame.box(*textpage.get_charbox(i))     # points, origin at the top left, as the page is displayed
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
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


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that a page draws: its handle, its kind (FPDF_PAGEOBJ_…), and the Form XObject that it is in."""

    raw: Any
    kind: int
    form: Any = None  # pypdfium2.PdfObject

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Left, bottom, right, top, in the space of what it is in; None when pdfium cannot tell. Hold `LOCK`."""
        left, bottom, right, top = (ctypes.c_float() for _ in range(4))
        if not raw.FPDFPageObj_GetBounds(self.raw, left, bottom, right, top):
            return None
        return left.value, bottom.value, right.value, top.value


def objects_of(page: Any, depth: int, form: Any = None) -> Iterator[Thing]:
    """What a `pypdfium2.PdfPage` draws, and the Form XObjects in it to a depth. Hold `LOCK`. Raises PdfiumError.

    pypdfium2's own `get_objects` makes an object with a finalizer of each, which takes four times as long.
    """
    parent = page if form is None else form
    count = (raw.FPDFPage_CountObjects if form is None else raw.FPDFFormObj_CountObjects)(parent)
    get = raw.FPDFPage_GetObject if form is None else raw.FPDFFormObj_GetObject
    if count < 0:
        raise pdfium.PdfiumError("Failed to get number of pageobjects.")
    for at in range(count):
        handle = get(parent, at)
        kind = raw.FPDFPageObj_GetType(handle) if handle else raw.FPDF_PAGEOBJ_UNKNOWN
        if kind == raw.FPDF_PAGEOBJ_UNKNOWN:
            raise pdfium.PdfiumError("Failed to get pageobject.")
        yield Thing(handle, kind, form)
        if kind == raw.FPDF_PAGEOBJ_FORM and depth > 1:
            yield from objects_of(page, depth - 1, pdfium.PdfObject(handle, page=page, pdf=page.pdf, container=form))
