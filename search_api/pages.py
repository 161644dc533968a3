"""The picture of one page with boxes drawn on it: where a hit stands, for a reader who wants to see for themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from access.refusal import Refusal
from ingest.pictures import picture_of
from ingest.render import draw_boxes, png_bytes, render_page
from records import readings
from records.content import Box, Page
from search_api.desk import NOT_FOUND, PROBLEM, AtDesk
from search_api.documents import found, readable

router = APIRouter(prefix="/v1", tags=["documents"])
LONGEST_SIDE = 2000  # pixels: an A4 page at 170 dpi
MOST_BOXES = 500

NO_SUCH_PAGE = Refusal("show", "no-such-page", "Ce document n'a pas cette page.", "Vérifiez le nombre de pages.")
BAD_BOXES = Refusal(
    "show",
    "bad-boxes",
    "Les cadres sont mal écrits.",
    "Écrivez x0,y0,x1,y1 pour chacun, séparés par des points-virgules.",
)


@router.get(
    "/patients/{patient_id}/documents/{document_id}/pages/{number}.png",
    summary="L'image d'une page, cadres dessinés",
    response_class=Response,
    responses={
        **NOT_FOUND,
        400: {**PROBLEM, "description": "cadres mal écrits"},
        200: {"description": "l'image", "content": {"image/png": {}}},
    },
)
def read_page(
    patient_id: str,
    document_id: str,
    number: Annotated[int, Path(ge=1, le=100_000, description="page, à partir de 1")],
    desk: AtDesk,
    boxes: Annotated[str, Query(max_length=20_000, description="x0,y0,x1,y1;… en unités de la page")] = "",
) -> Response:
    """Au plus 2000 pixels de côté. Les cadres sont ceux que donnent les passages d'une recherche."""
    drawn = parse_boxes(boxes)
    visit = desk.visit(patient_id, "view-page")
    with visit.record() as (tx, scope):
        document = readable(found(tx, scope, document_id))
        reading = readings.load_reading(desk.services.blobs, tx, scope, document.document_id)
        data = desk.services.blobs.read(document.upload)
        png = _drawn(data, document.media_type, reading.pages if reading is not None else (), number, drawn)
    visit.granted([document.document_id], detail=f"page {number}")
    return Response(png, media_type="image/png")


def parse_boxes(text: str) -> list[Box]:
    """Boxes of an address; Refusal (400) when one is not four finite numbers in order."""
    boxes: list[Box] = []
    for part in filter(None, text.split(";")):
        try:
            x0, y0, x1, y1 = (float(number) for number in part.split(","))
        except ValueError:
            raise BAD_BOXES from None
        if not all(math.isfinite(side) and abs(side) < 1e6 for side in (x0, y0, x1, y1)) or x1 < x0 or y1 < y0:
            raise BAD_BOXES
        boxes.append((x0, y0, x1, y1))
    if len(boxes) > MOST_BOXES:
        raise BAD_BOXES
    return boxes


def _drawn(data: bytes, media_type: str, pages: Sequence[Page], number: int, boxes: Sequence[Box]) -> bytes:
    """The page as PNG. A page without a picture is typeset, without boxes: they would stand in the wrong places."""
    page = next((page for page in pages if page.number == number), None)
    if page is None:
        raise NO_SUCH_PAGE
    source = picture_of(data, media_type, pages, number) if page.width > 0 else None
    if source is None:
        return png_bytes(render_page(b"", "text/plain", 1, max_side=LONGEST_SIDE, text=page.text).image)
    picture = render_page(source.data, source.media_type, source.number, max_side=LONGEST_SIDE)
    return png_bytes(draw_boxes(picture.image, boxes, picture.scale), max_side=LONGEST_SIDE)
