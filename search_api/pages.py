"""The picture of one page with boxes drawn on it: where a hit stands, for a reader who wants to see for themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from access.refusal import Refusal
from ingest.sandbox.verdict import ChildLost
from records import readings
from records.blobs import BlobReader
from records.content import Box, Reading
from records.documents import Document
from search_api.desk import NOT_FOUND, PROBLEM, AtDesk
from search_api.documents import found, readable
from search_api.services import Services

router = APIRouter(prefix="/v1", tags=["documents"])
CHUNK = 1024 * 1024
MOST_BOXES = 500

NO_SUCH_PAGE = Refusal("show", "no-such-page", "Ce document n'a pas cette page.", "Vérifiez le nombre de pages.")
NOT_DRAWN = Refusal(
    "show", "page-not-drawn", "Cette page n'a pas pu être dessinée pour l'instant.", "Réessayez dans un instant."
)
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
    quote: Annotated[
        str | None,
        Query(pattern=r"^\d{1,9}-\d{1,9}$", description="début-fin dans le texte de la page : encadre ces mots"),
    ] = None,
) -> Response:
    """Au plus 2000 pixels de côté. Les cadres sont ceux que donnent les passages d'une recherche, ou les mots cités."""
    drawn = parse_boxes(boxes)
    visit = desk.visit(patient_id, "view-page")
    with visit.record() as (tx, scope):
        document = readable(found(tx, scope, document_id))
        reading = readings.load_reading(desk.services.blobs, tx, scope, document.document_id)
    png = _drawn(desk.services, document, reading, number, drawn + boxes_of(reading, number, quote))
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


def boxes_of(reading: Reading | None, number: int, quote: str | None) -> list[Box]:
    """The boxes of the words that "start-end" touches in the text of a page; none when it has none there."""
    page = next((page for page in (reading.pages if reading is not None else ()) if page.number == number), None)
    if page is None or quote is None:
        return []
    start, end = (int(offset) for offset in quote.split("-"))
    touched = (word.box for word in page.words if word.start < end and word.end > start)
    return [box for box in touched if box is not None][:MOST_BOXES]


def _drawn(services: Services, document: Document, reading: Reading | None, number: int, boxes: list[Box]) -> bytes:
    """The page as PNG, drawn in a child of its own: what was deposited may be a trap."""
    pages = reading.pages if reading is not None else ()
    page = next((page for page in pages if page.number == number), None)
    if page is None:
        raise NO_SUCH_PAGE
    pictured = [page.number for page in pages if page.width > 0]
    try:
        with services.blobs.open(document.upload) as source:
            return services.sandbox.draw(
                _chunks(source), document.media_type, number, pictured=pictured, text=page.text, boxes=boxes
            )
    except ChildLost:
        raise NOT_DRAWN from None


def _chunks(source: BlobReader) -> Iterator[bytes]:
    while chunk := source.read(CHUNK):
        yield chunk
