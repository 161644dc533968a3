"""What every user of pdfium in this process shares: one lock, and one way from PDF space to page units.

pdfium is not thread-safe, whatever the document (its own documentation says so): every call, from opening a document
to closing it, is made while holding `LOCK`. It is reentrant, so a function that takes it may call another that does.

    with LOCK:
        frame = frame_of(pdf_page)
        box = frame.box(*textpage.get_charbox(i))     # points, origin at the top left, as the page is displayed
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from records.content import Box

LOCK = RLock()
INT = ctypes.c_int
pointer = ctypes.c_void_p.from_param
"""An address, a number, as `plain` functions take it."""


class Handle(ctypes.c_void_p):
    """What pdfium gives for a thing of its own, as `plain` functions take it. (A c_void_p would come as a number.)"""


def handle_of(typed: Any) -> Any:
    """What `plain` functions take for a handle of pypdfium2; a sixth of a call cheaper to pass than a `Handle`."""
    return pointer(ctypes.cast(typed, ctypes.c_void_p).value)


def plain(function: Any, result: Any) -> Any:
    """A function of pdfium without the types of what it takes: to convert that is half of what a call costs.

    It takes integers of 32 bits, and a `Handle`, `pointer`, array or `byref` for each address: of an address that is
    a bare number, only the lower half would be passed.
    """
    return ctypes.PYFUNCTYPE(result)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_object_of = plain(raw.FPDFPage_GetObject, Handle)
_object_in = plain(raw.FPDFFormObj_GetObject, Handle)
_kind_of = plain(raw.FPDFPageObj_GetType, INT)
_bounds_of = plain(raw.FPDFPageObj_GetBounds, INT)
render_mode_of = plain(raw.FPDFTextObj_GetTextRenderMode, INT)
pixel_size_of = plain(raw.FPDFImageObj_GetImagePixelSize, INT)


def boxed(move: Callable[[Any, Any], tuple[Any, Any]], rectangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rectangles, a row each, around two moved opposite corners of these."""
    (xa, ya), (xb, yb) = move(*rectangles[:, :2].T), move(*rectangles[:, 2:].T)
    return np.column_stack((np.minimum(xa, xb), np.minimum(ya, yb), np.maximum(xa, xb), np.maximum(ya, yb)))


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
        return boxed(self.point, places)


def frame_of(page: Any) -> Frame:
    """The frame of a `pypdfium2.PdfPage`. Hold `LOCK`."""
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right, top, int(page.get_rotation()) % 360)


class Thing(NamedTuple):
    """An object that a page draws: its handle, its kind (FPDF_PAGEOBJ_…), and the Form XObject that it is in."""

    raw: Handle
    kind: int
    form: Any = None  # pypdfium2.PdfObject

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Left, bottom, right, top, in the space of what it is in; None when pdfium cannot tell. Hold `LOCK`."""
        edges = (ctypes.c_float * 4)()
        places = (ctypes.byref(edges, offset) for offset in range(0, 16, 4))
        return tuple(edges) if _bounds_of(self.raw, *places) else None


def objects_of(page: Any, depth: int, form: Any = None) -> Iterator[Thing]:
    """What a `pypdfium2.PdfPage` draws, and the Form XObjects in it to a depth. Hold `LOCK`. Raises PdfiumError.

    pypdfium2's own `get_objects` makes an object with a finalizer of each, which takes four times as long.
    """
    parent = page if form is None else form
    count = (raw.FPDFPage_CountObjects if form is None else raw.FPDFFormObj_CountObjects)(parent)
    get, holder = _object_of if form is None else _object_in, handle_of(parent.raw)
    if count < 0:
        raise pdfium.PdfiumError("Failed to get number of pageobjects.")
    for at in range(count) if form is None else map(ctypes.c_ulong, range(count)):
        handle = get(holder, at)
        kind = _kind_of(handle) if handle else raw.FPDF_PAGEOBJ_UNKNOWN
        if kind == raw.FPDF_PAGEOBJ_UNKNOWN:
            raise pdfium.PdfiumError("Failed to get pageobject.")
        yield Thing(handle, kind, form)
        if kind == raw.FPDF_PAGEOBJ_FORM and depth > 1:
            yield from objects_of(
                page,
                depth - 1,
                pdfium.PdfObject(ctypes.cast(handle, raw.FPDF_PAGEOBJECT), page=page, pdf=page.pdf, container=form),
            )
