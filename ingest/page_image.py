"""The picture of one page with boxes drawn on it, from a stored document. Hostile bytes: called in the sandbox."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.pictures import picture_of
from ingest.render import draw_boxes, png_bytes, render_page
from records.content import Box

LONGEST_SIDE = 2000  # pixels: an A4 page at 170 dpi


def page_image(
    data: bytes,
    media_type: str,
    number: int,
    *,
    pictured: Sequence[int] = (),
    text: str = "",
    boxes: Sequence[Box] = (),
) -> bytes:
    """Page `number` as PNG, at most LONGEST_SIDE pixels a side.

    pictured  numbers of the pages that have a picture, in order; another page is its `text`, typeset without boxes:
              they would stand in the wrong places
    """
    source = picture_of(data, media_type, pictured, number) if number in pictured else None
    if source is None:
        return png_bytes(render_page(b"", "text/plain", 1, max_side=LONGEST_SIDE, text=text).image)
    picture = render_page(source.data, source.media_type, source.number, max_side=LONGEST_SIDE)
    return png_bytes(draw_boxes(picture.image, boxes, picture.scale), max_side=LONGEST_SIDE)
